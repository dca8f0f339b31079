#include "sdp/description.h"
#include "sdp_fixture.h"

#include <time.h>

/* ---- what is refused, and why ---- */

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        unsigned line;
        const char *why; /**< part of the text */
    } rows[] = {
        {"", PLM_EINVAL, 1, "v="},
        {"v", PLM_EINVAL, 1, "v="},
        {"o=- 1 1 IN IP4 0.0.0.0\r\nv=0\r\n", PLM_EINVAL, 1, "v="},
        {"v=1\r\n", PLM_ENOTSUP, 1, "version"},
        {"v=0\r\n", PLM_EINVAL, 0, "no m-line"},
        {"v=0\r\ngarbage\r\n", PLM_EINVAL, 2, "not a line"},
        {SESSION "m=audio\r\n", PLM_EINVAL, 8, "m= needs"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF\r\n", PLM_EINVAL, 8, "m= needs"},
        {SESSION "m=audio 65536 UDP/TLS/RTP/SAVPF 0\r\n", PLM_EINVAL, 8, "m= needs"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n", PLM_EINVAL, 8, "payload type"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 0 0\r\n", PLM_EINVAL, 8, "listed twice"},
        {SESSION "m=012345678901234567890123456789012 9 X 0\r\n", PLM_ELIMIT, 8, "too long"},
        {SESSION AUDIO("0") "a=rtpmap:111 opus/48000/2\r\n", PLM_EINVAL, 12, "twice"},
        {SESSION AUDIO("0") "a=rtpmap:111 opus\r\n", PLM_EINVAL, 12, "twice"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 opus\r\n", PLM_EINVAL, 9, "name/rate"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:x opus/1\r\n", PLM_EINVAL, 9, "payload type"},
        {SESSION AUDIO("0") "a=mid:1\r\n", PLM_EINVAL, 12, "a=mid twice"},
        {SESSION AUDIO("a b"), PLM_EINVAL, 9, "not a token"},
        {SESSION AUDIO("01234567890123456"), PLM_ELIMIT, 9, "16"},
        {SESSION AUDIO("0") "a=sendonly\r\na=recvonly\r\n", PLM_EINVAL, 13, "two directions"},
        {SESSION AUDIO("0") "a=setup:actpass\r\na=setup:active\r\n", PLM_EINVAL, 13, "twice"},
        {SESSION AUDIO("0") "a=setup:yes\r\n", PLM_EINVAL, 12, "role"},
        {SESSION AUDIO("0") "a=extmap:0 x\r\n", PLM_EINVAL, 12, "id"},
        {SESSION AUDIO("0") "a=extmap:3 x\r\na=extmap:3 y\r\n", PLM_EINVAL, 13, "twice"},
        {SESSION AUDIO("0") "a=ssrc:4294967296 cname:x\r\n", PLM_EINVAL, 12, "32 bits"},
        {SESSION VIDEO("0") "a=ssrc-group:FID 5 5\r\n", PLM_EINVAL, 14, "two different"},
        {SESSION VIDEO("0") "a=ssrc-group:FID 5\r\n", PLM_EINVAL, 14, "two different"},
        {SESSION VIDEO("0") "a=rid:a:b send\r\n", PLM_EINVAL, 14, "a=rid"},
        {SESSION VIDEO("0") "a=rid:a both\r\n", PLM_EINVAL, 14, "a=rid"},
        {SESSION VIDEO("0") "a=rid:a send pt=\r\n", PLM_EINVAL, 14, "pt="},
        {SESSION VIDEO("0") "a=rid:a send max-fps=9;pt=96,x\r\n", PLM_EINVAL, 14, "pt="},
        {SESSION VIDEO("0") "a=rid:a send pt=96,128\r\n", PLM_EINVAL, 14, "pt="},
        {SESSION VIDEO("0") "a=rid:a send pt=96;pt=97\r\n", PLM_EINVAL, 14, "pt="},
        {SESSION VIDEO("0") "a=rid:a send\r\na=rid:a send\r\n", PLM_EINVAL, 15, "twice"},
        {SESSION VIDEO("0") "a=rid:0123456789abcdefg send\r\n", PLM_EINVAL, 14, "16"},
        {SESSION VIDEO("0") "a=simulcast:send a\r\na=simulcast:send a\r\n", PLM_EINVAL, 15, "twice"},
        {SESSION AUDIO("0") VIDEO("1"), PLM_ENOTSUP, 0, "BUNDLE"},
        {SESSION "a=group:BUNDLE 0 1\r\n" AUDIO("0") VIDEO("0"), PLM_EINVAL, 13, "two m-lines"},
        {SESSION "a=group:BUNDLE 0 0\r\n" AUDIO("0"), PLM_EINVAL, 8, "mid twice"},
        {SESSION "a=group:BUNDLE 0 1\r\n" AUDIO("0"), PLM_EINVAL, 0, "unknown mid"},
        {SESSION "a=group:BUNDLE 0\r\na=group:BUNDLE 1\r\n" AUDIO("0"), PLM_ENOTSUP, 9, "more than one"},
        {SESSION "a=group:BUNDLE\r\n" AUDIO("0"), PLM_EINVAL, 0, "no m-line of BUNDLE"},
        {SESSION "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n", PLM_EINVAL, 0, "in use"},
        {SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", PLM_ENOTSUP, 8, "rtcp-mux"},
        {"v=0\r\n" FP AUDIO("0"), PLM_EINVAL, 3, "credentials"},
        {"v=0\r\n" FP "a=ice-ufrag:abcd\r\n" AUDIO("0"), PLM_EINVAL, 4, "credentials"},
        {"v=0\r\n" FP CREDS AUDIO("0") "a=ice-ufrag:efgh\r\n", PLM_EINVAL, 5, "credentials"},
        {SESSION "a=ice-ufrag:efgh\r\n", PLM_EINVAL, 8, "twice"},
        {"v=0\r\na=ice-ufrag:abc\r\n", PLM_EINVAL, 2, "4 to 256"},
        {"v=0\r\na=ice-pwd:short\r\n", PLM_EINVAL, 2, "22 to 256"},
        {"v=0\r\na=ice-ufrag:a b c d\r\n", PLM_EINVAL, 2, "4 to 256"},
        {"v=0\r\n" CREDS AUDIO("0"), PLM_EINVAL, 4, "no fingerprint"},
        {"v=0\r\na=fingerprint:sha-1 00:11\r\na=fingerprint:md5 00\r\n" CREDS AUDIO("0"), PLM_EINVAL, 6,
            "sha-256"},
        {"v=0\r\na=fingerprint:sha-256 00:11\r\n", PLM_EINVAL, 2, "hexadecimal"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plm_sdp *sdp = (struct plm_sdp *)0x1;
        struct plm_sdp_error err = {0};
        int rc = parse_exact(&sdp, rows[i].text, strlen(rows[i].text), &err);
        if (rc != rows[i].code || err.line != rows[i].line || !strstr(err.text, rows[i].why))
            fail_msg("row %zu: %d, line %u: %s", i, rc, err.line, err.text);
        assert_ptr_equal(sdp, (struct plm_sdp *)0x1);
        assert_int_equal(parse_exact(&sdp, rows[i].text, strlen(rows[i].text), NULL), rows[i].code);
    }
}

static void refuses_nul_and_size(void **state)
{
    (void)state;
    struct plm_sdp *sdp = NULL;
    struct plm_sdp_error err;
    static const char nul[] = SESSION AUDIO("0") "a=x\0y\r\n";
    assert_int_equal(parse_exact(&sdp, nul, sizeof nul - 1, &err), PLM_EINVAL);
    assert_int_equal(err.line, 12);
    char *big = malloc(PLM_SDP_MAX_SIZE + 1);
    assert_non_null(big);
    memset(big, '\n', PLM_SDP_MAX_SIZE + 1);
    memcpy(big, SESSION AUDIO("0"), sizeof(SESSION AUDIO("0")) - 1);
    assert_int_equal(plm_sdp_parse(&sdp, big, PLM_SDP_MAX_SIZE + 1, &err), PLM_ELIMIT);
    assert_int_equal(plm_sdp_parse(&sdp, big, PLM_SDP_MAX_SIZE, &err), 0);
    plm_sdp_destroy(sdp);
    free(big);
    plm_sdp_destroy(NULL);
}

/** Text of n repetitions, each with its number where the format has one. */
static char *repeat(const char *head, const char *fmt, unsigned n)
{
    size_t cap = strlen(head) + n * (strlen(fmt) + 16) + 1, len = strlen(head);
    char *text = malloc(cap);
    assert_non_null(text);
    memcpy(text, head, len + 1);
    for (unsigned i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, cap - len, fmt, i);
    return text;
}

static int code_of(char *text)
{
    struct plm_sdp *sdp = NULL;
    struct plm_sdp_error err;
    int rc = parse_exact(&sdp, text, strlen(text), &err);
    if (rc == 0)
        plm_sdp_destroy(sdp);
    free(text);
    return rc;
}

static void caps_hold(void **state)
{
    (void)state;
    static const char bundle[] = SESSION "a=group:BUNDLE";
    static const char media[] = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=mid:%u\r\n";
    for (unsigned n = PLM_MAX_MEDIA; n <= PLM_MAX_MEDIA + 1; n++) {
        char *head = repeat(bundle, " %u", PLM_MAX_MEDIA), *lines = repeat("\r\n", media, n);
        char *text = malloc(strlen(head) + strlen(lines) + 1);
        assert_non_null(text);
        strcat(strcpy(text, head), lines);
        free(head);
        free(lines);
        assert_int_equal(code_of(text), n > PLM_MAX_MEDIA ? PLM_ELIMIT : 0);
    }
    assert_int_equal(code_of(repeat(bundle, " %u", PLM_MAX_MEDIA + 1)), PLM_ELIMIT);
    static const char m[] = SESSION "m=video 9 UDP/TLS/RTP/SAVPF";
    for (unsigned n = PLM_SDP_MAX_PAYLOADS; n <= PLM_SDP_MAX_PAYLOADS + 1; n++) {
        char *head = repeat(m, " %u", n);
        assert_int_equal(
            code_of(repeat(head, "\r\na=rtcp-mux\r\n", 1)), n > PLM_SDP_MAX_PAYLOADS ? PLM_ELIMIT : 0);
        free(head);
    }
    for (unsigned n = PLM_SDP_MAX_RIDS; n <= PLM_SDP_MAX_RIDS + 1; n++)
        assert_int_equal(code_of(repeat(SESSION VIDEO("0"), "a=rid:r%u send\r\n", n)),
            n > PLM_SDP_MAX_RIDS ? PLM_ELIMIT : 0);
    for (unsigned n = PLM_SDP_MAX_LINE - 2; n <= PLM_SDP_MAX_LINE - 1; n++)
        assert_int_equal(
            code_of(repeat(SESSION AUDIO("0") "a=", "x", n)), n + 2 > PLM_SDP_MAX_LINE ? PLM_ELIMIT : 0);
}

/* ---- what is understood ---- */

static const char *const corpora[] = {
    "aiortc_slots_answer",
    "aiortc_whep_offer",
    "aiortc_whip_offer",
    "chromium_publish_offer",
    "chromium_sendrecv_data_offer",
    "chromium_slots_answer",
    "chromium_slots_answer_remb",
    "chromium_whep_offer",
    "chromium_whip_offer",
    "firefox_publish_offer",
    "firefox_sendrecv_data_offer",
    "firefox_slots_answer",
    "firefox_slots_answer_remb",
    "firefox_whep_offer",
    "firefox_whip_offer",
    "gstreamer_h264_offer",
    "gstreamer_whep_offer",
    "gstreamer_whip_offer",
    "libdatachannel_whep_offer",
    "libdatachannel_whip_offer",
    "pion_simulcast_no_ext_offer",
    "pion_simulcast_offer",
    "pion_whep_offer",
    "pion_whip_offer",
};

static void understands_real_stacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(corpora); i++) {
        struct plm_sdp *sdp = parse_corpus(corpora[i]);
        assert_in_range(strlen(plm_sdp_ufrag(sdp)), 4, 256);
        assert_in_range(strlen(plm_sdp_pwd(sdp)), 22, 256);
        bool sends = strstr(corpora[i], "whip") || strstr(corpora[i], "publish") ||
                     strstr(corpora[i], "simulcast") || strstr(corpora[i], "h264") ||
                     strstr(corpora[i], "sendrecv");
        bool receives = strstr(corpora[i], "whep") || strstr(corpora[i], "slots") ||
                        strstr(corpora[i], "sendrecv") ||
                        strstr(corpora[i], "simulcast"); /* Pion offers those sendrecv */
        for (size_t k = 0; k < plm_sdp_media_count(sdp); k++) {
            bool data = strcmp(plm_sdp_media_mid(sdp, k), "2") == 0 && strstr(corpora[i], "data");
            assert_int_equal(plm_sdp_media_peer_sends(sdp, k), sends && !data);
            assert_int_equal(plm_sdp_media_peer_receives(sdp, k), receives && !data);
            if (!data)
                assert_true(sdp->media[k].bundled);
        }
        assert_false(plm_sdp_media_peer_sends(sdp, plm_sdp_media_count(sdp)));
        plm_sdp_destroy(sdp);
    }
}

