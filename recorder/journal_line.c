#include "journal_line.h"

#include <string.h>

#include "base/util.h"

bool plm_journal_is_own(const char *type)
{
    static const char *const own[] = {"recording", "server", "file", "file_end", "gap", "state", "end"};
    for (size_t i = 0; i < PLM_COUNT_OF(own); i++)
        if (!strcmp(type, own[i]))
            return true;
    return false;
}

char *plm_journal_line_recording(const struct plm_journal_head *h)
{
    return plm_json_line(
        json_pack("{s:s, s:I, s:i, s:s, s:s, s:s, s:I, s:I, s:s}", "type", "recording", "t_us", (json_int_t)0,
            "format", PLM_RECORDING_FORMAT, "id", h->id, "key", h->key, "name", h->name, "started_ms",
            (json_int_t)h->started_ms, "mono_us", (json_int_t)h->mono_us, "boot", h->boot),
        NULL);
}

/* Codecs by the names of SDP, in lower case. */
static json_t *codec_name(enum plm_codec codec)
{
    char name[16];
    size_t i = 0;
    for (const char *s = plm_codec_name(codec); s[i] && i + 1 < sizeof(name); i++)
        name[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] - 'A' + 'a' : s[i]);
    name[i] = '\0';
    return json_string(name);
}

char *plm_journal_line_file(int64_t t_us, const struct plm_journal_file *f)
{
    json_t *o =
        json_pack("{s:s, s:I, s:s, s:I, s:s, s:I}", "type", "file", "t_us", (json_int_t)t_us, "file", f->name,
            "participant", (json_int_t)f->participant, "pair", f->pair, "start_us", (json_int_t)f->start_us);
    if (o && f->sound)
        json_object_set_new(o, "audio", json_string("opus"));
    if (o && f->video != PLM_CODEC_NONE)
        json_object_set_new(o, "video",
            json_pack("{s:o, s:i, s:i, s:i}", "codec", codec_name(f->video), "width", (int)f->width, "height",
                (int)f->height, "rotation", (int)f->rotation));
    return plm_json_line(o, NULL);
}

char *plm_journal_line_file_end(int64_t t_us, const struct plm_journal_file_end *f)
{
    return plm_json_line(
        json_pack("{s:s, s:I, s:s, s:I, s:I, s:s, s:b, s:s}", "type", "file_end", "t_us", (json_int_t)t_us,
            "file", f->name, "duration_us", (json_int_t)f->duration_us, "bytes", (json_int_t)f->bytes,
            "sha256", f->sha256, "usable", f->usable, "reason", f->reason),
        NULL);
}

char *plm_journal_line_gap(int64_t t_us, int64_t from_us, int64_t to_us, const char *reason)
{
    return plm_json_line(json_pack("{s:s, s:I, s:I, s:I, s:s}", "type", "gap", "t_us", (json_int_t)t_us,
                             "from_us", (json_int_t)from_us, "to_us", (json_int_t)to_us, "reason", reason),
        NULL);
}

char *plm_journal_line_state(int64_t t_us, enum plm_recording_state state, enum plm_recording_reason reason)
{
    return plm_json_line(json_pack("{s:s, s:I, s:s, s:s}", "type", "state", "t_us", (json_int_t)t_us, "state",
                             plm_recording_state_name(state), "reason", plm_recording_reason_name(reason)),
        NULL);
}

char *plm_journal_line_end(int64_t t_us, enum plm_recording_reason reason)
{
    return plm_json_line(json_pack("{s:s, s:I, s:s}", "type", "end", "t_us", (json_int_t)t_us, "reason",
                             plm_recording_reason_name(reason)),
        NULL);
}

char *plm_journal_line_server(int64_t t_us, const char *run)
{
    return plm_json_line(
        json_pack("{s:s, s:I, s:s}", "type", "server", "t_us", (json_int_t)t_us, "run", run), NULL);
}

static bool set_own(json_t *o, int64_t t_us, uint64_t n)
{
    json_object_del(o, "n");
    return json_object_set_new(o, "t_us", json_integer(t_us)) == 0 &&
           (!n || json_object_set_new(o, "n", json_integer((json_int_t)n)) == 0);
}

char *plm_journal_line_event(int64_t t_us, uint64_t n, const json_t *event)
{
    json_t *o = json_object();
    if (o && (json_object_update(o, (json_t *)event) || !set_own(o, t_us, n))) {
        json_decref(o);
        o = NULL;
    }
    return plm_json_line(o, NULL);
}

json_t *plm_journal_next(const char *text, size_t len, size_t *at)
{
    while (*at < len) {
        const char *line = text + *at, *end = memchr(line, '\n', len - *at);
        if (!end)
            break; /* torn: the process or the machine ended while it was written */
        *at += (size_t)(end - line) + 1;
        json_t *o = plm_json_read(line, (size_t)(end - line));
        if (o)
            return o;
    }
    return NULL;
}

static int read_head(struct plm_journal_summary *s, json_t *o)
{
    const char *type = plm_json_string(o, "type");
    s->head = (struct plm_journal_head){
        .id = plm_json_string(o, "id"),
        .key = plm_json_string(o, "key"),
        .name = plm_json_string(o, "name"),
        .boot = plm_json_string(o, "boot"),
        .started_ms = (uint64_t)plm_json_int(o, "started_ms", 0),
        .mono_us = plm_json_int(o, "mono_us", 0),
    };
    if (!s->head.boot)
        s->head.boot = "";
    return type && !strcmp(type, "recording") && plm_json_int(o, "format", 0) == PLM_RECORDING_FORMAT &&
                   s->head.id && plm_recording_id_valid(s->head.id) && s->head.key && s->head.name
               ? 0
               : PLM_EINVAL;
}

/* Numbers are those of the run that was named last. */
static void read_number(struct plm_journal_summary *s, const char *type, const json_t *o)
{
    const char *run = plm_json_string(o, "run");
    json_int_t n = plm_json_int(o, "n", 0);
    if (!strcmp(type, "server") && run && plm_recording_run_valid(run)) {
        memcpy(s->run, run, sizeof(s->run));
        s->n = 0;
    } else if (!plm_journal_is_own(type) && n > 0 && (uint64_t)n > s->n) {
        s->n = (uint64_t)n;
    }
}

int plm_journal_summarize(struct plm_journal_summary *out, const char *text, size_t len)
{
    struct plm_journal_summary s = {0};
    size_t at = 0;
    s.first = plm_journal_next(text, len, &at);
    if (!s.first || read_head(&s, s.first)) {
        plm_journal_summary_free(&s);
        return PLM_EINVAL;
    }
    for (json_t *o; (o = plm_journal_next(text, len, &at)); json_decref(o)) {
        const char *type = plm_json_string(o, "type"), *reason = plm_json_string(o, "reason");
        int64_t t = plm_json_int(o, "t_us", 0);
        s.last_us = t > s.last_us ? t : s.last_us;
        if (type)
            read_number(&s, type, o);
        if (type && !strcmp(type, "end") && reason) {
            s.ended = true;
            s.reason = plm_recording_reason_from(reason);
        }
    }
    *out = s;
    return 0;
}

void plm_journal_summary_free(struct plm_journal_summary *s)
{
    json_decref(s->first);
    *s = (struct plm_journal_summary){0};
}
