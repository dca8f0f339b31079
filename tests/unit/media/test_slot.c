/*
 * What happens in a slot when somebody else is to be shown: the former picture stays until the next one's key frame, unless it cannot.
 */
#include "worker_world.h"

enum {
    ADA = 1,
    BOB,
    CYD,
    EVE = 9, /* looks on */
    VIDEO_SSRC = 7000,
    SOUND_SSRC = 8000,
    EXTRA_SSRC = 9000,
    FRAME_US = 33333,
    SOUND_EVERY = 20000,
};

/* ---- people ---- */

static void opus(struct plm_media_params *m, const char *mid)
{
    memset(m, 0, sizeof *m);
    snprintf(m->mid, sizeof m->mid, "%s", mid);
    m->kind = PLM_KIND_AUDIO;
    m->n_codecs = 1;
    m->codecs[0] = (struct plm_codec_params){
        .codec = PLM_CODEC_OPUS, .pt = 111, .rtx_pt = PLM_NO_PT, .channels = 2, .clock_rate = 48000};
}

/* A microphone and, if wanted, a camera; connected. */
static struct peer *someone(struct world *w, plm_participant_id who, bool camera)
{
    struct plm_transport_params params = {.exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_TWCC] = 3}};
    struct plm_media_params *m = &params.media[params.n_media++];
    opus(m, "1");
    m->direction = PLM_DIR_RECV;
    m->source = PLM_SOURCE_MICROPHONE;
    if (camera) {
        m = &params.media[params.n_media++];
        video(m, "0");
        m->direction = PLM_DIR_RECV;
        m->source = PLM_SOURCE_CAMERA;
    }
    struct peer *p = add_peer(w, who, &params, false);
    connect_peer(p);
    p->video_seq = p->audio_seq = 100;
    return p;
}

/* Pair i has its sound in m-line 2 i, its picture in 2 i + 1. */
static void describe_viewer(struct plm_transport_params *params, unsigned pairs, unsigned extra)
{
    *params = (struct plm_transport_params){.exts.id = {[PLM_EXT_TWCC] = 5}};
    for (unsigned i = 0; i < 2 * pairs + extra; i++) {
        struct plm_media_params *m = &params->media[params->n_media++];
        char mid[16];
        snprintf(mid, sizeof mid, "%u", i);
        if (i < 2 * pairs && i % 2)
            video(m, mid);
        else
            opus(m, mid);
        m->direction = PLM_DIR_SEND;
        m->pair = i < 2 * pairs ? (uint8_t)(i / 2) : PLM_NO_PAIR;
        m->ssrc = i >= 2 * pairs ? EXTRA_SSRC + i - 2 * pairs
                  : i % 2        ? VIDEO_SSRC + i / 2
                                 : SOUND_SSRC + i / 2;
        m->rtx_ssrc = m->kind == PLM_KIND_VIDEO ? m->ssrc + 500 : 0;
    }
}

static struct peer *viewer(struct world *w, unsigned pairs, unsigned extra)
{
    struct plm_transport_params params;
    describe_viewer(&params, pairs, extra);
    struct peer *p = add_peer(w, EVE, &params, false);
    connect_peer(p);
    return p;
}

static void send_picture(struct peer *p, bool key)
{
    p->video_ts += 3000;
    p->video_seq++;
    send_frame(p, p->video_seq, p->video_ts, (uint16_t)(p->video_seq & 0x7fff), key);
}

/* Pictures and sound of these people for a while, as cameras send them: no key frame unless it was asked for. */
static void go_on(struct world *w, struct peer **people, unsigned n, uint64_t us)
{
    uint64_t end = w->now + us, frame_at = w->now, sound_at = w->now;
    while (w->now < end) {
        for (unsigned i = 0; i < n; i++) {
            if (w->now >= frame_at)
                send_picture(people[i], false);
            if (w->now >= sound_at) {
                people[i]->audio_ts += 960;
                send_sound(people[i], ++people[i]->audio_seq, people[i]->audio_ts);
            }
        }
        frame_at += w->now >= frame_at ? FRAME_US : 0;
        sound_at += w->now >= sound_at ? SOUND_EVERY : 0;
        run_for(w, 5000);
    }
}

/* ---- commands ---- */

static struct plm_command *command(enum plm_command_type type, const struct peer *p)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = type;
    cmd->transport = p->local.id;
    return cmd;
}

static void carry_out(struct world *w, struct plm_command *cmd)
{
    plm_worker_command(w->worker, cmd, w->now);
    plm_worker_poll(w->worker, w->now);
    deliver(w);
}

/* Cameras that the viewer shows from now on, most important first. */
static struct plm_command *view_command(struct peer *eve, plm_participant_id first, plm_participant_id second)
{
    struct plm_command *cmd = command(PLM_CMD_VIEW, eve);
    cmd->view = calloc(1, sizeof *cmd->view);
    cmd->view->mode = PLM_VIEW_ITEMS;
    plm_participant_id who[] = {first, second};
    for (unsigned i = 0; i < 2 && who[i]; i++)
        cmd->view->items[cmd->view->n_items++] =
            (struct plm_view_item){who[i], PLM_SOURCE_CAMERA, 640, 360, (uint8_t)(9 - i)};
    return cmd;
}

static void look_at(struct peer *eve, plm_participant_id first, plm_participant_id second)
{
    carry_out(eve->world, view_command(eve, first, second));
}

static void want_no_video(struct peer *eve)
{
    struct plm_command *cmd = view_command(eve, ADA, 0);
    cmd->view->video_off = true;
    carry_out(eve->world, cmd);
}

static void set_muted(struct peer *p, enum plm_source source, bool on)
{
    struct plm_command *cmd = command(PLM_CMD_MUTE, p);
    cmd->mute.source = source;
    cmd->mute.on = on;
    carry_out(p->world, cmd);
}

static void remove_person(struct peer *p)
{
    struct plm_command *cmd = command(PLM_CMD_CLOSE, p);
    cmd->reason = PLM_CLOSE_LOCAL;
    carry_out(p->world, cmd);
}

/* The sound and picture of pair 1 are this person's; 0: whoever it comes to. */
static struct plm_command *pin_command(struct peer *eve, plm_participant_id who)
{
    struct plm_command *cmd = command(PLM_CMD_PIN, eve);
    if (!who)
        return cmd;
    cmd->pins.n = 2;
    cmd->pins.v = calloc(2, sizeof *cmd->pins.v);
    cmd->pins.v[0] = (struct plm_pin){.media = 2, .participant = who, .source = PLM_SOURCE_MICROPHONE};
    cmd->pins.v[1] = (struct plm_pin){.media = 3, .participant = who, .source = PLM_SOURCE_CAMERA};
    return cmd;
}

