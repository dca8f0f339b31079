#include "../../fakes/leave_out.h"
#include "plenum/engine.h"
#include "seal.h"
#include "seal_backend.h"

#include <setjmp.h>
#include <srtp2/srtp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_BODY 1400
#define MAX_OUT  (64 + 16 + MAX_BODY + 255 + 16)

static const enum plm_seal_backend_kind backends[] = {PLM_SEAL_EVP, PLM_SEAL_IPSEC_MB};
static const enum plm_srtp_profile profiles[] = {
    PLM_SRTP_AES128_CM_SHA1_80, PLM_SRTP_AEAD_AES_128_GCM, PLM_SRTP_AEAD_AES_256_GCM};
#define N_PROFILES (sizeof profiles / sizeof profiles[0])

static uint32_t seed = 1;

static uint8_t next_octet(void)
{
    seed = seed * 1664525 + 1013904223;
    return (uint8_t)(seed >> 24);
}

static void fill(uint8_t *p, size_t n)
{
    while (n--)
        *p++ = next_octet();
}

/** What this machine cannot do is not tested; what it can do must open. */
static struct plm_sealer *open_sealer(enum plm_seal_backend_kind kind)
{
    struct plm_sealer *s = NULL;
    int err = plm_sealer_create(&s, kind);
    if (kind == PLM_SEAL_IPSEC_MB && err == PLM_ENOTSUP)
        return NULL;
    assert_int_equal(err, 0);
    return s;
}

static srtp_t open_libsrtp(enum plm_srtp_profile profile, const uint8_t *master, srtp_ssrc_type_t type)
{
    srtp_t out;
    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    assert_int_equal(srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)profile), 0);
    assert_int_equal(srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)profile), 0);
    policy.ssrc.type = type;
    policy.key = (uint8_t *)master;
    policy.window_size = 1024;
    assert_int_equal(srtp_create(&out, &policy), 0);
    return out;
}

/** A header of 12 octets, or with an extension of n_ext 32-bit words. */
static uint16_t write_header(uint8_t *p, uint16_t seq, uint32_t ssrc, unsigned n_ext, bool padded)
{
    p[0] = (uint8_t)(0x80 | (n_ext ? 0x10 : 0) | (padded ? 0x20 : 0));
    p[1] = 96;
    p[2] = (uint8_t)(seq >> 8);
    p[3] = (uint8_t)seq;
    fill(p + 4, 4);
    plm_seal_put32(p + 8, ssrc);
    if (!n_ext)
        return 12;
    p[12] = 0xbe;
    p[13] = 0xde;
    p[14] = 0;
    p[15] = (uint8_t)n_ext;
    fill(p + 16, n_ext * 4);
    return (uint16_t)(16 + n_ext * 4);
}

struct packet {
    struct plm_seal_job job;
    uint8_t out[MAX_OUT];
    uint8_t plain[MAX_OUT];
    size_t plain_len;
    uint8_t prefix[16];
    uint8_t body[MAX_BODY];
};

static void make_packet(struct packet *p, struct plm_seal_key *key, uint64_t ext_seq, uint32_t ssrc,
    unsigned n_ext, uint16_t prefix_len, uint16_t body_len, uint16_t pad)
{
    fill(p->prefix, sizeof p->prefix);
    fill(p->body, body_len);
    memset(p->out, 0xee, sizeof p->out);
    uint16_t hdr_len = write_header(p->out, (uint16_t)ext_seq, ssrc, n_ext, pad > 0);
    p->job = (struct plm_seal_job){.key = key,
        .ext_seq = ext_seq,
        .ssrc = ssrc,
        .out = p->out,
        .prefix = p->prefix,
        .body = body_len > 0 ? p->body : NULL, /* padding alone has none */
        .hdr_len = hdr_len,
        .prefix_len = prefix_len,
        .body_len = body_len,
        .pad = pad};
    uint8_t *at = p->plain;
    memcpy(at, p->out, hdr_len);
    at += hdr_len;
    memcpy(at, p->prefix, prefix_len);
    at += prefix_len;
    memcpy(at, p->body, body_len);
    at += body_len;
    if (pad > 0) {
        memset(at, 0, pad);
        at[pad - 1] = (uint8_t)pad;
        at += pad;
    }
    p->plain_len = (size_t)(at - p->plain);
}

