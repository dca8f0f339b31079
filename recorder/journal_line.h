/*
 * Lines of a recording's journal (base/recording_format.h), and what a recorder that starts again reads from one. Pure functions of text.
 *
 * Beyond the format's fields a first line has "boot", the kernel's boot id: CLOCK_MONOTONIC means nothing after another boot.
 */
#ifndef PLM_RECORDER_JOURNAL_LINE_H
#define PLM_RECORDER_JOURNAL_LINE_H

#include "base/recording_format.h"
#include "json_line.h"
#include "sample.h"

#include <stdint.h>

#define PLM_BOOT_ID_SIZE 37

/** Is it a type of line that the recorder writes itself, and takes from nobody? */
bool plm_journal_is_own(const char *type);

struct plm_journal_head {
    const char *id, *key, *name, *boot;
    uint64_t started_ms;
    int64_t mono_us; /**< the clock at t_us 0 */
};

/** A file that was begun. */
struct plm_journal_file {
    const char *name, *pair;
    uint32_t participant;
    int64_t start_us;
    bool sound;
    enum plm_codec video; /**< PLM_CODEC_NONE: sound alone */
    uint16_t width, height, rotation;
};

struct plm_journal_file_end {
    const char *name, *reason, *sha256;
    int64_t duration_us;
    uint64_t bytes;
    bool usable;
};

/* Each gives a line to free(), NULL: no memory. */
char *plm_journal_line_recording(const struct plm_journal_head *h);
char *plm_journal_line_file(int64_t t_us, const struct plm_journal_file *f);
char *plm_journal_line_file_end(int64_t t_us, const struct plm_journal_file_end *f);
char *plm_journal_line_gap(int64_t t_us, int64_t from_us, int64_t to_us, const char *reason);
char *plm_journal_line_state(int64_t t_us, enum plm_recording_state state, enum plm_recording_reason reason);
char *plm_journal_line_end(int64_t t_us, enum plm_recording_reason reason);
/** @param event an object with "type", borrowed; "t_us" and "n" of its own are replaced @param n 0: it has no number */
char *plm_journal_line_event(int64_t t_us, uint64_t n, const json_t *event);
char *plm_journal_line_server(int64_t t_us, const char *run);

/** Lines of a text that are whole and objects. @return the next, a new reference; NULL: no more. *at starts at 0 */
json_t *plm_journal_next(const char *text, size_t len, size_t *at);

/** What is needed to go on with a recording. */
struct plm_journal_summary {
    json_t *first; /**< owned; head's texts live in it */
    struct plm_journal_head head;
    int64_t last_us;                  /**< greatest t_us, or end of a file */
    char run[PLM_RECORDING_RUN_SIZE]; /**< of the server that said the last events with a number; "": none */
    uint64_t n;                       /**< the last number of that run's */
    bool ended;
    enum plm_recording_reason reason; /**< when ended */
};

/** @return 0; PLM_EINVAL: the first line is not that of a recording; needs plm_journal_summary_free only after 0 */
int plm_journal_summarize(struct plm_journal_summary *out, const char *text, size_t len);
void plm_journal_summary_free(struct plm_journal_summary *s);

#endif
