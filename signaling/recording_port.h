/*
 * What signalling asks of whoever records: a table of functions that the server fills with its connection to plenum-recorder and a test
 * with a fake. Main thread; nothing blocks. What becomes of a recording comes back by plm_hub_on_recording.
 */
#ifndef PLM_SIGNALING_RECORDING_PORT_H
#define PLM_SIGNALING_RECORDING_PORT_H

#include "base/recording_format.h"
#include "plenum/media.h"
#include "text.h"

/** A recording to begin, or to go on with after a restart. Strings are borrowed for the call. */
struct plm_recording_start {
    const char *id;
    plm_room_id room;       /**< in media: the main room of the meeting */
    const char *key, *name; /**< of the room's record */
    uint64_t started_ms;    /**< UTC, of its very beginning */
    uint32_t limit_s;
    bool goes_on; /**< an earlier process of the server ran it: a recorder may have it */
};

struct plm_recording_port {
    void *ctx;
    /** @return 0; PLM_ENOTSUP: this server does not record; PLM_EFULL: the disk takes no new recording. Later failures come as states */
    int (*start)(void *ctx, const struct plm_recording_start *start);
    void (*stop)(void *ctx, const char *id, enum plm_recording_reason reason);
    /** The engine's room of a running recording is another one from now on, or gone (0): restarts, ended meetings. */
    void (*room)(void *ctx, const char *id, plm_room_id room);
    /** A line for the journal: a JSON object with "type" (base/recording_format.h). A reference is taken if it is kept. */
    void (*event)(void *ctx, const char *id, struct plm_text *json);
    /**
     * Delete it, with all that is on the disk; one that runs ends. Called again whenever the recorder tells of it still, until it
     * tells PLM_RECORDING_FAILED for PLM_RECORDING_DELETED, or tells no more.
     */
    void (*remove)(void *ctx, const char *id);
};

/** What is known of a recording; as it comes from the recorder. Strings are borrowed. */
struct plm_recording_news {
    const char *id, *key, *name;
    enum plm_recording_state state;
    enum plm_recording_reason reason;
    uint64_t started_ms, bytes;
    int64_t duration_us;
    uint32_t files;
};

struct plm_hub;
/** The recorder told the state of a recording. Unknown ids are fine. */
void plm_hub_on_recording(struct plm_hub *hub, const struct plm_recording_news *news);

#endif
