#include "sdp/description.h"
#include "sdp_fixture.h"

static const struct plm_sdp_layout first = {.pairs = 9, .audio_only = 3, .screen_pairs = 1};

struct offered {
    struct plm_transport_params params;
    struct plm_sdp *sdp; /**< the offer as its receiver would parse it */
    char *text;
};

static void offer(struct offered *o, const struct plm_sdp_layout *layout, const struct plm_sdp_policy *policy)
{
    struct plm_sdp_local local = our_side();
    struct plm_sdp_error err = {0};
    plm_sdp_destroy(o->sdp);
    free(o->text);
    if (plm_sdp_offer(&local, layout, policy, &o->params, &o->text, &err) != 0)
        fail_msg("%s", err.text);
    o->sdp = parse_good(o->text);
}

static void done(struct offered *o)
{
    plm_sdp_destroy(o->sdp);
    free(o->text);
}

static int apply_text(struct plm_transport_params *params, const char *text, struct plm_sdp_error *err)
{
    struct plm_sdp *answer = parse_good(text);
    int rc = plm_sdp_apply_answer(params, answer, err);
    plm_sdp_destroy(answer);
    return rc;
}

static void apply_corpus(struct plm_transport_params *params, const char *name)
{
    size_t len;
    char *text = corpus(name, &len);
    struct plm_sdp_error err = {0};
    if (apply_text(params, text, &err) != 0)
        fail_msg("line %u: %s", err.line, err.text);
    free(text);
}

/** What was offered stands in the text as in the params. */
static void check_offer(const struct offered *o)
{
    const struct plm_transport_params *p = &o->params;
    assert_true(o->sdp->ice_lite);
    assert_int_equal(o->sdp->n_media, p->n_media);
    assert_int_equal(lines_with(o->text, "a=end-of-candidates"), 1);
    for (unsigned i = 0; i < p->n_media; i++) {
        const struct plm_media_params *m = &p->media[i];
        const struct plm_sdp_media *a = &o->sdp->media[i];
        char mid[8];
        snprintf(mid, sizeof mid, "%u", i);
        assert_string_equal(m->mid, mid);
        assert_string_equal(a->mid, mid);
        assert_int_equal(a->type == PLM_SDP_VIDEO, m->kind == PLM_KIND_VIDEO);
        assert_int_equal(plm_sdp_media_in_use(a), m->direction == PLM_DIR_SEND);
        if (m->direction != PLM_DIR_SEND)
            continue;
        assert_int_equal(a->common.way, PLM_SDP_WAY_SEND);
        assert_int_equal(a->common.setup, PLM_SDP_SETUP_ACTPASS);
        assert_true(a->bundled);
        assert_int_equal(a->ssrc, m->ssrc);
        assert_int_equal(a->fid_ssrc, m->rtx_ssrc ? m->ssrc : 0);
        assert_int_equal(a->fid_rtx, m->rtx_ssrc);
        for (unsigned c = 0; c < m->n_codecs; c++) {
            const struct plm_sdp_payload *payload = plm_sdp_media_payload(a, m->codecs[c].pt);
            assert_non_null(payload);
            assert_int_equal(payload->codec, m->codecs[c].codec);
            assert_int_equal(payload->rtx_pt, m->codecs[c].rtx_pt);
            assert_int_equal(payload->red_pt, m->red_pt);
            assert_int_equal(payload->feedback, m->codecs[c].feedback);
        }
        for (unsigned k = 0; k < i; k++) {
            assert_int_not_equal(m->ssrc, p->media[k].ssrc);
            assert_int_not_equal(m->ssrc, p->media[k].rtx_ssrc);
        }
    }
}

