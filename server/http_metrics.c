#include "http_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "webhooks.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/* ---- workers ---- */

static void write_counters(FILE *f, const struct plm_stats *stats)
{
    char name[64], number[8];
    for (int c = 0; c < PLM_CNT_COUNT; c++) {
        snprintf(name, sizeof(name), "plenum_%s_total", plm_counter_name((enum plm_counter)c));
        plm_prom_family(f, name, "counter", "Of the media plane, per worker.");
        for (unsigned w = 0; w < stats->n_workers; w++) {
            snprintf(number, sizeof(number), "%u", w);
            plm_prom_uint(
                f, name, (struct plm_prom_label[]){{"worker", number}}, 1, stats->workers[w].counters[c]);
        }
    }
}

static void write_drops(FILE *f, const struct plm_stats *stats)
{
    static const char name[] = "plenum_drops_total";
    char number[8];
    plm_prom_family(f, name, "counter", "Datagrams and packets that went no further, by reason.");
    for (int d = PLM_DROP_NONE + 1; d < PLM_DROP_COUNT; d++)
        for (unsigned w = 0; w < stats->n_workers; w++) {
            snprintf(number, sizeof(number), "%u", w);
            const struct plm_prom_label labels[] = {
                {"worker", number}, {"reason", plm_drop_name((enum plm_drop)d)}};
            plm_prom_uint(f, name, labels, COUNT_OF(labels), stats->workers[w].drops[d]);
        }
}

static void write_gauges(FILE *f, const struct plm_stats *stats)
{
    char name[64], number[8];
    for (int g = 0; g < PLM_GAUGE_COUNT; g++) {
        snprintf(name, sizeof(name), "plenum_%s", plm_gauge_name((enum plm_gauge)g));
        plm_prom_family(f, name, "gauge", "Live objects, per worker.");
        for (unsigned w = 0; w < stats->n_workers; w++) {
            snprintf(number, sizeof(number), "%u", w);
            plm_prom_uint(
                f, name, (struct plm_prom_label[]){{"worker", number}}, 1, stats->workers[w].gauges[g]);
        }
    }
}

/* ---- each transport, track and slot ---- */

/** The labels that say whose series it is. */
struct owner {
    char transport[12], room[12], participant[12];
};

static void name_owner(struct owner *o, const struct plm_transport_stats *t)
{
    snprintf(o->transport, sizeof(o->transport), "%u", t->id);
    snprintf(o->room, sizeof(o->room), "%u", t->room);
    snprintf(o->participant, sizeof(o->participant), "%u", t->participant);
}

#define OWNER_LABELS(o)                                                                                      \
    {"transport", (o).transport}, {"room", (o).room},                                                        \
    {                                                                                                        \
        "participant", (o).participant                                                                       \
    }

enum transport_value {
    T_RTT,
    T_ESTIMATE,
    T_RX_PACKETS,
    T_RX_BYTES,
    T_TX_PACKETS,
    T_TX_BYTES,
};

static const struct {
    const char *name, *type, *help;
} transport_families[] = {
    [T_RTT] = {"plenum_transport_rtt_seconds", "gauge", "Round trip to the peer."},
    [T_ESTIMATE] = {"plenum_transport_estimate_bps", "gauge",
        "Bandwidth estimated towards the peer, 0 none yet."},
    [T_RX_PACKETS] = {"plenum_transport_rx_packets_total", "counter", "Packets from the peer."},
    [T_RX_BYTES] = {"plenum_transport_rx_bytes_total", "counter", "Octets from the peer."},
    [T_TX_PACKETS] = {"plenum_transport_tx_packets_total", "counter", "Packets to the peer."},
    [T_TX_BYTES] = {"plenum_transport_tx_bytes_total", "counter", "Octets to the peer."},
};

static double transport_value(const struct plm_transport_stats *t, enum transport_value v)
{
    switch (v) {
    case T_RTT:
        return t->rtt_us / 1e6;
    case T_ESTIMATE:
        return t->estimate_bps;
    case T_RX_PACKETS:
        return (double)t->rx_packets;
    case T_RX_BYTES:
        return (double)t->rx_bytes;
    case T_TX_PACKETS:
        return (double)t->tx_packets;
    case T_TX_BYTES:
        return (double)t->tx_bytes;
    }
    return 0;
}

