#include "egress.h"

#include "capture.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_MAX                                                                                            \
    24 /* octets of padding worth one send less: a send costs as much as sealing a packet, padding only its octets */
#define TRAIN_MAX_PACKETS 64 /* UDP_MAX_SEGMENTS of Linux before 6.9 */
#define TRAIN_MAX_OCTETS  65000
#define TRAINS            PLM_EGRESS_JOBS
#define SAMPLE_EVERY_US   250000 /* of sound; else browsers tell of it 20 times a second */

int plm_egress_init(struct plm_egress *e)
{
    memset(e, 0, sizeof *e);
    e->dirty_tail = &e->dirty;
    e->items = malloc(PLM_EGRESS_ITEMS * sizeof *e->items);
    e->arena = malloc(PLM_EGRESS_ARENA);
    e->room = malloc(PLM_EGRESS_ROOM);
    e->jobs = malloc(PLM_EGRESS_JOBS * sizeof *e->jobs);
    e->held = malloc(PLM_EGRESS_JOBS * sizeof(struct plm_pkt *));
    e->trains = malloc(TRAINS * sizeof *e->trains);
    e->addrs = malloc(TRAINS * sizeof *e->addrs);
    return e->items && e->arena && e->room && e->jobs && e->held && e->trains && e->addrs ? 0 : PLM_ENOMEM;
}

void plm_egress_destroy(struct plm_worker *w)
{
    struct plm_egress *e = &w->egress;
    free(e->items);
    free(e->arena);
    free(e->room);
    free(e->jobs);
    free(e->held);
    free(e->trains);
    free(e->addrs);
    memset(e, 0, sizeof *e);
}

/* ---- sending what is laid out ---- */

static void send_laid_out(struct plm_worker *w)
{
    struct plm_egress *e = &w->egress;
    if (e->n_jobs > 0)
        w->config.security->seal_rtp(w->config.security_ctx, e->jobs, e->n_jobs);
    for (uint32_t i = 0; i < e->n_jobs; i++) {
        if (e->held[i])
            plm_pkt_put(w->pool, e->held[i]);
    }
    if (e->n_trains > 0) {
        size_t taken = w->config.io.send(w->config.io.ctx, e->trains, e->n_trains);
        for (size_t i = 0; i < e->n_trains; i++) {
            w->stats.counters[PLM_CNT_TX_DATAGRAMS] += e->trains[i].count;
            w->stats.counters[PLM_CNT_TX_BYTES] += e->trains[i].len;
            if (i >= taken)
                w->stats.counters[PLM_CNT_TX_DROPPED] += e->trains[i].count;
        }
        w->stats.counters[PLM_CNT_TX_TRAINS] += e->n_trains;
    }
    e->n_jobs = e->n_trains = 0;
    e->arena_used = 0;
}

static struct plm_train *add_train(
    struct plm_worker *w, const struct plm_addr *to, uint8_t sock, size_t len, unsigned jobs)
{
    struct plm_egress *e = &w->egress;
    if (e->arena_used + len > PLM_EGRESS_ARENA || e->n_trains == TRAINS || e->n_jobs + jobs > PLM_EGRESS_JOBS)
        send_laid_out(w);
    struct plm_train *train = &e->trains[e->n_trains];
    struct plm_addr *addr = &e->addrs[e->n_trains];
    e->n_trains++;
    *addr = *to;
    *train =
        (struct plm_train){.to = addr, .sock = sock, .data = e->arena + e->arena_used, .len = (uint32_t)len};
    return train;
}

void plm_egress_raw(
    struct plm_worker *w, const struct plm_addr *to, uint8_t sock, const uint8_t *data, size_t len)
{
    if (len == 0 || len > PLM_MAX_DATAGRAM || to->sa.sa_family == 0)
        return;
    struct plm_train *train = add_train(w, to, sock, len, 0);
    train->segment = (uint16_t)len;
    train->count = 1;
    memcpy(w->egress.arena + w->egress.arena_used, data, len);
    w->egress.arena_used += len;
}

