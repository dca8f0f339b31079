/*
 * Opus (RFC 7587 section 4.2): a payload is a packet.
 */
#include "base/planted.h"
#include "depack.h"

#define MAX_SAMPLES 5760 /* RFC 6716 section 3.2.5, R5: 120 ms */

/* RFC 6716 section 3.1, table 2 */
static uint32_t frame_samples(uint8_t toc)
{
    unsigned config = toc >> 3;
    if (config >= 16) /* CELT: 2.5, 5, 10, 20 ms */
        return 120u << (config & 3);
    if (config >= 12) /* hybrid: 10, 20 ms */
        return 480u << (config & 1);
    static const uint32_t silk[] = {480, 960, 1920, 2880};
    return silk[config & 3];
}

/** Samples at 48 kHz, 0: malformed */
static uint32_t samples_of(const uint8_t *packet, size_t len)
{
    if (len < 1)
        return 0;
    unsigned frames = 1, code = packet[0] & 3;
    if (code == 1 || code == 2)
        frames = 2;
    if (code == 3) {
        if (!PLM_FITS(depack_opus, len >= 2))
            return 0;
        frames = packet[1] & 0x3f;
    }
    uint32_t samples = frames * frame_samples(packet[0]);
    return samples <= MAX_SAMPLES ? samples : 0;
}

uint32_t plm_opus_duration_us(const uint8_t *packet, size_t len)
{
    return samples_of(packet, len) * 125 / 6;
}

int plm_depack_opus_add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    if (d->any || samples_of(payload, len) == 0)
        return PLM_EINVAL;
    d->place.keyframe = true;
    return plm_depack_append(&d->out, payload, len, d->max);
}

int plm_depack_opus_end(struct plm_depack *d)
{
    d->duration_us = plm_opus_duration_us(d->out.data, d->out.len);
    return 0;
}
