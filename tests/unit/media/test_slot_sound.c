/*
 * Sound in a slot: the first words of who is chosen, and what muting leaves.
 */
#include "worker_world.h"

enum { SOUND_SSRC = 8000, SOUND_US = 20000 };

static void opus(struct plm_media_params *m, const char *mid, enum plm_direction direction)
{
    memset(m, 0, sizeof *m);
    snprintf(m->mid, sizeof m->mid, "%s", mid);
    m->kind = PLM_KIND_AUDIO;
    m->direction = direction;
    m->n_codecs = 1;
    m->codecs[0] = (struct plm_codec_params){
        .codec = PLM_CODEC_OPUS, .pt = 111, .rtx_pt = PLM_NO_PT, .channels = 2, .clock_rate = 48000};
}

static struct peer *speaker(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4}};
    opus(&params.media[0], "1", PLM_DIR_RECV);
    params.media[0].source = PLM_SOURCE_MICROPHONE;
    struct peer *p = connected(add_peer(w, who, &params, false));
    p->audio_seq = 100;
    return p;
}

static struct peer *listener(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_TWCC] = 5}};
    opus(&params.media[0], "0", PLM_DIR_SEND);
    params.media[0].ssrc = SOUND_SSRC;
    params.media[0].pair = PLM_NO_PAIR;
    return connected(add_peer(w, who, &params, false));
}

static void speak(struct peer *p, unsigned packets)
{
    while (packets-- > 0) {
        p->audio_ts += 960;
        send_sound(p, ++p->audio_seq, p->audio_ts);
        run_for(p->world, SOUND_US);
    }
}

/* The shard on worker 1 decides who is heard. */
static void decided_elsewhere(struct world *w)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_PEERS;
    cmd->room = 1;
    cmd->peers.home = 1;
    cmd->peers.n = 2;
    cmd->peers.v[1] = (struct plm_shard_peer){1, 5};
    plm_worker_command(w->worker, cmd, w->now);
}

/* @param who 0: nobody */
static void choose(struct world *w, plm_participant_id who)
{
    struct {
        struct plm_link_header h;
        struct plm_link_level l;
    } frame = {.h = {.size = who ? sizeof frame.l : 0, .type = PLM_LINK_SPEAKERS, .room = 1, .instance = 5},
        .l = {.participant = who, .level = 10}};
    plm_worker_link(w->worker, 1, (const uint8_t *)&frame, sizeof frame.h + frame.h.size, w->now);
}

/** The clock may be read anew between the word from the other worker and the end of the turn: a socket had something. */
static void first_words_are_heard_whatever_the_clock_says(void **state)
{
    struct world *w = *state;
    struct peer *a = speaker(w, 1), *b = listener(w, 2);
    decided_elsewhere(w);
    choose(w, 0);
    run_for(w, 1000000);
    speak(a, 20);
    assert_int_equal(b->rtp, 0);
    choose(w, 1);
    w->now += 50;
    plm_worker_input(w->worker, NULL, 0, w->now);
    deliver(w);
    assert_in_range(b->rtp, 13, 15);
}

static void mute(struct peer *p, bool on)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_MUTE;
    cmd->transport = p->local.id;
    cmd->mute.source = PLM_SOURCE_MICROPHONE;
    cmd->mute.on = on;
    plm_worker_command(p->world->worker, cmd, p->world->now);
    plm_worker_poll(p->world->worker, p->world->now);
}

/** What is not forwarded while somebody is muted is not missing: no numbers are kept for it, and the time goes on. */
static void muting_leaves_no_hole(void **state)
{
    struct world *w = *state;
    struct peer *a = speaker(w, 1), *b = listener(w, 2);
    speak(a, 20);
    for (unsigned round = 0; round < 2; round++) {
        uint16_t seq = b->last_seq;
        uint32_t ts = b->last_ts;
        mute(a, true);
        speak(a, 100);
        assert_int_equal(b->last_seq, seq);
        mute(a, false);
        speak(a, 1);
        assert_int_equal((uint16_t)(b->last_seq - seq), 1);
        assert_in_range(b->last_ts - ts, 100 * 960, 102 * 960);
        speak(a, 9);
        assert_int_equal((uint16_t)(b->last_seq - seq), 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_words_are_heard_whatever_the_clock_says, setup, teardown),
        cmocka_unit_test_setup_teardown(muting_leaves_no_hole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
