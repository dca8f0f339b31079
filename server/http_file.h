/*
 * Large files over HTTP, written by us because libwebsockets of Debian has no ranges: one range, conditions by ETag and date (RFC 9110).
 * A file is opened and read in libuv's pool, at most PLM_HTTP_FILES_AT_ONCE jobs at a time, so that a disk that stalls leaves threads to others;
 * the loop never waits for it. A download holds one piece (PLM_HTTP_PIECE) in memory, read when the peer took the one before.
 *
 * Paths are a folder and a name below one root, opened from there without following a symbolic link; only regular files are sent.
 * Loop thread.
 */
#ifndef PLM_SERVER_HTTP_FILE_H
#define PLM_SERVER_HTTP_FILE_H

#include <uv.h>

#include "http.h"

#define PLM_HTTP_FILES_MAX 256 /**< downloads at a time; more get 503 */
/** Jobs in the pool; it has four threads, and passwords are hashed there too. */
#define PLM_HTTP_FILES_AT_ONCE 2

struct plm_http_files;

struct plm_http_file {
    const char *folder, *name; /**< one segment each, which the caller has found good */
    const char *content_type;
    /** So many octets of a range in one answer (RFC 9110 15.3.7: a part of what was asked for is fine); 0: all of it. */
    uint64_t most;
    const char *save_as; /**< the name that a browser offers to save it under; ASCII without quotes */
    /** Is it still to be sent? Asked before each piece; on false the connection is cut. */
    bool (*still)(void *arg, const char *folder);
    void *arg;
};

struct plm_http_files_stats {
    uint32_t open; /**< downloads under way */
    uint64_t begun, refused,
        failed; /**< refused: over PLM_HTTP_FILES_MAX; failed: cut, as the disk failed or the file went */
    uint64_t octets; /**< read */
};

/** @param loop borrowed @param root copied; it need not exist yet @return 0, PLM_ENOMEM */
int plm_http_files_create(struct plm_http_files **out, uv_loop_t *loop, const char *root);
/** Where answers go; before the first request. @param http borrowed */
void plm_http_files_set_http(struct plm_http_files *f, struct plm_http *http);
/** Answer a GET or HEAD, now or later: 200, 206, 304, 404, 412, 416, 503. All is copied. */
void plm_http_files_send(
    struct plm_http_files *f, const struct plm_http_request *request, const struct plm_http_file *file);
void plm_http_files_stats(const struct plm_http_files *f, struct plm_http_files_stats *out);
/** Nothing new is read. The loop must run on until what runs in the pool is done. NULL is fine. */
void plm_http_files_close(struct plm_http_files *f);
/** After that, and after http is gone. NULL is fine. */
void plm_http_files_destroy(struct plm_http_files *f);

#endif
