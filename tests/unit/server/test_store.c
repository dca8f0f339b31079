/* The store against a real SQLite file, a thread (uv_thread_create) and a disk that is full. */
#include "store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "logger.h"
#include "plenum/types.h"

struct folder {
    char path[64];
    char database[96];
};

static int make_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    strcpy(f->path, "/tmp/plenum-store-XXXXXX");
    if (!mkdtemp(f->path))
        return -1;
    snprintf(f->database, sizeof f->database, "%s/plenum.db", f->path);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"plenum.db", "plenum.db-wal", "plenum.db-shm", "plenum.lock"};
    struct folder *f = *state;
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", f->path, names[i]);
        unlink(path);
    }
    rmdir(f->path);
    free(f);
    return 0;
}

static struct plm_store *open_store(const struct folder *f)
{
    struct plm_store *s = NULL;
    char err[512] = "";
    if (plm_store_open(&s, f->path, err, sizeof err))
        fail_msg("%s", err);
    return s;
}

static void put(struct plm_store *s, enum plm_store_kind kind, const char *key, const char *document)
{
    struct plm_store_port port;
    struct plm_text *text = plm_text_create(document, strlen(document));
    plm_store_port(s, &port);
    port.put(port.ctx, kind, key, text);
    plm_text_unref(text);
}

static void drop(struct plm_store *s, enum plm_store_kind kind, const char *key)
{
    struct plm_store_port port;
    plm_store_port(s, &port);
    port.drop(port.ctx, kind, key);
}

struct seen {
    size_t n;
    char text[32][96];
};

static void see(void *arg, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    struct seen *seen = arg;
    assert_int_equal(len, strlen(document));
    assert_true(seen->n < 32);
    snprintf(
        seen->text[seen->n++], sizeof seen->text[0], "%s %s %s", plm_store_kind_name(kind), key, document);
}

/* What a server would find that starts now. */
static struct seen reopened(const struct folder *f)
{
    struct seen seen = {0};
    struct plm_store *s = open_store(f);
    plm_store_read(s, see, &seen);
    assert_int_equal(plm_store_close(s), 0);
    return seen;
}

static struct plm_store_stats await(struct plm_store *s, uint64_t commits)
{
    struct plm_store_stats stats;
    for (int i = 0; i < 1000; i++) {
        plm_store_stats(s, &stats);
        if (stats.commits >= commits && !stats.queued)
            return stats;
        uv_sleep(10);
    }
    fail_msg("not written in ten seconds");
    return stats;
}

static void documents_come_back(void **state)
{
    struct plm_store *s = open_store(*state);
    assert_int_equal(plm_store_start(s), 0);
    put(s, PLM_STORE_ROOM, "a", "{\"first\":1}");
    put(s, PLM_STORE_CHAT, "a/0000000001", "{}");
    put(s, PLM_STORE_ROOM, "a", "{\"second\":2}");
    put(s, PLM_STORE_BAN, "gone", "{}");
    drop(s, PLM_STORE_BAN, "gone");
    drop(s, PLM_STORE_BAN, "never there");
    struct plm_store_stats stats = await(s, 1);
    assert_int_equal(stats.documents, 2);
    assert_int_equal(stats.failures, 0);
    assert_int_equal(plm_store_close(s), 0);

    struct seen seen = reopened(*state);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "chat a/0000000001 {}");
    assert_string_equal(seen.text[1], "room a {\"second\":2}");
}

static void same_key_of_another_kind_is_another(void **state)
{
    struct plm_store *s = open_store(*state);
    assert_int_equal(plm_store_start(s), 0);
    put(s, PLM_STORE_MEMBER, "x", "1");
    put(s, PLM_STORE_REVOKED, "x", "2");
    drop(s, PLM_STORE_MEMBER, "x");
    assert_int_equal(plm_store_close(s), 0);
    struct seen seen = reopened(*state);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.text[0], "revoked x 2");
}

static void what_was_dropped_stays_away(void **state)
{
    struct plm_store *s = open_store(*state);
    put(s, PLM_STORE_ROOM, "a", "1");
    put(s, PLM_STORE_ROOM, "b", "2");
    assert_int_equal(plm_store_start(s), 0);
    await(s, 1);
    drop(s, PLM_STORE_ROOM, "a");
    struct plm_store_stats stats = await(s, 2);
    assert_int_equal(stats.documents, 1);
    assert_int_equal(plm_store_close(s), 0);
    assert_int_equal(reopened(*state).n, 1);
}

/* Odd octets in keys and documents are values, never SQL. */
static void quotes_are_data(void **state)
{
    struct plm_store *s = open_store(*state);
    assert_int_equal(plm_store_start(s), 0);
    put(s, PLM_STORE_ROOM, "'); DROP TABLE documents; --", "\"'\xf0\x9f\x99\x82");
    assert_int_equal(plm_store_close(s), 0);
    struct seen seen = reopened(*state);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.text[0], "room '); DROP TABLE documents; -- \"'\xf0\x9f\x99\x82");
}

