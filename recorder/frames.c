#include "frames.h"

#include <string.h>

#include "base/planted.h"
#include "plenum/types.h"

ssize_t plm_frames_next(const uint8_t *data, size_t len, struct plm_link_header *header, const uint8_t **body)
{
    struct plm_link_header h;
    if (len < sizeof(h))
        return 0;
    memcpy(&h, data, sizeof(h));
    if (h.size > PLM_LINK_MAX_BODY)
        return PLM_EINVAL;
    if (!PLM_FITS(frames, h.size <= len - sizeof(h)))
        return 0;
    *header = h;
    *body = data + sizeof(h);
    return (ssize_t)(sizeof(h) + h.size);
}

int plm_frames_hello(const struct plm_link_header *header, const uint8_t *body, struct plm_link_hello *out)
{
    struct plm_link_hello hello;
    if (header->type != PLM_LINK_HELLO || header->size != sizeof(hello))
        return PLM_EINVAL;
    memcpy(&hello, body, sizeof(hello));
    if (hello.magic != PLM_LINK_MAGIC || hello.version != PLM_LINK_VERSION ||
        (hello.role != PLM_LINK_ROLE_CONTROL && hello.role != PLM_LINK_ROLE_WORKER))
        return PLM_EINVAL;
    *out = hello;
    return 0;
}
