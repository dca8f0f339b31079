#include "plenum/media.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void errors_have_texts(void **state)
{
    (void)state;
    for (int e = PLM_EFULL; e <= PLM_EINVAL; e++)
        assert_string_not_equal(plm_strerror(e), "unknown error");
    assert_string_equal(plm_strerror(0), "ok");
    assert_string_equal(plm_strerror(-EADDRINUSE), "Address already in use");
    assert_string_equal(plm_strerror(-4000), "unknown error");
    assert_string_equal(plm_strerror(-2147483647 - 1), "unknown error");
    assert_string_equal(plm_strerror(5), "unknown error");
}

typedef const char *name_fn(int i);
#define ADAPT(fn, type)                                                                                      \
    static const char *fn##_of(int i)                                                                        \
    {                                                                                                        \
        return fn((enum type)i);                                                                             \
    }
ADAPT(plm_kind_name, plm_kind)
ADAPT(plm_codec_name, plm_codec)
ADAPT(plm_source_name, plm_source)
ADAPT(plm_drop_name, plm_drop)
ADAPT(plm_transport_state_name, plm_transport_state)
ADAPT(plm_close_reason_name, plm_close_reason)
ADAPT(plm_slot_state_name, plm_slot_state)
ADAPT(plm_slot_reason_name, plm_slot_reason)
ADAPT(plm_gauge_name, plm_gauge)
ADAPT(plm_counter_name, plm_counter)

static void srtp_profiles_have_iana_names(void **state)
{
    (void)state;
    assert_string_equal(plm_srtp_profile_name(0), "none");
    assert_string_equal(plm_srtp_profile_name(1), "AES128_CM_SHA1_80");
    assert_string_equal(plm_srtp_profile_name(7), "AEAD_AES_128_GCM");
    assert_string_equal(plm_srtp_profile_name(8), "AEAD_AES_256_GCM");
    assert_string_equal(plm_srtp_profile_name(2), "unknown");
    assert_string_equal(plm_srtp_profile_name(65535), "unknown");
}

/** Names label metrics: each must be there, and be there once. */
static void names_are_complete_and_unique(void **state)
{
    (void)state;
    static const struct {
        name_fn *fn;
        int n;
    } sets[] = {
        {plm_kind_name_of, PLM_KIND_VIDEO + 1},
        {plm_codec_name_of, PLM_CODEC_COUNT},
        {plm_source_name_of, PLM_SOURCE_COUNT},
        {plm_drop_name_of, PLM_DROP_COUNT},
        {plm_transport_state_name_of, PLM_TRANSPORT_CLOSED + 1},
        {plm_close_reason_name_of, PLM_CLOSE_RESOURCES + 1},
        {plm_slot_state_name_of, PLM_SLOT_PAUSED + 1},
        {plm_slot_reason_name_of, PLM_SLOT_NO_CODEC + 1},
        {plm_gauge_name_of, PLM_GAUGE_COUNT},
        {plm_counter_name_of, PLM_CNT_COUNT},
    };
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        for (int i = 0; i < sets[s].n; i++) {
            assert_non_null(sets[s].fn(i));
            for (int j = 0; j < i; j++)
                assert_string_not_equal(sets[s].fn(i), sets[s].fn(j));
        }
        assert_string_equal(sets[s].fn(sets[s].n), "unknown");
        assert_string_equal(sets[s].fn(-1), "unknown");
    }
}

static void wire_names(void **state)
{
    (void)state;
    assert_string_equal(plm_codec_name(PLM_CODEC_OPUS), "opus");
    assert_string_equal(plm_codec_name(PLM_CODEC_H264), "H264");
    assert_string_equal(plm_source_name(PLM_SOURCE_SCREEN_AUDIO), "screen_audio");
    assert_int_equal(plm_source_kind(PLM_SOURCE_SCREEN_AUDIO), PLM_KIND_AUDIO);
    assert_int_equal(plm_source_kind(PLM_SOURCE_SCREEN), PLM_KIND_VIDEO);
    assert_string_equal(plm_ext_uri(PLM_EXT_RID), "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id");
    assert_string_equal(plm_ext_uri(PLM_EXT_NONE), "");
    assert_string_equal(plm_ext_uri(PLM_EXT_COUNT), "");
    for (int e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++)
        assert_true(strlen(plm_ext_uri((enum plm_ext)e)) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_texts),
        cmocka_unit_test(names_are_complete_and_unique),
        cmocka_unit_test(srtp_profiles_have_iana_names),
        cmocka_unit_test(wire_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