static void waiting_is_bounded_by_keys(void **state)
{
    struct plm_store_stats stats;
    char document[32];
    struct plm_store *s = open_store(*state); /* its thread does not run: a disk that stalls */
    for (int i = 0; i < 10000; i++) {
        snprintf(document, sizeof document, "%d", i);
        put(s, PLM_STORE_MEMBER, i % 2 ? "one" : "two", document);
        put(s, PLM_STORE_CHAT, document, "short-lived");
        drop(s, PLM_STORE_CHAT, document);
    }
    plm_store_stats(s, &stats);
    assert_int_equal(stats.queued, 2);
    assert_int_equal(plm_store_start(s), 0);
    stats = await(s, 1);
    assert_int_equal(stats.written, 2);
    assert_int_equal(plm_store_close(s), 0);
    struct seen seen = reopened(*state);
    assert_string_equal(seen.text[0], "member one 9999");
    assert_string_equal(seen.text[1], "member two 9998");
}

static void too_long_is_refused_and_counted(void **state)
{
    struct plm_store *s = open_store(*state);
    struct plm_store_stats stats;
    struct plm_store_port port;
    char key[PLM_STORE_MAX_KEY + 2];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = 0;
    put(s, PLM_STORE_ROOM, key, "1");
    drop(s, PLM_STORE_ROOM, key);
    char *large = calloc(1, PLM_STORE_MAX_DOCUMENT + 1);
    memset(large, '1', PLM_STORE_MAX_DOCUMENT + 1);
    struct plm_text *text = plm_text_create(large, PLM_STORE_MAX_DOCUMENT + 1);
    plm_store_port(s, &port);
    port.put(port.ctx, PLM_STORE_ROOM, "large", text);
    plm_text_unref(text);
    free(large);
    plm_store_stats(s, &stats);
    assert_int_equal(stats.failures, 2);
    assert_int_equal(stats.queued, 0);
    key[PLM_STORE_MAX_KEY] = 0;
    put(s, PLM_STORE_ROOM, key, "1");
    plm_store_stats(s, &stats);
    assert_int_equal(stats.queued, 1);
    plm_store_close(s);
}

static void second_server_is_refused(void **state)
{
    struct folder *f = *state;
    struct plm_store *second = NULL, *s = open_store(f);
    char err[512] = "";
    assert_int_equal(plm_store_open(&second, f->path, err, sizeof err), -EEXIST);
    assert_non_null(strstr(err, "another plenum-server"));
    assert_non_null(strstr(err, f->path));
    assert_null(second);
    plm_store_close(s);
    plm_store_close(open_store(f));
}

