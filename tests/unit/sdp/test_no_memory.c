/* Every entry point under "the Nth allocation fails". */
#include "../../fakes/own_alloc.h"
#include "sdp_fixture.h"

static unsigned left; /**< allocations until one fails; 0: none fails */

OWN_ALLOC_EARLY static bool alloc_fails(const void *caller)
{
    (void)caller;
    return left && --left == 0;
}

static int parse_and_answer(const char *text, size_t len)
{
    struct plm_sdp *sdp = NULL;
    struct plm_sdp_error err;
    int rc = plm_sdp_parse(&sdp, text, len, &err);
    if (rc)
        return rc;
    static struct plm_transport_params params;
    struct plm_sdp_local local = our_side();
    struct plm_sdp_policy policy = all_codecs(NULL);
    policy.publish = true;
    char *answer = NULL;
    rc = plm_sdp_answer(sdp, &local, &policy, &params, &answer, &err);
    plm_sdp_destroy(sdp);
    free(answer);
    return rc;
}

static int make_offer(const char *text, size_t len)
{
    (void)text;
    (void)len;
    static struct plm_transport_params params;
    static const struct plm_sdp_layout layout = {.pairs = 9, .audio_only = 3, .screen_pairs = 1};
    uint32_t counter = 0;
    struct plm_sdp_local local = our_side();
    struct plm_sdp_policy policy = all_codecs(&counter);
    char *offer = NULL;
    memset(&params, 0, sizeof params);
    int rc = plm_sdp_offer(&local, &layout, &policy, &params, &offer, NULL);
    if (rc)
        assert_int_equal(params.n_media, 0);
    free(offer);
    return rc;
}

/** Fail the first, second, … allocation until all succeed: each failure is told, none leaks. */
static void fail_each(int (*fn)(const char *, size_t), unsigned at_least)
{
    size_t len;
    char *text = corpus("chromium_publish_offer", &len);
    unsigned n = 0;
    long before = alloc_live;
    int rc;
    do {
        left = ++n;
        rc = fn(text, len);
        left = 0;
        assert_true(rc == 0 || rc == PLM_ENOMEM);
        assert_int_equal(alloc_live, before);
    } while (rc != 0 && n < 1000);
    assert_int_equal(rc, 0);
    assert_true(n > at_least);
    free(text);
}

static void answering(void **state)
{
    (void)state;
    fail_each(parse_and_answer, 3);
}

static void offering(void **state)
{
    (void)state;
    fail_each(make_offer, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answering),
        cmocka_unit_test(offering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
