/*
 * Finishing: whole files, files cut at every octet, and finishing itself stopped at every octet that it writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "finish.h"
#include "track_file.h"

/* ---- a disk that stops: these stand in front of the C library's ---- */

static long octets_left = -1, calls_left = -1; /* -1: no limit */
static long octets_written, calls_made;

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    if (octets_left == 0 || calls_left == 0) {
        errno = EIO;
        return -1;
    }
    if (octets_left > 0 && n > (size_t)octets_left)
        n = (size_t)octets_left;
    ssize_t done = syscall(SYS_pwrite64, fd, buf, n, at);
    octets_left -= octets_left > 0 ? done : 0;
    octets_written += done;
    calls_left -= calls_left > 0;
    calls_made++;
    return done;
}

int ftruncate(int fd, off_t size)
{
    if (octets_left == 0 || calls_left == 0) {
        errno = EIO;
        return -1;
    }
    calls_left -= calls_left > 0;
    calls_made++;
    return (int)syscall(SYS_ftruncate, fd, size);
}

int fdatasync(int fd)
{
    (void)fd;
    if (octets_left == 0 || calls_left == 0) {
        errno = EIO;
        return -1;
    }
    calls_left -= calls_left > 0;
    calls_made++;
    return 0;
}

/* ---- */

struct content {
    uint8_t *data;
    size_t len;
};

static struct content read_all(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    struct content c = {malloc((size_t)st.st_size + 1), (size_t)st.st_size};
    assert_int_equal(pread(fd, c.data, c.len, 0), c.len);
    return c;
}

static void assert_same(int fd, const struct content *want)
{
    struct content have = read_all(fd);
    assert_int_equal(have.len, want->len);
    assert_memory_equal(have.data, want->data, want->len);
    free(have.data);
}

static const struct kind {
    enum plm_codec video;
    bool sound;
} kinds[] = {{PLM_CODEC_VP9, true}, {PLM_CODEC_H264, true}, {PLM_CODEC_AV1, false}, {PLM_CODEC_NONE, true},
    {PLM_CODEC_VP8, true}, {PLM_CODEC_VP8, false}};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static void check_finished(
    const struct track_file *t, const struct kind *k, const struct plm_finish_result *want)
{
    struct plm_finish_result r;
    assert_int_equal(plm_finish_check(t->fd, &r), 0);
    assert_true(r.usable);
    assert_int_equal(r.picture, k->video != PLM_CODEC_NONE);
    assert_int_equal(r.sound, k->sound);
    assert_in_range(r.duration_us, want->duration_us - 1000, want->duration_us);
    assert_int_equal(r.bytes, want->bytes);
    assert_int_equal(r.cut_bytes, 0);
}

static void test_whole_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KINDS; i++) {
        struct track_file t;
        struct plm_finish_result r, again, looked;
        track_file_make(&t, kinds[i].video, kinds[i].sound, 5);
        track_file_write(&t, t.octets.len);
        assert_int_equal(plm_finish_check(t.fd, &looked), 0);
        struct content before = read_all(t.fd);
        assert_int_equal(before.len, t.octets.len); /* looking changes nothing */
        assert_memory_equal(before.data, t.octets.data, before.len);
        assert_int_equal(plm_finish(t.fd, 5500000, &r), 0);
        assert_true(r.usable);
        assert_int_equal(r.fragments, t.n_ends - 1);
        assert_int_equal(r.cut_bytes, 0);
        assert_int_equal(looked.fragments, r.fragments);
        assert_in_range(
            r.duration_us, kinds[i].video ? 5500000 : 5000000, kinds[i].video ? 5501000 : 5001000);
        check_finished(&t, &kinds[i], &r);
        struct content done = read_all(t.fd);
        assert_int_equal(done.len, r.bytes);
        assert_int_equal(plm_finish(t.fd, 9000000, &again), 0); /* finished once is finished */
        assert_true(again.usable);
        assert_same(t.fd, &done);
        free(before.data);
        free(done.data);
        track_file_free(&t);
    }
}

