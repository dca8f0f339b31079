/*
 * Memory for jansson that does not end in the middle. Two places of jansson 2.14 do not look whether they got what they asked for: the
 * lexer goes on with a text that lost octets, and runs over its heap (lex_save); json_dumps leaves the keys out. So when malloc gives
 * nothing, jansson gets from a reserve, and whoever reads JSON hears of it (json_text.h) and stops. The reserve is large enough for what
 * may still be asked for until then; should it end all the same, the program ends, since going on would be worse.
 *
 * One thread: the one that all JSON belongs to.
 */
#ifndef PLM_SIGNALING_JSON_MEMORY_H
#define PLM_SIGNALING_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* A text of 1 MiB whose buffer doubles, and the values in the last piece that was read. Pages that were never used cost nothing. */
#define PLM_JSON_RESERVE (4u * 1024 * 1024)

/** Before any other use of jansson. */
void plm_json_memory_install(void);
/** Did the reserve have to step in since the last plm_json_memory_begin? */
bool plm_json_memory_is_short(void);
void plm_json_memory_begin(void);

/** For tests: octets of the reserve that are in use, and that were at most. */
size_t plm_json_memory_used(void);
size_t plm_json_memory_most(void);

#endif
