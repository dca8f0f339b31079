/*
 * What the kernel tells of a process, and clocks.
 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

/** User and system time of all threads that live, nanoseconds (schedstat: /proc/PID/stat knows only steps of 10 ms). */
uint64_t proc_cpu_ns(pid_t pid);
/** Proportional set size, kB (/proc/PID/smaps_rollup). */
uint64_t proc_pss_kb(pid_t pid);

uint64_t clock_us(void);      /**< monotonic */
uint64_t clock_wall_ns(void); /**< the clock of socket timestamps */
uint64_t clock_thread_ns(void);

/** Bind the calling thread to one CPU; below 0: leave it. */
void proc_pin(int cpu);

#endif
