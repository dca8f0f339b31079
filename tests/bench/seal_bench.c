/*
 * What one sealed packet costs: ns per packet by backend and profile, over batches of many receivers' keys, beside the bare library call.
 *   seal_bench [octets of payload] [receivers]
 */
#include "ipsecmb.h"
#include "seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADER 24
#define ROUNDS 7

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct bench {
    struct plm_seal_job *jobs;
    uint8_t *arena;
    uint8_t body[1500];
    uint16_t len;
    unsigned n;
    uint64_t seq;
};

static double measure(
    struct bench *b, struct plm_sealer *sealer, struct plm_seal_key **keys, uint16_t prefix, unsigned batch)
{
    static const uint8_t replaced[16] = {1, 2, 3};
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned packets = 0;
        uint64_t begin = cpu_ns();
        while (packets < 20000) {
            b->seq++;
            for (unsigned i = 0; i < b->n; i++) {
                b->jobs[i] = (struct plm_seal_job){.key = keys[i],
                    .ext_seq = b->seq,
                    .ssrc = 0x1000 + i,
                    .out = b->arena + (size_t)i * 1536,
                    .prefix = replaced,
                    .body = b->body,
                    .hdr_len = HEADER,
                    .prefix_len = prefix,
                    .body_len = (uint16_t)(b->len - prefix)};
            }
            for (unsigned i = 0; i < b->n; i += batch)
                plm_seal(sealer, b->jobs + i, b->n - i < batch ? b->n - i : batch);
            packets += b->n;
        }
        double ns = (double)(cpu_ns() - begin) / packets;
        if (ns < best)
            best = ns;
    }
    return best;
}

#ifdef PLM_HAVE_IPSEC_MB
/** The floor: one call per packet, nothing around it. */
static double raw_gcm(struct bench *b, bool wide)
{
    IMB_MGR *m = plm_ipsecmb_create();
    if (!m)
        return 0;
    struct gcm_key_data *keys = plm_ipsecmb_alloc(sizeof *keys * b->n);
    struct gcm_context_data run;
    uint8_t key[32] = {1}, iv[12] = {2};
    double best = 1e9;
    if (!keys)
        exit(1);
    for (unsigned i = 0; i < b->n; i++)
        plm_ipsecmb_gcm_key(m, &keys[i], key, wide);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned packets = 0;
        uint64_t begin = cpu_ns();
        for (; packets < 20000; packets++) {
            unsigned i = packets % b->n;
            uint8_t *out = b->arena + (size_t)i * 1536;
            iv[3]++;
            if (wide)
                IMB_AES256_GCM_ENC(m, &keys[i], &run, out + HEADER, b->body, b->len, iv, out, HEADER,
                    out + HEADER + b->len, 16);
            else
                IMB_AES128_GCM_ENC(m, &keys[i], &run, out + HEADER, b->body, b->len, iv, out, HEADER,
                    out + HEADER + b->len, 16);
        }
        double ns = (double)(cpu_ns() - begin) / packets;
        if (ns < best)
            best = ns;
    }
    free(keys);
    free_mb_mgr(m);
    return best;
}
#endif

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum plm_srtp_profile profile;
    } profiles[] = {{"AES128_CM_SHA1_80", PLM_SRTP_AES128_CM_SHA1_80},
        {"AEAD_AES_128_GCM", PLM_SRTP_AEAD_AES_128_GCM}, {"AEAD_AES_256_GCM", PLM_SRTP_AEAD_AES_256_GCM}};
    static const enum plm_seal_backend_kind kinds[] = {PLM_SEAL_EVP, PLM_SEAL_IPSEC_MB};
    static struct bench b;
    b.len = (uint16_t)(argc > 1 ? atoi(argv[1]) : 1176);
    b.n = (unsigned)(argc > 2 ? atoi(argv[2]) : 50);
    if (b.len < 16 || b.len > 1400 || b.n == 0 || b.n > 10000)
        return 2;
    b.jobs = calloc(b.n, sizeof *b.jobs);
    b.arena = calloc(b.n, 1536);
    struct plm_seal_key **keys = calloc(b.n, sizeof *keys);
    if (!b.jobs || !b.arena || !keys)
        return 1;
#ifdef PLM_HAVE_IPSEC_MB
    printf("%-10s %-18s %8.0f ns\n", "bare call", "AEAD_AES_128_GCM", raw_gcm(&b, false));
    printf("%-10s %-18s %8.0f ns\n", "bare call", "AEAD_AES_256_GCM", raw_gcm(&b, true));
#endif
    for (size_t k = 0; k < 2; k++) {
        struct plm_sealer *sealer;
        if (plm_sealer_create(&sealer, kinds[k]) != 0)
            continue;
        for (size_t p = 0; p < 3; p++) {
            uint8_t master[PLM_SRTP_MAX_MASTER] = {0};
            for (unsigned i = 0; i < b.n; i++) {
                master[0] = (uint8_t)i;
                if (plm_seal_key_create(&keys[i], sealer, profiles[p].profile, master) != 0)
                    return 1;
            }
            printf("%-10s %-18s", plm_sealer_name(sealer), profiles[p].name);
            printf(" %8.0f ns", measure(&b, sealer, keys, 0, b.n));
            printf(" %8.0f with a prefix of 4,", measure(&b, sealer, keys, 4, b.n));
            printf(" in batches of 1, 2, 4, 8, 16:");
            for (unsigned batch = 1; batch <= 16; batch *= 2)
                printf(" %.0f", measure(&b, sealer, keys, 0, batch));
            printf("\n");
            for (unsigned i = 0; i < b.n; i++)
                plm_seal_key_destroy(keys[i]);
        }
        plm_sealer_destroy(sealer);
    }
    free(keys);
    free(b.jobs);
    free(b.arena);
    return 0;
}
