#include "srtp.h"
#include "plenum/engine.h"
#include "srtp_kernels.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_WINDOW 1024
#define RTP_HEADER    12
#define RTCP_HEADER   8

struct plm_srtp {
    srtp_t in, out;
    uint32_t *ssrcs; /* inbound ones that have shown a good packet */
    uint16_t n_ssrcs, cap_ssrcs;
};

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned library_refs;
static bool library_ready; /* by us or by the host; srtp_init() fails the second time */
static bool library_ours;  /* we called srtp_init() */
static bool kernels_replaced;

int plm_srtp_keys_shape(struct plm_srtp_keys *keys, enum plm_srtp_profile profile)
{
    switch (profile) {
    case PLM_SRTP_AES128_CM_SHA1_80:
        keys->key_len = 16;
        keys->salt_len = 14;
        break;
    case PLM_SRTP_AEAD_AES_128_GCM:
        keys->key_len = 16;
        keys->salt_len = 12;
        break;
    case PLM_SRTP_AEAD_AES_256_GCM:
        keys->key_len = 32;
        keys->salt_len = 12;
        break;
    default:
        return PLM_EINVAL;
    }
    keys->profile = profile;
    return 0;
}

static int replace_kernels(unsigned flags)
{
    if (plm_srtp_kernels_evp_install() != 0)
        return PLM_ENOTSUP;
    if (!(flags & PLM_NO_IPSEC_MB))
        plm_srtp_kernels_ipsecmb_install(); /* where it cannot, OpenSSL's stay */
    return 0;
}

static int open_session(
    srtp_t *out, enum plm_srtp_profile profile, srtp_ssrc_type_t direction, const uint8_t *key)
{
    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)profile) !=
            srtp_err_status_ok ||
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)profile) !=
            srtp_err_status_ok)
        return PLM_EINVAL;
    policy.ssrc.type = direction;
    policy.key = (uint8_t *)key;
    policy.window_size = REPLAY_WINDOW;
    return srtp_create(out, &policy) == srtp_err_status_ok ? 0 : PLM_ENOMEM;
}

/** libsrtp cannot be asked whether it is initialised: a session can only be made when it is. */
static bool library_works(void)
{
    static const uint8_t key[PLM_SRTP_MAX_MASTER];
    srtp_t probe;
    if (open_session(&probe, PLM_SRTP_AES128_CM_SHA1_80, ssrc_any_inbound, key) != 0)
        return false;
    srtp_dealloc(probe);
    return true;
}

static int init_library(void)
{
    library_ours = srtp_init() == srtp_err_status_ok;
    library_ready = library_ours || library_works();
    return library_ready ? 0 : PLM_ENOTSUP;
}

int plm_srtp_library_ref(unsigned flags)
{
    pthread_mutex_lock(&library_lock);
    int err = library_ready ? 0 : init_library();
    if (err == 0 && (flags & PLM_REPLACE_SRTP_KERNELS) && !kernels_replaced) {
        err = replace_kernels(flags);
        kernels_replaced = err == 0;
    }
    if (err == 0)
        library_refs++;
    pthread_mutex_unlock(&library_lock);
    return err;
}

void plm_srtp_library_unref(void)
{
    pthread_mutex_lock(&library_lock);
    /* Without the flag the host may be using it as well. */
    if (--library_refs == 0 && kernels_replaced && library_ours) {
        srtp_shutdown();
        library_ready = kernels_replaced = false;
    }
    pthread_mutex_unlock(&library_lock);
}

int plm_srtp_create(struct plm_srtp **out, const struct plm_srtp_keys *keys)
{
    struct plm_srtp_keys shape;
    if (plm_srtp_keys_shape(&shape, keys->profile) != 0)
        return PLM_EINVAL;
    struct plm_srtp *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    int err = open_session(&s->in, keys->profile, ssrc_any_inbound, keys->rx);
    if (err == 0)
        err = open_session(&s->out, keys->profile, ssrc_any_outbound, keys->tx);
    if (err != 0) {
        plm_srtp_destroy(s);
        return err;
    }
    *out = s;
    return 0;
}

void plm_srtp_destroy(struct plm_srtp *s)
{
    if (!s)
        return;
    if (s->in)
        srtp_dealloc(s->in);
    if (s->out)
        srtp_dealloc(s->out);
    free(s->ssrcs);
    free(s);
}

static int from_status(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_auth_fail:
        return PLM_EAUTH;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return PLM_EREPLAY;
    case srtp_err_status_key_expired:
        return PLM_EKEY;
    default:
        return PLM_EINVAL;
    }
}

static bool knows_ssrc(struct plm_srtp *s, uint32_t ssrc)
{
    for (unsigned i = 0; i < s->n_ssrcs; i++) {
        if (s->ssrcs[i] != ssrc)
            continue;
        if (i > 0) { /* busy ones drift to the front */
            s->ssrcs[i] = s->ssrcs[i - 1];
            s->ssrcs[i - 1] = ssrc;
        }
        return true;
    }
    return false;
}

/** Make room for one more before the packet is opened: what libsrtp learns, we must be able to count. */
static int reserve_ssrc(struct plm_srtp *s)
{
    if (s->n_ssrcs < s->cap_ssrcs)
        return 0;
    if (s->cap_ssrcs == PLM_SRTP_MAX_SSRCS)
        return PLM_ELIMIT;
    uint16_t cap = s->cap_ssrcs ? s->cap_ssrcs * 2 : 8;
    uint32_t *more = realloc(s->ssrcs, cap * sizeof *more);
    if (!more)
        return PLM_ELIMIT;
    s->ssrcs = more;
    s->cap_ssrcs = cap;
    return 0;
}

typedef srtp_err_status_t unprotect_fn(srtp_t ctx, void *pkt, int *len);

static int open_packet(
    struct plm_srtp *s, unprotect_fn *unprotect, const uint8_t *ssrc_at, uint8_t *pkt, size_t *len)
{
    uint32_t ssrc;
    memcpy(&ssrc, ssrc_at, sizeof ssrc);
    bool known = knows_ssrc(s, ssrc);
    if (!known && reserve_ssrc(s) != 0)
        return PLM_ELIMIT;
    int n = (int)*len;
    int err = from_status(unprotect(s->in, pkt, &n));
    if (err != 0)
        return err;
    if (!known)
        s->ssrcs[s->n_ssrcs++] = ssrc;
    *len = (size_t)n;
    return 0;
}

int plm_srtp_open_rtp(struct plm_srtp *s, uint8_t *pkt, size_t *len)
{
    if (*len < RTP_HEADER || *len > UINT16_MAX)
        return PLM_EINVAL;
    return open_packet(s, srtp_unprotect, pkt + 8, pkt, len);
}

int plm_srtp_open_rtcp(struct plm_srtp *s, uint8_t *pkt, size_t *len)
{
    if (*len < RTCP_HEADER || *len > UINT16_MAX)
        return PLM_EINVAL;
    return open_packet(s, srtp_unprotect_rtcp, pkt + 4, pkt, len);
}

int plm_srtp_seal_rtcp(struct plm_srtp *s, uint8_t *pkt, size_t *len, size_t cap)
{
    if (*len < RTCP_HEADER || *len > UINT16_MAX || cap < *len || cap - *len < PLM_SRTCP_OVERHEAD)
        return PLM_EINVAL;
    int n = (int)*len;
    int err = from_status(srtp_protect_rtcp(s->out, pkt, &n));
    if (err == 0)
        *len = (size_t)n;
    return err;
}
