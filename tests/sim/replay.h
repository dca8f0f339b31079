/*
 * What was captured of a meeting, decided again: the logs of estimator and allocator in a file of capture_file.h.
 */
#ifndef PLM_SIM_REPLAY_H
#define PLM_SIM_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_MAX 1024 /* transports that are looked at */

struct replay_totals {
    unsigned transports, packets_in, packets_out, lost;
    uint64_t estimates, allocations;
    uint64_t differing; /* of both */
};

/** @param loud print a line for each transport @return false: not such a file, or a log in it cannot be read */
bool replay_octets(const uint8_t *data, size_t len, bool loud, struct replay_totals *out);
/** The same of a file, loud. @return exit status: 0, 1 (something is decided otherwise), 2 (not readable) */
int replay_file(const char *path);

#endif
