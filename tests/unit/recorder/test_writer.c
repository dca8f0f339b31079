/*
 * The writer on a real folder: what is asked is done, in order; a file that fails ends alone; a full disk ends all; nothing is overwritten; a queue without
 * room says so. Threads: pthread_create is called by uv_thread_create.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "disk.h"
#include "finish.h"
#include "track_file.h"

#define ID    "0123456789abcdef0123456789abcdef"
#define OTHER "f123456789abcdef0123456789abcdef"
#define NAME  "p1-camera-1.mp4"

/* ---- a disk that refuses, or waits: this stands in front of the C library's ---- */

static atomic_int refuse;       /* errno of every write to a track file, 0: none */
static atomic_long refuse_from; /* of offsets from here on */
static atomic_int stall, stall_finishing;

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    while (atomic_load(&stall))
        usleep(1000);
    int error = atomic_load(&refuse);
    if (error && at >= atomic_load(&refuse_from)) {
        errno = error;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, buf, n, at);
}

/* A file that loses its ".part" is made last by this, and nothing else that these tests do before they write a manifest. */
int fsync(int fd)
{
    while (atomic_load(&stall_finishing))
        usleep(1000);
    return (int)syscall(SYS_fsync, fd);
}

/* ---- */

struct world {
    char path[64];
    int dir_fd;
    atomic_int wakes;
    struct plm_writer *w;
};

static void on_wake(void *arg)
{
    struct world *world = arg;
    atomic_fetch_add(&world->wakes, 1);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    snprintf(world->path, sizeof world->path, "/tmp/plenum-writer-XXXXXX");
    assert_non_null(mkdtemp(world->path));
    world->dir_fd = open(world->path, O_RDONLY | O_DIRECTORY);
    struct plm_writer_config c = {.dir_fd = world->dir_fd,
        .queue_bytes = 1 << 20,
        .reserve_bytes = 4096,
        .wake = on_wake,
        .arg = world};
    atomic_store(&refuse, 0);
    atomic_store(&refuse_from, 0);
    atomic_store(&stall_finishing, 0);
    assert_int_equal(plm_writer_create(&world->w, &c), 0);
    assert_int_equal(plm_writer_make(world->w, ID), 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[128];
    plm_writer_destroy(world->w);
    close(world->dir_fd);
    snprintf(command, sizeof command, "rm -rf '%s'", world->path);
    int rc = system(command);
    free(world);
    return rc;
}

/* The next event that is none about the disk; five seconds at most. */
static struct plm_writer_event next(struct world *world)
{
    struct plm_writer_event e = {0};
    for (int i = 0; i < 5000; i++) {
        if (plm_writer_next_event(world->w, &e) && e.type != PLM_WRITER_DISK)
            return e;
        usleep(1000);
    }
    fail_msg("no event");
    return e;
}

static void expect_lines(struct world *world, unsigned n)
{
    while (n--) {
        struct plm_writer_event e = next(world);
        assert_int_equal(e.type, PLM_WRITER_JOURNALED);
        assert_string_equal(e.id, ID);
    }
}

static plm_writer_file open_file(struct world *world, const char *name)
{
    struct plm_writer_track_config c = track_config(PLM_CODEC_VP9, true);
    return plm_writer_open(world->w, ID, name, &c);
}

static void feed(struct world *world, plm_writer_file file, int64_t from_s, int64_t to_s)
{
    for (int64_t us = from_s * 1000000; us < to_s * 1000000; us += 20000) {
        struct plm_sample s = track_sound(us), p = track_picture(PLM_CODEC_VP9, us, us % 1000000 == 0);
        assert_int_equal(plm_writer_put(world->w, file, &s), 0);
        assert_int_equal(us % 40000 ? 0 : plm_writer_put(world->w, file, &p), 0);
    }
}

static bool exists(const struct world *world, const char *name)
{
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, ID "/%s", name);
    return fstatat(world->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void read_text(const struct world *world, const char *name, char *out, size_t size)
{
    char path[160];
    snprintf(path, sizeof path, ID "/%s", name);
    int fd = openat(world->dir_fd, path, O_RDONLY);
    ssize_t n = read(fd, out, size - 1);
    assert_true(n >= 0);
    out[n] = '\0';
    close(fd);
}

static void check_file(const struct world *world, const char *name, int64_t duration_us)
{
    char path[160];
    struct plm_finish_result r;
    snprintf(path, sizeof path, ID "/%s", name);
    int fd = openat(world->dir_fd, path, O_RDONLY);
    assert_int_equal(plm_finish_check(fd, &r), 0);
    assert_true(r.usable && r.cut_bytes == 0);
    assert_in_range(r.duration_us, duration_us - 50000, duration_us + 50000);
    close(fd);
}

static void test_a_file(void **state)
{
    struct world *world = *state;
    plm_writer_file file = open_file(world, NAME);
    assert_int_not_equal(file, 0);
    feed(world, file, 0, 3);
    plm_writer_close(world->w, file, TRACK_START_US + 3500000);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FINISHED);
    assert_int_equal(e.file, file);
    assert_string_equal(e.id, ID);
    assert_string_equal(e.name, NAME);
    assert_true(e.usable);
    assert_in_range(e.duration_us, 3500000, 3501000);
    assert_true(atomic_load(&world->wakes) > 0);
    assert_false(exists(world, NAME ".part"));
    check_file(world, NAME, 3500000);
    struct plm_writer_stats s;
    plm_writer_stats(world->w, &s);
    assert_int_equal(s.files_open, 0);
    assert_int_equal(s.queued_bytes, 0);
    assert_true(s.fragments >= 3 && s.written_bytes > 1000);
}

/* No sample comes any more, and what came is in the file all the same. */
static void test_a_silent_file_is_cut(void **state)
{
    struct world *world = *state;
    struct plm_writer_stats s;
    plm_writer_file file = open_file(world, NAME);
    struct plm_sample p = track_picture(PLM_CODEC_VP9, 0, true);
    plm_writer_put(world->w, file, &p);
    for (int i = 0; i < 30 && (plm_writer_stats(world->w, &s), s.fragments == 0); i++)
        usleep(100000);
    assert_int_equal(s.fragments, 1);
    assert_true(exists(world, NAME ".part"));
}

static void test_nothing_is_overwritten(void **state)
{
    struct world *world = *state;
    plm_writer_file file = open_file(world, NAME);
    feed(world, file, 0, 1);
    plm_writer_close(world->w, file, 0);
    assert_int_equal(next(world).type, PLM_WRITER_FINISHED);
    file = open_file(world, NAME);
    feed(world, file, 0, 5);
    plm_writer_close(world->w, file, 0);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FAILED);
    assert_int_equal(e.error, -EEXIST);
    assert_false(e.usable);
    check_file(world, NAME, 1000000);
}