/** The sealed packet is what libsrtp makes of the same plaintext, nothing around it was touched, and libsrtp opens it. */
static void check_packet(struct packet *p, srtp_t protect, srtp_t unprotect, size_t overhead)
{
    uint8_t expected[MAX_OUT];
    int len = (int)p->plain_len;
    memcpy(expected, p->plain, p->plain_len);
    assert_int_equal(srtp_protect(protect, expected, &len), srtp_err_status_ok);
    assert_int_equal(p->job.out_len, len);
    assert_int_equal((size_t)len, p->plain_len + overhead);
    assert_memory_equal(p->out, expected, (size_t)len);
    for (size_t i = (size_t)len; i < sizeof p->out; i++)
        assert_int_equal(p->out[i], 0xee);
    assert_int_equal(srtp_unprotect(unprotect, p->out, &len), srtp_err_status_ok);
    assert_int_equal(len, p->plain_len);
    assert_memory_equal(p->out, p->plain, p->plain_len);
}

static void every_size_equals_libsrtp(void **state)
{
    (void)state;
    static const struct {
        unsigned n_ext;
        uint16_t prefix, pad;
    } shapes[] = {{0, 0, 0}, {2, 0, 0}, {0, 2, 0}, {3, 5, 0}, {1, 15, 0}, {0, 0, 1}, {2, 0, 255}, {4, 3, 7},
        {0, 16, 16}};
    struct packet *p = malloc(sizeof *p);
    assert_non_null(p);
    for (size_t b = 0; b < 2; b++) {
        struct plm_sealer *sealer = open_sealer(backends[b]);
        for (size_t k = 0; sealer && k < N_PROFILES; k++) {
            uint8_t master[PLM_SRTP_MAX_MASTER];
            fill(master, sizeof master);
            struct plm_seal_key *key;
            assert_int_equal(plm_seal_key_create(&key, sealer, profiles[k], master), 0);
            srtp_t protect = open_libsrtp(profiles[k], master, ssrc_any_outbound);
            srtp_t unprotect = open_libsrtp(profiles[k], master, ssrc_any_inbound);
            uint64_t seq = 45000; /* goes over the wrap of the sequence number */
            for (uint16_t size = 0; size <= MAX_BODY; size++) {
                for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
                    if (size > 100 && (size + i) % 7 != 0)
                        continue;
                    seq += 11;
                    make_packet(
                        p, key, seq, 0xdeadbeef, shapes[i].n_ext, shapes[i].prefix, size, shapes[i].pad);
                    plm_seal(sealer, &p->job, 1);
                    check_packet(p, protect, unprotect, plm_seal_key_overhead(key));
                }
            }
            assert_in_range(seq, 1 << 16, UINT32_MAX);
            srtp_dealloc(protect);
            srtp_dealloc(unprotect);
            plm_seal_key_destroy(key);
        }
        plm_sealer_destroy(sealer);
    }
    free(p);
}

/* Batches of every length, profiles mixed and of one kind, several packets of one key: each lands in its own job. */
static void batches_keep_their_order(void **state)
{
    (void)state;
    enum {
        MAX = 150
    };
    struct packet *p = calloc(MAX, sizeof *p);
    struct plm_seal_job *jobs = calloc(MAX, sizeof *jobs);
    assert_non_null(p);
    assert_non_null(jobs);
    for (size_t b = 0; b < 2; b++) {
        struct plm_sealer *sealer = open_sealer(backends[b]);
        for (unsigned mix = 0; sealer && mix < N_PROFILES + 1; mix++) {
            struct plm_seal_key *key[N_PROFILES];
            srtp_t protect[N_PROFILES], unprotect[N_PROFILES];
            for (size_t k = 0; k < N_PROFILES; k++) {
                uint8_t master[PLM_SRTP_MAX_MASTER];
                fill(master, sizeof master);
                assert_int_equal(plm_seal_key_create(&key[k], sealer, profiles[k], master), 0);
                protect[k] = open_libsrtp(profiles[k], master, ssrc_any_outbound);
                unprotect[k] = open_libsrtp(profiles[k], master, ssrc_any_inbound);
            }
            uint64_t seq = 1000;
            static const size_t sizes[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 128, 150};
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                for (size_t i = 0; i < sizes[s]; i++) {
                    size_t k = mix < N_PROFILES ? mix : next_octet() % N_PROFILES;
                    uint16_t body = next_octet() % 8 ? (uint16_t)(next_octet() * 5) : 0;
                    uint16_t prefix = next_octet() % 3 ? 0 : next_octet() % 16,
                             pad = next_octet() % 3 ? 0 : next_octet();
                    make_packet(&p[i], key[k], seq++, 77, next_octet() % 3, prefix, body, pad);
                    jobs[i] = p[i].job;
                }
                plm_seal(sealer, jobs, sizes[s]);
                for (size_t i = 0; i < sizes[s]; i++) {
                    size_t k = 0;
                    while (key[k] != jobs[i].key)
                        k++;
                    p[i].job = jobs[i];
                    check_packet(&p[i], protect[k], unprotect[k], plm_seal_key_overhead(key[k]));
                }
            }
            for (size_t k = 0; k < N_PROFILES; k++) {
                plm_seal_key_destroy(key[k]);
                srtp_dealloc(protect[k]);
                srtp_dealloc(unprotect[k]);
            }
        }
        plm_sealer_destroy(sealer);
    }
    free(jobs);
    free(p);
}

