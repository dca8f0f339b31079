#include "dtls.h"
#include "plenum/engine.h"
#include "security.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#define MAX_QUEUE  64
#define MAX_EVENTS 8

/* OpenSSL asks the system's clock for its retransmission timer; libssl finds this one instead. */
static uint64_t now_us = 1700000000000000;

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(now_us / 1000000);
    tv->tv_usec = (suseconds_t)(now_us % 1000000);
    return 0;
}

/** Datagrams on their way, and a script of which get lost. */
struct wire {
    uint8_t *data[MAX_QUEUE];
    size_t len[MAX_QUEUE];
    size_t n;
    unsigned sent; /* datagrams in all */
    size_t largest;
    uint64_t drop_mask; /* bit i: the i-th datagram is lost */
};

/** One of ours. */
struct ours {
    struct plm_identity *identity;
    void *ctx;
    struct plm_sec_session *session;
    struct wire out;
    enum plm_sec_event events[MAX_EVENTS];
    unsigned n_events;
};

/** Somebody else's DTLS stack, as odd as a test needs it. */
struct foreign {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO_METHOD *method;
    EVP_PKEY *key;
    X509 *cert;
    struct wire out;
    const uint8_t *in;
    size_t in_len;
};

static void wire_put(struct wire *w, const uint8_t *data, size_t len)
{
    if (len > w->largest)
        w->largest = len;
    if (w->sent < 64 && (w->drop_mask >> w->sent & 1)) {
        w->sent++;
        return;
    }
    w->sent++;
    assert_in_range(w->n, 0, MAX_QUEUE - 1);
    w->data[w->n] = malloc(len);
    assert_non_null(w->data[w->n]);
    memcpy(w->data[w->n], data, len);
    w->len[w->n++] = len;
}

static void wire_clear(struct wire *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->data[i]);
    w->n = 0;
}

static void on_send(void *arg, const uint8_t *data, size_t len)
{
    wire_put(&((struct ours *)arg)->out, data, len);
}

static void on_event(void *arg, enum plm_sec_event ev)
{
    struct ours *o = arg;
    assert_in_range(o->n_events, 0, MAX_EVENTS - 1);
    o->events[o->n_events++] = ev;
}

static struct ours *ours_create_preferring(uint16_t profile)
{
    struct ours *o = calloc(1, sizeof *o);
    assert_non_null(o);
    assert_int_equal(plm_identity_create(&o->identity), 0);
    struct plm_security_dtls_config config = {
        .flags = PLM_REPLACE_SRTP_KERNELS, .identity = o->identity, .srtp_prefer = profile};
    assert_int_equal(plm_security_dtls_create(&o->ctx, &config), 0);
    return o;
}

static struct ours *ours_create(void)
{
    return ours_create_preferring(0);
}

static void ours_open(struct ours *o, enum plm_setup setup, const struct plm_fingerprint *peer)
{
    struct plm_sec_config config = {setup, *peer, {on_send, on_event}, o};
    assert_int_equal(plm_security_dtls.session_create(o->ctx, &config, &o->session, now_us), 0);
    plm_security_dtls.start(o->session, now_us);
}

static void ours_destroy(struct ours *o)
{
    if (o->session)
        plm_security_dtls.session_destroy(o->session);
    wire_clear(&o->out);
    plm_security_dtls_destroy(o->ctx);
    plm_identity_destroy(o->identity);
    free(o);
}

static int feed(struct ours *o, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1); /* exact size: the sanitizer sees an overread */
    assert_non_null(copy);
    memcpy(copy, data, len);
    int err = plm_security_dtls.on_datagram(o->session, copy, len, now_us);
    free(copy);
    return err;
}

static void deliver(struct wire *from, struct ours *to)
{
    struct wire w = *from;
    from->n = 0;
    for (size_t i = 0; i < w.n; i++) {
        feed(to, w.data[i], w.len[i]);
        free(w.data[i]);
    }
}

/** Carry datagrams until nothing moves, then let time jump to the next deadline, for at most limit_us. @return time it took */
static uint64_t run(struct ours *a, struct ours *b, uint64_t limit_us)
{
    uint64_t begin = now_us;
    while (now_us - begin < limit_us) {
        while (a->out.n || b->out.n) {
            deliver(&a->out, b);
            deliver(&b->out, a);
        }
        uint64_t next_a = plm_security_dtls.poll(a->session, now_us);
        uint64_t next_b = plm_security_dtls.poll(b->session, now_us);
        if (a->out.n || b->out.n)
            continue;
        uint64_t next = next_a < next_b ? next_a : next_b;
        bool done = plm_security_dtls.profile(a->session) && plm_security_dtls.profile(b->session);
        if (next == UINT64_MAX || done)
            break;
        now_us = next > now_us ? next : now_us + 1;
    }
    return now_us - begin;
}