static void write_transports(FILE *f, const struct plm_stats *stats)
{
    struct owner o;
    for (size_t v = 0; v < COUNT_OF(transport_families); v++) {
        const char *name = transport_families[v].name;
        plm_prom_family(f, name, transport_families[v].type, transport_families[v].help);
        for (uint32_t i = 0; i < stats->n_transports; i++) {
            const struct plm_transport_stats *t = &stats->transports[i];
            name_owner(&o, t);
            const struct plm_prom_label labels[] = {OWNER_LABELS(o),
                {"state", plm_transport_state_name(t->state)},
                {"srtp", plm_srtp_profile_name(t->srtp_profile)}};
            plm_prom_float(f, name, labels, COUNT_OF(labels), transport_value(t, (enum transport_value)v));
        }
    }
}

enum encoding_value {
    E_PACKETS,
    E_BYTES,
    E_LOST,
    E_NACKS,
    E_PLIS,
    E_KEYFRAMES,
    E_BITRATE,
    E_JITTER,
    E_WIDTH,
    E_HEIGHT,
};

static const struct {
    const char *name, *type, *help;
} encoding_families[] = {
    [E_PACKETS] = {"plenum_track_packets_total", "counter", "Packets of an encoding from its publisher."},
    [E_BYTES] = {"plenum_track_bytes_total", "counter", "Octets of an encoding from its publisher."},
    [E_LOST] = {"plenum_track_lost_total", "counter", "Packets of an encoding that never came."},
    [E_NACKS] = {"plenum_track_nacks_total", "counter", "Packets of an encoding asked for again."},
    [E_PLIS] = {"plenum_track_plis_total", "counter", "Key frames asked of the publisher."},
    [E_KEYFRAMES] = {"plenum_track_keyframes_total", "counter", "Key frames that came."},
    [E_BITRATE] = {"plenum_track_bitrate_bps", "gauge", "Bit rate of an encoding."},
    [E_JITTER] = {"plenum_track_jitter_seconds", "gauge", "Interarrival jitter of an encoding (RFC 3550)."},
    [E_WIDTH] = {"plenum_track_width", "gauge", "Pixels, 0 unknown."},
    [E_HEIGHT] = {"plenum_track_height", "gauge", "Pixels, 0 unknown."},
};

static double encoding_value(const struct plm_encoding_stats *e, enum encoding_value v)
{
    switch (v) {
    case E_PACKETS:
        return (double)e->packets;
    case E_BYTES:
        return (double)e->bytes;
    case E_LOST:
        return (double)e->lost;
    case E_NACKS:
        return e->nacks;
    case E_PLIS:
        return e->plis;
    case E_KEYFRAMES:
        return e->keyframes;
    case E_BITRATE:
        return e->bitrate_bps;
    case E_JITTER:
        return e->jitter_us / 1e6;
    case E_WIDTH:
        return e->width;
    case E_HEIGHT:
        return e->height;
    }
    return 0;
}

static void write_track(FILE *f, size_t v, const struct owner *o, const struct plm_track_stats *t)
{
    char number[8];
    for (unsigned e = 0; e < t->n_encodings; e++) {
        const struct plm_encoding_stats *enc = &t->encodings[e];
        snprintf(number, sizeof(number), "%u", e);
        const struct plm_prom_label labels[] = {OWNER_LABELS(*o), {"source", plm_source_name(t->source)},
            {"codec", plm_codec_name(t->codec)}, {"encoding", number}, {"rid", enc->rid},
            {"remote", t->remote ? "1" : "0"}};
        plm_prom_float(f, encoding_families[v].name, labels, COUNT_OF(labels),
            encoding_value(enc, (enum encoding_value)v));
    }
}

static void write_tracks(FILE *f, const struct plm_stats *stats)
{
    struct owner o;
    for (size_t v = 0; v < COUNT_OF(encoding_families); v++) {
        plm_prom_family(f, encoding_families[v].name, encoding_families[v].type, encoding_families[v].help);
        for (uint32_t i = 0; i < stats->n_transports; i++) {
            name_owner(&o, &stats->transports[i]);
            for (unsigned k = 0; k < stats->transports[i].n_tracks; k++)
                write_track(f, v, &o, &stats->transports[i].tracks[k]);
        }
    }
}