/** Every prefix either parses or says where it stopped. */
static void survives_truncation(void **state)
{
    (void)state;
    static const char *const names[] = {
        "firefox_publish_offer", "gstreamer_whip_offer", "pion_simulcast_offer"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t len;
        unsigned good = 0;
        char *text = corpus(names[i], &len);
        for (size_t n = 0; n < len; n++) {
            struct plm_sdp *sdp = NULL;
            struct plm_sdp_error err = {0};
            int rc = parse_exact(&sdp, text, n, &err);
            if (rc)
                assert_true(err.text[0] != '\0');
            good += rc == 0;
            plm_sdp_destroy(sdp);
        }
        assert_in_range(good, 1, len - 1);
        free(text);
    }
}

static void takes_values_of_firefox(void **state)
{
    (void)state;
    struct plm_sdp *sdp = parse_corpus("firefox_publish_offer");
    assert_int_equal(sdp->n_media, 4);
    assert_string_equal(plm_sdp_ufrag(sdp), "75544f05");
    assert_string_equal(plm_sdp_pwd(sdp), "11cfdd44dc4805031ffd76ca8cc324e4");
    const struct plm_sdp_media *v = &sdp->media[1], *screen = &sdp->media[2];
    assert_int_equal(v->common.fingerprint.len, 32); /* from the session */
    assert_int_equal(v->common.fingerprint.value[0], 0x8e);
    assert_int_equal(v->common.fingerprint.value[31], 0xf4);
    assert_int_equal(v->common.setup, PLM_SDP_SETUP_ACTPASS);
    assert_int_equal(v->common.ext_id[PLM_EXT_RID], 9);
    assert_int_equal(v->common.ext_way[PLM_EXT_RID], PLM_SDP_WAY_SEND);
    assert_int_equal(v->common.ext_way[PLM_EXT_PLAYOUT_DELAY], PLM_SDP_WAY_RECV);
    assert_int_equal(v->common.ext_way[PLM_EXT_MID], PLM_SDP_WAY_SEND | PLM_SDP_WAY_RECV);
    assert_int_equal(v->n_simulcast, 3);
    assert_string_equal(v->simulcast[1], "h");
    assert_int_equal(v->fid_ssrc, 2725356648u);
    assert_int_equal(v->fid_rtx, 2797469081u);
    assert_true(screen->zero_port && screen->bundle_only && plm_sdp_media_in_use(screen));
    const struct plm_sdp_payload *vp8 = plm_sdp_media_payload(v, 120);
    assert_non_null(vp8);
    assert_int_equal(vp8->codec, PLM_CODEC_VP8);
    assert_int_equal(vp8->rtx_pt, 124); /* its a=fmtp came before its a=rtpmap */
    assert_int_equal(vp8->feedback, PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_REMB | PLM_FB_TWCC);
    assert_null(plm_sdp_media_payload(v, 96));
    assert_null(plm_sdp_media_payload(v, 200));
    plm_sdp_destroy(sdp);
}

