/*
 * libplenum: an SFU for your own program and your own signalling.
 *
 * One engine owns N workers (threads, each with its loop) and one UDP port. All functions here are called from one thread
 * of yours, the control thread; none blocks on a worker. Events come back through plm_engine_dispatch(), which you call
 * when the descriptor of plm_engine_fd() is readable: it fits any loop. Several engines may live in one process.
 *
 * A meeting in five calls:
 *   plm_engine_room_open
 *   plm_engine_transport_open      → ufrag, pwd for your SDP
 *   plm_sdp_answer / plm_sdp_offer → params
 *   plm_engine_transport_describe  → media flows as soon as the peer connects
 *   plm_engine_transport_view      → what this receiver wants to see
 */
#ifndef PLENUM_ENGINE_H
#define PLENUM_ENGINE_H

#include "plenum/media.h"

#ifdef __cplusplus
extern "C" {
#endif

struct plm_engine;

enum plm_log_level {
    PLM_LOG_ERROR = 0,
    PLM_LOG_WARN,
    PLM_LOG_INFO,
    PLM_LOG_DEBUG,
};

/** Take a log line. Called from any thread, must be thread-safe. tag: "ice", "dtls", "srtp", "rtp", "bwe", "room", "net". */
typedef void plm_log_fn(void *arg, enum plm_log_level level, const char *tag, const char *text);

enum plm_engine_flag {
    /** Replace libsrtp's cipher kernels in the whole process (2-5 times faster on Debian). Set it unless your program uses libsrtp itself. */
    PLM_REPLACE_SRTP_KERNELS = 1 << 0,
    /** Send single datagrams even where the kernel offers UDP_SEGMENT. */
    PLM_NO_GSO = 1 << 1,
    /** Seal with OpenSSL even where ipsec-mb is there. */
    PLM_NO_IPSEC_MB = 1 << 2,
};

#define PLM_MAX_LISTEN 8

struct plm_engine_config {
    unsigned workers; /**< 0: 1 below 4 cores, else cores - 1; at most 32 */
    unsigned flags;   /**< enum plm_engine_flag */
    /** UDP addresses to bind; all workers share each port by SO_REUSEPORT. Port 0: the system chooses one (same for all). None: 0.0.0.0 and [::], port 0. */
    size_t n_listen;
    struct plm_addr listen[PLM_MAX_LISTEN];
    /** Addresses to tell peers; port 0 stands for the bound port. None: those of the interfaces (loopback only if nothing else is there or is bound explicitly). */
    size_t n_advertise;
    struct plm_addr advertise[PLM_MAX_LISTEN * 2];
    uint32_t rcvbuf, sndbuf; /**< octets asked of the kernel per socket [4 MiB]; what was got is logged */
    struct plm_limits limits;
    /**
     * A room stays on one worker, the one with the fewest rooms, until it has more than so many transports; what arrives elsewhere is passed
     * on. 0: each transport lives where its first packet arrives. Small rooms cost less on one worker, a large one can use them all [0]
     */
    uint32_t spread_above;
    uint32_t consent_timeout_ms; /**< nothing authenticated came for so long (RFC 7675) [30000] */
    uint32_t connect_timeout_ms; /**< from open to connected [30000] */
    uint16_t srtp_prefer;        /**< IANA number of the SRTP profile taken where the peer has it: 7, 8 or 1 [7, AEAD_AES_128_GCM] */
    /**
     * File for what is noted of transports that are opened so (plm_transport_open.capture): headers of their packets, never payloads, and the
     * logs of estimator and allocator, as pcapng. Replaced if it exists. NULL: none. Not needed after create
     */
    const char *capture;
    uint64_t capture_max;        /**< octets of it [256 MiB] */
    plm_log_fn *log;             /**< may be NULL */
    void *log_arg;
};

typedef void plm_event_fn(void *arg, const struct plm_event *ev);

/**
 * Create an engine: sockets bound, workers running. A port that anybody else has bound is refused, even one shared by SO_REUSEPORT.
 * @param config  copied; NULL for defaults
 * @param on_event called from plm_engine_dispatch only
 * @return 0, PLM_EINVAL, PLM_ENOMEM, or a negated errno (address in use, …)
 */
PLM_EXPORT int plm_engine_create(struct plm_engine **out, const struct plm_engine_config *config, plm_event_fn *on_event, void *arg);
/** Stop workers, close everything, join threads. No event is delivered any more. Not from within an event. NULL is fine. */
PLM_EXPORT void plm_engine_destroy(struct plm_engine *e);

/** A descriptor that is readable when plm_engine_dispatch has something to do. Owned by the engine. */
PLM_EXPORT int plm_engine_fd(const struct plm_engine *e);
/** Deliver pending events and statistics. Never blocks. Everything but dispatch and destroy may be called from within an event. */
PLM_EXPORT void plm_engine_dispatch(struct plm_engine *e);

/** Number of workers that run. */
PLM_EXPORT unsigned plm_engine_workers(const struct plm_engine *e);
/** Candidates to put into SDP, best first; those of the interfaces as they are now. @return how many were written, at most max */
PLM_EXPORT size_t plm_engine_candidates(const struct plm_engine *e, struct plm_addr *out, size_t max);
/**
 * The same for TCP (RFC 6544, passive): of addresses that the host listens on, whose connections it gives to plm_engine_stream. Those of the
 * loopback are left out where peers are told any other address.
 * @param bound what is listened on @param told addresses to tell instead, port 0 stands for the bound one; none: those of the engine's config
 */
PLM_EXPORT size_t plm_engine_tcp_candidates(const struct plm_engine *e, const struct plm_addr *bound, size_t n_bound,
    const struct plm_addr *told, size_t n_told, struct plm_addr *out, size_t max);
/**
 * ICE-TCP: take a connection that a peer has opened and that is not HTTP or TLS. Datagrams come and go as RFC 4571 frames them; a connection that
 * does not begin with an authenticated check is ended after a few seconds.
 * @param fd connected, non-blocking; owned by the engine from here on, also on error @return 0, PLM_ELIMIT (counted), PLM_ENOMEM, or a negated errno
 */
PLM_EXPORT int plm_engine_stream(struct plm_engine *e, int fd);
/** SHA-256 of our DTLS certificate, made at create. */
PLM_EXPORT const struct plm_fingerprint *plm_engine_fingerprint(const struct plm_engine *e);
/** A random SSRC, never 0; fits plm_sdp_policy.random_ssrc with the engine as arg. */
PLM_EXPORT uint32_t plm_engine_random_ssrc(void *engine);

/** Open a room. @param config NULL for defaults @return 0, PLM_ELIMIT, PLM_ENOMEM */
PLM_EXPORT int plm_engine_room_open(struct plm_engine *e, const struct plm_room_config *config, plm_room_id *out);
/** Close it and every transport in it (events follow with PLM_CLOSE_ROOM). */
PLM_EXPORT int plm_engine_room_close(struct plm_engine *e, plm_room_id room);

struct plm_transport_open {
    plm_room_id room;
    plm_participant_id participant;
    bool capture; /**< into the file of the engine's config */
};
struct plm_transport_local {
    plm_transport_id id;
    char ufrag[PLM_UFRAG_SIZE]; /**< to put into SDP: the entry that answers to it exists when this call returns */
    char pwd[PLM_PWD_SIZE];
};
/** Prepare a transport. Which worker carries it is decided by where its first authenticated check arrives. @return 0, PLM_ENOENT (room), PLM_EINVAL (participant 0), PLM_ELIMIT, PLM_ENOMEM */
PLM_EXPORT int plm_engine_transport_open(struct plm_engine *e, const struct plm_transport_open *open, struct plm_transport_local *out);
/**
 * Tell what was agreed: tracks, slots, ids, the peer's fingerprint. May come before or after the first checks; DTLS is answered
 * once the fingerprint is known. A later call may add m-lines, change sources, or end tracks (direction INACTIVE), never change an SSRC of a slot.
 * @param params copied
 */
PLM_EXPORT int plm_engine_transport_describe(struct plm_engine *e, plm_transport_id id, const struct plm_transport_params *params);
/** ICE restart (RFC 8445 section 9): new credentials; the old ones stay valid until the new ones are used. DTLS and SRTP go on. */
PLM_EXPORT int plm_engine_transport_restart(struct plm_engine *e, plm_transport_id id, struct plm_transport_local *out);
/** What this receiver wants to see. @param view copied */
PLM_EXPORT int plm_engine_transport_view(struct plm_engine *e, plm_transport_id id, const struct plm_view *view);
/** Pin slots. Slots not named become following ones again. @param pins copied, at most PLM_MAX_MEDIA */
PLM_EXPORT int plm_engine_transport_pin(struct plm_engine *e, plm_transport_id id, const struct plm_pin *pins, size_t n);
/** Mute a track of a publishing transport at the server: nothing of it is forwarded. */
PLM_EXPORT int plm_engine_transport_mute(struct plm_engine *e, plm_transport_id id, enum plm_source source, bool muted);
/** Move a transport to another room of the same engine, as the given participant there: forwarding is re-wired, ICE, DTLS and SDP stay. */
PLM_EXPORT int plm_engine_transport_move(struct plm_engine *e, plm_transport_id id, plm_room_id room, plm_participant_id participant);
/** Close with a close_notify to the peer. One event (CLOSED, LOCAL) follows; then the id means nothing. */
PLM_EXPORT int plm_engine_transport_close(struct plm_engine *e, plm_transport_id id);

/**
 * Feed what is published in this room to whoever reads the workers' feeds, a recorder: it is one more receiver, asks for encodings and key frames
 * itself, and is seen by nobody in the room. A track is announced, and sent, on the feed of the worker that carries its publisher.
 * @return 0, PLM_ENOENT
 */
PLM_EXPORT int plm_engine_room_feed(struct plm_engine *e, plm_room_id room, bool on);
/**
 * Give a worker its feed: a connected stream socket, non-blocking, that carries frames of media/base/link_frame.h both ways behind each side's hello, which the
 * caller has exchanged. What the reader does not take waits in a queue (limits.feed_queue); then video is dropped by frame to the next key frame,
 * sound last. Written at most once per turn. A reader on this machine may offer memory instead (media/base/feed_ring.h): then the worker makes no
 * system call for it. A former feed of this worker is closed.
 * @param fd owned by the engine from here on, also on error; -1: none any more
 * @return 0, PLM_EINVAL (worker), PLM_ENOMEM. An end by the reader or by an error comes as PLM_EV_FEED (PLM_EFULL: not even the
 *         names of tracks had room).
 */
PLM_EXPORT int plm_engine_feed(struct plm_engine *e, unsigned worker, int fd);

/** A snapshot of every worker and transport, gathered without stopping anything. */
struct plm_stats {
    uint64_t now_us; /**< engine's monotonic clock */
    uint16_t n_workers;
    struct plm_worker_stats *workers;
    uint32_t n_transports;
    struct plm_transport_stats *transports;
};
typedef void plm_stats_fn(void *arg, const struct plm_stats *stats);
enum plm_stats_scope {
    PLM_STATS_TOTALS = 0, /**< workers only */
    PLM_STATS_ALL,        /**< with every transport, track and slot */
    PLM_STATS_TRANSPORT,  /**< one transport */
};
/** Ask for statistics; the answer comes through plm_engine_dispatch, stats are valid during the call only. */
PLM_EXPORT int plm_engine_stats(struct plm_engine *e, enum plm_stats_scope scope, plm_transport_id id, plm_stats_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
