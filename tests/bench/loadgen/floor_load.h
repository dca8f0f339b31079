/*
 * What a scenario's own packets cost a program that does nothing but seal and send them: to as many sockets, in the same bursts, at the same times. The
 * receivers sleep until something comes, as real ones do, so what it takes to wake them is in it; no packet is read, and nothing comes back.
 */
#ifndef BENCH_FLOOR_LOAD_H
#define BENCH_FLOOR_LOAD_H

#include "scenario.h"

/**
 * With ipsec-mb, trains of up to 8 packets and sendmmsg of up to 64 messages; where packets come one by one they go one by one.
 * Takes two seconds.
 * @return CPU time per packet of a thread on sending_cpu, microseconds; 0: nothing is sent, or ipsec-mb is not built in
 */
double floor_load_us(const struct scenario *s, int sending_cpu, int receiving_cpu);

#endif
