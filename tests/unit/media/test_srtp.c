#include "hmac_sha1.h"
#include "plenum/engine.h"
#include "srtp.h"
#include "srtp_kdf.h"
#include "srtp_kernels.h"

#include <setjmp.h>
#include <srtp2/srtp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SSRC 0x01020304u

static const enum plm_srtp_profile profiles[] = {
    PLM_SRTP_AES128_CM_SHA1_80, PLM_SRTP_AEAD_AES_128_GCM, PLM_SRTP_AEAD_AES_256_GCM};
#define N_PROFILES (sizeof profiles / sizeof profiles[0])
/* Stock kernels, OpenSSL's, the best that the machine has. */
static const unsigned kernel_flags[] = {
    0, PLM_REPLACE_SRTP_KERNELS | PLM_NO_IPSEC_MB, PLM_REPLACE_SRTP_KERNELS};
#define N_KERNELS (sizeof kernel_flags / sizeof kernel_flags[0])

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

static void make_keys(struct plm_srtp_keys *keys, enum plm_srtp_profile profile, uint8_t first)
{
    assert_int_equal(plm_srtp_keys_shape(keys, profile), 0);
    for (size_t i = 0; i < PLM_SRTP_MAX_MASTER; i++) {
        keys->rx[i] = (uint8_t)(first + i);
        keys->tx[i] = (uint8_t)(first + i + 100);
    }
}

/** libsrtp as the peer: what it sends we open, with the key that is our rx. */
static srtp_t open_peer(const struct plm_srtp_keys *keys)
{
    srtp_t out;
    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    assert_int_equal(
        srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)keys->profile), 0);
    assert_int_equal(
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)keys->profile), 0);
    policy.ssrc.type = ssrc_any_outbound;
    policy.key = (uint8_t *)keys->rx;
    policy.window_size = 1024;
    assert_int_equal(srtp_create(&out, &policy), 0);
    return out;
}

static size_t make_rtp(srtp_t peer, uint8_t *out, uint32_t ssrc, uint16_t seq, size_t payload)
{
    uint8_t header[] = {0x80, 96, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 9, (uint8_t)(ssrc >> 24),
        (uint8_t)(ssrc >> 16), (uint8_t)(ssrc >> 8), (uint8_t)ssrc};
    memcpy(out, header, sizeof header);
    memset(out + sizeof header, 0x5a, payload);
    int len = (int)(sizeof header + payload);
    assert_int_equal(srtp_protect(peer, out, &len), srtp_err_status_ok);
    return (size_t)len;
}

/** On a heap copy of exactly this size. */
static int open_copy(struct plm_srtp *s, const uint8_t *pkt, size_t len, size_t *out_len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, pkt, len);
    *out_len = len;
    int err = plm_srtp_open_rtp(s, copy, out_len);
    if (err != 0)
        assert_int_equal(*out_len, len);
    free(copy);
    return err;
}

/* RFC 3711 appendix B.3. */
static void rfc3711_key_derivation(void **state)
{
    (void)state;
    uint8_t master[30], key[16], salt[14], auth[20];
    struct plm_srtp_session_keys out;
    assert_int_equal(from_hex(master, "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6"), 30);
    from_hex(key, "c61e7a93744f39ee10734afe3ff7a087");
    from_hex(salt, "30cbbc08863d8c85d49db34a9ae1");
    from_hex(auth, "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
    assert_int_equal(plm_srtp_kdf(&out, PLM_SRTP_AES128_CM_SHA1_80, master), 0);
    assert_int_equal(out.key_len, 16);
    assert_int_equal(out.salt_len, 14);
    assert_memory_equal(out.key, key, sizeof key);
    assert_memory_equal(out.salt, salt, sizeof salt);
    assert_memory_equal(out.auth, auth, sizeof auth);
    assert_int_equal(plm_srtp_kdf(&out, PLM_SRTP_NONE, master), PLM_EINVAL);
    assert_int_equal(plm_srtp_kdf(&out, (enum plm_srtp_profile)5, master), PLM_EINVAL);
}

/* RFC 2202 section 3, test cases 1 and 2. */
static void hmac_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *key, *data, *digest;
    } rows[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
            "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t key[64], data[64], expected[20], digest[20];
        struct plm_hmac_sha1 h;
        size_t key_len = from_hex(key, rows[i].key), len = from_hex(data, rows[i].data);
        from_hex(expected, rows[i].digest);
        plm_hmac_sha1_init(&h, key, key_len);
        for (int again = 0; again < 2; again++) {
            SHA_CTX running = h.inner;
            SHA1_Update(&running, data, len / 2);
            SHA1_Update(&running, data + len / 2, len - len / 2);
            plm_hmac_sha1_final(&h, &running, digest);
            assert_memory_equal(digest, expected, sizeof expected);
        }
    }
}

