/*
 * What a recorder's socket and folder give it: control messages, frames of workers, journals. The first octet chooses. Whatever comes, ids that are taken are ids,
 * frames stay within what was read, a recording that is fed them ends in a manifest.
 */
#include "fuzz.h"

#include "frames.h"
#include "manifest.h"
#include "recorder.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"
#define START                                                                                                \
    "{\"op\":\"start\",\"id\":\"" ID                                                                         \
    "\",\"room\":1,\"key\":\"k\",\"name\":\"n\",\"mono_us\":1000000,\"unix_ms\":1}"

/* ---- a disk that takes everything, and fails at a line now and then ---- */

static plm_writer_file files;
static unsigned lines; /* of the recording, of which it was not told what became */

static int make(void *ctx, const char *id)
{
    (void)ctx;
    CHECK(plm_recording_id_valid(id));
    return 0;
}

static plm_writer_file open_file(
    void *ctx, const char *id, const char *name, const struct plm_writer_track_config *config)
{
    (void)ctx;
    CHECK(plm_recording_id_valid(id) && plm_recording_file_valid(name));
    CHECK(config->sound || config->video != PLM_CODEC_NONE);
    return ++files;
}

static int put(void *ctx, plm_writer_file file, const struct plm_sample *s)
{
    unsigned sum = 0;
    (void)ctx;
    CHECK(file && file <= files);
    for (size_t i = 0; i < s->len; i++)
        sum |= s->data[i];
    CHECK(sum <= 0xff);
    return 0;
}

static void close_file(void *ctx, plm_writer_file file, int64_t end_us)
{
    (void)ctx;
    (void)end_us;
    CHECK(file && file <= files);
}

static int journal(void *ctx, const char *id, const char *line, size_t len)
{
    (void)ctx;
    CHECK(len > 0 && !memchr(line, '\n', len));
    lines += strcmp(id, ID) == 0;
    return 0;
}

static int manifest(void *ctx, const char *id, const char *text, size_t len)
{
    (void)ctx;
    (void)id;
    CHECK(len == strlen(text));
    return 0;
}

static int nothing(void *ctx, const char *id)
{
    (void)ctx;
    CHECK(plm_recording_id_valid(id));
    return 0;
}

static void send_control(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    CHECK(len == strlen(text));
}

static void send_frame(void *ctx, uint32_t link, const struct plm_link_header *h, const void *body)
{
    (void)ctx;
    (void)body;
    CHECK(link == 1 && h->type == PLM_LINK_DEMAND && h->source < PLM_SOURCE_COUNT);
}

static void on_log(void *ctx, enum plm_log_level level, const char *id, const char *text)
{
    (void)ctx;
    (void)level;
    (void)id;
    CHECK(*text);
}

/* ---- the three ways in ---- */

static void one_control(const char *text, size_t len)
{
    struct plm_control c;
    if (plm_control_parse(&c, text, len))
        return;
    CHECK(c.op == PLM_CONTROL_IGNORED || c.op == PLM_CONTROL_SYNC || plm_recording_id_valid(c.id));
    for (size_t i = 0; i < c.n_ids; i++)
        CHECK(plm_recording_id_valid(c.ids[i]));
    CHECK(!c.run || (plm_recording_run_valid(c.run) && c.n > 0 && c.n <= PLM_RECORDING_MAX_N));
    plm_control_free(&c);
}

static void one_journal(const char *text, size_t len)
{
    const struct plm_manifest_file known = {"p1-camera-1.mp4", 5, 6, "", 1};
    char *out = plm_manifest_build(text, len, &known, 1);
    if (!out)
        return;
    json_t *o = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    CHECK(o && json_is_array(json_object_get(o, "files")));
    json_decref(o);
    free(out);
}

static void tell_line(struct plm_recorder *r, bool failed, uint64_t now)
{
    struct plm_writer_event ev = {.type = failed ? PLM_WRITER_FAILED : PLM_WRITER_JOURNALED, .id = ID};
    memcpy(ev.name, failed ? PLM_RECORDING_JOURNAL : "", failed ? sizeof(PLM_RECORDING_JOURNAL) : 1);
    lines--;
    plm_recorder_on_writer(r, &ev, now);
}

static void frames_of(struct plm_recorder *r, const uint8_t *data, size_t len)
{
    uint64_t now = 1000000;
    while (len > 0) {
        struct plm_link_header h;
        const uint8_t *body;
        ssize_t n = plm_frames_next(data, len, &h, &body);
        if (n <= 0)
            return;
        CHECK((size_t)n <= len && body + h.size == data + n);
        struct plm_link_hello hello;
        if (plm_frames_hello(&h, body, &hello) == 0)
            CHECK(h.type == PLM_LINK_HELLO && hello.magic == PLM_LINK_MAGIC &&
                  hello.version == PLM_LINK_VERSION);
        now += 20000;
        if (h.type == PLM_LINK_CONTROL)
            plm_recorder_on_control(r, (const char *)body, h.size, now);
        else
            plm_recorder_on_frame(r, 1, &h, body, now);
        plm_recorder_poll(r, now);
        if (lines && h.participant % 4)
            tell_line(r, h.participant % 4 == 1, now);
        data += n;
        len -= (size_t)n;
    }
}

static void one_connection(const uint8_t *data, size_t len)
{
    const struct plm_disk_port disk = {
        NULL, make, open_file, put, close_file, journal, manifest, nothing, nothing};
    const struct plm_recorder_env env = {NULL, &disk, "boot", send_control, send_frame, on_log};
    struct plm_recorder *r;
    files = lines = 0;
    if (plm_recorder_create(&r, &env))
        return;
    plm_recorder_on_server(r, true, 1000000);
    plm_recorder_on_control(r, START, strlen(START), 1000000);
    frames_of(r, data, len);
    plm_recorder_on_link_gone(r, 1, 900000000);
    plm_recorder_on_server(r, false, 900000000);
    plm_recorder_poll(r, 990000000);
    plm_recorder_destroy(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* In its exact size, so that an overread is seen. */
    uint8_t *exact = malloc(size - 1 ? size - 1 : 1);
    if (!exact)
        return 0;
    memcpy(exact, data + 1, size - 1);
    if (data[0] % 3 == 0)
        one_control((const char *)exact, size - 1);
    else if (data[0] % 3 == 1)
        one_journal((const char *)exact, size - 1);
    else
        one_connection(exact, size - 1);
    free(exact);
    return 0;
}
