/*
 * What the files of scenarios share: see sim.h.
 */
#ifndef PLM_SIM_SCENARIOS_H
#define PLM_SIM_SCENARIOS_H

#include "sim.h"

#define SECOND UINT64_C(1000000)

struct run {
    uint64_t seed;
    const char *log_file;
    bool quick;
};

#define MEETING_MAX 32

struct meeting {
    struct sim sim;
    struct sim_person *people[MEETING_MAX];
    unsigned n;
};

double cpu_seconds(void);
void print_speed(const struct sim *s, uint64_t virtual_us, double cpu);
void print_person(const struct sim_person *p);
/** Everybody of the meeting leaves; nothing may be left of them. */
void part(struct meeting *m);

/* scenarios_bandwidth.c */
void bandwidth_steps(const struct run *r);
void bandwidth_found(const struct run *r);
void bandwidth_jitter(const struct run *r);
void bandwidth_tunnel(const struct run *r);
void loss_freezes(const struct run *r);
void loss_begins(const struct run *r);
void bandwidth_shared(const struct run *r);
void bandwidth_neighbours(const struct run *r);
void bandwidth_falls(const struct run *r);
void bandwidth_falls_slowly(const struct run *r);
void bandwidth_silence(const struct run *r);

/* scenarios_bwe.c */
void bwe_bands(const struct run *r);
void bwe_start(const struct run *r);
void bwe_step(const struct run *r);
void bwe_radio(const struct run *r);
void bwe_no_probes(const struct run *r);
void bwe_pacer(const struct run *r);
/* scenarios_alloc.c */
void alloc_step(const struct run *r);
void alloc_main(const struct run *r);
void alloc_steady(const struct run *r);
void alloc_pause(const struct run *r);
void alloc_stall(const struct run *r);
void alloc_uplink(const struct run *r);
void alloc_one_bad(const struct run *r);
/* scenarios_speech.c */
void first_words(const struct run *r);
/* scenarios_capture.c */
void capture(const struct run *r);
/* scenarios_instant.c */
void instant_join(const struct run *r);
/* scenarios_sound.c */
void sound_loss(const struct run *r);
void sound_copies(const struct run *r);
void sound_narrow(const struct run *r);
void sound_sampled(const struct run *r);

#endif
