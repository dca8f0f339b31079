/*
 * Messages of the control connection (base/recording_format.h) as typed values, and back. No I/O. What is not of the form is refused as a whole:
 * ids become parts of paths, and numbers times.
 */
#ifndef PLM_RECORDER_CONTROL_H
#define PLM_RECORDER_CONTROL_H

#include "base/recording_format.h"
#include "json_line.h"
#include "writer.h"

#define PLM_CONTROL_MAX_IDS   4096        /**< of one "sync" */
#define PLM_CONTROL_MAX_TEXT  512         /**< octets of a room's key or name */
#define PLM_CONTROL_MAX_LIMIT (7 * 86400) /**< seconds */

enum plm_control_op {
    PLM_CONTROL_IGNORED = 0, /**< an "op" that we do not know */
    PLM_CONTROL_START,
    PLM_CONTROL_EVENT,
    PLM_CONTROL_STOP,
    PLM_CONTROL_DELETE,
    PLM_CONTROL_SYNC,
};

struct plm_control {
    enum plm_control_op op;
    json_t *json;   /**< owned; the texts below live in it */
    const char *id; /**< all but SYNC; valid */
    uint32_t room;  /**< START; not 0 */
    const char *key, *name;
    int64_t mono_us;                  /**< START, EVENT, STOP; 0..2^62 */
    uint64_t unix_ms;                 /**< START */
    uint32_t limit_s;                 /**< START; PLM_RECORDING_LIMIT_S when left out */
    enum plm_recording_reason reason; /**< STOP */
    const char *run;                  /**< EVENT; valid, or NULL: it has no number */
    uint64_t n;                       /**< EVENT with a run; 1..PLM_RECORDING_MAX_N */
    json_t *event;                    /**< EVENT; has a "type" that is not one of the recorder's own lines */
    const char **ids;                 /**< SYNC; owned, the texts are valid ids */
    size_t n_ids;
};

/** @return 0, PLM_EINVAL, PLM_ENOMEM; needs plm_control_free only after 0 */
int plm_control_parse(struct plm_control *out, const char *text, size_t len);
void plm_control_free(struct plm_control *c);

/** What "state" tells. Texts are borrowed. */
struct plm_control_state {
    const char *id, *key, *name;
    enum plm_recording_state state;
    enum plm_recording_reason reason;
    uint64_t started_ms, bytes;
    int64_t duration_us;
    uint32_t files;
};

/** @return text to free(); NULL: no memory */
char *plm_control_write_state(const struct plm_control_state *s, size_t *len);
/** The events of a run up to n are in the journal. */
char *plm_control_write_written(const char *id, const char *run, uint64_t n, size_t *len);
char *plm_control_write_disk(enum plm_disk_level level, uint64_t free_bytes, size_t *len);
/** "ok", "warn", "refuse", "stop"; static storage. */
const char *plm_disk_level_name(enum plm_disk_level level);

#endif
