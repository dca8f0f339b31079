/*
 * A piece of borrowed text. SDP is cut into these instead of being copied or terminated in place.
 */
#ifndef PLM_SDP_SLICE_H
#define PLM_SDP_SLICE_H

#include "plenum/types.h"

struct plm_slice {
    const char *p;
    size_t n;
};

bool plm_slice_is(struct plm_slice s, const char *text);
/** The same without regard to ASCII case: encoding names, hash names (RFC 8866 section 6.6, RFC 8122 section 5). */
bool plm_slice_is_word(struct plm_slice s, const char *text);
/** Take what stands before the first delim, or all; *rest is left behind it. */
struct plm_slice plm_slice_cut(struct plm_slice *rest, char delim);
/** Take the next run without blanks, skipping blanks before it; empty at the end. */
struct plm_slice plm_slice_word(struct plm_slice *rest);
struct plm_slice plm_slice_trim(struct plm_slice s);
/** A decimal number of digits only. @return 0, PLM_EINVAL (not one, or above max) */
int plm_slice_number(struct plm_slice s, uint32_t max, uint32_t *out);
/** Copy and terminate. @return 0, PLM_ELIMIT (does not fit; dst untouched) */
int plm_slice_copy(char *dst, size_t size, struct plm_slice s);
/** RFC 8866 section 9, token: not empty, printable, without separators. */
bool plm_slice_is_token(struct plm_slice s);
/** Every octet is visible ASCII. */
bool plm_slice_is_visible(struct plm_slice s);

#endif
