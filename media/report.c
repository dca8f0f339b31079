/*
 * Statistics of one transport, its tracks and slots, as plain values.
 */
#include "capture.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>
#include <string.h>

void plm_worker_report_free(struct plm_worker_report *report)
{
    if (!report)
        return;
    for (uint32_t i = 0; i < report->n_transports; i++) {
        free(report->transports[i].tracks);
        free(report->transports[i].slots);
    }
    free(report->transports);
    free(report);
}

static void report_encoding(const struct plm_track *tr, unsigned e, struct plm_encoding_stats *out)
{
    const struct plm_encoding *enc = &tr->encodings[e];
    uint64_t now = tr->worker->now_us;
    if (tr->transport && tr->transport->params->media[tr->media].n_rids > e)
        memcpy(out->rid, tr->transport->params->media[tr->media].rids[e], sizeof out->rid);
    out->ssrc = enc->ssrc;
    out->packets = enc->stats.packets;
    out->bytes = enc->stats.bytes;
    out->lost = plm_track_lost(enc);
    out->recovered = enc->stats.recovered;
    out->duplicates = enc->stats.duplicates;
    out->bitrate_bps = plm_rx_stats_bitrate(&enc->stats, now);
    out->jitter_us = plm_rx_stats_jitter_us(&enc->stats);
    out->nacks = (uint32_t)enc->nacks;
    out->plis = (uint32_t)enc->plis;
    out->keyframes = (uint32_t)enc->keyframes;
    out->width = enc->width;
    out->height = enc->height;
    out->fps = (uint16_t)enc->fps;
    out->active = out->bitrate_bps > 0;
    out->n_seconds = (uint8_t)plm_encoding_log_read(&enc->log, out->seconds);
}

static void report_track(const struct plm_track *tr, struct plm_track_stats *out)
{
    out->participant = tr->participant;
    out->source = tr->source;
    out->codec = tr->codec;
    out->remote = tr->transport == NULL;
    out->n_encodings = tr->n_encodings;
    out->audio_level = tr->level.last;
    for (unsigned i = 0; i < tr->n_encodings; i++)
        report_encoding(tr, i, &out->encodings[i]);
}

static void report_slot(const struct plm_slot *s, struct plm_slot_stats *out)
{
    out->media = s->media;
    out->ssrc = s->ssrc;
    out->state = s->state;
    out->reason = plm_slot_why(s);
    out->shows = s->track ? s->track->participant : 0;
    out->source = s->track ? s->track->source : s->want_source;
    out->encoding = s->layers.current;
    out->temporal = s->layers.current_tid;
    out->packets = s->packets;
    out->bytes = s->bytes;
    out->rtx_packets = s->rtx_packets;
    out->nacks = s->nacks;
    out->plis = s->plis;
    out->bitrate_bps = s->bitrate_bps;
    out->fraction_lost_q8 = s->fraction_lost;
    out->jitter_us =
        (uint32_t)((uint64_t)s->peer_jitter * 1000000 / (s->kind == PLM_KIND_AUDIO ? 48000 : 90000));
    out->switches = s->switches;
    out->layer_switches = s->layer_switches;
    out->n_seconds = s->log ? (uint8_t)plm_slot_log_read(s->log, out->seconds) : 0;
}

void plm_transport_note_second(struct plm_transport *t)
{
    uint32_t estimate = t->bwe ? plm_bwe_estimate(t->bwe) : 0;
    if (t->capture)
        plm_capture_flush(t);
    for (unsigned i = 0; i < t->n_slots; i++) {
        const struct plm_slot *s = &t->slots[i];
        if (!s->log)
            continue;
        const struct plm_slot_second gauges = {
            .end_us = t->worker->now_us,
            .estimate_bps = estimate,
            .shows = s->track ? s->track->participant : 0,
            .held_ms = plm_worker_held_ms(t->worker),
            .source = (uint8_t)(s->track ? s->track->source : s->want_source),
            .state = (uint8_t)s->state,
            .reason = (uint8_t)plm_slot_why(s),
            .encoding = s->layers.current,
            .temporal = s->layers.current_tid,
        };
        const struct plm_slot_totals totals = {
            .packets = s->packets,
            .octets = s->bytes,
            .lost = s->lost,
            .repeated = s->rtx_packets,
            .keyframes_asked = s->plis,
            .switches = (uint64_t)s->switches + s->layer_switches,
        };
        plm_slot_log_note(s->log, &gauges, &totals);
    }
}

void plm_transport_report(struct plm_transport *t, struct plm_transport_stats *out)
{
    out->id = t->id;
    out->room = t->room;
    out->participant = t->participant;
    out->state = t->state;
    out->peer = t->peer;
    out->worker = (uint8_t)t->worker->config.index;
    out->srtp_profile = t->sec ? t->worker->config.security->profile(t->sec) : 0;
    out->rx_packets = t->rx_packets;
    out->rx_bytes = t->rx_bytes;
    out->tx_packets = t->tx_packets;
    out->tx_bytes = t->tx_bytes;
    out->rtt_us = t->rtt_us;
    out->estimate_bps = t->bwe ? plm_bwe_estimate(t->bwe) : 0;
    memcpy(out->drops, t->drops, sizeof out->drops);
    unsigned n_tracks = 0;
    for (unsigned i = 0; t->tracks && i < PLM_MAX_MEDIA; i++)
        n_tracks += t->tracks[i] != NULL;
    out->tracks = n_tracks ? calloc(n_tracks, sizeof *out->tracks) : NULL;
    for (unsigned i = 0; out->tracks && i < PLM_MAX_MEDIA; i++) {
        if (t->tracks[i])
            report_track(t->tracks[i], &out->tracks[out->n_tracks++]);
    }
    out->slots = t->n_slots ? calloc(t->n_slots, sizeof *out->slots) : NULL;
    for (unsigned i = 0; out->slots && i < t->n_slots; i++)
        report_slot(&t->slots[i], &out->slots[out->n_slots++]);
}
