/*
 * One recording with a disk that remembers, fed with frames of Opus: states, gaps, files, the journal and the manifest that comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID   "0123456789abcdef0123456789abcdef"
#define RUN  "0123456789abcdef"
#define S    UINT64_C(1000000)
#define T0   (1000 * S)
#define ROOM 5
#define LINK 3

struct world {
    struct plm_disk_port disk;
    struct plm_recording_env env;
    struct plm_recording *r;
    char journal[64 * 1024], manifest[64 * 1024];
    char names[32][PLM_WRITER_MAX_NAME]; /* of files, from 1 on */
    bool closed[32];
    plm_writer_file n_files;
    unsigned makes, puts, demands, repairs, changes;
    bool full, refuse_journal;
    unsigned lines;                   /* that were taken, and not told of */
    char run[PLM_RECORDING_RUN_SIZE]; /* of the last "written" */
    uint64_t written;
    unsigned n_written;
    uint64_t ext_seq, said_us;
};

static int make(void *ctx, const char *id)
{
    assert_string_equal(id, ID);
    ((struct world *)ctx)->makes++;
    return 0;
}

static plm_writer_file open_file(
    void *ctx, const char *id, const char *name, const struct plm_writer_track_config *config)
{
    struct world *w = ctx;
    (void)id;
    (void)config;
    assert_true(plm_recording_file_valid(name));
    assert_non_null(strstr(w->journal, name)); /* its line is there before it */
    snprintf(w->names[++w->n_files], PLM_WRITER_MAX_NAME, "%s", name);
    return w->n_files;
}

static int put(void *ctx, plm_writer_file file, const struct plm_sample *sample)
{
    struct world *w = ctx;
    (void)sample;
    assert_false(w->closed[file]);
    if (w->full)
        return PLM_EFULL;
    w->puts++;
    return 0;
}

static void close_file(void *ctx, plm_writer_file file, int64_t end_us)
{
    struct world *w = ctx;
    (void)end_us;
    assert_false(w->closed[file]);
    w->closed[file] = true;
}

static int journal(void *ctx, const char *id, const char *line, size_t len)
{
    struct world *w = ctx;
    size_t at = strlen(w->journal);
    (void)id;
    if (w->refuse_journal)
        return PLM_EFULL;
    assert_true(at + len + 2 < sizeof(w->journal));
    assert_null(memchr(line, '\n', len));
    memcpy(w->journal + at, line, len);
    memcpy(w->journal + at + len, "\n", 2);
    w->lines++;
    return 0;
}

static int manifest(void *ctx, const char *id, const char *text, size_t len)
{
    struct world *w = ctx;
    (void)id;
    assert_true(len < sizeof(w->manifest));
    memcpy(w->manifest, text, len);
    return 0;
}

static int repair(void *ctx, const char *id)
{
    (void)id;
    ((struct world *)ctx)->repairs++;
    return 0;
}

static void on_demand(
    void *ctx, uint32_t link, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    struct world *w = ctx;
    assert_int_equal(link, LINK);
    assert_int_equal(h->size, sizeof(*d));
    w->demands++;
}

static void on_changed(void *ctx, struct plm_recording *r)
{
    (void)r;
    ((struct world *)ctx)->changes++;
}

static void on_log(void *ctx, const char *id, const char *text)
{
    (void)ctx;
    (void)id;
    (void)text;
}

static void on_written(void *ctx, const char *id, const char *run, uint64_t n)
{
    struct world *w = ctx;
    assert_string_equal(id, ID);
    snprintf(w->run, sizeof(w->run), "%s", run);
    w->written = n;
    w->n_written++;
}

static void prepare(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->disk = (struct plm_disk_port){w, make, open_file, put, close_file, journal, manifest, repair, NULL};
    w->env = (struct plm_recording_env){w, &w->disk, "boot", on_demand, on_changed, on_log, on_written};
}

static struct plm_control start_of(uint64_t now)
{
    return (struct plm_control){.op = PLM_CONTROL_START,
        .id = ID,
        .room = ROOM,
        .key = "k",
        .name = "n",
        .mono_us = (int64_t)now,
        .unix_ms = now / 1000,
        .limit_s = 100};
}

