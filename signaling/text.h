/*
 * Texts: those of people, cleaned before anything else sees them, and serialised messages shared by their receivers.
 * Main thread; nothing here blocks or logs.
 */
#ifndef PLM_SIGNALING_TEXT_H
#define PLM_SIGNALING_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A serialised message, counted: an event is written once for all its receivers. */
struct plm_text {
    size_t len; /**< octets, without the NUL that follows them */
    unsigned refs;
    char data[];
};

/** Make a text with one reference. @return NULL when memory is short */
struct plm_text *plm_text_create(const char *data, size_t len);
/** @return t */
struct plm_text *plm_text_ref(struct plm_text *t);
/** Let go; the last frees. NULL is fine. */
void plm_text_unref(struct plm_text *t);

/**
 * Read one character of UTF-8 (RFC 3629: shortest form, no surrogates, nothing above U+10FFFF).
 * @return its octets, 1..4; 0 when s does not begin with a character
 */
size_t plm_text_next(const char *s, size_t len, uint32_t *code);

/**
 * Clean a person's text in place: outer white space goes, and so do the directional controls (U+061C, U+200E, U+200F,
 * U+202A..E, U+2066..9) by which a name could rearrange what stands beside it.
 * @param s      NUL-terminated; so is what remains
 * @param lines  line feeds and tabs may stay ("\r\n" and "\r" become "\n")
 * @return octets that remain, or -1 when s is not UTF-8 or holds a control character (C0, DEL, C1, U+2028, U+2029)
 */
long plm_text_clean(char *s, bool lines);

#endif
