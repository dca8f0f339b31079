#include "moderation.h"

#include "connection.h"
#include "journal.h"
#include "lobby.h"
#include "news.h"
#include "recordings.h"
#include "roles.h"
#include "room.h"
#include "video_codec.h"

/* ---- who may send what ---- */

static bool rule_for(const struct plm_room_settings *rules, enum plm_source source)
{
    switch (source) {
    case PLM_SOURCE_MICROPHONE:
        return rules->may_speak;
    case PLM_SOURCE_CAMERA:
        return rules->may_show;
    default:
        return rules->may_share;
    }
}

bool plm_member_may_send(const struct plm_member *m, enum plm_source source)
{
    enum plm_permit permit = m->permits[source == PLM_SOURCE_SCREEN_AUDIO ? PLM_SOURCE_SCREEN : source];
    if (plm_role_leads(m->role))
        return true;
    if (m->role == PLM_MSG_role_viewer || permit == PLM_PERMIT_NO)
        return false;
    return permit == PLM_PERMIT_YES || rule_for(plm_room_rules(m->room), source);
}

static void notice(
    struct plm_member *m, enum plm_msg_notice what, enum plm_source source, plm_participant_id by)
{
    struct plm_msg msg = {.type = PLM_MSG_noticed,
        .noticed = {.notice = what,
            .has_by = by != 0,
            .by = by,
            .has_source = true,
            .source = (enum plm_msg_source)source}};
    plm_member_send(m, &msg);
}

void plm_member_tell_muted(struct plm_member *m, enum plm_source source, plm_participant_id by)
{
    notice(m, PLM_MSG_notice_muted, source, by);
}

void plm_member_mute_by(struct plm_member *m, enum plm_source source, plm_participant_id by)
{
    if (plm_member_silence(m, source))
        plm_member_tell_muted(m, source, by);
}

static uint8_t bit_of(enum plm_source source)
{
    return (uint8_t)(1u << source);
}

/* Nobody sits at an encoder to unmute it. @param sources bits */
static void unmute_encoder(struct plm_member *m, uint8_t sources)
{
    struct plm_refusal unused;
    for (size_t i = 0; m->resource && i < m->n_tracks; i++)
        if (sources & bit_of(m->tracks[i].source))
            plm_member_mute(m, m->tracks[i].source, false, &unused);
}

static void apply_rules(struct plm_member *m, plm_participant_id by)
{
    uint8_t may = 0, might = m->may_send;
    for (int source = 0; source < PLM_SOURCE_COUNT; source++)
        may |= (uint8_t)(plm_member_may_send(m, (enum plm_source)source) << source);
    if (may != might)
        plm_news_changed(m);
    m->may_send = may;
    for (size_t i = 0; i < m->n_tracks; i++)
        if (!plm_member_may_send(m, m->tracks[i].source))
            plm_member_mute_by(m, m->tracks[i].source, by);
    unmute_encoder(m, may & (uint8_t)~might);
}

void plm_member_apply_rules(struct plm_member *m)
{
    apply_rules(m, 0);
}

void plm_room_apply_rules(struct plm_room *room)
{
    struct plm_member *m, *next;
    HASH_ITER (hh_id, plm_room_main(room)->people, m, next)
        apply_rules(m, 0);
}

/* ---- mutes and permissions ---- */

int plm_moderation_each(struct plm_member *by, const uint32_t *ids, size_t n,
    void (*f)(struct plm_member *m, void *arg), void *arg, struct plm_refusal *why)
{
    struct plm_member *m;
    size_t found = 0;
    if (!n) {
        DL_FOREACH (by->room->members, m)
            if (!plm_role_leads(m->role))
                f(m, arg);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (!(m = plm_room_find_member(by->room, ids[i])))
            continue;
        f(m, arg);
        found++;
    }
    return found ? 0 : plm_refuse(why, PLM_MSG_error_code_not_found, "participants", "none of them is here");
}

struct order {
    plm_participant_id by;
    enum plm_source source;
    enum plm_permit permit;
    bool all; /* nobody was named */
};

static void mute_one(struct plm_member *m, void *arg)
{
    const struct order *o = arg;
    if (!o->all || !m->resource) /* who is muted with all the others unmutes themselves, an encoder cannot */
        plm_member_mute_by(m, o->source, o->by);
}

