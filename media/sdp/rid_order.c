#include "sdp/rid_order.h"

#include <string.h>
#include <strings.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/** Lowest first. Where two rows fit ("m", "l"), the earlier wins: browsers' examples use q h f and l m h. */
static const char *const conventions[][4] = {
    {"q", "h", "f"},
    {"l", "m", "h"},
    {"s", "m", "l"},
    {"s", "m", "h"},
    {"lo", "mi", "hi"},
    {"lo", "mid", "hi"},
    {"low", "mid", "high"},
    {"low", "med", "high"},
    {"low", "medium", "high"},
    {"small", "medium", "large"},
    {"quarter", "half", "full"},
};

static int rank_in(const char *const names[4], const char *rid)
{
    for (int i = 0; i < 4 && names[i]; i++)
        if (strcasecmp(names[i], rid) == 0)
            return i;
    return -1;
}

static bool rank_by_name(char rids[][PLM_TOKEN_SIZE], unsigned n, uint32_t *rank)
{
    for (size_t c = 0; c < COUNT_OF(conventions); c++) {
        unsigned known = 0;
        while (known < n) {
            int r = rank_in(conventions[c], rids[known]);
            if (r < 0)
                break;
            rank[known++] = (uint32_t)r;
        }
        if (known == n)
            return true;
    }
    return false;
}

/** Equal but for one number: "r0", "r1"; "180p", "360p". */
static bool rank_by_number(char rids[][PLM_TOKEN_SIZE], unsigned n, uint32_t *rank)
{
    static const char digits[] = "0123456789";
    size_t head = strcspn(rids[0], digits);
    const char *tail = rids[0] + head + strspn(rids[0] + head, digits);
    for (unsigned i = 0; i < n; i++) {
        size_t h = strcspn(rids[i], digits), len = strspn(rids[i] + h, digits);
        if (h != head || memcmp(rids[i], rids[0], head) != 0 || len == 0 || len > 6 ||
            strcmp(rids[i] + h + len, tail) != 0)
            return false;
        rank[i] = 0;
        for (size_t k = 0; k < len; k++)
            rank[i] = rank[i] * 10 + (uint32_t)(rids[i][h + k] - '0');
    }
    return true;
}

void plm_sdp_order_rids(char rids[][PLM_TOKEN_SIZE], unsigned n)
{
    uint32_t rank[PLM_MAX_ENCODINGS];
    if (n < 2 || n > PLM_MAX_ENCODINGS || (!rank_by_name(rids, n, rank) && !rank_by_number(rids, n, rank)))
        return;
    for (unsigned i = 1; i < n; i++)
        for (unsigned k = i; k > 0 && rank[k] < rank[k - 1]; k--) {
            char rid[PLM_TOKEN_SIZE];
            uint32_t r = rank[k];
            memcpy(rid, rids[k], sizeof rid);
            memcpy(rids[k], rids[k - 1], sizeof rid);
            memcpy(rids[k - 1], rid, sizeof rid);
            rank[k] = rank[k - 1];
            rank[k - 1] = r;
        }
}
