#include "api.h"
#include "makers.h"
#include "state.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

#define RATE  6 /* a minute: one in ten seconds */
#define BURST 4

static int setup(void **state)
{
    struct plm_hub_config config = {.make_rate = RATE, .make_burst = BURST};
    *state = world_create(&config);
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

static uint64_t limits_hit(const struct world *w)
{
    struct plm_hub_counters c;
    plm_hub_counters(w->hub, &c);
    return c.limits[PLM_HUB_LIMIT_MAKE_RATE];
}

/* How many of n rooms this source may make now. */
static unsigned takes(struct world *w, const char *source, unsigned n)
{
    struct plm_refusal why = {0};
    unsigned made = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!plm_maker_take(w->hub, source, &why))
            made++;
        else
            assert_int_equal(why.code, PLM_MSG_error_code_too_fast);
    }
    return made;
}

static void test_rate(void **state)
{
    struct world *w = *state;
    assert_int_equal(takes(w, "192.0.2.1", BURST), BURST);
    assert_int_equal(limits_hit(w), 0);
    assert_int_equal(takes(w, "192.0.2.1", 3), 0);
    assert_int_equal(limits_hit(w), 3);
    w->now += 9999; /* who was refused need not wait for longer */
    assert_int_equal(takes(w, "192.0.2.1", 1), 0);
    w->now += 1;
    assert_int_equal(takes(w, "192.0.2.1", 2), 1);
    w->now += 20000;
    assert_int_equal(takes(w, "192.0.2.1", 3), 2);
    w->now += 3600000; /* not more than at first, however long it was quiet */
    assert_int_equal(takes(w, "192.0.2.1", BURST + 2), BURST);
}

static void test_sources(void **state)
{
    struct world *w = *state;
    assert_int_equal(takes(w, "192.0.2.1", BURST + 1), BURST);
    assert_int_equal(takes(w, "192.0.2.2", BURST + 1), BURST);
    assert_int_equal(takes(w, "::ffff:192.0.2.2", 1), 0); /* the same in another form */
    assert_int_equal(takes(w, "2001:db8:0:1::1", BURST), BURST);
    assert_int_equal(takes(w, "2001:db8:0:1:ffff::2", 1), 0); /* of the same /64 */
    assert_int_equal(takes(w, "2001:db8:0:2::1", BURST + 1), BURST);
    assert_int_equal(takes(w, "", 100), 100); /* not known whose */
}

/* One that is over is forgotten for the next that comes; of too many the one that made none for longest. */
static void test_bounded(void **state)
{
    struct world *w = *state;
    char source[24];
    for (unsigned i = 0; i < PLM_MAKERS_MAX; i++) {
        snprintf(source, sizeof source, "10.0.%u.%u", i / 256, i % 256);
        assert_int_equal(takes(w, source, BURST), BURST);
    }
    assert_int_equal(w->hub->n_makers, PLM_MAKERS_MAX);
    assert_int_equal(takes(w, "192.0.2.1", 1), 1);
    assert_int_equal(w->hub->n_makers, PLM_MAKERS_MAX);
    assert_int_equal(takes(w, "10.0.0.1", 1), 0);
    assert_int_equal(takes(w, "10.0.0.0", 1), 1); /* was forgotten */
    w->now += 3600000;
    assert_int_equal(takes(w, "192.0.2.1", BURST), BURST);
    assert_int_equal(takes(w, "192.0.2.9", 1), 1);
    assert_int_equal(w->hub->n_makers, PLM_MAKERS_MAX);
}

static int join(struct world *w, const char *room, const char *token)
{
    struct peer *p = peer_create(w);
    peer_knock(p, &(struct plm_msg_join){.room = room, .name = "A", .token = token});
    int code = peer_error(p);
    peer_destroy(p);
    return code;
}

static unsigned post(struct world *w, enum plm_resource_kind kind, const char *room, const char *token)
{
    char *offer = kind == PLM_RESOURCE_WHIP ? sdp_publish(w, "peer", 0x11, 1) : sdp_watch(w, "peer", 1);
    const struct plm_resource_request request = {
        .kind = kind, .room = room, .token = token, .source = w->source, .sdp = offer, .len = strlen(offer)};
    struct plm_resource_reply reply;
    plm_resource_post(w->hub, &request, &reply);
    plm_resource_reply_clear(&reply);
    free(offer);
    return reply.status;
}

/* Every way by which a name makes a room counts, and only where it makes one. */
static void test_ways(void **state)
{
    struct world *w = *state;
    struct plm_refusal why = {0};
    w->source = "192.0.2.1";
    assert_int_equal(join(w, "a", NULL), -1);
    assert_int_equal(post(w, PLM_RESOURCE_WHIP, "b", NULL), 201);
    assert_int_equal(post(w, PLM_RESOURCE_WHEP, "c", NULL), 201);
    assert_int_equal(plm_api_room_may_make(w->hub, w->source, &why), 0);

    assert_int_equal(join(w, "d", NULL), PLM_MSG_error_code_too_fast);
    assert_int_equal(post(w, PLM_RESOURCE_WHIP, "d", NULL), 429);
    assert_int_equal(post(w, PLM_RESOURCE_WHEP, "d", NULL), 429);
    assert_int_equal(plm_api_room_may_make(w->hub, w->source, &why), PLM_EINVAL);
    assert_int_equal(limits_hit(w), 4);

    assert_int_equal(join(w, "a", NULL), -1); /* it is there */
    assert_int_equal(join(w, "B", NULL), -1);
    assert_int_equal(post(w, PLM_RESOURCE_WHEP, "a", NULL), 201);
    world_token(w, "good", PLM_MSG_role_speaker);
    assert_int_equal(join(w, "d", "good"), -1); /* who gave the token answers for it */
    assert_int_equal(post(w, PLM_RESOURCE_WHIP, "e", "good"), 201);
    assert_int_equal(limits_hit(w), 4);
    w->source = "192.0.2.2";
    assert_int_equal(join(w, "f", NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ways, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
