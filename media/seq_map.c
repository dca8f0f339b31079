#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "seq_map.h"

#define GAP_MAX      256 /* more missing packets than this are not waited for */
#define PICTURE_MASK 0x7fff
#define PICTURE_JUMP                                                                                         \
    512 /* in order, a picture id further on than this (or back) means that the source began anew */

/* Frames of 60 a second are 1500 ticks apart: they stay apart. 3 s become 94 ms, or down to 6. */
#define SQUEEZE_LEAST 5
#define SQUEEZE_MOST  9

enum entry_state {
    ENTRY_NONE = 0,
    ENTRY_RESERVED, /* missing in the source */
    ENTRY_SENT,
    ENTRY_FILLED, /* came late and was not wanted */
    ENTRY_OWN,    /* of our own making */
};

/** What is behind one outgoing number. Numbers go up with the source's within a segment, so entries can be searched by halves. */
struct entry {
    uint32_t src_seq; /* low bits */
    uint32_t ts;
    uint16_t picture; /* picture id sent; of a reserved number: the offset that its picture id will get */
    uint8_t tl0;
    uint8_t segment : 4;
    uint8_t state : 3;
    uint8_t ends_picture : 1;
};

/** A run of packets from one encoding. */
struct run {
    struct plm_segment pub;
    uint64_t src_first, src_next; /* of the source: where it began, what comes next in order */
    uint64_t out_first, out_end;  /* numbers from first up to, not including, end */
    uint64_t picture_newest;      /* of the source, extended */
    uint64_t ts_newest;
    uint64_t squeezed_us;    /* arrival of what pub.squeezed belongs to */
    uint16_t picture_offset; /* mod 2^15 */
    uint8_t tl0_offset;
    bool has_picture, picture_started;
    bool newest_dropped; /* the newest frame is not forwarded: neither is the rest of it */
};

struct plm_seq_map {
    uint64_t first, next; /* outgoing numbers */
    uint64_t ts_high;     /* highest outgoing timestamp, extended, and when its frame came */
    uint64_t ts_high_us;
    uint16_t picture_next; /* what the next segment begins with */
    uint8_t tl0_next;
    uint16_t dd_next;
    uint8_t dd_template_next;
    bool any_ts, any_dd;
    uint32_t n_runs; /* begun so far; the present one is runs[(n_runs - 1) % PLM_MAP_SEGMENTS] */
    uint32_t size;
    uint16_t *retried_ms; /* behind the entries: low bits of the time, 0: never */
    struct run runs[PLM_MAP_SEGMENTS];
    struct entry entries[];
};

struct plm_seq_map *plm_seq_map_create(
    uint32_t size, uint16_t first_seq, uint16_t first_picture_id, uint8_t first_tl0, uint32_t first_ts)
{
    struct plm_seq_map *m = calloc(1, sizeof *m + size * (sizeof m->entries[0] + sizeof m->retried_ms[0]));
    assert(size && !(size & (size - 1)));
    if (!m)
        return NULL;
    m->size = size;
    m->retried_ms = (uint16_t *)(m->entries + size);
    m->first = m->next = first_seq & 0x7fff;
    m->picture_next = first_picture_id & PICTURE_MASK;
    m->tl0_next = first_tl0;
    m->ts_high = first_ts;
    return m;
}

void plm_seq_map_destroy(struct plm_seq_map *m)
{
    free(m);
}

static struct run *current(struct plm_seq_map *m)
{
    return m->n_runs ? &m->runs[(m->n_runs - 1) % PLM_MAP_SEGMENTS] : NULL;
}

static struct entry *entry_at(struct plm_seq_map *m, uint64_t out)
{
    return &m->entries[out & (m->size - 1)];
}

/** The first outgoing number that is still known. */
static uint64_t oldest(const struct plm_seq_map *m)
{
    return m->next - m->first > m->size ? m->next - m->size : m->first;
}

static struct entry *append(struct plm_seq_map *m, struct run *r, uint64_t src_seq, enum entry_state state)
{
    m->retried_ms[m->next & (m->size - 1)] = 0;
    struct entry *e = entry_at(m, m->next++);
    memset(e, 0, sizeof *e);
    e->src_seq = (uint32_t)src_seq;
    e->state = (uint8_t)state & 7;
    if (r) {
        e->segment = (uint8_t)(r - m->runs) & 15;
        r->out_end = m->next;
    }
    return e;
}

