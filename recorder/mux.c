#include "mux_internal.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE_US    20000
#define SILENCE_TICKS (SILENCE_US / 1000 * (PLM_MUX_SOUND_HZ / 1000))
#define MAX_SOUND_US  120000 /* RFC 6716 section 3.1: a packet holds at most 120 ms */
#define MAX_FILL_TICKS                                                                                       \
    (INT64_C(3600) * PLM_MUX_SOUND_HZ) /* sound_line fills each second: this is a clock that went wrong */
#define FIRST_STEP (PLM_MUX_PICTURE_HZ / 30)

/* RFC 6716 section 3.1: CELT, fullband, 20 ms, one frame that is silent; the third bit tells stereo. */
static const uint8_t silence[3] = {0xfc, 0xff, 0xfe};

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

/* Does the head get what it needs? */
static bool fits(const struct plm_writer_track_config *c)
{
    bool picture = c->video != PLM_CODEC_NONE;
    bool codec = c->video == PLM_CODEC_VP8 || c->video == PLM_CODEC_VP9 || c->video == PLM_CODEC_H264 ||
                 c->video == PLM_CODEC_AV1;
    bool needs_config = c->video == PLM_CODEC_H264 || c->video == PLM_CODEC_AV1;
    if (!picture)
        return c->sound;
    return codec && c->width && c->height && c->rotation % 90 == 0 && c->rotation < 360 && c->profile < 4 &&
           (!needs_config || (c->config_len >= 4 && c->config_len <= UINT16_MAX));
}

int plm_mux_create(struct plm_mux **out, const struct plm_writer_track_config *config)
{
    if (!fits(config))
        return PLM_EINVAL;
    struct plm_mux *m = calloc(1, sizeof *m);
    if (!m)
        return PLM_ENOMEM;
    m->config = *config;
    m->config.title = copy_text(config->title);
    m->config.comment = copy_text(config->comment);
    uint8_t *copy = malloc(config->config_len + 1);
    if (copy && config->config_len)
        memcpy(copy, config->config, config->config_len);
    m->config.config = copy;
    m->picture_us = -1;
    m->picture_step = FIRST_STEP;
    if (!m->config.title || !m->config.comment || !copy) {
        plm_mux_destroy(m);
        return PLM_ENOMEM;
    }
    *out = m;
    return 0;
}

static void run_free(struct plm_mux_run *r)
{
    free(r->entries);
    plm_blob_free(&r->octets);
}

void plm_mux_destroy(struct plm_mux *m)
{
    if (!m)
        return;
    run_free(&m->picture);
    run_free(&m->sound);
    free((void *)m->config.title);
    free((void *)m->config.comment);
    free((void *)m->config.config);
    free(m);
}

static bool is_webm(const struct plm_mux *m)
{
    return m->config.video == PLM_CODEC_VP8;
}

int plm_mux_head(const struct plm_mux *m, struct plm_blob *out)
{
    if (is_webm(m))
        plm_mux_webm_head(m, out);
    else
        plm_mux_mp4_head(m, out);
    return out->failed ? PLM_ENOMEM : 0;
}

bool plm_mux_is_empty(const struct plm_mux *m)
{
    return m->picture.n == 0 && m->sound.n == 0;
}

bool plm_mux_is_due(const struct plm_mux *m, const struct plm_sample *sample)
{
    if (plm_mux_is_empty(m))
        return false;
    /* A cluster with a key frame begins with it, so that its head tells what cues need (finish_webm.c). */
    if (is_webm(m) && sample->codec != PLM_CODEC_OPUS && sample->keyframe)
        return true;
    return sample->time_us - m->began_us >= PLM_WRITER_FRAGMENT_MS * INT64_C(1000);
}

static int run_add(struct plm_mux_run *r, const struct plm_mux_entry *entry, const uint8_t *data)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct plm_mux_entry *entries = realloc(r->entries, cap * sizeof *entries);
        if (!entries)
            return PLM_ENOMEM;
        r->entries = entries;
        r->cap = cap;
    }
    uint8_t *at = plm_blob_add(&r->octets, entry->len);
    if (!at) {
        r->octets.failed = false; /* what was there before is whole */
        return PLM_ENOMEM;
    }
    memcpy(at, data, entry->len);
    r->entries[r->n++] = *entry;
    return 0;
}

static int put_picture(struct plm_mux *m, const struct plm_sample *s)
{
    if (m->picture_us < 0 && !s->keyframe)
        return PLM_EINVAL;
    int64_t us = s->time_us - m->config.start_us;
    if (m->picture_us < 0)
        us = 0;
    else if (us < m->picture_us + 1000)
        us = m->picture_us + 1000; /* two pictures never share a time, whatever the clock did */
    struct plm_mux_entry e = {.time_us = us, .len = (uint32_t)s->len, .keyframe = s->keyframe};
    int rc = run_add(&m->picture, &e, s->data);
    if (rc == 0)
        m->picture_us = us;
    return rc;
}

static int add_sound(struct plm_mux *m, const uint8_t *data, size_t len, uint32_t ticks)
{
    struct plm_mux_entry e = {.time_us = (int64_t)(m->sound_ticks * 1000 / (PLM_MUX_SOUND_HZ / 1000)),
        .ticks = ticks,
        .len = (uint32_t)len,
        .keyframe = true};
    int rc = run_add(&m->sound, &e, data);
    if (rc == 0)
        m->sound_ticks += ticks;
    return rc;
}

static int put_sound(struct plm_mux *m, const struct plm_sample *s)
{
    if (s->duration_us == 0 || s->duration_us > MAX_SOUND_US)
        return PLM_EINVAL;
    int64_t us = s->time_us - m->config.start_us;
    int64_t missing = us * (PLM_MUX_SOUND_HZ / 1000) / 1000 - (int64_t)m->sound_ticks;
    int rc = 0;
    if (missing > MAX_FILL_TICKS)
        return PLM_EINVAL;
    for (; rc == 0 && missing >= SILENCE_TICKS; missing -= SILENCE_TICKS)
        rc = add_sound(m, silence, sizeof silence, SILENCE_TICKS);
    return rc ? rc : add_sound(m, s->data, s->len, s->duration_us * (PLM_MUX_SOUND_HZ / 1000) / 1000);
}

int plm_mux_put(struct plm_mux *m, const struct plm_sample *s)
{
    bool sound = s->codec == PLM_CODEC_OPUS;
    if (s->len == 0 || s->len > UINT32_MAX / 2 || (sound ? !m->config.sound : s->codec != m->config.video))
        return PLM_EINVAL;
    bool first = plm_mux_is_empty(m);
    int rc = sound ? put_sound(m, s) : put_picture(m, s);
    if (first && !plm_mux_is_empty(m))
        m->began_us = s->time_us;
    return rc;
}

int plm_mux_cut(struct plm_mux *m, struct plm_blob *out)
{
    if (plm_mux_is_empty(m))
        return 0;
    if (is_webm(m))
        plm_mux_webm_cluster(m, out);
    else
        plm_mux_mp4_fragment(m, out);
    m->picture.n = m->sound.n = 0;
    plm_blob_clear(&m->picture.octets);
    plm_blob_clear(&m->sound.octets);
    m->cut_ticks = m->sound_ticks;
    return out->failed ? PLM_ENOMEM : 0;
}