/* libsrtp checks each kernel by its own vectors when it is installed; here they are compared with each other. */
static void kernels_agree(void **state)
{
    (void)state;
    for (size_t p = 0; p < N_PROFILES; p++) {
        struct plm_srtp_keys keys, mirrored;
        make_keys(&keys, profiles[p], 7);
        mirrored = keys;
        memcpy(mirrored.rx, keys.tx, sizeof keys.tx);
        memcpy(mirrored.tx, keys.rx, sizeof keys.rx);
        /* Sessions made before a replacement keep their kernels: so all kinds live side by side. */
        struct plm_srtp *ours[N_KERNELS], *theirs[N_KERNELS];
        srtp_t peer[N_KERNELS];
        assert_int_equal(plm_srtp_library_ref(0), 0);
        for (size_t k = 0; k < N_KERNELS; k++) {
            if (k == 1) /* counted, so that the last unref brings the stock kernels back */
                assert_int_equal(plm_srtp_library_ref(kernel_flags[1]), 0);
            if (k == 2)
                plm_srtp_kernels_ipsecmb_install(); /* not on every machine; the best that is there is compared */
            assert_int_equal(plm_srtp_create(&ours[k], &keys), 0);
            assert_int_equal(plm_srtp_create(&theirs[k], &mirrored), 0);
            peer[k] = open_peer(&keys);
        }
        for (size_t size = 0; size < 1300; size += size < 70 ? 1 : 61) {
            uint8_t first[1500], pkt[1500];
            size_t len = 0, out_len;
            for (size_t k = 0; k < N_KERNELS; k++) {
                size_t n = make_rtp(peer[k], k == 0 ? first : pkt, SSRC, (uint16_t)size, size);
                if (k == 0)
                    len = n;
                assert_int_equal(n, len);
                if (k > 0)
                    assert_memory_equal(pkt, first, len);
                assert_int_equal(open_copy(ours[k], first, len, &out_len), 0);
                assert_int_equal(out_len, 12 + size);
            }
            for (size_t k = 0; k < N_KERNELS; k++) {
                uint8_t rtcp[1500] = {0x80, 200, 0, 6, 1, 2, 3, 4};
                len = 8 + (size & ~(size_t)3);
                assert_int_equal(plm_srtp_seal_rtcp(theirs[k], rtcp, &len, sizeof rtcp), 0);
                if (k == 0)
                    memcpy(first, rtcp, len);
                assert_memory_equal(rtcp, first, len);
                assert_int_equal(plm_srtp_open_rtcp(ours[(k + 1) % N_KERNELS], rtcp, &len), 0);
                assert_int_equal(len, 8 + (size & ~(size_t)3));
            }
        }
        for (size_t k = 0; k < N_KERNELS; k++) {
            plm_srtp_destroy(ours[k]);
            plm_srtp_destroy(theirs[k]);
            srtp_dealloc(peer[k]);
        }
        plm_srtp_library_unref();
        plm_srtp_library_unref();
    }
}

static void roll_over_counter(void **state)
{
    const unsigned *flags = *state;
    assert_int_equal(plm_srtp_library_ref(*flags), 0);
    for (size_t p = 0; p < N_PROFILES; p++) {
        struct plm_srtp_keys keys;
        make_keys(&keys, profiles[p], 1);
        srtp_t peer = open_peer(&keys);
        struct plm_srtp *s;
        assert_int_equal(plm_srtp_create(&s, &keys), 0);
        uint8_t pkt[128], before[128];
        size_t out_len, before_len = 0;
        for (uint32_t seq = 30000; seq < 65536 * 2 + 5000; seq += 250) {
            size_t len = make_rtp(peer, pkt, SSRC, (uint16_t)seq, 20);
            if (seq == 65500) { /* held back over the wrap */
                memcpy(before, pkt, len);
                before_len = len;
                continue;
            }
            assert_int_equal(open_copy(s, pkt, len, &out_len), 0);
            if (seq == 65750)
                assert_int_equal(open_copy(s, before, before_len, &out_len), 0);
        }
        plm_srtp_destroy(s);
        srtp_dealloc(peer);
    }
    plm_srtp_library_unref();
}

