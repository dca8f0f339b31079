#include "sdp/description.h"
#include "sdp_fixture.h"

/** An offer and what became of it. */
struct exchange {
    struct plm_sdp *offer, *answer; /**< the answer as its receiver would parse it */
    struct plm_transport_params params;
    char *text;
};

static struct exchange answered(struct plm_sdp *offer, const struct plm_sdp_policy *policy)
{
    struct exchange x = {.offer = offer};
    struct plm_sdp_local local = our_side();
    struct plm_sdp_error err = {0};
    if (plm_sdp_answer(offer, &local, policy, &x.params, &x.text, &err) != 0)
        fail_msg("%s", err.text);
    x.answer = parse_good(x.text);
    return x;
}

static void done(struct exchange *x)
{
    plm_sdp_destroy(x->offer);
    plm_sdp_destroy(x->answer);
    free(x->text);
}

static struct exchange publish(const char *name)
{
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    return answered(parse_corpus(name), &policy);
}

static struct exchange subscribe(const char *name)
{
    uint32_t counter = 100;
    struct plm_sdp_policy policy = all_codecs(&counter);
    policy.subscribe = true;
    return answered(parse_corpus(name), &policy);
}

/** What every answer of ours must be, whatever was offered. */
static void check_answer(const struct exchange *x)
{
    const struct plm_transport_params *p = &x->params;
    assert_int_equal(p->n_media, x->offer->n_media);
    assert_int_equal(x->answer->n_media, x->offer->n_media);
    assert_true(x->answer->ice_lite);
    assert_int_equal(lines_with(x->text, "a=candidate:"), 2);
    assert_int_equal(lines_with(x->text, "a=end-of-candidates"), 1);
    assert_string_equal(plm_sdp_ufrag(x->answer), OUR_UFRAG);
    assert_string_equal(plm_sdp_pwd(x->answer), OUR_PWD);
    for (unsigned i = 0; i < p->n_media; i++) {
        const struct plm_sdp_media *o = &x->offer->media[i], *a = &x->answer->media[i];
        const struct plm_media_params *m = &p->media[i];
        assert_string_equal(m->mid, o->mid);
        assert_string_equal(a->mid, o->mid);
        assert_string_equal(a->name, o->name);
        assert_string_equal(a->proto, o->proto);
        assert_int_equal(plm_sdp_media_in_use(a), m->n_codecs > 0);
        assert_int_equal(a->bundled, m->n_codecs > 0);
        if (m->n_codecs == 0) {
            assert_int_equal(m->direction, PLM_DIR_INACTIVE);
            continue;
        }
        for (unsigned c = 0; c < m->n_codecs; c++) {
            const struct plm_codec_params *codec = &m->codecs[c];
            const struct plm_sdp_payload *theirs = plm_sdp_media_payload(o, codec->pt);
            const struct plm_sdp_payload *ours = plm_sdp_media_payload(a, codec->pt);
            assert_non_null(theirs);
            assert_non_null(ours);
            assert_int_equal(theirs->codec, codec->codec);
            assert_int_equal(ours->codec, codec->codec);
            assert_int_equal(ours->rtx_pt, codec->rtx_pt);
            assert_int_equal(ours->red_pt, m->red_pt);
            assert_int_equal(m->red_pt, m->direction == PLM_DIR_SEND ? theirs->red_pt : 0);
            assert_int_equal(ours->feedback, codec->feedback);
            assert_int_equal(ours->feedback & ~theirs->feedback, 0);
            assert_int_equal(ours->fmtp.profile_level_id, theirs->fmtp.profile_level_id);
            assert_int_equal(ours->fmtp.packetization_mode, theirs->fmtp.packetization_mode);
        }
        for (int e = 1; e < PLM_EXT_COUNT; e++)
            if (a->common.ext_id[e]) {
                assert_int_equal(a->common.ext_id[e], o->common.ext_id[e]);
                assert_int_equal(a->common.ext_id[e], p->exts.id[e]);
            }
    }
}

static void check_ext(const struct exchange *x, enum plm_ext e, uint8_t id)
{
    assert_int_equal(x->params.exts.id[e], id);
}

/* ---- publishers ---- */