static void offers_slots(void **state)
{
    (void)state;
    uint32_t counter = 0;
    struct plm_sdp_policy policy = all_codecs(&counter);
    struct offered o = {0};
    offer(&o, &first, &policy);
    check_offer(&o);
    const struct plm_media_params *m = o.params.media;
    assert_int_equal(o.params.n_media, 23);
    for (unsigned i = 0; i < 23; i++) {
        assert_int_equal(m[i].direction, PLM_DIR_SEND);
        assert_int_equal(m[i].screen, i >= 21);
        assert_int_equal(m[i].pair, i < 18 ? i / 2 : i < 21 ? PLM_NO_PAIR : 9);
        assert_int_equal(m[i].kind, i < 18 ? i % 2 : i == 22);
    }
    static const uint8_t pts[][2] = {{96, 97}, {98, 99}, {102, 103}, {45, 46}};
    assert_int_equal(m[1].n_codecs, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(m[1].codecs[i].pt, pts[i][0]);
        assert_int_equal(m[1].codecs[i].rtx_pt, pts[i][1]);
        assert_int_equal(
            m[1].codecs[i].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB | PLM_FB_TWCC);
    }
    assert_int_equal(m[1].codecs[2].variant, 0x42e001);
    assert_int_equal(m[0].codecs[0].pt, 111);
    assert_int_equal(m[0].red_pt, 63);
    assert_int_equal(lines_with(o.text, "m=audio 5000 UDP/TLS/RTP/SAVPF 111 63\r"), 13);
    assert_int_equal(lines_with(o.text, "a=fmtp:63 111/111\r"), 13);
    assert_int_equal(lines_with(o.text, "a=msid:p3 p3a\r"), 1);
    assert_int_equal(lines_with(o.text, "a=msid:p3 p3v\r"), 1);
    assert_int_equal(lines_with(o.text, "a=msid:s18 s18a\r"), 1);
    assert_int_equal(lines_with(o.text, "a=msid:p9 p9v\r"), 1);
    assert_int_equal(
        lines_with(
            o.text, "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r"),
        10);
    assert_int_equal(
        lines_with(o.text, "a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22\r"), 1);
    for (int e = 1; e < PLM_EXT_COUNT; e++)
        for (int k = 1; k < e; k++)
            assert_true(o.params.exts.id[e] == 0 || o.params.exts.id[e] != o.params.exts.id[k]);
    assert_int_equal(o.params.exts.id[PLM_EXT_RID], 0);
    assert_int_not_equal(o.params.exts.id[PLM_EXT_TWCC], 0);
    done(&o);
}

static void offers_what_the_policy_has(void **state)
{
    (void)state;
    uint32_t counter = 0;
    struct plm_sdp_policy policy = all_codecs(&counter);
    policy.codecs[0] = PLM_CODEC_AV1;
    policy.codecs[1] = PLM_CODEC_VP8;
    policy.codecs[2] = PLM_CODEC_AV1; /* said twice */
    policy.codecs[3] = PLM_CODEC_OPUS;
    policy.codecs[4] = PLM_CODEC_NONE;
    policy.slot_remb = true;
    struct offered o = {0};
    static const struct plm_sdp_layout one = {.pairs = 1};
    offer(&o, &one, &policy);
    check_offer(&o);
    assert_int_equal(o.params.media[1].n_codecs, 2);
    assert_int_equal(o.params.media[1].codecs[0].codec, PLM_CODEC_AV1);
    assert_int_equal(o.params.media[1].codecs[1].codec, PLM_CODEC_VP8);
    assert_int_equal(
        o.params.media[1].codecs[0].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB);
    assert_int_equal(o.params.exts.id[PLM_EXT_TWCC], 0);
    done(&o);
}

static void takes_answers_of_browsers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool remb;
        unsigned n_video_codecs;
        uint8_t feedback;
        bool orientation;
    } rows[] = {
        {"chromium_slots_answer", false, 4, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_TWCC, true},
        {"chromium_slots_answer_remb", true, 4, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB, true},
        {"firefox_slots_answer", false, 3, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_TWCC, false},
        {"firefox_slots_answer_remb", true, 3, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t counter = 0;
        struct plm_sdp_policy policy = all_codecs(&counter);
        policy.slot_remb = rows[i].remb;
        struct offered o = {0};
        offer(&o, &first, &policy);
        struct plm_transport_params before = o.params;
        apply_corpus(&o.params, rows[i].name);
        assert_int_equal(o.params.setup, PLM_SETUP_PASSIVE);
        assert_int_equal(o.params.fingerprint.len, 32);
        assert_true(o.params.extmap_allow_mixed && o.params.rtcp_reduced_size);
        assert_int_equal(o.params.exts.id[PLM_EXT_MID], before.exts.id[PLM_EXT_MID]);
        assert_int_equal(o.params.exts.id[PLM_EXT_VIDEO_ORIENTATION] != 0, rows[i].orientation);
        assert_int_equal(o.params.exts.id[PLM_EXT_TWCC] != 0, !rows[i].remb);
        for (unsigned k = 0; k < o.params.n_media; k++) {
            const struct plm_media_params *m = &o.params.media[k], *was = &before.media[k];
            assert_int_equal(m->direction, PLM_DIR_SEND);
            assert_int_equal(m->ssrc, was->ssrc);
            assert_int_equal(m->rtx_ssrc, was->rtx_ssrc);
            if (m->kind != PLM_KIND_VIDEO) {
                assert_int_equal(m->red_pt, 0); /* what was answered to an offer without it */
                continue;
            }
            assert_int_equal(m->n_codecs, rows[i].n_video_codecs);
            assert_int_equal(m->codecs[0].rtx_pt, 97);
            assert_int_equal(m->codecs[0].feedback, rows[i].feedback);
            assert_int_equal(find_codec(m, PLM_CODEC_H264) != NULL, rows[i].n_video_codecs == 4);
        }
        done(&o);
    }
}

