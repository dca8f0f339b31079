/*
 * Rooms and sessions: whatever sockets, clients, WHIP, media and time do in whatever order, they stand it, everything they say
 * can be read, and nothing is left behind. The input is a script: lines, each an octet of what to do and its argument.
 */
#define WORLD_TRANSPORTS  128
#define WORLD_TELLS_STATS true
#include "../unit/signaling/world.h"

#include "fuzz.h"

#define PEERS 3

struct play {
    struct world *w;
    struct peer *peers[PEERS];
    char secret[65], number[16];
    char resource[PLM_RESOURCE_ID_SIZE], etag[40];
};

static void reconnect(struct play *p, unsigned i)
{
    if (p->peers[i])
        peer_destroy(p->peers[i]);
    p->peers[i] = peer_create(p->w);
}

/* Everything the server says can be read by a client; the secret of whoever joined last is kept for a resume. */
static void hear(struct play *p, struct peer *peer)
{
    struct plm_msg *msg;
    while ((msg = peer_read(peer))) {
        if (msg->type == PLM_MSG_joined)
            snprintf(p->secret, sizeof p->secret, "%s", msg->joined.secret);
        if (msg->type == PLM_MSG_waiting)
            snprintf(p->secret, sizeof p->secret, "%s", msg->waiting.secret);
        if (msg->type == PLM_MSG_joined && msg->joined.room.code)
            snprintf(p->number, sizeof p->number, "%s", msg->joined.room.code);
        plm_msg_free(msg);
    }
    peer_forget(peer);
}

static void publish(struct play *p, struct peer *peer, uint8_t how)
{
    struct plm_msg_track_line lines[] = {{.mid = "0", .source = PLM_MSG_source_microphone},
        {.mid = "1", .source = PLM_MSG_source_camera, .muted = how & 1}};
    char *offer = sdp_publish(p->w, how & 2 ? "ufr1" : "ufr2", how & 4 ? 1 : 2, 1);
    struct plm_msg msg = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = lines, .n_tracks = 1 + (how >> 3 & 1)}};
    peer_request(peer, &msg);
    free(offer);
}

static void receive(struct play *p, struct peer *peer, uint8_t how)
{
    struct plm_msg msg = {.type = PLM_MSG_receive,
        .receive = {
            .pairs = how & 3, .audio_only = how >> 2 & 1, .has_restart = true, .restart = how >> 3 & 1}};
    peer_request(peer, &msg);
    struct plm_msg *offered = peer_expect(peer, PLM_MSG_offered);
    if (!offered)
        return;
    char *answer = sdp_reply(p->w, offered->offered.sdp, "peer", how & 0x10 ? 1 : 2);
    plm_msg_free(offered);
    struct plm_msg reply = {.type = PLM_MSG_answer, .answer = {.sdp = answer}};
    peer_request(peer, &reply);
    free(answer);
}

static void resource(struct play *p, enum plm_resource_kind kind, struct fuzz_input *in)
{
    char name[160];
    size_t n = in->left < sizeof name - 1 ? in->left : sizeof name - 1;
    const char *names[] = {name};
    struct plm_resource_reply reply;
    char *offer = kind == PLM_RESOURCE_WHIP ? sdp_publish(p->w, "whip", 3, 1) : sdp_watch(p->w, "whep", 1);
    memcpy(name, in->p, n);
    name[n] = 0;
    struct plm_resource_request request = {
        .kind = kind, .room = "r", .names = names, .n_names = n > 0, .sdp = offer, .len = strlen(offer)};
    if (!plm_resource_post(p->w->hub, &request, &reply)) {
        memcpy(p->resource, reply.id, sizeof p->resource);
        memcpy(p->etag, reply.etag, sizeof p->etag);
    }
    plm_resource_reply_clear(&reply);
    free(offer);
}

