#include "mailbox.h"

void plm_mailbox_init(struct plm_mailbox *m)
{
    pthread_mutex_init(&m->mutex, NULL);
    m->first = NULL;
    m->last = &m->first;
}

void plm_mailbox_destroy(struct plm_mailbox *m)
{
    struct plm_command *cmd = plm_mailbox_take(m);
    while (cmd) {
        struct plm_command *next = cmd->next;
        plm_command_free(cmd);
        cmd = next;
    }
    pthread_mutex_destroy(&m->mutex);
}

bool plm_mailbox_post(struct plm_mailbox *m, struct plm_command *cmd)
{
    cmd->next = NULL;
    pthread_mutex_lock(&m->mutex);
    bool was_empty = m->first == NULL;
    *m->last = cmd;
    m->last = &cmd->next;
    pthread_mutex_unlock(&m->mutex);
    return was_empty;
}

struct plm_command *plm_mailbox_take(struct plm_mailbox *m)
{
    pthread_mutex_lock(&m->mutex);
    struct plm_command *all = m->first;
    m->first = NULL;
    m->last = &m->first;
    pthread_mutex_unlock(&m->mutex);
    return all;
}
