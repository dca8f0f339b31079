/* What is captured of transports: headers, never payloads, in a file that others can read; logs whose decisions can be made again. */
#include "worker_world.h"

#include "../../fakes/pcapng.h"
#include "alloc_log.h"
#include "bwe_log.h"
#include "capture_file.h"
#include "capture_thread.h"

#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (16u << 20)

static struct {
    struct plm_capture_file file;
    uint8_t octets[FILE_MAX];
    size_t len;
    bool fails;
} made;

static bool keep(void *arg, const void *data, size_t len)
{
    (void)arg;
    if (made.fails)
        return false;
    assert_true(made.len + len <= FILE_MAX);
    memcpy(made.octets + made.len, data, len);
    made.len += len;
    return true;
}

static void begin_file(uint64_t max)
{
    memset(&made, 0, sizeof made);
    made.file = (struct plm_capture_file){
        .write = keep, .max = max, .unix_offset_us = 1700000000000000, .port = 3478};
    plm_capture_file_begin(&made.file);
}

/* As a ring would hand it on: in one piece, aligned. */
static bool to_file(struct world *w, const void *head, size_t head_len, const void *body, size_t body_len)
{
    uint8_t *frame = malloc(head_len + body_len);
    (void)w;
    memcpy(frame, head, head_len);
    if (body_len)
        memcpy(frame + head_len, body, body_len);
    plm_capture_file_frame(&made.file, frame, head_len + body_len);
    free(frame);
    return true;
}

/* Two seconds of a picture from one to the other, whose receiver tells what came. @return what the receiver got */
static void meet(struct world *w)
{
    struct peer *ada = add_publisher(w, 1), *bob = add_receiver(w, 2);
    connect_peer(ada);
    connect_peer(bob);
    ada->video_seq = 100;
    for (unsigned i = 0; i < 60; i++) {
        ada->video_ts += 3000;
        ada->video_seq++;
        send_frame(ada, ada->video_seq, ada->video_ts, (uint16_t)i, i % 20 == 0);
        run_for(w, 33333);
    }
    assert_true(bob->rtp >= 50);
}

/** What a file says of each transport. */
struct found {
    unsigned interfaces, in[4], out[4], rtcp[4], allocations[4], lost;
    uint8_t estimator[4][65536];
    size_t estimator_len[4];
    uint64_t first_us, last_us;
};

static void look_at_packet(struct found *f, const struct pcapng_block *b)
{
    bool rtcp = b->data[1] >= 192 && b->data[1] <= 223;
    const uint8_t *udp = b->ip + 20;
    assert_int_equal(b->ip[0], 0x45);
    assert_int_equal(b->ip[2] << 8 | b->ip[3], b->full + 28);
    assert_int_equal(udp[4] << 8 | udp[5], b->full + 8);
    /* Peers are 192.0.2.x:4000, we are port 3478. */
    assert_memory_equal(b->ip + (b->outgoing ? 16 : 12), ((uint8_t[]){192, 0, 2}), 3);
    assert_int_equal(udp[b->outgoing ? 2 : 0] << 8 | udp[b->outgoing ? 3 : 1], 4000);
    assert_int_equal(udp[b->outgoing ? 0 : 2] << 8 | udp[b->outgoing ? 1 : 3], 3478);
    assert_int_equal(b->data[0] >> 6, 2);
    assert_true(b->interface < 2);
    f->first_us = f->first_us ? f->first_us : b->at_us;
    assert_true(b->at_us >= f->last_us);
    f->last_us = b->at_us;
    if (rtcp) {
        assert_int_equal(b->len, b->full);
        f->rtcp[b->interface]++;
        return;
    }
    /* The header and its extensions, and not one octet of the 900 behind it. */
    assert_true(b->len >= 12 && b->len <= 60);
    assert_true(b->full >= b->len);
    if (!b->outgoing) {
        assert_int_equal(b->len, 24);
        assert_int_equal(b->full, 924);
        f->in[b->interface]++;
    } else {
        f->out[b->interface]++;
    }
}

static void look_at_log(struct found *f, const struct pcapng_block *b)
{
    struct plm_alloc_replay again;
    if (b->what == 'L') {
        f->lost += pcapng_u32(b->data);
        return;
    }
    assert_true(b->interface < 2);
    if (b->what == 'A') {
        assert_int_equal(plm_alloc_log_replay(b->data, b->len, &again), 0);
        assert_int_equal(again.differing, 0);
        f->allocations[b->interface]++;
        return;
    }
    assert_int_equal(b->what, 'E');
    assert_true(f->estimator_len[b->interface] + b->len <= sizeof f->estimator[0]);
    memcpy(f->estimator[b->interface] + f->estimator_len[b->interface], b->data, b->len);
    f->estimator_len[b->interface] += b->len;
}

static void read_file(const uint8_t *octets, size_t len, struct found *f)
{
    struct pcapng r = {octets, len, false};
    struct pcapng_block b;
    memset(f, 0, sizeof *f);
    while (pcapng_next(&r, &b)) {
        if (b.type == PCAPNG_INTERFACE)
            f->interfaces++;
        else if (b.type == PCAPNG_PACKET)
            look_at_packet(f, &b);
        else if (b.type == PCAPNG_CUSTOM)
            look_at_log(f, &b);
    }
    assert_false(r.bad);
}

static struct found found;