/* ---- queueing ---- */

static bool is_rtx_kind(uint8_t kind)
{
    return kind == PLM_EGRESS_RTX || kind == PLM_EGRESS_PADDING;
}

static uint16_t padding_of(uint8_t kind)
{
    return kind == PLM_EGRESS_FILL ? 1 : kind == PLM_EGRESS_PADDING ? PLM_EGRESS_PADDING_OCTETS : 0;
}

void plm_egress_push(struct plm_worker *w, struct plm_slot *slot, struct plm_pkt *pkt,
    enum plm_egress_kind kind, uint8_t pt, const struct plm_map_out *out)
{
    const struct plm_transport *t = slot->transport;
    if (t->key && !t->closing && !plm_pacer_hold(w, slot, pkt, kind, pt, out))
        plm_egress_depart(w, slot, pkt, kind, pt, out);
}

void plm_egress_depart(struct plm_worker *w, struct plm_slot *slot, struct plm_pkt *pkt,
    enum plm_egress_kind kind, uint8_t pt, const struct plm_map_out *out)
{
    struct plm_egress *e = &w->egress;
    struct plm_transport *t = slot->transport;
    if (!t->key || t->closing)
        return;
    if (e->n_items == PLM_EGRESS_ITEMS)
        plm_egress_flush(w);
    struct plm_egress_item *item = &e->items[e->n_items++];
    item->next = 0;
    item->has_copies = item->has_far_hdr = false;
    item->kind = (uint8_t)kind;
    item->pt = pt;
    item->slot = slot;
    item->pkt = pkt ? plm_pkt_ref(pkt) : NULL;
    item->out = *out;
    item->ext_seq = is_rtx_kind(item->kind) ? slot->rtx_seq++ : out->ext_seq;
    if (t->egress_last)
        e->items[t->egress_last - 1].next = e->n_items;
    else
        t->egress_first = e->n_items;
    t->egress_last = e->n_items;
    if (!t->egress_queued) {
        __builtin_prefetch(t->key); /* its queue will be sealed soon */
        if (!t->samples_sound)
            __builtin_prefetch(t->bwe, 1);
        t->egress_queued = true;
        t->egress_next = NULL;
        *e->dirty_tail = t;
        e->dirty_tail = &t->egress_next;
    }
}

void plm_egress_forget(struct plm_worker *w, struct plm_transport *t)
{
    struct plm_egress *e = &w->egress;
    if (!t->egress_queued)
        return;
    for (uint32_t i = t->egress_first; i != 0; i = e->items[i - 1].next) {
        if (e->items[i - 1].pkt)
            plm_pkt_put(w->pool, e->items[i - 1].pkt);
    }
    t->egress_first = t->egress_last = 0;
    t->egress_queued = false;
    struct plm_transport **p = &e->dirty;
    while (*p && *p != t)
        p = &(*p)->egress_next;
    if (*p == t)
        *p = t->egress_next;
    e->dirty_tail = &e->dirty;
    while (*e->dirty_tail)
        e->dirty_tail = &(*e->dirty_tail)->egress_next;
}

/* ---- departure: numbers of the transport, header, descriptor ---- */

static size_t add_ext(struct plm_ext_out *exts, size_t n, uint8_t id, const uint8_t *val, size_t len)
{
    if (id == 0 || len == 0)
        return n;
    exts[n] = (struct plm_ext_out){.id = id, .len = (uint8_t)len, .val = val};
    return n + 1;
}

/* Whether its receiver is to acknowledge a packet (transport-cc): of mere sound some in a while, which spares both sides most of the feedback. */
static bool is_numbered(const struct plm_worker *w, const struct plm_egress_item *item)
{
    const struct plm_transport *t = item->slot->transport;
    if (!t->ext_ids.id[PLM_EXT_TWCC])
        return false;
    if (!t->samples_sound || item->kind != PLM_EGRESS_MEDIA || item->slot->kind != PLM_KIND_AUDIO)
        return true;
    uint64_t since = w->now_us - t->sampled_us;
    return since >= SAMPLE_EVERY_US || since < t->sample_length_us;
}