static void chromium_publishes(void **state)
{
    (void)state;
    struct exchange x = publish("chromium_publish_offer");
    check_answer(&x);
    const struct plm_media_params *m = x.params.media;
    static const enum plm_source sources[] = {
        PLM_SOURCE_MICROPHONE, PLM_SOURCE_CAMERA, PLM_SOURCE_SCREEN, PLM_SOURCE_SCREEN_AUDIO};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(m[i].direction, PLM_DIR_RECV);
        assert_int_equal(m[i].source, sources[i]);
        assert_int_equal(m[i].kind, plm_source_kind(sources[i]));
        assert_int_equal(x.answer->media[i].common.way, PLM_SDP_WAY_RECV);
        assert_int_equal(m[i].ssrc, 0);
    }
    assert_int_equal(x.params.setup, PLM_SETUP_PASSIVE);
    assert_int_equal(x.answer->media[0].common.setup, PLM_SDP_SETUP_PASSIVE);
    assert_int_equal(x.params.fingerprint.len, 32);
    assert_int_equal(x.params.fingerprint.value[0], 0x8d);
    assert_true(x.params.extmap_allow_mixed && x.params.rtcp_reduced_size);
    assert_true(x.answer->media[0].common.allow_mixed && x.answer->media[1].rtcp_rsize);

    assert_int_equal(m[0].n_codecs, 1);
    assert_int_equal(m[0].codecs[0].codec, PLM_CODEC_OPUS);
    assert_int_equal(m[0].codecs[0].pt, 111);
    assert_int_equal(m[0].codecs[0].channels, 2);
    assert_int_equal(m[0].codecs[0].clock_rate, 48000);
    assert_int_equal(m[0].codecs[0].feedback, PLM_FB_TWCC);
    assert_int_equal(m[0].recv_ssrc, 695739556);

    assert_int_equal(m[1].n_codecs, 4); /* one variant of each, in the order of the policy */
    assert_int_equal(m[1].codecs[0].codec, PLM_CODEC_VP8);
    assert_int_equal(m[1].codecs[0].pt, 96);
    assert_int_equal(m[1].codecs[0].rtx_pt, 97);
    assert_int_equal(m[1].codecs[0].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_TWCC);
    assert_int_equal(m[1].codecs[1].codec, PLM_CODEC_VP9);
    assert_int_equal(m[1].codecs[1].variant, 0);
    assert_int_equal(m[1].codecs[2].codec, PLM_CODEC_H264);
    assert_int_equal(m[1].codecs[2].pt, 108); /* 42e01f, packetization-mode=1 */
    assert_int_equal(m[1].codecs[2].variant, 0x42e001);
    assert_int_equal(m[1].codecs[3].codec, PLM_CODEC_AV1);
    assert_int_equal(x.answer->media[1].payloads[6].fmtp.level_idx, 5);

    assert_int_equal(m[1].n_rids, 3);
    assert_string_equal(m[1].rids[0], "q");
    assert_string_equal(m[1].rids[1], "h");
    assert_string_equal(m[1].rids[2], "f");
    assert_int_equal(m[1].recv_ssrc, 0);
    assert_int_equal(lines_with(x.text, "a=simulcast:recv q;h;f\r"), 1);
    assert_int_equal(lines_with(x.text, "a=rid:"), 3);
    assert_int_equal(m[2].n_rids, 0);
    assert_int_equal(m[2].recv_ssrc, 365673398);
    assert_int_equal(m[2].recv_rtx_ssrc, 200711744);

    check_ext(&x, PLM_EXT_MID, 4);
    check_ext(&x, PLM_EXT_RID, 10);
    check_ext(&x, PLM_EXT_REPAIRED_RID, 11);
    check_ext(&x, PLM_EXT_AUDIO_LEVEL, 1);
    check_ext(&x, PLM_EXT_TWCC, 3);
    check_ext(&x, PLM_EXT_ABS_SEND_TIME, 2);
    check_ext(&x, PLM_EXT_VIDEO_ORIENTATION, 13);
    check_ext(&x, PLM_EXT_PLAYOUT_DELAY, 5);
    check_ext(&x, PLM_EXT_DEPENDENCY_DESCRIPTOR, 12);
    assert_int_equal(lines_with(x.text, "a=extmap:"), 4 + 8 + 8 + 4);
    assert_null(strstr(x.text, "goog-remb"));
    done(&x);
}

static void firefox_publishes(void **state)
{
    (void)state;
    struct exchange x = publish("firefox_publish_offer");
    check_answer(&x);
    const struct plm_media_params *m = x.params.media;
    assert_int_equal(m[1].n_rids, 3);
    assert_int_equal(m[1].recv_ssrc, 0);                    /* six are announced: the rids tell */
    assert_true(plm_sdp_media_in_use(&x.answer->media[2])); /* bundle-only is no refusal */
    assert_int_equal(m[2].recv_ssrc, 1982348503);
    assert_int_equal(m[1].codecs[0].pt, 120);
    assert_int_equal(m[1].codecs[2].codec, PLM_CODEC_AV1);
    check_ext(&x, PLM_EXT_DEPENDENCY_DESCRIPTOR, 8);
    check_ext(&x, PLM_EXT_PLAYOUT_DELAY, 0); /* it only wants to receive that one */
    assert_int_equal(lines_with(x.text, "a=extmap:8/recvonly https://aomedia"), 2);
    assert_int_equal(lines_with(x.text, "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid"), 4);
    done(&x);
}

