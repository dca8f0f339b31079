/*
 * Writing SDP: a growing text, and the lines that answers and offers share.
 */
#ifndef PLM_SDP_WRITE_H
#define PLM_SDP_WRITE_H

#include "sdp/description.h"

/** A text that grows. An allocation that fails makes it stay failed; only plm_sdp_text_take tells. */
struct plm_sdp_text {
    char *p;
    size_t n, cap;
    bool failed;
};

/** Append one line; CRLF is added. */
void plm_sdp_line(struct plm_sdp_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Append without a line end. */
void plm_sdp_append(struct plm_sdp_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Give the text to the caller, or PLM_ENOMEM when any append failed (nothing to free then). */
int plm_sdp_text_take(struct plm_sdp_text *t, char **out);
void plm_sdp_text_free(struct plm_sdp_text *t);

/** What one m-line says beside its params. */
struct plm_sdp_section {
    const struct plm_media_params *params;
    const struct plm_sdp_media *offered; /**< what it answers; NULL in an offer of ours */
    unsigned index;                      /**< among the m-lines */
    bool accepted;
    uint16_t exts; /**< bit per enum plm_ext that this m-line names */
    bool rtcp_rsize;
    uint8_t n_rids; /**< encodings in the peer's order */
    char rids[PLM_MAX_ENCODINGS][PLM_TOKEN_SIZE];
};

/** A whole description. */
struct plm_sdp_document {
    const struct plm_sdp_local *local;
    const struct plm_ext_ids *ext_ids;
    const char *setup;
    bool allow_mixed;
    unsigned n_sections;
    const struct plm_sdp_section *sections;
};

int plm_sdp_write(const struct plm_sdp_document *doc, char **text);

#endif