/* What the receiver says it can take. */
static void say_remb(struct peer *eve, uint64_t bps)
{
    uint8_t b[256];
    uint32_t ssrc = VIDEO_SSRC;
    size_t n = plm_rtcp_write_rr(b, sizeof b, 1, NULL, 0);
    n += plm_rtcp_write_remb(b + n, sizeof b - n, 1, bps, &ssrc, 1);
    assert_int_equal(plm_security_dtls.seal_rtcp(eve->sec, b, &n, sizeof b), 0);
    peer_send(eve, b, n);
    deliver(eve->world);
}

/* ---- what was seen ---- */

static void forget(struct world *w, struct peer *eve)
{
    w->n_events = 0;
    eve->n_log = 0;
}

static unsigned count(const struct peer *eve, uint32_t ssrc, plm_participant_id who)
{
    unsigned n = 0;
    for (unsigned i = 0; i < eve->n_log; i++)
        n += eve->log[i].ssrc == ssrc && eve->log[i].who == who;
    assert_true(eve->n_log < MAX_LOG);
    return n;
}

static const struct got *newest(const struct peer *eve, uint32_t ssrc)
{
    for (unsigned i = eve->n_log; i-- > 0;) {
        if (eve->log[i].ssrc == ssrc)
            return &eve->log[i];
    }
    return NULL;
}

/* The events of one m-line since the last forget(). @return how many */
static unsigned slot_events(const struct world *w, uint16_t media, const struct plm_event **last)
{
    unsigned n = 0;
    *last = NULL;
    for (unsigned i = 0; i < w->n_events; i++) {
        if (w->events[i].type != PLM_EV_SLOT || w->events[i].slot.media != media)
            continue;
        *last = &w->events[i];
        n++;
    }
    return n;
}

static void expect_quiet(const struct world *w, uint16_t media)
{
    const struct plm_event *ev;
    assert_int_equal(slot_events(w, media, &ev), 0);
}

/* The one thing that was said of an m-line. */
static void expect_told(
    const struct world *w, uint16_t media, enum plm_slot_state state, plm_participant_id who)
{
    const struct plm_event *ev;
    assert_int_equal(slot_events(w, media, &ev), 1);
    assert_int_equal(ev->slot.state, state);
    assert_int_equal(ev->slot.shows, who);
}

/* The one thing that was said of a picture: that it stands still. */
static void expect_paused(
    const struct world *w, uint16_t media, enum plm_slot_reason why, plm_participant_id who)
{
    const struct plm_event *ev;
    expect_told(w, media, PLM_SLOT_PAUSED, who);
    slot_events(w, media, &ev);
    assert_int_equal(ev->slot.reason, why);
}

/* The newest thing. */
static void expect_at_last(
    const struct world *w, uint16_t media, enum plm_slot_state state, plm_participant_id who)
{
    const struct plm_event *ev;
    assert_true(slot_events(w, media, &ev) > 0);
    assert_int_equal(ev->slot.state, state);
    assert_int_equal(ev->slot.shows, who);
}

/* Ada is seen and heard in pair 0. */
struct scene {
    struct world *w;
    struct peer *ada, *bob, *cyd, *eve;
};

static struct scene begin(void **state, bool third)
{
    struct world *w = *state;
    w->room_config.all_audio = true;
    struct scene s = {.w = w};
    s.ada = someone(w, ADA, true);
    s.bob = someone(w, BOB, true);
    s.cyd = third ? someone(w, CYD, true) : NULL;
    s.eve = viewer(w, 1, 0);
    look_at(s.eve, ADA, 0);
    send_picture(s.ada, true);
    go_on(w, (struct peer *[]){s.ada, s.bob}, 2, 500000);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, ADA);
    assert_int_equal(newest(s.eve, SOUND_SSRC)->who, ADA);
    forget(w, s.eve);
    return s;
}

static void both_go_on(struct scene *s, uint64_t us)
{
    go_on(s->w, (struct peer *[]){s->ada, s->bob}, 2, us);
}

/* From here on nothing of Ada's may come. */
static void expect_ada_ended(struct scene *s, uint64_t us)
{
    s->eve->n_log = 0;
    both_go_on(s, us);
    assert_int_equal(count(s->eve, VIDEO_SSRC, ADA), 0);
    assert_int_equal(count(s->eve, SOUND_SSRC, ADA), 0);
}

/* ---- tests ---- */

static void the_picture_stays_until_the_next_is_there(void **state)
{
    struct scene s = begin(state, false);
    unsigned asked = s.bob->pli;
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 300000);
    /* Ada flows on, in picture and sound; nobody was told of anything; Bob was asked, once. */
    assert_in_range(count(s.eve, VIDEO_SSRC, ADA), 9, 10);
    assert_in_range(count(s.eve, SOUND_SSRC, ADA), 15, 16);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 0);
    assert_int_equal(count(s.eve, SOUND_SSRC, BOB), 0);
    expect_quiet(s.w, 0);
    expect_quiet(s.w, 1);
    assert_int_equal(s.bob->pli, asked + 1);

    struct got before = *newest(s.eve, VIDEO_SSRC);
    unsigned reports = s.eve->sr;
    send_picture(s.bob, true);
    const struct got *first = newest(s.eve, VIDEO_SSRC);
    assert_int_equal(first->who, BOB);
    assert_int_equal((uint16_t)(first->seq - before.seq), 1);
    assert_in_range(first->ts - before.ts, (first->at - before.at) * 9 / 100 - 90,
        (first->at - before.at) * 9 / 100 + 90);
    expect_told(s.w, 1, PLM_SLOT_FORWARDING, BOB);
    const struct plm_event *ev;
    slot_events(s.w, 1, &ev);
    assert_int_equal(ev->slot.first_ts, first->ts);
    expect_told(s.w, 0, PLM_SLOT_WAITING, BOB); /* the sound goes with the picture, in the same turn */
    both_go_on(&s, 50000);
    assert_true(s.eve->sr > reports);
    assert_true(count(s.eve, SOUND_SSRC, BOB) > 0);
    expect_ada_ended(&s, 300000);
    assert_true(count(s.eve, VIDEO_SSRC, BOB) >= 9);
    take_stats(s.w);
    assert_int_equal(s.w->stats.counters[PLM_CNT_SLOT_SWITCHES], 4); /* two kinds, twice */
    assert_int_equal(s.w->stats.counters[PLM_CNT_LAYER_SWITCHES], 0);
}

