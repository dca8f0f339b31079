/*
 * Messages of the control connection to plenum-recorder (base/recording_format.h), as JSON texts. No I/O.
 */
#ifndef PLM_SERVER_RECORDER_MSG_H
#define PLM_SERVER_RECORDER_MSG_H

#include "recording_port.h"

/** Of a "start": when the recording began, on both clocks. */
struct plm_recorder_start {
    const char *id, *key, *name;
    plm_room_id room;
    uint64_t mono_us, unix_ms;
    uint32_t limit_s;
};

/* Each gives a text with one reference, or NULL when memory is short. */
struct plm_text *plm_recorder_msg_start(const struct plm_recorder_start *start);
struct plm_text *plm_recorder_msg_stop(const char *id, uint64_t mono_us, enum plm_recording_reason reason);
struct plm_text *plm_recorder_msg_delete(const char *id);
/** @param ids n of them */
struct plm_text *plm_recorder_msg_sync(const char *const *ids, size_t n);
/** An event of a recording: its number within this run of the server, and a JSON object with a "type". */
struct plm_recorder_event {
    const char *id, *run;
    uint64_t n, mono_us;
    const struct plm_text *json;
};
/** @param chat out: may be given up first @return NULL also when it has no type */
struct plm_text *plm_recorder_msg_event(const struct plm_recorder_event *event, bool *chat);

enum plm_recorder_disk {
    PLM_RECORDER_DISK_OK = 0,
    PLM_RECORDER_DISK_WARN,
    PLM_RECORDER_DISK_REFUSE, /**< no new recordings */
    PLM_RECORDER_DISK_STOP,   /**< running ones have ended or wait */
    PLM_RECORDER_DISK_COUNT
};
/** "ok", "warn", "refuse", "stop"; static storage. */
const char *plm_recorder_disk_name(enum plm_recorder_disk level);

enum plm_recorder_op {
    PLM_RECORDER_OP_UNKNOWN = 0, /**< of a later version: to be ignored */
    PLM_RECORDER_OP_STATE,
    PLM_RECORDER_OP_DISK,
    PLM_RECORDER_OP_WRITTEN,
};

/** A message from the recorder, checked. */
struct plm_recorder_msg {
    enum plm_recorder_op op;
    struct plm_recording_news news; /**< STATE; its strings belong to the message */
    enum plm_recorder_disk level;   /**< DISK */
    uint64_t free;
    const char *id, *run; /**< WRITTEN; as news' strings */
    uint64_t n;           /**< WRITTEN: so far the events of that run are in the journal */
    void *json;
};

/** @return 0; PLM_EINVAL: no JSON object, a key twice, a field that is missing, of another type or out of range. Clear it after 0. */
int plm_recorder_msg_parse(struct plm_recorder_msg *out, const char *text, size_t len);
void plm_recorder_msg_clear(struct plm_recorder_msg *m);

#endif
