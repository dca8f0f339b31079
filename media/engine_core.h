/*
 * Inside of an engine: what its control thread keeps of rooms and transports. Private to the engine_*.c files; one thread.
 */
#ifndef PLM_ENGINE_CORE_H
#define PLM_ENGINE_CORE_H

#include "driver_uv.h"
#include "log.h"
#include "outbox.h"
#include "registry.h"
#include "security.h"
#include "udp.h"

struct plm_engine_room;

/** A transport, from open until its worker has said that it is gone, or until its closing was told if no worker ever had it. */
struct plm_engine_transport {
    plm_transport_id id;
    plm_participant_id participant;
    struct plm_engine_room *room;
    struct plm_engine_transport *prev, *next; /**< in its room, or in the engine's list of closed ones */
    struct plm_engine_transport *prev_unclaimed, *next_unclaimed;
    struct plm_transport_plan
        *plan;     /**< our copy of what the registry holds; NULL once a worker has claimed it */
    uint8_t owner; /**< worker, valid when plan is NULL */
    bool closing;  /**< asked to close, or closed by its worker: nothing more may be asked of it */
    bool told;     /**< its worker's last event has come */
    enum plm_close_reason reason; /**< of one that no worker had */
};

struct plm_engine_room {
    plm_room_id id;
    struct plm_room_config config;
    struct plm_engine_transport *transports;
    uint32_t n_transports;
    uint8_t worker; /**< where its transports live while it is small (config.spread_above) */
    bool closing; /**< closed for the application, kept until workers have let go */
    bool fed;     /**< to whoever reads the workers' feeds */
    uint8_t home;
    uint8_t n_peers;
    struct plm_shard_peer peers[PLM_MAX_WORKERS];
};

struct plm_stats_request;

struct plm_engine {
    struct plm_engine_config config;
    struct plm_log log;
    plm_event_fn *on_event;
    void *arg;

    struct plm_identity *identity;
    struct plm_registry *registry;
    struct plm_stream_quota *quota;
    unsigned next_stream; /**< worker that gets the next connection first */
    unsigned n_workers;
    struct plm_driver *drivers[PLM_MAX_WORKERS];
    void *security[PLM_MAX_WORKERS];
    struct plm_capture_thread *capture; /**< NULL: nothing is captured */
    size_t n_listen;
    struct plm_addr bound[PLM_MAX_LISTEN];
    struct plm_udp socks[PLM_MAX_WORKERS][PLM_MAX_LISTEN];
    struct plm_udp_paths paths;
    bool have_paths;

    struct plm_outbox outbox;
    int epoll_fd, timer_fd;
    struct plm_note *notes; /**< swapped with the outbox's */
    size_t notes_cap;
    uint64_t lost_told;
    bool dispatching;

    struct plm_engine_transport **transports; /**< by index, the lower half of an id */
    struct plm_engine_room **rooms;           /**< likewise */
    uint16_t *room_serials;
    uint32_t next_room, n_rooms;
    uint32_t rooms_of[PLM_MAX_WORKERS]; /**< by plm_engine_room.worker */
    struct plm_engine_transport *first_unclaimed, *last_unclaimed; /**< oldest first */
    struct plm_engine_transport *closed; /**< no worker had them; their event is due */

    struct plm_stats_request *requests;
    uint64_t next_request;
};

/* engine_objects.c */

/** Make the tables. @return 0 or PLM_ENOMEM */
int plm_engine_objects_init(struct plm_engine *e);
void plm_engine_objects_free(struct plm_engine *e);
/** NULL when there is none, or it is closing. */
struct plm_engine_transport *plm_engine_find_transport(const struct plm_engine *e, plm_transport_id id);
/** @return 0 or PLM_ENOMEM; takes over cmd in either case */
int plm_engine_post(struct plm_engine *e, unsigned worker, struct plm_command *cmd);
void plm_engine_on_claimed(struct plm_engine *e, plm_transport_id id, uint8_t worker);
void plm_engine_on_closed(struct plm_engine *e, plm_transport_id id);
void plm_engine_on_gone(struct plm_engine *e, plm_transport_id id);
void plm_engine_on_shard(struct plm_engine *e, uint8_t worker, plm_room_id room, uint32_t instance, bool up);
/** Close transports that nobody called in time, and set the timer for the next. */
void plm_engine_expire(struct plm_engine *e);
/** Tell of transports that closed without a worker. */
void plm_engine_tell_closed(struct plm_engine *e);

/* engine_stats.c */

/** Takes over the report; calls back when it was the last one awaited. */
void plm_engine_on_report(struct plm_engine *e, uint8_t worker, struct plm_worker_report *report);
void plm_engine_stats_free(struct plm_engine *e);

#endif
