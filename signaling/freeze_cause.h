/*
 * Why a picture stood still, from what happened to it on its way to us, on its way from us, and at its receiver. No I/O, no clock.
 */
#ifndef PLM_SIGNALING_FREEZE_CAUSE_H
#define PLM_SIGNALING_FREEZE_CAUSE_H

#include "plenum/media.h"
#include "proto.h"

/** What is known about the time of one freeze. Seconds may reach further than it, and be none. */
struct plm_freeze_evidence {
    uint64_t begin_us, end_us;              /**< of the freeze, by the clock of the seconds */
    const struct plm_slot_second *received; /**< of the slot, oldest first */
    size_t n_received;
    const struct plm_encoding_second *sent; /**< of the encoding that the slot got, oldest first */
    size_t n_sent;
    bool publisher_is_silent; /**< nothing at all came from its publisher lately */
    /** What the receiver says of the time of its report. */
    uint32_t report_ms, frames, dropped, decode_us, jitter_ms;
};

enum plm_msg_freeze_cause plm_freeze_cause(const struct plm_freeze_evidence *e);

#endif