static void a_key_frame_that_never_comes_is_not_waited_for(void **state)
{
    struct scene s = begin(state, false);
    unsigned asked = s.bob->pli;
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 1950000);
    expect_quiet(s.w, 1);
    assert_in_range(s.bob->pli - asked, 3, 5); /* again each 500 ms: requests get lost */
    assert_true(newest(s.eve, VIDEO_SSRC)->at > s.w->now - 50000);
    both_go_on(&s, 100000);
    expect_told(s.w, 1, PLM_SLOT_WAITING, BOB);
    expect_ada_ended(&s, 300000);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 0);
    assert_true(count(s.eve, SOUND_SSRC, BOB) > 0);
    send_picture(s.bob, true);
    expect_at_last(s.w, 1, PLM_SLOT_FORWARDING, BOB);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
}

static void a_former_picture_that_ends_is_not_held(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 100000);
    set_muted(s.ada, PLM_SOURCE_CAMERA, true);
    expect_told(s.w, 1, PLM_SLOT_WAITING, BOB);
    expect_told(s.w, 0, PLM_SLOT_WAITING, BOB);
    expect_ada_ended(&s, 200000);
    send_picture(s.bob, true);
    expect_at_last(s.w, 1, PLM_SLOT_FORWARDING, BOB);
    both_go_on(&s, 100000);

    /* Nothing is kept either for somebody whose camera is off. */
    forget(s.w, s.eve);
    look_at(s.eve, ADA, 0);
    expect_paused(s.w, 1, PLM_SLOT_MUTED, ADA);
    s.eve->n_log = 0;
    both_go_on(&s, 200000);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB) + count(s.eve, SOUND_SSRC, BOB), 0);
    assert_true(count(s.eve, SOUND_SSRC, ADA) > 0);

    /* Nor is a camera that is off asked for anything, until it is on. */
    unsigned asked = s.ada->pli;
    both_go_on(&s, 1500000);
    assert_int_equal(s.ada->pli, asked);
    set_muted(s.ada, PLM_SOURCE_CAMERA, false);
    assert_int_equal(s.ada->pli, asked + 1);
}

static void a_next_one_whose_camera_goes_off_is_shown_at_once(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 100000);
    set_muted(s.bob, PLM_SOURCE_CAMERA, true);
    expect_paused(s.w, 1, PLM_SLOT_MUTED, BOB);
    expect_ada_ended(&s, 200000);
    assert_true(count(s.eve, SOUND_SSRC, BOB) > 0);
}

static void who_is_removed_is_gone(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 100000);
    remove_person(s.ada);
    expect_told(s.w, 1, PLM_SLOT_WAITING, BOB);
    s.eve->n_log = 0;
    go_on(s.w, &s.bob, 1, 100000);
    send_picture(s.bob, true);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
    assert_int_equal(count(s.eve, VIDEO_SSRC, ADA) + count(s.eve, SOUND_SSRC, ADA), 0);
}

static void a_next_one_who_leaves_is_forgotten(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 100000);
    s.eve->n_log = 0;
    remove_person(s.bob);
    /* Ada is not wished for: with nobody to wait for her picture ends. She is heard: the pair is free. */
    expect_at_last(s.w, 1, PLM_SLOT_EMPTY, 0);
    go_on(s.w, &s.ada, 1, 200000);
    assert_int_equal(count(s.eve, VIDEO_SSRC, ADA), 0);
}

static void a_change_overtakes_a_change(void **state)
{
    struct scene s = begin(state, true);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 200000);
    look_at(s.eve, CYD, 0);
    unsigned asked = s.bob->pli;
    send_picture(s.bob, true); /* too late */
    both_go_on(&s, 600000);
    assert_int_equal(s.bob->pli, asked);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 0);
    assert_true(newest(s.eve, VIDEO_SSRC)->at > s.w->now - 50000);
    expect_quiet(s.w, 1);
    send_picture(s.cyd, true);
    expect_told(s.w, 1, PLM_SLOT_FORWARDING, CYD);
    expect_ada_ended(&s, 100000);

    /* And back before anything happened: nothing happens. */
    go_on(s.w, &s.cyd, 1, 3200000); /* Ada's key frame is too old to begin with once more */
    forget(s.w, s.eve);
    look_at(s.eve, ADA, 0);
    go_on(s.w, &s.cyd, 1, 100000);
    look_at(s.eve, CYD, 0);
    send_picture(s.ada, true);
    go_on(s.w, &s.cyd, 1, 2500000);
    expect_quiet(s.w, 0);
    expect_quiet(s.w, 1);
    assert_int_equal(count(s.eve, VIDEO_SSRC, ADA), 0);
    assert_true(count(s.eve, VIDEO_SSRC, CYD) >= 77);
}

static void somebody_without_a_camera_comes_at_once(void **state)
{
    struct scene s = begin(state, false);
    s.cyd = someone(s.w, CYD, false);
    forget(s.w, s.eve);
    look_at(s.eve, CYD, 0);
    expect_told(s.w, 1, PLM_SLOT_EMPTY, 0);
    expect_ada_ended(&s, 200000);
    send_sound(s.cyd, 101, 960);
    assert_int_equal(newest(s.eve, SOUND_SSRC)->who, CYD);
}

static void nothing_of_a_room_that_was_left_flows(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 100000);
    s.eve->n_log = 0;
    struct plm_command *cmd = command(PLM_CMD_MOVE, s.eve);
    cmd->room = 2;
    cmd->move.participant = EVE;
    cmd->move.room_config.all_audio = true;
    carry_out(s.w, cmd);
    expect_at_last(s.w, 1, PLM_SLOT_EMPTY, 0);
    send_picture(s.bob, true);
    both_go_on(&s, 2500000);
    assert_int_equal(s.eve->n_log, 0);
    take_stats(s.w);
    assert_int_equal(s.w->stats.gauges[PLM_GAUGE_SHARDS], 2);
}

static void nobody_is_shown_twice(void **state)
{
    struct world *w = *state;
    struct scene s = {.w = w, .ada = someone(w, ADA, true), .bob = someone(w, BOB, true)};
    s.cyd = someone(w, CYD, true);
    s.eve = viewer(w, 2, 0);
    look_at(s.eve, ADA, CYD);
    send_picture(s.ada, true);
    send_picture(s.cyd, true);
    look_at(s.eve, BOB, CYD);
    both_go_on(&s, 100000);
    forget(w, s.eve);
    /* Both are wished for now: Ada has not left her slot, so she stays there; Bob gets the other one. */
    look_at(s.eve, BOB, ADA);
    both_go_on(&s, 100000);
    expect_quiet(w, 1);
    assert_int_equal(count(s.eve, VIDEO_SSRC, ADA), 3);
    send_picture(s.bob, true);
    expect_told(w, 3, PLM_SLOT_FORWARDING, BOB);
    assert_int_equal(count(s.eve, VIDEO_SSRC + 1, BOB), 1);
    assert_int_equal(count(s.eve, VIDEO_SSRC + 1, ADA), 0);
}

