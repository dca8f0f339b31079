/*
 * Dependency descriptor (AV1 RTP specification, appendix A). Section numbers below are of that appendix.
 */
#include "base/planted.h"
#include "codec.h"

#include <string.h>

#define MANDATORY_LEN   3
#define FRAME_NUMBER_AT 8 /* bits from the start */
#define TEMPLATE_ID_AT  2
#define FLAGS           5 /* bits that follow, where anything does */
#define ACTIVE_FLAG     0x40
#define ID_OFFSET_AT    29 /* template_id_offset, the first field of an attached structure */
#define MAX_SID         3
#define MAX_TID         7

enum dti {
    DTI_NOT_PRESENT = 0,
    DTI_DISCARDABLE = 1,
    DTI_SWITCH = 2,
    DTI_REQUIRED = 3,
};

/* Bits from the most significant on. Past the end they read as zero and the failure is kept. */
struct bits {
    const uint8_t *p;
    size_t at, end;
    bool failed;
};

static uint32_t get(struct bits *b, unsigned n)
{
    if (!PLM_FITS(dd, n <= b->end - b->at)) {
        b->failed = true;
        return 0;
    }
    uint32_t v = 0;
    for (; n > 0; n--, b->at++)
        v = v << 1 | ((b->p[b->at / 8] >> (7 - b->at % 8)) & 1u);
    return v;
}

/* ns(n), A.8.1: one of n values in as few bits as that takes */
static uint32_t get_non_symmetric(struct bits *b, uint32_t n)
{
    unsigned w = 0;
    for (uint32_t x = n; x != 0; x >>= 1)
        w++;
    uint32_t m = (UINT32_C(1) << w) - n;
    uint32_t v = get(b, w - 1);
    return v < m ? v : (v << 1) - m + get(b, 1);
}

/* template_layers() */
static bool read_layers(struct bits *b, struct plm_dd_state *s)
{
    uint8_t sid = 0, tid = 0;
    for (;;) {
        if (s->n_templates == PLM_DD_MAX_TEMPLATES || sid > MAX_SID || tid > MAX_TID)
            return false;
        struct plm_dd_template *t = &s->templates[s->n_templates++];
        t->sid = sid;
        t->tid = tid;
        s->max_sid = sid;
        s->max_tid = tid > s->max_tid ? tid : s->max_tid;
        switch (get(b, 2)) { /* next_layer_idc */
        case 0:
            break;
        case 1:
            tid++;
            break;
        case 2:
            tid = 0;
            sid++;
            break;
        default:
            return !b->failed;
        }
        if (b->failed)
            return false;
    }
}

static bool read_template_fdiffs(struct bits *b, struct plm_dd_template *t)
{
    while (get(b, 1)) {
        if (t->n_fdiffs == PLM_DD_MAX_FDIFFS)
            return false;
        t->fdiffs[t->n_fdiffs++] = (uint8_t)(get(b, 4) + 1);
    }
    return !b->failed;
}

/* template_chains(): nothing here follows chains, only their number is needed to read on */
static void skip_chains(struct bits *b, struct plm_dd_state *s)
{
    s->n_chains = (uint8_t)get_non_symmetric(b, s->n_targets + 1u);
    if (s->n_chains == 0)
        return;
    for (unsigned i = 0; i < s->n_targets; i++)
        (void)get_non_symmetric(b, s->n_chains);
    for (unsigned i = 0; i < (unsigned)s->n_templates * s->n_chains && !b->failed; i++)
        (void)get(b, 4);
}

static uint16_t size_of(uint32_t minus_one)
{
    return (uint16_t)(minus_one == UINT16_MAX ? UINT16_MAX : minus_one + 1);
}

/* The highest layer of a decode target (decode_target_layers(), derived as the specification has it). */
static void target_layer(const struct plm_dd_state *s, unsigned target, uint8_t *sid, uint8_t *tid)
{
    *sid = *tid = 0;
    for (unsigned t = 0; t < s->n_templates; t++) {
        const struct plm_dd_template *tpl = &s->templates[t];
        if (tpl->dti[target] == DTI_NOT_PRESENT)
            continue;
        *sid = tpl->sid > *sid ? tpl->sid : *sid;
        *tid = tpl->tid > *tid ? tpl->tid : *tid;
    }
}

