#include "octets.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FIRST_CAP 256
#define KEEP_CAP  (512 * 1024) /* a larger one is given back when it was not needed */

static bool grow(struct plm_octets *o, size_t more)
{
    if (o->failed || more > SIZE_MAX / 4 - o->len) {
        o->failed = true;
        return false;
    }
    size_t cap = o->cap ? o->cap : FIRST_CAP;
    while (cap < o->len + more)
        cap += cap / 2;
    uint8_t *data = realloc(o->data, cap);
    if (!data) {
        o->failed = true;
        return false;
    }
    o->data = data;
    o->cap = cap;
    return true;
}

uint8_t *plm_octets_add(struct plm_octets *o, size_t more)
{
    if (o->failed || (more > o->cap - o->len && !grow(o, more)))
        return NULL;
    uint8_t *at = o->data + o->len;
    o->len += more;
    return at;
}

void plm_octets_put(struct plm_octets *o, const void *data, size_t len)
{
    uint8_t *at = len ? plm_octets_add(o, len) : NULL;
    if (at)
        memcpy(at, data, len);
}

void plm_octets_text(struct plm_octets *o, const char *text)
{
    plm_octets_put(o, text, strlen(text));
}

void plm_octets_zero(struct plm_octets *o, size_t len)
{
    uint8_t *at = len ? plm_octets_add(o, len) : NULL;
    if (at)
        memset(at, 0, len);
}

void plm_octets_put8(struct plm_octets *o, uint8_t v)
{
    plm_octets_put(o, &v, 1);
}

void plm_octets_put16(struct plm_octets *o, uint16_t v)
{
    uint8_t *at = plm_octets_add(o, 2);
    if (at)
        plm_put16(at, v);
}

void plm_octets_put32(struct plm_octets *o, uint32_t v)
{
    uint8_t *at = plm_octets_add(o, 4);
    if (at)
        plm_put32(at, v);
}

void plm_octets_put64(struct plm_octets *o, uint64_t v)
{
    uint8_t *at = plm_octets_add(o, 8);
    if (at)
        plm_put64(at, v);
}

void plm_octets_clear(struct plm_octets *o)
{
    if (o->cap > KEEP_CAP && o->len < o->cap / 4) {
        free(o->data);
        *o = (struct plm_octets){0};
        return;
    }
    o->len = 0;
    o->failed = false;
}

void plm_octets_free(struct plm_octets *o)
{
    free(o->data);
    *o = (struct plm_octets){0};
}