static void a_pinned_pair_changes_as_one(void **state)
{
    struct world *w = *state;
    struct scene s = {.w = w, .ada = someone(w, ADA, true), .bob = someone(w, BOB, true)};
    s.eve = viewer(w, 2, 0);
    look_at(s.eve, 0, 0);
    carry_out(w, pin_command(s.eve, ADA));
    send_picture(s.ada, true);
    both_go_on(&s, 100000);
    forget(w, s.eve);
    carry_out(w, pin_command(s.eve, BOB));
    both_go_on(&s, 100000);
    expect_quiet(w, 2);
    expect_quiet(w, 3);
    assert_true(count(s.eve, SOUND_SSRC + 1, ADA) >= 5 && count(s.eve, VIDEO_SSRC + 1, ADA) >= 3);
    send_picture(s.bob, true);
    expect_told(w, 3, PLM_SLOT_FORWARDING, BOB);
    expect_told(w, 2, PLM_SLOT_WAITING, BOB);

    /* The pair follows the view again, in which Bob has the other place: he leaves this one at once. */
    s.eve->n_log = 0;
    plm_worker_command(w->worker, pin_command(s.eve, 0), w->now);
    look_at(s.eve, BOB, ADA);
    both_go_on(&s, 100000);
    assert_int_equal(count(s.eve, VIDEO_SSRC + 1, BOB) + count(s.eve, SOUND_SSRC + 1, BOB), 0);
    send_picture(s.bob, true);
    send_picture(s.ada, true);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
    assert_int_equal(newest(s.eve, VIDEO_SSRC + 1)->who, ADA);
}

static void a_held_slot_survives_more_slots(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    struct plm_transport_params *params = malloc(sizeof *params);
    describe_viewer(params, 3, 0);
    params->fingerprint = *plm_identity_fingerprint(s.eve->identity);
    struct plm_command *cmd = command(PLM_CMD_DESCRIBE, s.eve);
    cmd->params = params;
    carry_out(s.w, cmd);
    both_go_on(&s, 200000);
    assert_true(count(s.eve, VIDEO_SSRC, ADA) >= 6);
    send_picture(s.bob, true);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
    expect_ada_ended(&s, 100000);
    remove_person(s.eve); /* with a change under way: nothing may be left that points to its slots */
    both_go_on(&s, 100000);
}

static void a_receiver_leaves_while_it_waits(void **state)
{
    struct scene s = begin(state, false);
    look_at(s.eve, BOB, 0);
    remove_person(s.eve);
    send_picture(s.bob, true);
    both_go_on(&s, 2500000);
    take_stats(s.w);
    assert_int_equal(s.w->stats.gauges[PLM_GAUGE_SLOTS], 0);
}

static void extra_sound(struct world *w, struct peer *eve, plm_participant_id who)
{
    const struct got *g = newest(eve, EXTRA_SSRC);
    assert_non_null(g);
    assert_int_equal(g->who, who);
    assert_true(g->at + 50000 > w->now);
}

/* Somebody who speaks is not unheard meanwhile, where there is a place for sound alone. */
static void the_next_one_is_heard_beside_the_pair(void **state)
{
    struct world *w = *state;
    w->room_config.all_audio = true;
    struct scene s = {.w = w, .ada = someone(w, ADA, true), .bob = someone(w, BOB, true)};
    s.eve = viewer(w, 1, 1);
    look_at(s.eve, ADA, 0);
    send_picture(s.ada, true);
    both_go_on(&s, 200000);
    extra_sound(w, s.eve, BOB);
    look_at(s.eve, BOB, 0);
    both_go_on(&s, 200000);
    extra_sound(w, s.eve, BOB);
    assert_int_equal(newest(s.eve, SOUND_SSRC)->who, ADA);
    send_picture(s.bob, true);
    both_go_on(&s, 100000);
    extra_sound(w, s.eve, ADA);
    assert_int_equal(newest(s.eve, SOUND_SSRC)->who, BOB);
}

/* A line that carries sound and two cameras, not three. */
static void nobody_gets_less_for_a_change(void **state)
{
    struct world *w = *state;
    struct scene s = {.w = w, .ada = someone(w, ADA, true), .bob = someone(w, BOB, true)};
    s.cyd = someone(w, CYD, true);
    s.eve = viewer(w, 2, 0);
    struct peer *all[] = {s.ada, s.bob, s.cyd};
    look_at(s.eve, ADA, BOB);
    send_picture(s.ada, true);
    send_picture(s.bob, true);
    for (int i = 0; i < 15; i++) {
        go_on(w, all, 3, 100000);
        say_remb(s.eve, 10000000);
    }
    /* A limit is believed that is below what is sent: the second picture pauses. It rises, and that picture comes back. */
    say_remb(s.eve, 500000);
    for (int i = 0; i < 12; i++) {
        say_remb(s.eve, 640000);
        go_on(w, all, 3, 500000);
    }
    send_picture(s.bob, true);
    forget(w, s.eve);
    look_at(s.eve, ADA, CYD);
    go_on(w, all, 3, 1000000);
    expect_quiet(w, 1);
    expect_quiet(w, 3);
    assert_true(count(s.eve, VIDEO_SSRC, ADA) >= 29);
    assert_true(count(s.eve, VIDEO_SSRC + 1, BOB) >= 29);
    send_picture(s.cyd, true);
    expect_told(w, 3, PLM_SLOT_FORWARDING, CYD);

    /* With room for one only, the less important slot pauses; what it was to show next it shows then. */
    forget(w, s.eve);
    look_at(s.eve, ADA, BOB);
    say_remb(s.eve, 400000);
    go_on(w, all, 3, 600000);
    expect_at_last(w, 3, PLM_SLOT_PAUSED, BOB);
    expect_quiet(w, 1);
    s.eve->n_log = 0;
    go_on(w, all, 3, 300000);
    assert_int_equal(count(s.eve, VIDEO_SSRC + 1, CYD), 0);
    assert_true(count(s.eve, VIDEO_SSRC, ADA) >= 9);
}

