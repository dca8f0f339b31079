/*
 * A tiny SFU with signalling of its own, on the public API of libplenum alone.
 *
 * A client opens a TCP connection, says who it is, and sends an SDP offer; it gets an answer and then lines about its transport. The
 * transport lives as long as the connection. Who publishes and receives does so by two connections with the same name.
 *
 *   PUBLISH <room> <name> <octets of SDP>\n<SDP>   →  ANSWER <octets>\n<SDP>     offer with sendonly m-lines
 *   RECEIVE <room> <name> <octets of SDP>\n<SDP>   →  ANSWER <octets>\n<SDP>     offer with recvonly m-lines
 *   STATS\n                                        →  STATS <octets>\n<worker>.<name> <value>\n…
 *   events: STATE <state> <reason>\n · SLOT <m-line> <state> <name>\n · ERROR <text>\n
 *
 * Usage: embed [-s signalling address] [-m media address] [-w workers]; port 0 lets the system choose.
 */
#include <plenum/engine.h>
#include <plenum/sdp.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SESSIONS 256
#define MAX_NAME     32
#define MAX_LINE     256

/** A room exists as long as somebody is in it; so does a person, who may have several sessions. */
struct room {
    char name[MAX_NAME];
    plm_room_id id;
    unsigned persons;
    plm_participant_id last_participant;
};

struct person {
    struct room *room;
    char name[MAX_NAME];
    plm_participant_id id;
    unsigned sessions;
};

struct session {
    int fd; /**< -1: free */
    struct person *person;
    plm_transport_id transport;
    char *in; /**< what came and was not yet understood */
    size_t n, cap;
    bool asked; /**< for statistics */
};

static struct plm_engine *engine;
static struct room rooms[MAX_SESSIONS];
static struct person persons[MAX_SESSIONS];
static struct session sessions[MAX_SESSIONS];
static volatile sig_atomic_t stop;

/* ---- who is where ---- */

static struct room *enter_room(const char *name)
{
    struct room *free_one = NULL;
    for (int i = 0; i < MAX_SESSIONS; i++) {
        if (rooms[i].persons && strcmp(rooms[i].name, name) == 0)
            return &rooms[i];
        if (!rooms[i].persons)
            free_one = &rooms[i];
    }
    if (!free_one || plm_engine_room_open(engine, NULL, &free_one->id) != 0)
        return NULL;
    snprintf(free_one->name, sizeof free_one->name, "%s", name);
    free_one->last_participant = 0;
    return free_one;
}

static struct person *enter(const char *room_name, const char *name)
{
    struct person *free_one = NULL;
    for (int i = 0; i < MAX_SESSIONS; i++) {
        struct person *p = &persons[i];
        if (p->sessions && strcmp(p->room->name, room_name) == 0 && strcmp(p->name, name) == 0) {
            p->sessions++;
            return p;
        }
        if (!p->sessions)
            free_one = p;
    }
    struct room *room = free_one ? enter_room(room_name) : NULL;
    if (!room)
        return NULL;
    *free_one = (struct person){.room = room, .id = ++room->last_participant, .sessions = 1};
    snprintf(free_one->name, sizeof free_one->name, "%s", name);
    room->persons++;
    return free_one;
}

static void leave(struct person *p)
{
    if (!p || --p->sessions)
        return;
    if (--p->room->persons == 0)
        plm_engine_room_close(engine, p->room->id);
}

static const char *name_of(plm_room_id room, plm_participant_id who)
{
    for (int i = 0; i < MAX_SESSIONS; i++)
        if (persons[i].sessions && persons[i].room->id == room && persons[i].id == who)
            return persons[i].name;
    return "-";
}

/* ---- sessions ---- */