static void headers_and_decisions_are_captured(void **state)
{
    struct world *w = *state;
    struct plm_bwe_replay replayed;
    begin_file(FILE_MAX);
    w->on_capture = to_file;
    meet(w);
    unsigned got = w->peers[1].rtp;
    run_for(w, 1100000); /* the estimator's log is handed on each second */
    read_file(made.octets, made.len, &found);
    assert_int_equal(found.interfaces, 2);
    assert_int_equal(found.in[0], 60);
    assert_int_equal(found.out[0], 0);
    assert_in_range(found.out[1], got, got + 5);          /* padding that it does not count */
    assert_true(found.rtcp[0] > 10 && found.rtcp[1] > 2); /* feedback to one, reports to the other */
    assert_in_range(found.last_us - found.first_us, 1900000, 3300000);
    assert_in_range(found.first_us, 1700000000000000, 1700000010000000);
    assert_true(found.allocations[1] >= 4);
    assert_int_equal(found.allocations[0] + found.estimator_len[0], 0);
    assert_int_equal(
        plm_bwe_log_replay(found.estimator[1], found.estimator_len[1], &replayed, NULL, NULL), 0);
    assert_int_equal(replayed.differing, 0);
    assert_int_equal(found.lost, 0);
    plm_capture_file_end(&made.file);
}

static void nobody_else_is_captured(void **state)
{
    struct world *w = *state;
    begin_file(FILE_MAX);
    size_t empty = made.len;
    meet(w);
    assert_int_equal(made.len, empty);
    plm_capture_file_end(&made.file);
}

/* A full file ends with a whole block, wherever it ends. */
static void the_file_is_bounded(void **state)
{
    struct world *w = *state;
    begin_file(10000);
    w->on_capture = to_file;
    meet(w);
    assert_true(made.file.ended);
    assert_in_range(made.len, 9000, 10000);
    read_file(made.octets, made.len, &found);
    assert_true(found.in[0] > 0);
    plm_capture_file_end(&made.file);
}

static void a_failing_disk_ends_it(void **state)
{
    struct plm_capture_head head = {.kind = PLM_CAPTURE_LOST, .len = 3};
    (void)state;
    begin_file(FILE_MAX);
    made.fails = true;
    to_file(NULL, &head, sizeof head, NULL, 0);
    assert_true(made.file.ended);
    made.fails = false;
    size_t len = made.len;
    to_file(NULL, &head, sizeof head, NULL, 0);
    assert_int_equal(made.len, len);
    plm_capture_file_end(&made.file);
}

/* ---- the thread ---- */

static char *read_whole(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *octets = malloc(FILE_MAX);
    assert_non_null(f);
    *len = fread(octets, 1, FILE_MAX, f);
    fclose(f);
    return octets;
}

static void fill(struct plm_capture_thread *c, unsigned frames)
{
    struct plm_capture_head head = {.kind = PLM_CAPTURE_TRANSPORT, .transport = 9};
    const struct plm_capture_who who = {3, 4};
    uint8_t rtp[1000] = {0x80, 96};
    assert_int_equal(plm_addr_parse(&head.peer, "192.0.2.7:4000"), 0);
    assert_true(plm_capture_thread_put(c, 1, &head, sizeof head, &who, sizeof who));
    head.kind = PLM_CAPTURE_PACKET;
    head.len = 1000;
    for (unsigned i = 0; i < frames; i++) {
        head.at_us = i;
        plm_capture_thread_put(c, 1, &head, sizeof head, rtp, 24);
    }
}

static void check_file(const char *path, unsigned least, unsigned all)
{
    size_t len;
    char *octets = read_whole(path, &len);
    struct pcapng r = {(const uint8_t *)octets, len, false};
    struct pcapng_block b;
    unsigned packets = 0, lost = 0;
    while (pcapng_next(&r, &b)) {
        packets += b.type == PCAPNG_PACKET;
        lost += b.type == PCAPNG_CUSTOM ? pcapng_u32(b.data) : 0;
        if (b.type == PCAPNG_INTERFACE)
            assert_string_equal(b.name, "transport 9 room 3 participant 4");
    }
    assert_false(r.bad);
    assert_true(packets >= least);
    assert_int_equal(packets + lost, all);
    free(octets);
}

/* All of it, or how much of it there was no room for. */
static void a_thread_writes_it(void **state)
{
    char path[] = "/tmp/plm-capture-XXXXXX", link_path[64];
    struct plm_capture_thread *c;
    struct stat st;
    int fd = mkstemp(path);
    struct plm_capture_thread_config config = {
        .path = path, .max = FILE_MAX, .n_workers = 2, .unix_offset_us = 0, .port = 1};
    (void)state;
    close(fd);
    chmod(path, 0600);
    assert_int_equal(plm_capture_thread_create(&c, &config), 0);
    fill(c, 1000);
    plm_capture_thread_destroy(c);
    check_file(path, 1000, 1000);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* More than a ring holds at once: the last frame finds room again, and tells of the others. */
    assert_int_equal(plm_capture_thread_create(&c, &config), 0);
    fill(c, 60000);
    usleep(300000);
    fill(c, 1);
    plm_capture_thread_destroy(c);
    check_file(path, 1000, 60001);
    snprintf(link_path, sizeof link_path, "%s-link", path);
    assert_int_equal(symlink(path, link_path), 0);
    config.path = link_path;
    assert_true(plm_capture_thread_create(&c, &config) < 0);
    config.path = "/nowhere/at/all";
    assert_true(plm_capture_thread_create(&c, &config) < 0);
    unlink(link_path);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headers_and_decisions_are_captured, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_else_is_captured, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_is_bounded, setup, teardown),
        cmocka_unit_test(a_failing_disk_ends_it),
        cmocka_unit_test(a_thread_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