static void data_channels_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"chromium_sendrecv_data_offer", "firefox_sendrecv_data_offer"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct exchange x = publish(names[i]);
        check_answer(&x);
        assert_int_equal(lines_with(x.text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"), 1);
        assert_int_equal(lines_with(x.text, "a=group:BUNDLE 0 1\r"), 1);
        assert_int_equal(x.params.media[0].direction, PLM_DIR_RECV); /* of sendrecv, publishing wins */
        assert_int_equal(x.params.media[2].direction, PLM_DIR_INACTIVE);
        done(&x);
    }
}

static void gstreamer_publishes(void **state)
{
    (void)state;
    struct exchange x = publish("gstreamer_whip_offer");
    check_answer(&x);
    assert_string_equal(x.params.media[0].mid, "audio0");
    assert_int_equal(x.params.media[0].codecs[0].pt, 97); /* OPUS in capitals */
    assert_int_equal(x.params.media[0].codecs[0].rtx_pt, 98);
    assert_int_equal(x.params.media[0].recv_rtx_ssrc, 1406546299);
    /* It offers transport-cc without the header extension: neither that nor REMB can be agreed on. */
    assert_int_equal(x.params.media[1].codecs[0].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR);
    done(&x);
    x = publish("gstreamer_h264_offer");
    check_answer(&x);
    assert_int_equal(x.params.media[1].codecs[0].variant, 0x42e001); /* announced as 42c015 */
    assert_int_equal(lines_with(x.text,
                         "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c015"),
        1);
    done(&x);
}

/** Audio and video of aiortc call different extensions by the id 2, though they share a transport. */
static void aiortc_publishes(void **state)
{
    (void)state;
    struct exchange x = publish("aiortc_whip_offer");
    check_answer(&x);
    check_ext(&x, PLM_EXT_MID, 1);
    check_ext(&x, PLM_EXT_AUDIO_LEVEL, 2);
    check_ext(&x, PLM_EXT_ABS_SEND_TIME, 0);
    assert_int_equal(x.answer->media[1].common.ext_id[PLM_EXT_ABS_SEND_TIME], 0);
    assert_string_equal(plm_sdp_ufrag(x.offer), "AqTV"); /* the first m-line's, not "Ue8L" */
    assert_int_equal(x.params.media[1].codecs[0].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_REMB);
    assert_false(x.params.extmap_allow_mixed || x.params.rtcp_reduced_size);
    assert_null(strstr(x.text, "a=extmap-allow-mixed"));
    assert_null(strstr(x.text, "a=rtcp-rsize"));
    done(&x);
}

static void libdatachannel_publishes(void **state)
{
    (void)state;
    struct exchange x = publish("libdatachannel_whip_offer");
    check_answer(&x);
    for (int e = 1; e < PLM_EXT_COUNT; e++)
        check_ext(&x, (enum plm_ext)e, 0);
    assert_int_equal(x.params.media[0].recv_ssrc, 1001);
    assert_int_equal(x.params.media[1].recv_ssrc, 1002);
    assert_int_equal(x.params.media[1].codecs[0].rtx_pt, PLM_NO_PT);
    assert_int_equal(lines_with(x.text, "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r"), 1);
    done(&x);
}

static void pion_publishes(void **state)
{
    (void)state;
    struct exchange x = publish("pion_simulcast_offer");
    check_answer(&x);
    assert_int_equal(x.params.media[0].n_rids, 3);
    assert_string_equal(x.params.media[0].rids[0], "low"); /* offered highest first */
    assert_string_equal(x.params.media[0].rids[2], "high");
    assert_int_equal(lines_with(x.text, "a=simulcast:recv high;mid;low\r"), 1);
    assert_int_equal(x.params.media[0].codecs[2].pt, 125);
    done(&x);
    /* Without the RID extension nobody can tell the encodings apart: one is taken. */
    x = publish("pion_simulcast_no_ext_offer");
    check_answer(&x);
    assert_int_equal(x.params.media[0].n_rids, 0);
    assert_int_equal(x.params.media[0].recv_ssrc, x.offer->media[0].ssrc);
    assert_null(strstr(x.text, "a=simulcast"));
    assert_null(strstr(x.text, "a=rid"));
    done(&x);
}

