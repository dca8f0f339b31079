/*
 * Texts: those of people, cleaned before anything else sees them, and serialised messages shared by their receivers.
 */
#ifndef PLM_SIGNALING_TEXT_H
#define PLM_SIGNALING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** A serialised message, counted: an event is written once for all its receivers. Main thread. */
struct plm_text {
    size_t len; /**< octets, without the NUL that follows them */
    unsigned refs;
    char data[];
};

/** Make a text with one reference. @return NULL when memory is short */
struct plm_text *plm_text_create(const char *data, size_t len);
struct plm_text *plm_text_ref(struct plm_text *t);
/** Let go; the last frees. NULL is fine. */
void plm_text_unref(struct plm_text *t);

/** Is it UTF-8 (RFC 3629: shortest form, no surrogates, nothing above U+10FFFF)? */
bool plm_text_is_utf8(const char *s, size_t len);

/**
 * Clean a person's text in place: outer white space goes, and with it the directional controls (U+061C, U+200E, U+200F,
 * U+202A..E, U+2066..9) by which a name could rearrange what stands beside it.
 * @param len   in: octets of valid UTF-8; out: what remains, NUL-terminated when it shrank
 * @param lines line feeds are allowed ("\r\n" becomes "\n"), else every control character is refused
 * @return false when it holds a control character (C0, DEL, C1, line or paragraph separator)
 */
bool plm_text_clean(char *s, size_t *len, bool lines);

#endif
