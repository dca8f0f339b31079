/*
 * An engine with two workers whose feeds are read through real sockets, and publishers with real DTLS and SRTP. Packets cross four threads' worth of
 * hands: meant for ThreadSanitizer, too.
 */
#include "plenum/engine.h"

#include "base/feed_ring.h"
#include "base/link_frame.h"
#include "rtp.h"
#include "security.h"
#include "stun_client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WORKERS = 2,
    PUBLISHERS = 3,
    MAX_PACKETS = 4096
};

struct publisher {
    struct host *host;
    plm_participant_id id;
    int fd;
    struct plm_transport_local local;
    struct plm_identity *identity;
    void *sec_ctx;
    struct plm_sec_session *sec;
    bool connected;
    uint64_t seq;
};

struct reader {
    int fd;                     /* our end of the feed, -1: none */
    struct plm_feed_ring *ring; /* offered */
    bool by_ring;
    uint8_t in[1 << 20];
    size_t n;
    bool has[PUBLISHERS + 1]; /* by participant */
    struct plm_link_header of[PUBLISHERS + 1];
    unsigned tracks, gone, clocks;
    bool ended;
};

struct host {
    struct plm_engine *e;
    struct plm_addr at;
    plm_room_id room;
    uint32_t ring; /* size of the rings that readers offer, 0: none */
    struct publisher publishers[PUBLISHERS];
    struct reader readers[WORKERS];
    uint8_t came[PUBLISHERS + 1][MAX_PACKETS]; /* by participant and number */
    unsigned feed_events[WORKERS];
    int feed_error;
    struct plm_worker_stats totals;
    unsigned answers;
    uint64_t refreshed_us;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- publishers ---- */

static void sec_send(void *arg, const uint8_t *data, size_t len)
{
    const struct publisher *p = arg;
    sendto(p->fd, data, len, 0, &p->host->at.sa, sizeof p->host->at.in4);
}

static void sec_event(void *arg, enum plm_sec_event ev)
{
    ((struct publisher *)arg)->connected |= ev == PLM_SEC_ESTABLISHED;
}

static void read_publisher(struct publisher *p)
{
    uint8_t data[2048];
    ssize_t n;
    while ((n = recv(p->fd, data, sizeof data, MSG_DONTWAIT)) > 0) {
        if (data[0] >= 20 && data[0] <= 63)
            plm_security_dtls.on_datagram(p->sec, data, (size_t)n, now_us());
    }
    plm_security_dtls.poll(p->sec, now_us());
}

static void open_publisher(struct host *h, struct publisher *p, plm_participant_id id)
{
    struct plm_transport_open open = {.room = h->room, .participant = id};
    struct stun_client c;
    *p = (struct publisher){.host = h, .id = id, .fd = socket(AF_INET, SOCK_DGRAM, 0)};
    assert_int_equal(plm_identity_create(&p->identity), 0);
    struct plm_security_dtls_config sc = {.flags = PLM_REPLACE_SRTP_KERNELS, .identity = p->identity};
    assert_int_equal(plm_security_dtls_create(&p->sec_ctx, &sc), 0);
    struct plm_sec_config config = {.setup = PLM_SETUP_ACTIVE,
        .fingerprint = *plm_engine_fingerprint(h->e),
        .cb = {.send = sec_send, .event = sec_event},
        .arg = p};
    assert_int_equal(plm_security_dtls.session_create(p->sec_ctx, &config, &p->sec, now_us()), 0);
    assert_int_equal(plm_engine_transport_open(h->e, &open, &p->local), 0);
    struct plm_transport_params params = {
        .n_media = 1, .exts.id = {[PLM_EXT_MID] = 4}, .fingerprint = *plm_identity_fingerprint(p->identity)};
    struct plm_media_params *m = &params.media[0];
    m->mid[0] = '0';
    m->kind = PLM_KIND_VIDEO;
    m->direction = PLM_DIR_RECV;
    m->source = PLM_SOURCE_CAMERA;
    m->n_codecs = 1;
    m->codecs[0] = (struct plm_codec_params){.codec = PLM_CODEC_VP8,
        .pt = 96,
        .rtx_pt = 97,
        .feedback = PLM_FB_NACK | PLM_FB_PLI,
        .clock_rate = 90000};
    assert_int_equal(plm_engine_transport_describe(h->e, p->local.id, &params), 0);
    stun_client_init(&c);
    assert_true(stun_client_send(&c, p->fd, &h->at, &p->local));
    assert_true(stun_client_wait(&c, p->fd, &h->at, &p->local, 5000));
    plm_security_dtls.start(p->sec, now_us());
}

static void close_publisher(struct publisher *p)
{
    plm_security_dtls.session_destroy(p->sec);
    plm_security_dtls_destroy(p->sec_ctx);
    plm_identity_destroy(p->identity);
    close(p->fd);
}

/** A frame of VP8 in one packet; its number is told at the end of the payload. */
static void send_frame(struct publisher *p, bool key, size_t len)
{
    uint16_t seq = (uint16_t)p->seq;
    uint32_t ts = (uint32_t)p->seq * 3000;
    uint8_t b[1400] = {0x90, 0x80 | 96, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(ts >> 24),
        (uint8_t)(ts >> 16), (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, 42, 0xbe, 0xde, 0, 1, 0x40, '0', 0, 0};
    uint8_t payload[] = {0x90, 0x80, (uint8_t)(0x80 | (seq & 0x7fff) >> 8), (uint8_t)seq, key ? 0x10 : 0x11,
        2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};
    uint8_t out[1500];
    memcpy(b + 20, payload, sizeof payload);
    memcpy(b + len - 2, &seq, 2);
    memcpy(out, b, 20);
    struct plm_seal_job job = {.key = plm_security_dtls.seal_key(p->sec),
        .ext_seq = p->seq++,
        .ssrc = 42,
        .out = out,
        .body = b + 20,
        .hdr_len = 20,
        .body_len = (uint16_t)(len - 20)};
    plm_security_dtls.seal_rtp(p->sec_ctx, &job, 1);
    assert_true(job.out_len > 0);
    sec_send(p, out, job.out_len);
}

/* ---- readers ---- */

static void close_reader(struct reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    plm_feed_ring_destroy(r->ring);
    memset(r, 0, sizeof *r);
    r->fd = -1;
}

static void send_with(int to, const int *fds, size_t n)
{
    const struct plm_link_header h = {.type = PLM_LINK_RING};
    union {
        struct cmsghdr head;
        uint8_t octets[CMSG_SPACE(4 * sizeof(int))];
    } control = {
        .head = {.cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec v = {(void *)(uintptr_t)&h, sizeof h};
    struct msghdr m = {.msg_iov = &v,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
    assert_int_equal(sendmsg(to, &m, 0), sizeof h);
}

static void offer_ring(struct reader *r, uint32_t size)
{
    int fd;
    assert_int_equal(plm_feed_ring_create(&r->ring, size, &fd), 0);
    send_with(r->fd, &fd, 1);
    close(fd);
}

static void give_feed(struct host *h, unsigned worker)
{
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(plm_engine_feed(h->e, worker, sv[0]), 0);
    struct reader *r = &h->readers[worker];
    close_reader(r);
    r->fd = sv[1];
    if (h->ring)
        offer_ring(r, h->ring);
}

static void ask(const struct reader *r, const struct plm_link_header *of, bool key)
{
    struct {
        struct plm_link_header h;
        struct plm_link_demand d;
    } f = {.h = *of, .d = {.encodings = 1, .keyframes = key}};
    f.h.type = PLM_LINK_DEMAND;
    f.h.size = sizeof f.d;
    send(r->fd, &f, sizeof f, MSG_NOSIGNAL); /* whether the feed has ended is seen by reading */
}

static void on_frame(struct host *h, struct reader *r, const struct plm_link_header *f, const uint8_t *body)
{
    if (f->type == PLM_LINK_RING) {
        assert_true(r->ring && !r->by_ring);
        r->by_ring = true;
        return;
    }
    assert_int_equal(f->room, h->room);
    assert_in_range(f->participant, 1, PUBLISHERS);
    assert_int_equal(f->source, PLM_SOURCE_CAMERA);
    if (f->type == PLM_LINK_TRACK) {
        assert_int_equal(f->size, sizeof(struct plm_link_track));
        r->tracks++;
        r->has[f->participant] = true;
        r->of[f->participant] = *f;
        ask(r, f, true);
    } else if (f->type == PLM_LINK_TRACK_GONE) {
        r->gone++;
        r->has[f->participant] = false;
    } else if (f->type == PLM_LINK_CLOCK) {
        assert_int_equal(f->size, sizeof(struct plm_link_clock));
        r->clocks++;
    } else {
        struct plm_link_packet p;
        uint16_t seq;
        assert_int_equal(f->type, PLM_LINK_PACKET);
        assert_true(f->size > sizeof p && r->has[f->participant]);
        memcpy(&p, body, sizeof p);
        memcpy(&seq, body + f->size - 2, 2);
        assert_int_equal(seq, (uint16_t)p.ext_seq);
        assert_int_equal(body[sizeof p], 0x90); /* RTP as it came, opened */
        assert_true(seq < MAX_PACKETS && h->came[f->participant][seq] == 0);
        h->came[f->participant][seq]++;
    }
}

/** @return octets of whole frames */
static size_t take_frames(struct host *h, struct reader *r, const uint8_t *data, size_t len)
{
    struct plm_link_header f;
    size_t at = 0;
    while (len - at >= sizeof f) {
        memcpy(&f, data + at, sizeof f);
        if (len - at - sizeof f < f.size)
            break;
        on_frame(h, r, &f, data + at + sizeof f);
        at += sizeof f + f.size;
    }
    return at;
}

static void read_feed(struct host *h, struct reader *r)
{
    ssize_t n = 1;
    while (r->fd >= 0 && n > 0) {
        n = recv(r->fd, r->in + r->n, sizeof r->in - r->n, MSG_DONTWAIT);
        assert_false(r->by_ring && n > 0); /* nothing after the frame that says so */
        r->ended |= n == 0;
        r->n += n > 0 ? (size_t)n : 0;
        size_t at = take_frames(h, r, r->in, r->n);
        memmove(r->in, r->in + at, r->n -= at);
    }
    if (r->by_ring) {
        const uint8_t *at;
        assert_int_equal(r->n, 0);
        n = plm_feed_ring_peek(r->ring, &at);
        assert_true(n >= 0);
        plm_feed_ring_consume(r->ring, take_frames(h, r, at, (size_t)n));
    }
}

/* ---- the host ---- */

static void on_event(void *arg, const struct plm_event *ev)
{
    struct host *h = arg;
    if (ev->type != PLM_EV_FEED)
        return;
    assert_true(ev->feed.worker < WORKERS);
    h->feed_events[ev->feed.worker]++;
    h->feed_error = ev->feed.error;
}

/** A demand holds 3 s. */
static void refresh(struct host *h)
{
    if (now_us() - h->refreshed_us < 500000)
        return;
    h->refreshed_us = now_us();
    for (unsigned i = 0; i < WORKERS; i++)
        for (unsigned p = 1; p <= PUBLISHERS; p++)
            if (h->readers[i].fd >= 0 && h->readers[i].has[p])
                ask(&h->readers[i], &h->readers[i].of[p], false);
}

static void step(struct host *h, bool reading)
{
    refresh(h);
    struct pollfd p = {.fd = plm_engine_fd(h->e), .events = POLLIN};
    if (poll(&p, 1, 1) == 1)
        plm_engine_dispatch(h->e);
    for (unsigned i = 0; i < PUBLISHERS && h->publishers[i].sec; i++)
        read_publisher(&h->publishers[i]);
    for (unsigned i = 0; reading && i < WORKERS; i++)
        read_feed(h, &h->readers[i]);
}

/** Run until it holds, for 15 s at most. */
#define AWAIT(h, condition)                                                                                  \
    do {                                                                                                     \
        for (uint64_t end = now_us() + 15000000; !(condition) && now_us() < end;)                            \
            step(h, true);                                                                                   \
        assert_true(condition);                                                                              \
    } while (0)

static struct host *open_host(uint32_t queue, uint32_t ring)
{
    struct host *h = calloc(1, sizeof *h);
    struct plm_engine_config c = {
        .workers = WORKERS, .flags = PLM_REPLACE_SRTP_KERNELS, .n_listen = 1, .limits.feed_queue = queue};
    assert_int_equal(plm_addr_parse(&c.listen[0], "127.0.0.1:0"), 0);
    assert_int_equal(plm_engine_create(&h->e, &c, on_event, h), 0);
    assert_int_equal(plm_engine_candidates(h->e, &h->at, 1), 1);
    assert_int_equal(plm_engine_room_open(h->e, NULL, &h->room), 0);
    h->ring = ring;
    for (unsigned i = 0; i < WORKERS; i++)
        h->readers[i].fd = -1;
    return h;
}

static void close_host(struct host *h)
{
    plm_engine_destroy(h->e);
    for (unsigned i = 0; i < PUBLISHERS; i++)
        close_publisher(&h->publishers[i]);
    for (unsigned i = 0; i < WORKERS; i++)
        close_reader(&h->readers[i]);
    free(h);
}

static void connect_publishers(struct host *h)
{
    for (unsigned i = 0; i < PUBLISHERS; i++)
        open_publisher(h, &h->publishers[i], i + 1);
    AWAIT(h, h->publishers[0].connected && h->publishers[1].connected && h->publishers[2].connected);
}

static unsigned tracks(const struct host *h)
{
    unsigned n = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        for (unsigned p = 1; p <= PUBLISHERS; p++)
            n += h->readers[i].has[p];
    return n;
}

static unsigned came(const struct host *h)
{
    unsigned n = 0;
    for (unsigned p = 1; p <= PUBLISHERS; p++)
        for (unsigned i = 0; i < MAX_PACKETS; i++)
            n += h->came[p][i];
    return n;
}

static void send_all(struct host *h, unsigned n, size_t len, bool reading)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned p = 0; p < PUBLISHERS; p++)
            send_frame(&h->publishers[p], i % 20 == 0, len);
        step(h, reading);
    }
}

static void on_stats(void *arg, const struct plm_stats *s)
{
    struct host *h = arg;
    memset(&h->totals, 0, sizeof h->totals);
    for (unsigned w = 0; w < s->n_workers; w++) {
        for (int i = 0; i < PLM_CNT_COUNT; i++)
            h->totals.counters[i] += s->workers[w].counters[i];
        for (int i = 0; i < PLM_GAUGE_COUNT; i++)
            h->totals.gauges[i] += s->workers[w].gauges[i];
    }
    h->answers++;
}

static void take_stats(struct host *h)
{
    unsigned before = h->answers;
    assert_int_equal(plm_engine_stats(h->e, PLM_STATS_TOTALS, 0, on_stats, h), 0);
    AWAIT(h, h->answers > before);
}

/* ---- */

static void check_that_all_comes_out(uint32_t ring)
{
    struct host *h = open_host(0, ring);
    assert_int_equal(plm_engine_room_feed(h->e, h->room + 1, true), PLM_ENOENT);
    assert_int_equal(plm_engine_room_feed(h->e, h->room, true), 0); /* before anybody is there */
    give_feed(h, 0);
    connect_publishers(h);
    give_feed(h, 1); /* and after */
    AWAIT(h, tracks(h) == PUBLISHERS);
    for (uint64_t end = now_us() + 100000; now_us() < end;)
        step(h, true); /* what was asked for is there by now */
    send_all(h, 300, 900, true);
    AWAIT(h, came(h) == 300 * PUBLISHERS);
    take_stats(h);
    assert_int_equal(h->totals.counters[PLM_CNT_FEED_PACKETS], 300 * PUBLISHERS);
    assert_int_equal(h->totals.counters[PLM_CNT_FEED_BYTES], 300 * PUBLISHERS * 900);
    assert_int_equal(h->totals.counters[PLM_CNT_FEED_DROPPED], 0);
    if (ring) /* at most what was there before it was offered, and the frame that says so */
        assert_in_range(h->totals.counters[PLM_CNT_FEED_WRITES], 0, 3 * WORKERS);
    else
        assert_in_range(h->totals.counters[PLM_CNT_FEED_WRITES], 1, 300 * PUBLISHERS / 2);
    assert_true(!ring || (h->readers[0].by_ring && h->readers[1].by_ring));
    assert_int_equal(h->totals.gauges[PLM_GAUGE_FEEDS], WORKERS);
    AWAIT(h, h->readers[0].clocks + h->readers[1].clocks >= PUBLISHERS);

    assert_int_equal(plm_engine_transport_close(h->e, h->publishers[0].local.id), 0);
    AWAIT(h, tracks(h) == PUBLISHERS - 1);
    assert_int_equal(plm_engine_room_feed(h->e, h->room, false), 0);
    AWAIT(h, tracks(h) == 0);
    unsigned before = came(h);
    send_all(h, 20, 900, true);
    assert_int_equal(came(h), before);
    assert_int_equal(h->feed_events[0] + h->feed_events[1], 0);
    close_host(h);
}

static void what_is_published_comes_out(void **state)
{
    (void)state;
    check_that_all_comes_out(0);
}

static void what_is_published_comes_out_by_a_ring(void **state)
{
    (void)state;
    check_that_all_comes_out(1 << 20);
}

/** Descriptors that are no ring, two at once, a second ring: all comes as it did. */
static void what_is_no_ring_is_not_taken(void **state)
{
    (void)state;
    struct host *h = open_host(0, 0);
    assert_int_equal(plm_engine_room_feed(h->e, h->room, true), 0);
    give_feed(h, 0);
    give_feed(h, 1);
    struct plm_feed_ring *ring;
    int fd, two[2] = {memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING), open("/dev/null", O_RDWR)};
    assert_int_equal(plm_feed_ring_create(&ring, PLM_FEED_RING_MIN, &fd), 0);
    send_with(h->readers[0].fd, &two[0], 1);
    send_with(h->readers[0].fd, &two[1], 1);
    send_with(h->readers[1].fd, (int[]){fd, fd}, 2);
    connect_publishers(h);
    AWAIT(h, tracks(h) == PUBLISHERS); /* a frame PLM_LINK_RING would have been seen */
    h->readers[0].ring = ring;
    send_with(h->readers[0].fd, &fd, 1);
    send_with(h->readers[0].fd, &fd, 1);
    for (uint64_t end = now_us() + 100000; now_us() < end;)
        step(h, true);
    send_all(h, 100, 900, true);
    AWAIT(h, came(h) == 100 * PUBLISHERS && h->readers[0].by_ring);
    assert_int_equal(h->feed_events[0] + h->feed_events[1], 0);
    close(fd);
    close(two[0]);
    close(two[1]);
    close_host(h);
}

static void the_end_of_a_feed_is_told(void **state)
{
    (void)state;
    struct host *h = open_host(0, 0);
    assert_int_equal(plm_engine_room_feed(h->e, h->room, true), 0);
    connect_publishers(h);
    give_feed(h, 0);
    give_feed(h, 1);
    AWAIT(h, tracks(h) == PUBLISHERS);
    close_reader(&h->readers[0]);
    AWAIT(h, h->feed_events[0] == 1);
    assert_int_equal(h->feed_error, 0);

    struct plm_link_header nonsense = {.type = PLM_LINK_PACKET};
    assert_int_equal(send(h->readers[1].fd, &nonsense, sizeof nonsense, 0), sizeof nonsense);
    AWAIT(h, h->feed_events[1] == 1 && h->readers[1].ended);
    assert_int_equal(h->feed_error, PLM_EINVAL);

    /* Asked to end: no event. Another takes its place: the former reader sees the end, and tracks are announced anew. */
    give_feed(h, 0);
    give_feed(h, 1);
    AWAIT(h, tracks(h) == PUBLISHERS);
    assert_int_equal(plm_engine_feed(h->e, 0, -1), 0);
    AWAIT(h, h->readers[0].ended);
    int former = dup(h->readers[1].fd);
    give_feed(h, 1);
    give_feed(h, 0);
    AWAIT(h, tracks(h) == PUBLISHERS);
    uint8_t octet;
    ssize_t n;
    while ((n = recv(former, &octet, 1, 0)) > 0 || (n < 0 && errno == EAGAIN))
        continue;
    assert_true(n == 0 || errno == ECONNRESET); /* where it had asked for something that was not read */
    close(former);
    assert_int_equal(h->feed_events[0] + h->feed_events[1], 2);

    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
    assert_int_equal(plm_engine_feed(h->e, WORKERS, sv[0]), PLM_EINVAL);
    assert_int_equal(recv(sv[1], &octet, 1, 0), 0); /* closed all the same */
    close(sv[1]);
    close_host(h);
}

static void check_a_reader_that_stands_still(uint32_t ring)
{
    struct host *h = open_host(128 * 1024, ring);
    assert_int_equal(plm_engine_room_feed(h->e, h->room, true), 0);
    connect_publishers(h);
    give_feed(h, 0);
    give_feed(h, 1);
    AWAIT(h, tracks(h) == PUBLISHERS);
    for (uint64_t end = now_us() + 100000; now_us() < end;)
        step(h, true);
    send_all(h, 1200, 1300, false); /* more than queue and socket hold together */
    for (uint64_t end = now_us() + 300000; now_us() < end;)
        step(h, false); /* the last datagrams may still wait in sockets */
    take_stats(h);
    assert_int_equal(h->totals.counters[PLM_CNT_FEED_PACKETS] + h->totals.counters[PLM_CNT_FEED_DROPPED],
        h->totals.counters[PLM_CNT_RX_RTP]);
    assert_true(h->totals.counters[PLM_CNT_FEED_DROPPED] > 100);
    AWAIT(h, came(h) ==
                 h->totals.counters[PLM_CNT_FEED_PACKETS]); /* each frame whole: the reader would have said */
    send_all(h, 100, 1300, true);                           /* it goes on with a key frame */
    AWAIT(h, h->came[1][1299] && h->came[2][1299] && h->came[3][1299]);
    assert_int_equal(h->feed_events[0] + h->feed_events[1], 0);
    close_host(h);
}

static void a_reader_that_stands_still_loses_pictures_alone(void **state)
{
    (void)state;
    check_a_reader_that_stands_still(0);
}

static void a_ring_that_is_full_loses_pictures_alone(void **state)
{
    (void)state;
    check_a_reader_that_stands_still(PLM_FEED_RING_MIN);
}

static void check_its_end_with_full_feeds(uint32_t ring)
{
    struct host *h = open_host(128 * 1024, ring);
    assert_int_equal(plm_engine_room_feed(h->e, h->room, true), 0);
    connect_publishers(h);
    give_feed(h, 0);
    give_feed(h, 1);
    AWAIT(h, tracks(h) == PUBLISHERS);
    send_all(h, 600, 1300, false);
    give_feed(h, 0); /* perhaps never taken */
    close_host(h);
}

static void an_engine_ends_with_feeds_that_are_full(void **state)
{
    (void)state;
    check_its_end_with_full_feeds(0);
    check_its_end_with_full_feeds(PLM_FEED_RING_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_comes_out),
        cmocka_unit_test(what_is_published_comes_out_by_a_ring),
        cmocka_unit_test(what_is_no_ring_is_not_taken),
        cmocka_unit_test(the_end_of_a_feed_is_told),
        cmocka_unit_test(a_reader_that_stands_still_loses_pictures_alone),
        cmocka_unit_test(a_ring_that_is_full_loses_pictures_alone),
        cmocka_unit_test(an_engine_ends_with_feeds_that_are_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
