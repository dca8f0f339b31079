#include "strays.h"

#include "transport.h"

#include <stdlib.h>

#define SILENT_US 8000000 /* a peer checks each of its ways every 2.5 s */

/** Of one transport. What became ours meanwhile, or went, is in it until the next look. */
struct plm_stray_list {
    struct plm_stray_list *next;
    uint32_t transport;
    uint8_t n;
    struct {
        struct plm_addr addr;
        uint8_t sock;
    } v[PLM_MAX_TUPLES];
};

void plm_strays_init(struct plm_strays *s)
{
    plm_u32_map_init(&s->by_transport);
    s->first = NULL;
}

void plm_strays_destroy(struct plm_strays *s)
{
    while (s->first) {
        struct plm_stray_list *list = s->first;
        s->first = list->next;
        free(list);
    }
    plm_u32_map_destroy(&s->by_transport);
}

/** @return its entry, NULL: it is a stray no longer */
static struct plm_tuple *stray_at(
    const struct plm_stray_list *list, const struct plm_tuple_map *m, unsigned i)
{
    struct plm_tuple *tuple = plm_tuple_map_find(m, list->v[i].sock, &list->v[i].addr);
    return tuple && !tuple->transport ? tuple : NULL;
}

static void keep_strays(struct plm_stray_list *list, const struct plm_tuple_map *m)
{
    for (unsigned i = list->n; i-- > 0;) {
        if (!stray_at(list, m, i))
            list->v[i] = list->v[--list->n];
    }
}

/**
 * Make room in a full list. What is heard of stays, for nobody here can tell a check from its copy. @return how many entries of the map went: 0, also
 * where there is still no room, or 1
 */
static int evict(struct plm_stray_list *list, struct plm_tuple_map *m, uint64_t now_us)
{
    unsigned oldest = 0;
    keep_strays(list, m);
    if (list->n < PLM_MAX_TUPLES)
        return 0;
    for (unsigned i = 1; i < list->n; i++) {
        if (stray_at(list, m, i)->heard_us < stray_at(list, m, oldest)->heard_us)
            oldest = i;
    }
    if (now_us - stray_at(list, m, oldest)->heard_us < SILENT_US)
        return 0;
    plm_tuple_map_remove(m, list->v[oldest].sock, &list->v[oldest].addr);
    list->v[oldest] = list->v[--list->n];
    return 1;
}

static struct plm_stray_list *list_of(struct plm_strays *s, uint32_t transport)
{
    struct plm_stray_list *list = plm_u32_map_find(&s->by_transport, transport);
    if (list)
        return list;
    list = calloc(1, sizeof *list);
    if (!list || plm_u32_map_set(&s->by_transport, transport, list) != 0) {
        free(list);
        return NULL;
    }
    list->transport = transport;
    list->next = s->first;
    s->first = list;
    return list;
}

int plm_strays_note(struct plm_strays *s, struct plm_tuple_map *m, uint32_t transport, uint8_t owner,
    uint8_t sock, const struct plm_addr *from, uint64_t now_us)
{
    struct plm_tuple *tuple = plm_tuple_map_find(m, sock, from);
    int more = 0;
    if (!tuple) {
        struct plm_stray_list *list = list_of(s, transport);
        if (!list)
            return 0;
        if (list->n == PLM_MAX_TUPLES)
            more -= evict(list, m, now_us);
        if (list->n == PLM_MAX_TUPLES)
            return 0;
        tuple = plm_tuple_map_set(m, sock, from);
        if (!tuple)
            return more;
        more++;
        list->v[list->n].addr = *from;
        list->v[list->n++].sock = sock;
    }
    if (!tuple->transport) {
        tuple->owner = owner;
        tuple->heard_us = now_us;
    }
    return more;
}

uint32_t plm_strays_expire(struct plm_strays *s, struct plm_tuple_map *m, uint64_t before_us)
{
    uint32_t n = plm_tuple_map_expire(m, before_us);
    for (struct plm_stray_list **at = &s->first; *at;) {
        struct plm_stray_list *list = *at;
        keep_strays(list, m);
        if (list->n > 0) {
            at = &list->next;
            continue;
        }
        *at = list->next;
        plm_u32_map_remove(&s->by_transport, list->transport);
        free(list);
    }
    return n;
}