/* The line becomes too narrow for the picture that flows, not for the one to come. */
static void a_former_picture_that_is_too_large_is_not_held(void **state)
{
    struct scene s = begin(state, false);
    struct peer *ada_more[] = {s.ada, s.ada, s.ada, s.ada, s.bob};
    for (int i = 0; i < 15; i++) {
        go_on(s.w, ada_more, 5, 100000);
        say_remb(s.eve, 10000000);
    }
    forget(s.w, s.eve);
    look_at(s.eve, BOB, 0);
    say_remb(s.eve, 600000);
    go_on(s.w, ada_more, 5, 600000);
    expect_told(s.w, 1, PLM_SLOT_WAITING, BOB);
    s.eve->n_log = 0;
    go_on(s.w, ada_more, 5, 200000);
    assert_int_equal(count(s.eve, VIDEO_SSRC, ADA), 0);
    send_picture(s.bob, true);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
}

/* ---- why a picture stands still ---- */

static void a_muted_picture_pauses_until_it_is_back(void **state)
{
    struct scene s = begin(state, false);
    set_muted(s.ada, PLM_SOURCE_CAMERA, true);
    expect_paused(s.w, 1, PLM_SLOT_MUTED, ADA);
    forget(s.w, s.eve);
    both_go_on(&s, 5000000);
    expect_quiet(s.w, 1); /* not for want of anything else */
    set_muted(s.ada, PLM_SOURCE_CAMERA, false);
    expect_told(s.w, 1, PLM_SLOT_WAITING, ADA);
    forget(s.w, s.eve);
    send_picture(s.ada, true);
    expect_told(s.w, 1, PLM_SLOT_FORWARDING, ADA);
}

/* A publisher that sends nothing, and then goes on where it stopped: its next picture needs no key frame. */
static void a_publisher_that_stops_is_told_of(void **state)
{
    struct scene s = begin(state, false);
    const struct plm_event *ev;
    go_on(s.w, &s.bob, 1, 2000000);
    expect_quiet(s.w, 1); /* it may be a hiccup */
    go_on(s.w, &s.bob, 1, 3500000);
    expect_paused(s.w, 1, PLM_SLOT_STOPPED, ADA);
    slot_events(s.w, 1, &ev);
    uint32_t first_ts = ev->slot.first_ts;
    forget(s.w, s.eve);
    s.ada->video_ts += 5500 * 90;
    send_picture(s.ada, false);
    expect_told(s.w, 1, PLM_SLOT_FORWARDING, ADA);
    slot_events(s.w, 1, &ev);
    assert_int_equal(ev->slot.first_ts, first_ts);
    assert_int_equal(count(s.eve, VIDEO_SSRC, ADA), 1);
    /* Muted meanwhile, it is that. */
    go_on(s.w, &s.bob, 1, 5500000);
    forget(s.w, s.eve);
    set_muted(s.ada, PLM_SOURCE_CAMERA, true);
    expect_paused(s.w, 1, PLM_SLOT_MUTED, ADA);
}

/* The reported seconds of Ada's picture, there and here, are of one clock and say the same. */
static void check_seconds(struct world *w, const struct plm_worker_report *report)
{
    const struct plm_encoding_stats *from = NULL;
    const struct plm_slot_stats *to = NULL;
    (void)w;
    for (unsigned i = 0; i < report->n_transports; i++) {
        const struct plm_transport_stats *t = &report->transports[i];
        for (unsigned k = 0; k < t->n_tracks && t->participant == ADA; k++) {
            if (t->tracks[k].source == PLM_SOURCE_CAMERA)
                from = &t->tracks[k].encodings[0];
        }
        for (unsigned k = 0; k < t->n_slots && t->participant == EVE; k++) {
            if (t->slots[k].shows == ADA && t->slots[k].source == PLM_SOURCE_CAMERA)
                to = &t->slots[k];
            else
                assert_int_equal(t->slots[k].n_seconds, 0); /* sound */
        }
    }
    assert_non_null(from);
    assert_non_null(to);
    assert_in_range(from->n_seconds, 4, PLM_STATS_SECONDS);
    assert_in_range(to->n_seconds, 4, PLM_STATS_SECONDS);
    const struct plm_encoding_second *sent = &from->seconds[from->n_seconds - 2];
    const struct plm_slot_second *got = &to->seconds[to->n_seconds - 2];
    assert_int_equal(sent->end_us, got->end_us);
    assert_in_range(sent->packets, 29, 31);
    assert_in_range(got->packets, 29, 31);
    assert_int_equal(got->state, PLM_SLOT_FORWARDING);
    assert_int_equal(got->encoding, 0);
    assert_int_equal(got->lost + sent->lost, 0);
    assert_in_range(sent->frames, 29, 31);
    assert_in_range(sent->gap_ms, 32, 40);
    assert_in_range(sent->step_ms, 32, 40);
    assert_int_equal(got->switches, 0);
    assert_int_equal(got->shows, ADA);
    assert_int_equal(got->source, PLM_SOURCE_CAMERA);
}

static void seconds_of_both_legs_are_reported(void **state)
{
    struct scene s = begin(state, false);
    both_go_on(&s, 5000000);
    s.w->on_report = check_seconds;
    unsigned reports = s.w->reports;
    take_stats(s.w);
    assert_int_equal(s.w->reports, reports + 1);
}

/* What was lost, and how long the worker was held up, in all seconds: of what Ada sends, and of what is sent to Eve. */
static unsigned lost_before, lost_behind, held_in, held_out;

static void sum_up(struct world *w, const struct plm_worker_report *report)
{
    (void)w;
    lost_before = lost_behind = held_in = held_out = 0;
    for (unsigned i = 0; i < report->n_transports; i++) {
        const struct plm_transport_stats *t = &report->transports[i];
        for (unsigned k = 0; k < t->n_tracks && t->participant == ADA; k++) {
            const struct plm_encoding_stats *e = &t->tracks[k].encodings[0];
            for (unsigned s = 0; s < e->n_seconds; s++) {
                lost_before += e->seconds[s].lost;
                held_in += e->seconds[s].held_ms;
            }
        }
        for (unsigned k = 0; k < t->n_slots && t->participant == EVE; k++) {
            for (unsigned s = 0; s < t->slots[k].n_seconds; s++) {
                lost_behind += t->slots[k].seconds[s].lost;
                held_out += t->slots[k].seconds[s].held_ms;
            }
        }
    }
}