static void test_names_are_checked(void **state)
{
    struct world *world = *state;
    struct plm_writer_track_config c = track_config(PLM_CODEC_VP9, true);
    assert_int_equal(plm_writer_open(world->w, ID, "../x.mp4", &c), 0);
    assert_int_equal(plm_writer_open(world->w, "..", NAME, &c), 0);
    assert_int_equal(plm_writer_make(world->w, "../../etc"), PLM_EINVAL);
    assert_int_equal(plm_writer_remove(world->w, "."), PLM_EINVAL);
    /* A link where a file is to be: not followed. */
    char target[80];
    snprintf(target, sizeof target, "%s/elsewhere", world->path);
    assert_int_equal(plm_writer_journal(world->w, ID, "{}", 2), 0);
    expect_lines(world, 1);
    assert_true(exists(world, "journal.jsonl"));
    assert_int_equal(symlinkat(target, world->dir_fd, ID "/" NAME ".part"), 0);
    plm_writer_file file = open_file(world, NAME);
    assert_int_equal(next(world).type, PLM_WRITER_FAILED);
    plm_writer_close(world->w, file, 0);
    assert_int_not_equal(access(target, F_OK), 0);
}

static void test_an_empty_file_goes(void **state)
{
    struct world *world = *state;
    plm_writer_file file = open_file(world, NAME);
    plm_writer_close(world->w, file, 0);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FINISHED);
    assert_false(e.usable);
    assert_false(exists(world, NAME));
    assert_false(exists(world, NAME ".part"));
}

/* EIO in one file: it ends at its last whole fragment; the others go on. */
static void test_a_write_error(void **state)
{
    struct world *world = *state;
    plm_writer_file bad = open_file(world, NAME);
    feed(world, bad, 0, 3);
    struct plm_writer_stats s;
    do {
        usleep(1000);
        plm_writer_stats(world->w, &s);
    } while (s.queued_bytes);
    atomic_store(&refuse_from, (long)s.written_bytes);
    atomic_store(&refuse, EIO);
    feed(world, bad, 3, 5);
    struct plm_writer_event e = next(world); /* finishing appends, so it fails too */
    assert_int_equal(e.type, PLM_WRITER_FAILED);
    assert_int_equal(e.error, -EIO);
    assert_false(e.usable);
    assert_int_equal(e.file, bad);
    atomic_store(&refuse, 0);
    feed(world, bad, 5, 6); /* goes nowhere, and harms nothing */
    plm_writer_file good = open_file(world, "p2-camera-1.mp4");
    feed(world, good, 0, 2);
    plm_writer_close(world->w, good, 0);
    assert_int_equal(next(world).type, PLM_WRITER_FINISHED);
    /* What could not be finished then can be now. */
    assert_int_equal(plm_writer_repair(world->w, ID), 0);
    e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FINISHED);
    assert_int_equal(e.file, 0);
    assert_string_equal(e.name, NAME);
    assert_true(e.usable);
    assert_string_equal(next(world).name, "p2-camera-1.mp4");
    assert_int_equal(next(world).type, PLM_WRITER_REPAIRED);
    check_file(world, NAME, 2000000); /* the third second was not cut yet */
}