/** A peer without transport-cc leaves us REMB; one that allows no mixed header forms gets one form. */
static void takes_the_answer_of_aiortc(void **state)
{
    (void)state;
    uint32_t counter = 0;
    struct plm_sdp_policy policy = all_codecs(&counter);
    struct offered o = {0};
    offer(&o, &first, &policy);
    apply_corpus(&o.params, "aiortc_slots_answer");
    const struct plm_media_params *v = &o.params.media[1];
    assert_int_equal(v->n_codecs, 2);
    assert_int_equal(v->codecs[0].codec, PLM_CODEC_VP8);
    assert_int_equal(v->codecs[0].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_REMB);
    assert_int_equal(v->codecs[1].rtx_pt, 103);
    assert_int_equal(o.params.exts.id[PLM_EXT_TWCC], 0);
    assert_false(o.params.extmap_allow_mixed || o.params.rtcp_reduced_size);
    done(&o);
}

static void grows_without_moving_anything(void **state)
{
    (void)state;
    uint32_t counter = 0;
    struct plm_sdp_policy policy = all_codecs(&counter);
    struct offered o = {0};
    offer(&o, &first, &policy);
    apply_corpus(&o.params, "firefox_slots_answer");
    struct plm_transport_params before = o.params;
    static const struct plm_sdp_layout more = {.pairs = 25, .audio_only = 3, .screen_pairs = 1};
    offer(&o, &more, &policy);
    check_offer(&o);
    assert_int_equal(o.params.n_media, 55);
    assert_memory_equal(o.params.media, before.media, before.n_media * sizeof before.media[0]);
    assert_memory_equal(&o.params.exts, &before.exts, sizeof before.exts);
    assert_memory_equal(&o.params.fingerprint, &before.fingerprint, sizeof before.fingerprint);
    assert_int_equal(o.params.media[23].pair, 10);
    assert_int_equal(o.params.media[54].pair, 25);
    assert_false(o.params.media[54].screen);
    /* Extensions that were refused before are not offered again. */
    assert_null(strstr(o.text, "video-orientation"));
    /* Nothing is taken away, and the same again adds nothing. */
    static const struct plm_sdp_layout less = {.pairs = 1};
    before = o.params;
    offer(&o, &less, &policy);
    assert_memory_equal(&o.params, &before, sizeof before);
    done(&o);
}

/** An answer to a one-pair offer, with lines to vary. */
#define ANSWER_HEAD "v=0\r\na=group:BUNDLE 0 1\r\n" FP CREDS "a=setup:active\r\na=recvonly\r\n"
#define ANSWER_AUDIO                                                                                         \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
#define ANSWER_VIDEO                                                                                         \
    "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 vp8/90000\r\n"             \
    "a=rtpmap:98 VP9/90000\r\na=rtpmap:97 rtx/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:98 nack\r\n"

static void one_pair(struct offered *o)
{
    static uint32_t counter;
    struct plm_sdp_policy policy = all_codecs(&counter);
    static const struct plm_sdp_layout one = {.pairs = 1};
    *o = (struct offered){0};
    offer(o, &one, &policy);
}