void plm_seq_map_prefetch(const struct plm_seq_map *m)
{
    if (!m || !m->n_runs)
        return;
    const struct run *r = &m->runs[(m->n_runs - 1) % PLM_MAP_SEGMENTS];
    __builtin_prefetch(r, 1);
    __builtin_prefetch(&r->ts_newest, 1);
    __builtin_prefetch(&m->entries[m->next & (m->size - 1)], 1);
    __builtin_prefetch(&m->retried_ms[m->next & (m->size - 1)], 1);
}

/* ---- the dependency descriptor's numbers ---- */

/** Its first three octets are fixed: flags and template id, frame number. */
static bool dd_frame_number(const struct plm_pkt *pkt, uint16_t *out)
{
    if (!pkt->dd_off || pkt->dd_len < 3)
        return false;
    *out = (uint16_t)(pkt->data[pkt->dd_off + 1] << 8 | pkt->data[pkt->dd_off + 2]);
    return true;
}

static unsigned bits_at(const uint8_t *p, unsigned bit, unsigned n)
{
    unsigned v = 0;
    for (; n--; bit++)
        v = v << 1 | (p[bit / 8] >> (7 - bit % 8) & 1);
    return v;
}

/**
 * Ids of the template structure that pkt carries. Behind the fixed octets: five flags (the first: structure present), template_id_offset (6),
 * dt_cnt_minus_one (5), then a next_layer_idc of 2 bits per template, 3 ending the list.
 */
static bool dd_structure(const struct plm_pkt *pkt, uint8_t *first_id, uint8_t *count)
{
    const uint8_t *dd = pkt->data + pkt->dd_off;
    if (!pkt->dd_off || pkt->dd_len < 6 || !(dd[3] & 0x80))
        return false;
    *first_id = (uint8_t)bits_at(dd, 24 + 5, 6);
    *count = 0;
    for (unsigned bit = 24 + 5 + 6 + 5; bit + 2 <= pkt->dd_len * 8u && *count < PLM_DD_MAX_TEMPLATES;
         bit += 2) {
        ++*count;
        if (bits_at(dd, bit, 2) == 3)
            return true;
    }
    return false;
}

/** The new structure's templates follow those of the last one, so that late packets of both are told apart. */
static void dd_begin(struct plm_seq_map *m, struct run *r, const struct plm_pkt *pkt)
{
    uint16_t frame;
    if (!dd_frame_number(pkt, &frame) || !m->any_dd)
        return;
    r->pub.dd_offset = (uint16_t)(m->dd_next - frame);
    uint8_t first_id, count;
    if (dd_structure(pkt, &first_id, &count))
        r->pub.dd_shift = (uint8_t)(m->dd_template_next - first_id) & 63;
}

static void dd_note(struct plm_seq_map *m, const struct run *r, const struct plm_pkt *pkt)
{
    uint16_t frame;
    if (!dd_frame_number(pkt, &frame))
        return;
    uint16_t next = (uint16_t)(frame + r->pub.dd_offset + 1);
    if (!m->any_dd || (int16_t)(next - m->dd_next) > 0)
        m->dd_next = next;
    m->any_dd = true;
    uint8_t first_id, count;
    if (dd_structure(pkt, &first_id, &count))
        m->dd_template_next = (uint8_t)(first_id + r->pub.dd_shift + count) & 63;
}

/* ---- picture ids ---- */

static uint64_t extend_picture(uint64_t last, uint16_t id, bool wide)
{
    unsigned bits = wide ? 15 : 7;
    uint32_t mask = (1u << bits) - 1, half = 1u << (bits - 1);
    uint32_t ahead = ((uint32_t)id - (uint32_t)last) & mask;
    return ahead < half ? last + ahead : last + ahead - (mask + 1u);
}

static uint16_t picture_out(uint64_t picture, uint16_t offset)
{
    return (uint16_t)(picture + offset) & PICTURE_MASK;
}

/** Let the source's ids go on from what was sent last: at a switch, and where the source itself began anew. */
static void picture_begin(struct plm_seq_map *m, struct run *r, const struct plm_pkt *pkt)
{
    const struct plm_frame_info *info = &pkt->info;
    /* Far above zero, so that ids before the first one extend too. */
    r->picture_newest = (UINT64_C(1) << 32) + info->picture_id - 1;
    r->picture_offset = (uint16_t)(m->picture_next - info->picture_id) & PICTURE_MASK;
    r->tl0_offset = (uint8_t)(m->tl0_next - info->tl0picidx);
    r->has_picture = info->has_picture_id;
    r->picture_started = true;
}