/** A client too slow for a few lines misses them. */
static void say(struct session *s, const char *text, size_t len)
{
    send(s->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

__attribute__((format(printf, 2, 3))) static void say_line(struct session *s, const char *format, ...)
{
    char line[MAX_LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    say(s, line, strlen(line));
}

static void end_session(struct session *s)
{
    if (s->transport)
        plm_engine_transport_close(engine, s->transport);
    leave(s->person);
    close(s->fd);
    free(s->in);
    *s = (struct session){.fd = -1};
}

/** From the peer's offer to our answer: the whole of what an application has to do. */
static int answer(
    struct session *s, bool publish, const struct plm_sdp *offer, char **text, struct plm_sdp_error *err)
{
    struct plm_transport_open open = {.room = s->person->room->id, .participant = s->person->id};
    struct plm_transport_local local;
    int result = plm_engine_transport_open(engine, &open, &local);
    if (result != 0)
        return result;
    s->transport = local.id;

    struct plm_addr candidates[16];
    struct plm_sdp_local ours = {
        .ufrag = local.ufrag,
        .pwd = local.pwd,
        .fingerprint = *plm_engine_fingerprint(engine),
        .candidates = candidates,
        .n_candidates = plm_engine_candidates(engine, candidates, 16),
        .session_id = local.id,
        .session_version = 1,
    };
    struct plm_sdp_policy policy = {
        .codecs = {PLM_CODEC_OPUS, PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264, PLM_CODEC_AV1},
        .publish = publish,
        .subscribe = !publish,
        .single_video_codec = true,
        .random_ssrc = plm_engine_random_ssrc,
        .arg = engine,
    };
    struct plm_transport_params params;
    result = plm_sdp_answer(offer, &ours, &policy, &params, text, err);
    if (result == 0)
        result = plm_engine_transport_describe(engine, local.id, &params);
    return result;
}

static void on_offer(
    struct session *s, bool publish, const char *room, const char *name, const char *sdp, size_t len)
{
    struct plm_sdp *offer = NULL;
    struct plm_sdp_error err = {0};
    char *text = NULL;
    s->person = enter(room, name);
    int result = s->person ? plm_sdp_parse(&offer, sdp, len, &err) : PLM_ELIMIT;
    if (result == 0)
        result = answer(s, publish, offer, &text, &err);
    if (result == 0) {
        say_line(s, "ANSWER %zu\n", strlen(text));
        say(s, text, strlen(text));
    } else {
        say_line(s, "ERROR %s\n", err.text[0] ? err.text : plm_strerror(result));
    }
    free(text);
    plm_sdp_destroy(offer);
}

static void on_stats(void *arg, const struct plm_stats *stats)
{
    struct session *s = arg;
    char text[65536] = "";
    size_t n = 0;
    for (unsigned w = 0; w < stats->n_workers && n < sizeof text / 2; w++) {
        for (int i = 0; i < PLM_CNT_COUNT; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%u.%s_total %llu\n", w,
                plm_counter_name((enum plm_counter)i), (unsigned long long)stats->workers[w].counters[i]);
        for (int i = 0; i < PLM_GAUGE_COUNT; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%u.%s %u\n", w,
                plm_gauge_name((enum plm_gauge)i), stats->workers[w].gauges[i]);
    }
    if (!s->asked)
        return; /* another client has this place by now */
    s->asked = false;
    say_line(s, "STATS %zu\n", n);
    say(s, text, n);
}

/** Understand one request, if it is there whole. @return octets used, 0: wait for more, -1: hang up */
static ssize_t on_input(struct session *s)
{
    char verb[16], room[MAX_NAME], name[MAX_NAME];
    size_t len = 0;
    char *end = memchr(s->in, '\n', s->n);
    if (!end)
        return s->n > MAX_LINE ? -1 : 0;
    *end = '\0';
    ssize_t head = end + 1 - s->in;
    int fields = sscanf(s->in, "%15s %31s %31s %zu", verb, room, name, &len);
    if (fields == 1 && strcmp(verb, "STATS") == 0) {
        s->asked = true;
        return plm_engine_stats(engine, PLM_STATS_TOTALS, 0, on_stats, s) == 0 ? head : -1;
    }
    bool publish = fields == 4 && strcmp(verb, "PUBLISH") == 0;
    if ((!publish && !(fields == 4 && strcmp(verb, "RECEIVE") == 0)) || len > PLM_SDP_MAX_SIZE || s->person)
        return -1;
    if (s->n - (size_t)head < len) {
        *end = '\n';
        return 0;
    }
    on_offer(s, publish, room, name, s->in + head, len);
    return head + (ssize_t)len;
}

static void on_readable(struct session *s)
{
    if (s->cap - s->n < 4096) {
        char *in = realloc(s->in, s->cap + 16384);
        if (!in) {
            end_session(s);
            return;
        }
        s->in = in;
        s->cap += 16384;
    }
    ssize_t n = recv(s->fd, s->in + s->n, s->cap - s->n, 0);
    if (n <= 0) {
        end_session(s);
        return;
    }
    s->n += (size_t)n;
    while (s->n > 0) {
        ssize_t used = on_input(s);
        if (used < 0) {
            say_line(s, "ERROR not understood\n");
            end_session(s);
            return;
        }
        if (used == 0)
            return;
        s->n -= (size_t)used;
        memmove(s->in, s->in + used, s->n);
    }
}

/* ---- what the engine tells ---- */

static void on_event(void *arg, const struct plm_event *ev)
{
    struct session *s = NULL;
    (void)arg;
    for (int i = 0; i < MAX_SESSIONS && !s; i++)
        if (sessions[i].fd >= 0 && sessions[i].transport && sessions[i].transport == ev->transport)
            s = &sessions[i];
    if (!s)
        return;
    if (ev->type == PLM_EV_TRANSPORT)
        say_line(s, "STATE %s %s\n", plm_transport_state_name(ev->transport_state.state),
            plm_close_reason_name(ev->transport_state.reason));
    else if (ev->type == PLM_EV_SLOT)
        say_line(s, "SLOT %u %s %s\n", ev->slot.media, plm_slot_state_name(ev->slot.state),
            name_of(ev->room, ev->slot.shows));
    if (ev->type == PLM_EV_TRANSPORT && ev->transport_state.state == PLM_TRANSPORT_CLOSED) {
        s->transport = 0;
        end_session(s);
    }
}

/* ---- the loop ---- */

static void on_connection(int listener)
{
    int fd = accept(listener, NULL, NULL);
    for (int i = 0; fd >= 0 && i < MAX_SESSIONS; i++) {
        if (sessions[i].fd < 0) {
            sessions[i].fd = fd;
            return;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void run(int listener)
{
    struct pollfd fds[MAX_SESSIONS + 2];
    while (!stop) {
        fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = plm_engine_fd(engine), .events = POLLIN};
        for (int i = 0; i < MAX_SESSIONS; i++) /* poll skips the free ones: -1 */
            fds[i + 2] = (struct pollfd){.fd = sessions[i].fd, .events = POLLIN};
        if (poll(fds, MAX_SESSIONS + 2, -1) < 0)
            continue;
        for (int i = 0; i < MAX_SESSIONS; i++)
            if (fds[i + 2].revents)
                on_readable(&sessions[i]);
        if (fds[1].revents)
            plm_engine_dispatch(engine);
        if (fds[0].revents)
            on_connection(listener);
    }
}

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void log_line(void *arg, enum plm_log_level level, const char *tag, const char *text)
{
    (void)arg;
    if (level <= PLM_LOG_WARN)
        fprintf(stderr, "%s: %s\n", tag, text);
}

static int listen_at(struct plm_addr *at)
{
    socklen_t size = at->sa.sa_family == AF_INET6 ? sizeof at->in6 : sizeof at->in4;
    int on = 1, fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, &at->sa, size) != 0 || listen(fd, 16) != 0 || getsockname(fd, &at->sa, &size) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    struct plm_engine_config config = {.n_listen = 1, .flags = PLM_REPLACE_SRTP_KERNELS, .log = log_line};
    struct plm_addr at;
    char text[PLM_ADDR_TEXT];
    int option,
        bad = plm_addr_parse(&at, "127.0.0.1:7000") | plm_addr_parse(&config.listen[0], "127.0.0.1:0");
    while ((option = getopt(argc, argv, "s:m:w:")) != -1) {
        if (option == 's')
            bad |= plm_addr_parse(&at, optarg);
        else if (option == 'm')
            bad |= plm_addr_parse(&config.listen[0], optarg);
        else if (option == 'w')
            config.workers = (unsigned)strtoul(optarg, NULL, 10);
        else
            bad = 1;
    }
    if (bad || optind != argc) {
        fprintf(stderr, "usage: %s [-s signalling address] [-m media address] [-w workers]\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < MAX_SESSIONS; i++)
        sessions[i].fd = -1;
    int listener = listen_at(&at);
    int err = listener < 0 ? -errno : plm_engine_create(&engine, &config, on_event, NULL);
    if (err) {
        fprintf(stderr, "%s: %s\n", argv[0], plm_strerror(err));
        return 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    printf("signalling at %s\n", plm_addr_format(&at, text, sizeof text));
    fflush(stdout);
    run(listener);
    for (int i = 0; i < MAX_SESSIONS; i++)
        if (sessions[i].fd >= 0)
            end_session(&sessions[i]);
    plm_engine_destroy(engine);
    close(listener);
    return 0;
}