/*
 * A switch indication for every target of this spatial layer that has higher temporal layers. Targets of higher spatial layers
 * wait for their own frame of the same picture.
 */
static bool may_switch_up(const struct plm_dd_state *s, uint8_t sid, uint8_t tid, const uint8_t *dti)
{
    bool any = false;
    for (unsigned d = 0; d < s->n_targets; d++) {
        uint8_t top_sid, top_tid;
        target_layer(s, d, &top_sid, &top_tid);
        if (top_sid != sid || top_tid <= tid)
            continue;
        if (dti[d] != DTI_SWITCH)
            return false;
        any = true;
    }
    return any;
}

/* template_dependency_structure() */
static bool read_structure(struct bits *b, struct plm_dd_state *s)
{
    memset(s, 0, sizeof *s);
    s->template_id_offset = (uint8_t)get(b, 6);
    s->n_targets = (uint8_t)(get(b, 5) + 1);
    if (!read_layers(b, s))
        return false;
    for (unsigned t = 0; t < s->n_templates; t++)
        for (unsigned d = 0; d < s->n_targets; d++)
            s->templates[t].dti[d] = (uint8_t)get(b, 2);
    for (unsigned t = 0; t < s->n_templates; t++)
        if (!read_template_fdiffs(b, &s->templates[t]))
            return false;
    skip_chains(b, s);
    if (get(b, 1)) { /* resolutions_present_flag */
        for (unsigned i = 0; i <= s->max_sid; i++) {
            s->width[i] = size_of(get(b, 16));
            s->height[i] = size_of(get(b, 16));
        }
    }
    for (unsigned t = 0; t < s->n_templates; t++)
        s->templates[t].switch_up =
            may_switch_up(s, s->templates[t].sid, s->templates[t].tid, s->templates[t].dti);
    s->active_targets = (uint32_t)((UINT64_C(1) << s->n_targets) - 1);
    s->valid = !b->failed;
    return s->valid;
}

/* frame_fdiffs() */
static bool read_custom_fdiffs(struct bits *b, struct plm_dd_info *out)
{
    out->n_fdiffs = 0;
    for (uint32_t size = get(b, 2); size != 0; size = get(b, 2)) {
        if (out->n_fdiffs == PLM_DD_MAX_FDIFFS)
            return false;
        out->fdiffs[out->n_fdiffs++] = (uint16_t)(get(b, 4 * size) + 1);
    }
    return !b->failed;
}

struct flags {
    bool structure, active_targets, custom_dtis, custom_fdiffs, custom_chains;
};

/* frame_dependency_definition() */
static int read_frame(struct bits *b, const struct plm_dd_state *s, struct flags f, struct plm_dd_info *out)
{
    unsigned index = (out->template_id - s->template_id_offset) & (PLM_DD_MAX_TEMPLATES - 1);
    if (index >= s->n_templates)
        return PLM_EINVAL;
    const struct plm_dd_template *t = &s->templates[index];
    out->sid = t->sid;
    out->tid = t->tid;
    out->n_fdiffs = t->n_fdiffs;
    for (unsigned i = 0; i < t->n_fdiffs; i++)
        out->fdiffs[i] = t->fdiffs[i];
    out->switch_up = t->switch_up;
    if (f.custom_dtis) {
        uint8_t dti[PLM_DD_MAX_TARGETS];
        for (unsigned d = 0; d < s->n_targets; d++)
            dti[d] = (uint8_t)get(b, 2);
        out->switch_up = may_switch_up(s, out->sid, out->tid, dti);
    }
    if (f.custom_fdiffs && !read_custom_fdiffs(b, out))
        return PLM_EINVAL;
    if (f.custom_chains)
        for (unsigned c = 0; c < s->n_chains; c++)
            (void)get(b, 8);
    return b->failed ? PLM_EINVAL : 0;
}

