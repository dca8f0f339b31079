/* A store that is a list in memory: what one hub keeps in it, another may be given. */
#ifndef PLM_TEST_STORE_LIST_H
#define PLM_TEST_STORE_LIST_H

#include "hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DOCUMENTS 2000

struct document {
    enum plm_store_kind kind;
    char key[256];
    char *text;
};

struct store {
    struct document all[MAX_DOCUMENTS];
    size_t n;
    unsigned puts, drops;
};

static inline struct document *store_find(struct store *s, enum plm_store_kind kind, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->all[i].kind == kind && !strcmp(s->all[i].key, key))
            return &s->all[i];
    return NULL;
}

static inline void store_set(
    struct store *s, enum plm_store_kind kind, const char *key, const char *text, size_t len)
{
    struct document *d = store_find(s, kind, key);
    if (!d) {
        if (s->n == MAX_DOCUMENTS)
            abort();
        d = &s->all[s->n++];
        d->kind = kind;
        snprintf(d->key, sizeof d->key, "%s", key);
        d->text = NULL;
    }
    free(d->text);
    d->text = strndup(text, len);
}

static inline void store_put(void *ctx, enum plm_store_kind kind, const char *key, struct plm_text *document)
{
    struct store *s = ctx;
    s->puts += kind != PLM_STORE_ROOM; /* records.c puts that one as it likes */
    store_set(s, kind, key, document->data, document->len);
}

static inline void store_drop(void *ctx, enum plm_store_kind kind, const char *key)
{
    struct store *s = ctx;
    struct document *d = store_find(s, kind, key);
    s->drops++;
    if (!d)
        return;
    free(d->text);
    *d = s->all[--s->n];
}

static inline size_t store_count(const struct store *s, enum plm_store_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->all[i].kind == kind;
    return n;
}

static inline void store_free(struct store *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->all[i].text);
    free(s);
}

/* A process that finds what the last one left, read from exact-size copies, backwards. @return how many it refused at once */
static inline unsigned store_restore(struct plm_hub *hub, struct store *s)
{
    size_t n = s->n;
    unsigned refused = 0;
    struct document *found = calloc(n + 1, sizeof *found);
    for (size_t i = 0; i < n; i++) {
        found[i] = s->all[n - 1 - i];
        found[i].text = strdup(found[i].text);
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(found[i].text);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, found[i].text, len);
        refused += plm_hub_restore(hub, found[i].kind, found[i].key, exact, len) != 0;
        free(exact);
        free(found[i].text);
    }
    free(found);
    plm_hub_restored(hub);
    return refused;
}

#endif
