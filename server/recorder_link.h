/*
 * The server's side of recording: signalling's recording port, filled with plenum-recorder.
 *
 * Keeps a recorder running (or uses the one that is there: it outlives its server), a control connection to it from the loop, and one
 * connection for each media worker, which the engine then feeds. What runs is told anew to every recorder that comes: "start" for each
 * recording, the events that no recorder has written yet, "sync"; a room is fed as soon as the recorder says that its recording is on. While no recorder answers,
 * recordings are paused, and events are kept, so that the journal has no hole. Loop thread; nothing blocks.
 */
#ifndef PLM_SERVER_RECORDER_LINK_H
#define PLM_SERVER_RECORDER_LINK_H

#include <uv.h>

#include "recorder_msg.h"
#include "recording_port.h"

/** From one try to connect to the next; sooner after starting a recorder. */
#define PLM_RECORDER_RETRY_MS 1000
/** A recorder that records says so each 5 s: one that does not is gone. */
#define PLM_RECORDER_SILENCE_MS 20000
/** A recording that waited so long for a recorder is told to be paused. */
#define PLM_RECORDER_MISSED_MS 5000
/** Messages that wait for a recorder, or for its word that they are written (recorder_queue.h). */
#define PLM_RECORDER_MAX_WAITING 4096

struct plm_recorder_link;

/** What the link asks of others. All but ctx must be there. */
struct plm_recorder_host {
    void *ctx;
    /** plm_engine_room_feed, plm_engine_feed */
    int (*room_feed)(void *ctx, plm_room_id room, bool on);
    int (*feed)(void *ctx, unsigned worker, int fd);
    /** plm_hub_on_recording. Never from within a function of the link. */
    void (*news)(void *ctx, const struct plm_recording_news *news);
    void (*random)(void *out, size_t len);
};

struct plm_recorder_config {
    const char *program, *dir, *socket, *log_level; /**< borrowed for good */
    bool supervise;                                 /**< start program when nobody listens at socket */
    bool
        eager; /**< at once; else with the first recording, or when dir holds some that a former recorder may have left unfinished */
    unsigned n_workers;
};

struct plm_recorder_link_stats {
    bool up;
    uint32_t running, feeds, waiting;
    uint64_t starts, lost_events, bad_messages;
    uint64_t bytes; /**< of running recordings */
    enum plm_recorder_disk disk;
    uint64_t disk_free;
};

/** @return 0 or PLM_ENOMEM; the first try to connect is made in the loop's first turn */
int plm_recorder_link_create(struct plm_recorder_link **out, uv_loop_t *loop,
    const struct plm_recorder_config *config, const struct plm_recorder_host *host);
/** The table; its ctx is the link. */
void plm_recorder_link_port(struct plm_recorder_link *link, struct plm_recording_port *out);
/** Hand PLM_EV_FEED in. */
void plm_recorder_link_on_feed(struct plm_recorder_link *link, unsigned worker);
void plm_recorder_link_stats(const struct plm_recorder_link *link, struct plm_recorder_link_stats *out);
/** End connections; the recorder runs on. The loop must run until nothing of this is left. NULL is fine. */
void plm_recorder_link_close(struct plm_recorder_link *link);
/** After that. NULL is fine. */
void plm_recorder_link_destroy(struct plm_recorder_link *link);

#endif
