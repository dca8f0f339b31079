#include "dtls.h"
#include "base/util.h"
#include "dtls_records.h"
#include "dtls_tail.h"
#include "identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define LINK_MTU       1200
#define TIMER_FIRST_US 100000u
#define TIMER_MAX_US   3000000u
#define LINGER_US      5000000u /* after the handshake: the peer may still repeat its last flight */
#define LAST_FLIGHT    256      /* octets: ChangeCipherSpec and Finished are about 80 */
#define MAX_REPEATS    8        /* of the last flight: a peer that lost so many has other troubles */
#define MAX_CERT_CHAIN 16384
#define MAX_DATAGRAMS  1000 /* taken during one handshake; a good one needs about ten */
#define MAX_READS      32   /* records per datagram */
#define MAX_BEGINNINGS 8    /* of a server: what ends a handshake may be forged, and cost us a key exchange */

/* ECDHE with AEAD only: every WebRTC stack has them, and no other is worth its attack surface. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS  "X25519:P-256:P-384"
#define SIGALGS                                                                                              \
    "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384:ECDSA+SHA512:RSA-PSS+"    \
    "SHA512:RSA+SHA512:ed25519"

struct plm_dtls_ctx {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
};

/** What the last datagram taken was answered with. A peer that repeats its last flight has not got it. */
struct flight {
    uint8_t octets[LAST_FLIGHT];
    uint16_t len[4]; /* of its datagrams */
    uint16_t n, total;
    uint8_t repeats;
    bool whole;
};

struct plm_dtls {
    SSL *
        ssl; /* NULL after the handshake, or some seconds later where the peer may need more than its end: then the tail speaks */
    struct plm_dtls_tail tail;
    struct flight flight;
    struct plm_fingerprint fingerprint;
    void (*send)(void *arg, const uint8_t *data, size_t len);
    void *arg;
    struct plm_dtls_ctx *ctx;
    const uint8_t *in; /* the datagram being taken */
    size_t in_len;
    uint64_t next_plain; /* number of the next unprotected record */
    unsigned beginnings;
    size_t
        overhead; /* of a protected record; until the cipher is known that of GCM, and the peer's Finished is longer than either */
    uint64_t free_at_us, established_us;
    uint32_t datagrams;
    enum plm_dtls_state state;
    bool is_server;
    bool fingerprint_good;
    bool fingerprint_bad;
};

/* A client has no use for it: its peer would not answer another ClientHello. */
static bool may_begin_anew(const struct plm_dtls *d)
{
    return d->is_server && d->beginnings < MAX_BEGINNINGS;
}

/* A BIO that keeps datagrams apart: OpenSSL 3.0 has none in memory. */
static int bio_read(BIO *bio, char *buf, int size)
{
    struct plm_dtls *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = d->in_len < (size_t)size ? d->in_len : (size_t)size;
    memcpy(buf, d->in, n);
    plm_dtls_records_renumber((uint8_t *)buf, n, &d->next_plain);
    d->in = NULL;
    return (int)n;
}

/* What we complain about may be forged: the peer must not hear of it as long as it may succeed yet. */
static bool is_premature_alert(const struct plm_dtls *d, const char *data, int len)
{
    return d->state == PLM_DTLS_HANDSHAKE && !d->fingerprint_bad && may_begin_anew(d) && len > 0 &&
           data[0] == SSL3_RT_ALERT;
}

static void note_answer(struct flight *f, const char *data, int len)
{
    if (!f->whole || f->n == PLM_COUNT_OF(f->len) || (size_t)len > sizeof f->octets - f->total) {
        f->whole = false;
        return;
    }
    memcpy(f->octets + f->total, data, (size_t)len);
    f->len[f->n++] = (uint16_t)len;
    f->total = (uint16_t)(f->total + len);
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct plm_dtls *d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (is_premature_alert(d, data, len))
        return len;
    if (d->state == PLM_DTLS_HANDSHAKE)
        note_answer(&d->flight, data, len);
    d->send(d->arg, (const uint8_t *)data, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return 28; /* IPv4 and UDP */
    default:
        return 0;
    }
}

static const EVP_MD *fingerprint_hash(const struct plm_fingerprint *fp)
{
    switch (fp->len) {
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return NULL;
    }
}

/**
 * Instead of a chain check: the certificate must be the one whose fingerprint came by signalling (RFC 5763 section 5), nothing else of it
 * matters. Deciding here ends the handshake before there are keys.
 */