static void replays(void **state)
{
    const unsigned *flags = *state;
    assert_int_equal(plm_srtp_library_ref(*flags), 0);
    for (size_t p = 0; p < N_PROFILES; p++) {
        enum {
            N = 1100
        };
        struct plm_srtp_keys keys;
        make_keys(&keys, profiles[p], 1);
        srtp_t peer = open_peer(&keys);
        struct plm_srtp *s;
        assert_int_equal(plm_srtp_create(&s, &keys), 0);
        static uint8_t pkt[N][64];
        size_t len = 0, out_len;
        for (uint16_t i = 0; i < N; i++)
            len = make_rtp(peer, pkt[i], SSRC, (uint16_t)(1000 + i), 10);
        for (uint16_t i = 0; i < N; i++) {
            if (i != N - 1000 && i != N - 1024 && i != N - 1026)
                assert_int_equal(open_copy(s, pkt[i], len, &out_len), 0);
        }
        assert_int_equal(open_copy(s, pkt[N - 1], len, &out_len), PLM_EREPLAY);
        assert_int_equal(open_copy(s, pkt[N - 500], len, &out_len), PLM_EREPLAY);
        assert_int_equal(open_copy(s, pkt[0], len, &out_len), PLM_EREPLAY);
        /* A window of 1024: late by 999 and by 1023 is good, once; by 1025 is too late. */
        assert_int_equal(open_copy(s, pkt[N - 1000], len, &out_len), 0);
        assert_int_equal(open_copy(s, pkt[N - 1000], len, &out_len), PLM_EREPLAY);
        assert_int_equal(open_copy(s, pkt[N - 1024], len, &out_len), 0);
        assert_int_equal(open_copy(s, pkt[N - 1026], len, &out_len), PLM_EREPLAY);

        uint8_t rtcp[64] = {0x80, 201, 0, 1, 1, 2, 3, 4}, copy[64];
        int n = 8;
        assert_int_equal(srtp_protect_rtcp(peer, rtcp, &n), srtp_err_status_ok);
        memcpy(copy, rtcp, sizeof copy);
        len = (size_t)n;
        assert_int_equal(plm_srtp_open_rtcp(s, copy, &len), 0);
        assert_int_equal(len, 8);
        len = (size_t)n;
        assert_int_equal(plm_srtp_open_rtcp(s, rtcp, &len), PLM_EREPLAY);
        assert_int_equal(len, n);
        plm_srtp_destroy(s);
        srtp_dealloc(peer);
    }
    plm_srtp_library_unref();
}

/* Any bit of any part: refused, and the good packet still opens afterwards: nothing was learned from the bad ones. */
static void tampering(void **state)
{
    const unsigned *flags = *state;
    assert_int_equal(plm_srtp_library_ref(*flags), 0);
    for (size_t p = 0; p < N_PROFILES; p++) {
        struct plm_srtp_keys keys;
        make_keys(&keys, profiles[p], 1);
        srtp_t peer = open_peer(&keys);
        struct plm_srtp *s;
        assert_int_equal(plm_srtp_create(&s, &keys), 0);
        uint8_t good[128], bad[128];
        size_t out_len, len = make_rtp(peer, good, SSRC, 1, 40);
        assert_int_equal(open_copy(s, good, len, &out_len), 0);
        len = make_rtp(peer, good, SSRC, 2, 40);
        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(bad, good, len);
            bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
            int err = open_copy(s, bad, len, &out_len);
            assert_true(err == PLM_EAUTH || err == PLM_EINVAL || err == PLM_EREPLAY);
            if (bit >= 12 * 8)
                assert_int_equal(err, PLM_EAUTH);
        }
        for (size_t cut = 0; cut < len; cut++)
            assert_int_not_equal(open_copy(s, good, cut, &out_len), 0);
        assert_int_equal(open_copy(s, good, len, &out_len), 0);

        uint8_t rtcp[64] = {0x80, 201, 0, 1, 1, 2, 3, 4}, copy[64];
        int n = 8;
        assert_int_equal(srtp_protect_rtcp(peer, rtcp, &n), srtp_err_status_ok);
        for (size_t i = 0; i < (size_t)n; i++) {
            memcpy(copy, rtcp, sizeof copy);
            copy[i] ^= 0x40;
            out_len = (size_t)n;
            assert_int_not_equal(plm_srtp_open_rtcp(s, copy, &out_len), 0);
            memcpy(copy, rtcp, sizeof copy);
            out_len = i;
            assert_int_not_equal(plm_srtp_open_rtcp(s, copy, &out_len), 0);
        }
        out_len = (size_t)n;
        assert_int_equal(plm_srtp_open_rtcp(s, rtcp, &out_len), 0);
        plm_srtp_destroy(s);
        srtp_dealloc(peer);
    }
    plm_srtp_library_unref();
}

