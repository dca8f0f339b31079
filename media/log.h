/*
 * One log line: formatted into a buffer of its own, then to the engine's sink. Never from the packet path.
 */
#ifndef PLM_LOG_H
#define PLM_LOG_H

#include "plenum/engine.h"

/** Where an engine's lines go; copied freely. fn NULL: nowhere. */
struct plm_log {
    plm_log_fn *fn;
    void *arg;
};

#define PLM_LOG_LINE 512 /* longer text is cut */

/** Any thread. @param tag as plm_log_fn says */
void plm_logf(const struct plm_log *log, enum plm_log_level level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
