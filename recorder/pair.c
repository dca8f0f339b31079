#include "pair.h"

#include <stdlib.h>
#include <string.h>

void plm_pair_init(struct plm_pair *p, bool screen, const struct plm_pair_ops *ops)
{
    *p = (struct plm_pair){.ops = *ops, .screen = screen, .refused_us = -1};
}

void plm_pair_reset(struct plm_pair *p)
{
    for (size_t i = 0; i < PLM_PAIR_HELD; i++)
        free(p->held[i].octets);
    *p = (struct plm_pair){.refused_us = -1};
}

void plm_pair_on_track(struct plm_pair *p, enum plm_kind kind, bool present, bool muted)
{
    struct plm_pair_track *t = kind == PLM_KIND_AUDIO ? &p->sound : &p->picture;
    *t = (struct plm_pair_track){.present = present, .muted = muted};
    if (p->waiting && present && muted && kind == PLM_KIND_VIDEO)
        p->wait_until_us = 0;
}

/* ---- sound that is kept ---- */

static void hold(struct plm_pair *p, const struct plm_sample *s)
{
    struct plm_pair_held *h = &p->held[p->held_at];
    if (s->len > h->cap) {
        uint8_t *octets = realloc(h->octets, s->len);
        if (!octets)
            return;
        h->octets = octets;
        h->cap = s->len;
    }
    memcpy(h->octets, s->data, s->len);
    h->sample = *s;
    h->sample.data = h->octets;
    p->held_at = (p->held_at + 1) % PLM_PAIR_HELD;
    if (p->held_n < PLM_PAIR_HELD)
        p->held_n++;
}

/* Out of the sound line, into the file. What is refused leaves a hole there, which the line fills with silence later: it is set back. */
static void write_sound(void *arg, const struct plm_sample *packet)
{
    struct plm_pair *p = arg;
    if (p->refused_us >= 0)
        return;
    if (p->ops.put(p->ops.ctx, p->file, packet)) {
        p->refused_us = packet->time_us;
        return;
    }
    int64_t end = packet->time_us + packet->duration_us;
    p->end_us = end > p->end_us ? end : p->end_us;
}

static void after_sound(struct plm_pair *p)
{
    if (p->refused_us >= 0)
        p->line.next_us = p->refused_us;
    p->refused_us = -1;
}

static void put_sound(struct plm_pair *p, const struct plm_sample *s)
{
    plm_sound_line_put(&p->line, s, write_sound, p);
    after_sound(p);
}

static void fill_sound(struct plm_pair *p, int64_t until_us)
{
    if (!p->file || !p->is.sound || until_us <= p->line.next_us)
        return;
    plm_sound_line_fill(&p->line, until_us, write_sound, p);
    after_sound(p);
}

static void put_held(struct plm_pair *p, int64_t from_us)
{
    for (unsigned i = 0; i < p->held_n; i++) {
        unsigned at = (p->held_at + PLM_PAIR_HELD - p->held_n + i) % PLM_PAIR_HELD;
        if (p->held[at].sample.time_us >= from_us)
            put_sound(p, &p->held[at].sample);
    }
}

/* ---- files ---- */

static bool wants_sound(const struct plm_pair *p)
{
    return !p->screen || p->sound.present;
}

static void end_file(struct plm_pair *p, int64_t end_us, const char *reason)
{
    if (!p->file)
        return;
    fill_sound(p, end_us);
    p->ops.close(p->ops.ctx, p->file, end_us > p->end_us ? end_us : p->end_us, reason);
    p->file = 0;
}

/* Begin a file at start_us with the sound that is held from there on. @param key NULL: sound alone */
static bool begin_file(struct plm_pair *p, int64_t start_us, const struct plm_sample *key)
{
    struct plm_writer_track_config c = {.start_us = start_us, .sound = !key || wants_sound(p)};
    if (key) {
        c.video = key->codec;
        c.width = key->width;
        c.height = key->height;
        c.rotation = key->rotation;
        c.profile = key->profile;
        c.config = key->config;
        c.config_len = key->config_len;
    }
    p->waiting = false;
    p->dropping = false;
    p->file = p->ops.open(p->ops.ctx, &c);
    if (!p->file)
        return false;
    p->is = c;
    p->is.config = NULL;
    p->is.config_len = 0;
    p->end_us = start_us;
    plm_sound_line_init(&p->line, start_us);
    if (c.sound)
        put_held(p, start_us);
    return true;
}