enum slot_value {
    S_PACKETS,
    S_BYTES,
    S_RTX,
    S_NACKS,
    S_PLIS,
    S_SWITCHES,
    S_LAYER_SWITCHES,
    S_BITRATE,
    S_LOSS,
    S_JITTER,
    S_ENCODING,
    S_TEMPORAL,
};

static const struct {
    const char *name, *type, *help;
} slot_families[] = {
    [S_PACKETS] = {"plenum_slot_packets_total", "counter", "Packets sent in a slot."},
    [S_BYTES] = {"plenum_slot_bytes_total", "counter", "Octets sent in a slot."},
    [S_RTX] = {"plenum_slot_rtx_packets_total", "counter", "Packets sent again in a slot."},
    [S_NACKS] = {"plenum_slot_nacks_total", "counter",
        "Packets of a slot that the receiver asked for again."},
    [S_PLIS] = {"plenum_slot_plis_total", "counter", "Key frames that the receiver asked for."},
    [S_SWITCHES] = {"plenum_slot_switches_total", "counter", "Changes of what a slot shows."},
    [S_LAYER_SWITCHES] = {"plenum_slot_layer_switches_total", "counter", "Changes of encoding or layer."},
    [S_BITRATE] = {"plenum_slot_bitrate_bps", "gauge", "Bit rate of a slot."},
    [S_LOSS] = {"plenum_slot_loss_ratio", "gauge", "Share of packets that the receiver reports lost."},
    [S_JITTER] = {"plenum_slot_jitter_seconds", "gauge", "Jitter that the receiver reports."},
    [S_ENCODING] = {"plenum_slot_encoding", "gauge", "Forwarded encoding, lowest quality is 0."},
    [S_TEMPORAL] = {"plenum_slot_temporal", "gauge", "Highest forwarded temporal layer."},
};

static double slot_value(const struct plm_slot_stats *s, enum slot_value v)
{
    switch (v) {
    case S_PACKETS:
        return (double)s->packets;
    case S_BYTES:
        return (double)s->bytes;
    case S_RTX:
        return (double)s->rtx_packets;
    case S_NACKS:
        return (double)s->nacks;
    case S_PLIS:
        return (double)s->plis;
    case S_SWITCHES:
        return s->switches;
    case S_LAYER_SWITCHES:
        return s->layer_switches;
    case S_BITRATE:
        return s->bitrate_bps;
    case S_LOSS:
        return s->fraction_lost_q8 / 256.0;
    case S_JITTER:
        return s->jitter_us / 1e6;
    case S_ENCODING:
        return s->encoding;
    case S_TEMPORAL:
        return s->temporal;
    }
    return 0;
}

static void write_slot(FILE *f, size_t v, const struct owner *o, const struct plm_slot_stats *s)
{
    char media[8], ssrc[12], shows[12];
    snprintf(media, sizeof(media), "%u", s->media);
    snprintf(ssrc, sizeof(ssrc), "%u", s->ssrc);
    snprintf(shows, sizeof(shows), "%u", s->shows);
    const struct plm_prom_label labels[] = {OWNER_LABELS(*o), {"media", media}, {"ssrc", ssrc},
        {"shows", shows}, {"source", plm_source_name(s->source)}, {"state", plm_slot_state_name(s->state)}};
    plm_prom_float(f, slot_families[v].name, labels, COUNT_OF(labels), slot_value(s, (enum slot_value)v));
}

static void write_slots(FILE *f, const struct plm_stats *stats)
{
    struct owner o;
    for (size_t v = 0; v < COUNT_OF(slot_families); v++) {
        plm_prom_family(f, slot_families[v].name, slot_families[v].type, slot_families[v].help);
        for (uint32_t i = 0; i < stats->n_transports; i++) {
            name_owner(&o, &stats->transports[i]);
            for (unsigned k = 0; k < stats->transports[i].n_slots; k++)
                write_slot(f, v, &o, &stats->transports[i].slots[k]);
        }
    }
}

