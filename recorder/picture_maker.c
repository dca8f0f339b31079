#include "picture_maker.h"

#include "base/planted.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

void plm_picture_maker_init(struct plm_picture_maker *m, const struct plm_picture_maker_ops *ops)
{
    memset(m, 0, sizeof *m);
    m->ops = *ops;
    plm_depack_init(&m->depack, PLM_CODEC_NONE, PLM_STREAM_MAX_FRAME);
    plm_picture_refs_init(&m->refs);
}

void plm_picture_maker_destroy(struct plm_picture_maker *m)
{
    plm_depack_destroy(&m->depack);
    free(m->dd);
    m->dd = NULL;
}

void plm_picture_maker_restart(struct plm_picture_maker *m)
{
    struct plm_picture_maker old = *m;
    plm_picture_maker_destroy(m);
    plm_picture_maker_init(m, &old.ops);
    m->rotation = old.rotation;
    m->broken = old.broken;
    m->malformed = old.malformed;
}

/* ---- the picture under way ---- */

static void on_broken(struct plm_picture_maker *m, bool place_known)
{
    m->open = false;
    m->broken += m->begun;
    plm_picture_refs_on_broken(&m->refs, place_known ? &m->depack.place : NULL);
}

/* AV1 RTP specification, appendix A: the descriptor names the frames that this one refers to. */
static void add_references(struct plm_picture_maker *m, struct plm_picture_place *place)
{
    if (!m->has_dd || m->dd->max_sid > 0)
        return;
    place->has_refs = true;
    place->number = m->dd_info.frame_number;
    place->number_bits = 16;
    place->tid = m->dd_info.tid;
    place->n_refs = 0;
    for (unsigned i = 0; i < m->dd_info.n_fdiffs && i < sizeof place->refs / sizeof place->refs[0]; i++)
        place->refs[place->n_refs++] = m->dd_info.fdiffs[i];
}

static void end_picture(struct plm_picture_maker *m)
{
    struct plm_sample sample;
    if (plm_depack_end(&m->depack, &sample) != 0) {
        m->malformed++;
        on_broken(m, true);
        return;
    }
    m->open = false;
    add_references(m, &m->depack.place);
    if (!plm_picture_refs_take(&m->refs, &m->depack.place)) {
        m->broken += m->begun;
        return;
    }
    m->begun = true;
    sample.rotation = m->rotation;
    m->ops.picture(m->ops.ctx, &sample, m->ts, m->arrival_us);
}

static void read_descriptor(struct plm_picture_maker *m, const struct plm_stream_packet *p)
{
    m->has_dd = false;
    if (p->dd_off == 0)
        return;
    if (!m->dd)
        m->dd = calloc(1, sizeof *m->dd);
    m->has_dd = m->dd && plm_dd_parse(m->dd, p->data + p->dd_off, p->dd_len, &m->dd_info) == 0;
}

static bool begins(const struct plm_picture_maker *m, const struct plm_stream_packet *p)
{
    bool by_descriptor = m->has_dd && m->dd_info.start && m->dd->max_sid == 0;
    return m->boundary || by_descriptor ||
           plm_depack_starts(p->codec, p->data + p->payload_off, p->payload_len);
}

/** @return false: the packet belongs to a picture whose beginning is missing */
static bool begin_picture(struct plm_picture_maker *m, const struct plm_stream_packet *p)
{
    bool counted = m->any && m->ts == p->ext_ts;
    read_descriptor(m, p);
    m->any = true;
    m->ts = p->ext_ts;
    if (!begins(m, p)) {
        if (!counted)
            on_broken(m, false);
        return false;
    }
    plm_depack_begin(&m->depack);
    m->open = true;
    return true;
}

/* ---- packets ---- */

static void set_codec(struct plm_picture_maker *m, enum plm_codec codec)
{
    if (m->depack.codec == codec)
        return;
    plm_picture_maker_restart(m);
    plm_depack_init(&m->depack, codec, PLM_STREAM_MAX_FRAME);
}

/* 3GPP TS 26.114 section 7.4.5: the low two bits are quarter turns that the receiver makes clockwise. */
static void read_orientation(struct plm_picture_maker *m, const struct plm_stream_packet *p)
{
    if (p->orientation_off)
        m->rotation = (uint16_t)((p->data[p->orientation_off] & 3) * 90);
}

void plm_picture_maker_put(struct plm_picture_maker *m, const struct plm_stream_packet *p)
{
    const uint8_t *payload = p->data + p->payload_off;
    if (p->payload_len == 0)
        return;
    bool boundary = m->boundary;
    set_codec(m, p->codec);
    if (m->open &&
        p->ext_ts !=
            m->ts) { /* none is missing in between: it had all its packets, and one without a marker */
        end_picture(m);
        boundary = true;
    }
    m->boundary = boundary;
    read_orientation(m, p);
    if (plm_depack_ignores(p->codec, payload, p->payload_len)) {
        m->boundary |= p->marker;
        return;
    }
    if (m->open || begin_picture(m, p)) {
        m->arrival_us = p->arrival_us;
        if (plm_depack_add(&m->depack, payload, p->payload_len) != 0) {
            m->malformed++;
            on_broken(m, m->depack.any);
        } else if (p->marker || plm_depack_ends(p->codec, payload, p->payload_len)) {
            end_picture(m);
        }
    }
    m->boundary = p->marker;
}

void plm_picture_maker_on_loss(struct plm_picture_maker *m, uint64_t packets)
{
    m->boundary = false;
    plm_picture_refs_on_loss(&m->refs, packets);
    if (PLM_FITS(stream_parts, !m->open)) /* a picture under way has lost a part */
        return;
    on_broken(m, true);
}
