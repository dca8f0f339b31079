#include "manifest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "journal_line.h"
#include "plenum/types.h"

/* Someone of the meeting while the journal is read. What is open has no "to_us" yet. */
struct person {
    json_int_t id;
    json_t *json;                    /* borrowed of the list */
    json_t *present;                 /* the open interval, borrowed; NULL: away */
    json_t *muted[PLM_SOURCE_COUNT]; /* likewise */
};

struct build {
    json_t *participants, *files, *gaps, *speakers, *chat;
    struct person *people;
    size_t n_people, cap_people;
    const struct plm_manifest_file *known;
    size_t n_known;
    json_int_t end_us, files_end_us;
    bool ended;
    json_t *reason;
    uint64_t bytes;
    bool failed; /* no memory */
};

static void need(struct build *b, int rc)
{
    b->failed |= rc != 0;
}

/* Append what was packed; NULL is no memory. @return it, borrowed */
static json_t *append(struct build *b, json_t *list, json_t *o)
{
    need(b, json_array_append_new(list, o));
    return b->failed ? NULL : o;
}

static struct person *find_person(struct build *b, const json_t *line)
{
    json_int_t id = plm_json_int(line, "participant", 0);
    for (size_t i = 0; i < b->n_people; i++)
        if (b->people[i].id == id)
            return &b->people[i];
    return NULL;
}

static struct person *add_person(struct build *b, json_int_t id)
{
    if (b->n_people == b->cap_people) {
        size_t cap = b->cap_people ? 2 * b->cap_people : 16;
        struct person *people = realloc(b->people, cap * sizeof(*people));
        if (!people) {
            b->failed = true;
            return NULL;
        }
        b->people = people;
        b->cap_people = cap;
    }
    json_t *o = append(b, b->participants,
        json_pack("{s:I, s:s, s:s, s:[], s:[]}", "id", id, "name", "", "role", "", "present", "muted"));
    if (!o)
        return NULL;
    b->people[b->n_people] = (struct person){.id = id, .json = o};
    return &b->people[b->n_people++];
}

static void set_text(struct build *b, json_t *o, const char *key, const json_t *line)
{
    json_t *v = json_object_get(line, key);
    if (json_is_string(v))
        need(b, json_object_set(o, key, v));
}

static void close_interval(struct build *b, json_t **open, json_int_t t)
{
    if (*open)
        need(b, json_object_set_new(*open, "to_us", json_integer(t)));
    *open = NULL;
}

static void enter(struct build *b, struct person *p, json_int_t t, json_int_t breakout)
{
    if (p->present && plm_json_int(p->present, "breakout", 0) == breakout)
        return;
    close_interval(b, &p->present, t);
    p->present = append(b, json_object_get(p->json, "present"),
        json_pack("{s:I, s:I, s:I}", "from_us", t, "to_us", t, "breakout", breakout));
}

static void depart(struct build *b, struct person *p, json_int_t t)
{
    close_interval(b, &p->present, t);
    for (size_t s = 0; s < PLM_SOURCE_COUNT; s++)
        close_interval(b, &p->muted[s], t);
}

static void on_joined(struct build *b, const json_t *line, json_int_t t)
{
    struct person *p = find_person(b, line);
    json_int_t id = plm_json_int(line, "participant", 0);
    if (!p && id > 0)
        p = add_person(b, id);
    if (!p)
        return;
    set_text(b, p->json, "name", line);
    set_text(b, p->json, "role", line);
    enter(b, p, t, plm_json_int(line, "breakout", 0));
}

static void on_left(struct build *b, const json_t *line, json_int_t t)
{
    struct person *p = find_person(b, line);
    if (p)
        depart(b, p, t);
}

static bool is_among(const json_t *ids, json_int_t id)
{
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (json_integer_value(json_array_get(ids, i)) == id)
            return true;
    return false;
}

static void on_present(struct build *b, const json_t *line, json_int_t t)
{
    const json_t *ids = json_object_get(line, "participants");
    for (size_t i = 0; json_is_array(ids) && i < b->n_people; i++)
        if (!is_among(ids, b->people[i].id))
            depart(b, &b->people[i], t);
}

