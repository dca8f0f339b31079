/*
 * The page: the built files of web/app, read into memory once, so that no request ever names a file of the disk.
 */
#ifndef PLM_SERVER_HTTP_STATIC_H
#define PLM_SERVER_HTTP_STATIC_H

#include "http.h"

struct plm_http_static;

#define PLM_STATIC_MAX_FILES  2000
#define PLM_STATIC_MAX_OCTETS (64 * 1024 * 1024)

/**
 * Read a folder. Symbolic links and names that begin with a dot are left out.
 * @param root absolute or relative path; a folder without index.html is no error: the page then says how to build it
 * @return 0, PLM_ENOMEM, PLM_ELIMIT (too many files or octets)
 */
int plm_http_static_create(struct plm_http_static **out, const char *root);
void plm_http_static_destroy(struct plm_http_static *s);
bool plm_http_static_has_page(const struct plm_http_static *s);

/** What a path gives. */
struct plm_http_static_file {
    unsigned status; /**< 200 or 404 */
    const char *type;
    const char *encoding;  /**< "gzip"; NULL: as it is */
    bool varies;           /**< others may get it in another encoding */
    const char *etag;      /**< with quotes; NULL: none */
    bool immutable;        /**< its name changes with its content */
    struct plm_text *body; /**< borrowed */
};
/**
 * "/" and any single segment without an extension of ours are the page; the rest are files or 404. Where the folder has the file with ".gz"
 * after its name, too, that one is given to who can read it.
 * @param accept_encoding the request's; NULL: none
 */
void plm_http_static_find(const struct plm_http_static *s, const char *path, const char *accept_encoding,
    struct plm_http_static_file *out);

/** Handler for GET; arg is a struct plm_http_static_server. */
struct plm_http_static_server {
    struct plm_http *http;
    struct plm_http_static *files;
};
plm_http_handler plm_http_static_serve;

#endif