static void lying_headers(void **state)
{
    const unsigned *flags = *state;
    assert_int_equal(plm_srtp_library_ref(*flags), 0);
    for (size_t p = 0; p < N_PROFILES; p++) {
        struct plm_srtp_keys keys;
        make_keys(&keys, profiles[p], 1);
        struct plm_srtp *s;
        assert_int_equal(plm_srtp_create(&s, &keys), 0);
        size_t out_len;
        for (size_t len = 0; len < 80; len++) {
            uint8_t pkt[80] = {0x9f, 96, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4}; /* 15 CSRCs and an extension */
            memset(pkt + 12, 0xff, sizeof pkt - 12);                    /* of 65535 words */
            int err = open_copy(s, pkt, len, &out_len);
            assert_true(err == PLM_EINVAL || err == PLM_EAUTH);
        }
        out_len = 70000;
        uint8_t *big = calloc(1, out_len);
        assert_non_null(big);
        assert_int_equal(plm_srtp_open_rtp(s, big, &out_len), PLM_EINVAL);
        assert_int_equal(plm_srtp_open_rtcp(s, big, &out_len), PLM_EINVAL);
        assert_int_equal(plm_srtp_seal_rtcp(s, big, &out_len, out_len + 100), PLM_EINVAL);
        free(big);
        plm_srtp_destroy(s);
    }
    plm_srtp_library_unref();
}

static void ssrcs_are_capped(void **state)
{
    const unsigned *flags = *state;
    assert_int_equal(plm_srtp_library_ref(*flags), 0);
    struct plm_srtp_keys keys;
    make_keys(&keys, PLM_SRTP_AEAD_AES_128_GCM, 1);
    srtp_t peer = open_peer(&keys);
    struct plm_srtp *s;
    assert_int_equal(plm_srtp_create(&s, &keys), 0);
    uint8_t pkt[64];
    size_t out_len;
    for (uint32_t i = 0; i < PLM_SRTP_MAX_SSRCS + 10; i++) {
        size_t len = make_rtp(peer, pkt, 1000 + i, 1, 10);
        /* Packets that fail take no place. */
        uint8_t forged[64];
        memcpy(forged, pkt, len);
        forged[8] ^= 0x80;
        int err = open_copy(s, forged, len, &out_len);
        assert_int_equal(err, i < PLM_SRTP_MAX_SSRCS ? PLM_EAUTH : PLM_ELIMIT);
        assert_int_equal(open_copy(s, pkt, len, &out_len), i < PLM_SRTP_MAX_SSRCS ? 0 : PLM_ELIMIT);
    }
    /* Those that are known go on. */
    size_t len = make_rtp(peer, pkt, 1000, 2, 10);
    assert_int_equal(open_copy(s, pkt, len, &out_len), 0);
    len = make_rtp(peer, pkt, 1000 + PLM_SRTP_MAX_SSRCS - 1, 2, 10);
    assert_int_equal(open_copy(s, pkt, len, &out_len), 0);
    uint8_t rtcp[64] = {0x80, 201, 0, 1, 9, 9, 9, 9};
    int n = 8;
    assert_int_equal(srtp_protect_rtcp(peer, rtcp, &n), srtp_err_status_ok);
    out_len = (size_t)n;
    assert_int_equal(plm_srtp_open_rtcp(s, rtcp, &out_len), PLM_ELIMIT);
    plm_srtp_destroy(s);
    srtp_dealloc(peer);
    plm_srtp_library_unref();
}

