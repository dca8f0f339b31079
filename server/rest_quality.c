/* How the pictures of a meeting fared: of all in short, of one with every second that is kept. */
#include "rest_call.h"

#include "quality.h"

/* What a connection did in the last minute, on average. */
static json_t *line_summary(const struct plm_quality_line *l)
{
    uint64_t octets = 0, packets = 0, lost = 0;
    const struct plm_quality_second *s = NULL;
    for (unsigned i = 0; l && i < l->ring.n; i++) {
        s = &l->seconds[plm_quality_nth(&l->ring, PLM_QUALITY_SECONDS, i)];
        octets += s->octets;
        packets += s->packets;
        lost += s->lost;
    }
    if (!s)
        return json_null();
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "seconds", (int)l->ring.n, "kbps",
        (json_int_t)(octets / 125 / l->ring.n), "packets", (json_int_t)packets, "lost", (json_int_t)lost,
        "rtt_ms", (json_int_t)(s->rtt_us / 1000), "estimate_kbps", (json_int_t)(s->estimate_bps / 1000));
}

static json_int_t wall(const struct plm_api_quality *q, uint64_t ms)
{
    return (json_int_t)((int64_t)ms + q->wall_offset_ms);
}

static json_t *line_seconds(const struct plm_api_quality *q, const struct plm_quality_line *l)
{
    json_t *list = json_array();
    int err = 0;
    for (unsigned i = 0; l && i < l->ring.n; i++) {
        const struct plm_quality_second *s = &l->seconds[plm_quality_nth(&l->ring, PLM_QUALITY_SECONDS, i)];
        err |= json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "at", wall(q, s->end_us / 1000), "kbps",
                      (json_int_t)(s->octets / 125), "packets", (json_int_t)s->packets, "lost",
                      (json_int_t)s->lost, "rtt_ms", (json_int_t)(s->rtt_us / 1000), "estimate_kbps",
                      (json_int_t)(s->estimate_bps / 1000)));
    }
    return plm_rest_whole(list, err);
}

static json_t *causes_of(const struct plm_quality_person *p)
{
    json_t *list = json_array();
    int err = 0;
    for (unsigned i = 0; i < PLM_MSG_freeze_cause_COUNT; i++)
        if (p->n_freezes[i])
            err |= json_array_append_new(list,
                json_pack("{s:s, s:I, s:I}", "cause", plm_msg_freeze_cause_name((enum plm_msg_freeze_cause)i),
                    "freezes", (json_int_t)p->n_freezes[i], "ms", (json_int_t)p->frozen_ms[i]));
    return plm_rest_whole(list, err);
}

static json_t *freezes_of(const struct plm_api_quality *q)
{
    const struct plm_quality_person *p = q->person;
    json_t *list = json_array();
    int err = 0;
    for (unsigned i = 0; i < p->freezes_at.n; i++) {
        const struct plm_quality_freeze *f =
            &p->freezes[plm_quality_nth(&p->freezes_at, PLM_QUALITY_FREEZES, i)];
        if (f->ms)
            err |= json_array_append_new(
                list, json_pack("{s:I, s:I, s:I, s:s, s:s}", "at", wall(q, f->end_us / 1000), "ms",
                          (json_int_t)f->ms, "participant", (json_int_t)f->shows, "source",
                          plm_source_name(f->source), "cause", plm_msg_freeze_cause_name(f->cause)));
    }
    return plm_rest_whole(list, err);
}

static json_t *slot_seconds(const struct plm_api_quality *q, const struct plm_quality_slot *slot)
{
    json_t *list = json_array();
    int err = 0;
    for (unsigned i = 0; slot->seconds && i < slot->seconds_at.n; i++) {
        const struct plm_slot_second *s =
            &slot->seconds[plm_quality_nth(&slot->seconds_at, PLM_QUALITY_SLOT_SECONDS, i)];
        err |= json_array_append_new(
            list, json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I}",
                      "at", wall(q, s->end_us / 1000), "participant", (json_int_t)s->shows, "source",
                      plm_source_name((enum plm_source)s->source), "state",
                      plm_slot_state_name((enum plm_slot_state)s->state), "reason",
                      plm_slot_reason_name((enum plm_slot_reason)s->reason), "kbps",
                      (json_int_t)(s->octets / 125), "packets", (int)s->packets, "lost", (int)s->lost,
                      "repeated", (int)s->repeated, "keyframes_asked", (int)s->keyframes_asked, "switches",
                      (int)s->switches, "held_ms", (int)s->held_ms, "encoding", (int)s->encoding, "temporal",
                      (int)s->temporal, "estimate_kbps", (json_int_t)(s->estimate_bps / 1000)));
    }
    return plm_rest_whole(list, err);
}

