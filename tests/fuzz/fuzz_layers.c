/*
 * Which layers a slot forwards, over a made-up encoder's packets that come in order, late or never, while the aim changes: nothing begins but at
 * a key frame of the aim, no frame is forwarded in part, and all that a forwarded frame refers to was forwarded, as far as it came.
 */
#include "fuzz.h"
#include "layer_select.h"

#include <string.h>

#define ENCODINGS 3
#define SPATIAL   3
#define PICTURES  2048
#define HELD      24
#define TICKS     3000

enum mode {
    VP8_SIMULCAST, /* three encodings of L1T3 */
    VP9_L1T3,
    VP9_L3T3,
    VP9_L3T3_KEY,
};

/** A frame of one spatial layer: bit per packet. */
struct layer_frame {
    uint8_t n, came, sent;
};

struct picture {
    struct layer_frame of[SPATIAL];
    uint16_t refs[2]; /* pictures, of the same spatial layer */
    uint8_t n_refs, n_sids, tid;
    bool key, sync;
    uint64_t first_seq;
};

struct packet {
    uint16_t picture;
    uint8_t encoding, sid, at;
};

static struct {
    struct picture pictures[PICTURES];
    uint16_t n, last[3]; /* by temporal layer */
    bool any_of[3], open_group, begun;
    unsigned position;
    uint64_t next_seq, newest;
} encodings[ENCODINGS];

static struct packet held[HELD];
static unsigned n_held;
static enum mode mode;
static struct plm_layer_select s;
static struct plm_pkt pkt;

/* ---- the encoder ---- */

static void refer(unsigned e, struct picture *p, unsigned tid)
{
    if (encodings[e].any_of[tid])
        p->refs[p->n_refs++] = encodings[e].last[tid];
}

/** Order 0 2 1 2. Pictures of an open group refer to higher layers of the group before it too. */
static struct picture *make_picture(unsigned e, bool key, bool open_group, uint8_t how)
{
    static const uint8_t order[] = {0, 2, 1, 2};
    struct picture *p = &encodings[e].pictures[encodings[e].n];
    memset(p, 0, sizeof *p);
    p->key = key || !encodings[e].n;
    if (p->key) {
        encodings[e].position = 0;
        memset(encodings[e].any_of, 0, sizeof encodings[e].any_of);
    }
    unsigned position = encodings[e].position;
    p->tid = order[position];
    if (p->tid == 0)
        encodings[e].open_group = open_group && !p->key;
    bool open = encodings[e].open_group;
    if (mode == VP8_SIMULCAST)
        p->sync = p->tid > 0 && position < 3 && !open; /* RFC 7741, Y: refers to the base layer alone */
    else
        p->sync = (p->tid == 0 && !open) ||
                  p->tid == 1; /* RFC 9628, U: none after it refers to higher ones before it */
    p->n_sids = mode < VP9_L3T3 ? 1 : p->key ? (uint8_t)(1 + how % SPATIAL) : (p - 1)->n_sids;
    if (!p->key)
        refer(e, p, position == 3 ? 1 : 0);
    if (p->tid > 0 && open && position < 3)
        refer(e, p, p->tid);
    p->first_seq = encodings[e].next_seq;
    for (unsigned sid = 0; sid < p->n_sids; sid++) {
        p->of[sid].n = (uint8_t)(1 + (how >> (2 + sid) & 1));
        encodings[e].next_seq += p->of[sid].n;
    }
    encodings[e].last[p->tid] = encodings[e].n++;
    encodings[e].any_of[p->tid] = true;
    encodings[e].position = (position + 1) % 4;
    return p;
}

