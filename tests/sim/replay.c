#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fakes/pcapng.h"
#include "alloc_log.h"
#include "bwe_log.h"

/** One transport of the file. */
struct seen {
    char name[64];
    unsigned in, out, allocations, differing, paused;
    uint8_t *log; /* the estimator's, put together */
    size_t log_len;
};

struct reading {
    struct seen *seen[REPLAY_MAX];
    unsigned n;
    unsigned lost;
    bool bad;
};

static void take_estimator(struct seen *s, const struct pcapng_block *b)
{
    uint8_t *log = realloc(s->log, s->log_len + b->len + 1);
    if (!log)
        abort();
    memcpy(log + s->log_len, b->data, b->len);
    s->log = log;
    s->log_len += b->len;
}

static void take_allocation(struct reading *r, struct seen *s, const struct pcapng_block *b)
{
    struct plm_alloc_replay again;
    r->bad |= plm_alloc_log_replay(b->data, b->len, &again) != 0;
    s->allocations++;
    s->differing += again.differing > 0;
    s->paused += again.paused > 0;
}

static void take_interface(struct reading *r, const struct pcapng_block *b)
{
    struct seen *s = r->n < REPLAY_MAX ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        r->bad = true;
        return;
    }
    memcpy(s->name, b->name, sizeof s->name);
    r->seen[r->n++] = s;
}

static void take(struct reading *r, const struct pcapng_block *b)
{
    struct seen *s = b->interface < r->n ? r->seen[b->interface] : NULL;
    if (b->type == PCAPNG_SECTION)
        return;
    if (b->type == PCAPNG_INTERFACE)
        take_interface(r, b);
    else if (b->what == 'L')
        r->lost += b->len == 4 ? pcapng_u32(b->data) : 0;
    else if (!s)
        r->bad = true;
    else if (b->type == PCAPNG_PACKET)
        *(b->outgoing ? &s->out : &s->in) += 1;
    else if (b->what == 'A')
        take_allocation(r, s, b);
    else
        take_estimator(s, b);
}

static void decide_again(struct reading *r, const struct seen *s, bool loud, struct replay_totals *out)
{
    struct plm_bwe_replay bwe = {0};
    if (s->log_len)
        r->bad |= plm_bwe_log_replay(s->log, s->log_len, &bwe, NULL, NULL) != 0;
    out->transports++;
    out->packets_in += s->in;
    out->packets_out += s->out;
    out->estimates += bwe.decisions;
    out->allocations += s->allocations;
    out->differing += bwe.differing + s->differing;
    if (loud)
        printf("%s: %u packets in, %u out; %u decisions of the estimator, %u differ, the last one %u bit/s; "
               "%u of the allocator, %u differ, %u with a pause\n",
            s->name, s->in, s->out, bwe.decisions, bwe.differing, bwe.last_bps, s->allocations, s->differing,
            s->paused);
}

bool replay_octets(const uint8_t *data, size_t len, bool loud, struct replay_totals *out)
{
    struct pcapng file = {data, len, false};
    struct pcapng_block b;
    struct reading *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    memset(out, 0, sizeof *out);
    while (pcapng_next(&file, &b))
        take(r, &b);
    for (unsigned i = 0; i < r->n; i++) {
        decide_again(r, r->seen[i], loud, out);
        free(r->seen[i]->log);
        free(r->seen[i]);
    }
    out->lost = r->lost;
    if (loud && r->lost)
        printf("%u frames had no room\n", r->lost);
    bool good = !file.bad && !r->bad && len > 0;
    free(r);
    return good;
}

static uint8_t *read_whole(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    if (f && fseek(f, 0, SEEK_END) == 0 && ftell(f) > 0) {
        *len = (size_t)ftell(f);
        rewind(f);
        data = malloc(*len);
        if (data && fread(data, 1, *len, f) != *len) {
            free(data);
            data = NULL;
        }
    }
    if (f)
        fclose(f);
    return data;
}

int replay_file(const char *path)
{
    struct replay_totals t;
    size_t len = 0;
    uint8_t *data = read_whole(path, &len);
    if (!data) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 2;
    }
    bool good = replay_octets(data, len, true, &t);
    free(data);
    if (!good)
        fprintf(stderr, "%s: not a capture, or cut off\n", path);
    return !good ? 2 : t.differing ? 1 : 0;
}
