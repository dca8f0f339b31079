#include "json_text.h"

#include "json_memory.h"
#include "plenum/types.h"

#include <stdlib.h>
#include <string.h>

/* By json_dumpb: json_dumps leaves pieces out where its own buffer cannot grow, and does not say so. */
struct plm_text *plm_json_text(json_t *o)
{
    size_t len = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) : 0;
    struct plm_text *out = len ? malloc(sizeof *out + len + 1) : NULL;
    if (out && json_dumpb(o, out->data, len, JSON_COMPACT) != len) {
        free(out);
        out = NULL;
    }
    if (out) {
        out->len = len;
        out->refs = 1;
        out->data[len] = 0;
    }
    json_decref(o);
    return out;
}

struct source {
    const char *text;
    size_t left;
};

/* json_load_callback's: the next piece; nothing more once memory is short, so that what is still needed is bounded. */
static size_t read_piece(void *to, size_t size, void *arg)
{
    struct source *s = arg;
    size_t n = plm_json_memory_is_short() ? 0 : size < s->left ? size : s->left;
    if (n)
        memcpy(to, s->text, n);
    s->text += n;
    s->left -= n;
    return n;
}

int plm_json_read(json_t **out, const char *text, size_t len, json_error_t *at)
{
    struct source s = {text, len};
    json_error_t error;
    plm_json_memory_begin();
    json_t *o = json_load_callback(read_piece, &s, JSON_REJECT_DUPLICATES, at ? at : &error);
    if (!o)
        return plm_json_memory_is_short() || json_error_code(at ? at : &error) == json_error_out_of_memory
                   ? PLM_ENOMEM
                   : PLM_EINVAL;
    *out = o;
    return 0;
}
