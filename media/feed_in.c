#include "feed_in.h"

#include "base/planted.h"
#include "plenum/media.h"

#include <string.h>

void plm_feed_in_init(struct plm_feed_in *in)
{
    in->have = 0;
    in->skip = 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The header is there: what follows it? @return octets of body to wait for, or PLM_EINVAL */
static int on_header(struct plm_feed_in *in)
{
    const struct plm_link_header *h = &in->buf.header;
    if (h->type > PLM_LINK_CONTROL) {
        if (h->size > PLM_LINK_MAX_BODY)
            return PLM_EINVAL;
        in->skip = h->size;
        in->have = 0;
        return 0;
    }
    if (h->type != PLM_LINK_DEMAND || h->source >= PLM_SOURCE_COUNT ||
        !PLM_FITS(link, h->size == sizeof(struct plm_link_demand)))
        return PLM_EINVAL;
    return (int)h->size;
}

int plm_feed_in_take(struct plm_feed_in *in, const uint8_t *data, size_t len, plm_feed_in_fn *fn, void *arg)
{
    while (len > 0) {
        size_t n = smaller(len, in->skip);
        in->skip -= (uint32_t)n;
        data += n;
        len -= n;
        if (len == 0)
            break;
        size_t whole = sizeof in->buf.header;
        if (in->have >= whole)
            whole += in->buf.header.size;
        n = smaller(len, whole - in->have);
        memcpy(in->buf.octets + in->have, data, n);
        in->have = (uint8_t)(in->have + n);
        data += n;
        len -= n;
        if (in->have < whole)
            break;
        if (whole > sizeof in->buf.header) {
            struct plm_link_demand d;
            memcpy(&d, in->buf.octets + sizeof in->buf.header, sizeof d);
            in->have = 0;
            fn(arg, &in->buf.header, &d);
        } else {
            int err = on_header(in);
            if (err < 0)
                return err;
        }
    }
    return 0;
}