static int on_certificate(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct plm_dtls *d = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    d->fingerprint_good = cert && X509_digest(cert, fingerprint_hash(&d->fingerprint), digest, &len) == 1 &&
                          len == d->fingerprint.len && CRYPTO_memcmp(digest, d->fingerprint.value, len) == 0;
    d->fingerprint_bad = !d->fingerprint_good;
    if (!d->fingerprint_good)
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return d->fingerprint_good;
}

static unsigned next_timeout(SSL *ssl, unsigned us)
{
    (void)ssl;
    if (us == 0)
        return TIMER_FIRST_US;
    return us < TIMER_MAX_US / 2 ? us * 2 : TIMER_MAX_US;
}

/* All are always allowed: a peer that lacks the preferred one still gets in. The server's order decides. */
static const char *profiles(uint16_t prefer)
{
    switch (prefer) {
    case 0:
    case PLM_SRTP_AEAD_AES_128_GCM:
        return "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
    case PLM_SRTP_AEAD_AES_256_GCM:
        return "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
    case PLM_SRTP_AES128_CM_SHA1_80:
        return "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM";
    default:
        return NULL;
    }
}

static bool configure(SSL_CTX *ssl, const struct plm_identity *id, const char *srtp)
{
    /* No ticket and no cache: a resumed session would not show its certificate. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, on_certificate, NULL);
    SSL_CTX_set_max_cert_list(ssl, MAX_CERT_CHAIN);
    SSL_CTX_set_max_send_fragment(ssl, 1024);
    SSL_CTX_set_default_read_buffer_len(ssl, PLM_DTLS_MAX_DATAGRAM);
    return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl, CIPHERS) == 1 && SSL_CTX_set1_groups_list(ssl, GROUPS) == 1 &&
           SSL_CTX_set1_sigalgs_list(ssl, SIGALGS) == 1 &&
           SSL_CTX_set_tlsext_use_srtp(ssl, srtp) == 0 && /* 0 is good */
           plm_identity_use(id, ssl) == 0;
}

int plm_dtls_ctx_create(struct plm_dtls_ctx **out, const struct plm_identity *id, uint16_t prefer)
{
    if (!profiles(prefer))
        return PLM_EINVAL;
    struct plm_dtls_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return PLM_ENOMEM;
    /* No index from BIO_get_new_index: there are only 128 of them in a process. */
    ctx->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagram");
    ctx->ssl = SSL_CTX_new(DTLS_method());
    if (!ctx->bio || !ctx->ssl || !configure(ctx->ssl, id, profiles(prefer))) {
        ERR_clear_error();
        plm_dtls_ctx_destroy(ctx);
        return PLM_ENOMEM;
    }
    BIO_meth_set_read(ctx->bio, bio_read);
    BIO_meth_set_write(ctx->bio, bio_write);
    BIO_meth_set_ctrl(ctx->bio, bio_ctrl);
    *out = ctx;
    return 0;
}

void plm_dtls_ctx_destroy(struct plm_dtls_ctx *ctx)
{
    if (!ctx)
        return;
    SSL_CTX_free(ctx->ssl);
    BIO_meth_free(ctx->bio);
    free(ctx);
}

static int open_ssl(struct plm_dtls *d, enum plm_setup setup)
{
    BIO *bio = BIO_new(d->ctx->bio);
    SSL *ssl = SSL_new(d->ctx->ssl);
    if (!bio || !ssl || SSL_set_app_data(ssl, d) != 1) {
        BIO_free(bio);
        SSL_free(ssl);
        return PLM_ENOMEM;
    }
    BIO_set_data(bio, d);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    DTLS_set_link_mtu(ssl, LINK_MTU);
    DTLS_set_timer_cb(ssl, next_timeout);
    if (setup == PLM_SETUP_ACTIVE)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    SSL_free(d->ssl);
    d->ssl = ssl;
    d->beginnings++;
    return 0;
}

