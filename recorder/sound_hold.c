#include "sound_hold.h"

#include <stdlib.h>
#include <string.h>

#define BURST_US 150000 /* the later ones were held so much less than the first: no jitter does that */
#define LEAST_US (PLM_CLOCK_STOPPED_US - BURST_US) /* of a clock that stood each packet says so */
#define POLL_US  (PLM_CLOCK_DECIDE_US + 100000)    /* with no packet more, as between those of DTX */

void plm_sound_hold_init(
    struct plm_sound_hold *h, struct plm_stream_clock *clock, const struct plm_sound_hold_ops *ops)
{
    memset(h, 0, sizeof *h);
    h->clock = clock;
    h->ops = *ops;
}

void plm_sound_hold_destroy(struct plm_sound_hold *h)
{
    for (unsigned i = 0; i < h->n; i++)
        free(h->held[i].data);
    h->n = 0;
}

static void pass(
    struct plm_sound_hold *h, const uint8_t *data, size_t len, uint64_t ext_ts, uint64_t arrival_us)
{
    plm_stream_clock_on_packet(h->clock, ext_ts, arrival_us);
    h->ops.packet(h->ops.ctx, data, len, ext_ts, arrival_us);
}

static void pass_all(struct plm_sound_hold *h)
{
    unsigned n = h->n;
    h->n = 0;
    for (unsigned i = 0; i < n; i++) {
        pass(h, h->held[i].data, h->held[i].len, h->held[i].ext_ts, h->held[i].arrival_us);
        free(h->held[i].data);
    }
}

/* When it could have come at the latest: one that was lost and sent again, or overtaken, comes behind others that left after it. */
static uint64_t prompt_us(const struct plm_sound_hold *h, unsigned i)
{
    uint64_t us = h->held[i].arrival_us;
    for (; i < h->n; i++)
        us = h->held[i].arrival_us < us ? h->held[i].arrival_us : us;
    return us;
}

static int64_t held_us(const struct plm_sound_hold *h, unsigned i)
{
    return plm_stream_clock_held_us(h->clock, h->held[i].ext_ts, prompt_us(h, i));
}

/** What the first that came in its turn was held: of one that came behind others it is only known that it was sent again. */
static int64_t first_held_us(const struct plm_sound_hold *h)
{
    unsigned i = 0;
    while (h->held[i].arrival_us > prompt_us(h, i))
        i++;
    return held_us(h, i);
}

/** The one that was delayed least. */
static unsigned promptest(const struct plm_sound_hold *h)
{
    unsigned best = 0;
    for (unsigned i = 1; i < h->n; i++) {
        if (held_us(h, i) < held_us(h, best))
            best = i;
    }
    return best;
}

void plm_sound_hold_release(struct plm_sound_hold *h)
{
    if (h->n == 0)
        return;
    unsigned i = promptest(h);
    if (first_held_us(h) - held_us(h, i) < BURST_US && held_us(h, i) > LEAST_US)
        plm_stream_clock_on_stop(h->clock, h->held[i].ext_ts, prompt_us(h, i));
    pass_all(h);
}

void plm_sound_hold_put(struct plm_sound_hold *h, const uint8_t *data, size_t len, uint64_t ext_ts,
    uint64_t arrival_us, uint64_t now_us)
{
    bool stands = plm_stream_clock_held_us(h->clock, ext_ts, arrival_us) > PLM_CLOCK_STOPPED_US;
    uint8_t *copy = (h->n > 0 || stands) && len > 0 ? malloc(len) : NULL;
    if (!copy) { /* without memory it goes on with the line there is */
        plm_sound_hold_release(h);
        pass(h, data, len, ext_ts, arrival_us);
        return;
    }
    memcpy(copy, data, len);
    if (h->n == 0)
        h->since_us = now_us;
    h->held[h->n++] = (struct plm_held){copy, len, ext_ts, arrival_us};
    int64_t least = held_us(h, h->n - 1);
    bool known = first_held_us(h) - least >= BURST_US || least <= LEAST_US;
    if (known || h->n == PLM_SOUND_HOLD_MAX || arrival_us - prompt_us(h, 0) >= PLM_CLOCK_DECIDE_US)
        plm_sound_hold_release(h);
}

uint64_t plm_sound_hold_poll(struct plm_sound_hold *h, uint64_t now_us)
{
    if (h->n > 0 && now_us - h->since_us >= POLL_US)
        plm_sound_hold_release(h);
    return h->n > 0 ? h->since_us + POLL_US : UINT64_MAX;
}
