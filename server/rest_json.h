/*
 * Bodies of the API. Reading is strict: one JSON object, no key twice, no unknown field, every value of its type and within its limits;
 * what is refused is named by its path. For the files of the API.
 */
#ifndef PLM_SERVER_REST_JSON_H
#define PLM_SERVER_REST_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"

enum plm_rest_kind {
    PLM_REST_TEXT = 0, /**< char[limit + 1]; 1 to limit octets, cleaned; empty with PLM_REST_MAY_BE_EMPTY */
    PLM_REST_LINES,    /**< the same, may have several lines */
    PLM_REST_BOOL,     /**< bool */
    PLM_REST_UINT,     /**< uint32_t, at most limit */
    PLM_REST_CHOICE,   /**< int: index in names */
    PLM_REST_CODECS,   /**< enum plm_codec[PLM_CODEC_COUNT], PLM_CODEC_NONE ends */
    PLM_REST_OBJECT,   /**< fields of its own, at the same base */
};

#define PLM_REST_REQUIRED     1u
#define PLM_REST_MAY_BE_EMPTY 2u

struct plm_rest_field {
    const char *name; /**< NULL ends a list */
    enum plm_rest_kind kind;
    unsigned flags;
    size_t offset; /**< of the value */
    size_t given;  /**< of a bool that says that it was there; SIZE_MAX: nobody asks */
    uint64_t limit;
    const char *const *names;
    const struct plm_rest_field *fields;
};

/** Read a body into out, which holds the defaults. @return 0; PLM_EINVAL or PLM_ENOMEM with why, and out is half filled */
int plm_rest_read(
    const char *body, size_t len, const struct plm_rest_field *fields, void *out, struct plm_refusal *why);

/** A room, a participant as the API shows them; NULL when memory is short. */
json_t *plm_rest_room(const struct plm_api_room *room);
json_t *plm_rest_participant(const struct plm_api_participant *p);

#endif
