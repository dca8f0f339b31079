/* Copies of what was agreed, no larger than it is. */
#include "plenum/rtp_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plm_transport_params *make(uint16_t n)
{
    struct plm_transport_params *p = calloc(1, sizeof *p);
    p->setup = PLM_SETUP_ACTIVE;
    p->fingerprint.len = 32;
    p->fingerprint.value[31] = 7;
    p->exts.id[PLM_EXT_MID] = 4;
    p->n_media = n;
    for (uint16_t i = 0; i < n; i++) {
        p->media[i].ssrc = 100u + i;
        p->media[i].mid[0] = 'm';
    }
    return p;
}

static void check(const struct plm_transport_params *p, uint16_t n)
{
    assert_int_equal(p->n_media, n);
    assert_int_equal(p->setup, PLM_SETUP_ACTIVE);
    assert_int_equal(p->fingerprint.value[31], 7);
    assert_int_equal(p->exts.id[PLM_EXT_MID], 4);
    for (uint16_t i = 0; i < n; i++) {
        assert_int_equal(p->media[i].ssrc, 100 + i);
        assert_string_equal(p->media[i].mid, "m");
    }
}

static void copies_hold_what_is_there(void **state)
{
    (void)state;
    static const uint16_t counts[] = {0, 1, 23, PLM_MAX_MEDIA};
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct plm_transport_params *p = make(counts[i]), *whole = malloc(sizeof *whole);
        struct plm_transport_params *dup = plm_transport_params_dup(p);
        check(dup, counts[i]);
        p = plm_transport_params_trim(p);
        check(p, counts[i]);
        memset(whole, 0xff, sizeof *whole);
        plm_transport_params_copy(whole, dup); /* reads no further than the block goes */
        check(whole, counts[i]);
        for (unsigned k = counts[i]; k < PLM_MAX_MEDIA; k++) {
            assert_int_equal(whole->media[k].direction, PLM_DIR_INACTIVE);
            assert_int_equal(whole->media[k].n_codecs, 0);
            assert_int_equal(whole->media[k].ssrc, 0);
        }
        free(p);
        free(dup);
        free(whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_hold_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