static void number(struct plm_worker *w, const struct plm_egress_item *item)
{
    struct plm_transport *t = item->slot->transport;
    plm_bwe_on_sent(t->bwe, t->twcc_seq, item->size, w->now_us);
    t->twcc_seq++;
    if (t->samples_sound && w->now_us - t->sampled_us >= SAMPLE_EVERY_US)
        t->sampled_us = w->now_us;
}

/* Extensions of one packet to one receiver, under its ids. */
static size_t collect_exts(struct plm_worker *w, struct plm_egress_item *item, struct plm_ext_out *exts,
    uint8_t scratch[8], uint8_t *dd, size_t dd_cap)
{
    struct plm_slot *slot = item->slot;
    struct plm_transport *t = slot->transport;
    const uint8_t *id = t->ext_ids.id;
    const struct plm_pkt *pkt = item->pkt;
    size_t n = 0;
    if (is_numbered(w, item)) {
        scratch[0] = (uint8_t)(t->twcc_seq >> 8);
        scratch[1] = (uint8_t)t->twcc_seq;
        n = add_ext(exts, n, id[PLM_EXT_TWCC], scratch, 2);
    } else if (!id[PLM_EXT_TWCC] && id[PLM_EXT_ABS_SEND_TIME]) { /* both would bring two kinds of feedback */
        uint32_t at = plm_abs_send_time(w->now_us);
        scratch[2] = (uint8_t)(at >> 16);
        scratch[3] = (uint8_t)(at >> 8);
        scratch[4] = (uint8_t)at;
        n = add_ext(exts, n, id[PLM_EXT_ABS_SEND_TIME], scratch + 2, 3);
    }
    if (slot->mid_left > 0) {
        const char *mid = t->params->media[slot->media].mid;
        n = add_ext(exts, n, id[PLM_EXT_MID], (const uint8_t *)mid, strlen(mid));
        slot->mid_left--;
    }
    if (!pkt)
        return n;
    if (pkt->audio_level_off)
        n = add_ext(exts, n, id[PLM_EXT_AUDIO_LEVEL], pkt->data + pkt->audio_level_off, 1);
    if (pkt->orientation_off)
        n = add_ext(exts, n, id[PLM_EXT_VIDEO_ORIENTATION], pkt->data + pkt->orientation_off, 1);
    if (pkt->playout_off)
        n = add_ext(exts, n, id[PLM_EXT_PLAYOUT_DELAY], pkt->data + pkt->playout_off, pkt->playout_len);
    if (pkt->dd_off && id[PLM_EXT_DEPENDENCY_DESCRIPTOR]) {
        size_t len = plm_dd_rewrite(
            dd, dd_cap, pkt->data + pkt->dd_off, pkt->dd_len, item->out.dd_offset, item->out.dd_shift);
        uint8_t sid, tid;
        bool has_room = len + PLM_DD_TELL_OCTETS <= 16 || t->params->extmap_allow_mixed;
        if (has_room && pkt->info.targets.n && plm_layer_select_chosen(&slot->layers, pkt, &sid, &tid))
            len = plm_dd_tell_active(
                dd, dd_cap, len, &pkt->info.targets, plm_dd_active(&pkt->info.targets, sid, tid));
        /* The one-byte form holds 16 octets; a key frame's structure is longer and needs the two-byte form. */
        if (len <= 16 || t->params->extmap_allow_mixed)
            n = add_ext(exts, n, id[PLM_EXT_DEPENDENCY_DESCRIPTOR], dd, len);
    }
    return n;
}