static void backends_agree(void **state)
{
    (void)state;
    struct plm_sealer *a = open_sealer(PLM_SEAL_EVP), *b = open_sealer(PLM_SEAL_IPSEC_MB);
    assert_string_equal(plm_sealer_name(a), "openssl");
    if (!b) {
        plm_sealer_destroy(a);
        LEAVE_OUT("no ipsec-mb here");
    }
    assert_string_equal(plm_sealer_name(b), "ipsec-mb");
    enum {
        N = 20
    };
    struct packet *p = calloc(N, sizeof *p), *q = calloc(N, sizeof *q);
    struct plm_seal_job ja[N], jb[N];
    assert_non_null(p);
    assert_non_null(q);
    for (size_t k = 0; k < N_PROFILES; k++) {
        uint8_t master[PLM_SRTP_MAX_MASTER];
        struct plm_seal_key *ka, *kb;
        fill(master, sizeof master);
        assert_int_equal(plm_seal_key_create(&ka, a, profiles[k], master), 0);
        assert_int_equal(plm_seal_key_create(&kb, b, profiles[k], master), 0);
        for (size_t i = 0; i < N; i++) {
            make_packet(&p[i], ka, (5ull << 16) + i * 1000, 9, 1, i % 4, (uint16_t)(i * 60), i % 3);
            q[i] = p[i];
            ja[i] = jb[i] = p[i].job;
            jb[i].key = kb;
            jb[i].out = q[i].out;
        }
        plm_seal(a, ja, N);
        plm_seal(b, jb, N);
        for (size_t i = 0; i < N; i++) {
            assert_int_not_equal(ja[i].out_len, 0);
            assert_int_equal(ja[i].out_len, jb[i].out_len);
            assert_memory_equal(p[i].out, q[i].out, sizeof p[i].out);
        }
        plm_seal_key_destroy(ka);
        plm_seal_key_destroy(kb);
    }
    free(p);
    free(q);
    plm_sealer_destroy(a);
    plm_sealer_destroy(b);
}

static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; hex[2 * n]; n++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * n, "%2x", &v), 1);
        out[n] = (uint8_t)v;
    }
    return n;
}

/* Vectors name session keys: the derivation is left out. */
static void seal_with_session_keys(enum plm_seal_backend_kind kind,
    const struct plm_srtp_session_keys *session, uint64_t ext_seq, uint32_t ssrc, uint8_t *out,
    uint16_t hdr_len, const uint8_t *body, uint16_t body_len, uint16_t *out_len)
{
    const struct plm_seal_backend *backend = kind == PLM_SEAL_EVP ? &plm_seal_evp : plm_seal_ipsecmb;
    void *backend_state;
    assert_int_equal(backend->open(&backend_state), 0);
    struct plm_seal_key key = {.backend = backend, .profile = session->profile};
    key.overhead = session->profile == PLM_SRTP_AES128_CM_SHA1_80 ? 10 : 16;
    memcpy(key.salt, session->salt, session->salt_len);
    key.own = backend->key_create(backend_state, session);
    assert_non_null(key.own);
    struct plm_seal_job job = {.key = &key,
        .ext_seq = ext_seq,
        .ssrc = ssrc,
        .out = out,
        .body = body,
        .hdr_len = hdr_len,
        .body_len = body_len};
    backend->seal(backend_state, &job, 1);
    *out_len = job.out_len;
    backend->key_destroy(key.own);
    backend->close(backend_state);
}

/* RFC 7714 sections 16.1.1 and 16.2.1. */
static void rfc7714_vectors(void **state)
{
    (void)state;
    static const struct {
        enum plm_srtp_profile profile;
        const char *key, *sealed;
    } rows[] = {
        {PLM_SRTP_AEAD_AES_128_GCM, "000102030405060708090a0b0c0d0e0f",
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf"
            "8833"
            "899d7f27beb16a9152cf765ee4390cce"},
        {PLM_SRTP_AEAD_AES_256_GCM, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799"
            "b87b"
            "7aa3db36dfffd6b0f9bb7878d7a76c13"},
    };
    static const char text[] = "Gallia est omnis divisa in partes tres";
    for (size_t b = 0; b < 2; b++) {
        struct plm_sealer *probe = open_sealer(backends[b]);
        bool available = probe != NULL;
        plm_sealer_destroy(probe);
        for (size_t i = 0; available && i < 2; i++) {
            uint8_t expected[128], out[128];
            uint16_t len;
            struct plm_srtp_session_keys session = {.profile = rows[i].profile, .salt_len = 12};
            session.key_len = (uint8_t)from_hex(session.key, rows[i].key);
            assert_int_equal(from_hex(session.salt, "517569642070726f2071756f"), 12);
            size_t expected_len = from_hex(expected, rows[i].sealed);
            memcpy(out, expected, 12);
            seal_with_session_keys(backends[b], &session, 0xf17b, 0x5501a0b2, out, 12, (const uint8_t *)text,
                sizeof text - 1, &len);
            assert_int_equal(len, expected_len);
            assert_memory_equal(out, expected, expected_len);
        }
    }
}

