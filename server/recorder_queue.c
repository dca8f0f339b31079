#include "recorder_queue.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct plm_recorder_entry {
    struct plm_recorder_entry *next, *prev;
    struct plm_text *text;
    enum plm_recorder_waiting kind;
    char id[PLM_RECORDING_ID_SIZE];
    uint64_t n;
};

void plm_recorder_queue_init(struct plm_recorder_queue *q, size_t max)
{
    *q = (struct plm_recorder_queue){.max = max};
}

static void take_out(struct plm_recorder_queue *q, struct plm_recorder_entry *e)
{
    if (q->unsent == e)
        q->unsent = e->next;
    DL_DELETE(q->first, e);
    q->n--;
    q->of[e->kind]--;
    plm_text_unref(e->text);
    free(e);
}

void plm_recorder_queue_destroy(struct plm_recorder_queue *q)
{
    while (q->first)
        take_out(q, q->first);
}

static bool is_event(const struct plm_recorder_entry *e)
{
    return e->kind == PLM_RECORDER_CHAT || e->kind == PLM_RECORDER_EVENT;
}

/* The oldest event that the recorder has but has not written: lost only if it dies before it does. */
static struct plm_recorder_entry *find_sent(const struct plm_recorder_queue *q)
{
    struct plm_recorder_entry *e = q->first;
    while (e != q->unsent && !is_event(e))
        e = e->next;
    return e != q->unsent ? e : NULL;
}

static void give_up(struct plm_recorder_queue *q)
{
    const enum plm_recorder_waiting kind = q->of[PLM_RECORDER_CHAT] ? PLM_RECORDER_CHAT : PLM_RECORDER_EVENT;
    struct plm_recorder_entry *e = find_sent(q);
    if (!e && q->of[kind]) {
        for (e = q->first; e->kind != kind;)
            e = e->next;
        q->lost++;
    }
    if (e) /* else orders alone, which are as few as recordings */
        take_out(q, e);
}

void plm_recorder_queue_add(struct plm_recorder_queue *q, const struct plm_recorder_waits *waits)
{
    struct plm_recorder_entry *e = waits->text ? malloc(sizeof(*e)) : NULL;
    if (!e) {
        plm_text_unref(waits->text);
        q->lost++;
        return;
    }
    if (q->n >= q->max)
        give_up(q);
    *e = (struct plm_recorder_entry){.text = waits->text, .kind = waits->kind, .n = waits->n};
    strncpy(e->id, waits->id, sizeof(e->id) - 1);
    DL_APPEND(q->first, e);
    if (!q->unsent)
        q->unsent = e;
    q->n++;
    q->of[e->kind]++;
}

struct plm_text *plm_recorder_queue_next(const struct plm_recorder_queue *q)
{
    return q->unsent ? q->unsent->text : NULL;
}

void plm_recorder_queue_sent(struct plm_recorder_queue *q)
{
    struct plm_recorder_entry *e = q->unsent;
    q->unsent = e->next;
    if (e->kind == PLM_RECORDER_START)
        take_out(q, e);
}

void plm_recorder_queue_lose(struct plm_recorder_queue *q)
{
    take_out(q, q->unsent);
    q->lost++;
}

void plm_recorder_queue_again(struct plm_recorder_queue *q)
{
    struct plm_recorder_entry *e, *next;
    DL_FOREACH_SAFE (q->first, e, next)
        if (e->kind == PLM_RECORDER_START)
            take_out(q, e);
    q->unsent = q->first;
}

void plm_recorder_queue_written(struct plm_recorder_queue *q, const char *id, uint64_t n)
{
    for (struct plm_recorder_entry *e = q->first, *next; e != q->unsent; e = next) {
        next = e->next;
        if (is_event(e) && e->n <= n && !strcmp(e->id, id))
            take_out(q, e);
    }
}

void plm_recorder_queue_over(struct plm_recorder_queue *q, const char *id)
{
    for (struct plm_recorder_entry *e = q->first, *next; e != q->unsent; e = next) {
        next = e->next;
        if (!strcmp(e->id, id))
            take_out(q, e);
    }
}
