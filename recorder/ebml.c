#include "ebml.h"

#include <string.h>

#include "base/bytes.h"

#define SIZE_OCTETS 8
#define SIZE_MARK   (UINT64_C(1) << 56) /* RFC 8794 section 4: the first set bit tells the length */
#define MIN_VOID    (1 + SIZE_OCTETS)

static void put_id(struct plm_blob *o, uint32_t id)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        if (id >> shift)
            plm_blob_put8(o, (uint8_t)(id >> shift));
}

void plm_ebml_head(struct plm_blob *o, uint32_t id, uint64_t size)
{
    put_id(o, id);
    plm_blob_put64(o, SIZE_MARK | (size == PLM_EBML_UNKNOWN ? SIZE_MARK - 1 : size));
}

size_t plm_ebml_begin(struct plm_blob *o, uint32_t id)
{
    plm_ebml_head(o, id, 0);
    return o->len - SIZE_OCTETS;
}

void plm_ebml_end(struct plm_blob *o, size_t at)
{
    if (!o->failed)
        plm_put64(o->data + at, SIZE_MARK | (o->len - at - SIZE_OCTETS));
}

/* Numbers and texts are short: their sizes have one octet. */
static void put_short_head(struct plm_blob *o, uint32_t id, size_t size)
{
    put_id(o, id);
    plm_blob_put8(o, (uint8_t)(0x80 | size));
}

void plm_ebml_uint(struct plm_blob *o, uint32_t id, uint64_t v)
{
    put_short_head(o, id, 8);
    plm_blob_put64(o, v);
}

void plm_ebml_float(struct plm_blob *o, uint32_t id, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    plm_ebml_uint(o, id, bits);
}

void plm_ebml_binary(struct plm_blob *o, uint32_t id, const void *data, size_t len)
{
    plm_ebml_head(o, id, len);
    plm_blob_put(o, data, len);
}

void plm_ebml_text(struct plm_blob *o, uint32_t id, const char *text)
{
    plm_ebml_binary(o, id, text, strlen(text));
}

void plm_ebml_void(struct plm_blob *o, size_t size)
{
    plm_ebml_head(o, PLM_EBML_VOID, size - MIN_VOID);
    plm_blob_zero(o, size - MIN_VOID);
}

/* Length in octets of a number whose first octet is this, 0: none begins so. */
static size_t length_of(uint8_t first)
{
    size_t n = 1;
    for (uint8_t mark = 0x80; mark; mark >>= 1, n++)
        if (first & mark)
            return n;
    return 0;
}

bool plm_ebml_read(struct plm_ebml_element *out, const uint8_t *p, size_t len)
{
    size_t n_id = len ? length_of(p[0]) : 0;
    if (n_id == 0 || n_id > 4 || n_id >= len)
        return false;
    size_t n_size = length_of(p[n_id]);
    if (n_size == 0 || n_size > len - n_id)
        return false;
    uint64_t size = plm_ebml_read_uint(p + n_id, n_size), mark = UINT64_C(1) << (7 * n_size);
    out->id = (uint32_t)plm_ebml_read_uint(p, n_id);
    out->size = size == 2 * mark - 1 ? PLM_EBML_UNKNOWN : size - mark;
    out->head = n_id + n_size;
    return true;
}

uint64_t plm_ebml_read_uint(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}