static void one_video_codec(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = policy.single_video_codec = true;
    policy.codecs[0] = PLM_CODEC_H264;
    policy.codecs[1] = PLM_CODEC_OPUS;
    policy.codecs[2] = PLM_CODEC_VP8;
    policy.codecs[3] = PLM_CODEC_NONE;
    struct exchange x = answered(parse_corpus("chromium_publish_offer"), &policy);
    check_answer(&x);
    assert_int_equal(x.params.media[1].n_codecs, 1);
    assert_int_equal(x.params.media[1].codecs[0].pt, 108);
    assert_int_equal(lines_with(x.text, "m=video 5000 UDP/TLS/RTP/SAVPF 108 109\r"), 2);
    assert_int_equal(x.params.media[0].n_codecs, 1);
    done(&x);
    x = answered(parse_corpus("firefox_publish_offer"), &policy); /* it has no H264 */
    assert_int_equal(x.params.media[1].codecs[0].codec, PLM_CODEC_VP8);
    assert_int_equal(x.params.media[1].n_codecs, 1);
    done(&x);
}

/* ---- receivers ---- */

static void chromium_receives(void **state)
{
    (void)state;
    struct exchange x = subscribe("chromium_whep_offer");
    check_answer(&x);
    const struct plm_media_params *m = x.params.media;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(m[i].direction, PLM_DIR_SEND);
        assert_int_equal(m[i].pair, i / 2);
        assert_int_equal(x.answer->media[i].common.way, PLM_SDP_WAY_SEND);
        assert_int_equal(x.answer->media[i].ssrc, m[i].ssrc);
        assert_int_equal(m[i].n_rids, 0);
    }
    assert_int_equal(m[0].ssrc, 101);
    assert_int_equal(m[0].rtx_ssrc, 0);
    assert_int_equal(m[1].ssrc, 102);
    assert_int_equal(m[1].rtx_ssrc, 103);
    assert_int_equal(x.answer->media[1].fid_ssrc, 102);
    assert_int_equal(x.answer->media[1].fid_rtx, 103);
    assert_int_equal(m[3].ssrc, 105);
    assert_int_equal(lines_with(x.text, "a=msid:p0 p0a\r"), 1);
    assert_int_equal(lines_with(x.text, "a=msid:p0 p0v\r"), 1);
    assert_int_equal(lines_with(x.text, "a=msid:p1 p1v\r"), 1);
    assert_int_equal(lines_with(x.text, "a=ssrc:103 cname:"), 1);
    assert_int_equal(lines_with(x.text, "a=ssrc:103 msid:p0 p0v\r"), 1);
    /* All that the policy allows; the best variant of each first. */
    assert_int_equal(m[1].n_codecs, PLM_MAX_CODECS);
    assert_int_equal(m[1].codecs[0].codec, PLM_CODEC_VP8);
    assert_int_equal(m[1].codecs[1].codec, PLM_CODEC_VP9);
    assert_int_equal(m[1].codecs[2].variant, 0x42e001);
    assert_int_equal(m[1].codecs[3].codec, PLM_CODEC_AV1);
    for (unsigned i = 0; i < m[1].n_codecs; i++)
        for (unsigned k = 0; k < i; k++)
            assert_true(m[1].codecs[i].codec != m[1].codecs[k].codec ||
                        m[1].codecs[i].variant != m[1].codecs[k].variant);
    check_ext(&x, PLM_EXT_RID, 0); /* we send no rids */
    check_ext(&x, PLM_EXT_TWCC, 3);
    check_ext(&x, PLM_EXT_PLAYOUT_DELAY, 5);
    done(&x);
}

static void other_stacks_receive(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum plm_codec video;
        bool rtx;
        uint8_t feedback;
    } rows[] = {
        {"aiortc_whep_offer", PLM_CODEC_VP8, true, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_REMB},
        {"firefox_whep_offer", PLM_CODEC_VP8, true, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_TWCC},
        {"gstreamer_whep_offer", PLM_CODEC_VP8, false, PLM_FB_PLI | PLM_FB_FIR},
        {"libdatachannel_whep_offer", PLM_CODEC_H264, false, PLM_FB_PLI | PLM_FB_REMB},
        {"pion_whep_offer", PLM_CODEC_VP8, true, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_TWCC},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange x = subscribe(rows[i].name);
        check_answer(&x);
        const struct plm_media_params *v = &x.params.media[1];
        assert_int_equal(x.params.media[0].direction, PLM_DIR_SEND);
        assert_int_equal(v->direction, PLM_DIR_SEND);
        assert_int_equal(v->codecs[0].codec, rows[i].video);
        assert_int_equal(v->codecs[0].rtx_pt != PLM_NO_PT, rows[i].rtx);
        assert_int_equal(v->rtx_ssrc != 0, rows[i].rtx);
        /* Without RTX no NACK is accepted: a packet is never sealed twice. */
        assert_int_equal(v->codecs[0].feedback, rows[i].feedback);
        assert_int_equal(v->pair, x.params.media[0].pair);
        done(&x);
    }
}