static void others_cannot_read_it(void **state)
{
    struct folder *f = *state;
    struct stat st;
    char path[128];
    close(open(f->database, O_CREAT | O_RDWR, 0666));
    chmod(f->database, 0666);
    struct plm_store *s = open_store(f);
    assert_int_equal(plm_store_start(s), 0);
    put(s, PLM_STORE_ROOM, "a", "1");
    await(s, 1);
    static const char *const names[] = {"plenum.db", "plenum.db-wal", "plenum.db-shm", "plenum.lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", f->path, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    plm_store_close(s);
}

static void refuse_to_open(const struct folder *f, const char *expected)
{
    struct plm_store *s = NULL;
    char err[512] = "";
    assert_int_equal(plm_store_open(&s, f->path, err, sizeof err), PLM_EINVAL);
    assert_null(s);
    if (!strstr(err, expected))
        fail_msg("%s", err);
}

static void damaged_file_is_refused(void **state)
{
    struct folder *f = *state;
    FILE *file = fopen(f->database, "w");
    for (int i = 0; i < 1000; i++)
        fputs("no database ", file);
    fclose(file);
    refuse_to_open(f, "move it away");
}

static void set_version(const struct folder *f, int version)
{
    sqlite3 *db;
    char sql[64];
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void later_format_is_refused(void **state)
{
    plm_store_close(open_store(*state));
    set_version(*state, 2);
    refuse_to_open(*state, "later version");
}

static void someone_elses_database_is_refused(void **state)
{
    set_version(*state, 1);
    refuse_to_open(*state, "move it away");
}

static void missing_folder_is_told(void **state)
{
    struct plm_store *s = NULL;
    char err[512] = "";
    (void)state;
    assert_int_equal(plm_store_open(&s, "/nonexistent/plenum", err, sizeof err), -ENOENT);
    assert_non_null(strstr(err, "/nonexistent/plenum"));
}

/* A row of a kind that a later version made is neither told nor lost. */
static void unknown_kinds_are_left_alone(void **state)
{
    struct folder *f = *state;
    sqlite3 *db;
    sqlite3_stmt *count;
    plm_store_close(open_store(f));
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "INSERT INTO documents VALUES ('hologram', 'x', '{}')", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(reopened(f).n, 0);
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM documents", -1, &count, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(count, 0), 1);
    sqlite3_finalize(count);
    sqlite3_close(db);
}

/* RLIMIT_FSIZE makes writing fail like a full disk does. */
static void limit_files(rlim_t octets)
{
    struct rlimit limit = {octets, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void full_disk_is_survived(void **state)
{
    struct plm_store_stats stats;
    struct plm_store *s = open_store(*state);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(plm_store_start(s), 0);
    put(s, PLM_STORE_ROOM, "a", "old");
    put(s, PLM_STORE_ROOM, "b", "old");
    put(s, PLM_STORE_ROOM, "c", "old");
    await(s, 1);
    limit_files(1);
    put(s, PLM_STORE_ROOM, "a", "new");
    drop(s, PLM_STORE_ROOM, "b");
    for (int i = 0; i < 500; i++) {
        plm_store_stats(s, &stats);
        if (stats.failures >= 2)
            break;
        uv_sleep(10);
    }
    assert_true(stats.failures >= 2);
    assert_int_equal(stats.commits, 1);
    assert_int_equal(stats.queued, 2);
    put(s, PLM_STORE_ROOM, "a", "newest"); /* while the one before is tried again and again */
    drop(s, PLM_STORE_ROOM, "c");
    put(s, PLM_STORE_ROOM, "c", "back");
    limit_files(RLIM_INFINITY);
    stats = await(s, 2);
    assert_int_equal(stats.documents, 2);
    assert_int_equal(plm_store_close(s), 0);
    struct seen seen = reopened(*state);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "room a newest");
    assert_string_equal(seen.text[1], "room c back");
}

static void full_disk_does_not_hold_up_the_end(void **state)
{
    struct plm_store *s = open_store(*state);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(1);
    assert_int_equal(plm_store_start(s), 0);
    put(s, PLM_STORE_ROOM, "a", "1");
    put(s, PLM_STORE_ROOM, "b", "1");
    uint64_t began = uv_hrtime();
    assert_int_equal(plm_store_close(s), 2);
    assert_true(uv_hrtime() - began < (PLM_STORE_STOP_MS + 3000) * UINT64_C(1000000));
    limit_files(RLIM_INFINITY);
}

/* A process that is killed has lost nothing that was committed, and its lock is gone with it. */
static void killed_process_loses_nothing_committed(void **state)
{
    pid_t child = fork();
    if (!child) {
        struct plm_store *s = open_store(*state);
        plm_store_start(s);
        put(s, PLM_STORE_MEETING, "a", "1");
        await(s, 1);
        put(s, PLM_STORE_MEETING, "b", "2");
        await(s, 2);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct seen seen = reopened(*state);
    assert_int_equal(seen.n, 2);
}

/* Puts and drops from here against the thread's commits; what is found is what was put last. */
static void newest_value_wins_against_commits(void **state)
{
    char key[8], document[32];
    struct plm_store *s = open_store(*state);
    assert_int_equal(plm_store_start(s), 0);
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "%02d", i % 16);
        snprintf(document, sizeof document, "%d", i);
        if (i % 7)
            put(s, PLM_STORE_MEMBER, key, document);
        else
            drop(s, PLM_STORE_MEMBER, key);
        if (i % 500 == 0)
            uv_sleep(3);
    }
    struct plm_store_stats stats;
    plm_store_stats(s, &stats);
    assert_int_equal(plm_store_close(s), 0);
    assert_true(stats.commits > 1);
    struct seen seen = reopened(*state);
    size_t expected = 0;
    for (int k = 0; k < 16; k++) {
        int last = 19984 + k;
        if (last % 7 == 0)
            continue;
        snprintf(document, sizeof document, "member %02d %d", k, last);
        assert_true(expected < seen.n);
        assert_string_equal(seen.text[expected], document);
        expected++;
    }
    assert_int_equal(seen.n, expected);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        CASE(documents_come_back),
        CASE(same_key_of_another_kind_is_another),
        CASE(what_was_dropped_stays_away),
        CASE(quotes_are_data),
        CASE(waiting_is_bounded_by_keys),
        CASE(too_long_is_refused_and_counted),
        CASE(second_server_is_refused),
        CASE(others_cannot_read_it),
        CASE(damaged_file_is_refused),
        CASE(later_format_is_refused),
        CASE(someone_elses_database_is_refused),
        CASE(missing_folder_is_told),
        CASE(unknown_kinds_are_left_alone),
        CASE(full_disk_is_survived),
        CASE(full_disk_does_not_hold_up_the_end),
        CASE(killed_process_loses_nothing_committed),
        CASE(newest_value_wins_against_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
