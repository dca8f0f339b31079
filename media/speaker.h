/*
 * Who speaks: smoothing of RFC 6464 levels per track (at its shard), and the room's decision at its home shard. No I/O, no clock.
 */
#ifndef PLM_SPEAKER_H
#define PLM_SPEAKER_H

#include "plenum/media.h"

/** Level of one audio track; an embedded value. */
struct plm_audio_level {
    uint64_t energy; /**< sum since the last take; full scale is 2^44 */
    uint32_t n;
    uint8_t last;    /**< what was taken last */
    uint64_t last_us;
};
void plm_audio_level_init(struct plm_audio_level *a);
void plm_audio_level_on_packet(struct plm_audio_level *a, uint8_t level, uint64_t now_us);
/**
 * Level of the mean energy since the last take; begins the next interval. @return the last value for up to 130 ms without packets (packets of
 * 60 or 120 ms), then 127
 */
uint8_t plm_audio_level_take(struct plm_audio_level *a, uint64_t now_us);

/** Levels of a room, fed once each 50 ms; decides the dominant speaker and the loudest N, with hysteresis. */
struct plm_speakers;
struct plm_speakers *plm_speakers_create(unsigned max_speakers);
void plm_speakers_destroy(struct plm_speakers *s);
/** A microphone's level. The first one of a participant enters it; a participant without memory for it is left out. */
void plm_speakers_level(struct plm_speakers *s, plm_participant_id who, uint8_t level, uint64_t now_us);
void plm_speakers_remove(struct plm_speakers *s, plm_participant_id who);
/** Decide. @return true when the set, its order's first, or the dominant speaker changed */
bool plm_speakers_poll(struct plm_speakers *s, uint64_t now_us);
/** Present set: who is forwarded, the dominant speaker first. @return count, at most PLM_MAX_SPEAKERS */
size_t plm_speakers_get(const struct plm_speakers *s, plm_participant_id *who, uint8_t *level);
/** Whether somebody of the set speaks, or did a moment ago; the dominant speaker does until somebody else takes over. */
bool plm_speakers_speaks(const struct plm_speakers *s, plm_participant_id who, uint64_t now_us);

#endif
