#include "http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "http_range.h"
#include "logger.h"

/** One download. Lives until HTTP has closed it and no job of it runs. */
struct transfer {
    struct plm_http_files *files;
    uint64_t exchange;
    char *folder, *name, *content_type, *save_as;
    char *range, *if_range, *if_match, *if_none_match, *if_modified_since;
    bool is_head;
    bool (*still)(void *arg, const char *folder);
    void *arg;

    uv_work_t work;
    bool busy;      /**< waits for the pool or is in it */
    bool streaming; /**< HTTP has it, and will close it */
    bool closed;
    int fd;  /**< -1: not open */
    int err; /**< of the job: 0 or a negated errno */
    struct stat st;
    uint64_t at, left; /**< what is to be read */
    uint64_t most;     /**< of a range, in one answer; 0: all */
    char *piece;
    size_t piece_len;
    struct transfer *prev, *next;             /* in files->all */
    struct transfer *queue_prev, *queue_next; /* in files->queue */
};

struct plm_http_files {
    uv_loop_t *loop;
    struct plm_http *http;
    char *root;
    struct transfer *all, *queue;
    unsigned running;
    bool closed;
    struct plm_http_files_stats stats;
};

/* ---- jobs ---- */

/* In the pool. O_NONBLOCK: nobody is waited for should it be no file. */
static int open_below(const struct transfer *t, struct stat *st)
{
    int fd = -1, rc = 0;
    int root = open(t->files->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int folder = root < 0 ? -1 : openat(root, t->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        fd = openat(folder, t->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, st))
        rc = -errno;
    else if (!S_ISREG(st->st_mode))
        rc = -ENOENT;
    if (rc && fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    if (root >= 0)
        close(root);
    return rc ? rc : fd;
}

static int read_piece(struct transfer *t)
{
    size_t want = t->left < PLM_HTTP_PIECE ? (size_t)t->left : PLM_HTTP_PIECE;
    t->piece_len = 0;
    while (t->piece_len < want) {
        ssize_t n = pread(t->fd, t->piece + t->piece_len, want - t->piece_len, (off_t)(t->at + t->piece_len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* shorter than it was: what is left was promised */
            return n < 0 ? -errno : -ENODATA;
        t->piece_len += (size_t)n;
    }
    return 0;
}

static void work(uv_work_t *request)
{
    struct transfer *t = request->data;
    if (t->fd >= 0) {
        t->err = read_piece(t);
        return;
    }
    int fd = open_below(t, &t->st);
    t->err = fd < 0 ? fd : 0;
    t->fd = fd < 0 ? -1 : fd;
}

static void after_work(uv_work_t *request, int status);

static void run_next(struct plm_http_files *f)
{
    while (f->queue && f->running < PLM_HTTP_FILES_AT_ONCE) {
        struct transfer *t = f->queue;
        DL_DELETE2(f->queue, t, queue_prev, queue_next);
        f->running++;
        t->work.data = t;
        uv_queue_work(f->loop, &t->work, work, after_work); /* fails only without a function */
    }
}

static void submit(struct transfer *t)
{
    t->busy = true;
    DL_APPEND2(t->files->queue, t, queue_prev, queue_next);
    run_next(t->files);
}

static void destroy(struct transfer *t)
{
    struct plm_http_files *f = t->files;
    DL_DELETE(f->all, t);
    f->stats.open--;
    if (t->fd >= 0)
        close(t->fd);
    free(t->folder);
    free(t->name);
    free(t->content_type);
    free(t->save_as);
    free(t->range);
    free(t->if_range);
    free(t->if_match);
    free(t->if_none_match);
    free(t->if_modified_since);
    free(t->piece);
    free(t);
}

/* ---- pieces ---- */

static void send_piece(struct transfer *t)
{
    struct plm_text *piece = t->err ? NULL : plm_text_create(t->piece, t->piece_len);
    if (t->err)
        plm_log(PLM_LOG_WARN, "http", "%s/%s: %s", t->folder, t->name, strerror(-t->err));
    t->files->stats.failed += !piece;
    t->files->stats.octets += piece ? piece->len : 0;
    t->at += t->piece_len;
    t->left -= piece ? t->piece_len : 0;
    plm_http_stream_send(t->files->http, t->exchange, piece);
    plm_text_unref(piece);
}

static void on_next(void *arg)
{
    struct transfer *t = arg;
    if (!t->files->closed && t->still(t->arg, t->folder)) {
        submit(t);
        return;
    }
    t->files->stats.failed++;
    plm_http_stream_send(t->files->http, t->exchange, NULL);
}

static void on_close(void *arg)
{
    struct transfer *t = arg;
    t->closed = true;
    if (!t->busy)
        destroy(t);
}

/* ---- the answer's head ---- */

enum {
    MAX_HEADERS = 10
};

struct head {
    char etag[PLM_HTTP_ETAG_SIZE], date[PLM_HTTP_DATE_SIZE], range[80], disposition[300];
    struct plm_http_header headers[MAX_HEADERS];
    size_t n;
};

static void add(struct head *h, const char *name, const char *value)
{
    if (h->n < MAX_HEADERS)
        h->headers[h->n++] = (struct plm_http_header){name, value};
}

/* RFC 9110 13.2.2: in this order. @return 0: go on */
static unsigned check_conditions(const struct transfer *t, const struct head *h)
{
    if (t->if_match && !plm_http_etag_listed(t->if_match, h->etag, false))
        return 412;
    if (t->if_none_match)
        return plm_http_etag_listed(t->if_none_match, h->etag, true) ? 304 : 0;
    if (t->if_modified_since && plm_http_date_covers(t->if_modified_since, t->st.st_mtim.tv_sec))
        return 304;
    return 0;
}

/* What people recorded may be anything: a browser is to show it as nothing but media, and to save it elsewhere. */
static void fill_head(struct head *h, const struct transfer *t)
{
    h->n = 0;
    plm_http_etag(h->etag, (uint64_t)t->st.st_size, t->st.st_mtim);
    plm_http_date(h->date, t->st.st_mtim.tv_sec);
    snprintf(h->disposition, sizeof(h->disposition), "attachment; filename=\"%s\"", t->save_as);
    add(h, "etag:", h->etag);
    add(h, "last-modified:", h->date);
    add(h, "cache-control:", "private, no-cache");
    add(h, "accept-ranges:", "bytes");
    add(h, "content-security-policy:", "default-src 'none'; sandbox");
    add(h, "cross-origin-resource-policy:", "same-origin");
}

static void answer_without_body(struct transfer *t, struct head *h, unsigned status)
{
    struct plm_http_files *f = t->files;
    if (status == 304)
        plm_http_reply(f->http, t->exchange,
            &(struct plm_http_reply){.status = 304, .headers = h->headers, .n_headers = h->n});
    else
        plm_http_fail(f->http, t->exchange, status,
            status == 416 ? "the file ends before this range" : "not the file that was asked for", h->headers,
            h->n);
    destroy(t);
}

static void answer(struct transfer *t)
{
    const uint64_t size = (uint64_t)t->st.st_size;
    struct head h;
    uint64_t first, len;
    fill_head(&h, t);
    unsigned status = check_conditions(t, &h);
    if (status) {
        answer_without_body(t, &h, status);
        return;
    }
    const char *range = plm_http_if_range(t->if_range, h.etag, h.date) && !t->is_head ? t->range : NULL;
    enum plm_http_range which = plm_http_range_read(range, size, &first, &len);
    if (which == PLM_HTTP_RANGE_NONE) {
        snprintf(h.range, sizeof(h.range), "bytes */%llu", (unsigned long long)size);
        add(&h, "content-range:", h.range);
        answer_without_body(t, &h, 416);
        return;
    }
    if (which == PLM_HTTP_RANGE_PART) {
        len = t->most && len > t->most ? t->most : len;
        snprintf(h.range, sizeof(h.range), "bytes %llu-%llu/%llu", (unsigned long long)first,
            (unsigned long long)(first + len - 1), (unsigned long long)size);
        add(&h, "content-range:", h.range);
    }
    add(&h, "content-disposition:", h.disposition);
    t->at = first;
    t->left = len;
    t->piece = malloc(PLM_HTTP_PIECE);
    if (!t->piece) {
        plm_http_fail(t->files->http, t->exchange, 503, "out of memory", NULL, 0);
        destroy(t);
        return;
    }
    t->streaming = true;
    const struct plm_http_stream stream = {.len = len, .next = on_next, .close = on_close, .arg = t};
    plm_http_reply(t->files->http, t->exchange,
        &(struct plm_http_reply){.status = which == PLM_HTTP_RANGE_PART ? 206 : 200,
            .content_type = t->content_type,
            .headers = h.headers,
            .n_headers = h.n,
            .stream = &stream});
}

/* Also what lies there and is none of ours: asking for it again and again fills no log. */
static bool is_not_there(int err)
{
    return err == -ENOENT || err == -ENOTDIR || err == -ELOOP || err == -ENXIO;
}

static void on_opened(struct transfer *t)
{
    struct plm_http_files *f = t->files;
    if (t->err || !t->still(t->arg, t->folder)) {
        if (t->err && !is_not_there(t->err))
            plm_log(PLM_LOG_WARN, "http", "%s/%s: %s", t->folder, t->name, strerror(-t->err));
        plm_http_fail(f->http, t->exchange, 404, "no such file", NULL, 0);
        destroy(t);
        return;
    }
    answer(t);
}

static void after_work(uv_work_t *request, int status)
{
    struct transfer *t = request->data;
    struct plm_http_files *f = t->files;
    (void)status; /* nothing is cancelled */
    t->busy = false;
    f->running--;
    if (t->closed || (f->closed && !t->streaming))
        destroy(t);
    else if (!f->closed && !t->streaming)
        on_opened(t);
    else if (!f->closed)
        send_piece(t);
    run_next(f);
}

/* ---- requests ---- */

static char *copy(const char *s, bool *failed)
{
    char *c = s ? strdup(s) : NULL;
    *failed |= s && !c;
    return c;
}

static struct transfer *create(
    struct plm_http_files *f, const struct plm_http_request *q, const struct plm_http_file *file)
{
    struct transfer *t = calloc(1, sizeof(*t));
    bool failed = false;
    if (!t)
        return NULL;
    *t = (struct transfer){.files = f,
        .exchange = q->exchange,
        .is_head = q->method == PLM_HTTP_HEAD,
        .most = file->most,
        .still = file->still,
        .arg = file->arg,
        .fd = -1,
        .folder = copy(file->folder, &failed),
        .name = copy(file->name, &failed),
        .content_type = copy(file->content_type, &failed),
        .save_as = copy(file->save_as, &failed),
        .range = copy(q->range, &failed),
        .if_range = copy(q->if_range, &failed),
        .if_match = copy(q->if_match, &failed),
        .if_none_match = copy(q->if_none_match, &failed),
        .if_modified_since = copy(q->if_modified_since, &failed)};
    DL_APPEND(f->all, t);
    f->stats.open++;
    if (!failed)
        return t;
    destroy(t);
    return NULL;
}

void plm_http_files_send(
    struct plm_http_files *f, const struct plm_http_request *request, const struct plm_http_file *file)
{
    static const struct plm_http_header later = {"retry-after:", "10"};
    struct transfer *t = NULL;
    if (f->stats.open < PLM_HTTP_FILES_MAX && !f->closed)
        t = create(f, request, file);
    if (!t) {
        f->stats.refused++;
        plm_http_fail(f->http, request->exchange, 503, "too many downloads; try again", &later, 1);
        return;
    }
    f->stats.begun++;
    submit(t);
}

/* ---- life ---- */

int plm_http_files_create(struct plm_http_files **out, uv_loop_t *loop, const char *root)
{
    struct plm_http_files *f = calloc(1, sizeof(*f));
    if (f)
        f->root = strdup(root);
    if (!f || !f->root) {
        free(f);
        return PLM_ENOMEM;
    }
    f->loop = loop;
    *out = f;
    return 0;
}

void plm_http_files_set_http(struct plm_http_files *f, struct plm_http *http)
{
    f->http = http;
}

void plm_http_files_stats(const struct plm_http_files *f, struct plm_http_files_stats *out)
{
    *out = f->stats;
}

void plm_http_files_close(struct plm_http_files *f)
{
    if (!f)
        return;
    f->closed = true;
    while (f->queue) {
        struct transfer *t = f->queue;
        DL_DELETE2(f->queue, t, queue_prev, queue_next);
        t->busy = false;
        if (!t->streaming || t->closed)
            destroy(t);
    }
}

void plm_http_files_destroy(struct plm_http_files *f)
{
    if (!f)
        return;
    free(f->root);
    free(f);
}