static void takes_lf_and_trailing_lines(void **state)
{
    (void)state;
    char *lf = replaced(SESSION AUDIO("0"), "\r\n", "\n");
    struct plm_sdp *sdp = parse_good(lf);
    assert_string_equal(plm_sdp_media_mid(sdp, 0), "0");
    plm_sdp_destroy(sdp);
    lf[strlen(lf) - 1] = '\0'; /* no end of the last line */
    plm_sdp_destroy(parse_good(lf));
    free(lf);
    plm_sdp_destroy(parse_good(SESSION AUDIO("0") "\r\n\r\n"));
}

static void strongest_fingerprint_wins(void **state)
{
    (void)state;
    static const char text[] = "v=0\r\n" CREDS AUDIO(
        "0") "a=fingerprint:SHA-1 00\r\n" FP "a=fingerprint:Sha-384 "
             "ff:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:"
             "0f:"
             "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:ee\r\na=fingerprint:sha-777 00\r\n" FP;
    struct plm_sdp *sdp = parse_good(text);
    const struct plm_fingerprint *f = &sdp->media[0].common.fingerprint;
    assert_int_equal(f->len, 48);
    assert_int_equal(f->value[0], 0xff);
    assert_int_equal(f->value[47], 0xee);
    plm_sdp_destroy(sdp);
}

