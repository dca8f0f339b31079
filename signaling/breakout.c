#include "breakout.h"

#include "api.h"
#include "journal.h"
#include "lobby.h"
#include "moderation.h"
#include "news.h"
#include "people.h"
#include "roles.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is told ---- */

static void listen_for(struct plm_room *main)
{
    struct plm_breakouts *b = &main->breakouts;
    bool needed = b->open || b->changed;
    if (needed == b->listed)
        return;
    b->listed = needed;
    if (needed)
        DL_APPEND2(main->hub->with_breakouts, main, breakouts_prev, breakouts_next);
    else
        DL_DELETE2(main->hub->with_breakouts, main, breakouts_prev, breakouts_next);
}

void plm_breakout_changed(struct plm_room *room)
{
    struct plm_room *main = plm_room_main(room);
    main->breakouts.changed = true;
    plm_journal_room(main);
    listen_for(main);
}

size_t plm_breakout_describe(const struct plm_room *main, struct plm_msg_breakout_room *out, uint32_t *ids)
{
    const struct plm_room *room;
    const struct plm_member *m;
    size_t n = 0;
    if (!main->breakouts.open) /* they are being left */
        return 0;
    DL_FOREACH2 (main->breakouts.rooms, room, sibling_next) {
        struct plm_msg_breakout_room *r = &out[n++];
        *r = (struct plm_msg_breakout_room){.number = room->number, .name = room->name, .participants = ids};
        DL_FOREACH (room->members, m)
            if (!m->unlisted)
                r->participants[r->n_participants++] = m->id;
        ids += r->n_participants;
    }
    return n;
}

bool plm_breakout_end_at(const struct plm_room *main, uint64_t *out)
{
    const struct plm_hub_host *host = &main->hub->host;
    const struct plm_breakouts *b = &main->breakouts;
    if (!b->open || !b->end_at)
        return false;
    *out = host->wall_ms(host->ctx) + b->end_at - host->now_ms(host->ctx);
    return true;
}

static void tell(struct plm_room *main)
{
    struct plm_msg_breakout_room *rooms = calloc(PLM_MAX_BREAKOUTS, sizeof *rooms);
    uint32_t *ids = calloc(plm_room_population(main) + 1, sizeof *ids);
    struct plm_msg msg = {.type = PLM_MSG_breakouts,
        .breakouts = {
            .open = main->breakouts.open, .rooms = rooms, .may_choose = main->breakouts.may_choose}};
    if (rooms && ids) {
        msg.breakouts.n_rooms = plm_breakout_describe(main, rooms, ids);
        msg.breakouts.has_end_at = plm_breakout_end_at(main, &msg.breakouts.end_at);
        plm_room_broadcast_all(main, &msg);
    }
    free(rooms);
    free(ids);
}

/* ---- going ---- */

static struct plm_room *find_room(struct plm_room *main, uint32_t number)
{
    struct plm_room *room;
    if (!number)
        return main;
    DL_FOREACH2 (main->breakouts.rooms, room, sibling_next)
        if (room->number == number)
            return room;
    return NULL;
}

static void tell_moved(struct plm_member *m)
{
    struct plm_msg msg = {.type = PLM_MSG_moved};
    struct plm_sight sight;
    if (!m->session)
        return;
    if (!plm_sight_take(&sight, m)) {
        plm_sight_fill(&sight, &msg.moved);
        plm_member_send(m, &msg);
    }
    plm_sight_drop(&sight);
    plm_member_send_speakers(m);
    plm_lobby_show(m);
}

/* A step of going; nobody is told of their new room before all who go together are there. */
static void go(struct plm_member *m, struct plm_room *to)
{
    if (m->room == to)
        return;
    m->is_moved = true;
    plm_member_move(m, to);
}

static void tell_all_moved(struct plm_room *main)
{
    struct plm_member *m, *next;
    HASH_ITER (hh_id, main->people, m, next) {
        if (m->is_moved)
            tell_moved(m);
        m->is_moved = false;
    }
    plm_breakout_changed(main);
}

static void invite(struct plm_member *m, const struct plm_room *room)
{
    struct plm_msg msg = {
        .type = PLM_MSG_breakout_invited, .breakout_invited = {.room = room->number, .name = room->name}};
    if (m->room != room)
        plm_member_send(m, &msg);
}