static bool may_carry_copies(const struct plm_egress_item *item)
{
    const struct plm_transport *t = item->slot->transport;
    return t->red.distances && item->kind == PLM_EGRESS_MEDIA && item->pkt->codec == PLM_CODEC_OPUS &&
           t->params->media[item->slot->media].red_pt != 0;
}

/* Room that a datagram has for them, whatever its header takes. */
static size_t copies_cap(const struct plm_egress_item *item)
{
    size_t taken = PLM_EGRESS_HEADER + item->pkt->payload_len + item->slot->transport->seal_overhead;
    return taken < PLM_MAX_DATAGRAM ? PLM_MAX_DATAGRAM - taken : 0;
}

/* What RFC 2198 puts before the sound of an item: copies of what went out before it, at most `cap` octets. @return octets, 0: it goes alone */
static size_t write_copies(struct plm_worker *w, struct plm_egress_item *item, size_t cap)
{
    struct plm_egress *e = &w->egress;
    struct plm_slot *slot = item->slot;
    struct plm_red_block blocks[PLM_RED_MAX_COPIES];
    size_t n = 0, room = PLM_EGRESS_ROOM - e->room_used;
    for (unsigned back = PLM_RED_MAX_DISTANCE; back > 0 && n < PLM_RED_MAX_COPIES; back--) {
        if (slot->transport->red.distances >> back & 1 &&
            plm_slot_copy(slot, (uint16_t)(item->ext_seq - back), item->pkt, item->out.ts, &blocks[n]))
            n++;
    }
    /* The furthest one is the first to go. */
    for (size_t from = 0; from < n; from++) {
        uint8_t *at = e->room + e->room_used;
        size_t len = plm_red_write(at, room < cap ? room : cap, item->pt, blocks + from, n - from);
        if (len == 0)
            continue;
        e->room_used += len;
        item->copies = at;
        item->has_copies = true;
        return len;
    }
    return 0;
}

/* The template structure of many layers, which stands in a key frame's dependency descriptor, makes a header long. @return octets, 0: no room */
static size_t write_header(struct plm_egress *e, struct plm_egress_item *item,
    const struct plm_rtp_fixed *fixed, const struct plm_ext_out *exts, size_t n)
{
    size_t hdr = plm_rtp_write_header(item->hdr, sizeof item->hdr, fixed, exts, n, NULL);
    if (hdr != 0)
        return hdr;
    uint8_t *at = e->room + e->room_used;
    size_t room = PLM_EGRESS_ROOM - e->room_used;
    hdr = plm_rtp_write_header(at, room < UINT8_MAX ? room : UINT8_MAX, fixed, exts, n, NULL);
    item->far_hdr = at;
    item->has_far_hdr = true;
    e->room_used += hdr;
    return hdr;
}

