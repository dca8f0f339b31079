#include "http_static.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 8

struct file {
    char *path; /* "/assets/index-abc.js" */
    struct plm_text *body;
    char etag[24];
};

struct plm_http_static {
    size_t n, octets;
    struct file *files; /* sorted by path */
    struct plm_text *no_page;
};

static const struct {
    const char *extension, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"webp", "image/webp"},
    {"gif", "image/gif"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && !strchr(dot, '/') && i < sizeof(types) / sizeof(types[0]); i++)
        if (!strcasecmp(dot + 1, types[i].extension))
            return types[i].type;
    return NULL;
}

/* FNV-1a: an ETag only has to change with the content, nobody gains by a collision in files that we serve ourselves. */
static void make_etag(char *out, size_t size, const char *data, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3u;
    snprintf(out, size, "\"%016llx\"", (unsigned long long)hash);
}

static int read_all(int fd, char *buf, size_t len)
{
    while (len) {
        ssize_t n = read(fd, buf, len);
        if (n <= 0)
            return n ? -errno : PLM_EINVAL;
        buf += n;
        len -= (size_t)n;
    }
    return 0;
}

static int add_file(struct plm_http_static *s, int fd, const char *path, size_t len)
{
    if (s->n == PLM_STATIC_MAX_FILES || len > PLM_STATIC_MAX_OCTETS - s->octets)
        return PLM_ELIMIT;
    struct file *files = realloc(s->files, (s->n + 1) * sizeof(*files));
    if (!files)
        return PLM_ENOMEM;
    s->files = files;
    char *data = malloc(len + 1);
    if (!data)
        return PLM_ENOMEM;
    struct file f = {.path = strdup(path)};
    int rc = read_all(fd, data, len);
    if (!rc)
        f.body = plm_text_create(data, len);
    make_etag(f.etag, sizeof(f.etag), data, rc ? 0 : len);
    free(data);
    if (!f.path || !f.body) {
        free(f.path);
        plm_text_unref(f.body);
        return rc ? rc : PLM_ENOMEM;
    }
    s->files[s->n++] = f;
    s->octets += len;
    return 0;
}

static int read_folder(struct plm_http_static *s, int dir, const char *prefix, unsigned depth);

static int read_entry(
    struct plm_http_static *s, int dir, const char *prefix, const char *name, unsigned depth)
{
    char path[PLM_HTTP_MAX_PATH + 1];
    struct stat st;

    int len = snprintf(path, sizeof(path), "%s/%s", prefix, name);
    if (name[0] == '.' || len < 0 || (size_t)len >= sizeof(path))
        return 0;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return 0;
    int rc = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        rc = add_file(s, fd, path, (size_t)st.st_size);
    else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
        return read_folder(s, fd, path, depth + 1);
    close(fd);
    return rc;
}

/* Takes dir over. */
static int read_folder(struct plm_http_static *s, int dir, const char *prefix, unsigned depth)
{
    int rc = 0;
    struct dirent *entry;
    DIR *d = fdopendir(dir);
    if (!d) {
        close(dir);
        return PLM_ENOMEM;
    }
    while (!rc && (entry = readdir(d)))
        rc = read_entry(s, dir, prefix, entry->d_name, depth);
    closedir(d);
    return rc;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static const struct file *find_file(const struct plm_http_static *s, const char *path)
{
    const struct file key = {.path = (char *)path};
    return s->n ? bsearch(&key, s->files, s->n, sizeof(key), compare_files) : NULL;
}

int plm_http_static_create(struct plm_http_static **out, const char *root)
{
    static const char no_page[] =
        "<!doctype html><title>Plenum</title><p>The page is not built. "
        "<code>./run --build</code> builds it; <code>http.web_root</code> says where it lies.";
    struct plm_http_static *s = calloc(1, sizeof(*s));
    if (!s)
        return PLM_ENOMEM;
    s->no_page = plm_text_create(no_page, sizeof(no_page) - 1);
    int rc = s->no_page ? 0 : PLM_ENOMEM;
    int dir = rc ? -1 : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0)
        rc = read_folder(s, dir, "", 0);
    if (rc) {
        plm_http_static_destroy(s);
        return rc;
    }
    if (s->n)
        qsort(s->files, s->n, sizeof(s->files[0]), compare_files);
    *out = s;
    return 0;
}

