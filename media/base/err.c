#include "plenum/types.h"

#include <string.h>

static const char *own_text(int err)
{
    switch (err) {
    case PLM_OK:
        return "ok";
    case PLM_EINVAL:
        return "malformed or out of range";
    case PLM_ENOMEM:
        return "out of memory";
    case PLM_ELIMIT:
        return "limit reached";
    case PLM_ENOENT:
        return "no such object";
    case PLM_ESTATE:
        return "not allowed in this state";
    case PLM_EAUTH:
        return "authentication failed";
    case PLM_EREPLAY:
        return "replayed or too old";
    case PLM_EKEY:
        return "no key, or its limit is reached";
    case PLM_EAGAIN:
        return "not now";
    case PLM_ECLOSED:
        return "closed by the peer";
    case PLM_ENOTSUP:
        return "not supported";
    case PLM_EFULL:
        return "no room left";
    default:
        return NULL;
    }
}

const char *plm_strerror(int err)
{
    const char *text = own_text(err);
    /* Not strerror: its text for an unknown number lies in a buffer that the next call overwrites. */
    if (!text && err < 0 && err > -4096)
        text = strerrordesc_np(-err);
    return text ? text : "unknown error";
}
