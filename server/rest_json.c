#include "rest_json.h"

#include <stdio.h>
#include <string.h>

#include "base/planted.h"
#include "json_text.h"
#include "text.h"

/* ---- reading ---- */

static int refuse(struct plm_refusal *why, const char *path, const char *message)
{
    return plm_refuse(why, PLM_MSG_error_code_bad_message, path, "%s", message);
}

static int read_text(
    const json_t *value, const struct plm_rest_field *f, char *out, const char *path, struct plm_refusal *why)
{
    size_t len = json_is_string(value) ? json_string_length(value) : 0;
    if (!json_is_string(value))
        return refuse(why, path, "must be a text");
    if (!PLM_FITS(rest, len <= f->limit))
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, path, "longer than %u octets", (unsigned)f->limit);
    memcpy(out, json_string_value(value), len + 1);
    if (!len && (f->flags & PLM_REST_MAY_BE_EMPTY))
        return 0;
    if (strlen(out) != len || plm_text_clean(out, f->kind == PLM_REST_LINES) <= 0)
        return refuse(why, path, "must be a text without control characters, and not empty");
    return 0;
}

static int read_uint(const json_t *value, const struct plm_rest_field *f, uint32_t *out, const char *path,
    struct plm_refusal *why)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > f->limit)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, path, "must be a whole number from 0 to %u",
            (unsigned)f->limit);
    *out = (uint32_t)json_integer_value(value);
    return 0;
}

static int read_choice(
    const json_t *value, const struct plm_rest_field *f, int *out, const char *path, struct plm_refusal *why)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && f->names[i]; i++) {
        if (strcmp(text, f->names[i]) != 0)
            continue;
        *out = i;
        return 0;
    }
    return refuse(why, path, "is none of the values that it can have");
}

static int read_codecs(const json_t *value, enum plm_codec *out, const char *path, struct plm_refusal *why)
{
    size_t i, n = 0;
    const json_t *item;
    memset(out, 0, PLM_CODEC_COUNT * sizeof *out);
    if (!json_is_array(value) || !json_array_size(value))
        return refuse(why, path, "must be a list of codecs");
    json_array_foreach(value, i, item)
    {
        enum plm_codec codec = PLM_CODEC_NONE;
        for (int c = PLM_CODEC_NONE + 1; c < PLM_CODEC_COUNT && json_is_string(item); c++)
            if (!strcmp(json_string_value(item), plm_codec_name((enum plm_codec)c)))
                codec = (enum plm_codec)c;
        for (size_t k = 0; k < n; k++)
            if (out[k] == codec)
                codec = PLM_CODEC_NONE;
        if (codec == PLM_CODEC_NONE || n == PLM_CODEC_COUNT - 1)
            return refuse(why, path, "names what is no codec, or one twice");
        out[n++] = codec;
    }
    return 0;
}

static int read_object(const json_t *object, const struct plm_rest_field *fields, char *out,
    const char *prefix, struct plm_refusal *why);

static int read_value(
    const json_t *value, const struct plm_rest_field *f, char *out, const char *path, struct plm_refusal *why)
{
    void *at = out + f->offset;
    switch (f->kind) {
    case PLM_REST_TEXT:
    case PLM_REST_LINES:
        return read_text(value, f, at, path, why);
    case PLM_REST_BOOL:
        *(bool *)at = json_is_true(value);
        return json_is_boolean(value) ? 0 : refuse(why, path, "must be true or false");
    case PLM_REST_UINT:
        return read_uint(value, f, at, path, why);
    case PLM_REST_CHOICE:
        return read_choice(value, f, at, path, why);
    case PLM_REST_CODECS:
        return read_codecs(value, at, path, why);
    case PLM_REST_OBJECT:
        return read_object(value, f->fields, out, path, why);
    }
    return PLM_EINVAL;
}

static const struct plm_rest_field *find(const struct plm_rest_field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (!strcmp(fields->name, name))
            return fields;
    return NULL;
}

