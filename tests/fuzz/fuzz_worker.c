/*
 * A meeting on two workers of the simulator in which peers with good keys send what they like: packets, feedback and control in any
 * order, as the input says, while a reader of the workers' feeds asks, stands still, and talks nonsense. Nothing may be read or written out of place, no number sealed twice, no packet leave that its receiver
 * cannot parse, and when all have left nothing may be left of them.
 */
#include "fuzz.h"

#include "../fakes/red_reader.h"
#include "../sim/sim.h"
#include "base/bytes.h"
#include "feed.h"
#include "feed_in.h"
#include "red.h"

#define N_PUBLISHERS 2
#define N_ENDS       4
#define N_WORKERS    2
#define N_SSRCS      12
#define MAX_OPS      400
#define SECOND       UINT64_C(1000000)

struct stream {
    uint64_t next, skipped; /* numbers to be sent next, and one that was left out; 0 none */
    uint32_t ts;
};

struct meeting {
    struct sim sim;
    struct sim_person people[N_ENDS];
    struct sim_end *ends[N_ENDS]; /* publishers first; NULL: has left */
    struct plm_transport_params *params[N_ENDS];
    struct plm_ext_map maps[N_ENDS];
    struct stream streams[N_ENDS][N_SSRCS];
    uint16_t seen[N_ENDS][16]; /* sequence numbers that a receiver got last */
    uint32_t seen_ssrc[N_ENDS];
    unsigned n_seen[N_ENDS];
    struct plm_twcc_rx twcc[N_ENDS];
    struct plm_feed *feeds[N_WORKERS];
    struct plm_feed_in back[N_WORKERS];
    bool paused[N_WORKERS];
};

static struct meeting *m; /* the callbacks of sim_end know their end only */

/* ---- who takes part ---- */

static void describe_video(struct plm_media_params *v, unsigned shift)
{
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264, PLM_CODEC_AV1};
    v->kind = PLM_KIND_VIDEO;
    v->n_codecs = 4;
    for (unsigned i = 0; i < 4; i++)
        v->codecs[i] = (struct plm_codec_params){.codec = codecs[i],
            .pt = (uint8_t)(96 + shift + 2 * i),
            .rtx_pt = i == 3 ? PLM_NO_PT : (uint8_t)(97 + shift + 2 * i),
            .feedback = PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR | PLM_FB_TWCC,
            .clock_rate = 90000};
}

static void describe_audio(struct plm_media_params *a, unsigned shift)
{
    a->kind = PLM_KIND_AUDIO;
    a->n_codecs = 1;
    a->codecs[0] = (struct plm_codec_params){.codec = PLM_CODEC_OPUS,
        .pt = (uint8_t)(111 + shift),
        .rtx_pt = PLM_NO_PT,
        .channels = 2,
        .clock_rate = 48000};
}

/* Every end has other ids and payload types; the last needs the two-byte form. */
static void describe(struct plm_transport_params *p, unsigned end)
{
    memset(p, 0, sizeof *p);
    for (unsigned e = 1; e < PLM_EXT_COUNT; e++)
        p->exts.id[e] = (uint8_t)(end == N_ENDS - 1 ? 20 + e : 1 + (e + end) % 14);
    p->extmap_allow_mixed = p->rtcp_reduced_size = true;
    p->n_media = end < N_PUBLISHERS ? 3 : 6;
    for (uint16_t i = 0; i < p->n_media; i++) {
        struct plm_media_params *x = &p->media[i];
        snprintf(x->mid, sizeof x->mid, "%u", i);
        if (i % 2 == 0)
            describe_audio(x, end);
        else
            describe_video(x, end);
        if (end < N_PUBLISHERS) {
            x->direction = PLM_DIR_RECV;
            x->source = (enum plm_source)(i == 2 ? PLM_SOURCE_SCREEN_AUDIO : i);
            x->recv_ssrc = i == 0 ? 1000 : 0;
            for (; end == 0 && i == 1 && x->n_rids < 3; x->n_rids++)
                x->rids[x->n_rids][0] = "lmh"[x->n_rids];
        } else {
            x->direction = PLM_DIR_SEND;
            x->ssrc = 5000u + i;
            x->red_pt = x->kind == PLM_KIND_AUDIO ? SIM_PT_RED : 0;
            x->rtx_ssrc = x->kind == PLM_KIND_VIDEO ? 6000u + i : 0;
            x->pair = i < 4 ? (uint8_t)(i / 2) : i == 4 ? PLM_NO_PAIR : 2;
        }
    }
}