/** In order: notice new frames, and take the id away from those that are dropped (VP8: ids are dense; VP9: references count gaps). */
static void picture_advance(struct plm_seq_map *m, struct run *r, const struct plm_pkt *pkt, bool *wanted)
{
    const struct plm_frame_info *info = &pkt->info;
    if (!info->has_picture_id && !info->has_tl0)
        return;
    uint64_t picture = extend_picture(r->picture_newest, info->picture_id, info->picture_id_15);
    bool new_frame = (int64_t)(pkt->ext_ts - r->ts_newest) > 0;
    bool jumped = info->has_picture_id && new_frame &&
                  (picture <= r->picture_newest || picture - r->picture_newest > PICTURE_JUMP);
    if (!r->picture_started || jumped || r->has_picture != info->has_picture_id) {
        picture_begin(m, r, pkt);
        picture = r->picture_newest + 1;
    }
    if (info->has_picture_id && picture > r->picture_newest) {
        /* What a switch goes on from: behind every id that was sent or may still be, for a late packet; not behind that of a dropped frame. */
        bool goes = *wanted || info->sid > 0; /* lower layers of the picture may be on their way */
        if (goes || picture > r->picture_newest + 1)
            m->picture_next = picture_out(picture + goes, r->picture_offset);
        r->picture_newest = picture;
        r->newest_dropped = !goes;
        if (!*wanted && pkt->codec == PLM_CODEC_VP8)
            r->picture_offset = (uint16_t)(r->picture_offset - 1) & PICTURE_MASK;
    } else if (info->has_picture_id && picture == r->picture_newest && r->newest_dropped) {
        *wanted = false; /* its id is gone: nothing more of this frame can follow */
    }
    uint8_t tl0_next = (uint8_t)(info->tl0picidx + r->tl0_offset + 1);
    if (info->has_tl0 && *wanted && (int8_t)(tl0_next - m->tl0_next) > 0)
        m->tl0_next = tl0_next;
}

/* ---- in order ---- */

/**
 * May padding stand for this packet? Nothing that goes on refers to a layer that is dropped. Where there are no layers a packet that is not
 * wanted marks an end (a pause): then no number is kept, and a late one stays missing, so that the receiver knows.
 */
static bool may_be_skipped(const struct plm_pkt *pkt)
{
    return pkt->info.has_layers || pkt->payload_len == 0;
}

static void reserve_gap(struct plm_seq_map *m, struct run *r, const struct plm_pkt *pkt, bool wanted)
{
    uint64_t gap = pkt->ext_seq - r->src_next;
    /* What is missing inside a frame that is dropped is of that frame. */
    bool inside_dropped = !wanted && r->newest_dropped && pkt->ext_ts == r->ts_newest;
    if (!gap || gap > GAP_MAX || inside_dropped || (!wanted && !may_be_skipped(pkt)))
        return;
    for (uint64_t src = r->src_next; src < pkt->ext_seq; src++)
        append(m, r, src, ENTRY_RESERVED)->picture = r->picture_offset;
}

static void fill_out(const struct run *r, const struct entry *e, uint64_t ext_seq, struct plm_map_out *out)
{
    out->ext_seq = ext_seq;
    out->ts = e->ts;
    out->numbers.picture_id = e->picture;
    out->numbers.tl0picidx = e->tl0;
    out->dd_offset = r->pub.dd_offset;
    out->dd_shift = r->pub.dd_shift;
    out->ends_picture = e->ends_picture;
}

static uint64_t ts_out(const struct run *r, uint64_t ext_ts)
{
    if (ext_ts >= r->pub.squeezed)
        return ext_ts + r->pub.ts_offset;
    return r->pub.squeezed + r->pub.ts_offset - ((r->pub.squeezed - ext_ts) >> r->pub.squeeze);
}

/** Give an entry its packet. @param offset of the picture id at the packet's place */
static void send_entry(const struct run *r, struct entry *e, const struct plm_pkt *pkt, uint16_t offset)
{
    uint64_t picture = extend_picture(r->picture_newest, pkt->info.picture_id, pkt->info.picture_id_15);
    e->state = ENTRY_SENT;
    e->ts = (uint32_t)ts_out(r, pkt->ext_ts);
    e->picture = picture_out(picture, offset);
    e->tl0 = (uint8_t)(pkt->info.tl0picidx + r->tl0_offset);
}