int plm_dtls_create(struct plm_dtls **out, struct plm_dtls_ctx *ctx, const struct plm_sec_config *config)
{
    if (!fingerprint_hash(&config->fingerprint))
        return PLM_EINVAL;
    struct plm_dtls *d = calloc(1, sizeof *d);
    if (!d)
        return PLM_ENOMEM;
    d->fingerprint = config->fingerprint;
    d->send = config->cb.send;
    d->arg = config->arg;
    d->ctx = ctx;
    d->is_server = config->setup == PLM_SETUP_PASSIVE;
    d->overhead = PLM_DTLS_GCM_OVERHEAD;
    if (open_ssl(d, config->setup) != 0) {
        ERR_clear_error();
        plm_dtls_destroy(d);
        return PLM_ENOMEM;
    }
    *out = d;
    return 0;
}

void plm_dtls_destroy(struct plm_dtls *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    plm_dtls_tail_reset(&d->tail);
    free(d);
}

static void on_handshake_done(struct plm_dtls *d, uint64_t now_us)
{
    struct plm_srtp_keys shape;
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
    bool agreed = profile && plm_srtp_keys_shape(&shape, (enum plm_srtp_profile)profile->id) == 0;
    if (!d->fingerprint_good || !SSL_get0_peer_certificate(d->ssl) || !agreed) {
        d->state = PLM_DTLS_FAILED;
        SSL_shutdown(d->ssl);
        return;
    }
    if (SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(d->ssl)) == NID_chacha20_poly1305)
        d->overhead = PLM_DTLS_CHACHA20_OVERHEAD;
    d->state = PLM_DTLS_ESTABLISHED;
    d->established_us = now_us;
    /* A server has the last word, and can say it again without OpenSSL; a client's was heard, for this is the answer. */
    d->free_at_us = !d->is_server || d->flight.whole ? now_us : now_us + LINGER_US;
}

/** Repeated flights are answered within. Application data does not come so far. */
static void read_records(struct plm_dtls *d)
{
    uint8_t scratch[PLM_DTLS_MAX_DATAGRAM];
    for (int i = 0; i < MAX_READS && SSL_read(d->ssl, scratch, sizeof scratch) > 0; i++)
        ;
    if (SSL_get_shutdown(d->ssl) & SSL_RECEIVED_SHUTDOWN)
        d->state = PLM_DTLS_CLOSED;
}

/* Nothing of a handshake is authentic before its end. What OpenSSL stumbles over is forgotten, and the peer's next ClientHello taken. */
static void on_handshake_error(struct plm_dtls *d)
{
    if (d->fingerprint_bad)
        d->state = PLM_DTLS_BAD_FINGERPRINT;
    else if (!may_begin_anew(d) || open_ssl(d, PLM_SETUP_PASSIVE) != 0)
        d->state = PLM_DTLS_FAILED;
}

static void drive(struct plm_dtls *d, uint64_t now_us)
{
    ERR_clear_error(); /* SSL_get_error looks at the thread's whole queue */
    d->flight.n = d->flight.total = 0;
    d->flight.whole = true;
    if (d->state == PLM_DTLS_HANDSHAKE) {
        int n = SSL_do_handshake(d->ssl);
        if (n == 1)
            on_handshake_done(d, now_us);
        else if (SSL_get_error(d->ssl, n) != SSL_ERROR_WANT_READ)
            on_handshake_error(d);
    }
    /* The same datagram may hold more than the handshake needed. */
    if (d->state == PLM_DTLS_ESTABLISHED)
        read_records(d);
    ERR_clear_error();
}

/* The same octets: to the peer a datagram that came twice. */
static void repeat_flight(struct plm_dtls *d)
{
    size_t at = 0;
    d->flight.repeats++;
    for (unsigned i = 0; i < d->flight.n; i++) {
        d->send(d->arg, d->flight.octets + at, d->flight.len[i]);
        at += d->flight.len[i];
    }
}

/** After OpenSSL has gone the end is of interest, and for a while whether the peer knows that the handshake is over. */
static int on_late_datagram(struct plm_dtls *d, const struct plm_dtls_records *records, const uint8_t *data,
    size_t len, uint64_t now_us)
{
    if (records->finished && d->is_server && d->flight.repeats < MAX_REPEATS &&
        now_us - d->established_us < LINGER_US) {
        repeat_flight(d);
        return 0;
    }
    if (!plm_dtls_tail_is_close(&d->tail, data, len))
        return PLM_EINVAL;
    d->state = PLM_DTLS_CLOSED;
    return 0;
}

void plm_dtls_start(struct plm_dtls *d)
{
    if (d->state == PLM_DTLS_HANDSHAKE && !SSL_is_server(d->ssl))
        drive(d, 0);
}

