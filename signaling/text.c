#include "text.h"

#include <stdlib.h>
#include <string.h>

struct plm_text *plm_text_create(const char *data, size_t len)
{
    struct plm_text *t = malloc(sizeof *t + len + 1);
    if (!t)
        return NULL;
    t->len = len;
    t->refs = 1;
    memcpy(t->data, data, len);
    t->data[len] = 0;
    return t;
}

struct plm_text *plm_text_ref(struct plm_text *t)
{
    t->refs++;
    return t;
}

void plm_text_unref(struct plm_text *t)
{
    if (t && --t->refs == 0)
        free(t);
}

/* What the first octet promises: octets in all, and its own bits. */
static size_t utf8_lead(uint8_t first, uint32_t *bits)
{
    if (first < 0x80) {
        *bits = first;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        *bits = first & 0x1f;
        return 2;
    }
    if ((first & 0xf0) == 0xe0) {
        *bits = first & 0x0f;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *bits = first & 0x07;
        return 4;
    }
    return 0;
}

size_t plm_text_next(const char *s, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = 0;
    size_t n = len ? utf8_lead((uint8_t)s[0], &c) : 0;
    if (!n || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        uint8_t octet = (uint8_t)s[i];
        if ((octet & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (octet & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

static bool is_directional(uint32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/* Unicode's White_Space without the controls, and the marks that show nothing at all. */
static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) ||
           c == 0x202f || c == 0x205f || c == 0x2060 || c == 0x3000 || c == 0xfeff;
}

long plm_text_clean(char *s, bool lines)
{
    size_t len = strlen(s), in = 0, out = 0, end = 0;
    while (in < len) {
        uint32_t c;
        size_t n = plm_text_next(s + in, len - in, &c);
        if (!n)
            return -1;
        if (lines && c == '\r') {
            in++;
            if (s[in] == '\n')
                continue;
            s[--in] = '\n';
            c = '\n';
        }
        if (is_control(c) && !(lines && (c == '\n' || c == '\t')))
            return -1;
        bool blank = is_blank(c);
        if (!is_directional(c) && !(blank && out == 0)) {
            memmove(s + out, s + in, n);
            out += n;
            if (!blank)
                end = out;
        }
        in += n;
    }
    s[end] = 0;
    return (long)end;
}
