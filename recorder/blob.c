#include "blob.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FIRST_CAP 256
#define KEEP_CAP  (512 * 1024) /* a larger one is given back when it was not needed */

static bool grow(struct plm_blob *o, size_t more)
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

uint8_t *plm_blob_add(struct plm_blob *o, size_t more)
{
    if (o->failed || (more > o->cap - o->len && !grow(o, more)))
        return NULL;
    uint8_t *at = o->data + o->len;
    o->len += more;
    return at;
}

void plm_blob_put(struct plm_blob *o, const void *data, size_t len)
{
    uint8_t *at = len ? plm_blob_add(o, len) : NULL;
    if (at)
        memcpy(at, data, len);
}

void plm_blob_text(struct plm_blob *o, const char *text)
{
    plm_blob_put(o, text, strlen(text));
}

void plm_blob_zero(struct plm_blob *o, size_t len)
{
    uint8_t *at = len ? plm_blob_add(o, len) : NULL;
    if (at)
        memset(at, 0, len);
}

void plm_blob_put8(struct plm_blob *o, uint8_t v)
{
    plm_blob_put(o, &v, 1);
}

void plm_blob_put16(struct plm_blob *o, uint16_t v)
{
    uint8_t *at = plm_blob_add(o, 2);
    if (at)
        plm_put16(at, v);
}

void plm_blob_put32(struct plm_blob *o, uint32_t v)
{
    uint8_t *at = plm_blob_add(o, 4);
    if (at)
        plm_put32(at, v);
}

void plm_blob_put64(struct plm_blob *o, uint64_t v)
{
    uint8_t *at = plm_blob_add(o, 8);
    if (at)
        plm_put64(at, v);
}

void plm_blob_clear(struct plm_blob *o)
{
    if (o->cap > KEEP_CAP && o->len < o->cap / 4) {
        free(o->data);
        *o = (struct plm_blob){0};
        return;
    }
    o->len = 0;
    o->failed = false;
}

void plm_blob_free(struct plm_blob *o)
{
    free(o->data);
    *o = (struct plm_blob){0};
}