/* How a transport fares, in figures that no media plane would tell. */
static void stats(struct play *p, struct fuzz_input *in)
{
    uint8_t a = fuzz_u8(in), b = fuzz_u8(in), c = fuzz_u8(in);
    struct plm_slot_stats slot = {.media = a, .n_seconds = b % (PLM_STATS_SECONDS + 1)};
    struct plm_track_stats track = {.source = (enum plm_source)(c % 5), .n_encodings = a % 5};
    struct plm_transport_stats t = {
        .id = fuzz_u8(in), .n_slots = 1, .slots = &slot, .n_tracks = 1, .tracks = &track};
    for (unsigned i = 0; i < PLM_STATS_SECONDS; i++) {
        slot.seconds[i] = (struct plm_slot_second){.end_us = (p->w->now + i * a) * 1000,
            .octets = UINT32_MAX,
            .lost = b,
            .shows = c,
            .source = a % 4,
            .encoding = b,
            .state = c % 4};
        for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++) {
            track.encodings[e].n_seconds = slot.n_seconds;
            track.encodings[e].seconds[i] = (struct plm_encoding_second){
                .end_us = slot.seconds[i].end_us, .packets = c, .lost = a, .gap_ms = b, .step_ms = c};
        }
    }
    plm_hub_on_stats(p->w->hub, &t);
}

/* What clients say of what they receive, and ask. */
static void quality(struct peer *peer, struct fuzz_input *in)
{
    uint8_t a = fuzz_u8(in), b = fuzz_u8(in);
    struct plm_msg_slot_report slot = {.mid = a & 1 ? "1" : "0",
        .participant = a >> 1 & 7,
        .source = (enum plm_msg_source)(a >> 4 & 3),
        .has_freezes = true,
        .freezes = b & 3,
        .has_frozen_ms = true,
        .frozen_ms = b * 50};
    struct plm_msg msgs[] = {{.type = PLM_MSG_report, .report = {.ms = b * 20, .slots = &slot, .n_slots = 1}},
        {.type = PLM_MSG_quality, .quality = {.participant = a >> 1 & 7}}};
    peer_request(peer, &msgs[a >> 7]);
}

static void media_event(struct play *p, struct fuzz_input *in)
{
    uint8_t type = fuzz_u8(in);
    if (type >= 200) {
        stats(p, in);
        return;
    }
    struct plm_event ev = {
        .type = (enum plm_event_type)(1 + type % 5), .room = fuzz_u8(in), .transport = fuzz_u8(in)};
    uint8_t a = fuzz_u8(in), b = fuzz_u8(in), c = fuzz_u8(in);
    if (ev.type == PLM_EV_TRANSPORT) {
        if (ev.transport && ev.transport <= p->w->last_transport && p->w->transports[ev.transport].open)
            world_lose(p->w, ev.transport, a & 1 ? PLM_CLOSE_CONSENT : PLM_CLOSE_PEER);
        return;
    }
    if (ev.type == PLM_EV_SLOT) {
        ev.slot.media = a;
        ev.slot.state = (enum plm_slot_state)(b % 4);
        ev.slot.reason = (enum plm_slot_reason)(b / 4 % (PLM_SLOT_NO_CODEC + 1));
        ev.slot.shows = c;
    } else if (ev.type == PLM_EV_SPEAKERS) {
        ev.speakers.n = a;
        ev.speakers.who[0] = b;
    } else if (ev.type == PLM_EV_DEMAND) {
        ev.demand.source = (enum plm_source)(a % 8);
        ev.demand.needed = b;
    }
    plm_hub_on_media_event(p->w->hub, &ev);
}

