#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "logger.h"
#include "name_hash.h"
#include "plenum/types.h"

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x504c4e4d /* "PLNM", for file(1) */
#define RETRY_MIN_MS   100
#define RETRY_MAX_MS   5000
#define COMPLAIN_MS    10000 /* between two lines of the log about a disk that fails */
#define GIVE_UP_MS     500   /* a disk that refuses is given up so long before one that hangs */
#define NS_PER_MS      UINT64_C(1000000)

/* A key that is on the disk or waits to be. In the table as long as either is true. */
struct entry {
    char *document; /* newer than the disk's, waiting; NULL: none, or it shall be dropped there */
    size_t len;
    bool on_disk;  /* some version of it is */
    bool waiting;  /* in store->waiting */
    char *writing; /* what the thread writes just now, and its own; NULL: it drops */
    size_t writing_len;
    bool in_batch;             /* in store->batch */
    struct entry *prev, *next; /* in store->waiting */
    struct entry *batch_next;
    UT_hash_handle hh;
    char key[]; /* kind as one octet, then the key */
};

struct plm_store {
    sqlite3 *db; /* the thread's, once it runs */
    sqlite3_stmt *put, *drop;
    int lock_fd;
    uv_thread_t thread;
    bool runs;

    uv_mutex_t mutex; /* for all that follows */
    uv_cond_t wake, ended;
    bool stopping, has_ended;
    struct entry *table;
    struct entry *waiting; /* by time of the first change */
    struct entry *batch;   /* the thread's, between take and settle; entries in it are not freed by others */
    size_t n_waiting, n_batch;
    struct plm_store_stats stats;
    uint64_t complained_at;
};

static uint64_t now_ms(void)
{
    return uv_hrtime() / NS_PER_MS;
}

/* ---- the table; under the mutex once the thread runs ---- */

static struct entry *find(struct plm_store *s, enum plm_store_kind kind, const char *key, size_t len)
{
    char whole[PLM_STORE_MAX_KEY + 2];
    struct entry *e;
    whole[0] = (char)('A' + kind);
    memcpy(whole + 1, key, len + 1);
    HASH_FIND(hh, s->table, whole, len + 1, e);
    return e;
}

static struct entry *add(struct plm_store *s, enum plm_store_kind kind, const char *key, size_t len)
{
    struct entry *e = calloc(1, sizeof *e + len + 2);
    if (!e)
        return NULL;
    e->key[0] = (char)('A' + kind);
    memcpy(e->key + 1, key, len + 1);
    HASH_ADD(hh, s->table, key[0], len + 1, e);
    if (e->hh.tbl)
        return e;
    free(e);
    return NULL;
}

static void forget(struct plm_store *s, struct entry *e)
{
    HASH_DELETE(hh, s->table, e);
    free(e->document);
    free(e->writing);
    free(e);
}

static void wait_in_line(struct plm_store *s, struct entry *e)
{
    if (e->waiting)
        return;
    e->waiting = true;
    DL_APPEND(s->waiting, e);
    if (!s->n_waiting++)
        uv_cond_signal(&s->wake);
}

static void leave_line(struct plm_store *s, struct entry *e)
{
    if (!e->waiting)
        return;
    e->waiting = false;
    DL_DELETE(s->waiting, e);
    s->n_waiting--;
}

/* ---- what signalling calls ---- */

/* @return false: memory is short, nothing has changed */
static bool keep(struct plm_store *s, enum plm_store_kind kind, const char *key, size_t key_len,
    char *document, size_t len)
{
    struct entry *e = find(s, kind, key, key_len);
    if (!e)
        e = add(s, kind, key, key_len);
    if (!e)
        return false;
    free(e->document);
    e->document = document;
    e->len = len;
    wait_in_line(s, e);
    return true;
}