static enum plm_map_verdict push_in_order(
    struct plm_seq_map *m, struct run *r, const struct plm_pkt *pkt, bool wanted, struct plm_map_out *out)
{
    reserve_gap(m, r, pkt, wanted);
    picture_advance(m, r, pkt, &wanted);
    dd_note(m, r, pkt);
    r->src_next = pkt->ext_seq + 1;
    if ((int64_t)(pkt->ext_ts - r->ts_newest) > 0)
        r->ts_newest = pkt->ext_ts;
    if (!wanted)
        return PLM_MAP_DROP;
    uint64_t ts = ts_out(r, pkt->ext_ts);
    if (!m->any_ts || (int64_t)(ts - m->ts_high) > 0) {
        m->any_ts = true;
        m->ts_high = ts;
        m->ts_high_us = pkt->ext_ts < r->pub.squeezed ? r->squeezed_us : pkt->arrival_us;
    }
    struct entry *e = append(m, r, pkt->ext_seq, ENTRY_SENT);
    send_entry(r, e, pkt, r->picture_offset);
    fill_out(r, e, m->next - 1, out);
    return PLM_MAP_SEND;
}

/* ---- late ---- */

/** The number that was given to a packet of this run, or UINT64_MAX. */
static uint64_t find_out(struct plm_seq_map *m, const struct run *r, uint64_t src_seq)
{
    uint64_t lo = r->out_first > oldest(m) ? r->out_first : oldest(m), hi = r->out_end;
    uint64_t end = hi;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if ((int32_t)(entry_at(m, mid)->src_seq - (uint32_t)src_seq) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < end && entry_at(m, lo)->src_seq == (uint32_t)src_seq ? lo : UINT64_MAX;
}

static enum plm_map_verdict push_late(
    struct plm_seq_map *m, struct run *r, const struct plm_pkt *pkt, bool wanted, struct plm_map_out *out)
{
    uint64_t at = find_out(m, r, pkt->ext_seq);
    struct entry *e = at == UINT64_MAX ? NULL : entry_at(m, at);
    if (!e) {
        uint64_t from = oldest(m);
        bool known =
            r->out_end > from &&
            (r->out_first >= from || (int32_t)((uint32_t)pkt->ext_seq - entry_at(m, from)->src_seq) > 0);
        return known ? PLM_MAP_DROP : PLM_MAP_TOO_OLD;
    }
    if (e->state == ENTRY_OWN)
        return PLM_MAP_DROP;
    if (e->state != ENTRY_RESERVED)
        return PLM_MAP_DUPLICATE;
    if (!wanted && !may_be_skipped(pkt))
        return PLM_MAP_DROP;
    if (wanted)
        send_entry(r, e, pkt, e->picture);
    else
        e->state = ENTRY_FILLED;
    fill_out(r, e, at, out);
    if (!wanted) /* padding needs a timestamp that does not stick out */
        out->ts = e->ts = (uint32_t)ts_out(r, pkt->ext_ts);
    return wanted ? PLM_MAP_SEND : PLM_MAP_FILL;
}

/** The run that a packet belongs to: the newest of its encoding that had begun before it. */
static struct run *find_run(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt)
{
    uint32_t known = m->n_runs < PLM_MAP_SEGMENTS ? m->n_runs : PLM_MAP_SEGMENTS;
    for (uint32_t i = 1; i <= known; i++) {
        struct run *r = &m->runs[(m->n_runs - i) % PLM_MAP_SEGMENTS];
        if (r->pub.source == source && r->pub.encoding == pkt->encoding && pkt->ext_seq >= r->src_first)
            return r;
    }
    return NULL;
}

bool plm_seq_map_awaits(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt)
{
    const struct run *r = find_run(m, source, pkt);
    uint64_t at = r && pkt->ext_seq < r->src_next ? find_out(m, r, pkt->ext_seq) : UINT64_MAX;
    return at != UINT64_MAX && entry_at(m, at)->state == ENTRY_RESERVED;
}

enum plm_map_verdict plm_seq_map_push(
    struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt, bool wanted, struct plm_map_out *out)
{
    struct run *r = find_run(m, source, pkt);
    if (!r)
        return PLM_MAP_DROP;
    if (pkt->ext_seq < r->src_next)
        return push_late(m, r, pkt, wanted, out);
    return r == current(m) ? push_in_order(m, r, pkt, wanted, out) : PLM_MAP_DROP;
}

void plm_seq_map_end_picture(struct plm_seq_map *m, struct plm_map_out *out)
{
    entry_at(m, out->ext_seq)->ends_picture = 1;
    out->ends_picture = true;
}

/* ---- switching ---- */

/** Continue by the time that passed since the last frame came; never backwards, at least one tick on. */
static uint64_t next_ts(const struct plm_seq_map *m, uint32_t clock_rate, uint64_t now_us)
{
    if (!m->any_ts)
        return m->ts_high;
    uint64_t elapsed = now_us > m->ts_high_us ? now_us - m->ts_high_us : 0;
    uint64_t ticks = elapsed / 1000000 * clock_rate + elapsed % 1000000 * clock_rate / 1000000;
    return m->ts_high + (ticks ? ticks : 1);
}

static struct run *begin_run(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt)
{
    struct run *r = &m->runs[m->n_runs++ % PLM_MAP_SEGMENTS];
    memset(r, 0, sizeof *r);
    r->pub.source = source;
    r->pub.encoding = pkt->encoding;
    r->pub.codec_index = pkt->codec_index;
    r->src_first = r->src_next = pkt->ext_seq;
    r->ts_newest = pkt->ext_ts - 1;
    r->out_first = r->out_end = m->next;
    dd_begin(m, r, pkt);
    return r;
}

void plm_seq_map_switch(
    struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt, uint32_t clock_rate, uint64_t now_us)
{
    struct run *r = begin_run(m, source, pkt);
    r->pub.ts_offset = next_ts(m, clock_rate, now_us) - pkt->ext_ts;
}

void plm_seq_map_switch_back(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *first,
    const struct plm_pkt *newest, uint32_t clock_rate)
{
    struct run *r = begin_run(m, source, first);
    uint64_t end = next_ts(m, clock_rate, newest->arrival_us), room = end - m->ts_high;
    uint64_t span = newest->ext_ts - first->ext_ts;
    uint8_t squeeze = SQUEEZE_LEAST;
    while (m->any_ts && squeeze < SQUEEZE_MOST && span >> squeeze >= room)
        squeeze++;
    /* The picture before is not overtaken; at the very start there is none, and time begins with the first one. */
    if (span >> squeeze >= room || !m->any_ts)
        end = m->ts_high + 1 + (span >> squeeze);
    r->pub.ts_offset = end - newest->ext_ts;
    r->pub.squeezed = newest->ext_ts;
    r->pub.squeeze = squeeze;
    r->squeezed_us = newest->arrival_us;
}

uint64_t plm_seq_map_take(struct plm_seq_map *m)
{
    struct run *r = current(m);
    append(m, r, r ? r->src_next - 1 : 0, ENTRY_OWN)->ts = (uint32_t)m->ts_high;
    return m->next - 1;
}

/* ---- looking back ---- */

bool plm_seq_map_find(const struct plm_seq_map *m, uint16_t seq, struct plm_segment *segment,
    uint64_t *src_ext_seq, struct plm_map_out *out)
{
    if (m->next == m->first)
        return false;
    uint16_t back = (uint16_t)(m->next - 1 - seq);
    if (back >= m->next - oldest(m))
        return false;
    uint64_t at = m->next - 1 - back;
    const struct entry *e = &m->entries[at & (m->size - 1)];
    const struct run *r = &m->runs[e->segment];
    if (e->state != ENTRY_SENT || at < r->out_first || at >= r->out_end)
        return false;
    *segment = r->pub;
    *src_ext_seq = r->src_first + (e->src_seq - (uint32_t)r->src_first);
    fill_out(r, e, at, out);
    return true;
}

bool plm_seq_map_retry(struct plm_seq_map *m, uint16_t seq, uint64_t now_us, uint32_t least_us)
{
    uint16_t back = (uint16_t)(m->next - 1 - seq);
    if (back >= m->next - oldest(m))
        return false;
    uint16_t *at = &m->retried_ms[(m->next - 1 - back) & (m->size - 1)], ms = (uint16_t)(now_us / 1000);
    if (*at && (uint16_t)(ms - *at) < least_us / 1000)
        return false;
    *at = ms ? ms : 1;
    return true;
}

uint64_t plm_seq_map_last(const struct plm_seq_map *m)
{
    return m->next - 1;
}

uint32_t plm_seq_map_last_ts(const struct plm_seq_map *m)
{
    return (uint32_t)m->ts_high;
}

const struct plm_segment *plm_seq_map_segment(const struct plm_seq_map *m)
{
    return m->n_runs ? &m->runs[(m->n_runs - 1) % PLM_MAP_SEGMENTS].pub : NULL;
}
