#include "base/log_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *plm_log_level_name(int level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return level >= PLM_LOG_ERROR && level <= PLM_LOG_DEBUG ? names[level] : "unknown";
}

struct out {
    char *p;
    size_t left; /* one octet for the line feed is kept back */
};

static void put(struct out *o, const char *s, size_t len)
{
    if (len > o->left)
        len = o->left;
    memcpy(o->p, s, len);
    o->p += len;
    o->left -= len;
}

static void put_text(struct out *o, const char *s)
{
    put(o, s, strlen(s));
}

/* Escapes serve both formats: JSON's rules, of which text needs only those for control characters. */
static void put_escaped(struct out *o, const char *s, bool quotes)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        char escape[8];
        int len = 0;
        if (c == '\n')
            len = snprintf(escape, sizeof(escape), "\\n");
        else if (c < 0x20 || c == 0x7f)
            len = snprintf(escape, sizeof(escape), "\\u%04x", c);
        else if (quotes && (c == '"' || c == '\\'))
            len = snprintf(escape, sizeof(escape), "\\%c", c);
        /* An escape is written whole or not at all, or a cut line would be broken JSON. */
        if (len && (size_t)len > o->left)
            return;
        put(o, len ? escape : s, len ? (size_t)len : 1);
    }
}

static void put_time(struct out *o, uint64_t time_us)
{
    char text[40];
    struct tm tm;
    time_t seconds = (time_t)(time_us / 1000000);
    gmtime_r(&seconds, &tm);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof(text) - len, ".%03uZ", (unsigned)(time_us / 1000 % 1000));
    put_text(o, text);
}

static void put_id(struct out *o, int format, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    put_text(o, format == PLM_LOG_JSON ? ",\"" : " ");
    put_text(o, name);
    put_text(o, format == PLM_LOG_JSON ? "\":\"" : "=");
    put_escaped(o, value, format == PLM_LOG_JSON);
    if (format == PLM_LOG_JSON)
        put_text(o, "\"");
}

static void put_ids(struct out *o, int format, const struct plm_log_ids *ids)
{
    char number[16] = "";
    if (!ids)
        return;
    if (ids->transport)
        snprintf(number, sizeof(number), "%u", ids->transport);
    put_id(o, format, "room", ids->room);
    put_id(o, format, "recording", ids->recording);
    put_id(o, format, "participant", ids->participant);
    put_id(o, format, "transport", number);
}

size_t plm_log_format(char *buf, size_t size, int format, uint64_t time_us, enum plm_log_level level,
    const char *tag, const struct plm_log_ids *ids, const char *text)
{
    const size_t tail = 3; /* "}\n after the text */
    struct out o = {buf, size > tail ? size - tail : 0};

    if (!o.left)
        return 0;
    put_text(&o, format == PLM_LOG_JSON ? "{\"time\":\"" : "");
    put_time(&o, time_us);
    put_text(&o, format == PLM_LOG_JSON ? "\",\"level\":\"" : " ");
    put_text(&o, plm_log_level_name((int)level));
    put_text(&o, format == PLM_LOG_JSON ? "\",\"tag\":\"" : " ");
    put_escaped(&o, tag, format == PLM_LOG_JSON);
    put_text(&o, format == PLM_LOG_JSON ? "\"" : "");
    put_ids(&o, format, ids);
    put_text(&o, format == PLM_LOG_JSON ? ",\"text\":\"" : ": ");
    put_escaped(&o, text, format == PLM_LOG_JSON);
    o.left = tail;
    put_text(&o, format == PLM_LOG_JSON ? "\"}\n" : "\n");
    return (size_t)(o.p - buf);
}
