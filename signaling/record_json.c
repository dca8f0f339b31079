/* The document of a room record, as the store keeps it. */
#include "records.h"

#include "json_text.h"

#include <stdlib.h>
#include <string.h>

/* The rules by name: numbers and truth values. */
static const struct {
    const char *name;
    size_t at;
} flags[] = {
#define FLAG(member)                                                                                         \
    {                                                                                                        \
#member, offsetof(struct plm_room_settings, member)                                                  \
    }
    FLAG(lobby),
    FLAG(locked),
    FLAG(organised),
    FLAG(start_muted),
    FLAG(start_camera_off),
    FLAG(may_speak),
    FLAG(may_show),
    FLAG(may_share),
    FLAG(may_chat),
    FLAG(may_whisper),
    FLAG(sounds),
    FLAG(may_record),
    FLAG(auto_record),
};
#define N_FLAGS (sizeof flags / sizeof flags[0])

static int write_settings(json_t *o, const struct plm_room_settings *s)
{
    int err = json_object_set_new(o, "title", json_string(s->title)) |
              json_object_set_new(o, "max_participants", json_integer(s->max_participants)) |
              json_object_set_new(o, "max_minutes", json_integer(s->max_minutes));
    for (size_t i = 0; i < N_FLAGS; i++)
        err |= json_object_set_new(
            o, flags[i].name, json_boolean(*(const bool *)((const char *)s + flags[i].at)));
    return err;
}

static int write_all(json_t *o, const struct plm_room_record *r)
{
    json_t *codecs = json_array();
    int err = json_object_set_new(o, "key", json_string(r->key)) |
              json_object_set_new(o, "name", json_string(r->name)) |
              json_object_set_new(o, "code", json_string(r->code)) |
              json_object_set_new(o, "password_hash", json_string(r->password_hash)) |
              json_object_set_new(o, "owner_digest", json_string(r->owner_digest)) |
              json_object_set_new(o, "lasting", json_boolean(r->lasting)) |
              json_object_set_new(o, "created_at", json_integer((json_int_t)r->created_at)) |
              json_object_set_new(o, "used_at", json_integer((json_int_t)r->used_at)) |
              json_object_set(o, "codecs", codecs) | write_settings(o, &r->settings);
    for (size_t i = 0; i < PLM_CODEC_COUNT && r->codecs[i] != PLM_CODEC_NONE; i++)
        err |= json_array_append_new(codecs, json_string(plm_codec_name(r->codecs[i])));
    json_decref(codecs);
    return err;
}

struct plm_text *plm_record_write(const struct plm_room_record *r)
{
    json_t *o = json_object();
    if (o && !write_all(o, r))
        return plm_json_text(o);
    json_decref(o);
    return NULL;
}

static bool read_text(const json_t *o, const char *name, char *out, size_t size)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_string(v) || json_string_length(v) >= size)
        return false;
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}

static bool read_number(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool read_settings(const json_t *o, struct plm_room_settings *s)
{
    uint64_t people, minutes;
    if (!read_text(o, "title", s->title, sizeof s->title) ||
        !read_number(o, "max_participants", 1000, &people) || !read_number(o, "max_minutes", 1440, &minutes))
        return false;
    s->max_participants = (uint32_t)people;
    s->max_minutes = (uint32_t)minutes;
    for (size_t i = 0; i < N_FLAGS; i++) {
        const json_t *v = json_object_get(o, flags[i].name);
        if (v) /* a rule that did not exist when this was written keeps its default */
            *(bool *)((char *)s + flags[i].at) = json_is_true(v);
    }
    return true;
}

static enum plm_codec codec_of(const char *name)
{
    for (int c = PLM_CODEC_NONE + 1; name && c < PLM_CODEC_COUNT; c++)
        if (!strcmp(name, plm_codec_name((enum plm_codec)c)))
            return (enum plm_codec)c;
    return PLM_CODEC_NONE;
}

static bool read_codecs(const json_t *o, enum plm_codec out[PLM_CODEC_COUNT])
{
    const json_t *list = json_object_get(o, "codecs");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n >= PLM_CODEC_COUNT)
        return false;
    for (size_t i = 0; i < n; i++) {
        out[i] = codec_of(json_string_value(json_array_get(list, i)));
        if (out[i] == PLM_CODEC_NONE)
            return false;
    }
    return true;
}

/* "001-0002-003" */
static bool is_code(const char *code)
{
    static const char form[] = "ddd-dddd-ddd";
    size_t i = 0;
    for (; form[i]; i++)
        if (form[i] == 'd' ? code[i] < '0' || code[i] > '9' : code[i] != form[i])
            return false;
    return !code[i];
}

int plm_record_read(struct plm_room_record *out, const char *document, size_t len)
{
    struct plm_room_record r = {0};
    json_t *o;
    int err = plm_json_read(&o, document, len, NULL);
    if (err)
        return err;
    plm_room_settings_default(&r.settings);
    bool good = read_text(o, "key", r.key, sizeof r.key) && *r.key &&
                read_text(o, "name", r.name, sizeof r.name) && *r.name &&
                read_text(o, "code", r.code, sizeof r.code) && is_code(r.code) &&
                read_text(o, "password_hash", r.password_hash, sizeof r.password_hash) &&
                read_text(o, "owner_digest", r.owner_digest, sizeof r.owner_digest) &&
                read_number(o, "created_at", INT64_MAX, &r.created_at) &&
                read_number(o, "used_at", INT64_MAX, &r.used_at) && read_codecs(o, r.codecs) &&
                read_settings(o, &r.settings);
    r.lasting = json_is_true(json_object_get(o, "lasting"));
    json_decref(o);
    if (!good)
        return PLM_EINVAL;
    *out = r;
    return 0;
}
