/* JSON texts and values, also when memory is short (json_memory.h). For the files that read or write JSON. */
#ifndef PLM_SIGNALING_JSON_TEXT_H
#define PLM_SIGNALING_JSON_TEXT_H

#include "text.h"

#include <jansson.h>

/** Write o compactly. @param o taken; NULL gives NULL @return one reference; NULL when memory is short */
struct plm_text *plm_json_text(json_t *o);
/**
 * Read one value, no key of an object twice. @param text any octets @param at where it is wrong; may be NULL
 * @return 0; PLM_EINVAL (not JSON), PLM_ENOMEM
 */
int plm_json_read(json_t **out, const char *text, size_t len, json_error_t *at);

#endif
