/*
 * The server's log: one line = time, level, tag, ids, text, written to standard error in one piece.
 * Every function may be called from any thread.
 */
#ifndef PLM_SERVER_LOGGER_H
#define PLM_SERVER_LOGGER_H

#include "base/log_line.h"
#include "config.h"

/**
 * Set format and levels. The first call starts the log; a later one (SIGHUP) changes the levels of a running one.
 * Before it everything from "info" on is written as text.
 */
void plm_log_configure(const struct plm_config *config);

/** Would a line of this level and tag be written? A tag without a level of its own follows log.level. */
bool plm_log_wants(enum plm_log_level level, const char *tag);

/** Write a line. At most PLM_LOG_RATE lines per tag and second get through (after a burst); the next one tells how many did not. */
void plm_log_write(
    enum plm_log_level level, const char *tag, const struct plm_log_ids *ids, const char *text);
void plm_log(enum plm_log_level level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** For plm_engine_config.log. */
void plm_log_from_engine(void *arg, enum plm_log_level level, const char *tag, const char *text);

#define PLM_LOG_RATE     20  /**< lines per second and tag */
#define PLM_LOG_BURST    200 /**< lines of a tag at once */
#define PLM_LOG_LINE_MAX 2048

/** Lines that a tag may still write, refilled by time. */
struct plm_log_bucket {
    uint64_t refilled_us;
    uint32_t tokens;
    uint32_t suppressed; /**< refused since the last line that got through */
};
/** @param now_us monotonic; a zeroed bucket is full @return may the line be written? */
bool plm_log_bucket_take(struct plm_log_bucket *b, uint64_t now_us);

#endif