static void refuses_other_profiles(void **state)
{
    (void)state;
    assert_int_equal(plm_srtp_library_ref(0), 0);
    for (int profile = 0; profile < 256; profile++) {
        struct plm_srtp_keys keys = {0};
        bool good = profile == 1 || profile == 7 || profile == 8;
        struct plm_srtp *s = NULL;
        assert_int_equal(plm_srtp_keys_shape(&keys, (enum plm_srtp_profile)profile), good ? 0 : PLM_EINVAL);
        keys.profile = (enum plm_srtp_profile)profile;
        assert_int_equal(plm_srtp_create(&s, &keys), good ? 0 : PLM_EINVAL);
        plm_srtp_destroy(s);
    }
    plm_srtp_library_unref();
}

/* The program around us uses libsrtp itself and was there first: it is neither refused nor shut down. */
static void host_has_initialised_it(void **state)
{
    (void)state;
    struct plm_srtp_keys keys;
    make_keys(&keys, PLM_SRTP_AEAD_AES_128_GCM, 1);
    /* From nothing: whoever ran before has left it replaced and counted down, or not begun. */
    assert_int_equal(plm_srtp_library_ref(PLM_REPLACE_SRTP_KERNELS), 0);
    plm_srtp_library_unref();
    assert_int_equal(srtp_init(), srtp_err_status_ok);
    srtp_t host = open_peer(&keys);
    assert_int_equal(plm_srtp_library_ref(PLM_REPLACE_SRTP_KERNELS), 0);
    struct plm_srtp *s;
    assert_int_equal(plm_srtp_create(&s, &keys), 0);
    uint8_t pkt[64];
    size_t out_len, len = make_rtp(host, pkt, SSRC, 1, 10);
    assert_int_equal(open_copy(s, pkt, len, &out_len), 0);
    plm_srtp_destroy(s);
    plm_srtp_library_unref();
    srtp_t later = open_peer(&keys);
    len = make_rtp(later, pkt, SSRC, 1, 10);
    assert_int_equal(len, 12 + 10 + 16);
    srtp_dealloc(later);
    srtp_dealloc(host);
}

static void library_is_counted(void **state)
{
    (void)state;
    struct plm_srtp_keys keys;
    make_keys(&keys, PLM_SRTP_AES128_CM_SHA1_80, 1);
    for (int round = 0; round < 3; round++) {
        struct plm_srtp *a, *b;
        assert_int_equal(plm_srtp_library_ref(0), 0);
        assert_int_equal(plm_srtp_create(&a, &keys), 0);
        assert_int_equal(plm_srtp_library_ref(PLM_REPLACE_SRTP_KERNELS), 0);
        assert_int_equal(plm_srtp_create(&b, &keys), 0);
        uint8_t rtcp[64] = {0x80, 201, 0, 1, 1, 2, 3, 4}, other[64] = {0x80, 201, 0, 1, 1, 2, 3, 4};
        size_t n = 8, m = 8;
        assert_int_equal(plm_srtp_seal_rtcp(a, rtcp, &n, sizeof rtcp), 0);
        assert_int_equal(plm_srtp_seal_rtcp(b, other, &m, sizeof other), 0);
        assert_int_equal(n, m);
        assert_memory_equal(rtcp, other, n);
        plm_srtp_destroy(b);
        plm_srtp_library_unref();
        n = 8;
        assert_int_equal(plm_srtp_seal_rtcp(a, rtcp, &n, sizeof rtcp), 0);
        plm_srtp_destroy(a);
        plm_srtp_library_unref();
    }
}

#define WITH_KERNELS(test)                                                                                   \
    {#test " (stock)", test, NULL, NULL, (void *)&kernel_flags[0]},                                          \
        {#test " (OpenSSL)", test, NULL, NULL, (void *)&kernel_flags[1]},                                    \
    {                                                                                                        \
#test " (best)", test, NULL, NULL, (void *)&kernel_flags[2]                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3711_key_derivation),
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(kernels_agree),
        WITH_KERNELS(roll_over_counter),
        WITH_KERNELS(replays),
        WITH_KERNELS(tampering),
        WITH_KERNELS(lying_headers),
        WITH_KERNELS(ssrcs_are_capped),
        cmocka_unit_test(refuses_other_profiles),
        cmocka_unit_test(library_is_counted),
        cmocka_unit_test(host_has_initialised_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
