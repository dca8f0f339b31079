#include "track_change.h"

#include "slot.h"
#include "worker_core.h"

#include <string.h>

#define CHANGE_US 1000000

bool plm_track_may_change(const struct plm_track *tr, uint8_t e)
{
    uint64_t changed_us = tr->encodings[e].changed_us;
    return !changed_us || tr->worker->now_us - changed_us >= CHANGE_US;
}

/* Whoever shows it goes on with the next key frame, and by the time of that. */
static void begin_anew(struct plm_track *tr, uint8_t e, bool ask_for_it)
{
    struct plm_encoding *enc = &tr->encodings[e];
    plm_key_group_end(&enc->group);
    plm_ntp_map_init(&enc->clock, plm_track_codec(tr, enc->codec_index)->clock_rate);
    enc->restarts++;
    enc->changed_us = tr->worker->now_us;
    enc->frame_us = 0;
    tr->key = ++tr->worker->next_track_key; /* slots begin a new segment */
    for (uint32_t i = 0; i < tr->n_slots; i++)
        plm_slot_restart(tr->slots[i], tr, ask_for_it);
}

void plm_track_take_changes(struct plm_track *tr, const struct plm_pkt *pkt, unsigned changes)
{
    struct plm_encoding *enc = &tr->encodings[pkt->encoding];
    bool another_codec = changes & PLM_CHANGE_CODEC, ask_for_it = !pkt->info.keyframe_start;
    if (changes & PLM_CHANGE_TIME)
        begin_anew(tr, pkt->encoding, ask_for_it);
    if (enc->seen && !another_codec)
        return;
    enc->seen = true;
    enc->codec_index = pkt->codec_index;
    if (another_codec) {
        enc->changed_us = tr->worker->now_us;
        plm_key_group_end(&enc->group);
    }
    for (uint32_t i = 0; tr->kind == PLM_KIND_VIDEO && i < tr->n_slots; i++)
        plm_slot_on_codec(tr->slots[i], tr, pkt->encoding, another_codec, ask_for_it);
}

void plm_track_restart_encoding(struct plm_track *tr, uint8_t e)
{
    struct plm_encoding *enc = &tr->encodings[e];
    plm_pkt_ring_reset(&enc->ring);
    plm_rx_stats_init(&enc->stats, plm_track_codec(tr, enc->codec_index)->clock_rate);
    if (enc->nack)
        plm_nack_gen_init(enc->nack);
    if (enc->dd)
        memset(enc->dd, 0, sizeof *enc->dd);
    enc->seen = false;
    enc->newest_seq = 0;
    begin_anew(tr, e, true);
}