static void remb_where_the_policy_says(void **state)
{
    (void)state;
    uint32_t counter = 0;
    struct plm_sdp_policy policy = all_codecs(&counter);
    policy.subscribe = policy.slot_remb = true;
    struct exchange x = answered(parse_corpus("chromium_whep_offer"), &policy);
    check_answer(&x);
    assert_int_equal(
        x.params.media[1].codecs[0].feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB);
    assert_int_equal(x.params.media[0].codecs[0].feedback, 0);
    assert_null(strstr(x.text, "transport-wide-cc"));
    assert_null(strstr(x.text, " transport-cc"));
    done(&x);
    policy.publish = true; /* publishers still need transport-cc */
    x = answered(parse_corpus("chromium_whip_offer"), &policy);
    assert_true(x.params.media[1].codecs[0].feedback & PLM_FB_TWCC);
    check_ext(&x, PLM_EXT_TWCC, 3);
    done(&x);
}

/* ---- made-up offers ---- */

static struct exchange answered_text(const char *text, const struct plm_sdp_policy *policy)
{
    return answered(parse_good(text), policy);
}

static void pairs_by_neighbourhood(void **state)
{
    (void)state;
    uint32_t counter = 0;
    struct plm_sdp_policy policy = all_codecs(&counter);
    policy.subscribe = true;
    struct exchange x = answered_text(SESSION "a=recvonly\r\na=group:BUNDLE a b c d e f g\r\n" AUDIO("a")
                                          AUDIO("b") VIDEO("c") VIDEO("d") AUDIO("e") VIDEO("f") VIDEO("g"),
        &policy);
    check_answer(&x);
    static const uint8_t pairs[] = {PLM_NO_PAIR, 0, 0, 1, 1, 2, 3};
    for (unsigned i = 0; i < COUNT_OF(pairs); i++)
        assert_int_equal(x.params.media[i].pair, pairs[i]);
    assert_int_equal(lines_with(x.text, "a=msid:s0 s0a\r"), 1);
    for (unsigned i = 0; i < 7; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(x.params.media[i].ssrc, x.params.media[k].ssrc);
    done(&x);
}

static void refused_lines_keep_their_place(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct exchange x =
        answered_text(SESSION "a=sendonly\r\na=group:BUNDLE b c d e f\r\n" /* "a" stays outside */
            AUDIO("a")
                AUDIO("b") "m=video 9 UDP/TLS/RTP/SAVPF 100\r\na=mid:c\r\na=rtcp-mux\r\na=rtpmap:100 "
                           "H265/90000\r\n" AUDIO("d") "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:e\r\n" VIDEO(
                               "f") "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:g\r\n",
            &policy);
    check_answer(&x);
    static const enum plm_direction directions[] = {PLM_DIR_INACTIVE, PLM_DIR_RECV, PLM_DIR_INACTIVE,
        PLM_DIR_INACTIVE, PLM_DIR_INACTIVE, PLM_DIR_RECV, PLM_DIR_INACTIVE};
    for (unsigned i = 0; i < COUNT_OF(directions); i++)
        assert_int_equal(x.params.media[i].direction, directions[i]);
    assert_int_equal(lines_with(x.text, "a=group:BUNDLE b f\r"), 1);
    assert_int_equal(lines_with(x.text, "m=text 0 UDP/TLS/RTP/SAVPF 98\r"), 1);
    assert_int_equal(lines_with(x.text, "m=video 0 UDP/TLS/RTP/SAVPF 100\r"), 1);
    /* "a" was the first audio, though refused; "d" is the third. */
    assert_int_equal(x.params.media[1].source, PLM_SOURCE_SCREEN_AUDIO);
    assert_int_equal(x.params.media[5].source, PLM_SOURCE_SCREEN);
    done(&x);
}

static void inactive_lines_stay_usable(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct exchange x =
        answered_text(SESSION "a=group:BUNDLE 0 1\r\n" AUDIO("0") VIDEO("1") "a=inactive\r\n", &policy);
    check_answer(&x);
    assert_int_equal(x.params.media[1].direction, PLM_DIR_INACTIVE);
    assert_int_equal(x.params.media[1].source, PLM_SOURCE_CAMERA);
    assert_int_equal(x.answer->media[1].common.way, PLM_SDP_WAY_INACTIVE);
    assert_true(x.answer->media[1].bundled);
    done(&x);
}

static void roles(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum plm_setup params;
        enum plm_sdp_setup answer;
    } rows[] = {
        {"", PLM_SETUP_PASSIVE, PLM_SDP_SETUP_PASSIVE},
        {"a=setup:actpass\r\n", PLM_SETUP_PASSIVE, PLM_SDP_SETUP_PASSIVE},
        {"a=setup:active\r\n", PLM_SETUP_PASSIVE, PLM_SDP_SETUP_PASSIVE},
        {"a=setup:passive\r\n", PLM_SETUP_ACTIVE, PLM_SDP_SETUP_ACTIVE},
    };
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", SESSION AUDIO("0"), rows[i].line);
        struct exchange x = answered_text(text, &policy);
        assert_int_equal(x.params.setup, rows[i].params);
        assert_int_equal(x.answer->media[0].common.setup, rows[i].answer);
        done(&x);
    }
}

