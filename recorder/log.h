/*
 * The recorder's log: lines as the server's (base/log_line.h), to standard error, each in one piece. The loop's thread.
 */
#ifndef PLM_RECORDER_LOG_H
#define PLM_RECORDER_LOG_H

#include "base/log_line.h"

/** Before anything else; without it "info" as text. */
void plm_rec_log_configure(enum plm_log_level level, enum plm_log_format format);
/** @return false: there is no such level */
bool plm_rec_log_level_from(const char *name, enum plm_log_level *out);
/** @param id of a recording; NULL: of none */
void plm_rec_log(enum plm_log_level level, const char *id, const char *text);
void plm_rec_logf(enum plm_log_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