static struct flags read_flags(struct bits *b)
{
    struct flags f;
    f.structure = get(b, 1);
    f.active_targets = get(b, 1);
    f.custom_dtis = get(b, 1);
    f.custom_fdiffs = get(b, 1);
    f.custom_chains = get(b, 1);
    return f;
}

int plm_dd_parse(struct plm_dd_state *state, const uint8_t *ext, size_t len, struct plm_dd_info *out)
{
    struct bits b = {.p = ext, .end = len * 8};
    struct plm_dd_state attached;
    const struct plm_dd_state *s = state;
    struct flags f = {0};
    struct plm_dd_info info = {0};
    if (len < MANDATORY_LEN)
        return PLM_EINVAL;
    info.start = get(&b, 1);
    info.end = get(&b, 1);
    info.template_id = (uint8_t)get(&b, 6);
    info.frame_number = (uint16_t)get(&b, 16);
    if (len > MANDATORY_LEN)
        f = read_flags(&b);
    if (f.structure) {
        if (!read_structure(&b, &attached))
            return PLM_EINVAL;
        s = &attached;
    } else if (!state->valid) {
        return PLM_ESTATE;
    }
    info.active_at = (uint16_t)(len > MANDATORY_LEN ? b.at : MANDATORY_LEN * 8 + FLAGS);
    uint32_t active = f.active_targets ? get(&b, s->n_targets) : s->active_targets;
    int rc = read_frame(&b, s, f, &info);
    if (rc)
        return rc;
    info.has_structure = f.structure;
    info.has_active_targets = f.active_targets;
    if (f.structure)
        *state = attached;
    state->active_targets = active;
    *out = info;
    return 0;
}

/* The highest spatial layer that is sent at present: no decode target needs those above. */
static uint8_t top_layer(const struct plm_dd_state *s)
{
    uint8_t top = 0, sid, tid;
    for (unsigned d = 0; d < s->n_targets; d++) {
        if (!(s->active_targets >> d & 1))
            continue;
        target_layer(s, d, &sid, &tid);
        top = sid > top ? sid : top;
    }
    return top;
}

void plm_dd_to_frame_info(
    const struct plm_dd_info *dd, const struct plm_dd_state *state, struct plm_frame_info *out)
{
    out->frame_start = dd->start;
    out->frame_end = dd->end;
    if (!out->has_layers) /* what VP8's and VP9's own descriptors say of it is kept: VP8's Y has another meaning */
        out->layer_sync = dd->switch_up;
    out->has_layers = true;
    out->tid = dd->tid;
    out->sid = dd->sid;
    out->keyframe = dd->n_fdiffs == 0 && dd->sid == 0;
    out->keyframe_start = out->keyframe && dd->start && dd->has_structure;
    out->inter_layer = false;
    for (unsigned i = 0; i < dd->n_fdiffs; i++) /* layers of one picture have consecutive frame numbers */
        out->inter_layer |= dd->fdiffs[i] <= dd->sid;
    if (!out->keyframe_start && !dd->has_active_targets)
        return;
    uint8_t top = top_layer(state);
    out->spatial_layers = (uint8_t)(top + 1);
    if (state->width[top]) {
        out->width = state->width[top];
        out->height = state->height[top];
    }
}

static void note_targets(
    const struct plm_dd_info *dd, const struct plm_dd_state *s, uint32_t active, struct plm_dd_targets *out)
{
    if (s->n_targets < 2 || s->n_targets > PLM_DD_TOLD)
        return;
    out->n = s->n_targets;
    out->present = dd->has_active_targets;
    out->at = dd->active_at;
    out->active = (uint16_t)active;
    for (unsigned d = 0; d < s->n_targets; d++) {
        uint8_t sid, tid;
        target_layer(s, d, &sid, &tid);
        out->layers[d] = (uint8_t)(sid << 4 | tid);
    }
}

static bool has_structure(const uint8_t *ext, size_t len)
{
    return len > MANDATORY_LEN && ext[MANDATORY_LEN] & 0x80;
}

