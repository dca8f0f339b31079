/*
 * One ICE + DTLS + SRTP association: its state, its tracks (what the peer publishes) and its slots (what we send it).
 */
#ifndef PLM_TRANSPORT_H
#define PLM_TRANSPORT_H

#include "base/ntp_map.h"
#include "base/timer.h"
#include "allocator.h"
#include "check_log.h"
#include "command.h"
#include "ice_lite.h"
#include "pacer.h"
#include "red.h"
#include "rtcp.h"
#include "rtp.h"
#include "bwe.h"
#include "security.h"

struct plm_capture_state;
struct plm_shard;
struct plm_slot;
struct plm_track;
struct plm_worker;

#define PLM_MAX_TUPLES 8 /* validated addresses of one peer: the oldest unused gives way */

struct plm_ssrc_binding {
    uint32_t ssrc;
    struct plm_track *track;
    uint8_t encoding;
    bool rtx;
};

struct plm_transport {
    /* What each departing packet looks at, together: with many receivers all of this comes from far. */
    struct plm_worker *worker;
    struct plm_seal_key *key;            /**< NULL before keys */
    struct plm_transport *egress_next;   /**< dirty list */
    uint32_t egress_first, egress_last;  /**< items queued, index + 1 */
    bool egress_queued, closing;
    bool samples_sound;                  /**< not each packet of sound has a number for transport-cc */
    uint8_t seal_overhead;               /**< of key */
    uint8_t sock;
    struct plm_ext_ids ext_ids;          /**< of params */
    uint16_t twcc_seq;
    struct plm_bwe *bwe;
    struct plm_capture_state *capture;   /**< NULL: nobody looks into it */
    struct plm_red red;                  /**< copies of earlier sound that its packets carry */
    uint32_t sample_length_us;           /**< so long each sample of sound lasts, beside its first packet */
    uint64_t sampled_us;                 /**< when the last one began */
    uint64_t tx_packets, tx_bytes;
    struct plm_addr peer;                /**< where we send; family 0: nowhere yet */
    struct plm_transport_params *params; /**< NULL: not described */

    struct plm_shard *shard;
    struct plm_transport *next_in_shard, *prev_in_shard;
    struct plm_transport *next_closing;
    plm_transport_id id;
    plm_room_id room;
    plm_participant_id participant;
    enum plm_transport_state state;
    enum plm_close_reason reason;
    uint64_t opened_us;
    uint64_t heard_us;                   /**< last authenticated check or packet, 0: none */
    struct plm_ext_map exts;

    uint8_t n_tuples;
    struct {
        struct plm_addr addr;
        uint8_t sock;
    } tuples[PLM_MAX_TUPLES];
    bool backlogged; /**< peer takes less than it is sent: no video */
    struct plm_check_log checks;
    struct plm_sec_session *sec;

    /* from the peer */
    struct plm_track **tracks;           /**< by m-line, NULL where it is no track */
    struct plm_ssrc_binding *bindings;
    uint16_t n_bindings, last_binding;
    struct plm_twcc_rx *twcc_rx;
    struct plm_ntp_offset clock;
    uint32_t rtcp_ssrc;                  /**< ours, as sender of feedback */
    uint64_t keyframes_asked;

    /* to the peer */
    struct plm_slot *slots;
    uint16_t n_slots;
    uint64_t rtx_second;                 /**< budget of retransmissions: the second it counts in */
    uint32_t rtx_used, last_second_octets;
    uint64_t tx_bytes_second;
    struct plm_alloc_line line;
    uint32_t allocated_bps;              /**< what was given to slots last, with sound */
    struct plm_view *view;               /**< what its client asked for; NULL: nothing, PLM_VIEW_FOLLOW */
    uint8_t muted;

    struct plm_timer ice_timer, dtls_timer, rtcp_timer, feedback_timer, nack_timer, probe_timer;
    struct plm_pacer pacer;
    struct plm_timer hold_timer; /**< slot.c: a slot has kept its former picture, or what comes of it, long enough */
    struct plm_timer replay_timer; /**< slot.c: the next portion of what slots replay */
    struct {
        struct plm_timer timer;
        uint64_t until_us; /**< packets are lost */
        uint16_t n;
        struct plm_sent_again {
            uint16_t slot, seq;
        } v[16];
    } again; /**< slot_rtx.c: retransmissions whose second copy is still to come */
    uint64_t rx_packets, rx_bytes;
    uint64_t reported_us; /**< when senders' reports went out last; 0: they are due */
    uint32_t rtt_us;
    uint64_t drops[PLM_DROP_COUNT];
};

/** A datagram of its peer's will be worked off soon: fetch what that looks at, */
static inline void plm_transport_prefetch(const struct plm_transport *t)
{
    __builtin_prefetch(&t->worker);
    __builtin_prefetch(&t->bwe);
    __builtin_prefetch(&t->heard_us, 1);
    __builtin_prefetch(&t->sec, 1);
    __builtin_prefetch(&t->last_binding, 1);
    __builtin_prefetch(&t->rx_packets, 1);
}
/** next what it points to, */
static inline void plm_transport_prefetch_parts(const struct plm_transport *t)
{
    __builtin_prefetch(t->sec);
    __builtin_prefetch(t->bwe, 1);
    __builtin_prefetch(t->twcc_rx, 1);
    __builtin_prefetch(t->bindings);
}
/** and then what it is about, of which nothing is read: the transport may have closed meanwhile. @param data nobody has vouched for it */
void plm_transport_prefetch_media(const struct plm_transport *t, const uint8_t *data, size_t len);
/** Something will be sent to it soon. */
static inline void plm_transport_prefetch_pacer(const struct plm_transport *t)
{
    __builtin_prefetch(&t->pacer, 1);
}