static void put(void *ctx, enum plm_store_kind kind, const char *key, struct plm_text *document)
{
    struct plm_store *s = ctx;
    size_t key_len = strlen(key);
    bool fits = key_len <= PLM_STORE_MAX_KEY && document->len <= PLM_STORE_MAX_DOCUMENT;
    char *copy = fits ? malloc(document->len + 1) : NULL;
    if (copy)
        memcpy(copy, document->data, document->len + 1);
    uv_mutex_lock(&s->mutex);
    bool kept = copy && keep(s, kind, key, key_len, copy, document->len);
    if (!kept)
        s->stats.failures++;
    uv_mutex_unlock(&s->mutex);
    if (kept)
        return;
    free(copy);
    plm_log(PLM_LOG_ERROR, "main", "store: a document (%s) was not taken: %s", plm_store_kind_name(kind),
        fits ? "out of memory" : "too long");
}

/* A key that is not in the table is not on the disk either. */
static void drop(void *ctx, enum plm_store_kind kind, const char *key)
{
    struct plm_store *s = ctx;
    size_t key_len = strlen(key);
    if (key_len > PLM_STORE_MAX_KEY)
        return;
    uv_mutex_lock(&s->mutex);
    struct entry *e = find(s, kind, key, key_len);
    if (e) {
        free(e->document);
        e->document = NULL;
        if (e->on_disk || e->in_batch) {
            wait_in_line(s, e);
        } else {
            leave_line(s, e);
            forget(s, e);
        }
    }
    uv_mutex_unlock(&s->mutex);
}

void plm_store_port(struct plm_store *s, struct plm_store_port *out)
{
    *out = (struct plm_store_port){.ctx = s, .put = put, .drop = drop};
}

/* ---- the database ---- */

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int step(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    int reset = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE ? reset : rc;
}

static int write_entry(struct plm_store *s, const struct entry *e)
{
    sqlite3_stmt *statement = e->writing ? s->put : s->drop;
    const char *kind = plm_store_kind_name((enum plm_store_kind)(e->key[0] - 'A'));
    int rc = sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(statement, 2, e->key + 1, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && e->writing)
        rc = sqlite3_bind_text(statement, 3, e->writing, (int)e->writing_len, SQLITE_STATIC);
    int stepped = step(statement); /* also forgets what was bound */
    return rc == SQLITE_OK ? stepped : rc;
}

/* The batch as one transaction: all of it or nothing. */
static int write_batch(struct plm_store *s)
{
    int rc = run(s->db, "BEGIN IMMEDIATE");
    for (const struct entry *e = s->batch; e && rc == SQLITE_OK; e = e->batch_next)
        rc = write_entry(s, e);
    if (rc == SQLITE_OK)
        rc = run(s->db, "COMMIT");
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(s->db))
        run(s->db, "ROLLBACK");
    return rc;
}

/* ---- the thread ---- */

/* Everything that waits becomes the batch; its documents are the thread's from here on. */
static void take(struct plm_store *s)
{
    struct entry **end = &s->batch;
    while (s->waiting) {
        struct entry *e = s->waiting;
        leave_line(s, e);
        e->in_batch = true;
        e->writing = e->document;
        e->writing_len = e->len;
        e->document = NULL;
        e->batch_next = NULL;
        *end = e;
        end = &e->batch_next;
        s->n_batch++;
    }
}

/* One of the batch is on the disk, or is not. What came meanwhile is newer and stays. */
static void settle_entry(struct plm_store *s, struct entry *e, bool written)
{
    bool was_drop = !e->writing;
    e->in_batch = false;
    if (written) {
        s->stats.documents += !was_drop && !e->on_disk;
        s->stats.documents -= was_drop && e->on_disk;
        e->on_disk = !was_drop;
    } else if (!e->waiting) {
        e->document = e->writing;
        e->len = e->writing_len;
        e->writing = NULL;
        wait_in_line(s, e);
    }
    free(e->writing);
    e->writing = NULL;
    if (e->document || e->on_disk)
        return;
    leave_line(s, e);
    forget(s, e);
}

static void settle(struct plm_store *s, bool written, uint64_t took_us)
{
    s->stats.commits += written;
    s->stats.failures += !written;
    if (written) {
        s->stats.written += s->n_batch;
        plm_histogram_add(&s->stats.commit, took_us);
    }
    while (s->batch) {
        struct entry *e = s->batch;
        s->batch = e->batch_next;
        settle_entry(s, e, written);
    }
    s->n_batch = 0;
}

