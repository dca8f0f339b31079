/*
 * Messages that wait for the recorder, in order. Bounded: when it is full, the oldest chat is given up, then the oldest event; what starts,
 * ends and deletes recordings is kept.
 */
#ifndef PLM_SERVER_RECORDER_QUEUE_H
#define PLM_SERVER_RECORDER_QUEUE_H

#include "text.h"

enum plm_recorder_waiting {
    PLM_RECORDER_CHAT = 0, /**< given up first */
    PLM_RECORDER_EVENT,
    PLM_RECORDER_ORDER,
    PLM_RECORDER_WAITING_COUNT
};

struct plm_recorder_queue {
    struct plm_recorder_entry *first, *last;
    size_t n, max;
    size_t of[PLM_RECORDER_WAITING_COUNT];
    uint64_t lost;
};

void plm_recorder_queue_init(struct plm_recorder_queue *q, size_t max);
void plm_recorder_queue_destroy(struct plm_recorder_queue *q);
/** Takes over the text; NULL (no memory) counts as lost, and so does what had no place. */
void plm_recorder_queue_add(
    struct plm_recorder_queue *q, struct plm_text *text, enum plm_recorder_waiting kind);
/** @return the oldest, or NULL */
struct plm_text *plm_recorder_queue_front(const struct plm_recorder_queue *q);
void plm_recorder_queue_drop_front(struct plm_recorder_queue *q);

#endif
