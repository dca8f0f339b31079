#include "sdp/codecs.h"
#include "sdp_fixture.h"

/** RFC 6184 table 5: several ways to write one profile. */
static void h264_variants(void **state)
{
    (void)state;
    static const struct {
        uint32_t profile_level_id;
        uint8_t mode;
        uint32_t variant;
    } rows[] = {
        {0x42e01f, 1, 0x42e001},
        {0x42c015, 1, 0x42e001},
        {0x42001f, 1, 0x42e001}, /* Baseline counts as Constrained Baseline */
        {0x42000a, 0, 0x42e000}, /* the default when nothing is said */
        {0x4d801f, 1, 0x42e001},
        {0x58c01f, 1, 0x42e001},
        {0x4d001f, 1, 0x4d0001},
        {0x4d4032, 1, 0x4d0001},
        {0x64001f, 1, 0x640001},
        {0x640c1f, 1, 0x640c01},
        {0x64081f, 1, 0x640801}, /* in no row of the table: itself */
        {0xf4001f, 0, 0xf40000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plm_sdp_fmtp f = {
            .profile_level_id = rows[i].profile_level_id, .packetization_mode = rows[i].mode};
        assert_int_equal(plm_sdp_variant(PLM_CODEC_H264, &f), rows[i].variant);
    }
    struct plm_sdp_fmtp f = {.profile_level_id = 0x42e01f, .profile_id = 2, .profile = 1};
    assert_int_equal(plm_sdp_variant(PLM_CODEC_VP8, &f), 0);
    assert_int_equal(plm_sdp_variant(PLM_CODEC_VP9, &f), 2);
    assert_int_equal(plm_sdp_variant(PLM_CODEC_AV1, &f), 1);
    assert_int_equal(plm_sdp_variant(PLM_CODEC_OPUS, &f), 0);
}

static void fmtp_of_a_variant_gives_it_back(void **state)
{
    (void)state;
    static const struct plm_codec_params rows[] = {
        {.codec = PLM_CODEC_H264, .variant = 0x42e001},
        {.codec = PLM_CODEC_H264, .variant = 0x640c00},
        {.codec = PLM_CODEC_VP9, .variant = 2},
        {.codec = PLM_CODEC_AV1, .variant = 1},
        {.codec = PLM_CODEC_VP8},
        {.codec = PLM_CODEC_OPUS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plm_sdp_fmtp f = plm_sdp_own_fmtp(&rows[i]);
        assert_int_equal(plm_sdp_variant(rows[i].codec, &f), rows[i].variant);
        assert_int_equal(f.apt, PLM_NO_PT);
    }
}

#define H264(pt, fmtp) "a=rtpmap:" #pt " H264/90000\r\na=fmtp:" #pt " " fmtp "\r\n"
static const char h264_offer[] =
    SESSION "m=video 9 UDP/TLS/RTP/SAVPF 100 101 102 103 104 105 106\r\na=rtcp-mux\r\n" H264(
        100, "profile-level-id=640c1f;packetization-mode=1") H264(101, "profile-level-id=42e01f")
        H264(102, "profile-level-id=42001f;packetization-mode=1")
            H264(103, "packetization-mode=1;profile-level-id=42E01F")
                H264(104, "profile-level-id=4d001f;packetization-mode=1")
                    H264(105, "profile-level-id=zzzzzz;packetization-mode=300")
                        H264(106, "profile-level-id=f4001f;packetization-mode=1");

static void prefers_what_most_decode(void **state)
{
    (void)state;
    static const uint8_t order[] = {103, 104, 100, 106, 101};
    struct plm_sdp *sdp = parse_good(h264_offer);
    struct plm_sdp_policy policy = {.codecs = {PLM_CODEC_H264}};
    struct plm_media_params m = {.n_codecs = 9};
    plm_sdp_choose_codecs(&m, &sdp->media[0], &policy, true);
    assert_int_equal(m.n_codecs, 1);
    assert_int_equal(m.codecs[0].pt, 103);
    plm_sdp_choose_codecs(&m, &sdp->media[0], &policy, false);
    assert_int_equal(m.n_codecs, COUNT_OF(order)); /* 102 is the same variant as 103, 105 as 101 */
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_int_equal(m.codecs[i].pt, order[i]);
    policy.codecs[0] = PLM_CODEC_NONE;
    plm_sdp_choose_codecs(&m, &sdp->media[0], &policy, false);
    assert_int_equal(m.n_codecs, 0);
    plm_sdp_destroy(sdp);
}

static void rtx_belongs_to_one_codec(void **state)
{
    (void)state;
    struct plm_sdp *sdp =
        parse_good(SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101\r\na=rtcp-mux\r\n"
                           "a=fmtp:97 apt=96\r\na=rtpmap:97 RTX/90000\r\na=rtpmap:96 vp8/90000\r\n"
                           "a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=96\r\n"  /* a second one */
                           "a=rtpmap:99 rtx/48000\r\na=fmtp:99 apt=101\r\n" /* another clock */
                           "a=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=97\r\n"
                           "a=rtpmap:101 VP9/90000\r\na=fmtp:101 apt=200\r\n");
    assert_int_equal(plm_sdp_media_payload(&sdp->media[0], 96)->rtx_pt, 97);
    assert_int_equal(plm_sdp_media_payload(&sdp->media[0], 97)->rtx_pt, PLM_NO_PT);
    assert_int_equal(plm_sdp_media_payload(&sdp->media[0], 101)->rtx_pt, PLM_NO_PT);
    plm_sdp_destroy(sdp);
}

static void red_belongs_to_opus(void **state)
{
    (void)state;
    struct plm_sdp *sdp =
        parse_good(SESSION "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 112 113 114 115 116 117 118\r\na=rtcp-mux\r\n"
                           "a=fmtp:63 111/111\r\na=rtpmap:63 RED/48000/2\r\na=rtpmap:111 opus/48000/2\r\n"
                           "a=rtpmap:112 red/48000/2\r\na=fmtp:112 111/111\r\n" /* a second one */
                           "a=rtpmap:113 opus/48000/2\r\n"
                           "a=rtpmap:114 red/48000/2\r\na=fmtp:114 113/111\r\n" /* copies of another */
                           "a=rtpmap:115 red/48000/2\r\na=fmtp:115 113\r\n"     /* no copies */
                           "a=rtpmap:116 red/48000/2\r\n"
                           "a=rtpmap:117 red/8000\r\na=fmtp:117 113/113\r\n" /* another clock */
                           "a=rtpmap:118 red/48000/2\r\na=fmtp:118 99/99\r\n");
    const struct plm_sdp_media *m = &sdp->media[0];
    assert_int_equal(plm_sdp_media_payload(m, 111)->red_pt, 63);
    assert_int_equal(plm_sdp_media_payload(m, 113)->red_pt, 0);
    struct plm_sdp_policy policy = {.codecs = {PLM_CODEC_OPUS}};
    struct plm_media_params slot = {.direction = PLM_DIR_SEND}, track = {.direction = PLM_DIR_RECV};
    plm_sdp_choose_codecs(&slot, m, &policy, false);
    assert_int_equal(slot.codecs[0].pt, 111);
    assert_int_equal(slot.red_pt, 63);
    plm_sdp_choose_codecs(&track, m, &policy, true);
    assert_int_equal(track.codecs[0].pt, 111);
    assert_int_equal(track.red_pt, 0);
    plm_sdp_destroy(sdp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_variants),
        cmocka_unit_test(fmtp_of_a_variant_gives_it_back),
        cmocka_unit_test(prefers_what_most_decode),
        cmocka_unit_test(rtx_belongs_to_one_codec),
        cmocka_unit_test(red_belongs_to_opus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
