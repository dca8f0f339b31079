#include "recording_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_QUIET_US 2000000 /* so long nothing was refused: the disk keeps up again */

int64_t plm_rec_t(const struct plm_recording *r, int64_t room_us)
{
    return room_us > r->base_us ? room_us - r->base_us : 0;
}

static void journal_gap(struct plm_recording *r, int64_t from_us, int64_t to_us, const char *reason)
{
    plm_rec_journal(r, plm_journal_line_gap(plm_rec_t(r, (int64_t)r->now_us), from_us, to_us, reason));
}

static void tell_unfed(struct plm_recording *r)
{
    if (r->unfed_from_us < 0)
        return;
    journal_gap(r, r->unfed_from_us, plm_rec_t(r, (int64_t)r->now_us), "recorder");
    r->unfed_from_us = -1;
}

/* ---- states ---- */

static bool may_follow(enum plm_recording_state from, enum plm_recording_state to)
{
    static const uint8_t next[PLM_RECORDING_STATE_COUNT] = {
        [PLM_RECORDING_STARTING] =
            1 << PLM_RECORDING_ON | 1 << PLM_RECORDING_PAUSED | 1 << PLM_RECORDING_CLOSING,
        [PLM_RECORDING_ON] = 1 << PLM_RECORDING_ON | 1 << PLM_RECORDING_PAUSED | 1 << PLM_RECORDING_CLOSING,
        [PLM_RECORDING_PAUSED] =
            1 << PLM_RECORDING_ON | 1 << PLM_RECORDING_PAUSED | 1 << PLM_RECORDING_CLOSING,
        [PLM_RECORDING_CLOSING] = 1 << PLM_RECORDING_READY | 1 << PLM_RECORDING_FAILED,
    };
    return next[from] & 1 << to;
}

void plm_rec_set_state(
    struct plm_recording *r, enum plm_recording_state state, enum plm_recording_reason reason)
{
    char text[128];
    if (r->state == state && r->reason == reason)
        return;
    const bool legal = may_follow(r->state, state);
    assert(legal);
    (void)legal;
    snprintf(text, sizeof(text), "%s -> %s%s%s", plm_recording_state_name(r->state),
        plm_recording_state_name(state), reason ? ", " : "", plm_recording_reason_name(reason));
    r->state = state;
    r->reason = reason;
    if (state == PLM_RECORDING_ON || state == PLM_RECORDING_PAUSED)
        plm_rec_journal(r, plm_journal_line_state(plm_rec_t(r, (int64_t)r->now_us), state, reason));
    r->env->log(r->env->ctx, r->id, text);
    r->env->changed(r->env->ctx, r);
}

static void open_gap(struct plm_recording *r, int64_t from_us, const char *reason)
{
    if (r->gap_from_us >= 0)
        return;
    r->gap_from_us = from_us;
    r->gap_reason = reason;
}

static void close_gap(struct plm_recording *r)
{
    if (r->gap_from_us < 0)
        return;
    journal_gap(r, r->gap_from_us, plm_rec_t(r, (int64_t)r->now_us), r->gap_reason);
    r->gap_from_us = -1;
}

/* ---- begin ---- */

static char *copy(const char *text)
{
    return strdup(text);
}

static struct plm_recording *make(
    const struct plm_recording_env *env, const char *id, const char *key, const char *name)
{
    struct plm_recording *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->env = env;
    r->gap_from_us = r->unfed_from_us = r->slow_from_us = r->slow_last_us = -1;
    snprintf(r->id, sizeof(r->id), "%s", id);
    r->key = copy(key);
    r->name = copy(name);
    if (r->key && r->name)
        return r;
    plm_recording_destroy(r);
    return NULL;
}