static void assert_events(const struct ours *o, unsigned n, enum plm_sec_event first, enum plm_sec_event last)
{
    assert_int_equal(o->n_events, n);
    if (n > 0) {
        assert_int_equal(o->events[0], first);
        assert_int_equal(o->events[n - 1], last);
    }
}

/** What from seals, to opens; and what was changed on the way, it refuses. */
static void assert_media(struct ours *from, struct ours *to, uint16_t seq)
{
    static const uint8_t header[12] = {0x80, 0x60, 0, 0, 0, 0, 0, 1, 0x12, 0x34, 0x56, 0x78};
    static const uint8_t body[] = "a frame of somebody's picture";
    uint8_t out[128], bad[128];
    memcpy(out, header, sizeof header);
    out[2] = (uint8_t)(seq >> 8);
    out[3] = (uint8_t)seq;
    struct plm_seal_job job = {.key = plm_security_dtls.seal_key(from->session),
        .ext_seq = seq,
        .ssrc = 0x12345678,
        .out = out,
        .body = body,
        .hdr_len = sizeof header,
        .body_len = sizeof body};
    assert_non_null(job.key);
    plm_security_dtls.seal_rtp(from->ctx, &job, 1);
    assert_int_equal(job.out_len, sizeof header + sizeof body + plm_security_dtls.seal_overhead(job.key));
    size_t len = job.out_len;
    memcpy(bad, out, len);
    bad[20] ^= 1;
    assert_int_equal(plm_security_dtls.open_rtp(to->session, bad, &len), PLM_EAUTH);
    assert_int_equal(len, job.out_len);
    assert_int_equal(plm_security_dtls.open_rtp(to->session, out, &len), 0);
    assert_int_equal(len, sizeof header + sizeof body);
    assert_memory_equal(out + sizeof header, body, sizeof body);
    len = 4;
    assert_int_equal(plm_security_dtls.open_rtp(to->session, out, &len), PLM_EINVAL);

    uint8_t rtcp[64 + PLM_SRTCP_OVERHEAD] = {0x80, 201, 0, 1, 0x12, 0x34, 0x56, 0x78};
    len = 8;
    assert_int_equal(
        plm_security_dtls.seal_rtcp(from->session, rtcp, &len, 8 + PLM_SRTCP_OVERHEAD - 1), PLM_EINVAL);
    assert_int_equal(plm_security_dtls.seal_rtcp(from->session, rtcp, &len, sizeof rtcp), 0);
    assert_in_range(len, 8 + 14, 8 + PLM_SRTCP_OVERHEAD);
    assert_int_equal(plm_security_dtls.open_rtcp(to->session, rtcp, &len), 0);
    assert_int_equal(len, 8);
}

static void open_pair(struct ours **server, struct ours **client)
{
    *server = ours_create();
    *client = ours_create();
    ours_open(*server, PLM_SETUP_PASSIVE, plm_identity_fingerprint((*client)->identity));
    ours_open(*client, PLM_SETUP_ACTIVE, plm_identity_fingerprint((*server)->identity));
}