void plm_metrics_write_engine(FILE *f, const struct plm_stats *stats, bool detail)
{
    plm_prom_family(f, "plenum_workers", "gauge", "Media threads.");
    plm_prom_uint(f, "plenum_workers", NULL, 0, stats->n_workers);
    write_counters(f, stats);
    write_drops(f, stats);
    write_gauges(f, stats);
    if (!detail)
        return;
    write_transports(f, stats);
    write_tracks(f, stats);
    write_slots(f, stats);
}

/* ---- signalling and HTTP ---- */

struct plain {
    const char *name, *type, *help;
    uint64_t value;
};

static void write_plain(FILE *f, const struct plain *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        plm_prom_family(f, p[i].name, p[i].type, p[i].help);
        plm_prom_uint(f, p[i].name, NULL, 0, p[i].value);
    }
}

static void write_hub(FILE *f, const struct plm_hub *hub)
{
    struct plm_hub_gauges g;
    struct plm_hub_counters c;

    plm_hub_gauges(hub, &g);
    plm_hub_counters(hub, &c);
    const struct plain all[] = {
        {"plenum_rooms", "gauge", "Rooms that are open.", g.rooms},
        {"plenum_participants", "gauge", "People in rooms, WHIP publishers among them.", g.participants},
        {"plenum_participants_detached", "gauge", "Participants whose connection is lost and may be resumed.",
            g.detached},
        {"plenum_waiting", "gauge", "People who wait to be let in.", g.waiting},
        {"plenum_recordings", "gauge", "Meetings that are recorded, or will be at once.", g.recordings},
        {"plenum_viewers", "gauge", "WHEP receivers.", g.viewers},
        {"plenum_resources", "gauge", "WHIP and WHEP resources.", g.resources},
        {"plenum_sessions", "gauge", "WebSockets with a session.", g.sessions},
        {"plenum_media_connections", "gauge", "Media connections known to signalling.", g.connections},
        {"plenum_messages_total", "counter", "Messages from clients.", c.messages},
        {"plenum_bad_messages_total", "counter", "Messages from clients that were malformed.",
            c.bad_messages},
        {"plenum_refused_requests_total", "counter", "Requests of clients that were refused.", c.refused},
        {"plenum_joins_total", "counter", "Participants that joined.", c.joins},
        {"plenum_resumes_total", "counter", "Sessions that were resumed.", c.resumes},
        {"plenum_sessions_lost_total", "counter", "Participants that did not come back in time.", c.lost},
        {"plenum_media_connections_lost_total", "counter", "Media connections that ended by themselves.",
            c.connections_lost},
        {"plenum_chat_messages_total", "counter", "Chat messages.", c.chats},
    };
    write_plain(f, all, COUNT_OF(all));
    plm_prom_family(
        f, "plenum_limits_hit_total", "counter", "Refusals for a limit of the meetings, by the limit.");
    for (int i = 0; i < PLM_HUB_LIMIT_COUNT; i++) {
        const struct plm_prom_label label = {"limit", plm_hub_limit_name((enum plm_hub_limit)i)};
        plm_prom_uint(f, "plenum_limits_hit_total", &label, 1, c.limits[i]);
    }
    plm_prom_family(
        f, "plenum_freezes_total", "counter", "Pictures that stood still at a client, by what made them.");
    for (int i = 0; i < PLM_MSG_freeze_cause_COUNT; i++) {
        const struct plm_prom_label label = {
            "cause", plm_msg_freeze_cause_name((enum plm_msg_freeze_cause)i)};
        plm_prom_uint(f, "plenum_freezes_total", &label, 1, c.freezes[i]);
    }
}

static void write_ws(FILE *f, const struct plm_ws *ws)
{
    struct plm_ws_stats s;

    plm_ws_stats(ws, &s);
    const struct plain all[] = {
        {"plenum_websockets", "gauge", "Open WebSockets.", s.sockets},
        {"plenum_websockets_opened_total", "counter", "WebSockets opened.", s.opened},
        {"plenum_websockets_refused_total", "counter", "WebSockets refused for the number of sessions.",
            s.refused},
        {"plenum_websockets_slow_total", "counter", "WebSockets dropped because they read too slowly.",
            s.slow},
        {"plenum_websockets_silent_total", "counter", "WebSockets dropped because nothing came from them.",
            s.silent},
        {"plenum_websockets_rejected_total", "counter", "WebSockets closed for what they sent.", s.rejected},
    };
    write_plain(f, all, COUNT_OF(all));
}

