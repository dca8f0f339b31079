/* A recorder that remembers what it was asked and the lines of the journal, and says what a test makes it say. */
#ifndef PLM_TEST_FAKE_RECORDER_H
#define PLM_TEST_FAKE_RECORDER_H

#include "world.h"

#include <jansson.h>

#define RECORDER_LINES 400

struct recorder {
    int fail; /* what start answers */
    unsigned starts, stops, removes;
    char id[PLM_RECORDING_ID_SIZE]; /* of the last start */
    char key[129], name[129], removed[PLM_RECORDING_ID_SIZE];
    plm_room_id room;
    uint64_t started_ms;
    uint32_t limit_s;
    bool goes_on;
    enum plm_recording_reason reason; /* of the last stop */
    char *lines[RECORDER_LINES];
    size_t n, read;
};

static inline int recorder_start(void *ctx, const struct plm_recording_start *start)
{
    struct recorder *r = ctx;
    if (r->fail)
        return r->fail;
    r->starts++;
    snprintf(r->id, sizeof r->id, "%s", start->id);
    snprintf(r->key, sizeof r->key, "%s", start->key);
    snprintf(r->name, sizeof r->name, "%s", start->name);
    r->room = start->room;
    r->started_ms = start->started_ms;
    r->limit_s = start->limit_s;
    r->goes_on = start->goes_on;
    return 0;
}

static inline void recorder_stop(void *ctx, const char *id, enum plm_recording_reason reason)
{
    struct recorder *r = ctx;
    if (strcmp(id, r->id) != 0)
        abort();
    r->stops++;
    r->reason = reason;
}

static inline void recorder_event(void *ctx, const char *id, struct plm_text *json)
{
    struct recorder *r = ctx;
    if (strcmp(id, r->id) != 0 || r->n == RECORDER_LINES)
        abort();
    r->lines[r->n++] = strndup(json->data, json->len);
}

static inline void recorder_remove(void *ctx, const char *id)
{
    struct recorder *r = ctx;
    r->removes++;
    snprintf(r->removed, sizeof r->removed, "%s", id);
}

static inline void recorder_attach(struct recorder *r, struct world *w)
{
    plm_hub_set_recorder(w->hub, &(struct plm_recording_port){.ctx = r,
                                     .start = recorder_start,
                                     .stop = recorder_stop,
                                     .event = recorder_event,
                                     .remove = recorder_remove});
}

static inline void recorder_forget(struct recorder *r)
{
    while (r->n)
        free(r->lines[--r->n]);
    r->read = 0;
}

static inline void recorder_free(struct recorder *r)
{
    recorder_forget(r);
    free(r);
}

/** The next line of the journal, and it must be exactly this, whatever the order of its members. NULL: there is none */
static inline bool recorder_expect(struct recorder *r, const char *line)
{
    if (r->read == r->n)
        return line == NULL;
    if (!line) {
        fprintf(stderr, "also said: %s\n", r->lines[r->read]);
        return false;
    }
    json_t *is = json_loads(r->lines[r->read++], 0, NULL), *should = json_loads(line, 0, NULL);
    bool equal = is && should && json_equal(is, should);
    if (!equal)
        fprintf(stderr, "said %s instead of %s\n", r->lines[r->read - 1], line);
    json_decref(is);
    json_decref(should);
    return equal;
}

/** The recorder tells the state of a recording. */
static inline void recorder_tell(struct recorder *r, struct world *w, const char *id,
    enum plm_recording_state state, enum plm_recording_reason reason)
{
    const struct plm_recording_news news = {.id = id,
        .key = r->key,
        .name = r->name,
        .state = state,
        .reason = reason,
        .started_ms = r->started_ms,
        .bytes = 1234567,
        .duration_us = 61500000,
        .files = 3};
    plm_hub_on_recording(w->hub, &news);
}

#endif