/* Held until the end, or shown as long as the picture before it. */
static void test_last_picture(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KINDS; i++) {
        struct track_file t;
        struct plm_finish_result r;
        if (kinds[i].video == PLM_CODEC_NONE)
            continue;
        track_file_make(&t, kinds[i].video, kinds[i].sound, 3);
        track_file_write(&t, t.octets.len);
        assert_int_equal(plm_finish(t.fd, 0, &r), 0);
        assert_in_range(r.duration_us, 3000000, 3001000);
        track_file_write(&t, t.octets.len);
        assert_int_equal(plm_finish(t.fd, 60000000, &r), 0);
        assert_in_range(r.duration_us, 60000000, 60001000);
        track_file_write(&t, t.octets.len);
        assert_int_equal(plm_finish(t.fd, 1000, &r), 0); /* an end before the last picture is none */
        assert_in_range(r.duration_us, 3000000, 3001000);
        track_file_free(&t);
    }
}

/* How many fragments are whole in the first len octets. */
static unsigned whole(const struct track_file *t, size_t len)
{
    unsigned n = 0;
    while (n < t->n_ends && t->ends[n] <= len)
        n++;
    return n ? n - 1 : 0;
}

static void check_cut(struct track_file *t, const struct kind *k, size_t len, size_t garbage)
{
    static const uint8_t zeros[512];
    struct plm_finish_result r;
    unsigned n = whole(t, len);
    track_file_write(t, len);
    assert_int_equal(pwrite(t->fd, zeros, garbage, (off_t)len), garbage);
    int rc = plm_finish(t->fd, 0, &r);
    if (n == 0) {
        struct content left = read_all(t->fd);
        assert_false(r.usable);
        assert_true(rc == 0 || rc == PLM_EINVAL);
        assert_int_equal(left.len, len + garbage); /* untouched */
        free(left.data);
        return;
    }
    assert_int_equal(rc, 0);
    assert_true(r.usable);
    assert_int_equal(r.fragments, n);
    assert_int_equal(r.cut_bytes, len + garbage - t->ends[n]);
    assert_in_range(
        r.duration_us, t->until_us[n] - TRACK_PICTURE_US, t->until_us[n] + TRACK_PICTURE_US + 1000);
    check_finished(t, k, &r);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KINDS; i++) {
        struct track_file t;
        track_file_make(&t, kinds[i].video, kinds[i].sound, 3);
        for (size_t len = 0; len <= t.octets.len; len++)
            check_cut(&t, &kinds[i], len, 0);
        /* A power cut leaves octets that were never written. Those that make up a whole fragment nobody could tell. */
        for (size_t len = 1; len <= t.octets.len; len += 7)
            if (len == t.octets.len || len + len % 512 < t.ends[whole(&t, len) + 1])
                check_cut(&t, &kinds[i], len, len % 512);
        track_file_free(&t);
    }
}

/* The file was stopped on its way: it can be finished to the same end. */
static void check_stopped(struct track_file *t, const struct kind *k, const struct content *done, int rc,
    const struct plm_finish_result *want)
{
    struct plm_finish_result r;
    octets_left = calls_left = -1;
    assert_true(rc == -EIO || rc == 0);
    assert_int_equal(plm_finish_check(t->fd, &r), 0);
    assert_true(r.usable);
    assert_int_equal(plm_finish(t->fd, 0, &r), 0);
    assert_same(t->fd, done);
    check_finished(t, k, want);
}

static void test_stopped_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KINDS; i++) {
        struct track_file t;
        struct plm_finish_result want, r;
        track_file_make(&t, kinds[i].video, kinds[i].sound, 3);
        size_t torn = t.octets.len - 5; /* inside the last fragment */
        track_file_write(&t, torn);
        octets_written = calls_made = 0;
        assert_int_equal(plm_finish(t.fd, 0, &want), 0);
        long n_octets = octets_written, n_calls = calls_made;
        struct content done = read_all(t.fd);
        assert_true(n_octets > 16 && n_calls >= 5);
        for (long n = 0; n < n_octets; n++) {
            track_file_write(&t, torn);
            octets_left = n;
            check_stopped(&t, &kinds[i], &done, plm_finish(t.fd, 0, &r), &want);
        }
        for (long n = 0; n < n_calls; n++) {
            track_file_write(&t, torn);
            calls_left = n;
            check_stopped(&t, &kinds[i], &done, plm_finish(t.fd, 0, &r), &want);
        }
        free(done.data);
        track_file_free(&t);
    }
}