static void red_is_as_answered(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        uint8_t red_pt;
    } rows[] = {
        {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n", 63},
        {"a=rtpmap:63 red/48000/2\r\n", 0},
        {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/63\r\n", 0},
        {"a=rtpmap:64 red/48000/2\r\na=fmtp:64 111/111\r\n", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct offered o;
        struct plm_sdp_error err;
        one_pair(&o);
        char *audio = replaced(ANSWER_AUDIO, " 111\r\n", " 111 63 64\r\n"), text[4096];
        snprintf(text, sizeof text, "%s%s%s%s", ANSWER_HEAD, audio, rows[i].lines, ANSWER_VIDEO);
        assert_int_equal(apply_text(&o.params, text, &err), 0);
        assert_int_equal(o.params.media[0].n_codecs, 1);
        assert_int_equal(o.params.media[0].red_pt, rows[i].red_pt);
        free(audio);
        done(&o);
    }
}

static void keeps_what_was_answered(void **state)
{
    (void)state;
    struct offered o;
    struct plm_sdp_error err;
    one_pair(&o);
    assert_int_equal(apply_text(&o.params,
                         ANSWER_HEAD ANSWER_AUDIO ANSWER_VIDEO
                         "a=fmtp:97 apt=96\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                         "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n",
                         &err),
        0);
    const struct plm_media_params *v = &o.params.media[1];
    assert_int_equal(v->n_codecs, 2);
    assert_int_equal(v->codecs[0].codec, PLM_CODEC_VP8);
    assert_int_equal(v->codecs[0].rtx_pt, 97);
    assert_int_equal(v->codecs[0].feedback, PLM_FB_NACK);
    assert_int_equal(v->codecs[1].codec, PLM_CODEC_VP9);
    assert_int_equal(v->codecs[1].rtx_pt, PLM_NO_PT);
    assert_int_equal(v->codecs[1].feedback, 0); /* nack without RTX */
    assert_int_not_equal(v->rtx_ssrc, 0);
    assert_int_equal(o.params.exts.id[PLM_EXT_MID], 1);
    assert_int_equal(o.params.exts.id[PLM_EXT_PLAYOUT_DELAY], 0); /* under another number than offered */
    assert_int_equal(o.params.exts.id[PLM_EXT_TWCC], 0);
    assert_false(o.params.extmap_allow_mixed || o.params.rtcp_reduced_size);
    done(&o);

    one_pair(&o); /* no RTX at all */
    assert_int_equal(apply_text(&o.params, ANSWER_HEAD ANSWER_AUDIO ANSWER_VIDEO, &err), 0);
    assert_int_equal(o.params.media[1].rtx_ssrc, 0);
    assert_int_not_equal(o.params.media[1].ssrc, 0);
    done(&o);
}

static void refused_slots_become_inactive(void **state)
{
    (void)state;
    static const char *const videos[] = {
        "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\na=inactive\r\na=rtpmap:96 VP8/90000\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n",
        ("m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:98 VP9/90000\r\n"
         "a=fmtp:98 profile-id=2\r\n"),
    };
    for (size_t i = 0; i < COUNT_OF(videos); i++) {
        struct offered o;
        struct plm_sdp_error err = {0};
        char text[2048];
        snprintf(text, sizeof text, "v=0\r\na=group:BUNDLE 0%s\r\n%s%s%s", i ? " 1" : "", FP CREDS,
            ANSWER_AUDIO "a=recvonly\r\n", videos[i]);
        one_pair(&o);
        assert_int_equal(apply_text(&o.params, text, &err), 0);
        assert_int_equal(o.params.media[0].direction, PLM_DIR_SEND);
        assert_int_equal(o.params.media[1].direction, PLM_DIR_INACTIVE);
        /* In a further offer it stays refused and out of BUNDLE. */
        uint32_t counter = 900;
        struct plm_sdp_policy policy = all_codecs(&counter);
        static const struct plm_sdp_layout two = {.pairs = 2};
        offer(&o, &two, &policy);
        check_offer(&o);
        assert_int_equal(lines_with(o.text, "m=video 0 "), 1);
        assert_int_equal(lines_with(o.text, "a=group:BUNDLE 0 2 3\r"), 1);
        done(&o);
    }
}

static void answer_sets_our_role(void **state)
{
    (void)state;
    struct offered o;
    struct plm_sdp_error err;
    one_pair(&o);
    char *text = replaced(ANSWER_HEAD ANSWER_AUDIO ANSWER_VIDEO, "setup:active", "setup:passive");
    assert_int_equal(apply_text(&o.params, text, &err), 0);
    assert_int_equal(o.params.setup, PLM_SETUP_ACTIVE);
    assert_int_equal(o.params.fingerprint.value[31], 0x1f);
    free(text);
    done(&o);
}

static void refuses_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *why;
    } rows[] = {
        {"v=0\r\n" FP CREDS ANSWER_AUDIO, PLM_EINVAL, "1 m-lines, the offer 2"},
        {"v=0\r\na=group:BUNDLE 0 1\r\n" FP CREDS ANSWER_VIDEO AUDIO("0"), PLM_EINVAL, "kind"},
        {"v=0\r\na=group:BUNDLE 0 x\r\n" FP CREDS ANSWER_AUDIO VIDEO("x"), PLM_EINVAL, "mid 1"},
        {"v=0\r\na=ice-lite\r\na=group:BUNDLE 0 1\r\n" FP CREDS ANSWER_AUDIO ANSWER_VIDEO, PLM_ENOTSUP,
            "ICE-lite"},
        {"v=0\r\na=setup:actpass\r\na=group:BUNDLE 0 1\r\n" FP CREDS ANSWER_AUDIO ANSWER_VIDEO, PLM_EINVAL,
            "a=setup"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct offered o;
        struct plm_sdp_error err = {0};
        one_pair(&o);
        struct plm_transport_params before = o.params;
        int rc = apply_text(&o.params, rows[i].text, &err);
        if (rc != rows[i].code || !strstr(err.text, rows[i].why))
            fail_msg("row %zu: %d %s", i, rc, err.text);
        assert_memory_equal(&o.params, &before, sizeof before);
        done(&o);
    }
}

static void fingerprint_stays(void **state)
{
    (void)state;
    struct offered o;
    struct plm_sdp_error err;
    one_pair(&o);
    assert_int_equal(apply_text(&o.params, ANSWER_HEAD ANSWER_AUDIO ANSWER_VIDEO, &err), 0);
    assert_int_equal(apply_text(&o.params, ANSWER_HEAD ANSWER_AUDIO ANSWER_VIDEO, &err), 0);
    char *text = replaced(ANSWER_HEAD ANSWER_AUDIO ANSWER_VIDEO, "00:01:02", "00:01:FF");
    struct plm_transport_params before = o.params;
    assert_int_equal(apply_text(&o.params, text, &err), PLM_ENOTSUP);
    assert_memory_equal(&o.params, &before, sizeof before);
    free(text);
    done(&o);
}

static uint32_t always_seven(void *arg)
{
    (void)arg;
    return 7;
}

static void refuses_to_offer(void **state)
{
    (void)state;
    uint32_t counter = 0;
    static const struct plm_sdp_layout one = {.pairs = 1}, none = {0}, many = {.pairs = 32, .audio_only = 1};
    static const struct plm_sdp_layout full = {.pairs = 32};
    struct plm_sdp_local local = our_side();
    struct plm_sdp_policy good = all_codecs(&counter), policy = good;
    struct plm_transport_params params = {0};
    struct plm_sdp_error err;
    char *text = NULL;
    assert_int_equal(plm_sdp_offer(&local, &none, &policy, &params, &text, &err), PLM_EINVAL);
    assert_int_equal(plm_sdp_offer(&local, &many, &policy, &params, &text, &err), PLM_ELIMIT);
    policy.codecs[1] = PLM_CODEC_NONE;
    assert_int_equal(plm_sdp_offer(&local, &one, &policy, &params, &text, &err), PLM_ENOTSUP);
    assert_string_equal(err.text, "the policy has no video codec");
    policy = good;
    policy.random_ssrc = always_seven;
    assert_int_equal(plm_sdp_offer(&local, &one, &policy, &params, &text, &err), PLM_EINVAL);
    policy.random_ssrc = NULL;
    assert_int_equal(plm_sdp_offer(&local, &one, &policy, &params, &text, &err), PLM_EINVAL);
    local.ufrag = "";
    assert_int_equal(plm_sdp_offer(&local, &one, &good, &params, &text, &err), PLM_EINVAL);
    assert_null(text);
    assert_int_equal(params.n_media, 0);
    local = our_side();
    assert_int_equal(plm_sdp_offer(&local, &full, &good, &params, &text, &err), 0);
    assert_int_equal(params.n_media, PLM_MAX_MEDIA);
    assert_true(strlen(text) < PLM_SDP_MAX_SIZE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_slots),
        cmocka_unit_test(offers_what_the_policy_has),
        cmocka_unit_test(takes_answers_of_browsers),
        cmocka_unit_test(takes_the_answer_of_aiortc),
        cmocka_unit_test(grows_without_moving_anything),
        cmocka_unit_test(red_is_as_answered),
        cmocka_unit_test(keeps_what_was_answered),
        cmocka_unit_test(refused_slots_become_inactive),
        cmocka_unit_test(answer_sets_our_role),
        cmocka_unit_test(refuses_answers),
        cmocka_unit_test(fingerprint_stays),
        cmocka_unit_test(refuses_to_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