static int check_places(
    const struct plm_msg_breakout_place *places, size_t n, uint32_t n_rooms, struct plm_refusal *why)
{
    for (size_t i = 0; i < n; i++)
        if (places[i].room > n_rooms)
            return plm_refuse(
                why, PLM_MSG_error_code_not_found, "places", "there is no room %u", places[i].room);
    return 0;
}

static void place_all(
    struct plm_room *main, const struct plm_msg_breakout_place *places, size_t n, bool force)
{
    for (size_t i = 0; i < n; i++) {
        struct plm_member *m = plm_room_find_member(main, places[i].participant);
        struct plm_room *room = find_room(main, places[i].room);
        if (!m)
            continue;
        m->place = room->number;
        plm_journal_member(m);
        if (force)
            go(m, room);
        else
            invite(m, room);
    }
    tell_all_moved(main);
}

int plm_breakout_send(struct plm_member *m, uint32_t number, struct plm_refusal *why)
{
    struct plm_room *main = plm_room_main(m->room), *room = find_room(main, number);
    if (!room)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "room", "there is no room %u", number);
    go(m, room);
    tell_all_moved(main);
    return 0;
}

/* ---- sharing out ---- */

static bool is_placed(const struct plm_msg_breakout_place *places, size_t n, plm_participant_id who)
{
    for (size_t i = 0; i < n; i++)
        if (places[i].participant == who)
            return true;
    return false;
}

static void shuffle(struct plm_hub *hub, struct plm_msg_breakout_place *places, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        uint64_t random;
        hub->host.random(hub->host.ctx, &random, sizeof random);
        size_t k = (size_t)(random % i);
        struct plm_msg_breakout_place other = places[k];
        places[k] = places[i - 1];
        places[i - 1] = other;
    }
}

/* The room that has the fewest by now. */
static uint32_t smallest(const uint32_t *count, uint32_t n_rooms)
{
    uint32_t least = 1;
    for (uint32_t i = 2; i <= n_rooms; i++)
        if (count[i] < count[least])
            least = i;
    return least;
}

/*
 * Give everybody a place who has none, leads nothing and is a person. Rooms end up even within one, unless places by hand forbid it.
 * @param places room for everybody of the meeting; the first n were set by hand @return how many there are now
 */
static size_t share_out(
    struct plm_room *main, struct plm_msg_breakout_place *places, size_t n, uint32_t n_rooms)
{
    uint32_t count[PLM_MAX_BREAKOUTS + 1] = {0};
    struct plm_member *m, *next;
    size_t by_hand = n;
    for (size_t i = 0; i < n; i++)
        count[places[i].room]++;
    HASH_ITER (hh_id, main->people, m, next)
        if (!m->resource && !plm_role_leads(m->role) && !is_placed(places, by_hand, m->id))
            places[n++].participant = m->id;
    shuffle(main->hub, places + by_hand, n - by_hand);
    for (size_t i = by_hand; i < n; i++) {
        places[i].room = smallest(count, n_rooms);
        count[places[i].room]++;
    }
    return n;
}

/* ---- opening and closing ---- */

static int open_rooms(
    struct plm_room *main, const struct plm_msg_breakout_open *request, struct plm_refusal *why)
{
    for (size_t i = 0; i < request->n_rooms; i++) {
        struct plm_room *room;
        int err = plm_room_open_breakout(&room, main, request->rooms[i].name, (uint32_t)i + 1, why);
        if (!err)
            continue;
        while (main->breakouts.rooms)
            plm_room_close(main->breakouts.rooms, PLM_MSG_leave_reason_closed);
        return err;
    }
    return 0;
}

static void end_in(struct plm_room *main, uint64_t ms)
{
    const struct plm_hub_host *host = &main->hub->host;
    main->breakouts.end_at = ms ? host->now_ms(host->ctx) + ms : 0;
}

