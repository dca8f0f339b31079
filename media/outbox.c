#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_CAP 64

int plm_outbox_init(struct plm_outbox *box)
{
    *box = (struct plm_outbox){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (box->fd < 0)
        return -errno;
    pthread_mutex_init(&box->mutex, NULL);
    return 0;
}

void plm_outbox_destroy(struct plm_outbox *box)
{
    if (box->fd < 0)
        return;
    for (size_t i = 0; i < box->n; i++)
        if (box->notes[i].type == PLM_NOTE_STATS)
            plm_worker_report_free(box->notes[i].report);
    free(box->notes);
    close(box->fd);
    pthread_mutex_destroy(&box->mutex);
    *box = (struct plm_outbox){.fd = -1};
}

static bool grow(struct plm_outbox *box)
{
    size_t cap = box->cap ? box->cap * 2 : FIRST_CAP;
    struct plm_note *notes = realloc(box->notes, cap * sizeof *notes);
    if (!notes)
        return false;
    box->notes = notes;
    box->cap = cap;
    return true;
}

void plm_outbox_post(struct plm_outbox *box, const struct plm_note *note)
{
    pthread_mutex_lock(&box->mutex);
    bool was_empty = box->n == 0, fits = box->n < box->cap || grow(box);
    if (fits)
        box->notes[box->n++] = *note;
    else
        box->lost++;
    pthread_mutex_unlock(&box->mutex);
    if (!fits && note->type == PLM_NOTE_STATS)
        plm_worker_report_free(note->report);
    if (fits && was_empty)
        eventfd_write(box->fd, 1);
}

size_t plm_outbox_take(struct plm_outbox *box, struct plm_note **notes, size_t *cap)
{
    eventfd_t ignored;
    /* Read before the swap: a post in between is taken now and leaves the descriptor readable once too often, never too seldom. */
    eventfd_read(box->fd, &ignored);
    pthread_mutex_lock(&box->mutex);
    struct plm_note *taken = box->notes;
    size_t n = box->n, taken_cap = box->cap;
    box->notes = *notes;
    box->cap = *cap;
    box->n = 0;
    pthread_mutex_unlock(&box->mutex);
    *notes = taken;
    *cap = taken_cap;
    return n;
}

uint64_t plm_outbox_lost(struct plm_outbox *box)
{
    pthread_mutex_lock(&box->mutex);
    uint64_t lost = box->lost;
    pthread_mutex_unlock(&box->mutex);
    return lost;
}