static void one_line_needs_no_bundle_nor_mid(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct exchange x = answered_text(
        SESSION "m=audio 9 RTP/SAVPF 111\r\na=rtcp-mux\r\na=rtpmap:111 Opus/48000/2\r\n", &policy);
    assert_string_equal(x.params.media[0].mid, "");
    assert_null(strstr(x.text, "a=mid"));
    assert_null(strstr(x.text, "BUNDLE"));
    assert_int_equal(lines_with(x.text, "m=audio 5000 RTP/SAVPF 111\r"), 1);
    done(&x);
}

static void two_byte_ids_need_mixed_headers(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    static const char offer[] =
        SESSION AUDIO("0") "a=extmap:255 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                           "a=extmap:14 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    struct exchange x = answered_text(offer, &policy);
    check_ext(&x, PLM_EXT_MID, 0);
    check_ext(&x, PLM_EXT_AUDIO_LEVEL, 14);
    done(&x);
    char *mixed = replaced(offer, "a=rtcp-mux", "a=extmap-allow-mixed\r\na=rtcp-mux");
    x = answered_text(mixed, &policy);
    check_ext(&x, PLM_EXT_MID, 255);
    assert_true(x.params.extmap_allow_mixed);
    done(&x);
    free(mixed);
}

static void session_extensions_and_wildcards(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct exchange x =
        answered_text(SESSION "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" VIDEO(
                          "0") "a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:96 goog-remb\r\n"
                               "a=rtcp-fb:96 transport-cc\r\n",
            &policy);
    check_answer(&x);
    check_ext(&x, PLM_EXT_MID, 5);
    assert_int_equal(x.params.media[0].codecs[0].feedback, PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB);
    done(&x);
}

static void simulcast_alternatives(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *rids; /**< lowest first, joined by blanks */
    } rows[] = {
        {"a=rid:1 send\r\na=rid:2 send\r\na=rid:3 send\r\na=simulcast:send 3,~2;~1 recv 9\r\n", "1 3"},
        {"a=simulcast: recv 7 send h;l\r\na=rid:h send\r\na=rid:l send pt=96;max-width=320\r\n", "l h"},
        {"a=rid:a send\r\na=rid:b send\r\na=simulcast:send b;a\r\n", "b a"}, /* no convention: as offered */
        {"a=rid:a send\r\na=simulcast:send zz;a;a\r\n", "a"},
        {"a=rid:a send\r\na=rid:b recv\r\na=simulcast:send a;b\r\n", "a"},
        {"a=rid:only send\r\n", "only"},
        {"a=rid:a send pt=97\r\na=rid:b send max-width=320;pt=7,96\r\na=simulcast:send a;b\r\n", "b"},
        {"a=rid:a send\r\na=rid:b send\r\n",
            ""}, /* without a=simulcast they are not encodings of one source */
        {"a=rid:1 send\r\na=rid:2 send\r\na=rid:3 send\r\na=rid:4 send\r\na=rid:5 send\r\na=simulcast:send "
         "5;4;3;2;1\r\n",
            "2 3 4 5"},
        {"a=simulcast:send ;,;~\r\n", ""},
        {"a=ssrc-group:SIM 1 2 3\r\n", ""},
    };
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[2048], rids[128] = "";
        snprintf(text, sizeof text, "%s%s",
            SESSION VIDEO("0") "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n", rows[i].lines);
        struct exchange x = answered_text(text, &policy);
        check_answer(&x);
        for (unsigned k = 0; k < x.params.media[0].n_rids; k++)
            snprintf(
                rids + strlen(rids), sizeof rids - strlen(rids), k ? " %s" : "%s", x.params.media[0].rids[k]);
        assert_string_equal(rids, rows[i].rids);
        assert_int_equal(lines_with(x.text, "a=rid:"), x.params.media[0].n_rids);
        done(&x);
    }
}