/* Write header and prefix of an item. @return false: it cannot go out */
static bool prepare(struct plm_worker *w, struct plm_egress_item *item)
{
    struct plm_slot *slot = item->slot;
    struct plm_pkt *pkt = item->pkt;
    struct plm_ext_out exts[PLM_EXT_COUNT];
    uint8_t scratch[8], dd[UINT8_MAX];
    size_t n = collect_exts(w, item, exts, scratch, dd, sizeof dd);
    size_t prefix = 0, consumed = 0;
    if (may_carry_copies(item))
        prefix = write_copies(w, item, copies_cap(item));
    struct plm_rtp_fixed fixed = {
        .ts = item->out.ts,
        .ssrc = is_rtx_kind(item->kind) ? slot->rtx_ssrc : slot->ssrc,
        .seq = (uint16_t)item->ext_seq,
        .pt = prefix ? slot->transport->params->media[slot->media].red_pt : item->pt,
        .marker = pkt && (pkt->marker || item->out.ends_picture),
        .padding = padding_of(item->kind) > 0,
    };
    size_t hdr = write_header(&w->egress, item, &fixed, exts, n);
    if (hdr == 0) {
        plm_transport_drop(slot->transport, PLM_DROP_NO_BUFFER);
        return false;
    }
    if (item->kind == PLM_EGRESS_RTX) { /* RFC 4588 section 4: original sequence number first */
        item->prefix[0] = (uint8_t)(item->out.ext_seq >> 8);
        item->prefix[1] = (uint8_t)item->out.ext_seq;
        prefix = 2;
    }
    if (pkt && !item->has_copies) {
        int desc = plm_codec_rewrite(pkt->codec, pkt->data + pkt->payload_off, pkt->payload_len,
            &item->out.numbers, item->prefix + prefix, &consumed);
        if (desc < 0)
            return false;
        prefix += (size_t)desc;
    }
    size_t size = hdr + prefix + (pkt ? pkt->payload_len - consumed : 0) + slot->transport->seal_overhead;
    if (size > PLM_MAX_DATAGRAM) {
        plm_transport_drop(slot->transport, PLM_DROP_TOO_LARGE);
        return false;
    }
    item->hdr_len = (uint8_t)hdr;
    item->prefix_len = (uint16_t)prefix;
    item->consumed = (uint16_t)consumed;
    item->pad = padding_of(item->kind);
    item->size = (uint16_t)(size + item->pad);
    return true;
}

static void account(struct plm_worker *w, struct plm_egress_item *item)
{
    struct plm_slot *slot = item->slot;
    struct plm_transport *t = slot->transport;
    if (is_numbered(w, item))
        number(w, item);
    t->tx_packets++;
    t->tx_bytes += item->size;
    slot->rate_bytes += item->size;
    if (item->kind == PLM_EGRESS_RTX) {
        slot->rtx_packets++;
        slot->rtx_bytes += item->size;
        plm_count(w, PLM_CNT_TX_RTX);
        return;
    }
    if (item->kind == PLM_EGRESS_PADDING) {
        w->stats.counters[PLM_CNT_TX_PADDING_BYTES] += item->pad;
        return;
    }
    plm_count(w, PLM_CNT_TX_RTP);
    if (item->has_copies)
        plm_count(w, PLM_CNT_TX_RED);
    slot->packets++;
    slot->bytes += item->size;
    slot->sr_packets++;
    slot->sr_octets +=
        item->size -
        item->hdr_len; /* RFC 3550 section 6.4.1: payload octets; the tag is too little to matter */
    slot->last_ts = item->out.ts;
    slot->last_sent_us = w->now_us;
}

/* ---- laying out trains ---- */

static uint16_t level_of(const struct plm_egress_item *item, uint16_t segment, bool last)
{
    return last || item->size >= segment ? 0 : (uint16_t)(segment - item->size);
}

static void lay_out(
    struct plm_worker *w, struct plm_transport *t, struct plm_egress_item **run, unsigned n, uint16_t segment)
{
    struct plm_egress *e = &w->egress;
    size_t total = 0;
    for (unsigned i = 0; i < n; i++)
        total += run[i]->size + level_of(run[i], segment, i == n - 1);
    struct plm_train *train = add_train(w, &t->peer, t->sock, total, n);
    w->config.security->prefetch_key(t->key);
    train->segment = n == 1 ? run[0]->size : segment;
    train->count = (uint16_t)n;
    for (unsigned i = 0; i < n; i++) {
        struct plm_egress_item *item = run[i];
        uint16_t level = level_of(item, segment, i == n - 1);
        uint8_t *out = e->arena + e->arena_used;
        const uint8_t *hdr = item->has_far_hdr ? item->far_hdr : item->hdr;
        memcpy(out, hdr, item->hdr_len);
        if (level + item->pad > 0)
            out[0] |= 0x20; /* P */
        if (t->capture) /* without what levels a train: readers of files miss the padding that the header announces */
            plm_capture_rtp(t, true, hdr, item->hdr_len, item->size - t->seal_overhead);
        const struct plm_pkt *pkt = item->pkt;
        e->held[e->n_jobs] = item->pkt;
        e->jobs[e->n_jobs++] = (struct plm_seal_job){
            .key = t->key,
            .ext_seq = item->ext_seq,
            .ssrc = is_rtx_kind(item->kind) ? item->slot->rtx_ssrc : item->slot->ssrc,
            .out = out,
            .prefix = item->has_copies ? item->copies : item->prefix,
            .body = pkt ? pkt->data + pkt->payload_off + item->consumed : NULL,
            .hdr_len = item->hdr_len,
            .prefix_len = item->prefix_len,
            .body_len = pkt ? (uint16_t)(pkt->payload_len - item->consumed) : 0,
            .pad = (uint16_t)(item->pad + level),
        };
        w->stats.counters[PLM_CNT_TX_PADDING_BYTES] += level;
        e->arena_used += item->size + level;
    }
}