int plm_recording_create(struct plm_recording **out, const struct plm_recording_env *env,
    const struct plm_control *start, uint64_t now_us)
{
    struct plm_recording *r = make(env, start->id, start->key, start->name);
    if (!r)
        return PLM_ENOMEM;
    int rc = env->disk->make(env->disk->ctx, r->id);
    if (rc) {
        plm_recording_destroy(r);
        return rc;
    }
    r->now_us = now_us;
    r->base_us = start->mono_us;
    r->started_ms = start->unix_ms;
    snprintf(r->boot, sizeof(r->boot), "%s", env->boot_id);
    const struct plm_journal_head head = {r->id, r->key, r->name, r->boot, r->started_ms, r->base_us};
    plm_rec_journal(r, plm_journal_line_recording(&head));
    *out = r;
    return 0;
}

static int restore(struct plm_recording *r, const struct plm_journal_summary *s, const char *journal,
    size_t len, char *const *names, size_t n_names)
{
    int rc = plm_rec_restore_journal(r, journal, len);
    if (rc)
        return rc;
    r->started_ms = s->head.started_ms;
    r->base_us = s->head.mono_us;
    snprintf(r->boot, sizeof(r->boot), "%s", s->head.boot);
    r->last_us = s->last_us;
    memcpy(r->numbers.run, s->run, sizeof(r->numbers.run));
    r->numbers.taken = r->numbers.told = s->n;
    return plm_rec_restore_files(r, names, n_names);
}

int plm_recording_restore(struct plm_recording **out, const struct plm_recording_env *env,
    const char *journal, size_t len, char *const *names, size_t n_names, uint64_t now_us)
{
    struct plm_journal_summary s;
    int rc = plm_journal_summarize(&s, journal, len);
    if (rc)
        return rc;
    struct plm_recording *r = make(env, s.head.id, s.head.key, s.head.name);
    rc = r ? restore(r, &s, journal, len, names, n_names) : PLM_ENOMEM;
    if (rc) {
        plm_recording_destroy(r);
        plm_journal_summary_free(&s);
        return rc;
    }
    r->now_us = now_us;
    r->detached_us = now_us;
    r->repairing = env->disk->repair(env->disk->ctx, r->id) == 0;
    open_gap(r, r->last_us, "recorder");
    *out = r;
    if (s.ended) { /* all that is missing is the manifest */
        r->end_us = s.last_us;
        r->end_reason = s.reason < PLM_RECORDING_REASON_COUNT ? s.reason : PLM_RECORDING_SERVER_GONE;
        r->gap_from_us = -1;
        r->end_known = true;
        plm_rec_set_state(r, PLM_RECORDING_CLOSING, r->end_reason);
        plm_rec_conclude(r);
    } else {
        plm_rec_set_state(r, PLM_RECORDING_PAUSED, PLM_RECORDING_SERVER_GONE);
    }
    plm_journal_summary_free(&s);
    return 0;
}

void plm_recording_destroy(struct plm_recording *r)
{
    if (!r)
        return;
    plm_rec_free_people(r);
    free(r->files);
    free(r->journal.text);
    free(r->key);
    free(r->name);
    free(r);
}

/* ---- with and without a server, with and without a disk ---- */