/* Of several codecs the first that an encoding may use is taken, with the encodings that may use it. */
static void rids_of_different_codecs(void **state)
{
    (void)state;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = policy.single_video_codec = true;
    policy.codecs[0] = PLM_CODEC_AV1;
    policy.codecs[1] = PLM_CODEC_VP9;
    policy.codecs[2] = PLM_CODEC_VP8;
    policy.codecs[3] = PLM_CODEC_NONE;
    struct exchange x = answered_text(SESSION
        "m=video 9 UDP/TLS/RTP/SAVPF 96 98 100\r\na=mid:0\r\na=rtcp-mux\r\na=sendonly\r\n"
        "a=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:100 AV1/90000\r\n"
        "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
        "a=rid:q send pt=98\r\na=rid:h send pt=98,96\r\na=rid:f send pt=96\r\n"
        "a=simulcast:send q;h;f\r\n",
        &policy);
    check_answer(&x);
    assert_int_equal(x.params.media[0].n_codecs, 1);
    assert_int_equal(x.params.media[0].codecs[0].codec, PLM_CODEC_VP9);
    assert_int_equal(x.params.media[0].n_rids, 2);
    assert_int_equal(lines_with(x.text, "a=simulcast:recv q;h\r"), 1);
    done(&x);
}

static void opus_options(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "a=fmtp:111 minptime=10\r"},
        {"a=fmtp:111 useinbandfec=1\r\n", "a=fmtp:111 minptime=10;useinbandfec=1\r"},
        {"a=fmtp:111 usedtx=1; UseInbandFEC=1\r\n", "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r"},
        {"a=fmtp:111 sprop-stereo=1;x=;=;stereo\r\n", "a=fmtp:111 minptime=10;stereo=1\r"},
    };
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", SESSION AUDIO("0"), rows[i][0]);
        struct exchange x = answered_text(text, &policy);
        assert_int_equal(lines_with(x.text, rows[i][1]), 1);
        done(&x);
    }
}

/* ---- refusals ---- */

static uint32_t always_seven(void *arg)
{
    (void)arg;
    return 7;
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool publish, subscribe;
        int code;
        const char *why;
    } rows[] = {
        {SESSION "a=ice-lite\r\n" AUDIO("0"), true, false, PLM_ENOTSUP, "ICE-lite"},
        {SESSION VIDEO("0") "a=rid:a send pt=97\r\n", true, false, PLM_ENOTSUP, "no rid may use"},
        {SESSION AUDIO("0") "a=setup:holdconn\r\n", true, false, PLM_ENOTSUP, "holdconn"},
        {SESSION AUDIO("0") "a=recvonly\r\n", true, false, PLM_ENOTSUP, "direction"},
        {SESSION AUDIO("0") "a=sendonly\r\n", false, true, PLM_ENOTSUP, "direction"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n", true, false, PLM_ENOTSUP, "no codec"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n", true, false,
            PLM_ENOTSUP, "no codec"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\na=rtpmap:96 opus/48000\r\n", true, false,
            PLM_ENOTSUP, "no codec"},
        {SESSION "m=audio 9 RTP/AVP 111\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n", true, false,
            PLM_ENOTSUP, "neither audio nor video"},
        {SESSION "a=group:BUNDLE 0 1\r\n" AUDIO("0") "a=ssrc:9 cname:x\r\n" VIDEO("1") "a=ssrc:9 cname:x\r\n",
            true, false, PLM_EINVAL, "two m-lines"},
        {SESSION
            "a=group:BUNDLE 0 1\r\n" AUDIO("0") "a=ssrc:9 cname:x\r\n" VIDEO("1") "a=ssrc-group:FID 8 9\r\n",
            true, false, PLM_EINVAL, "two m-lines"},
        {SESSION "a=group:BUNDLE 0 1\r\n" AUDIO("0") VIDEO("1"), false, true, PLM_EINVAL, "repeats"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plm_sdp *offer = parse_good(rows[i].text);
        struct plm_sdp_local local = our_side();
        struct plm_sdp_policy policy = all_codecs(NULL);
        policy.publish = rows[i].publish;
        policy.subscribe = rows[i].subscribe;
        policy.random_ssrc = always_seven;
        struct plm_transport_params params = {.n_media = 77};
        char *text = NULL;
        struct plm_sdp_error err = {0};
        int rc = plm_sdp_answer(offer, &local, &policy, &params, &text, &err);
        if (rc != rows[i].code || !strstr(err.text, rows[i].why))
            fail_msg("row %zu: %d %s", i, rc, err.text);
        assert_null(text);
        assert_int_equal(params.n_media, 77);
        plm_sdp_destroy(offer);
    }
}

