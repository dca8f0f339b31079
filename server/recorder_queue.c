#include "recorder_queue.h"

#include <stdlib.h>

struct plm_recorder_entry {
    struct plm_recorder_entry *next;
    struct plm_text *text;
    enum plm_recorder_waiting kind;
};

void plm_recorder_queue_init(struct plm_recorder_queue *q, size_t max)
{
    *q = (struct plm_recorder_queue){.max = max};
}

/* before: NULL for the first */
static void take_out(struct plm_recorder_queue *q, struct plm_recorder_entry *before)
{
    struct plm_recorder_entry *e = before ? before->next : q->first;
    *(before ? &before->next : &q->first) = e->next;
    if (q->last == e)
        q->last = before;
    q->n--;
    q->of[e->kind]--;
    plm_text_unref(e->text);
    free(e);
}

void plm_recorder_queue_destroy(struct plm_recorder_queue *q)
{
    while (q->first)
        take_out(q, NULL);
}

static void give_up(struct plm_recorder_queue *q)
{
    enum plm_recorder_waiting kind = q->of[PLM_RECORDER_CHAT] ? PLM_RECORDER_CHAT : PLM_RECORDER_EVENT;
    if (!q->of[kind])
        return; /* orders are as few as recordings */
    struct plm_recorder_entry *before = NULL, *e = q->first;
    for (; e->kind != kind; e = e->next)
        before = e;
    take_out(q, before);
    q->lost++;
}

void plm_recorder_queue_add(
    struct plm_recorder_queue *q, struct plm_text *text, enum plm_recorder_waiting kind)
{
    struct plm_recorder_entry *e = text ? malloc(sizeof(*e)) : NULL;
    if (!e) {
        plm_text_unref(text);
        q->lost++;
        return;
    }
    if (q->n >= q->max)
        give_up(q);
    *e = (struct plm_recorder_entry){.text = text, .kind = kind};
    if (q->last)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
    q->n++;
    q->of[kind]++;
}

struct plm_text *plm_recorder_queue_front(const struct plm_recorder_queue *q)
{
    return q->first ? q->first->text : NULL;
}

void plm_recorder_queue_drop_front(struct plm_recorder_queue *q)
{
    take_out(q, NULL);
}