int plm_dtls_on_datagram(struct plm_dtls *d, const uint8_t *data, size_t len, uint64_t now_us)
{
    struct plm_dtls_records records;
    if (len > PLM_DTLS_MAX_DATAGRAM || !plm_dtls_records_look(data, len, d->is_server, d->overhead, &records))
        return PLM_EINVAL;
    switch (d->state) {
    case PLM_DTLS_HANDSHAKE:
        if (d->datagrams == MAX_DATAGRAMS || (SSL_in_before(d->ssl) && !records.hello))
            return PLM_EINVAL;
        d->datagrams++;
        break;
    case PLM_DTLS_ESTABLISHED:
        /* Nothing unprotected matters any more, above all no second ClientHello. */
        if (!records.sealed)
            return PLM_EINVAL;
        if (!d->ssl)
            return on_late_datagram(d, &records, data, len, now_us);
        break;
    default:
        return PLM_EINVAL;
    }
    d->in = data;
    d->in_len = len;
    drive(d, now_us);
    d->in = NULL;
    return 0;
}

/** @return when the handshake wants to be called again */
static uint64_t poll_handshake(struct plm_dtls *d, uint64_t now_us)
{
    struct timeval left;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        d->state = PLM_DTLS_FAILED;
    ERR_clear_error();
    if (d->state != PLM_DTLS_HANDSHAKE || DTLSv1_get_timeout(d->ssl, &left) != 1)
        return UINT64_MAX;
    return now_us + (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec;
}

static uint64_t poll_established(struct plm_dtls *d, uint64_t now_us)
{
    if (!d->ssl)
        return UINT64_MAX;
    if (now_us < d->free_at_us)
        return d->free_at_us;
    if (plm_dtls_tail_init(&d->tail, d->ssl) != 0) {
        ERR_clear_error();
        d->free_at_us = UINT64_MAX; /* costs memory, nothing else */
        return UINT64_MAX;
    }
    SSL_free(d->ssl);
    d->ssl = NULL;
    return UINT64_MAX;
}

uint64_t plm_dtls_poll(struct plm_dtls *d, uint64_t now_us)
{
    switch (d->state) {
    case PLM_DTLS_HANDSHAKE:
        return poll_handshake(d, now_us);
    case PLM_DTLS_ESTABLISHED:
        return poll_established(d, now_us);
    default:
        return UINT64_MAX;
    }
}

static void send_close(struct plm_dtls *d)
{
    uint8_t record[PLM_DTLS_CLOSE_SIZE];
    if (d->ssl) {
        SSL_shutdown(d->ssl);
    } else {
        size_t len = plm_dtls_tail_close(&d->tail, record);
        if (len > 0)
            d->send(d->arg, record, len);
    }
    ERR_clear_error();
}

void plm_dtls_close(struct plm_dtls *d)
{
    if (d->state == PLM_DTLS_ESTABLISHED)
        send_close(d);
    if (d->state == PLM_DTLS_ESTABLISHED || d->state == PLM_DTLS_HANDSHAKE)
        d->state = PLM_DTLS_CLOSED;
}

enum plm_dtls_state plm_dtls_state(const struct plm_dtls *d)
{
    return d->state;
}

int plm_dtls_export(struct plm_dtls *d, struct plm_srtp_keys *out)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t raw[2 * PLM_SRTP_MAX_MASTER];
    if (d->state != PLM_DTLS_ESTABLISHED || !d->ssl)
        return PLM_ESTATE;
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
    if (!profile || plm_srtp_keys_shape(out, (enum plm_srtp_profile)profile->id) != 0)
        return PLM_ESTATE;
    size_t key = out->key_len, salt = out->salt_len;
    if (SSL_export_keying_material(d->ssl, raw, 2 * (key + salt), label, sizeof label - 1, NULL, 0, 0) != 1) {
        ERR_clear_error();
        return PLM_ESTATE;
    }
    /* RFC 5764 section 4.2: client key, server key, client salt, server salt. */
    uint8_t *client = SSL_is_server(d->ssl) ? out->rx : out->tx;
    uint8_t *server = SSL_is_server(d->ssl) ? out->tx : out->rx;
    memcpy(client, raw, key);
    memcpy(server, raw + key, key);
    memcpy(client + key, raw + 2 * key, salt);
    memcpy(server + key, raw + 2 * key + salt, salt);
    OPENSSL_cleanse(raw, sizeof raw);
    return 0;
}
