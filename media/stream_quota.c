#include "stream_quota.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct source {
    uint64_t prefix; /* IPv4: the address, IPv6: the upper half */
    uint32_t unproven;
    bool six;
};

struct plm_stream_quota {
    pthread_mutex_t mutex;
    uint32_t max_total, max_unproven;
    uint32_t total, n_sources;
    uint64_t accepted, refused;
    struct source sources[]; /* those that have something unproven: never more than max_total */
};

int plm_stream_quota_create(struct plm_stream_quota **out, uint32_t total, uint32_t unproven)
{
    struct plm_stream_quota *q = calloc(1, sizeof *q + total * sizeof q->sources[0]);
    if (!q)
        return PLM_ENOMEM;
    pthread_mutex_init(&q->mutex, NULL);
    q->max_total = total;
    q->max_unproven = unproven;
    *out = q;
    return 0;
}

void plm_stream_quota_destroy(struct plm_stream_quota *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

static struct source source_of(const struct plm_addr *a)
{
    struct source s = {.six = a->sa.sa_family == AF_INET6};
    if (s.six)
        memcpy(&s.prefix, &a->in6.sin6_addr, sizeof s.prefix);
    else
        s.prefix = a->in4.sin_addr.s_addr;
    return s;
}

/* In line: a connection costs a handshake of the kernel's, which is more than a thousand of these. */
static struct source *find(struct plm_stream_quota *q, const struct source *s)
{
    for (uint32_t i = 0; i < q->n_sources; i++)
        if (q->sources[i].prefix == s->prefix && q->sources[i].six == s->six)
            return &q->sources[i];
    return NULL;
}

static bool enter(struct plm_stream_quota *q, const struct source *s)
{
    if (q->total == q->max_total)
        return false;
    struct source *known = find(q, s);
    if (known && known->unproven >= q->max_unproven)
        return false;
    if (!known) {
        known = &q->sources[q->n_sources++];
        *known = *s;
    }
    known->unproven++;
    q->total++;
    return true;
}

bool plm_stream_quota_enter(struct plm_stream_quota *q, const struct plm_addr *from)
{
    struct source s = source_of(from);
    pthread_mutex_lock(&q->mutex);
    bool good = enter(q, &s);
    if (good)
        q->accepted++;
    else
        q->refused++;
    pthread_mutex_unlock(&q->mutex);
    return good;
}

static void take_back(struct plm_stream_quota *q, const struct plm_addr *from)
{
    struct source s = source_of(from);
    struct source *known = find(q, &s);
    assert(known && known->unproven > 0);
    if (--known->unproven == 0)
        *known = q->sources[--q->n_sources];
}

void plm_stream_quota_prove(struct plm_stream_quota *q, const struct plm_addr *from)
{
    pthread_mutex_lock(&q->mutex);
    take_back(q, from);
    pthread_mutex_unlock(&q->mutex);
}

void plm_stream_quota_leave(struct plm_stream_quota *q, const struct plm_addr *from, bool proven)
{
    pthread_mutex_lock(&q->mutex);
    if (!proven)
        take_back(q, from);
    q->total--;
    pthread_mutex_unlock(&q->mutex);
}

void plm_stream_quota_counts(struct plm_stream_quota *q, uint64_t *accepted, uint64_t *refused)
{
    pthread_mutex_lock(&q->mutex);
    *accepted = q->accepted;
    *refused = q->refused;
    pthread_mutex_unlock(&q->mutex);
}