static void write_http(FILE *f, const struct plm_http *http)
{
    struct plm_http_stats s;
    char class[8];

    plm_http_stats(http, &s);
    const struct plain all[] = {
        {"plenum_http_connections", "gauge", "Open TCP connections, WebSockets among them.", s.connections},
        {"plenum_http_accepted_total", "counter", "TCP connections taken.", s.accepted},
        {"plenum_http_refused_total", "counter", "TCP connections closed for http.max_connections.",
            s.refused},
        {"plenum_http_refused_sources_total", "counter", "TCP connections closed for http.max_per_source.",
            s.refused_sources},
        {"plenum_http_requests_total", "counter", "HTTP requests.", s.requests},
        {"plenum_http_too_large_total", "counter",
            "HTTP requests refused for a body or path that is too long.", s.too_large},
    };
    write_plain(f, all, COUNT_OF(all));
    plm_prom_family(f, "plenum_http_replies_total", "counter", "HTTP replies by class of status.");
    for (unsigned i = 1; i < COUNT_OF(s.replies); i++) {
        snprintf(class, sizeof(class), "%uxx", i);
        plm_prom_uint(
            f, "plenum_http_replies_total", (struct plm_prom_label[]){{"class", class}}, 1, s.replies[i]);
    }
}

static void write_webhooks(FILE *f, const struct plm_webhooks *webhooks)
{
    struct plm_webhooks_stats s;

    plm_webhooks_stats(webhooks, &s);
    const struct plain all[] = {
        {"plenum_webhooks_queue", "gauge", "Events that wait to be told to webhooks.url.", s.waiting},
        {"plenum_webhooks_delivered_total", "counter", "Events that were taken.", s.delivered},
        {"plenum_webhooks_failed_total", "counter", "Tries that failed.", s.failed},
        {"plenum_webhooks_retries_total", "counter", "Tries after the first of an event.", s.retried},
        {"plenum_webhooks_dropped_total", "counter", "Events that were given up.", s.given_up},
    };
    write_plain(f, all, COUNT_OF(all));
    plm_prom_family(
        f, "plenum_webhooks_oldest_seconds", "gauge", "How long the first event of the queue has waited.");
    plm_prom_float(f, "plenum_webhooks_oldest_seconds", NULL, 0, (double)s.oldest_ms / 1000);
}

static void write_downloads(FILE *f, const struct plm_http_files *files)
{
    struct plm_http_files_stats s;

    plm_http_files_stats(files, &s);
    const struct plain all[] = {
        {"plenum_downloads", "gauge", "Files of recordings that are being sent.", s.open},
        {"plenum_downloads_total", "counter", "Files of recordings asked for.", s.begun},
        {"plenum_downloads_refused_total", "counter", "Refused, as too many were being sent.", s.refused},
        {"plenum_downloads_failed_total", "counter",
            "Cut off: the disk failed, or the recording was deleted.", s.failed},
        {"plenum_downloads_octets_total", "counter", "Octets read for them.", s.octets},
    };
    write_plain(f, all, COUNT_OF(all));
}

static void write_store(FILE *f, struct plm_store *store)
{
    struct plm_store_stats s;

    plm_store_stats(store, &s);
    const struct plain all[] = {
        {"plenum_store_queue", "gauge", "Documents that wait to be written to the disk.", s.queued},
        {"plenum_store_documents", "gauge", "Documents on the disk.", s.documents},
        {"plenum_store_commits_total", "counter", "Transactions written to the disk.", s.commits},
        {"plenum_store_written_total", "counter", "Documents written to the disk or removed from it.",
            s.written},
        {"plenum_store_failures_total", "counter",
            "Transactions that failed and are tried again, and documents that were not taken.", s.failures},
    };
    write_plain(f, all, COUNT_OF(all));
    plm_prom_histogram(f, "plenum_store_commit_seconds", "How long a transaction took.", &s.commit);
    plm_prom_histogram(f, "plenum_store_checkpoint_seconds",
        "How long the disk took to confirm what was written.", &s.checkpoint);
}