int plm_moderation_mute_others(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct order o = {.by = by->id,
        .source = (enum plm_source)m->mute_others.source,
        .all = !m->mute_others.n_participants};
    return plm_moderation_each(
        by, m->mute_others.participants, m->mute_others.n_participants, mute_one, &o, why);
}

int plm_moderation_ask_unmute(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    enum plm_source source = (enum plm_source)m->ask_unmute.source;
    struct plm_member *whom = plm_room_find_member(by->room, m->ask_unmute.participant);
    if (source != PLM_SOURCE_MICROPHONE && source != PLM_SOURCE_CAMERA)
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, "source", "one asks for a microphone or a camera");
    if (!whom)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "participant", "nobody of this id is here");
    if (whom->resource)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "participant", "an encoder cannot; permit it");
    if (!plm_member_may_send(whom, source))
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "they may not; permit it first");
    notice(whom, PLM_MSG_notice_unmute_asked, source, by->id);
    return 0;
}

static void permit_one(struct plm_member *m, void *arg)
{
    const struct order *o = arg;
    uint8_t sources = bit_of(o->source);
    if (plm_role_leads(m->role))
        return;
    if (m->permits[o->source] != o->permit) {
        m->permits[o->source] = o->permit;
        plm_journal_member(m);
        apply_rules(m, o->by);
    }
    if (o->source == PLM_SOURCE_SCREEN)
        sources |= bit_of(PLM_SOURCE_SCREEN_AUDIO);
    if (o->permit == PLM_PERMIT_YES)
        unmute_encoder(m, sources);
}

int plm_moderation_permit(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct order o = {.by = by->id,
        .source = (enum plm_source)m->permit.source,
        .permit = m->permit.permitted ? PLM_PERMIT_YES : PLM_PERMIT_NO};
    if (o.source == PLM_SOURCE_SCREEN_AUDIO)
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, "source", "the sound of a screen goes with the screen");
    return plm_moderation_each(by, m->permit.participants, m->permit.n_participants, permit_one, &o, why);
}

/* ---- roles ---- */

bool plm_member_leads_alone(const struct plm_member *m)
{
    const struct plm_member *other, *next;
    if (!plm_role_leads(m->role))
        return false;
    HASH_ITER (hh_id, plm_room_main(m->room)->people, other, next)
        if (other != m && plm_role_leads(other->role))
            return false;
    return true;
}

int plm_member_set_role(struct plm_member *m, enum plm_msg_role role, struct plm_refusal *why)
{
    if (m->role == role)
        return 0;
    if (m->resource)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "participant", "an encoder stays what it is");
    if (!plm_role_leads(role) && plm_member_leads_alone(m))
        return plm_refuse(
            why, PLM_MSG_error_code_bad_state, "participant", "nobody else leads; choose a successor");
    plm_hub_log(m->room->hub, m->room, "%u (%s) is %s now", m->id, m->name, plm_msg_role_name(role));
    bool led = plm_role_leads(m->role);
    m->role = role;
    if (!led)
        plm_lobby_show(m);
    else if (!plm_role_leads(role))
        plm_recording_revoke(plm_room_main(m->room)->record);
    if (role == PLM_MSG_role_viewer)
        plm_member_unpublish(m);
    else
        plm_member_list(m);
    plm_codecs_on_receiver(m->receive);
    plm_member_apply_rules(m);
    plm_news_changed(m);
    return 0;
}

int plm_moderation_may_give(enum plm_msg_role by, bool own, const struct plm_member *whom,
    enum plm_msg_role role, struct plm_refusal *why)
{
    if (by == PLM_MSG_role_owner || (role != PLM_MSG_role_owner && (own || !plm_role_leads(whom->role))))
        return 0;
    return plm_refuse(why, PLM_MSG_error_code_forbidden, "", "a %s may not make a %s a %s",
        plm_msg_role_name(by), plm_msg_role_name(whom->role), plm_msg_role_name(role));
}

int plm_moderation_set_role(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_member *whom = plm_room_find_member(by->room, m->set_role.participant);
    if (!whom)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "participant", "nobody of this id is here");
    int err = plm_moderation_may_give(by->role, by == whom, whom, m->set_role.role, why);
    return err ? err : plm_member_set_role(whom, m->set_role.role, why);
}
