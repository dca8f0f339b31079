#include "stream_frames.h"

#include "base/planted.h"
#include "plenum/types.h"

#include <assert.h>
#include <string.h>

void plm_stream_frames_init(struct plm_stream_frames *f)
{
    f->at = f->end = 0;
}

uint8_t *plm_stream_frames_room(struct plm_stream_frames *f, size_t *len)
{
    if (f->at > 0) {
        memmove(f->octets, f->octets + f->at, f->end - f->at);
        f->end -= f->at;
        f->at = 0;
    }
    *len = sizeof f->octets - f->end;
    return f->octets + f->end;
}

void plm_stream_frames_filled(struct plm_stream_frames *f, size_t len)
{
    assert(len <= sizeof f->octets - f->end);
    f->end += (uint32_t)len;
}

int plm_stream_frames_next(struct plm_stream_frames *f, uint8_t **datagram)
{
    while (f->end - f->at >= PLM_STREAM_FRAME_HEAD) {
        const uint8_t *head = f->octets + f->at;
        uint32_t len = (uint32_t)head[0] << 8 | head[1];
        if (len > PLM_STREAM_FRAME_MAX)
            return PLM_EINVAL;
        if (!PLM_FITS(framing, len <= f->end - f->at - PLM_STREAM_FRAME_HEAD))
            return 0;
        if (len > 0) {
            *datagram = f->octets + f->at + PLM_STREAM_FRAME_HEAD;
            return (int)len;
        }
        f->at += PLM_STREAM_FRAME_HEAD;
    }
    return 0;
}

void plm_stream_frames_pass(struct plm_stream_frames *f, size_t len)
{
    assert(len + PLM_STREAM_FRAME_HEAD <= f->end - f->at);
    f->at += (uint32_t)(PLM_STREAM_FRAME_HEAD + len);
}

const uint8_t *plm_stream_frames_rest(const struct plm_stream_frames *f, size_t *len)
{
    *len = f->end - f->at;
    return f->octets + f->at;
}
