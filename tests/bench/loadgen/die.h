#ifndef BENCH_DIE_H
#define BENCH_DIE_H

/** A benchmark that cannot go on has no result: say why, exit with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
