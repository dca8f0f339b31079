/*
 * A file of what was captured, in pcapng (draft-ietf-opsawg-pcapng): an interface per transport, packets as IP and UDP, and custom blocks for
 * the logs. No I/O: octets go to a function.
 *
 * Custom blocks (type 0x0BAD) of the enterprise number 32473, which RFC 5612 keeps for examples: octet 'E' (a piece of the estimator's log), 'A'
 * (a record of the allocator's) or 'L' (frames that were lost, a number of 4 octets), three octets 0, interface (4), time in us since 1970 (8),
 * length (4), then so many octets.
 */
#ifndef PLM_CAPTURE_FILE_H
#define PLM_CAPTURE_FILE_H

#include "base/u32_map.h"
#include "capture.h"

struct plm_capture_file {
    bool (*write)(void *arg, const void *data,
        size_t len); /**< @return false: it failed, and nothing more is written */
    void *arg;
    uint64_t max, written;  /**< octets */
    int64_t unix_offset_us; /**< wall clock minus the workers' */
    uint16_t port;          /**< of ours, to be shown */
    bool ended;             /**< full, or it failed */
    uint32_t n_interfaces;
    struct plm_u32_map interfaces; /**< by transport, index + 1 */
};

/** @param f write, arg, max, unix_offset_us and port are set, the rest is 0 */
void plm_capture_file_begin(struct plm_capture_file *f);
/** One frame, 8-octet aligned: struct plm_capture_head and a body. */
void plm_capture_file_frame(struct plm_capture_file *f, const uint8_t *frame, size_t len);
/** Free what was needed. */
void plm_capture_file_end(struct plm_capture_file *f);

#endif