static void complain(struct plm_store *s, const char *what, int rc)
{
    uint64_t now = now_ms();
    if (s->complained_at && now - s->complained_at < COMPLAIN_MS)
        return;
    s->complained_at = now;
    plm_log(PLM_LOG_ERROR, "main", "store: %s: %s%s; tried again, meetings go on", what, sqlite3_errstr(rc),
        rc == SQLITE_FULL ? " (no space left in data.dir)" : "");
}

/* Called and left with the mutex held; let go meanwhile. @return was everything written? */
static bool commit(struct plm_store *s)
{
    if (!s->waiting)
        return true;
    take(s);
    uv_mutex_unlock(&s->mutex);
    uint64_t began = uv_hrtime();
    int rc = write_batch(s);
    uint64_t took_us = (uv_hrtime() - began) / 1000;
    if (rc != SQLITE_OK)
        complain(s, "nothing can be written", rc);
    uv_mutex_lock(&s->mutex);
    settle(s, rc == SQLITE_OK, took_us);
    return rc == SQLITE_OK;
}

/* Move what is in the log into the database and have the disk confirm it. The mutex as in commit. */
static void checkpoint(struct plm_store *s)
{
    uv_mutex_unlock(&s->mutex);
    uint64_t began = uv_hrtime();
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    uint64_t took_us = (uv_hrtime() - began) / 1000;
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        complain(s, "checkpoint", rc);
    uv_mutex_lock(&s->mutex);
    if (rc == SQLITE_OK)
        plm_histogram_add(&s->stats.checkpoint, took_us);
}

/* Sleep with the mutex let go, until the time or until the server stops. */
static void pause_ms(struct plm_store *s, uint64_t ms)
{
    uint64_t until = now_ms() + ms;
    for (uint64_t now = now_ms(); !s->stopping && now < until; now = now_ms())
        uv_cond_timedwait(&s->wake, &s->mutex, (until - now) * NS_PER_MS);
}

static void serve(struct plm_store *s)
{
    uint64_t retry_ms = RETRY_MIN_MS, checkpoint_at = 0; /* 0: nothing to confirm */
    while (!s->stopping) {
        uint64_t now = now_ms();
        if (checkpoint_at && now >= checkpoint_at) {
            checkpoint(s);
            checkpoint_at = 0;
        } else if (!s->waiting && checkpoint_at) {
            uv_cond_timedwait(&s->wake, &s->mutex, (checkpoint_at - now) * NS_PER_MS);
        } else if (!s->waiting) {
            uv_cond_wait(&s->wake, &s->mutex);
        } else {
            pause_ms(s, PLM_STORE_GATHER_MS);
            if (commit(s)) {
                retry_ms = RETRY_MIN_MS;
                checkpoint_at = checkpoint_at ? checkpoint_at : now_ms() + PLM_STORE_CHECKPOINT_MS;
            } else {
                pause_ms(s, retry_ms);
                retry_ms = retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
            }
        }
    }
}

/* The last writes: again and again while the server still waits for them. */
static void finish(struct plm_store *s)
{
    uint64_t until = now_ms() + PLM_STORE_STOP_MS - GIVE_UP_MS;
    while (!commit(s) && now_ms() < until) {
        uv_mutex_unlock(&s->mutex);
        uv_sleep(RETRY_MIN_MS);
        uv_mutex_lock(&s->mutex);
    }
}

static void close_database(struct plm_store *s)
{
    sqlite3_finalize(s->put);
    sqlite3_finalize(s->drop);
    sqlite3_close(s->db); /* the last connection: moves the log into the database and removes it */
    s->put = s->drop = NULL;
    s->db = NULL;
}

static void run_thread(void *arg)
{
    struct plm_store *s = arg;
    uv_mutex_lock(&s->mutex);
    serve(s);
    finish(s);
    uv_mutex_unlock(&s->mutex);
    close_database(s);
    uv_mutex_lock(&s->mutex);
    s->has_ended = true;
    uv_cond_signal(&s->ended);
    uv_mutex_unlock(&s->mutex);
}

/* ---- opening ---- */

