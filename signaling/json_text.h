/* JSON values as texts. For the files that keep documents in the store. */
#ifndef PLM_SIGNALING_JSON_TEXT_H
#define PLM_SIGNALING_JSON_TEXT_H

#include "text.h"

#include <jansson.h>

/** Write o compactly. @param o taken; NULL gives NULL @return one reference; NULL when memory is short */
struct plm_text *plm_json_text(json_t *o);

#endif
