#include "rest_call.h"

#include <stdlib.h>

static const char *const source_names[] = {"microphone", "camera", "screen", "screen_audio", NULL};

struct people_list {
    json_t *people;
    int err;
};

static bool add_participant(void *arg, const struct plm_api_participant *p)
{
    struct people_list *list = arg;
    list->err = json_array_append_new(list->people, plm_rest_participant(p));
    return !list->err;
}

void plm_rest_list_participants(struct plm_rest_call *c)
{
    struct plm_refusal why = {0};
    struct people_list list = {.people = json_array()};
    int err = plm_api_participants(c->rest->setup.hub, c->argument[0], add_participant, &list, &why);
    if (err) {
        json_decref(list.people);
        plm_rest_refuse(c, err, &why);
        return;
    }
    plm_rest_answer(c, 200, plm_rest_whole(json_pack("{s:o}", "participants", list.people), list.err));
}

bool plm_rest_read_id(struct plm_rest_call *c, uint32_t *out)
{
    char *end;
    const char *text = c->argument[1];
    unsigned long long id = text[0] >= '1' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (!id || *end || id > UINT32_MAX) {
        plm_rest_fail(c, 404, "no such participant");
        return false;
    }
    *out = (uint32_t)id;
    return true;
}

struct mute_body {
    int source;
};
static const struct plm_rest_field mute_fields[] = {
    {"source", PLM_REST_CHOICE, PLM_REST_REQUIRED, PLM_REST_AT(mute_body, source), PLM_REST_UNASKED, 0,
        source_names, NULL},
    {.name = NULL}};

void plm_rest_mute(struct plm_rest_call *c)
{
    struct mute_body body = {0};
    struct plm_refusal why = {0};
    uint32_t id;
    if (plm_rest_read_id(c, &id) && plm_rest_read_body(c, mute_fields, &body))
        plm_rest_done(c,
            plm_api_mute(c->rest->setup.hub, c->argument[0], id,
                (enum plm_source)(body.source + PLM_SOURCE_MICROPHONE), &why),
            &why);
}

struct person_body {
    int role;
    uint32_t breakout;
    bool has_role, has_breakout;
};
static const struct plm_rest_field person_fields[] = {
    {"role", PLM_REST_CHOICE, 0, PLM_REST_AT(person_body, role), PLM_REST_AT(person_body, has_role), 0,
        plm_rest_role_names, NULL},
    {"breakout", PLM_REST_UINT, 0, PLM_REST_AT(person_body, breakout), PLM_REST_AT(person_body, has_breakout),
        50, NULL, NULL},
    {.name = NULL}};

void plm_rest_change_participant(struct plm_rest_call *c)
{
    struct person_body body = {0};
    struct plm_refusal why = {0};
    uint32_t id;
    int err = 0;
    if (!plm_rest_read_id(c, &id) || !plm_rest_read_body(c, person_fields, &body))
        return;
    if (body.has_role)
        err = plm_api_set_role(
            c->rest->setup.hub, plm_rest_by(c), c->argument[0], id, (enum plm_msg_role)body.role, &why);
    if (!err && body.has_breakout)
        err = plm_api_move(c->rest->setup.hub, c->argument[0], id, body.breakout, &why);
    plm_rest_done(c, err, &why);
}

void plm_rest_kick(struct plm_rest_call *c)
{
    struct plm_refusal why = {0};
    uint32_t id;
    if (plm_rest_read_id(c, &id))
        plm_rest_done(c, plm_api_kick(c->rest->setup.hub, plm_rest_by(c), c->argument[0], id, &why), &why);
}

struct message_body {
    char text[4001];
    char name[129];
};
static const struct plm_rest_field message_fields[] = {
    {"text", PLM_REST_LINES, PLM_REST_REQUIRED, PLM_REST_AT(message_body, text), PLM_REST_UNASKED, 4000, NULL,
        NULL},
    {"name", PLM_REST_TEXT, 0, PLM_REST_AT(message_body, name), PLM_REST_UNASKED, 128, NULL, NULL},
    {.name = NULL}};

/* By a token as in the meeting: whom it names speaks under no other name. */
static void say(struct plm_rest_call *c, uint32_t to)
{
    struct message_body body = {.name = "Server"};
    struct plm_refusal why = {0};
    const struct plm_grants *by = plm_rest_by(c);
    if (!plm_rest_read_body(c, message_fields, &body))
        return;
    const char *name = by && *by->name ? by->name : body.name;
    plm_rest_done(c, plm_api_message(c->rest->setup.hub, c->argument[0], to, name, body.text, &why), &why);
}

void plm_rest_say_to_all(struct plm_rest_call *c)
{
    say(c, 0);
}

void plm_rest_say_to_one(struct plm_rest_call *c)
{
    uint32_t id;
    if (plm_rest_read_id(c, &id))
        say(c, id);
}