static void fill(const struct packet *at)
{
    const struct picture *p = &encodings[at->encoding].pictures[at->picture];
    bool first = at->at == 0, last = at->at + 1 == p->of[at->sid].n;
    memset(&pkt, 0, offsetof(struct plm_pkt, data));
    pkt.codec = mode == VP8_SIMULCAST ? PLM_CODEC_VP8 : PLM_CODEC_VP9;
    pkt.encoding = at->encoding;
    pkt.ext_seq = p->first_seq + at->at;
    for (unsigned sid = 0; sid < at->sid; sid++)
        pkt.ext_seq += p->of[sid].n;
    pkt.ext_ts = (UINT64_C(1) << 32) - 90000 + (uint64_t)at->picture * TICKS + at->encoding;
    pkt.late = encodings[at->encoding].begun && pkt.ext_seq < encodings[at->encoding].newest;
    pkt.marker = last && at->sid + 1 == p->n_sids;
    pkt.payload_len = 100;
    pkt.info = (struct plm_frame_info){.has_layers = true,
        .tid = p->tid,
        .sid = at->sid,
        .layer_sync = p->sync,
        .frame_start = first,
        .frame_end = last,
        .keyframe = p->key,
        .keyframe_start = p->key && first && at->sid == 0,
        .spatial_layers = p->key ? p->n_sids : 0,
        .inter_layer = at->sid > 0 && (p->key || mode == VP9_L3T3)};
}

/* ---- the slot ---- */

/** What was chosen at its time is not known any more. */
static bool too_old(void)
{
    const struct plm_layer_history *h = &s.history[pkt.encoding];
    return h->n == PLM_LAYER_CHANGES && h->changes[0].from_ts > pkt.ext_ts;
}

/** What is forwarded is of the layers that were chosen; nothing of its picture follows what ends it. */
static void check_chosen(void)
{
    uint8_t sid, tid;
    CHECK(plm_layer_select_chosen(&s, &pkt, &sid, &tid));
    CHECK(!pkt.info.has_layers || (pkt.info.sid <= sid && pkt.info.tid <= tid));
    CHECK(!plm_layer_select_ends_picture(&s, &pkt) || pkt.info.sid == sid);
}

static void take(const struct packet *at)
{
    struct layer_frame *frame = &encodings[at->encoding].pictures[at->picture].of[at->sid];
    fill(at);
    bool ours = s.target == at->encoding, here = s.current == at->encoding, forgotten = too_old();
    enum plm_layer_verdict v = plm_layer_select_on_packet(&s, &pkt);
    CHECK(v <= PLM_LAYER_DROP_NOT_KEY);
    CHECK(s.current == PLM_LAYER_NONE || s.current < ENCODINGS);
    if (v == PLM_LAYER_FORWARD || v == PLM_LAYER_SWITCH) {
        frame->sent |= (uint8_t)(1u << at->at);
        check_chosen();
    } else if (forgotten)
        frame->came &= (uint8_t) ~(1u << at->at); /* as if lost */
    CHECK(v != PLM_LAYER_DROP_NOT_KEY || (ours && s.want_keyframe));
    if (v != PLM_LAYER_SWITCH) {
        CHECK(here == (s.current == at->encoding)); /* only a switch changes the stream */
        return;
    }
    CHECK(ours && !here && pkt.info.keyframe_start && s.current == at->encoding && !s.want_keyframe);
    CHECK(s.current_tid == s.target_tid);
}

/** A packet comes. At a late key frame the slot goes on with what came after it, as slot.c does. */
static void arrive(const struct packet *at)
{
    unsigned e = at->encoding;
    encodings[e].pictures[at->picture].of[at->sid].came |= (uint8_t)(1u << at->at);
    uint8_t before = s.current;
    take(at);
    bool late = pkt.late, switched = before != e && s.current == e;
    if (!late && pkt.info.keyframe_start && s.target == e)
        CHECK(s.current == e && (s.current_tid >= s.target_tid || s.hurried));
    if (!late)
        encodings[e].newest = pkt.ext_seq;
    encodings[e].begun = true;
    uint64_t first = pkt.ext_seq;
    for (uint16_t i = at->picture; late && switched && i < encodings[e].n; i++) {
        const struct picture *p = &encodings[e].pictures[i];
        for (uint8_t sid = 0; sid < p->n_sids; sid++) {
            for (uint8_t k = 0; k < p->of[sid].n; k++) {
                struct packet passed = {i, (uint8_t)e, sid, k};
                fill(&passed);
                if (pkt.ext_seq > first && p->of[sid].came >> k & 1)
                    take(&passed);
            }
        }
    }
}