/* A receiver asks for all that it lacks; what never came to us was not lost on the way to it, as often as it may ask. */
static void what_never_came_is_not_lost_behind_us(void **state)
{
    struct scene s = begin(state, false);
    s.w->on_report = sum_up;
    s.ada->video_seq++;
    s.ada->video_ts += 3000;
    send_picture(s.ada, false);
    uint16_t newest_seq = s.eve->last_seq;
    for (unsigned i = 0; i < 5; i++) {
        send_nack(s.eve, VIDEO_SSRC, (uint16_t)(newest_seq - 1));
        run_for(s.w, 50000);
    }
    both_go_on(&s, 1500000);
    take_stats(s.w);
    assert_int_equal(lost_before, 1);
    assert_int_equal(lost_behind, 0);
    s.eve->dropped_seq = newest_seq;
    send_nack(s.eve, VIDEO_SSRC, newest_seq);
    both_go_on(&s, 1500000);
    take_stats(s.w);
    assert_int_equal(lost_before, 1);
    assert_int_equal(lost_behind, 1);
}

/* Both legs tell when it was not they that were late: once, in the second in which it ended. */
static void seconds_tell_that_the_worker_was_held_up(void **state)
{
    struct scene s = begin(state, false);
    s.w->on_report = sum_up;
    both_go_on(&s, 2200000);
    take_stats(s.w);
    assert_int_equal(held_in + held_out, 0);
    s.w->now += 700000;
    both_go_on(&s, 2500000);
    take_stats(s.w);
    assert_in_range(held_out, 600, 700);
    assert_in_range(held_in, held_out, 2 * held_out); /* of picture and sound */
}

/* The longest time between two frames of a second, as they came and by their timestamps. */
static uint16_t longest_gap, longest_step, last_gap, last_step;

static void find_gaps(struct world *w, const struct plm_worker_report *report)
{
    (void)w;
    longest_gap = longest_step = 0;
    for (unsigned i = 0; i < report->n_transports; i++) {
        const struct plm_transport_stats *t = &report->transports[i];
        for (unsigned k = 0; k < t->n_tracks && t->participant == ADA; k++) {
            const struct plm_encoding_stats *e = &t->tracks[k].encodings[0];
            for (unsigned s = 0; s < e->n_seconds && t->tracks[k].source == PLM_SOURCE_CAMERA; s++) {
                last_gap = e->seconds[s].gap_ms;
                last_step = e->seconds[s].step_ms;
                longest_gap = last_gap > longest_gap ? last_gap : longest_gap;
                longest_step = last_step > longest_step ? last_step : longest_step;
            }
        }
    }
}

/* A frame that was late on its way has the next timestamp; one that was made late has a later one. */
static void late_and_missing_frames_differ(void **state)
{
    struct scene s = begin(state, false);
    s.w->on_report = find_gaps;
    both_go_on(&s, 2500000);
    go_on(s.w, &s.bob, 1, 700000);
    both_go_on(&s, 2500000);
    take_stats(s.w);
    assert_in_range(longest_gap, 690, 780);
    assert_in_range(longest_step, 32, 40);
    assert_in_range(last_gap, 32, 40); /* of that second alone */
    go_on(s.w, &s.bob, 1, 700000);
    s.ada->video_ts += 700 * 90;
    both_go_on(&s, 2500000);
    take_stats(s.w);
    assert_in_range(longest_step, 690, 780);
    assert_in_range(last_step, 32, 40);
}

static void who_wants_no_video_is_told_so(void **state)
{
    struct scene s = begin(state, false);
    const struct plm_event *ev;
    want_no_video(s.eve);
    expect_told(s.w, 1, PLM_SLOT_EMPTY, 0);
    slot_events(s.w, 1, &ev);
    assert_int_equal(ev->slot.reason, PLM_SLOT_UNWANTED);
}

/* ---- codecs ---- */

/* Ada's camera has H264 too, by another payload type; the viewer's first slot decodes what it says. */
static void add_h264(struct plm_media_params *m, uint8_t pt, uint8_t rtx_pt)
{
    m->codecs[m->n_codecs] = m->codecs[0];
    m->codecs[m->n_codecs].codec = PLM_CODEC_H264;
    m->codecs[m->n_codecs].pt = pt;
    m->codecs[m->n_codecs++].rtx_pt = rtx_pt;
}

static struct peer *camera_of_two_codecs(struct world *w)
{
    struct plm_transport_params params = {.exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_TWCC] = 3}};
    struct plm_media_params *m = &params.media[params.n_media++];
    video(m, "0");
    add_h264(m, 102, PLM_NO_PT);
    m->direction = PLM_DIR_RECV;
    m->source = PLM_SOURCE_CAMERA;
    struct peer *p = add_peer(w, ADA, &params, false);
    connect_peer(p);
    p->video_seq = 100;
    return p;
}

/* @param only H264 alone, else both */
static struct peer *viewer_of_h264(struct world *w, bool only, uint8_t rtx_pt)
{
    struct plm_transport_params params;
    describe_viewer(&params, 1, 0);
    add_h264(&params.media[1], 110, rtx_pt);
    if (only) {
        params.media[1].codecs[0] = params.media[1].codecs[1];
        params.media[1].n_codecs = 1;
    }
    return add_peer(w, EVE, &params, false);
}

static struct peer *looks_at_ada(struct world *w, bool only)
{
    struct peer *p = viewer_of_h264(w, only, PLM_NO_PT);
    connect_peer(p);
    look_at(p, ADA, 0);
    forget(w, p);
    return p;
}