/* Beyond 4 GiB offsets take 64 bits; the file has holes. */
static void test_large_offsets(void **state)
{
    (void)state;
    const uint32_t mdat_size = 0x60000000;
    struct track_file t;
    struct plm_finish_result r;
    track_file_make(&t, PLM_CODEC_VP9, true, 4);
    /* Each fragment's mdat grows to 1.5 GiB; its samples stay at its start. */
    uint64_t at = t.ends[0];
    track_file_write(&t, t.ends[0]);
    for (unsigned n = 1; n < t.n_ends; n++) {
        const uint8_t *fragment = t.octets.data + t.ends[n - 1];
        size_t len = t.ends[n] - t.ends[n - 1];
        uint32_t moof = (uint32_t)fragment[0] << 24 | (uint32_t)fragment[1] << 16 |
                        (uint32_t)fragment[2] << 8 | fragment[3];
        const uint8_t size[4] = {
            mdat_size >> 24, mdat_size >> 16 & 0xff, mdat_size >> 8 & 0xff, mdat_size & 0xff};
        assert_int_equal(pwrite(t.fd, fragment, len, (off_t)at), len);
        assert_int_equal(pwrite(t.fd, size, 4, (off_t)(at + moof)), 4);
        at += moof + mdat_size;
        assert_int_equal(ftruncate(t.fd, (off_t)at), 0);
    }
    assert_true(at > UINT32_MAX);
    assert_int_equal(plm_finish(t.fd, 0, &r), 0);
    assert_int_equal(r.fragments, t.n_ends - 1);
    assert_true(r.bytes > at);
    check_finished(&t, &(struct kind){PLM_CODEC_VP9, true}, &r);
    track_file_free(&t);
}

static void test_not_ours(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "hello, world",
        "\0\0\0\x10"
        "ftypisom\0\0\0\0\0\0\0\x10moov",
        "\x1a\x45\xdf\xa3\x80",
        "\0\0\0\x08"
        "ftyp"};
    static const size_t lens[] = {0, 1, 12, 24, 5, 8};
    struct plm_finish_result r;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        int fd = memfd_create("x", MFD_CLOEXEC);
        assert_int_equal(pwrite(fd, texts[i], lens[i], 0), lens[i]);
        assert_int_equal(plm_finish(fd, 0, &r), PLM_EINVAL);
        assert_false(r.usable);
        close(fd);
    }
}

/* A finished file in which samples lie outside, or that lost its end, is found out. */
static void test_damage_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KINDS; i++) {
        struct track_file t;
        struct plm_finish_result r;
        track_file_make(&t, kinds[i].video, kinds[i].sound, 3);
        track_file_write(&t, t.octets.len);
        assert_int_equal(plm_finish(t.fd, 0, &r), 0);
        uint64_t bytes = r.bytes;
        assert_int_equal(ftruncate(t.fd, (off_t)bytes - 1), 0);
        /* Its end is gone, but not its fragments: it would be finished anew. */
        assert_int_equal(plm_finish_check(t.fd, &r), 0);
        assert_true(r.cut_bytes > 0);
        assert_int_equal(plm_finish(t.fd, 0, &r), 0);
        assert_int_equal(r.bytes, bytes);
        check_finished(&t, &kinds[i], &r);
        track_file_free(&t);
    }
    struct track_file t;
    struct plm_finish_result r;
    track_file_make(&t, PLM_CODEC_VP9, true, 3);
    track_file_write(&t, t.octets.len);
    assert_int_equal(plm_finish(t.fd, 0, &r), 0);
    struct content c = read_all(t.fd);
    unsigned found = 0, tables = 0;
    for (size_t at = t.octets.len; at + 20 < c.len; at++) {
        if (memcmp(c.data + at, "stco", 4) != 0 && memcmp(c.data + at, "stsz", 4) != 0)
            continue;
        uint8_t was = c.data[at + 12], bad = 0x7f;
        assert_int_equal(pwrite(t.fd, &bad, 1, (off_t)at + 12), 1);
        found += plm_finish_check(t.fd, &r) == PLM_EINVAL && !r.usable;
        assert_int_equal(pwrite(t.fd, &was, 1, (off_t)at + 12), 1);
        tables++;
    }
    assert_int_equal(tables, 4);
    assert_int_equal(found, tables);
    free(c.data);
    track_file_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_last_picture),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_stopped_anywhere),
        cmocka_unit_test(test_large_offsets),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
