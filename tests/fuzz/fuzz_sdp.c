/*
 * Descriptions from peers: whatever parses can be answered or refused, an answer of ours parses again and says what the params
 * say, and an answer to our offer never makes slots that were not offered. Seeds: tests/corpus/sdp.
 */
#include "plenum/sdp.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t next_ssrc(void *arg)
{
    return ++*(uint32_t *)arg;
}

static struct plm_sdp_local our_side(void)
{
    static struct plm_addr candidate = {.in4 = {.sin_family = AF_INET, .sin_port = 0x8813}};
    return (struct plm_sdp_local){
        .ufrag = "ours",
        .pwd = "0123456789012345678901",
        .fingerprint = {.len = 32},
        .candidates = &candidate,
        .n_candidates = 1,
    };
}

static struct plm_sdp_policy policy_of(bool publish, bool subscribe, uint32_t *counter)
{
    return (struct plm_sdp_policy){
        .codecs = {PLM_CODEC_OPUS, PLM_CODEC_VP9, PLM_CODEC_VP8, PLM_CODEC_H264, PLM_CODEC_AV1},
        .publish = publish,
        .subscribe = subscribe,
        .random_ssrc = next_ssrc,
        .arg = counter,
    };
}

static void check_media(const struct plm_media_params *m)
{
    CHECK(m->n_codecs <= PLM_MAX_CODECS && m->n_rids <= PLM_MAX_ENCODINGS);
    CHECK(memchr(m->mid, '\0', sizeof m->mid) != NULL);
    CHECK(m->direction == PLM_DIR_INACTIVE || m->n_codecs > 0);
    CHECK((m->direction == PLM_DIR_SEND) == (m->ssrc != 0));
    for (unsigned i = 0; i < m->n_codecs; i++) {
        CHECK(m->codecs[i].pt <= 127 && m->codecs[i].codec != PLM_CODEC_NONE);
        CHECK(m->codecs[i].rtx_pt <= 127 || m->codecs[i].rtx_pt == PLM_NO_PT);
        CHECK(m->red_pt <= 127 && m->red_pt != m->codecs[i].pt);
        CHECK(m->red_pt == 0 || m->direction != PLM_DIR_RECV);
        CHECK(m->direction != PLM_DIR_SEND || !(m->codecs[i].feedback & PLM_FB_NACK) ||
              m->codecs[i].rtx_pt != PLM_NO_PT);
    }
    for (unsigned i = 0; i < m->n_rids; i++)
        CHECK(m->rids[i][0] && memchr(m->rids[i], '\0', sizeof m->rids[i]) != NULL);
}

/** A published m-line is answered so that its peer sends nothing else; a slot so that it receives. */
static void check_answer(
    const struct plm_sdp *offer, const struct plm_transport_params *params, const char *text)
{
    struct plm_sdp *answer = NULL;
    CHECK(plm_sdp_parse(&answer, text, strlen(text), NULL) == 0);
    CHECK(plm_sdp_media_count(answer) == params->n_media);
    CHECK(params->n_media == plm_sdp_media_count(offer));
    for (unsigned i = 0; i < params->n_media; i++) {
        const struct plm_media_params *m = &params->media[i];
        check_media(m);
        CHECK(plm_sdp_media_peer_sends(answer, i) == (m->direction == PLM_DIR_SEND));
        CHECK(plm_sdp_media_peer_receives(answer, i) == (m->direction == PLM_DIR_RECV));
        CHECK(m->direction != PLM_DIR_RECV || plm_sdp_media_peer_sends(offer, i));
        CHECK(m->direction != PLM_DIR_SEND || plm_sdp_media_peer_receives(offer, i));
        CHECK(strcmp(plm_sdp_media_mid(answer, i), plm_sdp_media_mid(offer, i)) == 0);
    }
    plm_sdp_destroy(answer);
}

static void answer_it(const struct plm_sdp *offer, bool publish, bool subscribe)
{
    static struct plm_transport_params params;
    uint32_t counter = 0;
    struct plm_sdp_local local = our_side();
    struct plm_sdp_policy policy = policy_of(publish, subscribe, &counter);
    struct plm_sdp_error err = {0};
    char *text = NULL;
    if (plm_sdp_answer(offer, &local, &policy, &params, &text, &err) != 0) {
        CHECK(err.text[0] && !text);
        return;
    }
    check_answer(offer, &params, text);
    free(text);
}

static void take_as_answer(const struct plm_sdp *answer)
{
    static struct plm_transport_params params, before;
    static const struct plm_sdp_layout layout = {.pairs = 1}, larger = {.pairs = 2, .audio_only = 1};
    uint32_t counter = 0;
    struct plm_sdp_local local = our_side();
    struct plm_sdp_policy policy = policy_of(false, true, &counter);
    char *text = NULL;
    memset(&params, 0, sizeof params);
    CHECK(plm_sdp_offer(&local, &layout, &policy, &params, &text, NULL) == 0);
    free(text);
    before = params;
    if (plm_sdp_apply_answer(&params, answer, NULL) != 0) {
        CHECK(memcmp(&before, &params, sizeof params) == 0);
        return;
    }
    for (unsigned i = 0; i < params.n_media; i++) {
        CHECK(params.media[i].ssrc == before.media[i].ssrc);
        CHECK(params.media[i].n_codecs <= before.media[i].n_codecs);
        if (params.media[i].direction == PLM_DIR_SEND)
            check_media(&params.media[i]);
    }
    CHECK(plm_sdp_offer(&local, &larger, &policy, &params, &text, NULL) == 0);
    struct plm_sdp *again = NULL;
    CHECK(plm_sdp_parse(&again, text, strlen(text), NULL) == 0);
    plm_sdp_destroy(again);
    free(text);
}

/** @param size of a copy that ends exactly there: reading past it is seen */
static void try_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    CHECK(text);
    memcpy(text, data, size);
    struct plm_sdp *sdp = NULL;
    struct plm_sdp_error err = {0};
    if (plm_sdp_parse(&sdp, text, size, &err) == 0) {
        CHECK(strlen(plm_sdp_ufrag(sdp)) >= 4 && strlen(plm_sdp_pwd(sdp)) >= 22);
        answer_it(sdp, true, false);
        answer_it(sdp, false, true);
        answer_it(sdp, true, true);
        take_as_answer(sdp);
    } else {
        CHECK(err.text[0] && memchr(err.text, '\0', sizeof err.text));
    }
    plm_sdp_destroy(sdp);
    struct plm_sdp_fragment fragment;
    if (plm_sdp_parse_fragment(&fragment, text, size, NULL) == 0)
        CHECK(!fragment.ufrag[0] == !fragment.pwd[0]);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    try_text(data, size);
    /* Cut somewhere: the fuzzer by itself seldom takes away just the end. */
    try_text(data, hash % (size + 1));
    return 0;
}