/* Its payload begins so, and its last octet says whose it is, as in send_frame. */
static void send_h264_of(struct peer *p, const uint8_t *begins, size_t len)
{
    p->video_ts += 3000;
    uint64_t ext_seq = ++p->video_seq;
    uint16_t seq = (uint16_t)ext_seq;
    uint32_t ts = p->video_ts;
    uint8_t b[1400] = {0x90, 0x80 | 102, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(ts >> 24),
        (uint8_t)(ts >> 16), (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, 42, 0xbe, 0xde, 0, 2, 0x40, '0', 0x31,
        (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0};
    memcpy(b + 24, begins, len);
    b[899] = (uint8_t)p->who;
    send_rtp(p, 42, ext_seq, b, 24, 900);
}

/* A single slice, of an IDR picture (with its size nowhere) or another. */
static void send_h264(struct peer *p, bool key)
{
    send_h264_of(p, (const uint8_t[]){key ? 0x65 : 0x41, 0x88}, 2);
}

/* STAP-A of RFC 6184: a parameter set, of 320 x 240, and the slice of an IDR picture. */
static void send_h264_with_size(struct peer *p)
{
    static const uint8_t b[] = {0x78, 0, 10, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10,
        861 >> 8, 861 & 0xff, 0x65, 0x88};
    send_h264_of(p, b, sizeof b);
}

static void who_does_not_decode_it_is_told_so(void **state)
{
    struct world *w = *state;
    struct peer *ada = camera_of_two_codecs(w), *eve = looks_at_ada(w, true);
    send_picture(ada, true);
    run_for(w, 50000);
    expect_paused(w, 1, PLM_SLOT_NO_CODEC, ADA);
    unsigned asked = ada->pli;
    for (int i = 0; i < 90; i++) {
        send_picture(ada, false);
        run_for(w, FRAME_US);
    }
    assert_int_equal(ada->pli, asked); /* no key frame of that helps */
    assert_int_equal(count(eve, VIDEO_SSRC, ADA), 0);
    forget(w, eve);
    send_h264(ada, true);
    expect_at_last(w, 1, PLM_SLOT_FORWARDING, ADA);
    send_h264(ada, false);
    assert_int_equal(count(eve, VIDEO_SSRC, ADA), 2);
}

/* Nothing of the new codec goes out before its key frame, which is asked for where it got lost. */
static void another_codec_begins_with_its_key_frame(void **state)
{
    struct world *w = *state;
    struct peer *ada = camera_of_two_codecs(w), *eve = looks_at_ada(w, false);
    send_picture(ada, true);
    run_for(w, 50000);
    expect_told(w, 1, PLM_SLOT_FORWARDING, ADA);
    for (int i = 0; i < 30; i++) {
        send_picture(ada, false);
        run_for(w, FRAME_US);
    }
    forget(w, eve);
    unsigned asked = ada->pli;
    send_h264(ada, false);
    run_for(w, 50000);
    assert_int_equal(count(eve, VIDEO_SSRC, ADA), 0);
    assert_int_equal(ada->pli, asked + 1);
    send_h264(ada, true);
    send_h264(ada, false);
    assert_int_equal(count(eve, VIDEO_SSRC, ADA), 2);
}

/* @param kept there is a group of packets for the viewer to begin with */
static void first_of_h264(struct world *w, bool kept)
{
    struct peer *ada = camera_of_two_codecs(w);
    if (kept)
        send_h264_with_size(ada);
    struct peer *eve = viewer_of_h264(w, true, 97);
    eve->drop_next_rtp = true;
    connect_peer(eve);
    if (!kept)
        send_h264(ada, true);
    take_stats(w);
    assert_int_equal(w->stats.counters[PLM_CNT_GROUPS_REPLAYED], kept);
    assert_int_equal(count(eve, VIDEO_SSRC, ADA), 0);
    assert_int_equal(eve->rtx, 1); /* of the number that was dropped: peer_on_rtp looks */
    send_h264(ada, false);
    send_h264(ada, true);
    run_for(w, 20000);
    assert_int_equal(eve->rtx, 1);
    assert_int_equal(count(eve, VIDEO_SSRC, ADA), 2);
}

/* Its loss is not seen by who gets it, and no empty packet goes ahead of it. */
static void the_first_packet_of_h264_comes_twice(void **state)
{
    first_of_h264(*state, false);
}

static void so_does_that_of_a_kept_group(void **state)
{
    first_of_h264(*state, true);
}

/* ---- the next one is on another worker ---- */

static void from_worker_1_of(
    struct world *w, enum plm_source source, enum plm_link_type type, const void *body, size_t len)
{
    uint8_t b[256];
    struct plm_link_header h = {.size = (uint32_t)len,
        .type = (uint8_t)type,
        .source = (uint8_t)source,
        .room = 1,
        .instance = 5,
        .participant = BOB};
    memcpy(b, &h, sizeof h);
    if (len)
        memcpy(b + sizeof h, body, len);
    plm_worker_link(w->worker, 1, b, sizeof h + len, w->now);
    plm_worker_poll(w->worker, w->now);
    deliver(w);
}

static void from_worker_1(struct world *w, enum plm_link_type type, const void *body, size_t len)
{
    from_worker_1_of(w, PLM_SOURCE_CAMERA, type, body, len);
}

static void announce_bob(struct world *w, bool muted)
{
    struct plm_link_track t = {.kind = PLM_KIND_VIDEO, .n_encodings = 1, .n_codecs = 1, .muted = muted};
    t.codecs[0].codec = PLM_CODEC_VP8;
    from_worker_1(w, PLM_LINK_TRACK, &t, sizeof t);
}

static void bobs_frame_by_link(struct world *w, uint64_t ext_seq, bool key)
{
    struct {
        struct plm_link_packet p;
        uint8_t data[32];
    } f = {.p = {.ext_seq = (1u << 16) + ext_seq,
               .ext_ts = (UINT64_C(1) << 32) + ext_seq * 3000,
               .arrival_us = w->now,
               .payload_off = 12,
               .payload_len = 20,
               .codec = PLM_CODEC_VP8,
               .flags = 1,
               .picture_id = (uint16_t)ext_seq,
               .desc_len = 4,
               .info_flags = (uint8_t)(1 | 2 | (key ? 4 | 8 : 0)),
               .info_flags2 = 1 | 2}};
    uint8_t payload[20] = {0x90, 0x80, (uint8_t)(0x80 | ext_seq >> 8), (uint8_t)ext_seq, key ? 0x10 : 0x11};
    payload[19] = BOB;
    f.data[0] = 0x80;
    memcpy(f.data + 12, payload, sizeof payload);
    from_worker_1(w, PLM_LINK_PACKET, &f, sizeof f);
}

static struct scene with_bob_elsewhere(void **state)
{
    struct world *w = *state;
    struct scene s = {.w = w, .ada = someone(w, ADA, true), .eve = viewer(w, 1, 0)};
    two_workers(w);
    announce_bob(w, false);
    look_at(s.eve, ADA, 0);
    send_picture(s.ada, true);
    go_on(w, &s.ada, 1, 3200000); /* her key frame is too old to begin with once more */
    forget(w, s.eve);
    w->demand_of = 0;
    look_at(s.eve, BOB, 0);
    return s;
}

static void a_next_one_of_another_worker_is_asked_for_there(void **state)
{
    struct scene s = with_bob_elsewhere(state);
    assert_int_equal(s.w->demand_of, BOB);
    assert_int_equal(s.w->demand.encodings, 1);
    assert_int_equal(s.w->keyframes_by_link, 1);
    for (uint64_t i = 1; i <= 9; i++) {
        bobs_frame_by_link(s.w, i, false);
        go_on(s.w, &s.ada, 1, FRAME_US);
    }
    assert_true(count(s.eve, VIDEO_SSRC, ADA) >= 9);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 0);
    assert_int_equal(s.w->keyframes_by_link, 1);
    expect_quiet(s.w, 1);
    bobs_frame_by_link(s.w, 10, true);
    expect_told(s.w, 1, PLM_SLOT_FORWARDING, BOB);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
    assert_int_equal(s.w->demand.encodings, 1); /* still needed */

    /* And back to one of here: what the link was asked for ends only with the change. */
    forget(s.w, s.eve);
    look_at(s.eve, ADA, 0);
    bobs_frame_by_link(s.w, 11, false);
    assert_int_equal(newest(s.eve, VIDEO_SSRC)->who, BOB);
    assert_int_equal(s.w->demand.encodings, 1);
    send_picture(s.ada, true);
    expect_told(s.w, 1, PLM_SLOT_FORWARDING, ADA);
    assert_int_equal(s.w->demand.encodings, 0);
}

static void a_next_one_of_another_worker_may_go(void **state)
{
    struct scene s = with_bob_elsewhere(state);
    announce_bob(s.w, true);
    expect_paused(s.w, 1, PLM_SLOT_MUTED, BOB);
    announce_bob(s.w, false);
    bobs_frame_by_link(s.w, 1, true);
    expect_at_last(s.w, 1, PLM_SLOT_FORWARDING, BOB);
    /* The shown one is of another worker, and leaves while one of here is awaited. */
    forget(s.w, s.eve);
    look_at(s.eve, ADA, 0);
    expect_quiet(s.w, 1);
    from_worker_1(s.w, PLM_LINK_TRACK_GONE, NULL, 0);
    expect_told(s.w, 1, PLM_SLOT_WAITING, ADA);
    bobs_frame_by_link(s.w, 2, true);
    assert_int_equal(s.eve->n_log, 0);
    send_picture(s.ada, true);
    expect_at_last(s.w, 1, PLM_SLOT_FORWARDING, ADA);
}

static void one_of_another_worker_comes_back_with_a_key_frame(void **state)
{
    struct scene s = with_bob_elsewhere(state);
    bobs_frame_by_link(s.w, 1, true);
    bobs_frame_by_link(s.w, 2, false);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 2);
    run_for(s.w, 1000000);
    announce_bob(s.w, true);
    unsigned asked = s.w->keyframes_by_link;
    announce_bob(s.w, false);
    assert_int_equal(s.w->keyframes_by_link, asked + 1);
    bobs_frame_by_link(s.w, 50, false); /* refers to what was not sent */
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 2);
    bobs_frame_by_link(s.w, 51, true);
    bobs_frame_by_link(s.w, 52, false);
    assert_int_equal(count(s.eve, VIDEO_SSRC, BOB), 4);
}