/* What leaders ask for, and what others may: of each the kind, then whom it concerns and how. */
static void lead(struct peer *peer, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in), how = fuzz_u8(in);
    if (what >= 200) {
        quality(peer, in);
        return;
    }
    uint32_t who[] = {fuzz_u8(in) & 15, fuzz_u8(in) & 15};
    enum plm_msg_source source = (enum plm_msg_source)(how % PLM_MSG_source_COUNT);
    struct plm_msg_breakout_name names[] = {{.name = "one"}, {.name = "two"}, {.name = "three"}};
    struct plm_msg_breakout_place places[] = {{who[0], how >> 4 & 3}, {who[1], how >> 6}};
    size_t n = how & 1 ? 2 : 0;
    struct plm_msg msgs[] = {
        {.type = PLM_MSG_hand, .hand = {.raised = how & 1}},
        {.type = PLM_MSG_react, .react = {.kind = how & 1 ? "clap" : "none"}},
        {.type = PLM_MSG_people, .people = {.after = how & 7}},
        {.type = PLM_MSG_lower_hands, .lower_hands = {.participants = who, .n_participants = n}},
        {.type = PLM_MSG_mute_others,
            .mute_others = {.participants = who, .n_participants = n, .source = source}},
        {.type = PLM_MSG_ask_unmute, .ask_unmute = {.participant = who[0], .source = source}},
        {.type = PLM_MSG_permit,
            .permit = {.participants = who, .n_participants = n, .source = source, .permitted = how >> 7}},
        {.type = PLM_MSG_set_role,
            .set_role = {.participant = who[0], .role = (enum plm_msg_role)(how % PLM_MSG_role_COUNT)}},
        {.type = PLM_MSG_chat, .chat = {.text = "psst", .has_to = true, .to = who[0]}},
        {.type = PLM_MSG_breakout_open,
            .breakout_open = {.rooms = names,
                .n_rooms = how >> 1 & 3,
                .places = places,
                .n_places = n,
                .has_force = true,
                .force = how >> 3 & 1,
                .has_random = true,
                .random = who[0] & 1,
                .has_may_choose = true,
                .may_choose = who[0] & 2,
                .has_minutes = true,
                .minutes = who[1]}},
        {.type = PLM_MSG_breakout_assign,
            .breakout_assign = {.places = places, .n_places = n, .force = how >> 3 & 1}},
        {.type = PLM_MSG_breakout_go,
            .breakout_go = {.room = who[0] & 3, .has_listen = true, .listen = how & 1}},
        {.type = PLM_MSG_breakout_time, .breakout_time = {.seconds = how}},
        {.type = PLM_MSG_breakout_close, .breakout_close = {.has_seconds = true, .seconds = how >> 4}},
        {.type = PLM_MSG_breakout_say, .breakout_say = {.text = "soon"}},
    };
    peer_request(peer, &msgs[what % (sizeof msgs / sizeof msgs[0])]);
}

static void fail_media(struct world_failures *f, uint8_t which)
{
    *f = (struct world_failures){.room_open = which & 1 ? PLM_ELIMIT : 0,
        .open = which & 2 ? PLM_ELIMIT : 0,
        .restart = which & 4 ? PLM_ENOENT : 0,
        .describe = which & 8 ? PLM_ENOMEM : 0,
        .view = which & 16 ? PLM_EINVAL : 0,
        .pin = which & 32 ? PLM_EINVAL : 0,
        .mute = which & 64 ? PLM_EINVAL : 0,
        .move = which & 128 ? PLM_ENOMEM : 0};
}

/* Coming in, and what leaders do about it. */
static void door(struct play *p, struct peer *peer, struct fuzz_input *in)
{
    static const char *const tokens[] = {NULL, "s", "m", "o", "forged"};
    uint8_t what = fuzz_u8(in), a = fuzz_u8(in), b = fuzz_u8(in);
    const struct plm_msg_join join = {.room = a & 1        ? "r"
                                              : *p->number ? p->number
                                                           : "000-0000-000",
        .name = "n",
        .password = a & 2 ? "x" : NULL,
        .token = tokens[a / 4 % 5],
        .device = b & 1 ? "d" : NULL};
    uint32_t id = b;
    struct plm_msg msgs[] = {{.type = PLM_MSG_join, .join = join}, {.type = PLM_MSG_start},
        {.type = PLM_MSG_end}, {.type = PLM_MSG_claim, .claim = {.key = a & 1 ? "o" : "forged"}},
        {.type = PLM_MSG_admit, .admit = {.waiting = &id, .n_waiting = a & 1, .admitted = a >> 1 & 1}},
        {.type = PLM_MSG_kick, .kick = {.participant = b, .has_lobby = a & 1, .lobby = true}},
        {.type = PLM_MSG_configure,
            .configure = {.settings = {.has_lobby = a & 1,
                              .lobby = b & 1,
                              .has_locked = a & 2,
                              .locked = b & 2,
                              .has_organised = a & 4,
                              .organised = b & 4,
                              .has_max_participants = a & 8,
                              .max_participants = b >> 4,
                              .has_max_minutes = a & 16,
                              .max_minutes = b >> 4},
                .password = a & 32 ? "x" : NULL,
                .has_no_password = a & 64,
                .no_password = true}},
        {.type = PLM_MSG_leave}};
    size_t n = sizeof msgs / sizeof msgs[0];
    if (what % (n + 1) < n)
        peer_request(peer, &msgs[what % (n + 1)]);
    else
        world_passwords(p->w);
}

