#include "peer_count.h"

#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "name_hash.h"

struct plm_peer_count {
    char source[48];
    unsigned n;
    UT_hash_handle hh;
};

struct plm_peer_count *plm_peer_count_take(struct plm_peer_count **counts, const char *source, unsigned max)
{
    char key[48];
    struct plm_peer_count *c;
    plm_guess_source(key, source);
    HASH_FIND_STR(*counts, key, c);
    if (c && c->n >= max)
        return NULL;
    if (!c) {
        c = calloc(1, sizeof(*c));
        if (!c)
            return NULL;
        memcpy(c->source, key, sizeof(key));
        HASH_ADD_STR(*counts, source, c);
        if (!c->hh.tbl) {
            free(c);
            return NULL;
        }
    }
    c->n++;
    return c;
}

void plm_peer_count_drop(struct plm_peer_count **counts, struct plm_peer_count *c)
{
    if (!c || --c->n)
        return;
    HASH_DELETE(hh, *counts, c);
    free(c);
}