static void on_moved(struct build *b, const json_t *line, json_int_t t)
{
    struct person *p = find_person(b, line);
    if (p)
        enter(b, p, t, plm_json_int(line, "breakout", 0));
}

static void on_renamed(struct build *b, const json_t *line, json_int_t t)
{
    struct person *p = find_person(b, line);
    (void)t;
    if (!p)
        return;
    set_text(b, p->json, "name", line);
    set_text(b, p->json, "role", line);
}

static void on_track(struct build *b, const json_t *line, json_int_t t)
{
    struct person *p = find_person(b, line);
    const char *name = plm_json_string(line, "source");
    for (size_t s = 0; p && name && s < PLM_SOURCE_COUNT; s++) {
        if (strcmp(name, plm_source_name((enum plm_source)s)))
            continue;
        bool muted =
            json_is_true(json_object_get(line, "active")) && json_is_true(json_object_get(line, "muted"));
        if (!muted)
            close_interval(b, &p->muted[s], t);
        else if (!p->muted[s])
            p->muted[s] = append(b, json_object_get(p->json, "muted"),
                json_pack("{s:s, s:I, s:I}", "source", name, "from_us", t, "to_us", t));
    }
}

static const struct plm_manifest_file *find_known(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->n_known; i++)
        if (!strcmp(b->known[i].name, name))
            return b->known[i].usable ? &b->known[i] : NULL;
    return NULL;
}

static void on_file(struct build *b, const json_t *line, json_int_t t)
{
    const char *name = plm_json_string(line, "file"), *pair = plm_json_string(line, "pair");
    const struct plm_manifest_file *known = name ? find_known(b, name) : NULL;
    (void)t;
    if (!known || !pair)
        return;
    json_int_t start = plm_json_int(line, "start_us", 0);
    json_t *o = append(b, b->files,
        json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:s}", "file", name, "participant",
            plm_json_int(line, "participant", 0), "pair", pair, "start_us", start, "duration_us",
            (json_int_t)known->duration_us, "bytes", (json_int_t)known->bytes, "sha256", known->sha256));
    if (!o)
        return;
    json_t *audio = json_object_get(line, "audio"), *video = json_object_get(line, "video");
    if (audio)
        need(b, json_object_set(o, "audio", audio));
    if (video)
        need(b, json_object_set(o, "video", video));
    b->bytes += known->bytes;
    if (start + known->duration_us > b->files_end_us)
        b->files_end_us = start + known->duration_us;
}

/* A sum that is only known of a file that was closed in good order. */
static void on_file_end(struct build *b, const json_t *line, json_int_t t)
{
    const char *name = plm_json_string(line, "file"), *sum = plm_json_string(line, "sha256");
    (void)t;
    for (size_t i = json_array_size(b->files); name && sum && *sum && i-- > 0;) {
        json_t *o = json_array_get(b->files, i);
        const char *have = plm_json_string(o, "sha256");
        if (!strcmp(name, plm_json_string(o, "file")) && !*have &&
            plm_json_int(o, "bytes", 0) == plm_json_int(line, "bytes", -1))
            need(b, json_object_set_new(o, "sha256", json_string(sum)));
    }
}

/* What of a line goes into a list as it is. */
static void copy(struct build *b, json_t *list, const json_t *line, const char *const *keys)
{
    json_t *o = append(b, list, json_object());
    for (; o && *keys; keys++) {
        json_t *v = json_object_get(line, *keys);
        if (v)
            need(b, json_object_set(o, *keys, v));
    }
}

/* A recorder that was killed left no word of when: its journal says when something last happened, its files until when there is something. */
static void on_gap(struct build *b, const json_t *line, json_int_t t)
{
    static const char *const keys[] = {"from_us", "to_us", "reason", NULL};
    const char *reason = plm_json_string(line, "reason");
    (void)t;
    copy(b, b->gaps, line, keys);
    json_t *o = json_array_get(b->gaps, json_array_size(b->gaps) - 1);
    if (o && reason && !strcmp(reason, "recorder") && b->files_end_us > plm_json_int(o, "from_us", 0) &&
        b->files_end_us < plm_json_int(o, "to_us", 0))
        need(b, json_object_set_new(o, "from_us", json_integer(b->files_end_us)));
}

