#include "sdp/slice.h"

#include <string.h>
#include <strings.h>

bool plm_slice_is(struct plm_slice s, const char *text)
{
    return strlen(text) == s.n && memcmp(s.p, text, s.n) == 0;
}

bool plm_slice_is_word(struct plm_slice s, const char *text)
{
    return strlen(text) == s.n && strncasecmp(s.p, text, s.n) == 0;
}

struct plm_slice plm_slice_cut(struct plm_slice *rest, char delim)
{
    const char *end = rest->n ? memchr(rest->p, delim, rest->n) : NULL;
    struct plm_slice head = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = end ? head.n + 1 : head.n;
    rest->p += used;
    rest->n -= used;
    return head;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct plm_slice plm_slice_word(struct plm_slice *rest)
{
    while (rest->n && is_blank(*rest->p)) {
        rest->p++;
        rest->n--;
    }
    struct plm_slice word = {rest->p, 0};
    while (word.n < rest->n && !is_blank(word.p[word.n]))
        word.n++;
    rest->p += word.n;
    rest->n -= word.n;
    return word;
}

struct plm_slice plm_slice_trim(struct plm_slice s)
{
    while (s.n && is_blank(*s.p)) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

int plm_slice_number(struct plm_slice s, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    if (s.n == 0 || s.n > 10)
        return PLM_EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return PLM_EINVAL;
        value = value * 10 + (uint64_t)(s.p[i] - '0');
    }
    if (value > max)
        return PLM_EINVAL;
    *out = (uint32_t)value;
    return 0;
}

int plm_slice_copy(char *dst, size_t size, struct plm_slice s)
{
    if (s.n >= size)
        return PLM_ELIMIT;
    memcpy(dst, s.p, s.n);
    dst[s.n] = '\0';
    return 0;
}

bool plm_slice_is_visible(struct plm_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return true;
}

bool plm_slice_is_token(struct plm_slice s)
{
    if (s.n == 0 || !plm_slice_is_visible(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (strchr("\"(),/:;<=>?@[\\]", s.p[i]))
            return false;
    return true;
}