static unsigned index_of(const struct sim_end *e)
{
    return (unsigned)(e->person - m->people);
}

static bool is_announced(const struct plm_transport_params *p, uint32_t ssrc)
{
    for (unsigned i = 0; i < p->n_media; i++)
        if (p->media[i].ssrc == ssrc || (ssrc && p->media[i].rtx_ssrc == ssrc))
            return true;
    return false;
}

static void on_rtp(struct sim_end *e, uint8_t *data, size_t len)
{
    unsigned i = index_of(e);
    struct plm_rtp_view v;
    struct plm_rtp_exts x;
    CHECK(plm_rtp_parse(&v, data, len) == 0 && plm_rtp_exts_parse(&x, &v, &m->maps[i]) == 0);
    CHECK(is_announced(m->params[i], v.ssrc));
    if (x.val[PLM_EXT_TWCC]) {
        CHECK(x.len[PLM_EXT_TWCC] == 2);
        plm_twcc_rx_on_packet(&m->twcc[i], plm_get16(x.val[PLM_EXT_TWCC]), m->sim.now);
    }
    if (v.pt == SIM_PT_RED) {
        struct red_read_block blocks[RED_MAX_BLOCKS];
        size_t n = red_read(v.payload, v.payload_len, blocks);
        CHECK(n >= 2 && n <= 1 + PLM_RED_MAX_COPIES);
        for (size_t k = 0; k < n; k++)
            CHECK(blocks[k].pt == 111 + i && blocks[k].len > 0 && (k == n - 1 || blocks[k].ts_back > 0));
    }
    if (v.ssrc < 6000) {
        m->seen[i][m->n_seen[i]++ % 16] = v.seq;
        m->seen_ssrc[i] = v.ssrc;
    } else {
        CHECK(v.payload_len == 0 || v.payload_len >= 2);
    }
}

static void join(unsigned i)
{
    static const struct plm_rtcp_handler nothing;
    m->people[i].id = i + 1;
    m->params[i] = malloc(sizeof *m->params[i]);
    describe(m->params[i], i);
    plm_ext_map_init(&m->maps[i], &m->params[i]->exts);
    plm_twcc_rx_init(&m->twcc[i]);
    m->ends[i] = sim_end_open(&m->sim, &m->people[i], 1, i % 2, m->params[i]);
    m->ends[i]->rtcp = &nothing;
    m->ends[i]->on_rtp = on_rtp;
    for (unsigned k = 0; k < N_SSRCS; k++)
        m->streams[i][k].next = 65300 + k * 20; /* a wrap is near */
}

/* ---- what peers do ---- */

/* A number that was not used yet: the next, one further on, or one that was left out before. */
static uint64_t take_number(struct stream *s, uint8_t choice)
{
    if (choice >= 0xf0 && s->skipped) {
        uint64_t n = s->skipped;
        s->skipped = 0;
        return n;
    }
    if (choice >= 0xc0) {
        s->skipped = s->next;
        s->next += (uint64_t)(choice & 0x3f) * (choice & 0x3f) + 1;
    }
    return s->next++;
}

static void send_packet(unsigned end, unsigned k, uint8_t choice, uint8_t *pkt, size_t hdr_len, size_t len)
{
    uint64_t ext_seq = take_number(&m->streams[end][k], choice);
    plm_put16(pkt + 2, (uint16_t)ext_seq);
    sim_end_send_rtp(m->ends[end], plm_get32(pkt + 8), ext_seq, pkt, hdr_len, len);
}

