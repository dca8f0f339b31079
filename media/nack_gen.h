/*
 * Which packets to ask a publisher for again (RFC 4585 section 6.2.1). No I/O, no clock.
 */
#ifndef PLM_NACK_GEN_H
#define PLM_NACK_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_NACK_MAX 256

/** Which sequence numbers to ask for again. An embedded value. */
struct plm_nack_gen {
    bool any;
    uint64_t newest;
    uint32_t n;
    struct {
        uint64_t ext_seq;
        uint64_t first_us, last_us; /**< noticed; asked last (0: never) */
        uint8_t tries;
    } lost[PLM_NACK_MAX];
    uint32_t answer_us; /**< how long what is asked for takes to come at the least; 0: unknown */
    uint32_t least_us, answers; /**< of those since */
    uint64_t recovered, given_up;
    bool gave_up; /**< since the last poll */
};
void plm_nack_gen_init(struct plm_nack_gen *g);
/** @return true when a gap opened: poll soon. A jump of more than PLM_NACK_MAX empties the list (a keyframe is cheaper). */
bool plm_nack_gen_on_packet(struct plm_nack_gen *g, uint64_t ext_seq, uint64_t now_us);
/**
 * Sequence numbers due: first after a reordering delay of min(10 ms, rtt/4), then every max(rtt*1.25, 20 ms), at most 8 times and 1.5 s. Where
 * answers take more than twice the round trip, because they wait in a queue, their time counts instead.
 * @param keyframe_wanted set when packets were given up: only a keyframe helps
 * @return how many were written to out
 */
size_t plm_nack_gen_poll(struct plm_nack_gen *g, uint64_t now_us, uint32_t rtt_us, uint16_t *out, size_t max,
    uint64_t *next_us, bool *keyframe_wanted);
/** Forget what is older (a keyframe made it useless). */
void plm_nack_gen_forget_before(struct plm_nack_gen *g, uint64_t ext_seq);

#endif