static void begin(struct world *w)
{
    prepare(w);
    const struct plm_control start = start_of(T0);
    assert_int_equal(plm_recording_create(&w->r, &w->env, &start, T0), 0);
    plm_recording_attach(w->r, &start, T0);
}

static enum plm_recording_state state(struct world *w, enum plm_recording_reason *reason)
{
    struct plm_control_state s;
    plm_recording_tell(w->r, T0, &s);
    if (reason)
        *reason = s.reason;
    return s.state;
}

static void expect(struct world *w, enum plm_recording_state want, enum plm_recording_reason why)
{
    enum plm_recording_reason reason;
    enum plm_recording_state have = state(w, &reason);
    assert_string_equal(plm_recording_state_name(have), plm_recording_state_name(want));
    assert_string_equal(plm_recording_reason_name(reason), plm_recording_reason_name(why));
}

static void frame(struct world *w, uint8_t type, const void *body, uint32_t size, uint64_t now)
{
    const struct plm_link_header h = {.size = size,
        .type = type,
        .source = PLM_SOURCE_MICROPHONE,
        .room = ROOM,
        .instance = 1,
        .participant = 2};
    plm_recording_on_frame(w->r, LINK, &h, body, now);
}

static void announce(struct world *w, uint64_t now)
{
    struct plm_link_track t = {.kind = PLM_KIND_AUDIO, .n_encodings = 1, .n_codecs = 1};
    t.codecs[0].codec = PLM_CODEC_OPUS;
    frame(w, PLM_LINK_TRACK, &t, sizeof(t), now);
    w->said_us = 0;
}

/* An encoding's line to the clock, each second. */
static void say_clock(struct world *w, uint64_t now)
{
    const struct plm_link_clock c = {
        .clock_rate = 48000, .ext_ts = (w->ext_seq + 1) * 960, .us = (int64_t)now};
    if (now < w->said_us + S)
        return;
    w->said_us = now;
    frame(w, PLM_LINK_CLOCK, &c, sizeof(c), now);
}

/* Opus, 20 ms each, and what a timer does. */
static void speak(struct world *w, uint64_t from, uint64_t to)
{
    for (uint64_t now = from; now < to; now += 20000) {
        uint8_t body[sizeof(struct plm_link_packet) + 15] = {0};
        say_clock(w, now);
        const struct plm_link_packet p = {.ext_seq = ++w->ext_seq,
            .ext_ts = w->ext_seq * 960,
            .arrival_us = now,
            .payload_off = 12,
            .payload_len = 3,
            .codec = PLM_CODEC_OPUS};
        memcpy(body, &p, sizeof(p));
        body[sizeof(p)] = 0x80;
        plm_put16(body + sizeof(p) + 2, (uint16_t)p.ext_seq);
        plm_put32(body + sizeof(p) + 4, (uint32_t)p.ext_ts);
        body[sizeof(p) + 12] = 0x7c;
        frame(w, PLM_LINK_PACKET, body, sizeof(body), now);
        plm_recording_poll(w->r, now);
    }
}

/* The disk is done with every file that was closed. */
static void finish_files(struct world *w, uint64_t now)
{
    for (plm_writer_file f = 1; f <= w->n_files; f++) {
        struct plm_writer_event ev = {
            .type = PLM_WRITER_FINISHED, .file = f, .usable = true, .duration_us = 5, .bytes = 6};
        strcpy(ev.id, ID);
        strcpy(ev.name, w->names[f]);
        if (w->closed[f])
            plm_recording_on_writer(w->r, &ev, now);
    }
}

static void finish_manifest(struct world *w, uint64_t now)
{
    struct plm_writer_event ev = {.type = PLM_WRITER_FINISHED, .usable = true};
    assert_string_not_equal(w->manifest, "");
    strcpy(ev.name, PLM_RECORDING_MANIFEST);
    plm_recording_on_writer(w->r, &ev, now);
}

static bool said(const struct world *w, const char *what)
{
    return strstr(w->journal, what) != NULL;
}