static size_t take_octets(struct fuzz_input *in, uint8_t *out, size_t max)
{
    size_t n = fuzz_u8(in);
    if (n > 200) /* the long ones are not worth their octets in the input */
        n = (n - 200) * 24;
    n = n < max ? n : max;
    for (size_t i = 0; i < n; i++)
        out[i] = i < 200 ? fuzz_u8(in) : (uint8_t)i;
    return n;
}

static void raw_rtp(unsigned end, struct fuzz_input *in)
{
    uint8_t pkt[1500] = {0};
    unsigned k = fuzz_u8(in) % N_SSRCS;
    uint8_t choice = fuzz_u8(in);
    pkt[0] = fuzz_u8(in);
    pkt[1] = fuzz_u8(in);
    plm_put32(pkt + 4, m->streams[end][k].ts += fuzz_u16(in));
    plm_put32(pkt + 8, 1000 + k);
    send_packet(
        end, k, choice, pkt, PLM_RTP_HEADER, PLM_RTP_HEADER + take_octets(in, pkt + PLM_RTP_HEADER, 1450));
}

/* A packet with good header and extensions; what they hold and the payload are the input's. */
static void good_rtp(unsigned end, struct fuzz_input *in)
{
    uint8_t pkt[1500], dd[64], mid, rid, twcc[2], level = fuzz_u8(in);
    unsigned k = fuzz_u8(in) % N_SSRCS, bits = fuzz_u8(in);
    struct stream *s = &m->streams[end][k];
    const struct plm_transport_params *p = m->params[end];
    const struct plm_media_params *media = &p->media[bits % 3];
    const struct plm_codec_params *codec = &media->codecs[(bits >> 2) % media->n_codecs];
    uint8_t choice = fuzz_u8(in);
    mid = media->mid[0];
    rid = (uint8_t) "lmhx"[k % 4];
    plm_put16(twcc, (uint16_t)(choice > 0x80 ? fuzz_u16(in) : m->ends[end]->twcc_seq++));
    size_t dd_len = bits & 0x10 ? take_octets(in, dd, sizeof dd) : 0;
    bool rtx = bits & 0x20 && codec->rtx_pt != PLM_NO_PT;
    struct plm_ext_out exts[] = {
        {p->exts.id[PLM_EXT_MID], 1, &mid},
        {k >= 8 ? 0 : p->exts.id[rtx ? PLM_EXT_REPAIRED_RID : PLM_EXT_RID], 1, &rid},
        {p->exts.id[PLM_EXT_TWCC], 2, twcc},
        {media->kind == PLM_KIND_AUDIO ? p->exts.id[PLM_EXT_AUDIO_LEVEL] : 0, 1, &level},
        {bits & 0x10 ? p->exts.id[PLM_EXT_DEPENDENCY_DESCRIPTOR] : 0, (uint8_t)dd_len, dd},
    };
    struct plm_rtp_fixed f = {.ts = s->ts += (uint32_t)(level & 0x7f) * 100,
        .ssrc = 1000 + k,
        .pt = rtx ? codec->rtx_pt : codec->pt,
        .marker = bits & 0x40};
    size_t hdr_len = plm_rtp_write_header(pkt, sizeof pkt, &f, exts, sizeof exts / sizeof exts[0], NULL);
    CHECK(hdr_len);
    send_packet(end, k, choice, pkt, hdr_len, hdr_len + take_octets(in, pkt + hdr_len, 1300));
}

