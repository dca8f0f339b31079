#include "log.h"

#include <stdarg.h>
#include <stdio.h>

void plm_logf(const struct plm_log *log, enum plm_log_level level, const char *tag, const char *format, ...)
{
    if (!log->fn)
        return;
    char line[PLM_LOG_LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log->fn(log->arg, level, tag, line);
}