static json_t *slot_reports(const struct plm_api_quality *q, const struct plm_quality_slot *slot)
{
    json_t *list = json_array();
    int err = 0;
    for (unsigned i = 0; i < slot->reports_at.n; i++) {
        const struct plm_quality_report *r =
            &slot->reports[plm_quality_nth(&slot->reports_at, PLM_QUALITY_REPORTS, i)];
        err |= json_array_append_new(
            list, json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "at",
                      wall(q, r->at_ms), "participant", (json_int_t)r->shows, "source",
                      plm_source_name(r->source), "ms", (json_int_t)r->ms, "frames", (json_int_t)r->frames,
                      "dropped", (json_int_t)r->dropped, "decode_us", (json_int_t)r->decode_us, "freezes",
                      (json_int_t)r->freezes, "frozen_ms", (json_int_t)r->frozen_ms, "concealed",
                      (json_int_t)r->concealed, "jitter_ms", (json_int_t)r->jitter_ms));
    }
    return plm_rest_whole(list, err);
}

static json_t *slots_of(const struct plm_api_quality *q)
{
    json_t *list = json_array();
    int err = 0;
    for (uint16_t i = 0; i < PLM_MAX_MEDIA; i++) {
        const struct plm_quality_slot *slot = plm_quality_find_slot(q->person, i);
        if (slot)
            err |= json_array_append_new(list, json_pack("{s:i, s:o, s:o}", "slot", (int)i, "seconds",
                                                   slot_seconds(q, slot), "reports", slot_reports(q, slot)));
    }
    return plm_rest_whole(list, err);
}

static json_t *summary(const struct plm_api_quality *q)
{
    const struct plm_quality_person *p = q->person;
    return json_pack("{s:I, s:s, s:b, s:o, s:o, s:o, s:o}", "participant", (json_int_t)p->id, "name", p->name,
        "present", !p->left_ms, "received", line_summary(p->received), "sent", line_summary(p->sent),
        "causes", causes_of(p), "freezes", freezes_of(q));
}

struct people {
    json_t *list;
    int err;
};

static bool add_person(void *arg, const struct plm_api_quality *q)
{
    struct people *people = arg;
    people->err = json_array_append_new(people->list, summary(q));
    return !people->err;
}

void plm_rest_get_quality(struct plm_rest_call *c)
{
    struct plm_refusal why = {0};
    struct people people = {.list = json_array()};
    int err = plm_api_quality(c->rest->setup.hub, c->argument[0], 0, add_person, &people, &why);
    if (err) {
        json_decref(people.list);
        plm_rest_refuse(c, err, &why);
        return;
    }
    plm_rest_answer(c, 200, plm_rest_whole(json_pack("{s:o}", "participants", people.list), people.err));
}

static bool take_person(void *arg, const struct plm_api_quality *q)
{
    json_t **out = arg, *o = summary(q);
    int err = json_object_set_new(o, "received_seconds", line_seconds(q, q->person->received));
    err |= json_object_set_new(o, "sent_seconds", line_seconds(q, q->person->sent));
    err |= json_object_set_new(o, "slots", slots_of(q));
    *out = plm_rest_whole(o, err);
    return false;
}

/* Those who lead, and who it is about: by the identity of their token. */
static bool may_see(struct plm_rest_call *c, uint32_t id)
{
    struct plm_api_participant p;
    struct plm_refusal why;
    if (c->access >= PLM_REST_ACCESS_ROOM)
        return true;
    return !plm_api_participant_get(c->rest->setup.hub, c->argument[0], id, &p, &why) &&
           plm_rest_is_identity(c, c->argument[0], p.identity);
}

void plm_rest_get_participant_quality(struct plm_rest_call *c)
{
    struct plm_api_participant p;
    struct plm_refusal why = {0};
    json_t *body = NULL;
    uint32_t id;
    if (!plm_rest_read_id(c, &id))
        return;
    if (!may_see(c, id)) {
        plm_rest_deny(c, c->access > PLM_REST_ACCESS_LOCAL);
        return;
    }
    int err = plm_api_quality(c->rest->setup.hub, c->argument[0], id, take_person, &body, &why);
    if (!err && !body) /* nothing was told of them yet, or nobody is there */
        err = plm_api_participant_get(c->rest->setup.hub, c->argument[0], id, &p, &why);
    if (err) {
        plm_rest_refuse(c, err, &why);
        return;
    }
    if (!body) {
        struct plm_quality_person person = {.id = id};
        snprintf(person.name, sizeof(person.name), "%s", p.name);
        take_person(&body, &(struct plm_api_quality){.person = &person});
    }
    plm_rest_answer(c, 200, body);
}
