/*
 * Datagrams into a DTLS session: a server that waits, a client that has asked, and (two) ends of a running association of which one has
 * let go of OpenSSL. The first octet chooses; then each datagram has its length in front. No octet of a stranger's ever makes an
 * association, ends a running one, or gets out of it anything but silence. After all of it one end still hears that the other closes.
 */
#include "fuzz.h"
#include "plenum/engine.h"
#include "security.h"

#include <string.h>

#define MAX_QUEUE 32

struct end {
    struct plm_sec_session *session;
    uint8_t *data[MAX_QUEUE];
    size_t len[MAX_QUEUE];
    unsigned n, sent;
    unsigned events[PLM_SEC_CLOSED + 1];
};

static struct plm_identity *identity;
static void *ctx;

static void on_send(void *arg, const uint8_t *data, size_t len)
{
    struct end *e = arg;
    CHECK(len > 0 && len <= 1200);
    e->sent++;
    if (e->n == MAX_QUEUE)
        return;
    e->data[e->n] = malloc(len);
    CHECK(e->data[e->n]);
    memcpy(e->data[e->n], data, len);
    e->len[e->n++] = len;
}

static void on_event(void *arg, enum plm_sec_event ev)
{
    ((struct end *)arg)->events[ev]++;
}

static void open_end(struct end *e, enum plm_setup setup)
{
    struct plm_sec_config config = {setup, *plm_identity_fingerprint(identity), {on_send, on_event}, e};
    CHECK(plm_security_dtls.session_create(ctx, &config, &e->session, 0) == 0);
    plm_security_dtls.start(e->session, 0);
}

static void clear(struct end *e)
{
    for (unsigned i = 0; i < e->n; i++)
        free(e->data[i]);
    e->n = 0;
}

static void close_end(struct end *e)
{
    plm_security_dtls.session_destroy(e->session);
    clear(e);
}

static void carry(struct end *from, struct end *to)
{
    for (unsigned i = 0; i < from->n; i++)
        plm_security_dtls.on_datagram(to->session, from->data[i], from->len[i], 0);
    clear(from);
}

static void feed(struct end *e, struct fuzz_input in)
{
    while (in.left > 2) {
        size_t len = fuzz_u16(&in);
        if (len > in.left)
            len = in.left;
        uint8_t *copy = malloc(len ? len : 1);
        CHECK(copy);
        memcpy(copy, in.p, len);
        plm_security_dtls.on_datagram(e->session, copy, len, 0);
        free(copy);
        in.p += len;
        in.left -= len;
    }
}

static void feed_beginning(enum plm_setup setup, struct fuzz_input in)
{
    struct end e = {0};
    open_end(&e, setup);
    feed(&e, in);
    CHECK(e.events[PLM_SEC_ESTABLISHED] == 0 && plm_security_dtls.profile(e.session) == 0);
    CHECK(e.events[PLM_SEC_FAILED] + e.events[PLM_SEC_BAD_FINGERPRINT] <= 1);
    close_end(&e);
}

static void feed_running(struct fuzz_input in, bool a_leaves)
{
    struct end a = {0}, b = {0};
    open_end(&a, PLM_SETUP_PASSIVE);
    open_end(&b, PLM_SETUP_ACTIVE);
    for (int i = 0; i < 8; i++) {
        carry(&b, &a);
        carry(&a, &b);
    }
    CHECK(a.events[PLM_SEC_ESTABLISHED] == 1 && b.events[PLM_SEC_ESTABLISHED] == 1);
    plm_security_dtls.poll(b.session, 60000000);
    unsigned sent_a = a.sent, sent_b = b.sent;
    feed(&a, in);
    feed(&b, in);
    CHECK(a.sent == sent_a && b.sent == sent_b);
    for (unsigned ev = PLM_SEC_FAILED; ev <= PLM_SEC_CLOSED; ev++)
        CHECK(a.events[ev] == 0 && b.events[ev] == 0);
    CHECK(plm_security_dtls.profile(a.session) && plm_security_dtls.profile(b.session));
    struct end *leaves = a_leaves ? &a : &b, *stays = a_leaves ? &b : &a;
    plm_security_dtls.close(leaves->session);
    carry(leaves, stays);
    CHECK(stays->events[PLM_SEC_CLOSED] == 1);
    close_end(&a);
    close_end(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct plm_security_dtls_config config = {.flags = PLM_REPLACE_SRTP_KERNELS, .identity = NULL};
    if (!ctx) {
        CHECK(plm_identity_create(&identity) == 0);
        config.identity = identity;
        CHECK(plm_security_dtls_create(&ctx, &config) == 0);
    }
    uint8_t which = fuzz_u8(&in);
    switch (which % 3) {
    case 0:
        feed_beginning(PLM_SETUP_PASSIVE, in);
        break;
    case 1:
        feed_beginning(PLM_SETUP_ACTIVE, in);
        break;
    default:
        feed_running(in, which / 3 & 1);
        break;
    }
    return 0;
}
