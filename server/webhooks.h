/*
 * Tells a program of the operator's what happens in rooms: one POST per event to webhooks.url, in order, one at a time, signed, and
 * repeated until it is taken. The address comes from the configuration alone; redirections are not followed. libcurl on the loop (this
 * is the one file that knows it); nothing blocks. Loop thread.
 *
 * Body: {"id", "type", "room", "at", "participant": {"id", "name", "identity"}, "reason", "recording": {"id", "started_at", "duration_ms",
 * "bytes", "files"}}, the last three where they belong; times are milliseconds since 1970. Types: room_started, room_ended,
 * participant_waiting, participant_joined, participant_left, breakouts_opened, breakouts_closed, recording.started, recording.ready,
 * recording.failed.
 * Header: Plenum-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>" with webhooks.secret>. Who receives it compares
 * the signature, and refuses a t that is older than some minutes. An event may come twice (the answer was lost): by its id one knows.
 */
#ifndef PLM_SERVER_WEBHOOKS_H
#define PLM_SERVER_WEBHOOKS_H

#include <uv.h>

#include "api.h"

#define PLM_WEBHOOKS_MAX_WAITING 4096 /**< events; on top of that the oldest are given up */
#define PLM_WEBHOOKS_TRIES       12   /**< then an event is given up, some forty minutes after the first */
#define PLM_WEBHOOKS_FIRST_MS    1000 /**< before the second try; doubled each time */
#define PLM_WEBHOOKS_LAST_MS     600000
#define PLM_WEBHOOKS_TIMEOUT_MS  10000 /**< of one try */

struct plm_webhooks;

/** Is this an address of http or https? */
bool plm_webhooks_is_url(const char *url);

struct plm_webhooks_stats {
    uint32_t waiting;
    uint64_t oldest_ms;                  /**< how long the first of them has waited */
    uint64_t delivered, failed, retried; /**< failed, retried: tries, not events */
    uint64_t given_up;                   /**< events: too many tries, too many waiting, or memory was short */
};

/**
 * @param loop   borrowed
 * @param url    http or https; copied
 * @param secret copied
 * @param random for ids
 * @return 0; PLM_EINVAL (no such url), PLM_ENOMEM
 */
int plm_webhooks_create(struct plm_webhooks **out, uv_loop_t *loop, const char *url, const char *secret,
    void (*random)(void *out, size_t len));
/** Queue an event. Copied. */
void plm_webhooks_tell(struct plm_webhooks *w, const struct plm_hub_event *ev);
void plm_webhooks_stats(const struct plm_webhooks *w, struct plm_webhooks_stats *out);
/** End what is under way; what waits is given up. The loop must run on until nothing of this is left. NULL is fine. */
void plm_webhooks_close(struct plm_webhooks *w);
/** After that. NULL is fine. */
void plm_webhooks_destroy(struct plm_webhooks *w);

/** For tests: the value of Plenum-Signature. @param out at least 96 octets */
void plm_webhooks_sign(char *out, size_t size, const char *secret, uint64_t seconds, const char *body);

#endif