static void connect_pair(struct ours **server, struct ours **client)
{
    open_pair(server, client);
    assert_int_equal(run(*client, *server, 30000000), 0);
    assert_events(*server, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    assert_events(*client, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
}

static void close_pair(struct ours *server, struct ours *client)
{
    ours_destroy(client);
    ours_destroy(server);
}

static void both_roles(void **state)
{
    (void)state;
    struct ours *server, *client;
    connect_pair(&server, &client);
    assert_int_equal(plm_security_dtls.profile(server->session), PLM_SRTP_AEAD_AES_128_GCM);
    assert_int_equal(plm_security_dtls.profile(client->session), PLM_SRTP_AEAD_AES_128_GCM);
    assert_in_range(server->out.largest, 1, 1172);
    assert_in_range(client->out.largest, 1, 1172);
    assert_media(server, client, 1);
    assert_media(client, server, 1);
    assert_media(server, client, 2);
    close_pair(server, client);
}

static void nothing_works_before(void **state)
{
    (void)state;
    struct ours *server, *client;
    open_pair(&server, &client);
    uint8_t pkt[64] = {0x80};
    size_t len = sizeof pkt;
    assert_int_equal(plm_security_dtls.open_rtp(server->session, pkt, &len), PLM_EKEY);
    assert_int_equal(plm_security_dtls.open_rtcp(server->session, pkt, &len), PLM_EKEY);
    len = 8;
    assert_int_equal(plm_security_dtls.seal_rtcp(server->session, pkt, &len, sizeof pkt), PLM_EKEY);
    assert_int_equal(plm_security_dtls.profile(server->session), 0);
    assert_null(plm_security_dtls.seal_key(server->session));
    assert_int_equal(plm_security_dtls.poll(server->session, now_us), UINT64_MAX);
    close_pair(server, client);
}

/* Every single datagram of the handshake lost once, from either side: 100 ms later it goes on. */
static void each_datagram_lost(void **state)
{
    (void)state;
    struct ours *server, *client;
    connect_pair(&server, &client);
    unsigned from_server = server->out.sent, from_client = client->out.sent;
    close_pair(server, client);
    assert_in_range(from_server, 2, 8);
    assert_in_range(from_client, 2, 8);
    for (unsigned i = 0; i < from_server + from_client; i++) {
        server = ours_create();
        client = ours_create();
        if (i < from_server)
            server->out.drop_mask = 1ull << i;
        else
            client->out.drop_mask = 1ull << (i - from_server);
        ours_open(server, PLM_SETUP_PASSIVE, plm_identity_fingerprint(client->identity));
        ours_open(client, PLM_SETUP_ACTIVE, plm_identity_fingerprint(server->identity));
        uint64_t took = run(client, server, 30000000);
        assert_in_range(took, 100000, 310000);
        assert_events(server, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
        assert_events(client, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
        assert_media(server, client, 1);
        assert_media(client, server, 1);
        close_pair(server, client);
    }
}

/* The timer doubles up to 3 s; who never hears anything gives up. */
static void silence_backs_off_and_fails(void **state)
{
    (void)state;
    struct ours *client = ours_create();
    struct plm_fingerprint peer = *plm_identity_fingerprint(client->identity);
    ours_open(client, PLM_SETUP_ACTIVE, &peer);
    uint64_t expected = 100000;
    unsigned repeats = 0;
    for (;;) {
        uint64_t next = plm_security_dtls.poll(client->session, now_us);
        wire_clear(&client->out);
        if (next == UINT64_MAX)
            break;
        assert_in_range(next - now_us, expected - 1000, expected + 1000);
        expected = expected * 2 > 3000000 ? 3000000 : expected * 2;
        assert_in_range(++repeats, 1, 20);
        now_us = next + 1;
    }
    assert_in_range(repeats, 8, 14);
    assert_events(client, 1, PLM_SEC_FAILED, PLM_SEC_FAILED);
    ours_destroy(client);
}

static void wrong_fingerprint(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct ours *server = ours_create(), *client = ours_create();
        struct plm_fingerprint of_client = *plm_identity_fingerprint(client->identity);
        struct plm_fingerprint of_server = *plm_identity_fingerprint(server->identity);
        (side ? &of_client : &of_server)->value[0] ^= 0x80;
        ours_open(server, PLM_SETUP_PASSIVE, &of_client);
        ours_open(client, PLM_SETUP_ACTIVE, &of_server);
        run(client, server, 30000000);
        struct ours *judge = side ? server : client, *judged = side ? client : server;
        assert_events(judge, 1, PLM_SEC_BAD_FINGERPRINT, PLM_SEC_BAD_FINGERPRINT);
        assert_events(judged, 1, PLM_SEC_FAILED, PLM_SEC_FAILED);
        assert_null(plm_security_dtls.seal_key(judge->session));
        assert_null(plm_security_dtls.seal_key(judged->session));
        assert_int_equal(plm_security_dtls.profile(judge->session), 0);
        uint8_t pkt[64] = {0x80};
        size_t len = sizeof pkt;
        assert_int_equal(plm_security_dtls.open_rtp(judge->session, pkt, &len), PLM_EKEY);
        close_pair(server, client);
    }
}

static void unusable_fingerprints(void **state)
{
    (void)state;
    struct ours *o = ours_create();
    static const uint8_t lengths[] = {0, 16, 20, 28, 31, 33, 63};
    for (size_t i = 0; i < sizeof lengths; i++) {
        struct plm_sec_config config = {PLM_SETUP_PASSIVE, {.len = lengths[i]}, {on_send, on_event}, o};
        assert_int_equal(plm_security_dtls.session_create(o->ctx, &config, &o->session, now_us), PLM_EINVAL);
        assert_null(o->session);
    }
    ours_destroy(o);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    struct ours *server, *client;
    open_pair(&server, &client);
    assert_int_equal(client->out.n, 1);
    uint8_t *hello = client->out.data[0];
    size_t len = client->out.len[0];
    for (size_t n = 0; n < len; n++)
        assert_int_equal(feed(server, hello, n), PLM_EINVAL);
    uint8_t big[PLM_DTLS_MAX_DATAGRAM + 1] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0x07, 0xf4};
    assert_int_equal(feed(server, big, sizeof big), PLM_EINVAL);
    uint8_t type[] = {24, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    assert_int_equal(feed(server, type, sizeof type), PLM_EINVAL);
    uint8_t version[] = {22, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    assert_int_equal(feed(server, version, sizeof version), PLM_EINVAL);
    uint8_t plain_data[] = {23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    assert_int_equal(feed(server, plain_data, sizeof plain_data), PLM_EINVAL);
    /* Well-formed records that mean nothing are OpenSSL's to drop; the handshake goes on. */
    uint8_t data_early[] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};
    feed(server, data_early, sizeof data_early);
    assert_int_equal(server->n_events, 0);
    assert_int_equal(server->out.n, 0);
    run(client, server, 30000000);
    assert_events(server, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    close_pair(server, client);
}

/** OpenSSL's state is freed with the first poll after the handshake. */
static void let_go(struct ours *o)
{
    assert_int_equal(plm_security_dtls.poll(o->session, now_us), UINT64_MAX);
}

/** Nothing but the true record ends anything. */
static void reject_tampered(const struct wire *w, struct ours *o)
{
    uint8_t bad[PLM_DTLS_MAX_DATAGRAM];
    for (size_t i = 0; i < w->len[0]; i++) {
        memcpy(bad, w->data[0], w->len[0]);
        bad[i] ^= 1;
        feed(o, bad, w->len[0]);
        feed(o, w->data[0], i);
        assert_int_equal(o->n_events, 1);
    }
}

/* Protected records of every length that a datagram may hold, of both kinds that are of use: none of them opens. */
static void forge_sealed(struct ours *o)
{
    uint8_t record[13 + 64] = {0, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 97};
    for (uint8_t type = 21; type <= 22; type++) {
        for (uint8_t len = 0; len <= 64; len++) {
            record[0] = type;
            record[12] = len;
            feed(o, record, 13u + len);
        }
    }
}

static void running_association_is_left_alone(void **state)
{
    (void)state;
    struct ours *server, *client, *intruder = ours_create();
    connect_pair(&server, &client);
    ours_open(intruder, PLM_SETUP_ACTIVE, plm_identity_fingerprint(server->identity));
    assert_int_equal(intruder->out.n, 1);
    unsigned sent = server->out.sent;

    assert_int_equal(feed(server, intruder->out.data[0], intruder->out.len[0]), PLM_EINVAL);
    static const uint8_t fatal_alert[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
    assert_int_equal(feed(server, fatal_alert, sizeof fatal_alert), PLM_EINVAL);
    static const uint8_t forged_close[] = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 26, 1, 2, 3, 4, 5, 6,
        7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26};
    feed(server, forged_close, sizeof forged_close);
    static const uint8_t forged_data[] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 98, 0, 4, 1, 2, 3, 4};
    for (int i = 0; i < 200; i++)
        assert_int_equal(feed(server, forged_data, sizeof forged_data), PLM_EINVAL);
    forge_sealed(server); /* looks like a Finished: our last flight is said again, a few times */
    assert_in_range(server->out.sent - sent, 0, 16);
    sent = server->out.sent;
    assert_int_equal(server->n_events, 1);
    assert_media(client, server, 7);
    assert_media(server, client, 7);

    /* The same when OpenSSL has gone. */
    let_go(server);
    assert_int_equal(feed(server, intruder->out.data[0], intruder->out.len[0]), PLM_EINVAL);
    assert_int_equal(feed(server, fatal_alert, sizeof fatal_alert), PLM_EINVAL);
    assert_int_equal(feed(server, forged_close, sizeof forged_close), PLM_EINVAL);
    assert_int_equal(feed(server, forged_data, sizeof forged_data), PLM_EINVAL);
    assert_int_equal(server->n_events, 1);
    assert_int_equal(server->out.sent, sent);
    assert_media(client, server, 8);
    assert_media(server, client, 8);
    ours_destroy(intruder);
    close_pair(server, client);
}

/* A peer that has not got our last flight repeats its own: it hears the same octets again, a few times, for a few seconds. */
static void the_last_flight_is_said_again(void **state)
{
    (void)state;
    struct ours *server, *client;
    connect_pair(&server, &client);
    let_go(server);
    uint8_t finished[13 + 40] = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 40};
    wire_clear(&server->out);
    unsigned sent = server->out.sent;
    for (int i = 0; i < 20; i++)
        feed(server, finished, sizeof finished);
    assert_in_range(server->out.sent - sent, 8, 16); /* ChangeCipherSpec and Finished, in a datagram or two */
    size_t octets = 0;
    for (unsigned i = 0; i < server->out.n; i++)
        octets += server->out.len[i];
    assert_in_range(octets, 8 * 60, 8 * 120);
    assert_media(client, server, 7);
    close_pair(server, client);

    connect_pair(&server, &client);
    let_go(server);
    now_us += 6000000;
    sent = server->out.sent;
    assert_int_equal(feed(server, finished, sizeof finished), PLM_EINVAL);
    assert_int_equal(server->out.sent, sent);
    close_pair(server, client);
}

static void close_notify_tells(void **state)
{
    (void)state;
    /* Within the first seconds OpenSSL writes and reads it, later the tail: in every combination. */
    for (int i = 0; i < 8; i++) {
        struct ours *server, *client;
        connect_pair(&server, &client);
        struct ours *leaver = i & 1 ? server : client, *stayer = i & 1 ? client : server;
        if (i & 2)
            let_go(leaver);
        if (i & 4)
            let_go(stayer);
        plm_security_dtls.close(leaver->session);
        assert_int_equal(leaver->out.n, 1);
        reject_tampered(&leaver->out, stayer);
        deliver(&leaver->out, stayer);
        assert_events(stayer, 2, PLM_SEC_ESTABLISHED, PLM_SEC_CLOSED);
        assert_int_equal(leaver->n_events, 1);
        plm_security_dtls.close(leaver->session);
        assert_int_equal(leaver->out.n, 0);
        close_pair(server, client);
    }
    struct ours *early = ours_create();
    ours_open(early, PLM_SETUP_PASSIVE, plm_identity_fingerprint(early->identity));
    plm_security_dtls.close(early->session);
    assert_int_equal(early->out.n, 0);
    ours_destroy(early);
}

/* A ClientHello that is none: whole by its headers, nonsense within. */
static const uint8_t false_hello[] = {
    22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 16, 1, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 9, 9, 9, 9};

/* What anybody may write who can write from the peer's address. */
static void forge(struct ours *o)
{
    static const uint8_t fatal[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77, 0, 2, 2, 40};
    static const uint8_t close[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 78, 0, 2, 1, 0};
    static const uint8_t sealed_alert[] = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 2, 0, 4, 1, 2, 3, 4};
    static const uint8_t change[] = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 79, 0, 1, 1};
    static const uint8_t bad_change[] = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 80, 0, 2, 1, 1};
    static const uint8_t out_of_turn[] = {
        22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 81, 0, 13, 16, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 9};
    static const uint8_t too_long[] = {
        22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 82, 0, 13, 11, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 9};
    static const uint8_t cut_short[] = {
        22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 83, 0, 12, 11, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1};
    static const uint8_t renegotiate[] = {
        22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 84, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(feed(o, fatal, sizeof fatal), PLM_EINVAL);
    assert_int_equal(feed(o, close, sizeof close), PLM_EINVAL);
    assert_int_equal(feed(o, bad_change, sizeof bad_change), PLM_EINVAL);
    assert_int_equal(feed(o, out_of_turn, sizeof out_of_turn), PLM_EINVAL);
    assert_int_equal(feed(o, too_long, sizeof too_long), PLM_EINVAL);
    assert_int_equal(feed(o, cut_short, sizeof cut_short), PLM_EINVAL);
    assert_int_equal(feed(o, renegotiate, sizeof renegotiate), PLM_EINVAL);
    assert_int_equal(feed(o, sealed_alert, sizeof sealed_alert), PLM_EINVAL);
    forge_sealed(o);
    feed(o, change, sizeof change);
}

static void forged_records_end_no_handshake(void **state)
{
    (void)state;
    struct ours *server, *client;
    open_pair(&server, &client);
    /* A copy with a number far ahead must not make what follows look like replays. */
    uint8_t ahead[PLM_DTLS_MAX_DATAGRAM];
    size_t len = client->out.len[0];
    memcpy(ahead, client->out.data[0], len);
    ahead[5] = 0x7f;
    for (int step = 0; step < 8; step++) {
        forge(server);
        deliver(step % 2 ? &server->out : &client->out, step % 2 ? client : server);
        feed(server, ahead, len);
    }
    assert_events(server, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    assert_events(client, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    assert_media(client, server, 1);
    assert_media(server, client, 1);
    close_pair(server, client);
}

static void a_false_hello_delays_at_most(void **state)
{
    (void)state;
    struct ours *server, *client;
    open_pair(&server, &client);
    for (int i = 0; i < 7; i++)
        assert_int_equal(feed(server, false_hello, sizeof false_hello), 0);
    assert_int_equal(server->out.n, 0); /* not even an alert */
    assert_int_equal(server->n_events, 0);
    run(client, server, 30000000);
    assert_events(server, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    assert_media(client, server, 1);
    close_pair(server, client);

    open_pair(&server, &client);
    for (int i = 0; i < 8; i++)
        feed(server, false_hello, sizeof false_hello);
    assert_events(server, 1, PLM_SEC_FAILED, PLM_SEC_FAILED);
    assert_int_equal(server->out.n, 1); /* now it is said */
    assert_int_equal(server->out.data[0][0], 21);
    assert_int_equal(feed(server, client->out.data[0], client->out.len[0]), PLM_EINVAL);
    close_pair(server, client);
}

static void handshake_is_bounded(void **state)
{
    (void)state;
    struct ours *server, *client;
    open_pair(&server, &client);
    deliver(&client->out, server);
    wire_clear(&server->out);
    static const uint8_t nonsense[13 + 40] = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40};
    unsigned taken = 0;
    while (feed(server, nonsense, sizeof nonsense) == 0)
        assert_in_range(++taken, 1, 5000);
    assert_in_range(taken, 100, 5000);
    assert_int_equal(server->out.n, 0);
    close_pair(server, client);
}

static int foreign_read(BIO *bio, char *buf, int size)
{
    struct foreign *f = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!f->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    assert_in_range(f->in_len, 1, size);
    memcpy(buf, f->in, f->in_len);
    f->in = NULL;
    return (int)f->in_len;
}

static int foreign_write(BIO *bio, const char *data, int len)
{
    wire_put(&((struct foreign *)BIO_get_data(bio))->out, (const uint8_t *)data, (size_t)len);
    return len;
}

static long foreign_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static int trust_anybody(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

static struct foreign *foreign_create(const char *profiles, EVP_PKEY *key, bool client)
{
    struct foreign *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->key = key;
    f->ctx = SSL_CTX_new(DTLS_method());
    f->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "foreign");
    BIO_meth_set_read(f->method, foreign_read);
    BIO_meth_set_write(f->method, foreign_write);
    BIO_meth_set_ctrl(f->method, foreign_ctrl);
    if (key) {
        f->cert = X509_new();
        X509_set_version(f->cert, 2);
        X509_gmtime_adj(X509_getm_notBefore(f->cert), 0);
        X509_gmtime_adj(X509_getm_notAfter(f->cert), 1000);
        assert_int_equal(X509_set_pubkey(f->cert, key), 1);
        assert_true(X509_sign(f->cert, key, EVP_sha256()) > 0);
        assert_int_equal(SSL_CTX_use_certificate(f->ctx, f->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(f->ctx, key), 1);
    }
    SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(f->ctx, trust_anybody, NULL);
    if (profiles)
        assert_int_equal(SSL_CTX_set_tlsext_use_srtp(f->ctx, profiles), 0);
    f->ssl = SSL_new(f->ctx);
    BIO *bio = BIO_new(f->method);
    BIO_set_data(bio, f);
    BIO_set_init(bio, 1);
    SSL_set_bio(f->ssl, bio, bio);
    SSL_set_options(f->ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(f->ssl, 1200);
    if (client)
        SSL_set_connect_state(f->ssl);
    else
        SSL_set_accept_state(f->ssl);
    return f;
}

static void foreign_destroy(struct foreign *f)
{
    wire_clear(&f->out);
    SSL_free(f->ssl);
    SSL_CTX_free(f->ctx);
    BIO_meth_free(f->method);
    X509_free(f->cert);
    EVP_PKEY_free(f->key);
    free(f);
}

static struct plm_fingerprint foreign_fingerprint(const struct foreign *f, const EVP_MD *md)
{
    struct plm_fingerprint fp = {0};
    unsigned n = 0;
    if (f->cert)
        assert_int_equal(X509_digest(f->cert, md, fp.value, &n), 1);
    fp.len = n ? (uint8_t)n : 32;
    return fp;
}

/** @return whether the foreign end believes that it is connected */
static bool run_foreign(struct foreign *f, struct ours *o)
{
    for (int i = 0; i < 40; i++) {
        SSL_do_handshake(f->ssl);
        deliver(&f->out, o);
        struct wire w = o->out;
        o->out.n = 0;
        for (size_t k = 0; k < w.n; k++) {
            f->in = w.data[k];
            f->in_len = w.len[k];
            uint8_t scratch[256];
            if (SSL_is_init_finished(f->ssl))
                SSL_read(f->ssl, scratch, sizeof scratch);
            else
                SSL_do_handshake(f->ssl);
            f->in = NULL;
            free(w.data[k]);
        }
        if (w.n == 0 && f->out.n == 0)
            break;
    }
    deliver(&f->out, o);
    ERR_clear_error();
    return SSL_is_init_finished(f->ssl);
}

static void every_profile_in_both_roles(void **state)
{
    (void)state;
    static const struct {
        const char *profiles;
        uint16_t expected;
        size_t overhead;
    } rows[] = {
        {"SRTP_AES128_CM_SHA1_80", PLM_SRTP_AES128_CM_SHA1_80, 10},
        {"SRTP_AEAD_AES_128_GCM", PLM_SRTP_AEAD_AES_128_GCM, 16},
        {"SRTP_AEAD_AES_256_GCM", PLM_SRTP_AEAD_AES_256_GCM, 16},
        {"SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", PLM_SRTP_AES128_CM_SHA1_80, 10},
        {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", 0, 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int client = 0; client < 2; client++) {
            struct ours *o = ours_create();
            struct foreign *f = foreign_create(rows[i].profiles, EVP_EC_gen("P-256"), client);
            struct plm_fingerprint fp = foreign_fingerprint(f, client ? EVP_sha384() : EVP_sha512());
            ours_open(o, client ? PLM_SETUP_PASSIVE : PLM_SETUP_ACTIVE, &fp);
            assert_true(run_foreign(f, o));
            assert_events(o, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
            /* The server's order decides: Chromium as a client offers CM first, and gets GCM. */
            uint16_t expected = rows[i].expected ? rows[i].expected
                                : client         ? PLM_SRTP_AEAD_AES_128_GCM
                                                 : PLM_SRTP_AES128_CM_SHA1_80;
            assert_int_equal(plm_security_dtls.profile(o->session), expected);
            if (rows[i].expected)
                assert_int_equal(plm_security_dtls.seal_overhead(plm_security_dtls.seal_key(o->session)),
                    rows[i].overhead);
            foreign_destroy(f);
            ours_destroy(o);
        }
    }
}

static void the_preferred_profile_is_taken(void **state)
{
    (void)state;
    static const uint16_t all[] = {
        PLM_SRTP_AEAD_AES_128_GCM, PLM_SRTP_AEAD_AES_256_GCM, PLM_SRTP_AES128_CM_SHA1_80};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct ours *server = ours_create_preferring(all[i]), *client = ours_create();
        ours_open(server, PLM_SETUP_PASSIVE, plm_identity_fingerprint(client->identity));
        ours_open(client, PLM_SETUP_ACTIVE, plm_identity_fingerprint(server->identity));
        assert_int_equal(run(client, server, 30000000), 0);
        assert_int_equal(plm_security_dtls.profile(server->session), all[i]);
        assert_int_equal(plm_security_dtls.profile(client->session), all[i]);
        assert_media(server, client, 1);
        assert_media(client, server, 1);
        close_pair(server, client);

        /* who lacks it still gets in */
        struct ours *o = ours_create_preferring(all[i]);
        struct foreign *f = foreign_create("SRTP_AES128_CM_SHA1_80", EVP_EC_gen("P-256"), true);
        struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
        ours_open(o, PLM_SETUP_PASSIVE, &fp);
        assert_true(run_foreign(f, o));
        assert_int_equal(plm_security_dtls.profile(o->session), PLM_SRTP_AES128_CM_SHA1_80);
        foreign_destroy(f);
        ours_destroy(o);
    }
    struct plm_identity *id;
    void *ctx;
    assert_int_equal(plm_identity_create(&id), 0);
    struct plm_security_dtls_config odd = {.identity = id, .srtp_prefer = 2};
    assert_int_equal(plm_security_dtls_create(&ctx, &odd), PLM_EINVAL);
    plm_identity_destroy(id);
}

/** The exporter's octets by hand, and what the peer would send under them. */
static void exported_keys_are_laid_out_right(void **state)
{
    (void)state;
    for (int client = 0; client < 2; client++) {
        struct ours *o = ours_create();
        struct foreign *f = foreign_create("SRTP_AES128_CM_SHA1_80", EVP_EC_gen("P-256"), client);
        struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
        ours_open(o, client ? PLM_SETUP_PASSIVE : PLM_SETUP_ACTIVE, &fp);
        assert_true(run_foreign(f, o));
        uint8_t raw[60];
        assert_int_equal(
            SSL_export_keying_material(f->ssl, raw, sizeof raw, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0), 1);
        struct plm_srtp_keys keys;
        assert_int_equal(plm_srtp_keys_shape(&keys, PLM_SRTP_AES128_CM_SHA1_80), 0);
        uint8_t *from_client = client ? keys.tx : keys.rx, *from_server = client ? keys.rx : keys.tx;
        memcpy(from_client, raw, 16);
        memcpy(from_server, raw + 16, 16);
        memcpy(from_client + 16, raw + 32, 14);
        memcpy(from_server + 16, raw + 46, 14);
        struct plm_srtp *peer;
        assert_int_equal(plm_srtp_create(&peer, &keys), 0);
        uint8_t rtcp[8 + PLM_SRTCP_OVERHEAD] = {0x80, 201, 0, 1, 0x12, 0x34, 0x56, 0x78};
        size_t len = 8;
        assert_int_equal(plm_srtp_seal_rtcp(peer, rtcp, &len, sizeof rtcp), 0);
        assert_int_equal(plm_security_dtls.open_rtcp(o->session, rtcp, &len), 0);
        assert_int_equal(plm_security_dtls.seal_rtcp(o->session, rtcp, &len, sizeof rtcp), 0);
        assert_int_equal(plm_srtp_open_rtcp(peer, rtcp, &len), 0);
        plm_srtp_destroy(peer);
        foreign_destroy(f);
        ours_destroy(o);
    }
}

static void no_common_profile_is_refused(void **state)
{
    (void)state;
    static const char *const offers[] = {NULL, "SRTP_AES128_CM_SHA1_32"};
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        for (int client = 0; client < 2; client++) {
            struct ours *o = ours_create();
            struct foreign *f = foreign_create(offers[i], EVP_EC_gen("P-256"), client);
            struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
            ours_open(o, client ? PLM_SETUP_PASSIVE : PLM_SETUP_ACTIVE, &fp);
            run_foreign(f, o);
            assert_events(o, 1, PLM_SEC_FAILED, PLM_SEC_FAILED);
            assert_int_equal(plm_security_dtls.profile(o->session), 0);
            assert_null(plm_security_dtls.seal_key(o->session));
            foreign_destroy(f);
            ours_destroy(o);
        }
    }
}

static void certificate_is_required(void **state)
{
    (void)state;
    struct ours *o = ours_create();
    struct foreign *f = foreign_create("SRTP_AEAD_AES_128_GCM", NULL, true);
    struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
    ours_open(o, PLM_SETUP_PASSIVE, &fp);
    assert_false(run_foreign(f, o));
    assert_int_equal(plm_security_dtls.profile(o->session), 0);
    assert_null(plm_security_dtls.seal_key(o->session));
    assert_int_equal(o->n_events, 0); /* anybody could have said so in the peer's name */
    foreign_destroy(f);
    ours_destroy(o);
}

/* As GStreamer: an RSA certificate in datagrams of 256 octets. */
static void rsa_in_tiny_fragments(void **state)
{
    (void)state;
    struct ours *o = ours_create();
    struct foreign *f = foreign_create("SRTP_AES128_CM_SHA1_80", EVP_RSA_gen(2048), true);
    SSL_set_mtu(f->ssl, 256);
    struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
    ours_open(o, PLM_SETUP_PASSIVE, &fp);
    assert_true(run_foreign(f, o));
    assert_events(o, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    assert_in_range(f->out.largest, 100, 256);
    assert_in_range(f->out.sent, 6, 40);
    foreign_destroy(f);
    ours_destroy(o);
}

/* Every cipher that we take: after OpenSSL has gone, both ends' close_notify is understood by the other. */
static void tail_speaks_every_cipher(void **state)
{
    (void)state;
    static const char *const ciphers[] = {
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"};
    for (size_t i = 0; i < 12; i++) {
        bool client = i & 1, we_leave = i & 2;
        struct ours *o = ours_create();
        struct foreign *f = foreign_create("SRTP_AEAD_AES_128_GCM", EVP_EC_gen("P-256"), client);
        assert_int_equal(SSL_set_cipher_list(f->ssl, ciphers[i / 4]), 1);
        struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
        ours_open(o, client ? PLM_SETUP_PASSIVE : PLM_SETUP_ACTIVE, &fp);
        assert_true(run_foreign(f, o));
        assert_string_equal(SSL_get_cipher_name(f->ssl), ciphers[i / 4]);
        let_go(o);
        if (we_leave) {
            plm_security_dtls.close(o->session);
            assert_int_equal(o->out.n, 1);
            f->in = o->out.data[0];
            f->in_len = o->out.len[0];
            uint8_t scratch[64];
            assert_int_equal(SSL_read(f->ssl, scratch, sizeof scratch), 0);
            assert_true(SSL_get_shutdown(f->ssl) & SSL_RECEIVED_SHUTDOWN);
        } else {
            SSL_shutdown(f->ssl);
            assert_int_equal(f->out.n, 1);
            reject_tampered(&f->out, o);
            deliver(&f->out, o);
            assert_events(o, 2, PLM_SEC_ESTABLISHED, PLM_SEC_CLOSED);
        }
        foreign_destroy(f);
        ours_destroy(o);
    }
}

static void renegotiation_is_ignored(void **state)
{
    (void)state;
    struct ours *o = ours_create();
    struct foreign *f = foreign_create("SRTP_AEAD_AES_128_GCM", EVP_EC_gen("P-256"), true);
    struct plm_fingerprint fp = foreign_fingerprint(f, EVP_sha256());
    ours_open(o, PLM_SETUP_PASSIVE, &fp);
    assert_true(run_foreign(f, o));
    struct plm_seal_key *key = plm_security_dtls.seal_key(o->session);
    SSL_renegotiate(f->ssl);
    SSL_do_handshake(f->ssl);
    assert_in_range(f->out.n, 1, 4);
    deliver(&f->out, o);
    assert_events(o, 1, PLM_SEC_ESTABLISHED, PLM_SEC_ESTABLISHED);
    assert_ptr_equal(plm_security_dtls.seal_key(o->session), key);
    foreign_destroy(f);
    ours_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_roles),
        cmocka_unit_test(nothing_works_before),
        cmocka_unit_test(each_datagram_lost),
        cmocka_unit_test(silence_backs_off_and_fails),
        cmocka_unit_test(wrong_fingerprint),
        cmocka_unit_test(unusable_fingerprints),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(running_association_is_left_alone),
        cmocka_unit_test(the_last_flight_is_said_again),
        cmocka_unit_test(close_notify_tells),
        cmocka_unit_test(forged_records_end_no_handshake),
        cmocka_unit_test(a_false_hello_delays_at_most),
        cmocka_unit_test(handshake_is_bounded),
        cmocka_unit_test(every_profile_in_both_roles),
        cmocka_unit_test(the_preferred_profile_is_taken),
        cmocka_unit_test(exported_keys_are_laid_out_right),
        cmocka_unit_test(no_common_profile_is_refused),
        cmocka_unit_test(certificate_is_required),
        cmocka_unit_test(rsa_in_tiny_fragments),
        cmocka_unit_test(tail_speaks_every_cipher),
        cmocka_unit_test(renegotiation_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