/* Why a picture cannot go into the open file, NULL: it can. */
static const char *why_new(const struct plm_pair *p, const struct plm_sample *s)
{
    if (p->is.video == PLM_CODEC_NONE)
        return PLM_PAIR_ENDS_VIDEO;
    if (p->is.video != s->codec || (s->keyframe && p->is.profile != s->profile))
        return PLM_PAIR_ENDS_CODEC;
    if (p->is.rotation != s->rotation)
        return PLM_PAIR_ENDS_ROTATION;
    return wants_sound(p) && !p->is.sound ? PLM_PAIR_ENDS_AUDIO : NULL;
}

/* Until the key frame comes that a new file begins with. Of another codec nothing can be written. */
static bool fits_for_now(const struct plm_pair *p, const struct plm_sample *s)
{
    return p->file && p->is.video == s->codec;
}

/* The file that a key frame begins, after the one before it. */
static bool begin_at(struct plm_pair *p, const struct plm_sample *key, const char *reason)
{
    int64_t start = key->time_us;
    if (p->file) {
        bool behind = p->is.sound && p->line.next_us < start;
        int64_t earliest = start - PLM_PAIR_SEAM_US;
        if (behind)
            start = p->line.next_us > earliest ? p->line.next_us : earliest;
        end_file(p, start, reason);
    } else if (p->waiting && p->wait_from_us < start) {
        start = p->wait_from_us;
    }
    return begin_file(p, start, key);
}

static void on_picture(struct plm_pair *p, const struct plm_sample *s)
{
    const char *reason = p->file ? why_new(p, s) : "";
    if (reason) {
        if (s->keyframe) {
            if (!begin_at(p, s, reason))
                return;
        } else {
            p->key_wanted = true;
            if (!fits_for_now(p, s))
                return;
        }
    }
    if (p->dropping && !s->keyframe) {
        p->key_wanted = true;
        return;
    }
    p->dropping = p->ops.put(p->ops.ctx, p->file, s) != 0;
    p->key_wanted = p->dropping || (p->key_wanted && !s->keyframe);
    if (!p->dropping && s->time_us > p->end_us)
        p->end_us = s->time_us;
}

static void on_sound(struct plm_pair *p, const struct plm_sample *s, uint64_t now_us)
{
    hold(p, s);
    if (p->file) {
        if (p->is.sound)
            put_sound(p, s);
        else
            p->key_wanted = true; /* its file begins there */
        return;
    }
    if (p->waiting)
        return;
    if (!p->picture.present || !p->picture.muted) {
        p->waiting = true;
        p->wait_from_us = s->time_us;
        p->wait_until_us = now_us + PLM_PAIR_WAIT_US;
        p->key_wanted = p->picture.present;
        return;
    }
    begin_file(p, s->time_us, NULL);
}

void plm_pair_on_sample(struct plm_pair *p, const struct plm_sample *s, uint64_t now_us)
{
    if (s->codec == PLM_CODEC_OPUS)
        on_sound(p, s, now_us);
    else
        on_picture(p, s);
}

void plm_pair_poll(struct plm_pair *p, uint64_t now_us)
{
    if (p->waiting && now_us >= p->wait_until_us)
        begin_file(p, p->wait_from_us, NULL);
    fill_sound(p, (int64_t)now_us - PLM_PAIR_LATE_US);
}

void plm_pair_end(struct plm_pair *p, int64_t end_us, const char *reason, uint64_t now_us)
{
    if (p->waiting) {
        p->wait_until_us = 0;
        plm_pair_poll(p, now_us);
    }
    end_file(p, end_us, reason);
    p->waiting = false;
    p->held_n = 0;
}

bool plm_pair_on_failed(struct plm_pair *p, plm_writer_file file)
{
    if (!file || p->file != file)
        return false;
    p->file = 0;
    p->held_n = 0;
    p->key_wanted = true;
    return true;
}