int plm_breakout_open(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    const struct plm_msg_breakout_open *request = &m->breakout_open;
    struct plm_room *main = plm_room_main(by->room);
    if (main->breakouts.open)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "breakout rooms are open already");
    if (!request->n_rooms)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "rooms", "no room at all");
    int err = check_places(request->places, request->n_places, (uint32_t)request->n_rooms, why);
    if (err)
        return err;
    size_t n = request->n_places;
    struct plm_msg_breakout_place *places = calloc(n + plm_room_population(main), sizeof *places);
    if (!places)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    err = open_rooms(main, request, why);
    if (err) {
        free(places);
        return err;
    }
    main->breakouts.open = true;
    main->breakouts.may_choose = request->has_may_choose && request->may_choose;
    end_in(main, request->has_minutes ? request->minutes * UINT64_C(60000) : 0);
    if (n)
        memcpy(places, request->places, n * sizeof *places);
    if (request->has_random && request->random)
        n = share_out(main, places, n, (uint32_t)request->n_rooms);
    plm_hub_log(main->hub, main, "%zu breakout rooms", request->n_rooms);
    plm_api_tell(main, PLM_HUB_BREAKOUTS_OPENED, 0, "", "", "");
    place_all(main, places, n, request->has_force && request->force);
    free(places);
    return 0;
}

void plm_breakout_end(struct plm_room *main)
{
    struct plm_breakouts *b = &main->breakouts;
    struct plm_member *m, *next;
    b->open = b->may_choose = false;
    b->end_at = 0;
    HASH_ITER (hh_id, main->people, m, next) {
        m->place = 0;
        plm_journal_member(m);
        go(m, main);
    }
    tell_all_moved(main);
    while (b->rooms)
        plm_room_close(b->rooms, PLM_MSG_leave_reason_moved);
    plm_hub_log(main->hub, main, "breakout rooms closed");
    plm_api_tell(main, PLM_HUB_BREAKOUTS_CLOSED, 0, "", "", "");
}

void plm_breakout_on_left(struct plm_room *main)
{
    if (!main->people && main->breakouts.open)
        plm_breakout_end(main);
}

/* ---- requests ---- */

static int need_open(const struct plm_room *main, struct plm_refusal *why)
{
    return main->breakouts.open
               ? 0
               : plm_refuse(why, PLM_MSG_error_code_bad_state, "", "there are no breakout rooms");
}

int plm_breakout_assign(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    const struct plm_msg_breakout_assign *request = &m->breakout_assign;
    struct plm_room *main = plm_room_main(by->room);
    int err = need_open(main, why);
    if (!err)
        err = check_places(request->places, request->n_places, main->breakouts.n_rooms, why);
    if (!err)
        place_all(main, request->places, request->n_places, request->force);
    return err;
}

int plm_breakout_go(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    uint32_t number = m->breakout_go.room;
    bool leads = plm_role_leads(by->role), listen = m->breakout_go.has_listen && m->breakout_go.listen;
    const struct plm_room *main = plm_room_main(by->room);
    if (listen && !leads)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "listen", "only who leads may listen in");
    if (number && number <= main->breakouts.n_rooms && !leads && !main->breakouts.may_choose &&
        by->place != number)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "room", "not invited there");
    if (number > main->breakouts.n_rooms)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "room", "there is no room %u", number);
    if (listen)
        plm_member_silence_all(by);
    return plm_breakout_send(by, number, why);
}

int plm_breakout_time(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *main = plm_room_main(by->room);
    int err = need_open(main, why);
    if (err)
        return err;
    end_in(main, m->breakout_time.seconds * UINT64_C(1000));
    plm_breakout_changed(main);
    return 0;
}

int plm_breakout_close(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *main = plm_room_main(by->room);
    uint32_t seconds = m->breakout_close.has_seconds ? m->breakout_close.seconds : 0;
    int err = need_open(main, why);
    if (err)
        return err;
    if (seconds) {
        end_in(main, seconds * UINT64_C(1000));
        plm_breakout_changed(main);
    } else {
        plm_breakout_end(main);
    }
    return 0;
}

int plm_breakout_say(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    return plm_chat_announce(by, m->breakout_say.text, why);
}

/* ---- time ---- */

uint64_t plm_breakout_poll(struct plm_hub *hub, uint64_t now)
{
    struct plm_room *main, *after;
    uint64_t next = UINT64_MAX;
    DL_FOREACH_SAFE2(hub->with_breakouts, main, after, breakouts_next)
    {
        struct plm_breakouts *b = &main->breakouts;
        if (b->open && b->end_at && b->end_at <= now)
            plm_breakout_end(main);
        if (b->changed && b->next_at <= now) {
            tell(main);
            b->changed = false;
            b->next_at = now + PLM_BREAKOUT_PERIOD_MS;
        }
        if (b->changed && b->next_at < next)
            next = b->next_at;
        if (b->open && b->end_at && b->end_at < next)
            next = b->end_at;
        listen_for(main);
    }
    return next;
}
