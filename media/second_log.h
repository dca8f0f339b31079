/*
 * What happened to a picture in each of the last seconds, on its way to us and from us: whoever looks for the cause of a freeze compares the two.
 * No I/O, no clock.
 */
#ifndef PLM_SECOND_LOG_H
#define PLM_SECOND_LOG_H

#include <stddef.h>

#include "plenum/media.h"

/** Counters of a slot as they stand. */
struct plm_slot_totals {
    uint64_t packets, octets, lost, repeated, keyframes_asked, switches;
};
/** All zero: nothing yet. */
struct plm_slot_log {
    struct plm_slot_totals before;
    uint8_t n, next;
    struct plm_slot_second seconds[PLM_STATS_SECONDS];
};
/** A second ends. @param gauges its state, layers, estimate and time; counters are filled in from `totals` */
void plm_slot_log_note(
    struct plm_slot_log *log, const struct plm_slot_second *gauges, const struct plm_slot_totals *totals);
/** @param out PLM_STATS_SECONDS of them, oldest first @return how many */
size_t plm_slot_log_read(const struct plm_slot_log *log, struct plm_slot_second *out);

/** Counters of an encoding; lost may fall, when what was late comes. */
struct plm_encoding_totals {
    uint64_t packets, octets, lost, recovered, keyframes, asked;
};
/** What is of one second alone. */
struct plm_encoding_gauges {
    uint64_t end_us;
    uint32_t frames, gap_us, step_us; /**< see struct plm_encoding_second */
    uint16_t held_ms;
};
struct plm_encoding_log {
    struct plm_encoding_totals before;
    uint8_t n, next;
    struct plm_encoding_second seconds[PLM_STATS_SECONDS];
};
void plm_encoding_log_note(
    struct plm_encoding_log *log, const struct plm_encoding_gauges *gauges, const struct plm_encoding_totals *totals);
size_t plm_encoding_log_read(const struct plm_encoding_log *log, struct plm_encoding_second *out);

#endif
