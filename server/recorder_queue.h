/*
 * Messages for the recorder, in order, each until it is done: a start once it was sent, since all that run are told to every recorder that comes; an
 * event once the recorder has written it; an order once its recording is over. Bounded: when it is full, the oldest event that was sent goes, then the
 * oldest chat, then the oldest event; orders are kept.
 */
#ifndef PLM_SERVER_RECORDER_QUEUE_H
#define PLM_SERVER_RECORDER_QUEUE_H

#include "base/recording_format.h"
#include "text.h"

enum plm_recorder_waiting {
    PLM_RECORDER_CHAT = 0, /**< given up first */
    PLM_RECORDER_EVENT,
    PLM_RECORDER_START,
    PLM_RECORDER_ORDER,
    PLM_RECORDER_WAITING_COUNT
};

struct plm_recorder_queue {
    struct plm_recorder_entry *first, *unsent; /**< unsent: all before it were sent; NULL: all were */
    size_t n, max;
    size_t of[PLM_RECORDER_WAITING_COUNT];
    uint64_t lost; /**< that no recorder was sent */
};

/** Of a recording and, when it is an event, its number; the text is taken over. */
struct plm_recorder_waits {
    struct plm_text *text;
    enum plm_recorder_waiting kind;
    const char *id;
    uint64_t n;
};

void plm_recorder_queue_init(struct plm_recorder_queue *q, size_t max);
void plm_recorder_queue_destroy(struct plm_recorder_queue *q);
/** Without a text (no memory) it counts as lost, and so does what had no place. */
void plm_recorder_queue_add(struct plm_recorder_queue *q, const struct plm_recorder_waits *waits);
/** @return the oldest that was not sent, or NULL */
struct plm_text *plm_recorder_queue_next(const struct plm_recorder_queue *q);
/** That one was sent. */
void plm_recorder_queue_sent(struct plm_recorder_queue *q);
/** That one never can be. */
void plm_recorder_queue_lose(struct plm_recorder_queue *q);
/** The recorder is gone: all is to be sent anew, but starts. */
void plm_recorder_queue_again(struct plm_recorder_queue *q);
/** Events of a recording up to n are written. */
void plm_recorder_queue_written(struct plm_recorder_queue *q, const char *id, uint64_t n);
/** A recording is over: nothing that was sent of it matters any more. */
void plm_recorder_queue_over(struct plm_recorder_queue *q, const char *id);

#endif
