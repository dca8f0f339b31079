/*
 * One log line as octets: what the server's and the recorder's logs have in common. Pure; any thread.
 */
#ifndef PLM_LOG_LINE_H
#define PLM_LOG_LINE_H

#include "plenum/engine.h"

enum plm_log_format {
    PLM_LOG_TEXT = 0,
    PLM_LOG_JSON,
};

/** What a line is about. All may be empty. */
struct plm_log_ids {
    const char *room;
    const char *recording;
    const char *participant;
    plm_transport_id transport;
};

/** "error", "warn", "info", "debug"; "unknown" for another number. Static storage. */
const char *plm_log_level_name(int level);

/**
 * Format one line with its line feed. Control characters of the text are escaped, so that no text makes a second line.
 * @param time_us microseconds since 1970 UTC
 * @return octets written, at most size; a longer line is cut
 */
size_t plm_log_format(char *buf, size_t size, int format, uint64_t time_us, enum plm_log_level level,
    const char *tag, const struct plm_log_ids *ids, const char *text);

#endif