/* A frame of VP8 as an encoder makes it, so that slots have something to forward. */
static void vp8_frame(unsigned end, struct fuzz_input *in)
{
    uint8_t pkt[1500] = {0};
    unsigned k = 1 + fuzz_u8(in) % 3;
    struct stream *s = &m->streams[end][k];
    const struct plm_transport_params *p = m->params[end];
    uint8_t bits = fuzz_u8(in), mid = '1', rid = (uint8_t) "lmhx"[k];
    struct plm_ext_out exts[] = {{p->exts.id[PLM_EXT_MID], 1, &mid}, {p->exts.id[PLM_EXT_RID], 1, &rid}};
    struct plm_rtp_fixed f = {.ts = s->ts += 3000, .ssrc = 1000 + k, .pt = p->media[1].codecs[0].pt};
    for (unsigned i = 0; i <= (bits & 3u); i++) {
        f.marker = i == (bits & 3u);
        size_t n = plm_rtp_write_header(pkt, sizeof pkt, &f, exts, 2, NULL);
        uint8_t payload[16] = {i ? 0x80 : 0x90, 0xe0, (uint8_t)(0x80 | s->ts >> 20), (uint8_t)(s->ts >> 8),
            bits, (uint8_t)(bits & 0xe0), bits & 4 ? 0x10 : 0x11, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xb4, 0};
        memcpy(pkt + n, payload, sizeof payload);
        send_packet(end, k, bits & 8 ? fuzz_u8(in) : 0, pkt, n, n + sizeof payload + (size_t)bits * 4);
    }
}

static void raw_rtcp(unsigned end, struct fuzz_input *in)
{
    uint8_t buf[SIM_DATAGRAM];
    size_t n = take_octets(in, buf, 1200);
    if (n >= 8 && buf[0] >> 6 == 2 && buf[1] >= 192 && buf[1] <= 223)
        sim_end_send_rtcp(m->ends[end], buf, n);
    else if (n)
        sim_end_send(m->ends[end], buf, n);
}

static void good_rtcp(unsigned end, struct fuzz_input *in)
{
    uint8_t buf[SIM_DATAGRAM], what = fuzz_u8(in);
    uint32_t ssrc = end < N_PUBLISHERS ? 1000u + what % N_SSRCS : m->seen_ssrc[end];
    struct plm_rtcp_block block = {
        .ssrc = ssrc, .fraction_lost = what, .highest_seq = m->seen[end][0], .jitter = what};
    size_t n = plm_rtcp_write_rr(buf, 1200, 1, &block, 1);
    if (what & 1)
        n += plm_rtcp_write_nack(buf + n, 1200 - n, 1, ssrc, m->seen[end], 16);
    if (what & 2)
        n += plm_rtcp_write_pli(buf + n, 1200 - n, 1, ssrc);
    if (what & 4)
        n += plm_rtcp_write_remb(buf + n, 1200 - n, 1, (uint64_t)fuzz_u16(in) << fuzz_u8(in) % 50, &ssrc, 1);
    if (what & 8)
        n += plm_twcc_rx_write(&m->twcc[end], buf + n, 1200 - n, 1, ssrc);
    if (what & 16)
        n += plm_rtcp_write_sr(buf + n, 1200 - n, ssrc, (uint64_t)fuzz_u16(in) << 48 | fuzz_u16(in),
            fuzz_u16(in) * 65521u, 1, 2, NULL, 0);
    if (what & 32)
        n += plm_rtcp_write_fir(buf + n, 1200 - n, 1, ssrc, what);
    if (what & 64)
        n += plm_rtcp_write_bye(buf + n, 1200 - n, ssrc);
    sim_end_send_rtcp(m->ends[end], buf, n);
}

static void fill_view(struct plm_view *v, struct fuzz_input *in)
{
    uint8_t bits = fuzz_u8(in);
    v->mode = bits & 1 ? PLM_VIEW_ITEMS : PLM_VIEW_FOLLOW;
    v->audio_off = bits & 2 && bits & 4;
    v->video_off = bits & 8 && bits & 4;
    v->max_width = (uint16_t)(bits * 10);
    v->n_items = bits >> 4;
    for (unsigned i = 0; i < v->n_items; i++) {
        uint8_t x = fuzz_u8(in);
        v->items[i] = (struct plm_view_item){.participant = x % 5,
            .source = (enum plm_source)(x >> 3 & 3),
            .width = (uint16_t)(x * 8),
            .height = (uint16_t)(x * 4),
            .priority = x};
    }
}

