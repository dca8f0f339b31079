#include "sdp_fixture.h"

static int parse(struct plm_sdp_fragment *out, const char *text, struct plm_sdp_error *err)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    int rc = plm_sdp_parse_fragment(out, copy, len, err);
    free(copy);
    return rc;
}

static void takes_trickled_candidates(void **state)
{
    (void)state;
    /* As in RFC 8840 section 9. */
    static const char text[] =
        "a=ice-options:trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
        "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n"
        "a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host\r\n"
        "a=end-of-candidates\r\n";
    struct plm_sdp_fragment f;
    struct plm_sdp_error err;
    assert_int_equal(parse(&f, text, &err), 0);
    assert_string_equal(f.ufrag, "EsAw");
    assert_string_equal(f.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
    assert_int_equal(f.candidates, 2);
}

static void takes_little(void **state)
{
    (void)state;
    struct plm_sdp_fragment f;
    struct plm_sdp_error err;
    assert_int_equal(parse(&f, "", &err), 0);
    assert_int_equal(f.candidates, 0);
    assert_string_equal(f.ufrag, "");
    assert_int_equal(parse(&f, "a=candidate:x\n", &err), 0);
    assert_int_equal(f.candidates, 1);
    assert_string_equal(f.pwd, "");
}

static void first_credentials_stand(void **state)
{
    (void)state;
    struct plm_sdp_fragment f;
    struct plm_sdp_error err;
    assert_int_equal(parse(&f,
                         "a=ice-ufrag:first\r\na=ice-pwd:0123456789012345678901\r\n"
                         "a=ice-ufrag:other\r\na=ice-pwd:abcdefghijabcdefghijab\r\n",
                         &err),
        0);
    assert_string_equal(f.ufrag, "first");
    assert_string_equal(f.pwd, "0123456789012345678901");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"junk\r\n", "x",
        "a=ice-ufrag:abc\r\na=ice-pwd:0123456789012345678901\r\n", "a=ice-ufrag:abcd\r\n",
        "a=ice-pwd:0123456789012345678901\r\n", "a=ice-ufrag:abcd\r\na=ice-pwd:012345678901234567890\r\n",
        "a=ice-ufrag:ab:d\r\na=ice-pwd:0123456789012345678901\r\n"};
    struct plm_sdp_error err;
    struct plm_sdp_fragment f = {.candidates = 9};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(parse(&f, bad[i], &err), PLM_EINVAL);
    for (size_t len = 256; len <= 257; len++) {
        char text[700];
        snprintf(text, sizeof text, "a=ice-ufrag:%.*s\r\na=ice-pwd:0123456789012345678901\r\n", (int)len,
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        struct plm_sdp_fragment g;
        assert_int_equal(parse(&g, text, &err), len == 256 ? 0 : PLM_EINVAL);
    }
    assert_int_equal(f.candidates, 9);
    assert_int_equal(plm_sdp_parse_fragment(&f, NULL, PLM_SDP_MAX_SIZE + 1, &err), PLM_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_trickled_candidates),
        cmocka_unit_test(takes_little),
        cmocka_unit_test(first_credentials_stand),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
