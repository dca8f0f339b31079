/*
 * What an encoding turns into: a stream in another codec, of another time, under another SSRC. Its publisher renegotiates, takes another source
 * or begins anew, and says so by its packets alone. Whoever shows it goes on with a key frame of the new stream.
 */
#ifndef PLM_TRACK_CHANGE_H
#define PLM_TRACK_CHANGE_H

#include "track.h"

#define PLM_STEP_BACK_TICKS 450000 /* 5 s of 90 kHz: no order of frames goes back so far */

/**
 * Bits: what a packet says that its encoding has become. Timestamps may begin anew though numbers go on: nothing would be newer than what came
 * before for hours.
 */
enum plm_track_change {
    PLM_CHANGE_CODEC = 1 << 0,
    PLM_CHANGE_TIME = 1 << 1,
};

/**
 * What changes with a packet whose number, time and codec are known, before it is stored. Nothing with the first one of an encoding, a late one,
 * or one without payload. Of a remote track only the codec is seen here: its home counts the rest (plm_encoding.restarts).
 * @return bits of enum plm_track_change
 */
static inline unsigned plm_track_changes(const struct plm_track *tr, const struct plm_pkt *pkt)
{
    const struct plm_encoding *enc = &tr->encodings[pkt->encoding];
    if (!enc->seen || pkt->late || pkt->payload_len == 0)
        return 0;
    bool back = tr->kind == PLM_KIND_VIDEO && pkt->ext_ts + PLM_STEP_BACK_TICKS < enc->last_ext_ts;
    return (pkt->codec_index != enc->codec_index ? PLM_CHANGE_CODEC : 0u) | (back ? PLM_CHANGE_TIME : 0u);
}

/** Whether a packet comes late, from before its encoding's time began anew. */
static inline bool plm_track_is_of_former_time(const struct plm_encoding *enc, const struct plm_pkt *pkt)
{
    return pkt->late && pkt->ext_ts > enc->last_ext_ts + PLM_STEP_BACK_TICKS;
}

/**
 * Whether an encoding may become another stream now, by its codec, SSRC or time: at once, if it has not done so for a second. Each time all who watch
 * begin anew, and a publisher might do that with each packet.
 */
bool plm_track_may_change(const struct plm_track *tr, uint8_t e);
/**
 * The first packet of an encoding, or one that changes it, has been stored and is about to be forwarded: learn in what it comes. A new encoder, or a
 * new time, begins with a key frame by itself; where pkt is none, it was lost, and is asked for.
 * @param changes what plm_track_changes said
 */
void plm_track_take_changes(struct plm_track *tr, const struct plm_pkt *pkt, unsigned changes);
/** The publisher changed the SSRC of an encoding: everything learned of the old stream ends. Packets tell the shards on other workers. */
void plm_track_restart_encoding(struct plm_track *tr, uint8_t e);

#endif