static void restart(void)
{
    plm_layer_select_restart(&s);
    for (unsigned e = 0; e < ENCODINGS; e++) {
        for (unsigned i = 0; i < encodings[e].n; i++) {
            for (unsigned sid = 0; sid < SPATIAL; sid++)
                encodings[e].pictures[i].of[sid].sent = 0;
        }
    }
    CHECK(s.current == PLM_LAYER_NONE && s.want_keyframe == (s.target != PLM_LAYER_NONE));
}

static void deliver(struct fuzz_input *in, unsigned e, bool key, uint8_t how)
{
    struct picture *p = make_picture(e, key, how >> 6 & 1, how);
    for (uint8_t sid = 0; sid < p->n_sids; sid++) {
        for (uint8_t k = 0; k < p->of[sid].n; k++) {
            struct packet at = {(uint16_t)(encodings[e].n - 1), (uint8_t)e, sid, k};
            uint8_t fate = how & 128 ? fuzz_u8(in) % 8 : 0;
            if (fate == 1 && n_held < HELD)
                held[n_held++] = at;
            else if (fate != 2)
                arrive(&at);
        }
    }
}

static void let_go(unsigned i)
{
    if (i >= n_held)
        return;
    struct packet at = held[i];
    memmove(&held[i], &held[i + 1], (--n_held - i) * sizeof held[0]);
    arrive(&at);
}

/* ---- what a receiver makes of it ---- */

static bool as_it_came(const struct layer_frame *f)
{
    return f->sent == f->came;
}

static void check_picture(unsigned e, const struct picture *p)
{
    for (unsigned sid = 0; sid < p->n_sids; sid++) {
        if (!p->of[sid].sent)
            continue;
        CHECK(as_it_came(&p->of[sid]));
        if (sid > 0 && (p->key || mode == VP9_L3T3))
            CHECK(as_it_came(&p->of[sid - 1]));
        for (unsigned k = 0; k < p->n_refs; k++)
            CHECK(as_it_came(&encodings[e].pictures[p->refs[k]].of[sid]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    static const uint8_t aims[] = {0, 1, 2, PLM_LAYER_NONE}, sids[] = {0, 1, 2, PLM_SID_ALL};
    memset(encodings, 0, sizeof encodings);
    n_held = 0;
    mode = fuzz_u8(&in) % 4;
    unsigned n = mode == VP8_SIMULCAST ? ENCODINGS : 1;
    for (unsigned e = 0; e < n; e++)
        encodings[e].next_seq = 65536 * 3 - 100;
    plm_layer_select_init(&s);
    while (in.left && encodings[0].n < PICTURES && encodings[1].n < PICTURES && encodings[2].n < PICTURES) {
        uint8_t op = fuzz_u8(&in);
        switch (op & 7) {
        case 0:
            plm_layer_select_aim(&s, n == 1 ? (op & 8 ? PLM_LAYER_NONE : 0) : aims[op >> 3 & 3], op >> 5 & 3);
            CHECK(s.target != PLM_LAYER_NONE || s.current == PLM_LAYER_NONE);
            break;
        case 1:
            plm_layer_select_aim_spatial(&s, sids[op >> 3 & 3]);
            break;
        case 2:
            if (op & 8)
                plm_layer_select_hurry(&s);
            else if (op & 16)
                plm_layer_select_caught_up(&s);
            else if (op & 32)
                restart();
            break;
        case 3:
            let_go(op >> 3);
            break;
        default:
            for (unsigned e = 0; e < n; e++) /* bits 3 to 5: which of them begin anew */
                deliver(&in, e, op >> (3 + e) & 1, fuzz_u8(&in));
        }
    }
    while (n_held)
        let_go(0);
    for (unsigned e = 0; e < n; e++) {
        for (unsigned i = 0; i < encodings[e].n; i++)
            check_picture(e, &encodings[e].pictures[i]);
    }
    return 0;
}
