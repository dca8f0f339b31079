#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 1024

static enum plm_log_level most = PLM_LOG_INFO;
static enum plm_log_format shape = PLM_LOG_TEXT;

void plm_rec_log_configure(enum plm_log_level level, enum plm_log_format format)
{
    most = level;
    shape = format;
}

bool plm_rec_log_level_from(const char *name, enum plm_log_level *out)
{
    for (int level = PLM_LOG_ERROR; level <= PLM_LOG_DEBUG; level++)
        if (!strcmp(name, plm_log_level_name(level))) {
            *out = (enum plm_log_level)level;
            return true;
        }
    return false;
}

void plm_rec_log(enum plm_log_level level, const char *id, const char *text)
{
    const struct plm_log_ids ids = {.recording = id};
    char line[LINE_MAX_OCTETS];
    struct timespec t;
    if (level > most)
        return;
    clock_gettime(CLOCK_REALTIME, &t);
    size_t len = plm_log_format(line, sizeof(line), shape,
        (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000, level, "rec", &ids, text);
    /* Nothing can be done about a log that nobody reads. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

void plm_rec_logf(enum plm_log_level level, const char *id, const char *format, ...)
{
    char text[LINE_MAX_OCTETS];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    plm_rec_log(level, id, text);
}
