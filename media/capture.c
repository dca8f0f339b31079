#include "capture.h"

#include "alloc_log.h"
#include "bwe_log.h"
#include "rtp.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>

#define PIECE_OCTETS 4096 /* of an estimator's log */
#define RTP_FIXED    12   /* octets of a header, RFC 3550 section 5.1 */

/** Of a transport that is looked into. */
struct plm_capture_state {
    struct plm_bwe_log log;
    uint8_t piece[PIECE_OCTETS];
};

static bool hand_on(
    struct plm_transport *t, const struct plm_capture_head *head, const void *body, size_t len)
{
    const struct plm_worker_io *io = &t->worker->config.io;
    return io->capture(io->ctx, head, sizeof *head, body, len);
}

static struct plm_capture_head head_of(const struct plm_transport *t, enum plm_capture_kind kind)
{
    return (struct plm_capture_head){
        .kind = (uint8_t)kind, .transport = t->id, .at_us = t->worker->now_us, .peer = t->peer};
}

void plm_capture_begin(struct plm_transport *t)
{
    if (!t->worker->config.io.capture || !(t->capture = calloc(1, sizeof *t->capture)))
        return;
    const struct plm_capture_head head = head_of(t, PLM_CAPTURE_TRANSPORT);
    const struct plm_capture_who who = {.room = t->room, .participant = t->participant};
    hand_on(t, &head, &who, sizeof who);
}

void plm_capture_end(struct plm_transport *t)
{
    if (t->capture)
        plm_capture_flush(t);
    free(t->capture);
    t->capture = NULL;
}

/* A piece that has no room ends the log: without it the rest could not be understood. */
static bool take_piece(void *arg, const uint8_t *data, size_t len)
{
    struct plm_transport *t = arg;
    const struct plm_capture_head head = head_of(t, PLM_CAPTURE_ESTIMATOR);
    return hand_on(t, &head, data, len);
}

void plm_capture_estimator(struct plm_transport *t)
{
    if (!t->capture)
        return;
    struct plm_bwe_log *log = &t->capture->log;
    plm_bwe_log_init(log, t->capture->piece, sizeof t->capture->piece);
    log->drain = take_piece;
    log->arg = t;
    plm_bwe_set_log(t->bwe, log);
}

void plm_capture_flush(struct plm_transport *t)
{
    plm_bwe_log_drain(&t->capture->log);
}

static void packet(struct plm_transport *t, bool outgoing, const uint8_t *data, size_t seen, size_t len)
{
    struct plm_capture_head head = head_of(t, PLM_CAPTURE_PACKET);
    head.outgoing = outgoing;
    head.len = (uint32_t)len;
    hand_on(t, &head, data, seen);
}

/* RFC 3550 section 5.1: fixed header, contributing sources, one extension. @return 0: it is not whole */
static size_t header_of(const uint8_t *p, size_t len)
{
    size_t n = RTP_FIXED;
    if (len < n)
        return 0;
    n += 4u * (p[0] & 15);
    if (!(p[0] & 0x10))
        return n <= len ? n : 0;
    if (n + 4 > len)
        return 0;
    n += 4 + 4u * (size_t)(p[n + 2] << 8 | p[n + 3]);
    return n <= len ? n : 0;
}

void plm_capture_rtp(struct plm_transport *t, bool outgoing, const uint8_t *data, size_t head, size_t len)
{
    size_t seen = header_of(data, head);
    if (seen)
        packet(t, outgoing, data, seen, len);
}

void plm_capture_rtcp(struct plm_transport *t, bool outgoing, const uint8_t *data, size_t len)
{
    packet(t, outgoing, data, len, len);
}

void plm_capture_allocation(struct plm_transport *t, const struct plm_alloc_log *log)
{
    const struct plm_capture_head head = head_of(t, PLM_CAPTURE_ALLOCATOR);
    hand_on(t, &head, log->data, log->len);
}
