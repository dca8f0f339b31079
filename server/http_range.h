/* Ranges and dates of HTTP (RFC 9110): what a request asks of a file, decided without one. No I/O. */
#ifndef PLM_SERVER_HTTP_RANGE_H
#define PLM_SERVER_HTTP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum plm_http_range {
    PLM_HTTP_RANGE_ALL =
        0, /**< no range, one of another unit, a malformed one or several: the whole is sent (RFC 9110 14.2) */
    PLM_HTTP_RANGE_PART,
    PLM_HTTP_RANGE_NONE, /**< nothing of it is there: 416 */
};

/**
 * Read a Range header.
 * @param header NULL: there was none
 * @param first,len  what to send; of ALL the whole
 */
enum plm_http_range plm_http_range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *len);

#define PLM_HTTP_ETAG_SIZE 40
#define PLM_HTTP_DATE_SIZE 32

/** A strong one of what never changes while size and time stay. With its quotes. */
void plm_http_etag(char out[PLM_HTTP_ETAG_SIZE], uint64_t size, struct timespec changed);
/** "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7) */
void plm_http_date(char out[PLM_HTTP_DATE_SIZE], time_t t);
/** Is etag in the list of an If-Match or If-None-Match header? "*" is. Weak ones match only when weak is true. */
bool plm_http_etag_listed(const char *header, const char *etag, bool weak);
/** Does If-Modified-Since say that what changed at t is known? A date that cannot be read never does. */
bool plm_http_date_covers(const char *header, time_t t);
/** Does If-Range say that the range is wanted? By the very etag or the very date (RFC 9110 13.1.5). @param header NULL: yes */
bool plm_http_if_range(const char *header, const char *etag, const char *date);

#endif