static void on_speakers(struct build *b, const json_t *line, json_int_t t)
{
    static const char *const keys[] = {"t_us", "participants", NULL};
    (void)t;
    copy(b, b->speakers, line, keys);
}

static void on_chat(struct build *b, const json_t *line, json_int_t t)
{
    static const char *const keys[] = {"t_us", "participant", "name", "text", NULL};
    (void)t;
    copy(b, b->chat, line, keys);
}

static void on_end(struct build *b, const json_t *line, json_int_t t)
{
    json_t *reason = json_object_get(line, "reason");
    b->ended = true;
    b->end_us = t;
    if (json_is_string(reason)) {
        json_decref(b->reason);
        b->reason = json_incref(reason);
    }
}

static void read_line(struct build *b, const json_t *line)
{
    static const struct {
        const char *type;
        void (*fn)(struct build *b, const json_t *line, json_int_t t);
    } types[] = {
        {"joined", on_joined},
        {"left", on_left},
        {"present", on_present},
        {"moved", on_moved},
        {"renamed", on_renamed},
        {"role", on_renamed},
        {"track", on_track},
        {"file", on_file},
        {"file_end", on_file_end},
        {"gap", on_gap},
        {"speakers", on_speakers},
        {"chat", on_chat},
        {"end", on_end},
    };
    const char *type = plm_json_string(line, "type");
    json_int_t t = plm_json_int(line, "t_us", -1);
    if (!type || t < 0)
        return;
    if (!b->ended)
        b->end_us = t > b->end_us ? t : b->end_us;
    for (size_t i = 0; i < PLM_COUNT_OF(types); i++)
        if (!strcmp(type, types[i].type))
            types[i].fn(b, line, t);
}

static json_t *whole(struct build *b, const json_t *first)
{
    /* Without an "end" the lines tell how long it was at least; with one, files may still reach a little further. */
    json_int_t end = b->end_us > b->files_end_us ? b->end_us : b->files_end_us;
    for (size_t i = 0; i < b->n_people; i++)
        depart(b, &b->people[i], end);
    if (!b->reason)
        b->reason = json_string(plm_recording_reason_name(PLM_RECORDING_SERVER_GONE));
    json_t *o =
        json_pack("{s:i, s:O?, s:O?, s:O?, s:O?, s:I, s:I, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?}", "format",
            PLM_RECORDING_FORMAT, "id", json_object_get(first, "id"), "key", json_object_get(first, "key"),
            "name", json_object_get(first, "name"), "started_ms", json_object_get(first, "started_ms"),
            "duration_us", end, "bytes", (json_int_t)b->bytes, "reason", b->reason, "participants",
            b->participants, "files", b->files, "gaps", b->gaps, "speakers", b->speakers, "chat", b->chat);
    if (b->failed) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

char *plm_manifest_build(
    const char *journal, size_t len, const struct plm_manifest_file *files, size_t n_files)
{
    struct build b = {.known = files, .n_known = n_files};
    struct plm_journal_summary summary;
    size_t at = 0, text_len;
    char *text = NULL;

    if (plm_journal_summarize(&summary, journal, len))
        return NULL;
    b.participants = json_array();
    b.files = json_array();
    b.gaps = json_array();
    b.speakers = json_array();
    b.chat = json_array();
    b.failed = !b.participants || !b.files || !b.gaps || !b.speakers || !b.chat;
    for (json_t *line; !b.failed && (line = plm_journal_next(journal, len, &at)); json_decref(line))
        read_line(&b, line);
    if (!b.failed)
        text = plm_json_line(whole(&b, summary.first), &text_len);
    json_decref(b.participants);
    json_decref(b.files);
    json_decref(b.gaps);
    json_decref(b.speakers);
    json_decref(b.chat);
    json_decref(b.reason);
    free(b.people);
    plm_journal_summary_free(&summary);
    return text;
}
