/*
 * Every entry point under "the Nth allocation fails". The allocator is glibc's, entered through its own names; a sanitizer brings
 * another, so there the cases are skipped.
 */
#include "sdp_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#elif defined(__has_feature)
#define OWN_ALLOCATOR (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define OWN_ALLOCATOR 1
#endif

static unsigned left; /**< allocations until one fails; 0: none fails */
static unsigned live; /**< allocations minus frees while watched */

#if OWN_ALLOCATOR
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool fails(void)
{
    return left && --left == 0;
}

void *malloc(size_t size)
{
    void *p = fails() ? NULL : __libc_malloc(size);
    live += p != NULL;
    return p;
}

void *calloc(size_t n, size_t size)
{
    void *p = fails() ? NULL : __libc_calloc(n, size);
    live += p != NULL;
    return p;
}

void *realloc(void *old, size_t size)
{
    void *p = fails() ? NULL : __libc_realloc(old, size);
    live += p != NULL && old == NULL;
    return p;
}

void free(void *p)
{
    live -= p != NULL;
    __libc_free(p);
}
#endif

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
    if (!OWN_ALLOCATOR)
        skip();
    size_t len;
    char *text = corpus("chromium_publish_offer", &len);
    unsigned n = 0, before = live;
    int rc;
    do {
        left = ++n;
        rc = fn(text, len);
        left = 0;
        assert_true(rc == 0 || rc == PLM_ENOMEM);
        assert_int_equal(live, before);
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