/* Held until the process ends, however it ends. */
static int lock_folder(struct plm_store *s, const char *dir, char *err, size_t err_size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/plenum.lock", dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        int rc = -errno;
        snprintf(err, err_size, "data.dir: %s: %s", path, plm_strerror(rc));
        return rc;
    }
    if (!flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return 0;
    int rc = errno == EWOULDBLOCK ? -EEXIST : -errno;
    if (rc == -EEXIST)
        snprintf(err, err_size,
            "data.dir: %s is used by another plenum-server; end that one, or give this one a folder of its "
            "own",
            dir);
    else
        snprintf(err, err_size, "data.dir: %s: %s", path, plm_strerror(rc));
    return rc;
}

/* Made here, because SQLite would let everybody read it; its companions get the same mode. */
static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int rc = fchmod(fd, 0600) ? -errno : 0;
    close(fd);
    return rc;
}

static int read_int(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int make_schema(sqlite3 *db)
{
    char sql[512];
    snprintf(sql, sizeof sql,
        "BEGIN;"
        "CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL,"
        " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
        "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
        APPLICATION_ID, SCHEMA_VERSION);
    return run(db, sql);
}

static int prepare_database(struct plm_store *s, int *version)
{
    int rc =
        run(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF");
    if (rc == SQLITE_OK)
        rc = read_int(s->db, "PRAGMA user_version", version);
    if (rc == SQLITE_OK && *version == 0) {
        rc = make_schema(s->db);
        *version = SCHEMA_VERSION;
    }
    if (rc != SQLITE_OK || *version != SCHEMA_VERSION)
        return rc;
    rc = sqlite3_prepare_v3(s->db, "INSERT OR REPLACE INTO documents VALUES (?1, ?2, ?3)", -1,
        SQLITE_PREPARE_PERSISTENT, &s->put, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(s->db, "DELETE FROM documents WHERE kind = ?1 AND key = ?2", -1,
            SQLITE_PREPARE_PERSISTENT, &s->drop, NULL);
    return rc;
}

static int refuse(int rc, const char *path, const char *detail, char *err, size_t err_size)
{
    bool damaged = rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_ERROR;
    snprintf(err, err_size, "data.dir: %s: %s%s", path, detail,
        damaged ? "; the file is damaged or not ours: move it away to start with an empty one" : "");
    return rc == SQLITE_NOMEM ? PLM_ENOMEM : damaged ? PLM_EINVAL : -EIO;
}

static int open_database(struct plm_store *s, const char *dir, char *err, size_t err_size)
{
    char path[PATH_MAX];
    int version = 0, len = snprintf(path, sizeof path, "%s/plenum.db", dir);
    int rc = len < 0 || (size_t)len >= sizeof path ? -ENAMETOOLONG : make_file(path);
    if (rc) {
        snprintf(err, err_size, "data.dir: %s: %s", path, plm_strerror(rc));
        return rc;
    }
    rc = sqlite3_open_v2(
        path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc == SQLITE_OK)
        rc = prepare_database(s, &version);
    if (rc != SQLITE_OK)
        return refuse(rc, path, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), err, err_size);
    if (version == SCHEMA_VERSION)
        return 0;
    snprintf(err, err_size,
        "data.dir: %s was written by a later version of plenum-server (format %d, this one reads %d)", path,
        version, SCHEMA_VERSION);
    return PLM_EINVAL;
}

static int kind_of(const char *name)
{
    for (int kind = 0; kind < PLM_STORE_KIND_COUNT; kind++)
        if (!strcmp(name, plm_store_kind_name((enum plm_store_kind)kind)))
            return kind;
    return -1;
}

/* A row of a kind that this version does not know is left alone. @return 0 or PLM_ENOMEM */
static int load_row(struct plm_store *s, sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    const char *key = (const char *)sqlite3_column_text(row, 1);
    const char *document = (const char *)sqlite3_column_text(row, 2);
    size_t len = (size_t)sqlite3_column_bytes(row, 2);
    if (!name || !key || !document)
        return PLM_ENOMEM;
    int kind = kind_of(name);
    if (kind < 0 || strlen(key) > PLM_STORE_MAX_KEY)
        return 0;
    struct entry *e = add(s, (enum plm_store_kind)kind, key, strlen(key));
    if (!e)
        return PLM_ENOMEM;
    e->on_disk = true;
    s->stats.documents++;
    e->writing = malloc(len + 1); /* until plm_store_read */
    if (!e->writing)
        return PLM_ENOMEM;
    memcpy(e->writing, document, len + 1);
    e->writing_len = len;
    return 0;
}

static int load(struct plm_store *s, char *err, size_t err_size)
{
    sqlite3_stmt *rows;
    int rc = sqlite3_prepare_v2(
        s->db, "SELECT kind, key, document FROM documents ORDER BY kind, key", -1, &rows, NULL);
    if (rc != SQLITE_OK)
        return refuse(rc, "plenum.db", sqlite3_errmsg(s->db), err, err_size);
    int loaded = 0;
    while (!loaded && (rc = sqlite3_step(rows)) == SQLITE_ROW)
        loaded = load_row(s, rows);
    if (loaded)
        snprintf(err, err_size, "data.dir: out of memory");
    else if (rc != SQLITE_DONE)
        loaded = refuse(rc, "plenum.db", sqlite3_errmsg(s->db), err, err_size);
    sqlite3_finalize(rows);
    return loaded;
}

static void free_all(struct plm_store *s)
{
    struct entry *e, *next;
    HASH_ITER (hh, s->table, e, next)
        forget(s, e);
    close_database(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    uv_cond_destroy(&s->ended);
    uv_cond_destroy(&s->wake);
    uv_mutex_destroy(&s->mutex);
    free(s);
}

int plm_store_open(struct plm_store **out, const char *dir, char *err, size_t err_size)
{
    struct plm_store *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_size, "data.dir: out of memory");
        return PLM_ENOMEM;
    }
    s->lock_fd = -1;
    uv_mutex_init(&s->mutex);
    uv_cond_init(&s->wake);
    uv_cond_init(&s->ended);
    int rc = lock_folder(s, dir, err, err_size);
    if (!rc)
        rc = open_database(s, dir, err, err_size);
    if (!rc)
        rc = load(s, err, err_size);
    if (rc) {
        free_all(s);
        return rc;
    }
    *out = s;
    return 0;
}

void plm_store_read(struct plm_store *s,
    void (*f)(void *arg, enum plm_store_kind kind, const char *key, const char *document, size_t len),
    void *arg)
{
    struct entry *e, *next;
    HASH_ITER (hh, s->table, e, next) {
        char *document = e->writing;
        if (!document)
            continue;
        e->writing = NULL;
        f(arg, (enum plm_store_kind)(e->key[0] - 'A'), e->key + 1, document, e->writing_len);
        free(document);
    }
}

int plm_store_start(struct plm_store *s)
{
    int rc = uv_thread_create(&s->thread, run_thread, s);
    s->runs = !rc;
    return rc;
}

void plm_store_stats(struct plm_store *s, struct plm_store_stats *out)
{
    uv_mutex_lock(&s->mutex);
    *out = s->stats;
    out->queued = s->n_waiting + s->n_batch;
    uv_mutex_unlock(&s->mutex);
}

/* @return did the thread end? */
static bool await_end(struct plm_store *s)
{
    uint64_t until = now_ms() + PLM_STORE_STOP_MS;
    uv_mutex_lock(&s->mutex);
    s->stopping = true;
    uv_cond_signal(&s->wake);
    for (uint64_t now = now_ms(); !s->has_ended && now < until; now = now_ms())
        uv_cond_timedwait(&s->ended, &s->mutex, (until - now) * NS_PER_MS);
    bool ended = s->has_ended;
    uv_mutex_unlock(&s->mutex);
    return ended;
}

size_t plm_store_close(struct plm_store *s)
{
    if (!s)
        return 0;
    bool ended = !s->runs || await_end(s);
    uv_mutex_lock(&s->mutex);
    size_t lost = s->n_waiting + s->n_batch;
    uv_mutex_unlock(&s->mutex);
    if (lost)
        plm_log(
            PLM_LOG_ERROR, "main", "store: the disk did not take %zu documents in time, they are lost", lost);
    if (!ended)
        return lost; /* a thread that hangs in the disk still uses all of it; the process ends anyway */
    if (s->runs)
        uv_thread_join(&s->thread);
    free_all(s);
    return lost;
}
