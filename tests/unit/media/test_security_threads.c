/*
 * Each worker has a context of its own, made and used on its own thread; the identity, libsrtp and ipsec-mb's shared manager are what
 * they have in common.
 */
#include "plenum/engine.h"
#include "security.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS  5
#define PACKETS 200

struct end {
    struct plm_sec_session *session;
    uint8_t data[16][2048];
    size_t len[16];
    unsigned n, established;
};

static void on_send(void *arg, const uint8_t *data, size_t len)
{
    struct end *e = arg;
    if (e->n == 16 || len > sizeof e->data[0])
        return;
    memcpy(e->data[e->n], data, len);
    e->len[e->n++] = len;
}

static void on_event(void *arg, enum plm_sec_event ev)
{
    ((struct end *)arg)->established += ev == PLM_SEC_ESTABLISHED;
}

static bool open_end(void *ctx, const struct plm_identity *id, struct end *e, enum plm_setup setup)
{
    struct plm_sec_config config = {setup, *plm_identity_fingerprint(id), {on_send, on_event}, e};
    if (plm_security_dtls.session_create(ctx, &config, &e->session, 0) != 0)
        return false;
    plm_security_dtls.start(e->session, 0);
    return true;
}

static void carry(struct end *from, struct end *to)
{
    for (unsigned i = 0; i < from->n; i++)
        plm_security_dtls.on_datagram(to->session, from->data[i], from->len[i], 0);
    from->n = 0;
}

/** @return packets that came through */
static unsigned send_media(void *ctx, struct end *from, struct end *to)
{
    unsigned good = 0;
    uint8_t body[300] = {1, 2, 3}, out[400];
    for (uint16_t seq = 0; seq < PACKETS; seq++) {
        const uint8_t header[12] = {0x80, 96, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 0, 0, 0, 0, 7};
        memcpy(out, header, sizeof header);
        struct plm_seal_job job = {.key = plm_security_dtls.seal_key(from->session),
            .ext_seq = seq,
            .ssrc = 7,
            .out = out,
            .body = body,
            .hdr_len = sizeof header,
            .body_len = sizeof body};
        plm_security_dtls.seal_rtp(ctx, &job, 1);
        size_t len = job.out_len;
        good += plm_security_dtls.open_rtp(to->session, out, &len) == 0 &&
                memcmp(out + sizeof header, body, sizeof body) == 0;
    }
    return good;
}

static unsigned one_round(struct plm_identity *id)
{
    void *ctx;
    struct plm_security_dtls_config config = {.flags = PLM_REPLACE_SRTP_KERNELS, .identity = id};
    struct end a = {0}, b = {0};
    unsigned good = 0;
    if (plm_security_dtls_create(&ctx, &config) != 0)
        return 0;
    if (open_end(ctx, id, &a, PLM_SETUP_PASSIVE) && open_end(ctx, id, &b, PLM_SETUP_ACTIVE)) {
        for (int i = 0; i < 8; i++) {
            carry(&b, &a);
            carry(&a, &b);
        }
        if (a.established && b.established)
            good = send_media(ctx, &a, &b);
    }
    if (a.session)
        plm_security_dtls.session_destroy(a.session);
    if (b.session)
        plm_security_dtls.session_destroy(b.session);
    plm_security_dtls_destroy(ctx);
    return good;
}

static void *worker(void *arg)
{
    unsigned good = 0;
    for (int i = 0; i < ROUNDS; i++)
        good += one_round(arg);
    return (void *)(uintptr_t)good;
}

static void contexts_on_their_own_threads(void **state)
{
    (void)state;
    struct plm_identity *id;
    pthread_t threads[THREADS];
    assert_int_equal(plm_identity_create(&id), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, id), 0);
    for (int i = 0; i < THREADS; i++) {
        void *good;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_int_equal((uintptr_t)good, ROUNDS * PACKETS);
    }
    plm_identity_destroy(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_on_their_own_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
