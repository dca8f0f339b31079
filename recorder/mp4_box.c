#include "mp4_box.h"

#include "base/bytes.h"
#include "base/planted.h"

size_t plm_box_begin(struct plm_blob *o, uint32_t type)
{
    size_t at = o->len;
    plm_blob_put32(o, 0);
    plm_blob_put32(o, type);
    return at;
}

size_t plm_box_begin_full(struct plm_blob *o, uint32_t type, uint8_t version, uint32_t flags)
{
    size_t at = plm_box_begin(o, type);
    plm_blob_put32(o, (uint32_t)version << 24 | flags);
    return at;
}

void plm_box_end(struct plm_blob *o, size_t at)
{
    if (!o->failed)
        plm_put32(o->data + at, (uint32_t)(o->len - at));
}

bool plm_box_next(const uint8_t **p, size_t *left, struct plm_box *out)
{
    if (*left < PLM_BOX_HEAD)
        return false;
    uint32_t size = plm_get32(*p);
    if (size < PLM_BOX_HEAD || !PLM_FITS(mp4, size <= *left))
        return false;
    *out = (struct plm_box){.type = plm_get32(*p + 4), .data = *p + PLM_BOX_HEAD, .len = size - PLM_BOX_HEAD};
    *p += size;
    *left -= size;
    return true;
}

bool plm_box_find(const uint8_t *data, size_t len, uint32_t type, struct plm_box *out)
{
    while (plm_box_next(&data, &len, out))
        if (out->type == type)
            return true;
    return false;
}
