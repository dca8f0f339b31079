/*
 * Feeds samples from its input to a writer and tells what became of them. Input: records of struct record and its data.
 *   'O' open file `file` with this record's settings; data: its name   'S' a sample   'C' close   'J' journal line   'M' manifest
 *   'D' close the writer
 * usage: feed DIR ID [--pace] [--queue OCTETS] [--reserve OCTETS] [--copies N] < RECORDS
 *   --pace      in real time, by the times of the samples
 *   --copies    each file so many times, under names of their own
 * "feed list|repair|verify DIR" are the recorder's own commands.
 * Output: a line of JSON for each event, then one with figures. The samples that the queue refused are counted.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "writer.h"

#define MAX_FILES  8
#define MAX_COPIES 200

struct record {
    uint8_t op, file, codec, keyframe;
    uint8_t profile, sound;
    uint16_t width, height, rotation;
    uint32_t duration_us;
    int64_t time_us;
    uint32_t config_len, len;
} __attribute__((packed));

struct options {
    bool pace;
    unsigned copies;
    struct plm_writer_config writer;
};

static plm_writer_file files[MAX_FILES][MAX_COPIES];
static unsigned full, finished;

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void print_events(struct plm_writer *w)
{
    static const char *const names[] = {"", "finished", "failed", "disk", "removed", "repaired", "journaled"};
    struct plm_writer_event e;
    while (plm_writer_next_event(w, &e)) {
        finished += e.file != 0;
        printf("{\"event\":\"%s\",\"name\":\"%s\",\"error\":%d,\"usable\":%d,\"duration_us\":%" PRId64
               ",\"bytes\":%" PRIu64 ",\"level\":%d,\"free\":%" PRIu64 "}\n",
            names[e.type], e.name, e.error, e.usable, e.duration_us, e.bytes, (int)e.level, e.free_bytes);
        fflush(stdout);
    }
}

static void open_files(struct plm_writer *w, const char *id, const struct record *r, const uint8_t *config,
    const char *name, unsigned copies)
{
    for (unsigned i = 0; i < copies; i++) {
        struct plm_writer_track_config c = {.sound = r->sound,
            .video = r->codec,
            .width = r->width,
            .height = r->height,
            .rotation = r->rotation,
            .profile = r->profile,
            .config = config,
            .config_len = r->config_len,
            .start_us = r->time_us,
            .unix_ms = UINT64_C(1790000000000),
            .title = "Ada Lovelace",
            .comment = "Hall"};
        char copy[PLM_WRITER_MAX_NAME];
        snprintf(copy, sizeof copy, "p%u%s", i + 1, strchr(name, '-'));
        files[r->file][i] = plm_writer_open(w, id, copies > 1 ? copy : name, &c);
        if (!files[r->file][i])
            fprintf(stderr, "%s: not opened\n", name);
    }
}

static void put(struct plm_writer *w, const struct record *r, const uint8_t *data, unsigned copies)
{
    struct plm_sample s = {.codec = r->codec,
        .keyframe = r->keyframe,
        .time_us = r->time_us,
        .duration_us = r->duration_us,
        .width = r->width,
        .height = r->height,
        .rotation = r->rotation,
        .profile = r->profile,
        .data = data + r->config_len,
        .len = r->len,
        .config = r->config_len ? data : NULL,
        .config_len = r->config_len};
    for (unsigned i = 0; i < copies; i++)
        full += plm_writer_put(w, files[r->file][i], &s) == PLM_EFULL;
}

static void pace(int64_t time_us)
{
    static int64_t offset;
    static bool began;
    int64_t now = (int64_t)now_us();
    if (!began)
        offset = now - time_us;
    began = true;
    if (time_us + offset > now)
        usleep((useconds_t)(time_us + offset - now));
}

static bool run(struct plm_writer *w, const char *id, const struct options *o, unsigned *opened)
{
    struct record r;
    uint8_t *data = NULL;
    while (fread(&r, sizeof r, 1, stdin) == 1 && r.op != 'D') {
        size_t len = (size_t)r.config_len + r.len;
        data = realloc(data, len + 1);
        if (!data || fread(data, 1, len, stdin) != len || r.file >= MAX_FILES)
            return false;
        data[len] = '\0';
        if (o->pace && r.op == 'S')
            pace(r.time_us);
        if (r.op == 'O')
            open_files(w, id, &r, data, (const char *)data + r.config_len, o->copies);
        else if (r.op == 'S')
            put(w, &r, data, o->copies);
        else if (r.op == 'J')
            plm_writer_journal(w, id, (const char *)data, len);
        else if (r.op == 'M')
            plm_writer_manifest(w, id, (const char *)data, len);
        *opened += r.op == 'O' ? o->copies : 0;
        for (unsigned i = 0; r.op == 'C' && i < o->copies; i++)
            plm_writer_close(w, files[r.file][i], r.time_us);
        print_events(w);
        /* Unpaced, wait for the writer rather than overrun its queue. */
        struct plm_writer_stats stats;
        while (!o->pace && (plm_writer_stats(w, &stats), stats.queued_bytes > 4u << 20))
            usleep(1000);
    }
    free(data);
    return true;
}

static void print_figures(struct plm_writer *w)
{
    struct plm_writer_stats s;
    struct rusage u;
    plm_writer_stats(w, &s);
    getrusage(RUSAGE_SELF, &u);
    printf("{\"event\":\"figures\",\"full\":%u,\"fragments\":%" PRIu64 ",\"written\":%" PRIu64
           ",\"syncs\":%" PRIu64 ",\"queued_max\":%" PRIu64 ",\"late_us_max\":%" PRIu64 ",\"cpu_us\":%" PRIu64
           ",\"max_rss_kb\":%ld}\n",
        full, s.fragments, s.written_bytes, s.syncs, s.queued_bytes_max, s.late_us_max,
        (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
            (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec),
        u.ru_maxrss);
}

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 3; i < argc; i++) {
        bool value = i + 1 < argc;
        if (strcmp(argv[i], "--pace") == 0)
            o->pace = true;
        else if (strcmp(argv[i], "--queue") == 0 && value)
            o->writer.queue_bytes = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--reserve") == 0 && value)
            o->writer.reserve_bytes = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--copies") == 0 && value)
            o->copies = (unsigned)strtoul(argv[++i], NULL, 10);
        else
            return false;
    }
    return argc >= 3 && o->copies >= 1 && o->copies <= MAX_COPIES;
}

int main(int argc, char **argv)
{
    struct options o = {.copies = 1};
    struct plm_writer *w;
    unsigned opened = 0;
    if (argc > 1 && plm_cli_is_command(argv[1]))
        return plm_cli_main(argc, argv);
    if (!parse(&o, argc, argv)) {
        fprintf(stderr, "usage: feed DIR ID [--pace] [--queue N] [--reserve N] [--copies N]\n");
        return 2;
    }
    o.writer.dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (o.writer.dir_fd < 0 || plm_writer_create(&w, &o.writer) != 0) {
        perror(argv[1]);
        return 1;
    }
    plm_writer_make(w, argv[2]);
    bool good = run(w, argv[2], &o, &opened);
    printf("{\"event\":\"fed\"}\n");
    fflush(stdout);
    for (unsigned i = 0; i < 600 && finished < opened; i++) { /* a minute at most */
        print_events(w);
        usleep(100000);
    }
    print_events(w);
    print_figures(w);
    plm_writer_destroy(w);
    return good ? 0 : 1;
}