static void wait_for_fragments(struct world *world, uint64_t n)
{
    struct plm_writer_stats s;
    for (int i = 0; i < 5000 && (plm_writer_stats(world->w, &s), s.fragments < n); i++)
        usleep(1000);
    assert_true(s.fragments >= n);
}

static void leave_part(const struct world *world, const char *name)
{
    struct track_file t;
    char path[160];
    track_file_make(&t, PLM_CODEC_VP9, true, 2);
    snprintf(path, sizeof path, ID "/%s.part", name);
    int fd = openat(world->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, t.octets.data, t.octets.len), t.octets.len);
    close(fd);
    track_file_free(&t);
}

/* The finishing thread is busy for long, and the recording goes on meanwhile: what is written then is none of the repair's business. */
static void test_a_repair_that_waits(void **state)
{
    struct world *world = *state;
    plm_writer_file before = open_file(world, NAME);
    feed(world, before, 0, 2);
    atomic_store(&stall_finishing, 1);
    plm_writer_close(world->w, before, 0);
    wait_for_fragments(world, 2);
    leave_part(world, "p2-camera-1.mp4");
    assert_int_equal(plm_writer_repair(world->w, ID), 0);
    plm_writer_file after = open_file(world, "p2-camera-2.mp4");
    feed(world, after, 0, 3);
    wait_for_fragments(world, 4);
    atomic_store(&stall_finishing, 0);
    assert_int_equal(next(world).file, before);
    bool repaired = false;
    for (struct plm_writer_event e; (e = next(world)).type != PLM_WRITER_REPAIRED;) {
        assert_string_not_equal(e.name, "p2-camera-2.mp4");
        repaired |= e.usable && !e.file && !strcmp(e.name, "p2-camera-1.mp4");
    }
    assert_true(repaired && exists(world, "p2-camera-2.mp4.part"));
    feed(world, after, 3, 6);
    plm_writer_close(world->w, after, 0);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FINISHED);
    assert_int_equal(e.file, after);
    check_file(world, "p2-camera-1.mp4", 2000000);
    check_file(world, "p2-camera-2.mp4", 6000000);
}

/* ENOSPC in one file ends all of them, and room is made for finishing. */
static void test_a_full_disk(void **state)
{
    struct world *world = *state;
    plm_writer_file a = open_file(world, NAME), b = open_file(world, "p2-camera-1.mp4");
    feed(world, a, 0, 2);
    feed(world, b, 0, 2);
    struct plm_writer_stats s;
    do {
        usleep(1000);
        plm_writer_stats(world->w, &s);
    } while (s.queued_bytes);
    atomic_store(&refuse, ENOSPC);
    feed(world, a, 2, 3);
    struct plm_writer_event e = {0}, first, second;
    bool stop = false;
    for (int i = 0; i < 5000 && !stop; i++) {
        if (plm_writer_next_event(world->w, &e))
            stop = e.type == PLM_WRITER_DISK && e.level == PLM_DISK_STOP;
        usleep(1000);
    }
    assert_true(stop);
    assert_int_not_equal(faccessat(world->dir_fd, PLM_DISK_RESERVE, F_OK, 0), 0);
    atomic_store(&refuse, 0);
    first = next(world);
    second = next(world);
    assert_int_equal(first.type, PLM_WRITER_FAILED);
    assert_int_equal(second.type, PLM_WRITER_FAILED);
    assert_int_equal(first.error, -ENOSPC);
    assert_int_equal(second.error, -ENOSPC);
    plm_writer_file c = open_file(world, "p3-camera-1.mp4");
    e = next(world); /* what room is left is for finishing */
    assert_int_equal(e.file, c);
    assert_int_equal(e.error, -ENOSPC);
}