/** From a claimed plan; takes it over. @return NULL: no memory */
struct plm_transport *plm_transport_create(struct plm_worker *w, struct plm_transport_plan *plan);
/** Close: what it published and showed ends now, memory at the end of the turn. */
void plm_transport_close(struct plm_transport *t, enum plm_close_reason reason);
/** Only for objects that plm_transport_close has ended. */
void plm_transport_free(struct plm_transport *t);

/** Its setter of states: tells the application. */
void plm_transport_set_state(struct plm_transport *t, enum plm_transport_state state);
/** The handshake may begin: once the address is validated and the peer's fingerprint is known, else nothing happens. */
void plm_transport_begin_security(struct plm_transport *t);
/** @param view becomes the transport's */
void plm_transport_set_view(struct plm_transport *t, struct plm_view *view);
void plm_transport_set_pins(struct plm_transport *t, const struct plm_pin *pins, size_t n);
void plm_transport_set_muted(struct plm_transport *t, enum plm_source source, bool muted);
void plm_transport_move(struct plm_transport *t, plm_room_id room, plm_participant_id participant, const struct plm_room_config *config);

void plm_transport_on_dtls(struct plm_transport *t, const uint8_t *data, size_t len);

void plm_transport_drop(struct plm_transport *t, enum plm_drop d);
void plm_transport_event_slot(struct plm_transport *t, const struct plm_slot *s, uint32_t first_ts);
struct plm_slot *plm_transport_find_slot(const struct plm_transport *t, uint32_t ssrc);

/* transport_layers.c */
/** Choose layers for all its video slots now; before it is connected only what they will wish for. */
void plm_transport_allocate(struct plm_transport *t);
/** Feedback came: what does not fit any more is given up now, and sound is repeated as loss wants it. */
void plm_transport_on_estimate(struct plm_transport *t);
/* assign.c: which participant goes into which pair */
void plm_transport_assign(struct plm_transport *t);

/* transport_addresses.c */
/** Whether a check may be believed: from an address that is ours already, or never seen before. Notes it. @param request authenticated */
bool plm_transport_is_fresh_check(struct plm_transport *t, uint8_t sock, const struct plm_addr *from, const uint8_t *request);
/** An authenticated check came from this address. */
void plm_transport_on_check(struct plm_transport *t, uint8_t sock, const struct plm_addr *from, bool nominated);
/** It has that address no longer. Unknown ones are fine. */
void plm_transport_forget_address(struct plm_transport *t, uint8_t sock, const struct plm_addr *addr);
/** What is sent to that address waits, or has caught up; means nothing unless it is the one in use. */
void plm_transport_set_backlog(struct plm_transport *t, uint8_t sock, const struct plm_addr *addr, bool on);
/** An authentic packet came from this address, which a check has validated: where the peer sends from is where it is, if it has left the other. */
void plm_transport_on_media_from(struct plm_transport *t, uint8_t sock, const struct plm_addr *from);
/** All of them: it closes. */
void plm_transport_forget_addresses(struct plm_transport *t);

/* transport_description.c */
/** Take over params. @return 0 or an error; then the transport is as before */
int plm_transport_describe(struct plm_transport *t, struct plm_transport_params *described);

/* transport_rtp.c */
/** @return whether it was authentic */
bool plm_transport_on_rtp(struct plm_transport *t, const uint8_t *data, size_t len);
/** Count a packet that security would not open. */
void plm_transport_drop_sealed(struct plm_transport *t, int err, bool rtcp);

/* transport_rtcp.c */
/** @return whether it was authentic */
bool plm_transport_on_rtcp(struct plm_transport *t, uint8_t *data, size_t len);
/** Send one compound; buf has cap octets. */
void plm_transport_send_rtcp(struct plm_transport *t, uint8_t *buf, size_t len, size_t cap);
void plm_transport_send_keyframe_request(struct plm_transport *t, uint32_t media_ssrc, uint8_t feedback);
/** Packets are missing: ask soon. */
void plm_transport_wake_nack(struct plm_transport *t, uint64_t at_us);
/** A switch happened: sender reports within 50 ms. */
void plm_transport_wake_reports(struct plm_transport *t);
/** It is connected: reports begin. */
void plm_transport_start_reports(struct plm_transport *t);
/** A packet came that transport-cc feedback is due of, and none is under way. */
void plm_transport_start_feedback(struct plm_transport *t);
/** Whether there is something to send for a probe of its line. */
bool plm_transport_can_probe(struct plm_transport *t);
/* report.c */
/** Each second: what its slots were sent in it. */
void plm_transport_note_second(struct plm_transport *t);
void plm_transport_report(struct plm_transport *t, struct plm_transport_stats *out);

#endif
