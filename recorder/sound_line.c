#include "sound_line.h"

#include "base/util.h"

/* Where nothing is heard the clock is followed more closely; less than half a packet would undo what a packet more or less does. */
#define QUIET_SLACK_US 10000
#define DTX_OCTETS     8 /* comfort noise and DTX frames are smaller than this */

/*
 * Silent packets (RFC 6716): CELT at full band, of one frame, whose first bit says silence (section 4.3). The configuration is that of table 2;
 * bit 2 of the first octet is stereo.
 */
static const struct {
    uint32_t duration_us;
    uint8_t config;
} silences[] = {{20000, 31}, {10000, 30}, {5000, 29}, {2500, 28}};

void plm_sound_line_init(struct plm_sound_line *l, int64_t start_us)
{
    *l = (struct plm_sound_line){.next_us = start_us};
}

static void put(struct plm_sound_line *l, struct plm_sample packet, plm_sound_fn *out, void *arg)
{
    packet.time_us = l->next_us;
    l->next_us += packet.duration_us;
    out(arg, &packet);
}

static void put_silence(struct plm_sound_line *l, unsigned which, plm_sound_fn *out, void *arg)
{
    uint8_t toc = (uint8_t)(silences[which].config << 3 | (l->stereo ? 4 : 0));
    const uint8_t data[] = {toc, 0xff, 0xfe};
    struct plm_sample packet = {
        .codec = PLM_CODEC_OPUS,
        .keyframe = true,
        .duration_us = silences[which].duration_us,
        .data = data,
        .len = sizeof data,
    };
    l->filled++;
    put(l, packet, out, arg);
}

/** Silence in pieces, from the longest on, as long as one fits. */
static void fill(struct plm_sound_line *l, int64_t until_us, plm_sound_fn *out, void *arg)
{
    for (unsigned i = 0; i < PLM_COUNT_OF(silences); i++) {
        while (until_us - l->next_us >= silences[i].duration_us)
            put_silence(l, i, out, arg);
    }
}

void plm_sound_line_put(
    struct plm_sound_line *l, const struct plm_sample *packet, plm_sound_fn *out, void *arg)
{
    int64_t ahead = packet->time_us - l->next_us;
    int64_t slack = packet->len < DTX_OCTETS ? QUIET_SLACK_US : PLM_SOUND_SLACK_US;
    l->stereo = packet->len > 0 && packet->data[0] & 4;
    if (ahead < -slack) {
        l->left_out++;
        return;
    }
    if (ahead > slack)
        fill(l, packet->time_us, out, arg);
    put(l, *packet, out, arg);
}

void plm_sound_line_fill(struct plm_sound_line *l, int64_t until_us, plm_sound_fn *out, void *arg)
{
    while (until_us - l->next_us >= silences[0].duration_us)
        put_silence(l, 0, out, arg);
}
