/* A recording's journal: its lines on their way to the disk. */
#include "recording_internal.h"

#include <stdlib.h>
#include <string.h>

static bool append(struct journal *j, const char *line, size_t len)
{
    if (j->len + len + 1 > j->cap) {
        size_t cap = j->cap ? j->cap : 4096;
        while (cap < j->len + len + 1)
            cap *= 2;
        char *text = realloc(j->text, cap);
        if (!text)
            return false;
        j->text = text;
        j->cap = cap;
    }
    memcpy(j->text + j->len, line, len);
    j->len += len;
    j->text[j->len++] = '\n';
    return true;
}

static size_t line_at(const struct journal *j, size_t at)
{
    const char *end = memchr(j->text + at, '\n', j->len - at);
    return (size_t)(end - (j->text + at));
}

/* A disk that failed is asked with one line at a time, and not more often than it is with files. */
static bool may_write(const struct plm_recording *r)
{
    const struct journal *j = &r->journal;
    return !j->failed || (!j->in_flight && !j->stale && r->now_us >= j->retry_us);
}

void plm_rec_write_journal(struct plm_recording *r)
{
    const struct plm_disk_port *disk = r->env->disk;
    struct journal *j = &r->journal;
    if (r->unmade && may_write(r))
        r->unmade = disk->make(disk->ctx, r->id) != 0;
    while (j->taken < j->len && may_write(r)) {
        size_t len = line_at(j, j->taken);
        if (disk->journal(disk->ctx, r->id, j->text + j->taken, len))
            return;
        j->taken += len + 1;
        j->in_flight++;
    }
}

void plm_rec_journal(struct plm_recording *r, char *line)
{
    if (!line || !append(&r->journal, line, strlen(line)))
        r->stats.journal_left_out++;
    free(line);
    plm_rec_write_journal(r);
}

/* ---- events, by their numbers ---- */

/* One is waited for at a time, the last one of the moment: the next is due when it is there. */
static void tell_numbers(struct plm_recording *r)
{
    struct numbers *n = &r->numbers;
    const uint64_t before = n->told;
    while (n->told < n->taken) {
        if (!n->mark) {
            n->mark = n->taken;
            n->mark_at = r->journal.len;
        }
        if (r->journal.safe < n->mark_at)
            break;
        n->told = n->mark;
        n->mark = 0;
    }
    if (n->told > before)
        r->env->written(r->env->ctx, r->id, n->run, n->told);
}

/* @return it was taken before */
static bool is_known(struct plm_recording *r, const struct plm_control *c)
{
    struct numbers *n = &r->numbers;
    if (strcmp(n->run, c->run)) {
        plm_rec_journal(r, plm_journal_line_server(plm_rec_t(r, (int64_t)r->now_us), c->run));
        *n = (struct numbers){0};
        memcpy(n->run, c->run, sizeof(n->run));
    }
    if (c->n > n->taken)
        return false;
    if (c->n <= n->told)
        r->env->written(r->env->ctx, r->id, n->run, n->told);
    return true;
}

void plm_rec_event(struct plm_recording *r, const struct plm_control *c, bool leave_out)
{
    if (c->run && is_known(r, c))
        return;
    if (leave_out)
        r->stats.journal_left_out++;
    else
        plm_rec_journal(r, plm_journal_line_event(plm_rec_t(r, c->mono_us), c->n, c->event));
    if (!c->run)
        return;
    r->numbers.taken = c->n;
    tell_numbers(r);
}

/* ---- what the disk says ---- */

int plm_rec_restore_journal(struct plm_recording *r, const char *text, size_t len)
{
    struct journal *j = &r->journal;
    /* What lies behind the last whole line is not repeated; a line that follows it must not become part of it. */
    while (len > 0 && text[len - 1] != '\n')
        len--;
    j->text = malloc(len ? len : 1);
    if (!j->text)
        return PLM_ENOMEM;
    memcpy(j->text, text, len);
    j->len = j->cap = j->taken = j->safe = len;
    return 0;
}

void plm_rec_on_line(struct plm_recording *r, int error)
{
    struct journal *j = &r->journal;
    if (j->stale) {
        j->stale--; /* if it was written, it will be there twice, but the last time behind what came before it */
    } else if (j->in_flight && !error) {
        j->in_flight--;
        j->failed = false;
        j->safe += line_at(j, j->safe) + 1;
        tell_numbers(r);
    } else if (j->in_flight) {
        j->stale = j->in_flight - 1;
        j->in_flight = 0;
        j->failed = true;
        j->taken = j->safe;
        j->retry_us = r->now_us + PLM_RECORDING_RETRY_US;
        plm_rec_on_disk_error(r, error);
    }
    plm_rec_write_journal(r);
}