static void control(unsigned end, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    uint8_t owner = plm_registry_owner(m->sim.registry, m->ends[end]->local.id);
    if (!cmd || owner == PLM_NO_OWNER) {
        free(cmd);
        return;
    }
    cmd->transport = m->ends[end]->local.id;
    switch (what % 4) {
    case 0:
        cmd->type = PLM_CMD_VIEW;
        cmd->view = calloc(1, sizeof *cmd->view);
        fill_view(cmd->view, in);
        break;
    case 1:
        cmd->type = PLM_CMD_MUTE;
        cmd->mute.source = (enum plm_source)(what >> 2 & 3);
        cmd->mute.on = what & 16;
        break;
    case 2:
        cmd->type = PLM_CMD_MOVE;
        cmd->room = 1 + (what >> 2 & 1);
        cmd->move.participant = end + 1;
        cmd->move.room_config.all_audio = what & 16;
        break;
    default:
        cmd->type = PLM_CMD_PIN;
        cmd->pins.n = what >> 2 & 3;
        cmd->pins.v = calloc(cmd->pins.n + 1, sizeof *cmd->pins.v);
        for (size_t i = 0; i < cmd->pins.n; i++) {
            uint8_t x = fuzz_u8(in);
            cmd->pins.v[i] = (struct plm_pin){
                .media = x % 6, .participant = x >> 3 & 3, .source = (enum plm_source)(x >> 5 & 3)};
        }
        break;
    }
    sim_post(&m->sim, owner, cmd);
}

/* ---- the reader of the feeds ---- */

static void open_feed(unsigned worker)
{
    struct plm_feed *former = m->feeds[worker];
    CHECK(plm_feed_create(&m->feeds[worker], PLM_FEED_MIN_SIZE) == 0);
    plm_worker_set_feed(m->sim.workers[worker].core, m->feeds[worker], m->sim.now);
    plm_feed_destroy(former);
    plm_feed_in_init(&m->back[worker]);
}

static void check_frame(const struct plm_link_header *h)
{
    static const size_t least[] = {[PLM_LINK_TRACK] = sizeof(struct plm_link_track),
        [PLM_LINK_TRACK_GONE] = 0,
        [PLM_LINK_PACKET] = sizeof(struct plm_link_packet) + PLM_RTP_HEADER,
        [PLM_LINK_CLOCK] = sizeof(struct plm_link_clock)};
    CHECK(h->type >= PLM_LINK_TRACK && h->type <= PLM_LINK_CLOCK && h->size >= least[h->type]);
    CHECK(h->size < 2048 && h->source < PLM_SOURCE_COUNT && h->room == 1 && h->participant >= 1);
}

/* What waits is whole frames: all of it is taken at once. */
static void read_feed(struct sim *s, unsigned worker)
{
    static uint8_t data[PLM_FEED_MIN_SIZE];
    struct iovec v[2];
    size_t n = 0, at = 0;
    (void)s;
    if (m->paused[worker] || !m->feeds[worker] || plm_feed_is_broken(m->feeds[worker]))
        return;
    int pieces = plm_feed_peek(m->feeds[worker], v);
    for (int i = 0; i < pieces; n += v[i++].iov_len)
        memcpy(data + n, v[i].iov_base, v[i].iov_len);
    plm_feed_consume(m->feeds[worker], n);
    while (at < n) {
        struct plm_link_header h;
        CHECK(n - at >= sizeof h);
        memcpy(&h, data + at, sizeof h);
        CHECK(n - at - sizeof h >= h.size);
        check_frame(&h);
        at += sizeof h + h.size;
    }
}

static void on_demand(void *arg, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    const unsigned *worker = arg;
    plm_worker_feed_demand(m->sim.workers[*worker].core, h, d, m->sim.now);
}

