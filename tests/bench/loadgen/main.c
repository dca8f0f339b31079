/*
 * plenum-bench: load on a running plenum-server, and what it costs. One scenario per call; the result is one JSON object, or one for each slice.
 */
#include "die.h"
#include "floor_load.h"
#include "floors.h"
#include "proc.h"
#include "publisher.h"
#include "scenario.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAX_ROOM     64
#define MAX_SPEAKERS 50 /* of a crowd: they talk and show, all listen */
#define FOLLOWED     4

static const struct floors_shape floors_of_pictures = {.payload = 1176, .train = 8};
static const struct floors_shape floors_of_sound = {.payload = PUBLISHER_AUDIO_LEN, .train = 1};

struct options {
    struct scenario scenario;
    const char *kind;
    unsigned size, rooms, bitrate_kbps;
    int cpu, server_cpu;
    bool floors_only;
    struct floors floors;
    double load_floor_us;
};

static void usage(FILE *out)
{
    fputs(
        "plenum-bench --server ADDRESS:PORT --pid PID [options]   load on a running server\n"
        "plenum-bench --floors [--scenario NAME] [--cpu N] [--server-cpu N]   only what sealing and "
        "sending cost\n"
        "  --scenario NAME  [fanout]\n"
        "     fanout        one to N\n"
        "     audio-fanout  the same without video\n"
        "     silent        one to N, nothing sent while it is measured\n"
        "     meeting       rooms of N, everybody sees everybody\n"
        "     audio         the same without video\n"
        "     crowd         rooms of N, up to 50 of them send, everybody follows four\n"
        "  --size N         receivers of a fan-out, people of a room [4]\n"
        "  --rooms N        [1]\n"
        "  --room NAME      of the rooms, a number is put behind [bench]\n"
        "  --seconds S      measured [5]\n"
        "  --warm-up S      before [1]\n"
        "  --slices N       measured so often [1]\n"
        "  --asks           load goes on before each warm-up until an octet is read from the standard input\n"
        "  --bitrate KBPS   of a video [1500]\n"
        "  --fps N          [30]\n"
        "  --pace-us N      between the packets of a frame [0]\n"
        "  --decrypt-one-of N  receivers; the others only count [1]\n"
        "  --cpu N          bind this client to a CPU\n"
        "  --server-cpu N   where the floors are measured\n",
        out);
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (*end || end == text || v < min || v > max)
        die("%s is not a number from %u to %u", text, min, max);
    return (unsigned)v;
}

static struct sockaddr_in address(const char *text)
{
    char host[64];
    unsigned port;
    struct sockaddr_in a = {.sin_family = AF_INET};
    if (sscanf(text, "%63[^:]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die("%s is not ADDRESS:PORT", text);
    a.sin_port = htons((uint16_t)port);
    return a;
}

static void parse(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"server", 1, NULL, 's'}, {"pid", 1, NULL, 'p'},
        {"scenario", 1, NULL, 'k'}, {"size", 1, NULL, 'n'}, {"rooms", 1, NULL, 'r'}, {"room", 1, NULL, 'm'},
        {"seconds", 1, NULL, 't'}, {"warm-up", 1, NULL, 'w'}, {"bitrate", 1, NULL, 'b'},
        {"fps", 1, NULL, 'f'}, {"pace-us", 1, NULL, 'u'}, {"decrypt-one-of", 1, NULL, 'd'},
        {"slices", 1, NULL, 'S'}, {"asks", 0, NULL, 'a'}, {"cpu", 1, NULL, 'c'}, {"server-cpu", 1, NULL, 'C'},
        {"floors", 0, NULL, 'F'}, {"help", 0, NULL, 'h'}, {0}};
    struct scenario *s = &o->scenario;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 's':
            s->http = address(optarg);
            break;
        case 'p':
            s->server = (pid_t)number(optarg, 1, 1u << 30);
            break;
        case 'k':
            o->kind = optarg;
            break;
        case 'n':
            o->size = number(optarg, 1, 2000);
            break;
        case 'r':
            o->rooms = number(optarg, 1, 1000);
            break;
        case 'm':
            if (strlen(optarg) > MAX_ROOM)
                die("%s is too long a name", optarg);
            s->room = optarg;
            break;
        case 't':
            s->seconds = number(optarg, 1, 3600);
            break;
        case 'w':
            s->warm_up_s = number(optarg, 0, 3600);
            break;
        case 'S':
            s->slices = number(optarg, 1, 1000);
            break;
        case 'a':
            s->asks = true;
            break;
        case 'b':
            o->bitrate_kbps = number(optarg, 100, 15000);
            break;
        case 'f':
            s->media.fps = number(optarg, 1, 120);
            break;
        case 'u':
            s->media.pace_us = number(optarg, 0, 20000);
            break;
        case 'd':
            s->decrypt_one_of = number(optarg, 1, 10000);
            break;
        case 'c':
            o->cpu = (int)number(optarg, 0, 1023);
            break;
        case 'C':
            o->server_cpu = (int)number(optarg, 0, 1023);
            break;
        case 'F':
            o->floors_only = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
}

static bool is_sound(const struct options *o)
{
    return strncmp(o->kind, "audio", 5) == 0;
}