/* RFC 3711 appendix B.2: the key stream shows when zeros are sealed. */
static void rfc3711_keystream(void **state)
{
    (void)state;
    struct plm_srtp_session_keys session = {
        .profile = PLM_SRTP_AES128_CM_SHA1_80, .key_len = 16, .salt_len = 14};
    from_hex(session.key, "2b7e151628aed2a6abf7158809cf4f3c");
    from_hex(session.salt, "f0f1f2f3f4f5f6f7f8f9fafbfcfd");
    uint8_t out[12 + 48 + 10] = {0x80}, expected[48];
    static const uint8_t zeros[48];
    uint16_t len;
    from_hex(expected,
        "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0");
    seal_with_session_keys(PLM_SEAL_EVP, &session, 0, 0, out, 12, zeros, sizeof zeros, &len);
    assert_int_equal(len, sizeof out);
    assert_memory_equal(out + 12, expected, sizeof expected);
}

static void refuses_what_is_no_profile(void **state)
{
    (void)state;
    static const int bad[] = {0, 2, 5, 6, 9, 255};
    uint8_t master[PLM_SRTP_MAX_MASTER] = {0};
    struct plm_sealer *s = open_sealer(PLM_SEAL_EVP);
    struct plm_seal_key *key = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(plm_seal_key_create(&key, s, (enum plm_srtp_profile)bad[i], master), PLM_EINVAL);
    assert_null(key);
    plm_sealer_destroy(s);
    assert_int_equal(plm_sealer_create(&s, PLM_SEAL_AUTO), 0);
    assert_non_null(plm_sealer_name(s));
    plm_sealer_destroy(s);
}

static void tracker_finds_repeats(void **state)
{
    (void)state;
    struct plm_seal_tracker t = {0};
    for (uint64_t i = 0; i < 5000; i++)
        assert_true(plm_seal_tracker_take(&t, 1, i));
    assert_false(plm_seal_tracker_take(&t, 1, 4999));
    assert_false(plm_seal_tracker_take(&t, 1, 5000 - PLM_SEAL_TRACKER_WINDOW));
    assert_false(plm_seal_tracker_take(&t, 1, 0));
    assert_true(plm_seal_tracker_take(&t, 2, 4999));
    assert_true(plm_seal_tracker_take(&t, 1, 5010));
    assert_true(plm_seal_tracker_take(&t, 1, 5005));
    assert_false(plm_seal_tracker_take(&t, 1, 5005));
    assert_false(plm_seal_tracker_take(&t, 1, 5010));
    assert_true(plm_seal_tracker_take(&t, 1, 1ull << 40));
    assert_true(plm_seal_tracker_take(&t, 1, (1ull << 40) - 1));
    assert_false(plm_seal_tracker_take(&t, 1, (1ull << 40) - 1));
    assert_false(plm_seal_tracker_take(&t, 1, 5011));
    for (uint32_t ssrc = 10; ssrc < 60; ssrc++) {
        assert_true(plm_seal_tracker_take(&t, ssrc, 0));
        assert_false(plm_seal_tracker_take(&t, ssrc, 0));
        assert_true(plm_seal_tracker_take(&t, ssrc, PLM_SEAL_TRACKER_WINDOW));
    }
    plm_seal_tracker_reset(&t);
    assert_true(plm_seal_tracker_take(&t, 1, 0));
    plm_seal_tracker_reset(&t);
}

static int start_libsrtp(void **state)
{
    (void)state;
    return plm_srtp_library_ref(0); /* stock kernels: an oracle that shares nothing with ours */
}

static int stop_libsrtp(void **state)
{
    (void)state;
    plm_srtp_library_unref();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_equals_libsrtp),
        cmocka_unit_test(batches_keep_their_order),
        cmocka_unit_test(backends_agree),
        cmocka_unit_test(rfc7714_vectors),
        cmocka_unit_test(rfc3711_keystream),
        cmocka_unit_test(refuses_what_is_no_profile),
        cmocka_unit_test(tracker_finds_repeats),
    };
    return ended(cmocka_run_group_tests(tests, start_libsrtp, stop_libsrtp));
}