/*
 * Cut a receiver's packets into trains: a packet joins while levelling the train to its largest costs nobody more than LEVEL_MAX; a
 * smaller one may still be the last.
 */
static void cut_trains(
    struct plm_worker *w, struct plm_transport *t, struct plm_egress_item **run, unsigned n)
{
    for (unsigned i = 0; i < n;) {
        uint16_t largest = run[i]->size, smallest = run[i]->size;
        unsigned j = i + 1;
        size_t octets = largest;
        while (j < n && octets + PLM_MAX_DATAGRAM < TRAIN_MAX_OCTETS) {
            uint16_t size = run[j]->size;
            if (size > smallest + LEVEL_MAX)
                break;
            octets += size + LEVEL_MAX;
            if (size + LEVEL_MAX < largest) {
                j++;
                break;
            }
            largest = size > largest ? size : largest;
            smallest = size < smallest ? size : smallest;
            j++;
        }
        /* The last may not be larger than the segment: it was taken into `largest`. */
        lay_out(w, t, run + i, j - i, largest);
        i = j;
    }
}

static void flush_transport(struct plm_worker *w, struct plm_transport *t)
{
    struct plm_egress *e = &w->egress;
    struct plm_egress_item *run[TRAIN_MAX_PACKETS];
    uint32_t at = t->egress_first;
    t->egress_first = t->egress_last = 0;
    t->egress_queued = false;
    while (at != 0) {
        unsigned n = 0;
        for (; at != 0 && n < TRAIN_MAX_PACKETS; at = e->items[at - 1].next) {
            struct plm_egress_item *item = &e->items[at - 1];
            if (prepare(w, item)) {
                account(w, item);
                run[n++] = item;
            } else if (item->pkt) {
                plm_pkt_put(w->pool, item->pkt);
            }
        }
        cut_trains(w, t, run, n);
    }
}

/* The next transport is there, the one after it on its way: what the next one writes is fetched, and the beginning of the other. */
static void prefetch_after(const struct plm_transport *t)
{
    const struct plm_transport *next = t->egress_next;
    if (!next)
        return;
    if (!next->samples_sound)
        plm_bwe_prefetch(next->bwe, next->twcc_seq);
    if (next->egress_next && !next->egress_next->samples_sound)
        __builtin_prefetch(next->egress_next->bwe, 1);
    __builtin_prefetch(next->egress_next, 1);
    __builtin_prefetch((const void *)((uintptr_t)next->egress_next + PLM_CACHE_LINE), 1); /* of none, too */
}

void plm_egress_flush(struct plm_worker *w)
{
    struct plm_egress *e = &w->egress;
    if (e->dirty)
        plm_bwe_prefetch(e->dirty->bwe, e->dirty->twcc_seq);
    for (struct plm_transport *t = e->dirty; t; t = t->egress_next) {
        prefetch_after(t);
        flush_transport(w, t);
    }
    e->dirty = NULL;
    e->dirty_tail = &e->dirty;
    send_laid_out(w);
    e->n_items = 0;
    e->room_used = 0;
}
