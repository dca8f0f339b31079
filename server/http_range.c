#include "http_range.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits, and what follows them. @return NULL: there are none, or too many */
static const char *read_number(const char *s, uint64_t *out)
{
    char *end;
    if (*s < '0' || *s > '9')
        return NULL;
    errno = 0;
    *out = strtoull(s, &end, 10);
    return errno ? NULL : end;
}

static const char *skip_space(const char *s)
{
    return s + strspn(s, " \t");
}

static enum plm_http_range whole(uint64_t size, uint64_t *first, uint64_t *len)
{
    *first = 0;
    *len = size;
    return PLM_HTTP_RANGE_ALL;
}

static enum plm_http_range part(uint64_t size, uint64_t from, uint64_t to, uint64_t *first, uint64_t *len)
{
    if (from >= size)
        return PLM_HTTP_RANGE_NONE;
    *first = from;
    *len = (to < size ? to : size - 1) - from + 1;
    return PLM_HTTP_RANGE_PART;
}

/* "-500": the last 500. */
static enum plm_http_range suffix(uint64_t size, uint64_t n, uint64_t *first, uint64_t *len)
{
    if (!n || !size)
        return PLM_HTTP_RANGE_NONE;
    return part(size, n < size ? size - n : 0, size - 1, first, len);
}

enum plm_http_range plm_http_range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *len)
{
    static const char unit[] = "bytes=";
    uint64_t from = 0, to = UINT64_MAX;
    *first = *len = 0;
    if (!header || strncmp(header, unit, sizeof(unit) - 1) != 0)
        return whole(size, first, len);
    const char *s = skip_space(header + sizeof(unit) - 1);
    bool has_from = *s != '-';
    if (has_from && !(s = read_number(s, &from)))
        return whole(size, first, len);
    if (*s++ != '-')
        return whole(size, first, len);
    bool has_to = *s >= '0' && *s <= '9';
    if (has_to && !(s = read_number(s, &to)))
        return whole(size, first, len);
    if (*skip_space(s) || (!has_from && !has_to) || (has_from && to < from))
        return whole(size, first, len);
    return has_from ? part(size, from, to, first, len) : suffix(size, to, first, len);
}

void plm_http_etag(char out[PLM_HTTP_ETAG_SIZE], uint64_t size, struct timespec changed)
{
    uint64_t ns = (uint64_t)changed.tv_sec * 1000000000u + (uint64_t)changed.tv_nsec;
    snprintf(out, PLM_HTTP_ETAG_SIZE, "\"%llx-%llx\"", (unsigned long long)size, (unsigned long long)ns);
}

void plm_http_date(char out[PLM_HTTP_DATE_SIZE], time_t t)
{
    struct tm tm;
    gmtime_r(&t, &tm);
    if (!strftime(out, PLM_HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        out[0] = 0;
}

bool plm_http_etag_listed(const char *header, const char *etag, bool weak)
{
    size_t len = strlen(etag);
    const char *s = skip_space(header);
    if (*s == '*')
        return !*skip_space(s + 1);
    while (*s) {
        bool is_weak = !strncmp(s, "W/", 2);
        s += is_weak ? 2 : 0;
        const char *end = *s == '"' ? strchr(s + 1, '"') : NULL;
        if (!end)
            return false;
        if ((weak || !is_weak) && (size_t)(end + 1 - s) == len && !memcmp(s, etag, len))
            return true;
        s = skip_space(end + 1);
        if (*s == ',')
            s = skip_space(s + 1);
        else if (*s)
            return false;
    }
    return false;
}

bool plm_http_date_covers(const char *header, time_t t)
{
    struct tm tm = {0};
    const char *end = strptime(header, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return end && !*end && timegm(&tm) >= t;
}

bool plm_http_if_range(const char *header, const char *etag, const char *date)
{
    return !header || !strcmp(header, etag) || !strcmp(header, date);
}