/* ---- who speaks ---- */

static size_t speakers_told(const struct world *w, plm_participant_id *first)
{
    for (unsigned i = w->n_events; i-- > 0;) {
        if (w->events[i].type != PLM_EV_SPEAKERS)
            continue;
        *first = w->events[i].speakers.who[0];
        return w->events[i].speakers.n;
    }
    return 0;
}

static void who_is_muted_does_not_speak(void **state)
{
    struct scene s = begin(state, false);
    plm_participant_id first = 0;
    both_go_on(&s, 200000);
    assert_int_equal(s.w->n_events, 0);
    set_muted(s.ada, PLM_SOURCE_MICROPHONE, true);
    both_go_on(&s, 100000);
    assert_int_equal(speakers_told(s.w, &first), 1);
    assert_int_equal(first, BOB);
    set_muted(s.bob, PLM_SOURCE_MICROPHONE, true);
    both_go_on(&s, 100000);
    assert_int_equal(s.w->events[s.w->n_events - 1].type, PLM_EV_SPEAKERS);
    assert_int_equal(speakers_told(s.w, &first), 0);
    set_muted(s.ada, PLM_SOURCE_MICROPHONE, false);
    both_go_on(&s, 100000);
    assert_int_equal(speakers_told(s.w, &first), 1);
    assert_int_equal(first, ADA);
    set_muted(s.bob, PLM_SOURCE_MICROPHONE, false);
    both_go_on(&s, 100000);
    assert_int_equal(speakers_told(s.w, &first), 2);
}

static void tell_bobs_microphone(struct world *w, bool muted)
{
    struct plm_link_track t = {.kind = PLM_KIND_AUDIO, .n_encodings = 1, .n_codecs = 1, .muted = muted};
    t.codecs[0].codec = PLM_CODEC_OPUS;
    from_worker_1_of(w, PLM_SOURCE_MICROPHONE, PLM_LINK_TRACK, &t, sizeof t);
}

static void who_is_muted_elsewhere_does_not_speak(void **state)
{
    struct scene s = with_bob_elsewhere(state);
    struct plm_link_level level = {.participant = BOB, .source = PLM_SOURCE_MICROPHONE, .level = 30};
    plm_participant_id first = 0;
    tell_bobs_microphone(s.w, false);
    from_worker_1(s.w, PLM_LINK_LEVELS, &level, sizeof level);
    go_on(s.w, &s.ada, 1, 100000);
    assert_int_equal(speakers_told(s.w, &first), 2);
    tell_bobs_microphone(s.w, true);
    go_on(s.w, &s.ada, 1, 100000);
    assert_int_equal(speakers_told(s.w, &first), 1);
    assert_int_equal(first, ADA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_picture_stays_until_the_next_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_frame_that_never_comes_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_former_picture_that_ends_is_not_held, setup, teardown),
        cmocka_unit_test_setup_teardown(a_next_one_whose_camera_goes_off_is_shown_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_removed_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_next_one_who_leaves_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_overtakes_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_without_a_camera_comes_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_of_a_room_that_was_left_flows, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_shown_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pinned_pair_changes_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_former_picture_that_is_too_large_is_not_held, setup, teardown),
        cmocka_unit_test_setup_teardown(a_held_slot_survives_more_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receiver_leaves_while_it_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_one_is_heard_beside_the_pair, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_gets_less_for_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(a_muted_picture_pauses_until_it_is_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_publisher_that_stops_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(seconds_of_both_legs_are_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(what_never_came_is_not_lost_behind_us, setup, teardown),
        cmocka_unit_test_setup_teardown(seconds_tell_that_the_worker_was_held_up, setup, teardown),
        cmocka_unit_test_setup_teardown(late_and_missing_frames_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(who_wants_no_video_is_told_so, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_decode_it_is_told_so, setup, teardown),
        cmocka_unit_test_setup_teardown(another_codec_begins_with_its_key_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_packet_of_h264_comes_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(so_does_that_of_a_kept_group, setup, teardown),
        cmocka_unit_test_setup_teardown(a_next_one_of_another_worker_is_asked_for_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_next_one_of_another_worker_may_go, setup, teardown),
        cmocka_unit_test_setup_teardown(one_of_another_worker_comes_back_with_a_key_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_muted_does_not_speak, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_muted_elsewhere_does_not_speak, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
