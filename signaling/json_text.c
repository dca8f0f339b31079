#include "json_text.h"

#include <stdlib.h>

/* By json_dumpb: json_dumps leaves pieces out where its own buffer cannot grow, and does not say so. */
struct plm_text *plm_json_text(json_t *o)
{
    struct plm_text *out = NULL;
    size_t len = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) : 0;
    char *text = len ? malloc(len) : NULL;
    if (text && json_dumpb(o, text, len, JSON_COMPACT) == len)
        out = plm_text_create(text, len);
    free(text);
    json_decref(o);
    return out;
}