static void refuses_half_a_local_side(void **state)
{
    (void)state;
    struct plm_sdp *offer = parse_good(SESSION AUDIO("0"));
    struct plm_transport_params params;
    struct plm_sdp_error err;
    char *text = NULL;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct plm_sdp_local good = our_side(), local = good;
    local.pwd = NULL;
    assert_int_equal(plm_sdp_answer(offer, &local, &policy, &params, &text, &err), PLM_EINVAL);
    local = good;
    local.fingerprint.len = 0;
    assert_int_equal(plm_sdp_answer(offer, &local, &policy, &params, &text, &err), PLM_EINVAL);
    policy.subscribe = true;
    policy.random_ssrc = NULL;
    assert_int_equal(plm_sdp_answer(offer, &good, &policy, &params, &text, &err), PLM_EINVAL);
    assert_null(text);
    plm_sdp_destroy(offer);
}

static void without_candidates(void **state)
{
    (void)state;
    struct plm_sdp *offer = parse_good(SESSION AUDIO("0"));
    struct plm_transport_params params;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct plm_sdp_local local = our_side();
    char *text = NULL;
    local.candidates++; /* the IPv6 one */
    local.n_candidates = 1;
    assert_int_equal(plm_sdp_answer(offer, &local, &policy, &params, &text, NULL), 0);
    assert_int_equal(lines_with(text, "c=IN IP6 2001:db8::1\r"), 1);
    assert_int_equal(lines_with(text, "a=candidate:1 1 udp 2130706431 2001:db8::1 5000 typ host\r"), 1);
    free(text);
    local.n_candidates = 0;
    assert_int_equal(plm_sdp_answer(offer, &local, &policy, &params, &text, NULL), 0);
    assert_int_equal(lines_with(text, "m=audio 9 "), 1);
    assert_int_equal(lines_with(text, "a=end-of-candidates\r"), 1);
    free(text);
    plm_sdp_destroy(offer);
}

/* RFC 6544 section 4.5; below every UDP candidate, and each below the one before. */
static void candidates_of_tcp(void **state)
{
    (void)state;
    struct plm_sdp *offer = parse_good(SESSION AUDIO("0"));
    struct plm_transport_params params;
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    struct plm_sdp_local local = our_side();
    char *text = NULL, line[PLM_SDP_CANDIDATE_SIZE];
    local.tcp_candidates = local.candidates;
    local.n_tcp_candidates = 2;
    assert_int_equal(plm_sdp_answer(offer, &local, &policy, &params, &text, NULL), 0);
    assert_int_equal(lines_with(text, "a=candidate:3 1 tcp 1520435199 "), 1);
    assert_int_equal(
        lines_with(text, "a=candidate:4 1 tcp 1520434943 2001:db8::1 5000 typ host tcptype passive\r"), 1);
    assert_false(plm_sdp_candidate(&local, 4, line));
    free(text);
    plm_sdp_destroy(offer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chromium_publishes),
        cmocka_unit_test(firefox_publishes),
        cmocka_unit_test(data_channels_are_refused),
        cmocka_unit_test(gstreamer_publishes),
        cmocka_unit_test(aiortc_publishes),
        cmocka_unit_test(libdatachannel_publishes),
        cmocka_unit_test(pion_publishes),
        cmocka_unit_test(one_video_codec),
        cmocka_unit_test(chromium_receives),
        cmocka_unit_test(other_stacks_receive),
        cmocka_unit_test(remb_where_the_policy_says),
        cmocka_unit_test(pairs_by_neighbourhood),
        cmocka_unit_test(refused_lines_keep_their_place),
        cmocka_unit_test(inactive_lines_stay_usable),
        cmocka_unit_test(roles),
        cmocka_unit_test(one_line_needs_no_bundle_nor_mid),
        cmocka_unit_test(two_byte_ids_need_mixed_headers),
        cmocka_unit_test(session_extensions_and_wildcards),
        cmocka_unit_test(simulcast_alternatives),
        cmocka_unit_test(rids_of_different_codecs),
        cmocka_unit_test(opus_options),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_half_a_local_side),
        cmocka_unit_test(without_candidates),
        cmocka_unit_test(candidates_of_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
