/*
 * A growing run of octets, and writing numbers into it. A failed allocation is remembered and makes all that follows do nothing, so that
 * a writer of boxes asks once, at its end.
 */
#ifndef PLM_RECORDER_BLOB_H
#define PLM_RECORDER_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plm_blob {
    uint8_t *data;
    size_t len, cap;
    bool failed; /**< memory was short: what is there is not whole */
};

/** @return where more octets may be written, NULL: no memory; len is raised by as much */
uint8_t *plm_blob_add(struct plm_blob *o, size_t more);
void plm_blob_put(struct plm_blob *o, const void *data, size_t len);
void plm_blob_text(struct plm_blob *o, const char *text); /**< without its NUL */
void plm_blob_zero(struct plm_blob *o, size_t len);
void plm_blob_put8(struct plm_blob *o, uint8_t v);
void plm_blob_put16(struct plm_blob *o, uint16_t v); /**< big-endian, as all that follow */
void plm_blob_put32(struct plm_blob *o, uint32_t v);
void plm_blob_put64(struct plm_blob *o, uint64_t v);
/** Empty it; memory stays unless it is much more than what was in it. */
void plm_blob_clear(struct plm_blob *o);
void plm_blob_free(struct plm_blob *o);

#endif