/* What REST asks. */
static void from_outside(struct play *p, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in), a = fuzz_u8(in);
    struct plm_hub *hub = p->w->hub;
    struct plm_refusal why;
    struct plm_room_settings rules;
    struct plm_api_change change = {.settings = &rules, .password_hash = a & 1 ? "#x" : ""};
    plm_room_settings_default(&rules);
    rules.lobby = a & 2;
    rules.organised = a & 4;
    rules.max_minutes = a >> 4;
    switch (what % 6) {
    case 0:
        plm_api_room_create(hub, a & 8 ? "r" : "s", &change, &why);
        break;
    case 1:
        plm_api_room_change(hub, NULL, "r", &change, &why);
        break;
    case 2:
        plm_api_room_end(hub, "r", &why);
        break;
    case 3:
        plm_api_room_delete(hub, a & 8 ? "r" : "s", &why);
        break;
    case 4:
        plm_api_kick(hub, NULL, "r", a, &why);
        break;
    default:
        plm_api_set_role(hub, NULL, "r", a >> 2, (enum plm_msg_role)(a % 4), &why);
    }
}

static struct world *make_world(void)
{
    struct world *w = world_create(NULL);
    struct plm_grants *g = world_token(w, "s", PLM_MSG_role_speaker);
    snprintf(g->identity, sizeof g->identity, "someone");
    snprintf(g->token_id, sizeof g->token_id, "one");
    g->skip_lobby = true;
    world_token(w, "m", PLM_MSG_role_moderator);
    world_token(w, "o", PLM_MSG_role_owner);
    w->source = "192.0.2.9";
    return w;
}

static void step(struct play *p, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    struct peer *peer = p->peers[what % PEERS];
    struct plm_resource_reply reply;
    switch (what / PEERS % 15) {
    case 0:
        reconnect(p, what % PEERS);
        return;
    case 1:
        peer_say(
            peer, "{\"type\":\"join\",\"id\":1,\"room\":\"%s\",\"name\":\"n\"}", fuzz_u8(in) & 1 ? "r" : "s");
        break;
    case 2:
        peer_say(peer, "{\"type\":\"resume\",\"id\":1,\"secret\":\"%s\"}", p->secret);
        break;
    case 3:
        publish(p, peer, fuzz_u8(in));
        break;
    case 4:
        receive(p, peer, fuzz_u8(in));
        break;
    case 5:
        media_event(p, in);
        break;
    case 6:
        p->w->now += (uint64_t)fuzz_u8(in) * 500;
        plm_hub_poll(p->w->hub);
        break;
    case 7:
        resource(p, what & 1 ? PLM_RESOURCE_WHIP : PLM_RESOURCE_WHEP, in);
        break;
    case 8:
        plm_resource_patch(
            p->w->hub, p->resource, what & 1 ? "*" : p->etag, (const char *)in->p, in->left, &reply);
        plm_resource_reply_clear(&reply);
        break;
    case 9:
        plm_resource_delete(p->w->hub, p->resource, &reply);
        break;
    case 10:
        fail_media(&p->w->fail, fuzz_u8(in));
        break;
    case 12:
        lead(peer, in);
        break;
    case 13:
        door(p, peer, in);
        break;
    case 14:
        from_outside(p, in);
        break;
    default:
        peer_say_octets(peer, (const char *)in->p, in->left);
    }
    for (unsigned i = 0; i < PEERS; i++)
        hear(p, p->peers[i]);
}

static void check_empty(struct world *w)
{
    struct plm_hub_gauges g;
    w->now += 3600 * 1000;
    plm_hub_poll(w->hub);
    w->now += 3600 * 1000;
    plm_hub_poll(w->hub);
    plm_hub_gauges(w->hub, &g);
    CHECK(g.sessions == 0 && g.detached == 0 && g.waiting == 0 && g.participants == g.resources - g.viewers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.w = make_world()};
    struct plm_hub_gauges g;
    for (unsigned i = 0; i < PEERS; i++)
        reconnect(&p, i);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - (data + at)) : size - at;
        struct fuzz_input line = {.p = data + at, .left = len};
        step(&p, &line);
        plm_hub_flush(p.w->hub);
        at += len + 1;
    }
    for (unsigned i = 0; i < PEERS; i++)
        peer_destroy(p.peers[i]);
    check_empty(p.w);
    plm_hub_close(p.w->hub);
    plm_hub_gauges(p.w->hub, &g);
    CHECK(g.rooms == 0 && g.participants == 0 && g.resources == 0 && g.connections == 0 && g.viewers == 0);
    CHECK(p.w->open_transports == 0 && p.w->rooms == 0);
    world_destroy(p.w);
    return 0;
}
