/*
 * A server of one room and one publisher, whose feed is written to a file as a recorder would get it, for plm-replay-stream.
 *
 *   plm-capture FILE KEY_SECONDS    reads "<octets>\n<SDP offer>" and writes "<octets>\n<SDP answer>"; ends when its input does. Another offer is that
 *                                   of the same participant, who has come again: the former connection is closed
 *
 * All encodings are demanded, and a key frame of each every KEY_SECONDS. The file is a sequence of: 8 octets of time (µs), 4 of length, a frame of
 * base/link_frame.h; little-endian like those.
 */
#include <plenum/engine.h>
#include <plenum/sdp.h>

#include "base/link_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_TRACKS 8

static struct plm_engine *engine;
static FILE *file;
static int feed = -1;
static uint64_t key_us;
static uint8_t in[PLM_LINK_MAX_BODY + sizeof(struct plm_link_header)];
static size_t n_in;

static struct track {
    struct plm_link_header header;
    uint8_t kind, n_encodings;
    uint64_t demanded_us, asked_us;
} tracks[MAX_TRACKS];
static unsigned n_tracks;
static bool any;
static plm_room_id room;
static plm_transport_id publisher;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void demand(struct track *t, uint64_t now)
{
    if (t->demanded_us && now - t->demanded_us < 500000)
        return;
    bool key = t->kind == PLM_KIND_VIDEO && now - t->asked_us >= key_us;
    uint8_t all = (uint8_t)((1u << t->n_encodings) - 1);
    struct {
        struct plm_link_header h;
        struct plm_link_demand d;
    } frame = {
        .h = t->header,
        .d = {.encodings = all, .keyframes = key ? all : 0, .audio = t->kind == PLM_KIND_AUDIO},
    };
    frame.h.type = PLM_LINK_DEMAND;
    frame.h.size = sizeof frame.d;
    t->demanded_us = now;
    if (key)
        t->asked_us = now;
    if (send(feed, &frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame)
        exit(1);
}

static void on_gone(const struct plm_link_header *h)
{
    for (unsigned i = 0; i < n_tracks; i++)
        if (tracks[i].header.participant == h->participant && tracks[i].header.source == h->source)
            tracks[i] = tracks[--n_tracks];
}

static void on_track(const struct plm_link_header *h, const uint8_t *body)
{
    struct plm_link_track info;
    unsigned i = 0;
    if (h->size < sizeof info)
        return;
    memcpy(&info, body, sizeof info);
    while (i < n_tracks &&
           (tracks[i].header.participant != h->participant || tracks[i].header.source != h->source))
        i++;
    if (i == MAX_TRACKS)
        return;
    if (i == n_tracks)
        tracks[n_tracks++] = (struct track){0};
    any = true;
    tracks[i].header = *h;
    tracks[i].kind = info.kind;
    tracks[i].n_encodings = info.n_encodings;
}

static void on_feed(void)
{
    ssize_t n = recv(feed, in + n_in, sizeof in - n_in, 0);
    if (n <= 0)
        exit(1);
    n_in += (size_t)n;
    uint64_t now = now_us();
    size_t at = 0;
    struct plm_link_header h;
    while (n_in - at >= sizeof h) {
        memcpy(&h, in + at, sizeof h);
        uint32_t len = (uint32_t)sizeof h + h.size;
        if (n_in - at < len)
            break;
        fwrite(&now, sizeof now, 1, file);
        fwrite(&len, sizeof len, 1, file);
        fwrite(in + at, len, 1, file);
        if (h.type == PLM_LINK_TRACK)
            on_track(&h, in + at + sizeof h);
        else if (h.type == PLM_LINK_TRACK_GONE)
            on_gone(&h);
        at += len;
    }
    memmove(in, in + at, n_in -= at);
}

static int publish(const char *sdp, size_t len)
{
    struct plm_transport_open open = {.room = room, .participant = 1};
    struct plm_transport_local local;
    struct plm_sdp *offer = NULL;
    struct plm_sdp_error err = {0};
    struct plm_addr candidates[4];
    struct plm_transport_params params;
    char *text = NULL;
    int result = plm_engine_transport_open(engine, &open, &local);
    if (result == 0)
        result = plm_sdp_parse(&offer, sdp, len, &err);
    struct plm_sdp_local ours = {
        .ufrag = local.ufrag,
        .pwd = local.pwd,
        .fingerprint = *plm_engine_fingerprint(engine),
        .candidates = candidates,
        .n_candidates = plm_engine_candidates(engine, candidates, 4),
        .session_id = local.id,
        .session_version = 1,
    };
    struct plm_sdp_policy policy = {
        .codecs = {PLM_CODEC_OPUS, PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264, PLM_CODEC_AV1},
        .publish = true,
        .random_ssrc = plm_engine_random_ssrc,
        .arg = engine,
    };
    if (result == 0)
        result = plm_sdp_answer(offer, &ours, &policy, &params, &text, &err);
    if (result == 0)
        result = plm_engine_transport_describe(engine, local.id, &params);
    if (result == 0) {
        publisher = local.id;
        printf("%zu\n%s", strlen(text), text);
        fflush(stdout);
    } else {
        fprintf(stderr, "offer: %s %s\n", plm_strerror(result), err.text);
    }
    free(text);
    plm_sdp_destroy(offer);
    return result;
}

/** @return the offer, to be freed */
static char *read_offer(size_t *len)
{
    char line[32];
    if (!fgets(line, sizeof line, stdin))
        return NULL;
    *len = strtoul(line, NULL, 10);
    char *sdp = *len > 0 && *len <= PLM_SDP_MAX_SIZE ? malloc(*len) : NULL;
    if (sdp && fread(sdp, 1, *len, stdin) == *len)
        return sdp;
    free(sdp);
    return NULL;
}

/** @return false: there is no other, or it is refused */
static bool take_offer(void)
{
    size_t len = 0;
    char *sdp = read_offer(&len);
    if (sdp && publisher)
        plm_engine_transport_close(engine, publisher);
    bool taken = sdp && publish(sdp, len) == 0;
    free(sdp);
    return taken;
}

static void on_event(void *arg, const struct plm_event *ev)
{
    (void)arg;
    (void)ev;
}

static void run(void)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = plm_engine_fd(engine), .events = POLLIN},
            {.fd = feed, .events = POLLIN},
        };
        if (poll(fds, 3, 100) < 0 && errno != EINTR)
            return;
        if (fds[0].revents && !take_offer())
            return;
        if (fds[1].revents)
            plm_engine_dispatch(engine);
        if (fds[2].revents)
            on_feed();
        for (unsigned i = 0; i < n_tracks; i++)
            demand(&tracks[i], now_us());
    }
}

int main(int argc, char **argv)
{
    struct plm_engine_config config = {.n_listen = 1, .workers = 1, .flags = PLM_REPLACE_SRTP_KERNELS};
    const char *at = getenv("PLM_RTC_ADDRESS");
    int pair[2];
    if (argc != 3) {
        fprintf(stderr, "usage: %s FILE KEY_SECONDS\n", argv[0]);
        return 2;
    }
    key_us = strtoull(argv[2], NULL, 10) * 1000000;
    file = fopen(argv[1], "wb");
    int err = plm_addr_parse(&config.listen[0], at ? at : "127.0.0.1");
    if (!file || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        err = -errno;
    if (err == 0)
        err = plm_engine_create(&engine, &config, on_event, NULL);
    if (err == 0)
        err = plm_engine_room_open(engine, NULL, &room);
    if (err == 0)
        err = plm_engine_room_feed(engine, room, true);
    if (err == 0)
        err = plm_engine_feed(engine, 0, pair[0]);
    feed = pair[1];
    if (err == 0 && take_offer())
        run();
    plm_engine_destroy(engine);
    if (err != 0)
        fprintf(stderr, "capture: %s\n", plm_strerror(err));
    return err == 0 && fclose(file) == 0 && any ? 0 : 1;
}