static unsigned count(const struct world *w, const char *what)
{
    unsigned n = 0;
    for (const char *at = w->journal; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void from_start_to_ready(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(plm_recording_room(w.r), ROOM);
    announce(&w, T0);
    assert_true(w.demands > 0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    assert_int_equal(w.n_files, 1);
    assert_string_equal(w.names[1], "p2-camera-1.mp4");
    assert_true(w.puts >= 95);
    plm_recording_end(w.r, PLM_RECORDING_ASKED, T0 + 3 * S);
    expect(&w, PLM_RECORDING_CLOSING, PLM_RECORDING_ASKED);
    assert_true(w.closed[1]);
    assert_string_equal(w.manifest, "");
    finish_files(&w, T0 + 4 * S);
    assert_non_null(strstr(w.manifest, "p2-camera-1.mp4"));
    expect(&w, PLM_RECORDING_CLOSING, PLM_RECORDING_ASKED);
    finish_manifest(&w, T0 + 4 * S);
    expect(&w, PLM_RECORDING_READY, PLM_RECORDING_ASKED);
    assert_true(plm_recording_is_over(w.r));
    assert_true(said(&w, "{\"type\":\"end\",\"t_us\":3000000,\"reason\":\"asked\"}"));
    plm_recording_destroy(w.r);
}

static void nothing_was_said(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    plm_recording_end(w.r, PLM_RECORDING_ASKED, T0 + 3 * S);
    finish_manifest(&w, T0 + 4 * S);
    expect(&w, PLM_RECORDING_FAILED, PLM_RECORDING_ASKED);
    plm_recording_destroy(w.r);
}

static void a_server_that_comes_back(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    plm_recording_detach(w.r, T0 + 3 * S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_SERVER_GONE);
    assert_true(w.closed[1]);
    assert_int_equal(plm_recording_room(w.r), 0);
    finish_files(&w, T0 + 4 * S);
    plm_recording_poll(w.r, T0 + 62 * S);
    const struct plm_control start = start_of(T0 + 62 * S);
    plm_recording_attach(w.r, &start, T0 + 62 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_true(said(&w, "\"from_us\":3000000,\"to_us\":62000000,\"reason\":\"server\""));
    announce(&w, T0 + 62 * S);
    speak(&w, T0 + 62 * S, T0 + 64 * S);
    assert_int_equal(w.n_files, 2);
    assert_string_equal(w.names[2], "p2-camera-2.mp4");
    plm_recording_destroy(w.r);
}

/* The server feeds for three seconds what it was asked for last. */
static void a_recorder_that_stands_still(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0, T0 + 4 * S + 500000);
    plm_recording_poll(w.r, T0 + 6 * S + 900000); /* not for long enough */
    assert_false(said(&w, "\"gap\""));
    plm_recording_poll(w.r, T0 + 13 * S);
    assert_true(said(&w, "\"from_us\":9900000,\"to_us\":13000000,\"reason\":\"recorder\""));
    speak(&w, T0 + 13 * S, T0 + 15 * S);
    plm_recording_end(w.r, PLM_RECORDING_ASKED, T0 + 20 * S); /* what wakes it ends it */
    assert_true(said(&w, "\"from_us\":17000000,\"to_us\":20000000,\"reason\":\"recorder\""));
    assert_int_equal(count(&w, "\"gap\""), 2);
    assert_int_equal(w.n_files, 1);
    plm_recording_destroy(w.r);
}

static void a_server_that_does_not(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    plm_recording_detach(w.r, T0 + 3 * S);
    plm_recording_poll(w.r, T0 + 62 * S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_SERVER_GONE);
    plm_recording_poll(w.r, T0 + 63 * S);
    expect(&w, PLM_RECORDING_CLOSING, PLM_RECORDING_SERVER_GONE);
    finish_files(&w, T0 + 64 * S);
    finish_manifest(&w, T0 + 64 * S);
    expect(&w, PLM_RECORDING_READY, PLM_RECORDING_SERVER_GONE);
    assert_true(said(&w, "{\"type\":\"end\",\"t_us\":3000000,\"reason\":\"server_gone\"}"));
    plm_recording_destroy(w.r);
}

static void the_limit(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    plm_recording_poll(w.r, T0 + 99 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    plm_recording_poll(w.r, T0 + 100 * S);
    expect(&w, PLM_RECORDING_CLOSING, PLM_RECORDING_LIMIT);
    plm_recording_destroy(w.r);
}

static void a_full_disk(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    struct plm_writer_event ev = {
        .type = PLM_WRITER_FAILED, .file = 1, .error = -ENOSPC, .usable = true, .bytes = 9};
    strcpy(ev.name, w.names[1]);
    w.closed[1] = true; /* failed ones need no close */
    plm_recording_on_writer(w.r, &ev, T0 + 3 * S);
    plm_recording_on_disk(w.r, PLM_DISK_STOP, T0 + 3 * S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_FULL);
    speak(&w, T0 + 3 * S, T0 + 20 * S);
    assert_int_equal(w.n_files, 1);
    /* Room for what runs is not room enough to begin again. */
    plm_recording_on_disk(w.r, PLM_DISK_REFUSE, T0 + 20 * S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_FULL);
    plm_recording_on_disk(w.r, PLM_DISK_WARN, T0 + 21 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    speak(&w, T0 + 21 * S, T0 + 23 * S);
    assert_int_equal(w.n_files, 2);
    assert_true(said(&w, "\"from_us\":3000000,\"to_us\":21000000,\"reason\":\"disk\""));
    plm_recording_destroy(w.r);
}

static void a_slow_disk(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    w.full = true;
    speak(&w, T0 + 3 * S, T0 + 4 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_DISK_SLOW);
    w.full = false;
    speak(&w, T0 + 4 * S, T0 + 7 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_true(said(&w, "\"reason\":\"disk\"}"));
    plm_recording_destroy(w.r);
}

/* A file whose disk failed before it was finished is looked at again when the recording ends; the manifest waits for that. */
static void a_failed_file_is_finished_at_the_end(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    struct plm_writer_event ev = {.type = PLM_WRITER_FAILED, .file = 1, .error = -EIO};
    strcpy(ev.name, w.names[1]);
    w.closed[1] = true; /* failed ones need no close */
    plm_recording_on_writer(w.r, &ev, T0 + 3 * S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_ERROR);
    assert_int_equal(w.repairs, 0);
    plm_recording_end(w.r, PLM_RECORDING_ASKED, T0 + 5 * S);
    assert_int_equal(w.repairs, 1);
    assert_string_equal(w.manifest, "");
    ev = (struct plm_writer_event){
        .type = PLM_WRITER_FINISHED, .usable = true, .duration_us = 2 * (int64_t)S, .bytes = 9};
    strcpy(ev.name, w.names[1]);
    plm_recording_on_writer(w.r, &ev, T0 + 5 * S);
    ev = (struct plm_writer_event){.type = PLM_WRITER_REPAIRED};
    plm_recording_on_writer(w.r, &ev, T0 + 5 * S);
    assert_non_null(strstr(w.manifest, w.names[1]));
    assert_int_equal(w.repairs, 1);
    plm_recording_destroy(w.r);
}

/* What the disk's queue does not take now it gets later, and in order. */
static void journal_lines_wait(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    w.refuse_journal = true;
    struct plm_control event = {.id = ID, .mono_us = (int64_t)(T0 + S)};
    event.event = json_pack("{s:s, s:i, s:s}", "type", "joined", "participant", 2, "name", "Ada");
    plm_recording_on_event(w.r, &event);
    json_decref(event.event);
    event.event = json_pack("{s:s, s:i}", "type", "left", "participant", 2);
    plm_recording_on_event(w.r, &event);
    json_decref(event.event);
    assert_false(said(&w, "joined"));
    w.refuse_journal = false;
    plm_recording_poll(w.r, T0 + 2 * S);
    assert_true(said(&w, "\"joined\"") && said(&w, "\"left\""));
    assert_true(strstr(w.journal, "\"joined\"") < strstr(w.journal, "\"left\""));
    plm_recording_destroy(w.r);
}

/* The disk tells what became of the n oldest lines. */
static void tell_lines(struct world *w, unsigned n, int error, uint64_t now)
{
    struct plm_writer_event ev = {.type = error ? PLM_WRITER_FAILED : PLM_WRITER_JOURNALED, .error = error};
    strcpy(ev.name, error ? PLM_RECORDING_JOURNAL : "");
    assert_true(n <= w->lines);
    w->lines -= n;
    while (n--)
        plm_recording_on_writer(w->r, &ev, now);
}

static void say_numbered(struct world *w, const char *run, uint64_t n, int participant, uint64_t now)
{
    const struct plm_control event = {.id = ID,
        .run = run,
        .n = n,
        .mono_us = (int64_t)now,
        .event = json_pack("{s:s, s:i}", "type", "hand", "participant", participant)};
    plm_recording_on_event(w->r, &event);
    json_decref(event.event);
}

static void say_hand(struct world *w, int participant, uint64_t now)
{
    say_numbered(w, NULL, 0, participant, now);
}

/* An event is told to be written when its line is on the disk, not before; one that comes twice is there once. */
static void events_are_told_when_they_are_written(void **state_)
{
    struct world w, next;
    (void)state_;
    begin(&w);
    tell_lines(&w, w.lines, 0, T0);
    say_hand(&w, 1, T0);
    assert_int_equal(w.n_written, 0);
    say_numbered(&w, RUN, 7, 2, T0); /* what came before was for another recording */
    say_numbered(&w, RUN, 8, 3, T0);
    say_numbered(&w, RUN, 8, 3, T0);
    assert_int_equal(w.lines, 4); /* with that of the server */
    tell_lines(&w, 2, 0, T0);
    assert_int_equal(w.n_written, 0);
    tell_lines(&w, 1, 0, T0);
    assert_int_equal(w.written, 7);
    assert_string_equal(w.run, RUN);
    say_numbered(&w, RUN, 12, 4, T0);
    say_numbered(&w, RUN, 13, 5, T0);
    tell_lines(&w, 1, 0, T0);
    assert_int_equal(w.written, 8);
    tell_lines(&w, 1, -ENOSPC, T0);
    tell_lines(&w, 1, 0, T0);
    assert_int_equal(w.written, 8);
    plm_recording_poll(w.r, T0 + 11 * S);
    while (w.lines)
        tell_lines(&w, 1, 0, T0 + 11 * S);
    assert_int_equal(w.written, 13);
    plm_recording_poll(w.r, T0 + 11 * S);
    tell_lines(&w, w.lines, 0, T0 + 11 * S);
    w.n_written = 0;
    say_numbered(&w, RUN, 7, 2, T0 + 12 * S); /* a server that came back without having heard */
    assert_int_equal(w.written, 13);
    assert_int_equal(w.n_written, 1);
    assert_int_equal(w.lines, 0);

    /* Another recorder knows from the journal what is there; another run of the server begins anew. */
    prepare(&next);
    assert_int_equal(
        plm_recording_restore(&next.r, &next.env, w.journal, strlen(w.journal), NULL, 0, T0 + 15 * S), 0);
    plm_recording_destroy(w.r);
    tell_lines(&next, next.lines, 0, T0 + 15 * S);
    say_numbered(&next, RUN, 12, 4, T0 + 12 * S);
    assert_int_equal(next.written, 13);
    say_numbered(&next, RUN, 14, 6, T0 + 12 * S);
    say_numbered(&next, "fedcba9876543210", 1, 7, T0 + 16 * S);
    tell_lines(&next, next.lines, 0, T0 + 16 * S);
    assert_int_equal(next.written, 1);
    assert_string_equal(next.run, "fedcba9876543210");
    assert_int_equal(count(&next, "hand"), 2);
    assert_true(said(&next, "\"participant\":6,\"t_us\":12000000,\"n\":14}"));
    assert_int_equal(count(&next, "\"type\":\"server\""), 1);
    plm_recording_destroy(next.r);
}

/* A line that the disk failed at comes again, before all that came after it; no file is begun whose line may not be there. */
static void journal_lines_come_again(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    tell_lines(&w, w.lines, 0, T0);
    say_hand(&w, 1, T0 + S);
    say_hand(&w, 2, T0 + S);
    say_hand(&w, 3, T0 + S);
    assert_int_equal(w.lines, 3);
    w.journal[0] = '\0';
    tell_lines(&w, 1, -EROFS, T0 + S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_ERROR);
    tell_lines(&w, 1, 0, T0 + S);
    say_hand(&w, 4, T0 + 2 * S);
    plm_recording_poll(w.r, T0 + 12 * S); /* one is still out */
    assert_string_equal(w.journal, "");
    tell_lines(&w, 1, -EROFS, T0 + 12 * S); /* and then one line finds out */
    assert_true(said(&w, "\"participant\":1"));
    assert_int_equal(w.lines, 1);
    tell_lines(&w, 1, -EROFS, T0 + 21 * S);
    w.journal[0] = '\0';
    say_hand(&w, 5, T0 + 22 * S);
    announce(&w, T0 + 22 * S);
    assert_int_equal(w.lines, 0);

    plm_recording_poll(w.r, T0 + 31 * S);
    assert_int_equal(w.lines, 1);
    assert_true(said(&w, "\"participant\":1"));
    tell_lines(&w, 1, -EROFS, T0 + 31 * S);
    speak(&w, T0 + 32 * S, T0 + 40 * S);
    assert_int_equal(w.lines, 0);
    assert_int_equal(w.n_files, 0);
    w.journal[0] = '\0';
    plm_recording_poll(w.r, T0 + 41 * S);
    tell_lines(&w, 1, 0, T0 + 41 * S);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_ERROR);
    const char *line = w.journal;
    for (int i = 1; i <= 5; i++) {
        char part[32];
        snprintf(part, sizeof(part), "\"participant\":%d", i);
        line = strstr(line, part);
        assert_non_null(line);
    }
    tell_lines(&w, w.lines, 0, T0 + 41 * S);
    speak(&w, T0 + 42 * S, T0 + 44 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(w.n_files, 1);
    assert_true(said(&w, "\"from_us\":1000000,\"to_us\":42000000,\"reason\":\"disk\""));
    plm_recording_destroy(w.r);
}

/* A disk that takes nothing from the first moment on: the folder is made when it does. */
static void a_folder_that_could_not_be_made(void **state_)
{
    struct world w;
    (void)state_;
    begin(&w);
    assert_int_equal(w.makes, 1);
    struct plm_writer_event ev = {.type = PLM_WRITER_FAILED, .error = -EROFS};
    plm_recording_on_writer(w.r, &ev, T0);
    tell_lines(&w, w.lines, -ENOENT, T0);
    expect(&w, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_ERROR);
    w.journal[0] = '\0';
    plm_recording_poll(w.r, T0 + 10 * S);
    assert_int_equal(w.makes, 2);
    plm_recording_on_writer(w.r, &ev, T0 + 10 * S);
    tell_lines(&w, w.lines, -ENOENT, T0 + 10 * S);
    w.journal[0] = '\0';
    plm_recording_poll(w.r, T0 + 20 * S);
    assert_int_equal(w.makes, 3);
    tell_lines(&w, 1, 0, T0 + 20 * S);
    tell_lines(&w, w.lines, 0, T0 + 20 * S);
    plm_recording_poll(w.r, T0 + 20 * S);
    expect(&w, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(w.makes, 3);
    assert_int_equal(count(&w, "\"type\":\"recording\""), 1);
    plm_recording_destroy(w.r);
}

static void another_recorder_goes_on(void **state_)
{
    struct world w, next;
    char *names[] = {"p2-camera-1.mp4.part", "journal.jsonl", "p2-camera-7.mp4"};
    (void)state_;
    begin(&w);
    announce(&w, T0);
    speak(&w, T0 + 1 * S, T0 + 3 * S);
    prepare(&next);
    assert_int_equal(
        plm_recording_restore(&next.r, &next.env, w.journal, strlen(w.journal), names, 3, T0 + 5 * S), 0);
    plm_recording_destroy(w.r);
    assert_int_equal(next.repairs, 1);
    expect(&next, PLM_RECORDING_PAUSED, PLM_RECORDING_SERVER_GONE);
    strcpy(next.journal, "p2-camera-1.mp4"); /* what is on the disk */

    struct plm_writer_event ev = {
        .type = PLM_WRITER_FINISHED, .usable = true, .duration_us = 2000000, .bytes = 77};
    strcpy(ev.name, "p2-camera-1.mp4");
    plm_recording_on_writer(next.r, &ev, T0 + 5 * S);
    ev = (struct plm_writer_event){.type = PLM_WRITER_REPAIRED};
    plm_recording_on_writer(next.r, &ev, T0 + 5 * S);
    assert_true(said(&next, "\"bytes\":77"));

    const struct plm_control start = start_of(T0 + 6 * S);
    plm_recording_attach(next.r, &start, T0 + 6 * S);
    assert_true(said(&next, "\"to_us\":6000000,\"reason\":\"recorder\""));
    announce(&next, T0 + 6 * S);
    speak(&next, T0 + 6 * S, T0 + 8 * S);
    assert_string_equal(next.names[1], "p2-camera-8.mp4"); /* no name is used twice */
    plm_recording_end(next.r, PLM_RECORDING_ASKED, T0 + 8 * S);
    finish_files(&next, T0 + 8 * S);
    finish_manifest(&next, T0 + 8 * S);
    expect(&next, PLM_RECORDING_READY, PLM_RECORDING_ASKED);
    assert_non_null(strstr(next.manifest, "p2-camera-1.mp4"));
    assert_non_null(strstr(next.manifest, "p2-camera-8.mp4"));
    plm_recording_destroy(next.r);
}

/* Its clock began anew: the wall's tells how much time passed, and none passes backwards. */
static void after_another_boot(void **state_)
{
    struct world w, next;
    (void)state_;
    begin(&w);
    plm_recording_detach(w.r, T0 + 3 * S);
    prepare(&next);
    next.env.boot_id = "another";
    assert_int_equal(
        plm_recording_restore(&next.r, &next.env, w.journal, strlen(w.journal), NULL, 0, 10 * S), 0);
    plm_recording_destroy(w.r);
    struct plm_control start = start_of(12 * S);
    start.unix_ms = (T0 + 40 * S) / 1000;
    plm_recording_attach(next.r, &start, 12 * S);
    assert_true(said(&next, "\"to_us\":40000000,\"reason\":\"recorder\""));
    plm_recording_destroy(next.r);
}

static void frames_that_make_no_sense(void **state_)
{
    struct world w;
    struct plm_recording_stats s;
    (void)state_;
    begin(&w);
    uint8_t body[sizeof(struct plm_link_track)] = {0};
    frame(&w, PLM_LINK_TRACK, body, sizeof(body) - 1, T0);
    frame(&w, PLM_LINK_PACKET, body, 3, T0);
    frame(&w, PLM_LINK_CLOCK, body, 3, T0);
    frame(&w, PLM_LINK_SPEAKERS, body, 0, T0);
    struct plm_link_header h = {
        .type = PLM_LINK_TRACK_GONE, .source = PLM_SOURCE_COUNT, .participant = 1, .room = ROOM};
    plm_recording_on_frame(w.r, LINK, &h, body, T0);
    h.source = 0;
    h.participant = 0;
    plm_recording_on_frame(w.r, LINK, &h, body, T0);
    frame(&w, PLM_LINK_TRACK_GONE, body, 0, T0); /* of a track that nobody announced: fine */
    plm_recording_stats(w.r, &s);
    assert_int_equal(s.malformed, 6);
    assert_int_equal(s.tracks, 0);
    plm_recording_destroy(w.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_start_to_ready),
        cmocka_unit_test(nothing_was_said),
        cmocka_unit_test(a_server_that_comes_back),
        cmocka_unit_test(a_recorder_that_stands_still),
        cmocka_unit_test(a_server_that_does_not),
        cmocka_unit_test(the_limit),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_failed_file_is_finished_at_the_end),
        cmocka_unit_test(a_slow_disk),
        cmocka_unit_test(journal_lines_wait),
        cmocka_unit_test(journal_lines_come_again),
        cmocka_unit_test(a_folder_that_could_not_be_made),
        cmocka_unit_test(events_are_told_when_they_are_written),
        cmocka_unit_test(another_recorder_goes_on),
        cmocka_unit_test(after_another_boot),
        cmocka_unit_test(frames_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
