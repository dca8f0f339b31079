#include "recording_log.h"

#include "json_text.h"
#include "room.h"

/* The recording that runs in m's meeting; NULL: none. */
static struct plm_recording *of_room(const struct plm_room *room)
{
    return room->parent ? room->parent->recording : room->recording;
}

/* Takes the line. A line that memory is too short for is missing. */
static void say(struct plm_recording *rec, json_t *line)
{
    const struct plm_recording_port *port = &rec->hub->recorder;
    struct plm_text *text = plm_json_text(line);
    if (text && port->event)
        port->event(port->ctx, rec->id, text);
    plm_text_unref(text);
}

/* ---- people ---- */

static void say_joined(struct plm_recording *rec, const struct plm_member *m)
{
    say(rec, json_pack("{s:s,s:I,s:s,s:s,s:I}", "type", "joined", "participant", (json_int_t)m->id, "name",
                 m->name, "role", plm_msg_role_name(m->role), "breakout", (json_int_t)m->room->number));
}

static void say_hand(struct plm_recording *rec, const struct plm_member *m)
{
    say(rec, json_pack("{s:s,s:I,s:b}", "type", "hand", "participant", (json_int_t)m->id, "raised",
                 m->recorded.hand));
}

static void say_track(
    struct plm_recording *rec, const struct plm_member *m, int source, bool active, bool muted)
{
    say(rec, json_pack("{s:s,s:I,s:s,s:b,s:b}", "type", "track", "participant", (json_int_t)m->id, "source",
                 plm_msg_source_name((enum plm_msg_source)source), "active", active, "muted", muted));
}

static void compare_tracks(struct plm_recording *rec, struct plm_member *m)
{
    uint8_t active = 0, muted = 0;
    for (size_t i = 0; i < m->n_tracks; i++) {
        uint8_t bit = (uint8_t)(1u << m->tracks[i].source);
        active |= bit;
        muted |= m->tracks[i].muted ? bit : 0;
    }
    for (int source = 0; source < PLM_SOURCE_COUNT; source++) {
        unsigned bit = 1u << source;
        if ((active & bit) != (m->recorded.active & bit) || (muted & bit) != (m->recorded.muted & bit))
            say_track(rec, m, source, active & bit, muted & bit);
    }
    m->recorded.active = active;
    m->recorded.muted = muted;
}

static void introduce(struct plm_recording *rec, struct plm_member *m)
{
    m->recorded = (struct plm_recorded){.known = true, .role = m->role};
    say_joined(rec, m);
    plm_recording_log_changed(m);
}

void plm_recording_log_present(struct plm_room *main)
{
    struct plm_member *m, *next;
    HASH_ITER (hh_id, main->people, m, next)
        if (m->announced)
            introduce(main->recording, m);
}

void plm_recording_log_resumed(struct plm_room *main)
{
    struct plm_member *m, *next;
    json_t *list = json_array();
    HASH_ITER (hh_id, main->people, m, next)
        json_array_append_new(list, json_integer((json_int_t)m->id));
    say(main->recording, json_pack("{s:s,s:o}", "type", "present", "participants", list));
    HASH_ITER (hh_id, main->people, m, next) {
        m->recorded = (struct plm_recorded){.known = true, .role = m->role, .hand = m->hand != 0};
        for (int source = 0; source < PLM_SOURCE_COUNT; source++)
            say_track(main->recording, m, source, false, false);
    }
}

void plm_recording_log_joined(struct plm_member *m)
{
    struct plm_recording *rec = of_room(m->room);
    if (rec)
        introduce(rec, m);
}

void plm_recording_log_left(const struct plm_member *m, enum plm_msg_leave_reason reason)
{
    struct plm_recording *rec = of_room(m->room);
    if (rec)
        say(rec, json_pack("{s:s,s:I,s:s}", "type", "left", "participant", (json_int_t)m->id, "reason",
                     plm_msg_leave_reason_name(reason)));
}

void plm_recording_log_renamed(const struct plm_member *m)
{
    struct plm_recording *rec = of_room(m->room);
    if (rec)
        say(rec,
            json_pack("{s:s,s:I,s:s}", "type", "renamed", "participant", (json_int_t)m->id, "name", m->name));
}

void plm_recording_log_moved(const struct plm_member *m)
{
    struct plm_recording *rec = of_room(m->room);
    if (rec)
        say(rec, json_pack("{s:s,s:I,s:I,s:s}", "type", "moved", "participant", (json_int_t)m->id, "breakout",
                     (json_int_t)m->room->number, "title", m->room->parent ? m->room->name : ""));
}

void plm_recording_log_changed(struct plm_member *m)
{
    struct plm_recording *rec = of_room(m->room);
    if (!rec || !m->recorded.known)
        return;
    if (m->role != m->recorded.role)
        say(rec, json_pack("{s:s,s:I,s:s}", "type", "role", "participant", (json_int_t)m->id, "role",
                     plm_msg_role_name(m->role)));
    m->recorded.role = m->role;
    if ((m->hand != 0) != m->recorded.hand) {
        m->recorded.hand = m->hand != 0;
        say_hand(rec, m);
    }
    compare_tracks(rec, m);
}

void plm_recording_log_consent(struct plm_member *m)
{
    struct plm_recording *rec = of_room(m->room);
    if (!rec || !m->session || m->recorded.consented)
        return;
    m->recorded.consented = true;
    say(rec, json_pack("{s:s,s:I}", "type", "consent", "participant", (json_int_t)m->id));
}

/* ---- the meeting ---- */

void plm_recording_log_asked(struct plm_room *main, plm_participant_id by, bool start)
{
    if (main->recording)
        say(main->recording, json_pack("{s:s,s:I,s:s}", "type", "asked", "participant", (json_int_t)by,
                                 "what", start ? "start" : "stop"));
}

/* What is said to one, or in a breakout room, is nobody's but theirs. */
void plm_recording_log_chat(const struct plm_room *room, const struct plm_chat_entry *e)
{
    if (room->recording && !e->to)
        say(room->recording,
            json_pack("{s:s,s:I,s:s,s:s,s:I}", "type", "chat", "participant", (json_int_t)e->from, "name",
                e->name, "text", e->text, "sent_ms", (json_int_t)e->at));
}

static void say_speakers(struct plm_recording *rec)
{
    const struct plm_room *room = rec->room;
    json_t *list = json_array();
    for (size_t i = 0; i < room->n_speakers; i++)
        json_array_append_new(list, json_integer(room->speakers[i]));
    say(rec, json_pack("{s:s,s:o}", "type", "speakers", "participants", list));
}

uint64_t plm_recording_log_poll(struct plm_recording *rec, uint64_t now)
{
    if (!rec->speakers_due || !rec->room)
        return UINT64_MAX;
    if (now < rec->speakers_at)
        return rec->speakers_at;
    rec->speakers_due = false;
    rec->speakers_at = now + PLM_RECORDING_SPEAKERS_MS;
    say_speakers(rec);
    return UINT64_MAX;
}

void plm_recording_log_speakers(const struct plm_room *room)
{
    struct plm_recording *rec = room->recording;
    if (!rec)
        return;
    rec->speakers_due = true;
    plm_recording_log_poll(rec, rec->hub->host.now_ms(rec->hub->host.ctx));
}
