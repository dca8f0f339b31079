/*
 * A worker's mailbox: commands from the control thread, in order. Rare by nature, hence a mutex; packets go by ring.h.
 */
#ifndef PLM_MAILBOX_H
#define PLM_MAILBOX_H

#include "command.h"

#include <pthread.h>

struct plm_mailbox {
    pthread_mutex_t mutex;
    struct plm_command *first, **last;
};

void plm_mailbox_init(struct plm_mailbox *m);
/** Frees commands that nobody took. */
void plm_mailbox_destroy(struct plm_mailbox *m);
/** Any thread. Takes over the command. @return true: the box was empty, so its worker has to be woken */
bool plm_mailbox_post(struct plm_mailbox *m, struct plm_command *cmd);
/** The worker. @return all commands in the order of posting, linked by next; NULL: none */
struct plm_command *plm_mailbox_take(struct plm_mailbox *m);

#endif
