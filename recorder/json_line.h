/*
 * JSON as both ends of the recorder use it: strict in what is read, compact in what is written. Any thread.
 */
#ifndef PLM_RECORDER_JSON_LINE_H
#define PLM_RECORDER_JSON_LINE_H

#include <jansson.h>
#include <stddef.h>

#define PLM_JSON_MAX_DEPTH 32

/** An object without duplicate keys, NUL in a string, or more nesting than PLM_JSON_MAX_DEPTH. @return a reference; NULL: it is not that */
json_t *plm_json_read(const char *text, size_t len);
/** @param o taken; NULL gives NULL @return one line without its end, to free(), with a NUL that len (may be NULL) does not count; NULL: no memory */
char *plm_json_line(json_t *o, size_t *len);

/** The string of a key, NULL: there is none. Borrowed. */
const char *plm_json_string(const json_t *o, const char *key);
/** The whole number of a key, or otherwise. */
json_int_t plm_json_int(const json_t *o, const char *key, json_int_t otherwise);

#endif
