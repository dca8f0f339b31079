#include "plenum/rtp_params.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const struct plm_transport_params *params)
{
    return offsetof(struct plm_transport_params, media) + params->n_media * sizeof params->media[0];
}

struct plm_transport_params *plm_transport_params_dup(const struct plm_transport_params *params)
{
    size_t size = size_of(params);
    struct plm_transport_params *dup = malloc(size);
    if (dup)
        memcpy(dup, params, size);
    return dup;
}

struct plm_transport_params *plm_transport_params_trim(struct plm_transport_params *params)
{
    struct plm_transport_params *trimmed = realloc(params, size_of(params));
    return trimmed ? trimmed : params;
}

void plm_transport_params_copy(struct plm_transport_params *to, const struct plm_transport_params *from)
{
    size_t size = size_of(from);
    memcpy(to, from, size);
    memset((char *)to + size, 0, sizeof *to - size);
}
