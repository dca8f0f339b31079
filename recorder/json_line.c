#include "json_line.h"

#include <stdbool.h>
#include <stdlib.h>

/* jansson recurses as deep as a text nests; so deep it must not be. */
static bool shallow(const char *text, size_t len)
{
    bool in_string = false;
    unsigned depth = 0;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '[') && ++depth > PLM_JSON_MAX_DEPTH)
            return false;
        else if (!in_string && (text[i] == '}' || text[i] == ']') && depth)
            depth--;
    }
    return true;
}

json_t *plm_json_read(const char *text, size_t len)
{
    if (!shallow(text, len))
        return NULL;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(o))
        return o;
    json_decref(o);
    return NULL;
}

/* By json_dumpb: json_dumps leaves pieces out where its own buffer cannot grow, and does not say so. */
char *plm_json_line(json_t *o, size_t *len)
{
    size_t n = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) : 0;
    char *text = n ? malloc(n + 1) : NULL;
    if (text && json_dumpb(o, text, n, JSON_COMPACT) != n) {
        free(text);
        text = NULL;
    }
    json_decref(o);
    if (text) {
        text[n] = '\0';
        if (len)
            *len = n;
    }
    return text;
}

const char *plm_json_string(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

json_int_t plm_json_int(const json_t *o, const char *key, json_int_t otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}