static void reader_speaks(unsigned worker, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in), octets[sizeof(struct plm_link_header) + sizeof(struct plm_link_demand)];
    size_t n = sizeof octets;
    if (what >= 0xf0) {
        n = take_octets(in, octets, sizeof octets);
    } else {
        struct plm_link_header h = {.size = sizeof(struct plm_link_demand),
            .type = PLM_LINK_DEMAND,
            .source = what & 3,
            .room = 1 + (what >> 6 & 1),
            .participant = 1 + (what >> 2 & 3)};
        struct plm_link_demand d = {.encodings = fuzz_u8(in), .keyframes = what & 0x10 ? fuzz_u8(in) : 0};
        memcpy(octets, &h, sizeof h);
        memcpy(octets + sizeof h, &d, sizeof d);
    }
    m->paused[worker] = what & 0x20;
    bool nonsense = plm_feed_in_take(&m->back[worker], octets, n, on_demand, &worker) != 0;
    if (nonsense || plm_feed_is_broken(m->feeds[worker]))
        open_feed(worker);
}

static void leave(unsigned end)
{
    sim_end_close(m->ends[end], true);
    m->ends[end] = NULL;
}

/* ---- the script ---- */

static void act(struct fuzz_input *in)
{
    uint8_t op = fuzz_u8(in);
    unsigned end = op >> 6;
    if (!m->ends[end])
        return;
    switch (op & 15) {
    case 0:
        raw_rtp(end, in);
        break;
    case 1:
    case 2:
    case 3:
        if (end < N_PUBLISHERS)
            good_rtp(end, in);
        break;
    case 4:
    case 5:
    case 6:
        if (end < N_PUBLISHERS)
            vp8_frame(end, in);
        break;
    case 7:
        raw_rtcp(end, in);
        break;
    case 8:
    case 9:
        good_rtcp(end, in);
        break;
    case 10:
        control(end, in);
        break;
    case 11:
        sim_end_move(m->ends[end], op >> 4 & 1);
        break;
    case 12:
        if (fuzz_u8(in) == 0xee)
            leave(end);
        break;
    case 13:
        reader_speaks(op >> 4 & 1, in);
        break;
    default:
        sim_run_until(&m->sim, m->sim.now + (op & 15) * UINT64_C(1000) * (1 + fuzz_u8(in) / 4));
        break;
    }
    sim_run_until(&m->sim, m->sim.now + 200);
}

static void check_all_gone(struct sim *s)
{
    sim_take_stats(s);
    for (int g = 0; g < PLM_GAUGE_COUNT; g++) {
        if (sim_gauge(s, (enum plm_gauge)g) && g != PLM_GAUGE_STRAY_TUPLES) {
            fprintf(stderr, "%u %s are left\n", sim_gauge(s, (enum plm_gauge)g),
                plm_gauge_name((enum plm_gauge)g));
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_config config = {
        .seed = 1, .n_workers = N_WORKERS, .limits = {.packets_per_worker = 1024, .ssrcs_per_transport = 8}};
    struct fuzz_input in = {data, size};
    m = calloc(1, sizeof *m);
    sim_init(&m->sim, &config);
    m->sim.on_turn = read_feed;
    for (unsigned i = 0; i < N_WORKERS; i++)
        open_feed(i);
    sim_feed_room(&m->sim, 1, true);
    for (unsigned i = 0; i < N_ENDS; i++)
        join(i);
    sim_run_until(&m->sim, m->sim.now + SECOND / 5);
    for (unsigned i = 0; i < N_ENDS; i++)
        CHECK(m->ends[i]->connected);
    for (unsigned n = 0; n < MAX_OPS && in.left > 0; n++)
        act(&in);
    for (unsigned i = 0; i < N_ENDS; i++)
        if (m->ends[i])
            leave(i);
    sim_run_until(&m->sim, m->sim.now + 40 * SECOND);
    for (unsigned i = 0; i < N_WORKERS; i++) {
        plm_worker_set_feed(m->sim.workers[i].core, NULL, m->sim.now);
        plm_feed_destroy(m->feeds[i]);
        m->feeds[i] = NULL;
    }
    check_all_gone(&m->sim);
    sim_destroy(&m->sim);
    for (unsigned i = 0; i < N_ENDS; i++)
        free(m->params[i]);
    free(m);
    return 0;
}
