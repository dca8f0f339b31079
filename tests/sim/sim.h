/*
 * The simulator: workers of the server's own objects, peers, and a network between them, all on virtual time. One thread; the same seed
 * gives the same run, octet by octet. What is not the server's own: the sealing (of equal length, with a tag that knows its index) and
 * the handshake (which loses packets and takes round trips).
 */
#ifndef PLM_SIM_H
#define PLM_SIM_H

#include <stdio.h>

#include "../fakes/frame_source.h"
#include "../fakes/ref_finder.h"
#include "command.h"
#include "nack_gen.h"
#include "plenum/worker.h"
#include "registry.h"
#include "ring.h"
#include "rtcp.h"
#include "rtp.h"
#include "rx_stats.h"
#include "security.h"

#define SIM_MAX_WORKERS 4
#define SIM_DATAGRAM    1600

/** A rule that the server must keep was broken: say when, and end with a failure. */
#define SIM_CHECK(sim, condition, ...)                                                                       \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            sim_fail(sim, __FILE__, __LINE__, #condition, __VA_ARGS__);                                      \
    } while (0)

/** One direction of a peer's way to the server. */
struct sim_path {
    unsigned loss, duplicate, reorder; /**< of 1000 */
    uint32_t delay_us, jitter_us;      /**< jitter keeps the order; only `reorder` breaks it */
    unsigned again;                    /**< of 1000: lost by a line that sends again and keeps the order */
    uint32_t again_us;                 /**< which takes so long */
    uint32_t rate_bps;                 /**< 0: no limit */
    uint32_t queue_us;                 /**< longest wait for the rate, then tail drop */
    uint64_t held_until_us;            /**< nothing arrives before: it is kept, and comes then */
};

struct sim_config {
    uint64_t seed;
    unsigned n_workers;
    struct sim_path up, down; /**< of peers, unless they say otherwise */
    struct plm_limits limits;
    bool keep_log;        /**< every line, not only its hash */
    const char *log_file; /**< keep it, and write it here at a failure too; may be NULL */
};

struct sim;
struct sim_end;
struct sim_person;
typedef void sim_fn(struct sim *s, void *arg);

/* ---- world: sim_world.c ---- */

struct sim_event;

struct sim_worker {
    struct plm_worker *core;
    struct sim *sim;
    unsigned index;
    void *security;
    uint64_t deadline;
    struct plm_worker_stats stats; /**< of the last sim_take_stats */
};

#define SIM_MAX_ROOMS 8
#define SIM_MAX_IDS   256

struct sim_room {
    uint8_t n_peers;
    bool fed;
    struct plm_shard_peer peers[SIM_MAX_WORKERS];
};

struct sim {
    struct sim_config config;
    uint64_t now, seed, order;
    struct sim_event *heap;
    size_t n_heap, cap_heap;
    struct sim_event_data *free_data;
    struct plm_registry *registry;
    struct sim_worker workers[SIM_MAX_WORKERS];
    struct plm_ring *rings[SIM_MAX_WORKERS][SIM_MAX_WORKERS]; /**< [from][to] */
    bool drain_due[SIM_MAX_WORKERS][SIM_MAX_WORKERS];
    struct sim_room rooms[SIM_MAX_ROOMS];
    struct sim_end **ends; /**< by index; never taken out, so that late packets find them */
    size_t n_ends, cap_ends;
    uint64_t log_hash, n_datagrams, n_events;
    char *log;
    size_t log_len, log_cap;
    /* for whoever looks on; may be NULL */
    void *onlooker;
    void (*on_up)(
        struct sim *s, struct sim_end *e, const uint8_t *data, size_t len); /**< reaches a worker now */
    void (*on_turn)(struct sim *s, unsigned worker);
    void (*on_event)(struct sim *s, const struct plm_event *ev); /**< the application is told */
    bool (*on_capture)(struct sim *s, const void *head, size_t head_len, const void *body, size_t body_len); /**< set before anybody comes */
    /* what was seen */
    unsigned speaker_events, slot_events, transports_closed;
    uint8_t camera_needed
        [SIM_MAX_IDS]; /**< by participant: encodings that somebody needs, as the application was told */
    plm_participant_id dominant;
};

