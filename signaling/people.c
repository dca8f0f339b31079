#include "people.h"

#include "breakout.h"
#include "room.h"

#include <stdlib.h>

uint32_t plm_people_listed(const struct plm_room *room)
{
    return room->n_members - room->n_unlisted;
}

uint32_t plm_people_watching(const struct plm_room *room)
{
    return room->n_receivers + room->n_unlisted;
}

/*
 * Those of a room with an id above `after`, by ascending id, at most max; always: takes the last place if it would not be among them.
 * Members stand in the order of their coming into this room, nearly sorted: so is each insertion nearly at the end.
 */
static size_t list(const struct plm_room *room, plm_participant_id after, const struct plm_member *always,
    const struct plm_member **out, size_t max)
{
    const struct plm_member *m;
    size_t n = 0;
    bool seen = !always;
    DL_FOREACH (room->members, m) {
        size_t at = n < max ? n : max;
        if ((m->unlisted && m != always) || m->id <= after || (n == max && m->id > out[max - 1]->id))
            continue;
        if (n == max)
            at = n - 1;
        else
            n++;
        for (; at > 0 && out[at - 1]->id > m->id; at--)
            out[at] = out[at - 1];
        out[at] = m;
    }
    for (size_t i = 0; i < n; i++)
        seen |= out[i] == always;
    if (!seen)
        out[n - 1] = always;
    return n;
}

static void describe(const struct plm_member *const *who, size_t n, struct plm_msg_participant *out,
    struct plm_msg_track *tracks)
{
    for (size_t i = 0; i < n; i++)
        plm_member_describe(who[i], &out[i], &tracks[i * PLM_MAX_TRACKS]);
}

/* ---- coming in ---- */

static bool make_lists(struct plm_sight *s, const struct plm_room *room)
{
    s->participants = calloc(PLM_PEOPLE_PAGE, sizeof *s->participants);
    s->tracks = calloc(PLM_PEOPLE_PAGE, PLM_MAX_TRACKS * sizeof *s->tracks);
    s->chat = calloc(room->n_chat + 1, sizeof *s->chat);
    s->breakouts = calloc(PLM_MAX_BREAKOUTS, sizeof *s->breakouts);
    s->ids = calloc(plm_room_population(room), sizeof *s->ids);
    return s->participants && s->tracks && s->chat && s->breakouts && s->ids;
}

int plm_sight_take(struct plm_sight *s, struct plm_member *m)
{
    struct plm_room *room = m->room, *main = plm_room_main(room);
    const struct plm_member *who[PLM_PEOPLE_PAGE];
    *s = (struct plm_sight){.me = m,
        .total = plm_people_listed(room),
        .viewers = plm_people_watching(room),
        .open = main->breakouts.open,
        .may_choose = main->breakouts.may_choose};
    if (!make_lists(s, room))
        return PLM_ENOMEM;
    plm_room_describe(room, &s->room);
    s->n_participants = list(room, 0, m, who, PLM_PEOPLE_PAGE);
    describe(who, s->n_participants, s->participants, s->tracks);
    s->n_chat = plm_chat_latest(m, s->chat);
    s->n_breakouts = plm_breakout_describe(main, s->breakouts, s->ids);
    s->has_end = plm_breakout_end_at(main, &s->end_at);
    return 0;
}

void plm_sight_drop(struct plm_sight *s)
{
    free(s->participants);
    free(s->tracks);
    free(s->chat);
    free(s->breakouts);
    free(s->ids);
}

/* ---- pages ---- */

int plm_people_send_page(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    const struct plm_member *who[PLM_PEOPLE_PAGE + 1];
    struct plm_msg_participant *people = calloc(PLM_PEOPLE_PAGE, sizeof *people);
    struct plm_msg_track *tracks = calloc(PLM_PEOPLE_PAGE, PLM_MAX_TRACKS * sizeof *tracks);
    int err = people && tracks ? 0 : plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    if (!err) {
        size_t n = list(s->member->room, m->people.after, NULL, who, PLM_PEOPLE_PAGE + 1);
        bool more = n > PLM_PEOPLE_PAGE;
        n -= more;
        describe(who, n, people, tracks);
        struct plm_msg reply = {.type = PLM_MSG_people_page,
            .has_id = true,
            .id = m->id,
            .people_page = {.participants = people, .n_participants = n, .more = more}};
        plm_session_send(s, &reply);
    }
    free(people);
    free(tracks);
    return err;
}
