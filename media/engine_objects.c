#include "engine_core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void *copy(const void *from, size_t size)
{
    void *to = from && size ? malloc(size) : NULL;
    if (to)
        memcpy(to, from, size);
    return to;
}

/* ---- tables ---- */

int plm_engine_objects_init(struct plm_engine *e)
{
    e->transports = calloc(e->config.limits.transports, sizeof(struct plm_engine_transport *));
    e->rooms = calloc(e->config.limits.rooms, sizeof(struct plm_engine_room *));
    e->room_serials = calloc(e->config.limits.rooms, sizeof *e->room_serials);
    return e->transports && e->rooms && e->room_serials ? 0 : PLM_ENOMEM;
}

static void free_transport(struct plm_engine_transport *t)
{
    plm_transport_plan_free(t->plan);
    free(t);
}

void plm_engine_objects_free(struct plm_engine *e)
{
    for (uint32_t i = 0; e->transports && i < e->config.limits.transports; i++)
        if (e->transports[i])
            free_transport(e->transports[i]);
    while (e->closed) {
        struct plm_engine_transport *t = e->closed;
        e->closed = t->next;
        free_transport(t);
    }
    for (uint32_t i = 0; e->rooms && i < e->config.limits.rooms; i++)
        free(e->rooms[i]);
    free(e->transports);
    free(e->rooms);
    free(e->room_serials);
}

static struct plm_engine_transport *any_transport(const struct plm_engine *e, plm_transport_id id)
{
    uint32_t index = id & 0xffff;
    struct plm_engine_transport *t = index < e->config.limits.transports ? e->transports[index] : NULL;
    return t && t->id == id ? t : NULL;
}

struct plm_engine_transport *plm_engine_find_transport(const struct plm_engine *e, plm_transport_id id)
{
    struct plm_engine_transport *t = any_transport(e, id);
    return t && !t->closing ? t : NULL;
}

static struct plm_engine_room *any_room(const struct plm_engine *e, plm_room_id id)
{
    uint32_t index = id & 0xffff;
    struct plm_engine_room *room = index < e->config.limits.rooms ? e->rooms[index] : NULL;
    return room && room->id == id ? room : NULL;
}

static struct plm_engine_room *find_room(const struct plm_engine *e, plm_room_id id)
{
    struct plm_engine_room *room = any_room(e, id);
    return room && !room->closing ? room : NULL;
}

/** Forget a closed room as soon as neither transports nor shards need it. */
static void release_room(struct plm_engine *e, struct plm_engine_room *room)
{
    if (!room->closing || room->transports || room->n_peers)
        return;
    e->rooms[room->id & 0xffff] = NULL;
    e->n_rooms--;
    e->rooms_of[room->worker]--;
    free(room);
}

/* ---- lists ---- */

static void enter_room(struct plm_engine_room *room, struct plm_engine_transport *t)
{
    t->room = room;
    room->n_transports++;
    t->prev = NULL;
    t->next = room->transports;
    if (t->next)
        t->next->prev = t;
    room->transports = t;
}

static void leave_room(struct plm_engine *e, struct plm_engine_transport *t)
{
    struct plm_engine_room *room = t->room;
    if (t->prev)
        t->prev->next = t->next;
    else
        room->transports = t->next;
    if (t->next)
        t->next->prev = t->prev;
    room->n_transports--;
    t->room = NULL;
    t->prev = t->next = NULL;
    release_room(e, room);
}

