/*
 * What a reader of a worker's feed sends, from octets to demands: the same demands come out however the octets are cut, each with a source that
 * exists, and nothing after nonsense.
 */
#include "fuzz.h"

#include <string.h>

#include "feed_in.h"
#include "plenum/media.h"

#define MAX_SEEN 512

struct seen {
    unsigned n;
    struct plm_link_header h[MAX_SEEN];
    struct plm_link_demand d[MAX_SEEN];
};

static void on_demand(void *arg, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    struct seen *s = arg;
    CHECK(h->type == PLM_LINK_DEMAND && h->size == sizeof *d && h->source < PLM_SOURCE_COUNT);
    if (s->n < MAX_SEEN) {
        s->h[s->n] = *h;
        s->d[s->n] = *d;
    }
    s->n++;
}

/* cut: 0 all at once, else pieces of 1 to `cut` octets, each on the heap in its exact size. */
static int give(struct seen *s, const uint8_t *data, size_t size, size_t cut)
{
    struct plm_feed_in *in = malloc(sizeof *in);
    int err = 0;
    plm_feed_in_init(in);
    for (size_t at = 0, i = 0; at < size && err == 0; i++) {
        size_t n = cut ? 1 + i % cut : size;
        n = n < size - at ? n : size - at;
        uint8_t *piece = malloc(n);
        memcpy(piece, data + at, n);
        err = plm_feed_in_take(in, piece, n, on_demand, s);
        free(piece);
        at += n;
    }
    free(in);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen *whole = calloc(1, sizeof *whole), *cut = calloc(1, sizeof *cut);
    int err = give(whole, data, size, 0);
    for (size_t n = 1; n <= 40; n = n * 3 + 1) {
        memset(cut, 0, sizeof *cut);
        CHECK(give(cut, data, size, n) == err);
        CHECK(cut->n == whole->n && memcmp(cut->h, whole->h, sizeof cut->h) == 0 &&
              memcmp(cut->d, whole->d, sizeof cut->d) == 0);
    }
    free(whole);
    free(cut);
    return 0;
}