/* Can it be written now? */
static void go_on(struct plm_recording *r)
{
    const bool full = r->disk >= (r->paused_full ? PLM_DISK_REFUSE : PLM_DISK_STOP);
    if (!r->attached || r->state >= PLM_RECORDING_CLOSING)
        return;
    if (full && !r->paused_full)
        plm_rec_pause(r, PLM_RECORDING_DISK_FULL);
    if (full)
        return;
    if (r->now_us < r->retry_us || r->journal.failed)
        return;
    if (r->state != PLM_RECORDING_ON) {
        close_gap(r);
        r->from_us = r->state == PLM_RECORDING_STARTING ? r->base_us : (int64_t)r->now_us;
        r->paused_full = false;
        plm_rec_set_state(r, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    }
}

void plm_rec_pause(struct plm_recording *r, enum plm_recording_reason reason)
{
    if (r->state >= PLM_RECORDING_CLOSING)
        return;
    const bool was_on = r->state == PLM_RECORDING_ON;
    r->paused_full = reason == PLM_RECORDING_DISK_FULL;
    r->retry_us = r->now_us + PLM_RECORDING_RETRY_US;
    open_gap(r, plm_rec_t(r, (int64_t)r->now_us), "disk");
    /* The state first: what the files' ends give out of streams and pairs shall not begin new ones. */
    plm_rec_set_state(r, PLM_RECORDING_PAUSED, reason);
    if (was_on)
        plm_rec_end_files(r, 0, "disk");
}

void plm_rec_on_disk_error(struct plm_recording *r, int error)
{
    if (r->state == PLM_RECORDING_ON)
        plm_rec_pause(
            r, error == -ENOSPC || error == -EDQUOT ? PLM_RECORDING_DISK_FULL : PLM_RECORDING_DISK_ERROR);
}

/* After another boot CLOCK_MONOTONIC began anew: the wall's clock tells how long it was, but time never goes back. */
static void rebase(struct plm_recording *r, const struct plm_control *start)
{
    if (!strcmp(r->boot, r->env->boot_id))
        return;
    const int64_t since =
        start->unix_ms > r->started_ms ? (int64_t)(start->unix_ms - r->started_ms) * 1000 : 0;
    r->base_us = start->mono_us - (since > r->last_us ? since : r->last_us);
    snprintf(r->boot, sizeof(r->boot), "%s", r->env->boot_id);
}

void plm_recording_attach(struct plm_recording *r, const struct plm_control *start, uint64_t now_us)
{
    r->now_us = now_us;
    if (r->state >= PLM_RECORDING_CLOSING)
        return;
    if (r->room != start->room && r->attached)
        plm_rec_end_media(r, 0, "gap"); /* ids of another room mean others */
    r->room = start->room;
    r->limit_s = start->limit_s;
    if (!r->attached)
        rebase(r, start);
    r->attached = true;
    go_on(r);
}

void plm_recording_detach(struct plm_recording *r, uint64_t now_us)
{
    r->now_us = now_us;
    if (!r->attached || r->state >= PLM_RECORDING_CLOSING)
        return;
    plm_rec_end_media(r, 0, "gap");
    tell_unfed(r);
    r->attached = false;
    r->room = 0;
    r->detached_us = now_us;
    r->last_us = plm_rec_t(r, (int64_t)now_us);
    open_gap(r, r->last_us, "server");
    plm_rec_set_state(r, PLM_RECORDING_PAUSED, PLM_RECORDING_SERVER_GONE);
}

bool plm_recording_is_attached(const struct plm_recording *r)
{
    return r->attached;
}

uint32_t plm_recording_room(const struct plm_recording *r)
{
    return r->attached && r->state < PLM_RECORDING_CLOSING ? r->room : 0;
}

void plm_recording_on_disk(struct plm_recording *r, enum plm_disk_level level, uint64_t now_us)
{
    r->now_us = now_us;
    r->disk = level;
    go_on(r);
}

/* The queue is full: what cannot be written is a gap, told once it is over. */
void plm_rec_on_refused(struct plm_recording *r)
{
    r->stats.refused++;
    r->slow_last_us = plm_rec_t(r, (int64_t)r->now_us);
    if (r->slow_from_us < 0)
        r->slow_from_us = r->slow_last_us;
    if (r->state == PLM_RECORDING_ON)
        plm_rec_set_state(r, PLM_RECORDING_ON, PLM_RECORDING_DISK_SLOW);
}

static void check_slow(struct plm_recording *r, bool at_end)
{
    if (r->slow_from_us < 0 ||
        (!at_end && plm_rec_t(r, (int64_t)r->now_us) < r->slow_last_us + SLOW_QUIET_US))
        return;
    journal_gap(r, r->slow_from_us, r->slow_last_us, "disk");
    r->slow_from_us = -1;
    if (r->state == PLM_RECORDING_ON)
        plm_rec_set_state(r, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
}

/* ---- what signalling says ---- */

static bool may_be_left_out(const char *type)
{
    return !strcmp(type, "speakers") || !strcmp(type, "hand") || !strcmp(type, "chat");
}

static void remember_name(struct plm_recording *r, const json_t *event)
{
    const char *name = plm_json_string(event, "name");
    json_int_t id = plm_json_int(event, "participant", 0);
    struct person *p = name && id > 0 && id <= UINT32_MAX ? plm_rec_person(r, (uint32_t)id) : NULL;
    char *text = p ? copy(name) : NULL;
    if (!text)
        return;
    free(p->name);
    p->name = text;
}

void plm_recording_on_event(struct plm_recording *r, const struct plm_control *c)
{
    const char *type = plm_json_string(c->event, "type");
    if (r->state >= PLM_RECORDING_CLOSING)
        return;
    if (!strcmp(type, "joined") || !strcmp(type, "renamed"))
        remember_name(r, c->event);
    plm_rec_event(r, c, r->journal.len > PLM_RECORDING_MAX_JOURNAL && may_be_left_out(type));
}

/* ---- time passes; the end ---- */

void plm_recording_poll(struct plm_recording *r, uint64_t now_us)
{
    r->now_us = now_us;
    plm_rec_write_journal(r);
    if (r->state >= PLM_RECORDING_CLOSING)
        return;
    if (!r->attached) {
        if (now_us >= r->detached_us + (uint64_t)PLM_RECORDING_REATTACH_S * 1000000)
            plm_recording_end(r, PLM_RECORDING_SERVER_GONE, now_us);
        return;
    }
    if (plm_rec_t(r, (int64_t)now_us) >= (int64_t)r->limit_s * 1000000) {
        plm_recording_end(r, PLM_RECORDING_LIMIT, now_us);
        return;
    }
    go_on(r);
    check_slow(r, false);
    plm_rec_poll_media(r);
    tell_unfed(r);
}

void plm_recording_end(struct plm_recording *r, enum plm_recording_reason reason, uint64_t now_us)
{
    r->now_us = now_us;
    if (r->state >= PLM_RECORDING_CLOSING)
        return;
    plm_rec_end_media(r, (int64_t)now_us, "stop");
    tell_unfed(r);
    check_slow(r, true);
    /* What nobody fed ended when the feed did; a disk's gap lasts until the end. */
    r->end_us = r->attached ? plm_rec_t(r, (int64_t)now_us) : r->last_us;
    if (r->attached)
        close_gap(r);
    r->attached = false;
    r->end_reason = reason;
    plm_rec_set_state(r, PLM_RECORDING_CLOSING, reason);
    plm_rec_conclude(r);
}

void plm_recording_leave(struct plm_recording *r, uint64_t now_us)
{
    r->now_us = now_us;
    if (r->state < PLM_RECORDING_CLOSING)
        plm_rec_end_media(r, 0, "gap");
}

/* ---- questions ---- */

const char *plm_recording_id(const struct plm_recording *r)
{
    return r->id;
}

bool plm_recording_is_over(const struct plm_recording *r)
{
    return r->state == PLM_RECORDING_READY || r->state == PLM_RECORDING_FAILED;
}

void plm_recording_tell(const struct plm_recording *r, uint64_t now_us, struct plm_control_state *out)
{
    *out = (struct plm_control_state){
        .id = r->id,
        .key = r->key,
        .name = r->name,
        .state = r->state,
        .reason = r->reason,
        .started_ms = r->started_ms,
        .duration_us = r->state >= PLM_RECORDING_CLOSING ? r->end_us
                       : r->attached                     ? plm_rec_t(r, (int64_t)now_us)
                                                         : r->last_us,
    };
    for (size_t i = 0; i < r->n_files; i++) {
        out->bytes += r->files[i].bytes;
        out->files += r->files[i].usable || r->files[i].open;
    }
}