void sim_init(struct sim *s, const struct sim_config *config);
void sim_destroy(struct sim *s);
void sim_run_until(struct sim *s, uint64_t at_us);
void sim_at(struct sim *s, uint64_t at_us, sim_fn *fn, void *arg);
uint64_t sim_random(struct sim *s);
bool sim_chance(struct sim *s, unsigned per_mille);
void sim_write_log(const struct sim *s, const char *file);
void sim_log(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_log_octets(struct sim *s, const void *data, size_t len);
_Noreturn void sim_fail(struct sim *s, const char *file, int line, const char *condition, const char *format,
    ...) __attribute__((format(printf, 5, 6)));
/** Post to a worker; takes over. */
void sim_post(struct sim *s, unsigned worker, struct plm_command *cmd);
void sim_take_stats(struct sim *s);
/** A counter over all workers, as of the last sim_take_stats. */
uint64_t sim_counter(const struct sim *s, enum plm_counter c);
uint64_t sim_drops(const struct sim *s, enum plm_drop d);
uint32_t sim_gauge(const struct sim *s, enum plm_gauge g);
/** Whether a room is fed, told to its shards as the engine does. */
void sim_feed_room(struct sim *s, plm_room_id room, bool on);
/** No frame is on its way between workers. */
bool sim_links_idle(const struct sim *s);

/* ---- security: sim_security.c ---- */

extern const struct plm_security_ops sim_security;
void *sim_security_create(struct sim *s, uint64_t seed);
void sim_security_destroy(void *ctx);
/** The fingerprint that a simulated peer has. */
struct plm_fingerprint sim_fingerprint(unsigned end);

/* ---- one association of a peer: sim_end.c ---- */

struct sim_end {
    struct sim *sim;
    struct sim_person *person;
    unsigned index;
    unsigned worker; /**< where the kernel would deliver its tuple */
    struct plm_addr addr;
    struct sim_path up, down;
    uint64_t up_free, down_free, up_last, down_last; /**< of rate and order */
    struct sim_end *neighbour; /**< whose line down this one shares; NULL: none */
    struct plm_transport_local local;
    struct plm_sec_session *sec;
    void *sec_ctx;
    uint64_t checked_us, timer_at;
    bool replied, connected, dead;
    uint64_t connected_us;
    uint16_t twcc_seq;
    struct plm_twcc_rx *twcc_rx; /**< of a receiver */
    void (*on_rtp)(struct sim_end *e, uint8_t *data, size_t len);
    const struct plm_rtcp_handler *rtcp;
};

struct sim_end *sim_end_open(struct sim *s, struct sim_person *p, plm_room_id room, unsigned worker,
    struct plm_transport_params *params);
/** The kernel delivers its datagrams to another worker from now on, beginning with a check, as with a new address. */
void sim_end_move(struct sim_end *e, unsigned worker);
/** The person leaves: nothing more is sent or taken. announce: with a close_notify, else it just vanishes. */
void sim_end_close(struct sim_end *e, bool announce);
void sim_end_receive(struct sim_end *e, uint8_t *data, size_t len);
void sim_end_send(struct sim_end *e, const uint8_t *data, size_t len);
void sim_end_send_rtp(
    struct sim_end *e, uint32_t ssrc, uint64_t ext_seq, const uint8_t *pkt, size_t hdr_len, size_t len);
void sim_end_send_rtcp(struct sim_end *e, uint8_t *buf, size_t len);

/** Header extension ids of every simulated peer. */
enum {
    SIM_EXT_MID = 1,
    SIM_EXT_RID = 2,
    SIM_EXT_RRID = 3,
    SIM_EXT_LEVEL = 4,
    SIM_EXT_TWCC = 5,
};
#define SIM_PT_OPUS  111
#define SIM_PT_RED   63
#define SIM_PT_VIDEO 96
#define SIM_PT_RTX   97

/* ---- a reader of the workers' feeds: sim_reader.c ---- */

struct sim_reader;

/** Connect one to every worker. @param queue octets of each feed @param encodings it asks for of every camera */
struct sim_reader *sim_reader_open(struct sim *s, size_t queue, uint8_t encodings);
/** While it stands still it neither reads nor asks. */
void sim_reader_pause(struct sim_reader *r, bool on);
/** It is gone; what it counted stays. */
void sim_reader_leave(struct sim_reader *r);
/** One that comes after it. */
void sim_reader_return(struct sim_reader *r);
/** After it has left, and the simulation has ended: what it asked for may have been on its way. */
void sim_reader_free(struct sim_reader *r);
/**
 * Of everything that a worker received within that time, sound and demanded encodings came out, and nothing twice or that was not received.
 * @param complete pictures too; else they may be missing from some packet on to the next key frame
 * @return packets compared
 */
unsigned sim_reader_check(struct sim_reader *r, uint64_t from_us, uint64_t to_us, bool complete);
/** Tracks that it knows at present. */
unsigned sim_reader_tracks(const struct sim_reader *r);
/** Times that pictures were missing, and began again with a key frame. */
unsigned sim_reader_gaps(const struct sim_reader *r);

/* ---- people ---- */

/** What a payload of ours ends with, so that whoever receives it knows the truth. */
struct sim_truth {
    uint32_t magic, participant;
    uint64_t frame; /**< index within its encoding; of audio the packet */
    uint8_t encoding, at, n_packets, n_refs, tid, key, sync, pad;
    uint16_t refs[4]; /**< frames back */
};
#define SIM_MAGIC 0x506c6e6du

#define SIM_HISTORY 256

struct sim_encoding {
    struct fs_source source;
    uint32_t ssrc, rtx_ssrc;
    uint64_t rtx_seq;
    bool key_wanted;
    uint64_t key_wanted_at; /**< since when */
    uint64_t key_at; /**< of the last one */
    uint32_t packets, octets;
    uint64_t last_ts, last_ts_at;
    struct {
        uint64_t ext_seq;
        uint16_t hdr_len, len;
        uint8_t data[SIM_DATAGRAM];
    } * history;
};

struct sim_slot;

struct sim_person {
    struct sim *sim;
    plm_participant_id id;
    plm_room_id room;
    enum plm_codec codec;
    unsigned n_encodings, fps, audio_ms;
    uint16_t octets[3]; /**< of a packet of each encoding */
    uint32_t feedback_us;  /**< from one transport-cc feedback of a receiver to the next */
    uint32_t key_takes_us; /**< from a request to the next frame that may be a key frame */
    uint8_t ended;      /**< bit per encoding: not sent at present */
    struct sim_end *publish, *receive;
    struct sim_encoding video[3];
    uint32_t audio_ssrc;
    uint64_t audio_seq, audio_index;
    uint64_t audio_ts;
    int64_t clock_offset_us; /**< of the sender's NTP clock */
    bool talking, talks_at_random, silent;
    uint64_t talk_until;
    unsigned keyframes, plis_received, nacks_received;
    uint64_t pli_us, pli_gap_us; /**< the last one; the shortest time between two, or that a scenario set */

    unsigned n_slots;
    struct sim_slot *slots;
    /* totals of a receiver, kept after it left */
    uint64_t frames, decoded, stalled, incomplete, audio_packets, padding, rtx, plis_sent;
    uint64_t sound_due, concealed; /**< 20 ms that had to be played, and were not there in time: neither by themselves nor as copies */
    uint64_t copies;               /**< of earlier sound that came */
    unsigned reports;              /**< of senders, that came */
    uint64_t numbered_sound, unnumbered_sound; /**< packets as they came, with a number for transport-cc and without */
    uint64_t given_up; /**< video numbers that were waited for and never came */
    uint64_t longest_freeze_us, freezes_since_us;
    uint64_t shown_us[3]; /**< when a frame of each encoding was first decoded since then; 0: none was */
    uint64_t frozen_us; /**< in all, of what browsers call a freeze */
    uint64_t
        longest_change_us; /* between the last frame of one participant and the first of the next in a slot */
    unsigned changes;
    /* a scenario may say whom it listens to, as a receiver: packets of theirs since then, by index within their sound */
    plm_participant_id listens_to;
    uint64_t heard, heard_first, heard_last;
    /* a scenario may say: nothing of this participant (SIM_EVERYBODY: of anybody) comes any more after that */
    plm_participant_id gone;
    uint64_t gone_us;
};

#define SIM_EVERYBODY UINT32_MAX

struct sim_join {
    plm_participant_id id;
    plm_room_id room;
    enum plm_codec codec;
    unsigned n_encodings, fps, audio_ms;
    unsigned n_pairs, n_audio; /**< of the receiving transport; no pairs and no audio: only publishes */
    bool publishes, talks_at_random, silent;
    bool red; /**< takes RFC 2198 */
    unsigned publish_worker, receive_worker;
    uint8_t max_speakers;
};

struct sim_person *sim_join(struct sim *s, const struct sim_join *j);
void sim_leave(struct sim_person *p, bool announce);
void sim_person_free(struct sim_person *p);
void sim_set_view(struct sim_person *p, const struct plm_view *view);

/* sim_publisher.c */
void sim_publisher_describe(struct sim_person *p, struct plm_transport_params *out);
void sim_publisher_start(struct sim_person *p);
void sim_publisher_end(struct sim_person *p);
extern const struct plm_rtcp_handler sim_publisher_rtcp;
/* sim_receiver.c */
void sim_receiver_describe(struct sim_person *p, const struct sim_join *j, struct plm_transport_params *out);
void sim_receiver_start(struct sim_person *p);
void sim_receiver_end(struct sim_person *p);
void sim_receiver_on_rtp(struct sim_end *e, uint8_t *data, size_t len);
/** Freezes are counted anew from here on. */
void sim_receiver_forget_freezes(struct sim_person *p);
/** What is heard of that one is counted anew. */
void sim_receiver_listen(struct sim_person *p, plm_participant_id who);
/** The longest time that a picture stood still, up to now. */
uint64_t sim_receiver_longest_freeze(const struct sim_person *p);
extern const struct plm_rtcp_handler sim_receiver_rtcp;

#endif