/** A weak fingerprint in the m-line is not mended by a strong one of the session: the m-line speaks of another certificate. */
static void media_fingerprint_hides_session(void **state)
{
    (void)state;
    struct plm_sdp *sdp = NULL;
    struct plm_sdp_error err;
    static const char text[] = SESSION AUDIO("0") "a=fingerprint:sha-1 00:11\r\n";
    assert_int_equal(parse_exact(&sdp, text, sizeof text - 1, &err), PLM_EINVAL);
    assert_non_null(strstr(err.text, "sha-256"));
}

static void bundle_order_names_the_transport(void **state)
{
    (void)state;
    static const char text[] = "v=0\r\n" FP "a=group:BUNDLE v a\r\n" AUDIO("a")
        CREDS VIDEO("v") "a=ice-ufrag:second\r\na=ice-pwd:abcdefabcdefabcdefabcdef\r\n";
    struct plm_sdp *sdp = parse_good(text);
    assert_string_equal(plm_sdp_ufrag(sdp), "second");
    assert_string_equal(plm_sdp_pwd(sdp), "abcdefabcdefabcdefabcdef");
    plm_sdp_destroy(sdp);
}

/** 250 kB of what costs most must not hold the main loop: under 10 ms in a release build, allowed tenfold for sanitizers. */
static void hostile_text_is_cheap(void **state)
{
    (void)state;
    static const char *const lines[] = {"a=ssrc:%u c\r\n", "a=x\n", "\n", "a=rtcp-fb:96 nack\r\n",
        "a=fmtp:96 a=1;b=2;c=3\r\n", "a=fmtp:96 ;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;\r\n",
        "a=extmap:4096 urn:x\r\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char *text = repeat(SESSION VIDEO("0"), lines[i], 250000 / (unsigned)strlen(lines[i]));
        text[strlen(text) > 256000 ? 256000 : strlen(text)] = '\0';
        struct timespec t0, t1;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
        struct plm_sdp *sdp = NULL;
        struct plm_sdp_error err;
        (void)plm_sdp_parse(&sdp, text, strlen(text), &err);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
        double ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
        print_message("%-14.10s %5.2f ms\n", lines[i], ms);
        assert_true(ms < 100);
        plm_sdp_destroy(sdp);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_nul_and_size),
        cmocka_unit_test(caps_hold),
        cmocka_unit_test(understands_real_stacks),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(takes_values_of_firefox),
        cmocka_unit_test(takes_lf_and_trailing_lines),
        cmocka_unit_test(strongest_fingerprint_wins),
        cmocka_unit_test(media_fingerprint_hides_session),
        cmocka_unit_test(bundle_order_names_the_transport),
        cmocka_unit_test(hostile_text_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