static void test_the_queue(void **state)
{
    struct world *world = *state;
    static uint8_t big[100000];
    plm_writer_file file = open_file(world, NAME);
    struct plm_sample p = track_picture(PLM_CODEC_VP9, 0, true), s = track_sound(0);
    int pictures = 0, packets = 0;
    p.data = big;
    p.len = sizeof big;
    plm_writer_put(world->w, file, &s);
    usleep(100000);
    atomic_store(&stall, 1);
    file = open_file(world, "p2-camera-1.mp4"); /* the thread hangs in its head */
    for (; pictures < 100 && plm_writer_put(world->w, file, &p) == 0; pictures++)
        p.time_us += 40000;
    assert_in_range(pictures, 8, 9); /* seven eighths of a mebibyte */
    while (plm_writer_put(world->w, file, &s) == 0)
        packets++;
    assert_true(packets > 100);
    assert_int_equal(plm_writer_put(world->w, file, &s), PLM_EFULL);
    plm_writer_close(world->w, file, 0); /* is taken all the same */
    atomic_store(&stall, 0);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FINISHED);
    struct plm_writer_stats stats;
    plm_writer_stats(world->w, &stats);
    assert_true(stats.refused >= 2 && stats.queued_bytes_max <= 1 << 20);
}

static void test_journal_and_manifest(void **state)
{
    struct world *world = *state;
    char text[256];
    plm_writer_journal(world->w, ID, "{\"type\":\"recording\"}", 20);
    plm_writer_journal(world->w, ID, "{\"type\":\"end\"}", 14);
    plm_writer_manifest(world->w, ID, "{}", 2);
    expect_lines(world, 2);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FINISHED);
    assert_string_equal(e.name, "manifest.json");
    read_text(world, "journal.jsonl", text, sizeof text);
    assert_string_equal(text, "{\"type\":\"recording\"}\n{\"type\":\"end\"}\n");
    read_text(world, "manifest.json", text, sizeof text);
    assert_string_equal(text, "{}");
    /* A crash tore the last line: the next one begins a line of its own. */
    char path[160];
    snprintf(path, sizeof path, "%s/" ID "/journal.jsonl", world->path);
    FILE *f = fopen(path, "a");
    fputs("{\"type\":\"ga", f);
    fclose(f);
    plm_writer_journal(world->w, ID, "{}", 2);
    plm_writer_manifest(world->w, ID, "{\"a\":1}", 7);
    expect_lines(world, 1);
    next(world);
    read_text(world, "journal.jsonl", text, sizeof text);
    assert_string_equal(text, "{\"type\":\"recording\"}\n{\"type\":\"end\"}\n{\"type\":\"ga\n{}\n");
    read_text(world, "manifest.json", text, sizeof text);
    assert_string_equal(text, "{\"a\":1}");
}

/* Each line has its own answer, in their order. */
static void test_a_line_that_fails(void **state)
{
    struct world *world = *state;
    assert_int_equal(plm_writer_journal(world->w, ID, "{}", 2), 0);
    expect_lines(world, 1);
    assert_int_equal(plm_writer_journal(world->w, OTHER, "{}", 2), 0); /* its folder is not there */
    assert_int_equal(plm_writer_journal(world->w, ID, "{}", 2), 0);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_FAILED);
    assert_string_equal(e.id, OTHER);
    assert_string_equal(e.name, PLM_RECORDING_JOURNAL);
    assert_int_equal(e.error, -ENOENT);
    expect_lines(world, 1);
}

static void test_remove(void **state)
{
    struct world *world = *state;
    plm_writer_file file = open_file(world, NAME);
    feed(world, file, 0, 2);
    plm_writer_journal(world->w, ID, "{}", 2);
    plm_writer_remove(world->w, ID); /* what is still written ends first */
    expect_lines(world, 1);
    assert_int_equal(next(world).type, PLM_WRITER_FINISHED);
    struct plm_writer_event e = next(world);
    assert_int_equal(e.type, PLM_WRITER_REMOVED);
    assert_int_equal(e.error, 0);
    assert_int_not_equal(faccessat(world->dir_fd, ID, F_OK, 0), 0);
    plm_writer_close(world->w, file, 0);
    plm_writer_remove(world->w, ID); /* gone is gone */
    assert_int_equal(next(world).error, 0);
}

/* What is open when the writer is destroyed is finished. */
static void test_destroy_finishes(void **state)
{
    struct world *world = *state;
    struct plm_writer_config c = {.dir_fd = world->dir_fd, .reserve_bytes = 4096};
    feed(world, open_file(world, NAME), 0, 2);
    feed(world, open_file(world, "p2-camera-1.mp4"), 0, 3);
    plm_writer_destroy(world->w);
    check_file(world, NAME, 2000000);
    check_file(world, "p2-camera-1.mp4", 3000000);
    assert_int_equal(plm_writer_create(&world->w, &c), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_a_file), TEST(test_a_silent_file_is_cut),
        TEST(test_nothing_is_overwritten), TEST(test_names_are_checked), TEST(test_an_empty_file_goes),
        TEST(test_a_write_error), TEST(test_a_repair_that_waits), TEST(test_a_full_disk),
        TEST(test_the_queue), TEST(test_journal_and_manifest), TEST(test_a_line_that_fails),
        TEST(test_remove), TEST(test_destroy_finishes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