static void settle(struct options *o)
{
    struct scenario *s = &o->scenario;
    s->rooms = o->rooms;
    s->media.video = !is_sound(o);
    s->silent = strcmp(o->kind, "silent") == 0;
    if (s->silent || strcmp(o->kind, "fanout") == 0 || strcmp(o->kind, "audio-fanout") == 0) {
        s->publishers = 1;
        s->receivers = o->size;
    } else if (strcmp(o->kind, "crowd") == 0) {
        s->publishers = o->size < MAX_SPEAKERS ? o->size : MAX_SPEAKERS;
        s->receivers = o->size;
        s->follows = FOLLOWED;
    } else if (strcmp(o->kind, "meeting") == 0 || strcmp(o->kind, "audio") == 0) {
        if (o->size < 2)
            die("a meeting is of two at least");
        s->publishers = s->receivers = o->size;
        s->meeting = true;
    } else {
        die("%s is no scenario", o->kind);
    }
    unsigned packets = (o->bitrate_kbps * 125 / s->media.fps + s->media.packet_len / 2) / s->media.packet_len;
    s->media.packets_per_frame = packets ? packets : 1;
}

static void print_floors(const struct options *o)
{
    printf("\"floor_evp_us\": %.3f, \"floor_ipsecmb_us\": %.3f, \"floor_load_us\": %.3f", o->floors.evp_us,
        o->floors.ipsecmb_us, o->load_floor_us);
}

static double ratio(double per_packet, double floor)
{
    return floor > 0 ? per_packet / floor : 0;
}

static void print_result(const struct options *o, const struct result *r)
{
    double per_packet = r->delivered ? r->server_cpu_us / (double)r->delivered : 0;
    double expected = (double)(r->delivered + r->lost);
    printf("{\"scenario\": \"%s\", \"size\": %u, \"rooms\": %u, \"peers\": %u, \"seconds\": %.2f, ", o->kind,
        o->size, o->rooms, r->peers, r->seconds);
    printf("\"delivered\": %llu, \"delivered_per_s\": %.0f, \"mbit_per_s\": %.1f, ",
        (unsigned long long)r->delivered, (double)r->delivered / r->seconds,
        (double)r->octets * 8 / r->seconds / 1e6);
    printf("\"loss_percent\": %.4f, \"rtx\": %llu, \"nacks\": %llu, \"key_frames\": %llu, ",
        expected > 0 ? 100 * (double)r->lost / expected : 0, (unsigned long long)r->rtx,
        (unsigned long long)r->nacks, (unsigned long long)r->key_frames);
    printf("\"undecryptable\": %llu, \"unmarked\": %llu, \"fills\": %llu, ",
        (unsigned long long)r->undecryptable, (unsigned long long)r->unmarked, (unsigned long long)r->fills);
    printf("\"server_us_per_packet\": %.3f, \"server_cpu_share\": %.3f, \"client_cpu_share\": %.3f, ",
        per_packet, r->server_cpu_us / 1e6 / r->seconds, r->client_cpu_share);
    printf("\"latency_p50_us\": %u, \"latency_p99_us\": %u, \"latency_samples\": %llu, ", r->latency_p50_us,
        r->latency_p99_us, (unsigned long long)r->latency_samples);
    printf("\"connect_p50_ms\": %.1f, \"connect_p99_ms\": %.1f, \"media_p50_ms\": %.1f, \"media_p99_ms\": "
           "%.1f, ",
        r->connect_p50_us / 1e3, r->connect_p99_us / 1e3, r->media_p50_us / 1e3, r->media_p99_us / 1e3);
    printf("\"pss_kb_per_transport\": %.1f, ", r->pss_kb_per_peer);
    print_floors(o);
    printf(", \"ratio_evp\": %.2f, \"ratio_ipsecmb\": %.2f, \"ratio_load\": %.2f}\n",
        ratio(per_packet, o->floors.evp_us), ratio(per_packet, o->floors.ipsecmb_us),
        ratio(per_packet, o->load_floor_us));
    fflush(stdout);
}

static void on_slice(void *arg, const struct result *r)
{
    const struct options *o = arg;
    print_result(o, r);
    if (r->undecryptable)
        die("%llu packets could not be opened", (unsigned long long)r->undecryptable);
    if (!r->latency_samples && !o->scenario.silent)
        die("the receiver that measures latency received nothing");
}

static void allow_many_sockets(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct options o = {
        .scenario = {.media = {.fps = 30, .packet_len = 1200},
            .room = "bench",
            .decrypt_one_of = 1,
            .warm_up_s = 1,
            .seconds = 5,
            .slices = 1},
        .kind = "fanout",
        .size = 4,
        .rooms = 1,
        .bitrate_kbps = 1500,
        .cpu = -1,
        .server_cpu = -1,
    };
    parse(&o, argc, argv);
    settle(&o);
    allow_many_sockets();
    floors_measure(&o.floors, is_sound(&o) ? &floors_of_sound : &floors_of_pictures, o.server_cpu, o.cpu);
    o.load_floor_us = floor_load_us(&o.scenario, o.server_cpu, o.cpu);
    if (o.floors_only) {
        printf("{");
        print_floors(&o);
        printf("}\n");
        return 0;
    }
    if (!o.scenario.server || !o.scenario.http.sin_family)
        die("--server and --pid are needed; --help says more");
    proc_pin(o.cpu);
    scenario_run(&o.scenario, on_slice, &o);
    return 0;
}