/* @return the structure that holds for the packet, or is to take the one that it carries */
static struct plm_dd_state *state_for(struct plm_dd_states *s, uint64_t ext_seq, bool structure)
{
    if (structure && s->now.valid && ext_seq > s->now_seq)
        s->before = s->now;
    else if (s->now.valid && ext_seq < s->now_seq)
        return &s->before;
    return &s->now;
}

int plm_dd_read(
    struct plm_dd_states *s, uint64_t ext_seq, const uint8_t *ext, size_t len, struct plm_frame_info *out)
{
    bool structure = has_structure(ext, len), late = ext_seq < s->newest_seq;
    struct plm_dd_state *state = state_for(s, ext_seq, structure);
    uint32_t active = state->active_targets;
    struct plm_dd_info info;
    int rc = plm_dd_parse(state, ext, len, &info);
    if (rc)
        return rc;
    if (structure && state == &s->now)
        s->now_seq = ext_seq;
    note_targets(&info, state, state->active_targets, &out->targets);
    if (late && !structure) { /* what is sent at present the newest packets say */
        state->active_targets = active;
        info.has_active_targets = false;
    }
    s->newest_seq = late ? s->newest_seq : ext_seq;
    plm_dd_to_frame_info(&info, state, out);
    return 0;
}

static void put_bits(uint8_t *p, size_t at, unsigned n, uint32_t v)
{
    for (size_t i = at + n; i > at; v >>= 1) {
        i--;
        uint8_t mask = (uint8_t)(0x80 >> (i % 8));
        p[i / 8] = (uint8_t)(v & 1 ? p[i / 8] | mask : p[i / 8] & ~mask);
    }
}

static void add_bits(uint8_t *p, size_t at, unsigned n, uint32_t v)
{
    struct bits b = {.p = p, .at = at, .end = at + n};
    uint32_t old = get(&b, n);
    put_bits(p, at, n, old + v);
}

size_t plm_dd_rewrite(
    uint8_t *out, size_t cap, const uint8_t *ext, size_t len, uint16_t frame_offset, uint8_t template_shift)
{
    if (len < MANDATORY_LEN || len > cap)
        return 0;
    bool structure = has_structure(ext, len);
    if (structure && len * 8 < ID_OFFSET_AT + 6)
        return 0;
    memcpy(out, ext, len);
    add_bits(out, TEMPLATE_ID_AT, 6, template_shift);
    add_bits(out, FRAME_NUMBER_AT, 16, frame_offset);
    if (structure)
        add_bits(out, ID_OFFSET_AT, 6, template_shift);
    return len;
}

uint16_t plm_dd_active(const struct plm_dd_targets *t, uint8_t sid, uint8_t tid)
{
    uint16_t active = t->active;
    for (unsigned d = 0; d < t->n; d++) {
        if (t->layers[d] >> 4 > sid || (t->layers[d] & 15) > tid)
            active &= (uint16_t) ~(1u << d);
    }
    return active;
}

/* Everything from a bit on goes n bits further; there is room. */
static void make_gap(uint8_t *p, size_t at, size_t end, unsigned n)
{
    while (end > at) {
        unsigned some = end - at < 8 ? (unsigned)(end - at) : 8;
        struct bits b = {.p = p, .at = end - some, .end = end};
        uint32_t v = get(&b, some);
        end -= some;
        put_bits(p, end + n, some, v);
    }
}

size_t plm_dd_tell_active(
    uint8_t *ext, size_t cap, size_t len, const struct plm_dd_targets *t, uint16_t active)
{
    size_t bits = (len > MANDATORY_LEN ? len * 8 : MANDATORY_LEN * 8 + FLAGS) + (t->present ? 0 : t->n);
    size_t grown = (bits + 7) / 8;
    if (len < MANDATORY_LEN || t->n == 0 || grown > cap || t->at + t->n > bits)
        return len;
    memset(ext + len, 0, grown - len);
    if (!t->present)
        make_gap(ext, t->at, bits - t->n, t->n);
    ext[MANDATORY_LEN] |= ACTIVE_FLAG;
    put_bits(ext, t->at, t->n, active);
    return grown;
}
