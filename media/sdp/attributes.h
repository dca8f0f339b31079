/*
 * The attributes that we understand: one row each, from text to the typed description.
 */
#ifndef PLM_SDP_ATTRIBUTES_H
#define PLM_SDP_ATTRIBUTES_H

#include "sdp/description.h"

/** Where the parser is. */
struct plm_sdp_parser {
    struct plm_sdp *sdp;
    struct plm_sdp_media *media; /**< NULL before the first m-line */
    unsigned line;
    struct plm_slice simulcast; /**< value of the m-line's a=simulcast: its rids may come later */
    struct plm_sdp_error *err;
};

/** Take the text behind "a=". Unknown attributes are ignored. @return 0, or the error that was filled */
int plm_sdp_on_attribute(struct plm_sdp_parser *p, struct plm_slice text);
/** The m-line is complete: tie RTX to its codecs, a=rtcp-fb:* to its payload types, a=simulcast to its rids. */
void plm_sdp_on_media_end(struct plm_sdp_parser *p);

/** RFC 8839 section 5.4, laxly: visible ASCII of allowed length. @param min 4 for a ufrag, 22 for a password */
bool plm_sdp_credential_valid(struct plm_slice s, size_t min);

#endif