static void join(char *path, size_t size, const char *prefix, const char *name)
{
    snprintf(path, size, "%s%s%.40s", prefix, *prefix ? "." : "", name);
}

static int read_object(const json_t *object, const struct plm_rest_field *fields, char *out,
    const char *prefix, struct plm_refusal *why)
{
    const char *name;
    json_t *value;
    char path[64];
    if (!json_is_object(object))
        return refuse(why, prefix, "must be an object");
    json_object_foreach ((json_t *)object, name, value) {
        const struct plm_rest_field *f = find(fields, name);
        join(path, sizeof path, prefix, name);
        int err = f ? read_value(value, f, out, path, why) : refuse(why, path, "is not a field of this");
        if (err)
            return err;
        if (f->given != SIZE_MAX)
            *(bool *)(out + f->given) = true;
    }
    for (const struct plm_rest_field *f = fields; f->name; f++) {
        join(path, sizeof path, prefix, f->name);
        if ((f->flags & PLM_REST_REQUIRED) && !json_object_get(object, f->name))
            return refuse(why, path, "is missing");
    }
    return 0;
}

int plm_rest_read(
    const char *body, size_t len, const struct plm_rest_field *fields, void *out, struct plm_refusal *why)
{
    json_error_t at;
    json_t *object;
    int err = plm_json_read(&object, body, len, &at);
    if (err == PLM_EINVAL)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "", "not one JSON object: line %d", at.line);
    if (err) {
        plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
        return err;
    }
    err = read_object(object, fields, out, "", why);
    json_decref(object);
    return err;
}

/* ---- writing ---- */

static json_t *describe_settings(const struct plm_room_settings *s)
{
    return json_pack("{s:s, s:b, s:b, s:b, s:i, s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}",
        "title", s->title, "lobby", s->lobby, "locked", s->locked, "organised", s->organised,
        "max_participants", (int)s->max_participants, "max_minutes", (int)s->max_minutes, "start_muted",
        s->start_muted, "start_camera_off", s->start_camera_off, "may_speak", s->may_speak, "may_show",
        s->may_show, "may_share", s->may_share, "may_chat", s->may_chat, "may_whisper", s->may_whisper,
        "sounds", s->sounds, "may_record", s->may_record, "auto_record", s->auto_record);
}

static json_t *describe_codecs(const enum plm_codec *codecs)
{
    json_t *list = json_array();
    int err = 0;
    for (size_t i = 0; i < PLM_CODEC_COUNT && codecs[i] != PLM_CODEC_NONE; i++)
        err |= json_array_append_new(list, json_string(plm_codec_name(codecs[i])));
    if (!err)
        return list;
    json_decref(list);
    return NULL;
}

json_t *plm_rest_room(const struct plm_api_room *room)
{
    const struct plm_room_record *r = room->record;
    json_t *out = json_pack("{s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:I, s:b, s:i, s:i, s:i, s:i}", "name",
        r->name, "code", r->code, "settings", describe_settings(&r->settings), "has_password",
        *r->password_hash != 0, "has_owner", *r->owner_digest != 0, "lasting", r->lasting, "codecs",
        describe_codecs(r->codecs), "created_at", (json_int_t)r->created_at, "running", room->running,
        "participants", (int)room->participants, "viewers", (int)room->viewers, "waiting", (int)room->waiting,
        "breakouts", (int)room->breakouts);
    int err = 0;
    if (room->started_at)
        err |= json_object_set_new(out, "started_at", json_integer((json_int_t)room->started_at));
    if (room->ends_at)
        err |= json_object_set_new(out, "ends_at", json_integer((json_int_t)room->ends_at));
    if (!err)
        return out;
    json_decref(out);
    return NULL;
}

json_t *plm_rest_participant(const struct plm_api_participant *p)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:i, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)p->id,
        "name", p->name, "identity", p->identity, "role", plm_msg_role_name(p->role), "joined_at",
        (json_int_t)p->joined_at, "breakout", (int)p->breakout, "detached", p->detached, "microphone",
        p->microphone, "camera", p->camera, "screen", p->screen, "hand", p->hand);
}