static void write_recording(FILE *f, const struct plm_recorder_link *recorder)
{
    struct plm_recorder_link_stats s;

    if (!recorder)
        return;
    plm_recorder_link_stats(recorder, &s);
    const struct plain all[] = {
        {"plenum_recording_running", "gauge", "Recordings that run.", s.running},
        {"plenum_recording_bytes", "gauge", "Octets that they have written.", s.bytes},
        {"plenum_recording_recorder_up", "gauge", "1: the recorder answers.", s.up},
        {"plenum_recording_feeds", "gauge", "Workers that are connected to it.", s.feeds},
        {"plenum_recording_recorder_starts_total", "counter", "How often this server started a recorder.",
            s.starts},
        {"plenum_recording_waiting", "gauge", "Messages that wait for the recorder, or for its word that they are written.", s.waiting},
        {"plenum_recording_lost_total", "counter", "Messages to the recorder that were given up.",
            s.lost_events},
        {"plenum_recording_bad_messages_total", "counter", "Messages of the recorder that could not be read.",
            s.bad_messages},
        {"plenum_recording_disk_level", "gauge",
            "Space for recordings: 0 enough, 1 low, 2 no new recordings, 3 they end.", s.disk},
        {"plenum_recording_disk_free_bytes", "gauge", "Octets free there, 0 until the recorder has told.",
            s.disk_free},
    };
    write_plain(f, all, COUNT_OF(all));
}

static void write_build(FILE *f)
{
    plm_prom_family(f, "plenum_build_info", "gauge", "Always 1; the version is its label.");
    plm_prom_uint(f, "plenum_build_info", (struct plm_prom_label[]){{"version", PLM_VERSION}}, 1, 1);
}

static void reply(const struct plm_http_metrics *m, uint64_t exchange, const struct plm_stats *stats)
{
    char *text = NULL;
    size_t len = 0;
    struct plm_http_reply r = {.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8"};

    FILE *f = open_memstream(&text, &len);
    if (f) {
        write_build(f);
        plm_metrics_write_engine(f, stats, m->config->metrics.detail);
        write_hub(f, m->hub);
        write_ws(f, m->ws);
        write_http(f, m->http);
        write_recording(f, m->recorder);
        write_downloads(f, m->recordings);
        write_store(f, m->store);
        if (m->webhooks)
            write_webhooks(f, m->webhooks);
        plm_prom_histogram(f, "plenum_loop_lag_seconds", "How late the main loop runs its timer.", m->lag);
        if (fclose(f) == 0)
            r.body = plm_text_create(text, len);
    }
    if (r.body)
        plm_http_reply(m->http, exchange, &r);
    else
        plm_http_fail(m->http, exchange, 503, "out of memory", NULL, 0);
    plm_text_unref(r.body);
    free(text);
}

static void on_stats(void *arg, const struct plm_stats *stats)
{
    struct plm_metrics_pending *p = arg;
    p->used = false;
    reply(p->owner, p->exchange, stats);
}

void plm_http_metrics_serve(void *arg, const struct plm_http_request *request)
{
    struct plm_http_metrics *m = arg;
    struct plm_metrics_pending *p = m->pending;

    if (!m->config->metrics.enabled) {
        plm_http_fail(m->http, request->exchange, 404, "metrics.enabled is false", NULL, 0);
        return;
    }
    while (p < m->pending + PLM_METRICS_PENDING && p->used)
        p++;
    if (p == m->pending + PLM_METRICS_PENDING) {
        plm_http_fail(m->http, request->exchange, 503, "too many scrapes at once", NULL, 0);
        return;
    }
    *p = (struct plm_metrics_pending){m, request->exchange, true};
    enum plm_stats_scope scope = m->config->metrics.detail ? PLM_STATS_ALL : PLM_STATS_TOTALS;
    int rc = plm_engine_stats(m->engine, scope, 0, on_stats, p);
    if (rc) {
        p->used = false;
        plm_http_fail(m->http, request->exchange, 503, plm_strerror(rc), NULL, 0);
    }
}
