#include "sdp/rid_order.h"
#include "sdp_fixture.h"

static void orders_by_convention(void **state)
{
    (void)state;
    static const struct {
        const char *offered, *ordered;
    } rows[] = {
        {"f h q", "q h f"},
        {"q h f", "q h f"},
        {"h l", "l h"},
        {"h m l", "l m h"},
        {"L S M", "S M L"},
        {"m l", "l m"}, /* low and middle rather than medium and large */
        {"high mid low", "low mid high"},
        {"High Medium Low", "Low Medium High"},
        {"hi mid lo", "lo mid hi"},
        {"full half quarter", "quarter half full"},
        {"2 1 0", "0 1 2"},
        {"10 9 8", "8 9 10"},
        {"r2 r0 r1", "r0 r1 r2"},
        {"720p 360p 180p 90p", "90p 180p 360p 720p"},
        {"layer-3-x layer-1-x", "layer-1-x layer-3-x"},
        {"b a", "b a"},
        {"q x", "q x"},
        {"1 b", "1 b"},
        {"r2 s1", "r2 s1"},
        {"2p 1x", "2p 1x"},
        {"20261121000001 20261121000000", "20261121000001 20261121000000"},
        {"one", "one"},
        {"1 1", "1 1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char rids[PLM_MAX_ENCODINGS][PLM_TOKEN_SIZE] = {{0}}, joined[96] = "", copy[96];
        unsigned n = 0;
        strcpy(copy, rows[i].offered);
        for (char *save, *rid = strtok_r(copy, " ", &save); rid; rid = strtok_r(NULL, " ", &save))
            strcpy(rids[n++], rid);
        plm_sdp_order_rids(rids, n);
        for (unsigned k = 0; k < n; k++)
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), k ? " %s" : "%s", rids[k]);
        assert_string_equal(joined, rows[i].ordered);
    }
    char none[1][PLM_TOKEN_SIZE] = {"x"};
    plm_sdp_order_rids(none, 0);
    assert_string_equal(none[0], "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(orders_by_convention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
