/*
 * What the store kept of meetings, in whatever state: it is taken or left out, and what was taken is kept again so that a third
 * process finds the same. The input is documents, one a line: an octet for the kind, the key, a tab, the JSON.
 */
#define WORLD_TRANSPORTS 16
#include "../unit/signaling/store_list.h"
#include "../unit/signaling/world.h"

#include "fuzz.h"
#include "journal.h"

#define MOST 64 /* documents of one input */

static void read_line(struct store *s, const char *line, size_t len)
{
    char key[256];
    const char *tab = len ? memchr(line + 1, '\t', len - 1) : NULL;
    size_t key_len = tab ? (size_t)(tab - line - 1) : 0;
    unsigned kind = len ? (unsigned char)line[0] - '0' : PLM_STORE_KIND_COUNT;
    if (!tab || key_len >= sizeof key || kind >= PLM_STORE_KIND_COUNT)
        return;
    memcpy(key, line + 1, key_len);
    key[key_len] = 0;
    store_set(s, (enum plm_store_kind)kind, key, tab + 1, len - key_len - 2);
}

static void read_all(struct store *s, const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    while (p < end && s->n < MOST) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        line_end = line_end ? line_end : end;
        read_line(s, p, (size_t)(line_end - p));
        p = line_end + 1;
    }
}

static struct plm_hub_gauges stand_again(struct store *s, struct world **out)
{
    struct world *w = world_create(NULL);
    struct plm_hub_gauges g;
    plm_hub_set_store(w->hub, &(struct plm_store_port){.ctx = s, .put = store_put, .drop = store_drop});
    store_restore(w->hub, s);
    w->now += PLM_JOURNAL_PERIOD_MS + 1; /* what is over by now ends */
    plm_hub_poll(w->hub);
    plm_hub_gauges(w->hub, &g);
    *out = w;
    return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w;
    read_all(s, data, size);
    struct plm_hub_gauges first = stand_again(s, &w);
    world_destroy(w);
    struct plm_hub_gauges second = stand_again(s, &w);
    CHECK(first.rooms == second.rooms);
    CHECK(first.participants == second.participants && first.detached == first.participants);
    CHECK(first.waiting == second.waiting);

    struct peer *peer = peer_create(w); /* the meetings can be lived in */
    plm_msg_free(peer_join(peer, "room", "Newcomer"));
    peer_destroy(peer);
    /* Who does not come back goes, then breakout rooms end in which nobody is any more, and then the meeting: each lingers. */
    for (unsigned i = 0; i < 3; i++) {
        w->now += 7200000;
        plm_hub_poll(w->hub);
        plm_hub_poll(w->hub);
    }
    struct plm_hub_gauges last;
    plm_hub_gauges(w->hub, &last);
    CHECK(last.participants + last.waiting + last.rooms == 0);
    CHECK(store_count(s, PLM_STORE_MEETING) + store_count(s, PLM_STORE_MEMBER) == 0);
    world_destroy(w);
    store_free(s);
    return 0;
}