static void set_expiry(struct plm_engine *e)
{
    if (!e->first_unclaimed)
        return;
    uint64_t due = e->first_unclaimed->plan->opened_us + e->config.connect_timeout_ms * 1000ull;
    struct itimerspec when = {.it_value = {(time_t)(due / 1000000), (long)(due % 1000000) * 1000}};
    timerfd_settime(e->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void enter_unclaimed(struct plm_engine *e, struct plm_engine_transport *t)
{
    t->prev_unclaimed = e->last_unclaimed;
    t->next_unclaimed = NULL;
    if (t->prev_unclaimed)
        t->prev_unclaimed->next_unclaimed = t;
    else
        e->first_unclaimed = t;
    e->last_unclaimed = t;
    if (e->first_unclaimed == t)
        set_expiry(e);
}

static void leave_unclaimed(struct plm_engine *e, struct plm_engine_transport *t)
{
    if (t->prev_unclaimed)
        t->prev_unclaimed->next_unclaimed = t->next_unclaimed;
    else
        e->first_unclaimed = t->next_unclaimed;
    if (t->next_unclaimed)
        t->next_unclaimed->prev_unclaimed = t->prev_unclaimed;
    else
        e->last_unclaimed = t->prev_unclaimed;
    t->prev_unclaimed = t->next_unclaimed = NULL;
}

/** From now on its worker knows better than we do. */
static void set_owner(struct plm_engine *e, struct plm_engine_transport *t, uint8_t worker)
{
    leave_unclaimed(e, t);
    plm_transport_plan_free(t->plan);
    t->plan = NULL;
    t->owner = worker;
}

/* ---- rooms ---- */

static int check_room_config(const struct plm_room_config *config, struct plm_room_config *out)
{
    *out = config ? *config : (struct plm_room_config){0};
    if (out->max_speakers == 0)
        out->max_speakers = 4;
    return out->max_speakers <= PLM_MAX_SPEAKERS ? 0 : PLM_EINVAL;
}

static uint8_t emptiest_worker(const struct plm_engine *e)
{
    unsigned best = 0;
    for (unsigned w = 1; w < e->n_workers; w++)
        if (e->rooms_of[w] < e->rooms_of[best])
            best = w;
    return (uint8_t)best;
}

int plm_engine_room_open(struct plm_engine *e, const struct plm_room_config *config, plm_room_id *out)
{
    struct plm_room_config checked;
    if (check_room_config(config, &checked) != 0)
        return PLM_EINVAL;
    if (e->n_rooms == e->config.limits.rooms)
        return PLM_ELIMIT;
    struct plm_engine_room *room = calloc(1, sizeof *room);
    if (!room)
        return PLM_ENOMEM;
    /* Round and round, so that an index rests before it comes back. */
    uint32_t index = e->next_room;
    while (e->rooms[index])
        index = (index + 1) % e->config.limits.rooms;
    e->next_room = (index + 1) % e->config.limits.rooms;
    if (++e->room_serials[index] == 0)
        e->room_serials[index] = 1;
    room->id = (uint32_t)e->room_serials[index] << 16 | index;
    room->worker = emptiest_worker(e);
    e->rooms_of[room->worker]++;
    room->config = checked;
    e->rooms[index] = room;
    e->n_rooms++;
    *out = room->id;
    return 0;
}

static int close_transport(
    struct plm_engine *e, struct plm_engine_transport *t, enum plm_close_reason reason);

int plm_engine_room_close(struct plm_engine *e, plm_room_id id)
{
    struct plm_engine_room *room = find_room(e, id);
    if (!room)
        return PLM_ENOENT;
    int err = 0;
    struct plm_engine_transport *next;
    for (struct plm_engine_transport *t = room->transports; t; t = next) {
        next = t->next;
        if (!t->closing && close_transport(e, t, PLM_CLOSE_ROOM) != 0)
            err = PLM_ENOMEM;
    }
    if (err)
        return err;
    room->closing = true;
    release_room(e, room);
    return 0;
}

static void post_peers(struct plm_engine *e, const struct plm_engine_room *room)
{
    for (unsigned i = 0; i < room->n_peers; i++) {
        struct plm_command *cmd = calloc(1, sizeof *cmd);
        if (cmd) {
            cmd->type = PLM_CMD_PEERS;
            cmd->room = room->id;
            cmd->peers.home = room->home;
            cmd->peers.n = room->n_peers;
            cmd->peers.fed = room->fed;
            memcpy(cmd->peers.v, room->peers, sizeof room->peers);
        }
        if (plm_engine_post(e, room->peers[i].worker, cmd) != 0)
            plm_logf(&e->log, PLM_LOG_ERROR, "room",
                "room %u: out of memory, its shards cannot find each other", room->id);
    }
}

int plm_engine_room_feed(struct plm_engine *e, plm_room_id id, bool on)
{
    struct plm_engine_room *room = find_room(e, id);
    if (!room)
        return PLM_ENOENT;
    if (room->fed == on)
        return 0;
    room->fed = on;
    post_peers(e, room); /* shards that are still to come hear of it when they are introduced */
    return 0;
}

int plm_engine_feed(struct plm_engine *e, unsigned worker, int fd)
{
    struct plm_command *cmd = worker < e->n_workers ? calloc(1, sizeof *cmd) : NULL;
    if (!cmd) {
        if (fd >= 0)
            close(fd);
        return worker < e->n_workers ? PLM_ENOMEM : PLM_EINVAL;
    }
    cmd->type = PLM_CMD_FEED;
    cmd->feed.fd = fd;
    return plm_engine_post(e, worker, cmd);
}

static int find_peer(const struct plm_engine_room *room, uint8_t worker)
{
    for (int i = 0; i < room->n_peers; i++)
        if (room->peers[i].worker == worker)
            return i;
    return -1;
}

/** The home is the shard that is there for the longest time: it moves only when it has to. */
void plm_engine_on_shard(struct plm_engine *e, uint8_t worker, plm_room_id id, uint32_t instance, bool up)
{
    struct plm_engine_room *room = any_room(e, id);
    if (!room)
        return;
    int i = find_peer(room, worker);
    if (up) {
        if (i < 0)
            i = room->n_peers++;
        room->peers[i] = (struct plm_shard_peer){worker, instance};
    } else {
        if (i < 0 || room->peers[i].instance != instance)
            return;
        room->n_peers--;
        memmove(&room->peers[i], &room->peers[i + 1], (room->n_peers - (unsigned)i) * sizeof room->peers[0]);
    }
    room->home = room->n_peers ? room->peers[0].worker : 0;
    post_peers(e, room);
    release_room(e, room);
}

/* ---- plans and commands ---- */

int plm_engine_post(struct plm_engine *e, unsigned worker, struct plm_command *cmd)
{
    if (!cmd)
        return PLM_ENOMEM;
    plm_driver_post(e->drivers[worker], cmd);
    return 0;
}

static struct plm_command *new_command(enum plm_command_type type, plm_transport_id id)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    if (cmd) {
        cmd->type = type;
        cmd->transport = id;
    }
    return cmd;
}

static struct plm_transport_plan *clone_plan(const struct plm_transport_plan *from)
{
    struct plm_transport_plan *to = copy(from, sizeof *from);
    if (!to)
        return NULL;
    to->params = from->params ? plm_transport_params_dup(from->params) : NULL;
    to->view = copy(from->view, sizeof *from->view);
    to->pins = copy(from->pins, from->n_pins * sizeof *from->pins);
    if (!to->params == !from->params && !to->view == !from->view && !to->pins == !from->pins)
        return to;
    plm_transport_plan_free(to);
    return NULL;
}

/** Do to a plan what the command would do to the transport; the command stays whole. */
static int apply(struct plm_transport_plan *plan, const struct plm_command *cmd)
{
    switch (cmd->type) {
    case PLM_CMD_DESCRIBE:
        free(plan->params);
        plan->params = plm_transport_params_dup(cmd->params);
        return plan->params ? 0 : PLM_ENOMEM;
    case PLM_CMD_VIEW:
        free(plan->view);
        plan->view = copy(cmd->view, sizeof *cmd->view);
        return plan->view ? 0 : PLM_ENOMEM;
    case PLM_CMD_PIN:
        free(plan->pins);
        plan->n_pins = cmd->pins.n;
        plan->pins = copy(cmd->pins.v, cmd->pins.n * sizeof *cmd->pins.v);
        return plan->pins || cmd->pins.n == 0 ? 0 : PLM_ENOMEM;
    case PLM_CMD_MUTE:
        plan->muted = (uint8_t)(cmd->mute.on ? plan->muted | 1u << cmd->mute.source
                                             : plan->muted & ~(1u << cmd->mute.source));
        return 0;
    case PLM_CMD_MOVE:
        plan->room = cmd->room;
        plan->participant = cmd->move.participant;
        plan->room_config = cmd->move.room_config;
        return 0;
    case PLM_CMD_CLOSE:
    case PLM_CMD_PEERS:
    case PLM_CMD_FEED:
    case PLM_CMD_STREAM:
    case PLM_CMD_STATS:
        break;
    }
    return PLM_EINVAL;
}

/** Change the plan of a transport that waits. @return PLM_ESTATE: a worker has claimed it meanwhile, tell that one */
static int change_plan(struct plm_engine *e, struct plm_engine_transport *t, const struct plm_command *cmd)
{
    struct plm_transport_plan *ours = clone_plan(t->plan), *theirs = NULL;
    int err = ours ? apply(ours, cmd) : PLM_ENOMEM;
    if (err == 0 && !(theirs = clone_plan(ours)))
        err = PLM_ENOMEM;
    if (err == 0) {
        uint8_t owner = plm_registry_amend(e->registry, t->id, theirs);
        if (owner == PLM_NO_OWNER) {
            plm_transport_plan_free(t->plan);
            t->plan = ours;
            return 0;
        }
        set_owner(e, t, owner);
        err = PLM_ESTATE;
    }
    plm_transport_plan_free(ours);
    plm_transport_plan_free(theirs);
    return err;
}

/** Takes over the command (NULL: no memory). */
static int change(struct plm_engine *e, struct plm_engine_transport *t, struct plm_command *cmd)
{
    if (!cmd)
        return PLM_ENOMEM;
    if (t->plan) {
        int err = change_plan(e, t, cmd);
        if (err != PLM_ESTATE) {
            plm_command_free(cmd);
            return err;
        }
    }
    return plm_engine_post(e, t->owner, cmd);
}

/* ---- transports ---- */

static struct plm_engine_transport *new_transport(
    const struct plm_engine *e, const struct plm_engine_room *room, const struct plm_transport_open *open)
{
    struct plm_engine_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->plan = calloc(1, sizeof *t->plan);
    if (!t->plan) {
        free(t);
        return NULL;
    }
    t->participant = open->participant;
    t->plan->room = room->id;
    t->plan->participant = open->participant;
    t->plan->capture = open->capture;
    t->plan->room_config = room->config;
    t->plan->opened_us = plm_driver_now();
    if (room->n_transports < e->config.spread_above)
        t->plan->prefer = (uint8_t)(1 + room->worker);
    return t;
}

int plm_engine_transport_open(
    struct plm_engine *e, const struct plm_transport_open *open, struct plm_transport_local *out)
{
    struct plm_engine_room *room = find_room(e, open->room);
    if (!room)
        return PLM_ENOENT;
    if (open->participant == 0)
        return PLM_EINVAL;
    struct plm_engine_transport *t = new_transport(e, room, open);
    struct plm_transport_plan *plan = t ? clone_plan(t->plan) : NULL;
    int err = plan ? plm_registry_add(e->registry, plan, out) : PLM_ENOMEM;
    if (err) {
        plm_transport_plan_free(plan);
        if (t)
            free_transport(t);
        return err;
    }
    t->id = t->plan->id = out->id;
    assert(!e->transports[t->id & 0xffff]);
    e->transports[t->id & 0xffff] = t;
    enter_room(room, t);
    enter_unclaimed(e, t);
    return 0;
}

int plm_engine_transport_describe(
    struct plm_engine *e, plm_transport_id id, const struct plm_transport_params *params)
{
    struct plm_engine_transport *t = plm_engine_find_transport(e, id);
    if (!t)
        return PLM_ENOENT;
    if (params->n_media > PLM_MAX_MEDIA || params->fingerprint.len > PLM_FINGERPRINT_SIZE)
        return PLM_EINVAL;
    struct plm_command *cmd = new_command(PLM_CMD_DESCRIBE, id);
    if (cmd && !(cmd->params = plm_transport_params_dup(params))) {
        plm_command_free(cmd);
        cmd = NULL;
    }
    return change(e, t, cmd);
}

int plm_engine_transport_restart(struct plm_engine *e, plm_transport_id id, struct plm_transport_local *out)
{
    return plm_engine_find_transport(e, id) ? plm_registry_restart(e->registry, id, out) : PLM_ENOENT;
}

int plm_engine_transport_view(struct plm_engine *e, plm_transport_id id, const struct plm_view *view)
{
    struct plm_engine_transport *t = plm_engine_find_transport(e, id);
    if (!t)
        return PLM_ENOENT;
    if (view->n_items > PLM_MAX_VIEW)
        return PLM_EINVAL;
    struct plm_command *cmd = new_command(PLM_CMD_VIEW, id);
    if (cmd && !(cmd->view = copy(view, sizeof *view))) {
        plm_command_free(cmd);
        cmd = NULL;
    }
    return change(e, t, cmd);
}

int plm_engine_transport_pin(struct plm_engine *e, plm_transport_id id, const struct plm_pin *pins, size_t n)
{
    struct plm_engine_transport *t = plm_engine_find_transport(e, id);
    if (!t)
        return PLM_ENOENT;
    if (n > PLM_MAX_MEDIA || (n && !pins))
        return PLM_EINVAL;
    struct plm_command *cmd = new_command(PLM_CMD_PIN, id);
    if (cmd) {
        cmd->pins.n = n;
        cmd->pins.v = copy(pins, n * sizeof *pins);
        if (n && !cmd->pins.v) {
            plm_command_free(cmd);
            cmd = NULL;
        }
    }
    return change(e, t, cmd);
}

int plm_engine_transport_mute(struct plm_engine *e, plm_transport_id id, enum plm_source source, bool muted)
{
    struct plm_engine_transport *t = plm_engine_find_transport(e, id);
    if (!t)
        return PLM_ENOENT;
    if ((unsigned)source >= PLM_SOURCE_COUNT)
        return PLM_EINVAL;
    struct plm_command *cmd = new_command(PLM_CMD_MUTE, id);
    if (cmd) {
        cmd->mute.source = source;
        cmd->mute.on = muted;
    }
    return change(e, t, cmd);
}

int plm_engine_transport_move(
    struct plm_engine *e, plm_transport_id id, plm_room_id room_id, plm_participant_id participant)
{
    struct plm_engine_transport *t = plm_engine_find_transport(e, id);
    struct plm_engine_room *room = find_room(e, room_id);
    if (!t || !room)
        return PLM_ENOENT;
    if (participant == 0)
        return PLM_EINVAL;
    struct plm_command *cmd = new_command(PLM_CMD_MOVE, id);
    if (cmd) {
        cmd->room = room_id;
        cmd->move.participant = participant;
        cmd->move.room_config = room->config;
    }
    int err = change(e, t, cmd);
    if (err)
        return err;
    t->participant = participant;
    leave_room(e, t);
    enter_room(room, t);
    return 0;
}

/* ---- their end ---- */

/** No worker had it: its event comes with the next dispatch. The id means nothing from now on. */
static void close_unclaimed(
    struct plm_engine *e, struct plm_engine_transport *t, enum plm_close_reason reason)
{
    leave_unclaimed(e, t);
    e->transports[t->id & 0xffff] = NULL;
    t->closing = true;
    t->reason = reason;
    plm_room_id room = t->room->id;
    leave_room(e, t);
    t->plan->room = room;
    t->next = e->closed;
    e->closed = t;
    eventfd_write(e->outbox.fd, 1);
}

static int close_transport(struct plm_engine *e, struct plm_engine_transport *t, enum plm_close_reason reason)
{
    struct plm_command *cmd = new_command(PLM_CMD_CLOSE, t->id);
    if (!cmd)
        return PLM_ENOMEM;
    cmd->reason = reason;
    if (t->plan) {
        uint8_t owner = plm_registry_withdraw(e->registry, t->id);
        if (owner == PLM_NO_OWNER) {
            close_unclaimed(e, t, reason);
            plm_command_free(cmd);
            return 0;
        }
        set_owner(e, t, owner);
    }
    t->closing = true;
    return plm_engine_post(e, t->owner, cmd);
}

int plm_engine_transport_close(struct plm_engine *e, plm_transport_id id)
{
    struct plm_engine_transport *t = plm_engine_find_transport(e, id);
    return t ? close_transport(e, t, PLM_CLOSE_LOCAL) : PLM_ENOENT;
}

void plm_engine_expire(struct plm_engine *e)
{
    uint64_t fired, now = plm_driver_now();
    if (read(e->timer_fd, &fired, sizeof fired) != (ssize_t)sizeof fired)
        return;
    while (e->first_unclaimed) {
        struct plm_engine_transport *t = e->first_unclaimed;
        if (now < t->plan->opened_us + e->config.connect_timeout_ms * 1000ull)
            break;
        uint8_t owner = plm_registry_withdraw(e->registry, t->id);
        if (owner == PLM_NO_OWNER)
            close_unclaimed(e, t, PLM_CLOSE_NEVER);
        else
            set_owner(e, t, owner);
    }
    set_expiry(e);
}

static void tell_closed(struct plm_engine *e, const struct plm_engine_transport *t, plm_room_id room)
{
    struct plm_event ev = {
        .type = PLM_EV_TRANSPORT,
        .room = room,
        .transport = t->id,
        .participant = t->participant,
        .transport_state = {.state = PLM_TRANSPORT_CLOSED, .reason = t->reason},
    };
    e->on_event(e->arg, &ev);
}

void plm_engine_tell_closed(struct plm_engine *e)
{
    struct plm_engine_transport *t = e->closed;
    e->closed = NULL; /* what the application closes meanwhile waits for the next dispatch */
    while (t) {
        struct plm_engine_transport *next = t->next;
        tell_closed(e, t, t->plan->room);
        free_transport(t);
        t = next;
    }
}

void plm_engine_on_claimed(struct plm_engine *e, plm_transport_id id, uint8_t worker)
{
    struct plm_engine_transport *t = any_transport(e, id);
    if (t && t->plan)
        set_owner(e, t, worker);
}

void plm_engine_on_closed(struct plm_engine *e, plm_transport_id id)
{
    struct plm_engine_transport *t = any_transport(e, id);
    if (t)
        t->closing = t->told = true;
}

void plm_engine_on_gone(struct plm_engine *e, plm_transport_id id)
{
    struct plm_engine_transport *t = any_transport(e, id);
    if (!t)
        return;
    if (t->plan) /* claimed and ended before we heard of either */
        leave_unclaimed(e, t);
    plm_registry_remove(e->registry, id);
    e->transports[id & 0xffff] = NULL;
    plm_room_id room = t->room->id;
    leave_room(e, t);
    if (!t->told) { /* its worker had no memory for it */
        t->reason = PLM_CLOSE_RESOURCES;
        tell_closed(e, t, room);
    }
    free_transport(t);
}