void plm_http_static_destroy(struct plm_http_static *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->files[i].path);
        plm_text_unref(s->files[i].body);
    }
    free(s->files);
    plm_text_unref(s->no_page);
    free(s);
}

bool plm_http_static_has_page(const struct plm_http_static *s)
{
    return find_file(s, "/index.html") != NULL;
}

/* A list such as "gzip, deflate;q=0.5, br"; q=0 says no (RFC 9110 section 12.5.3). */
static bool takes_gzip(const char *accept_encoding)
{
    const char *p = accept_encoding ? accept_encoding : "";
    while (*p) {
        size_t len = strcspn(p, ","), name = strcspn(p, ";, \t");
        if (name == 4 && !strncasecmp(p, "gzip", 4)) {
            const char *q = memchr(p, ';', len);
            q = q ? strpbrk(q, "qQ") : NULL;
            return !q || q >= p + len || q[1] != '=' || strtod(q + 2, NULL) > 0;
        }
        p += len;
        p += strspn(p, ", \t");
    }
    return false;
}

static const struct file *find_compressed(const struct plm_http_static *s, const struct file *f)
{
    char path[PLM_HTTP_MAX_PATH + 4];
    int len = snprintf(path, sizeof(path), "%s.gz", f->path);
    return len > 0 && (size_t)len < sizeof(path) ? find_file(s, path) : NULL;
}

static void fill(struct plm_http_static_file *out, const struct plm_http_static *s, const struct file *f,
    const char *accept_encoding)
{
    const char *type = type_of(f->path);
    const struct file *compressed = find_compressed(s, f);
    out->status = 200;
    out->type = type ? type : "application/octet-stream";
    out->varies = compressed != NULL;
    if (compressed && takes_gzip(accept_encoding)) {
        f = compressed;
        out->encoding = "gzip";
    }
    out->etag = f->etag;
    /* The bundler writes a hash of the content into the names of that folder. */
    out->immutable = !strncmp(f->path, "/assets/", 8);
    out->body = f->body;
}

void plm_http_static_find(const struct plm_http_static *s, const char *path, const char *accept_encoding,
    struct plm_http_static_file *out)
{
    const struct file *f = find_file(s, path);
    bool page = path[0] == '/' && !strchr(path + 1, '/') && !type_of(path);

    memset(out, 0, sizeof(*out));
    out->status = 404;
    if (!f && page)
        f = find_file(s, "/index.html");
    if (f) {
        fill(out, s, f, accept_encoding);
    } else if (page) {
        out->type = "text/html; charset=utf-8";
        out->body = s->no_page;
    }
}

static bool is_known(const char *if_none_match, const char *etag)
{
    return if_none_match && etag && (!strcmp(if_none_match, "*") || strstr(if_none_match, etag));
}

void plm_http_static_serve(void *arg, const struct plm_http_request *request)
{
    const struct plm_http_static_server *server = arg;
    struct plm_http_static_file f;
    struct plm_http_header headers[6];
    size_t n = 0;

    plm_http_static_find(server->files, request->path, request->accept_encoding, &f);
    if (!f.body) {
        plm_http_fail(server->http, request->exchange, 404, "no such file", NULL, 0);
        return;
    }
    /* Scripts and styles of ours alone, media from the camera and the peers, connections to this server alone. */
    headers[n++] = (struct plm_http_header){"content-security-policy:",
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
        "media-src 'self' blob: mediastream:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"};
    headers[n++] = (struct plm_http_header){
        "permissions-policy:", "camera=(self), microphone=(self), display-capture=(self), geolocation=()"};
    headers[n++] = (struct plm_http_header){
        "cache-control:", f.immutable ? "public, max-age=31536000, immutable" : "no-cache"};
    if (f.varies)
        headers[n++] = (struct plm_http_header){"vary:", "accept-encoding"};
    if (f.encoding)
        headers[n++] = (struct plm_http_header){"content-encoding:", f.encoding};
    if (f.etag)
        headers[n++] = (struct plm_http_header){"etag:", f.etag};
    struct plm_http_reply reply = {
        .status = f.status, .content_type = f.type, .headers = headers, .n_headers = n, .body = f.body};
    if (is_known(request->if_none_match, f.etag)) {
        reply.status = 304;
        reply.body = NULL;
    }
    plm_http_reply(server->http, request->exchange, &reply);
}
