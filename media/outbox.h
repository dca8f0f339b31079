/*
 * What workers tell the control thread: many writers, one reader, an eventfd that is written only when the box was empty.
 */
#ifndef PLM_OUTBOX_H
#define PLM_OUTBOX_H

#include "plenum/worker.h"

#include <pthread.h>

enum plm_note_type {
    PLM_NOTE_EVENT = 1,
    PLM_NOTE_SHARD,
    PLM_NOTE_GONE,
    PLM_NOTE_STATS,
};

struct plm_note {
    enum plm_note_type type;
    uint8_t worker;
    union {
        struct plm_event event;
        struct {
            plm_room_id room;
            uint32_t instance;
            bool up;
        } shard;
        plm_transport_id gone;
        struct plm_worker_report *report; /**< owned by the note */
    };
};

struct plm_outbox {
    pthread_mutex_t mutex;
    struct plm_note *notes;
    size_t n, cap;
    uint64_t lost; /**< notes for which there was no memory */
    int fd;        /**< eventfd */
};

/** @return 0 or a negated errno */
int plm_outbox_init(struct plm_outbox *box);
/** Frees notes that nobody took, too. */
void plm_outbox_destroy(struct plm_outbox *box);
/** Any thread. Takes over the note. */
void plm_outbox_post(struct plm_outbox *box, const struct plm_note *note);
/**
 * The reader: swap its empty array for what was posted, in order per writer, and make fd unreadable.
 * @param notes,cap the reader's array, used for the next posts; replaced
 * @return number of notes in *notes
 */
size_t plm_outbox_take(struct plm_outbox *box, struct plm_note **notes, size_t *cap);
/** Notes lost so far. */
uint64_t plm_outbox_lost(struct plm_outbox *box);

#endif
