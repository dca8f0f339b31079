/*
 * Five hundred in one room, in whatever way they come, go, raise hands and react: what the server tells them beside the answers to
 * their own requests stays within four messages a second and participant, and each of those is serialised once for all.
 */
#define PLM_CROWD 500
#include "news.h"
#include "room.h"
#include "world.h"

#include <setjmp.h>
#include <time.h>

#include <cmocka.h>

#define TICK_MS 10
#define SECOND  1000

/* Peers that only count; those of world.h keep every text. */
struct ear {
    struct plm_session *session;
    uint32_t next_id, id;
    char secret[65];
};

struct crowd {
    struct world *w;
    struct ear *ears;
    unsigned present;
    uint64_t window[SECOND / TICK_MS]; /* events delivered in each of the last ticks */
    unsigned tick, ms;                 /* ms: since events are counted */
    uint64_t events, worst;            /* in all, and in the worst second */
    bool over;
    uint64_t texts;        /* events that were serialised */
    struct plm_text *last; /* the text that the former event came from */
};

static struct crowd *all; /* ears have no pointer to it */

static void hear(void *ctx, struct plm_text *text)
{
    struct ear *ear = ctx;
    char *secret = strstr(text->data, "\"secret\":\"");
    if (secret) {
        memcpy(ear->secret, secret + 10, 32);
        ear->id = (uint32_t)strtoul(strstr(text->data, "\"participant\":") + 14, NULL, 10);
    }
    if (strstr(text->data, "\"id\":") && !strstr(text->data, "\"type\":\"roster\""))
        return; /* a reply */
    all->events++;
    all->window[all->tick % (SECOND / TICK_MS)]++;
    if (all->last == text)
        return;
    all->texts++;
    plm_text_unref(all->last);
    all->last = plm_text_ref(text); /* so that no other text has its address */
}

static void closed(void *ctx, unsigned code, const char *reason)
{
    (void)ctx;
    (void)code;
    (void)reason;
}

static void say(struct ear *e, const char *format, ...)
{
    char text[512];
    va_list args;
    int n = snprintf(text, sizeof text, "{\"id\":%u,", ++e->next_id);
    va_start(args, format);
    n += vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    plm_session_on_text(e->session, text, (size_t)n);
}

static void come(struct crowd *c, unsigned i)
{
    struct plm_session_out out = {.ctx = &c->ears[i], .send = hear, .close = closed};
    assert_int_equal(plm_session_open(&c->ears[i].session, c->w->hub, &out), 0);
    say(&c->ears[i], "\"type\":\"join\",\"room\":\"r\",\"name\":\"somebody\"}");
    c->present++;
}

static void leave(struct crowd *c, unsigned i)
{
    say(&c->ears[i], "\"type\":\"leave\"}");
    plm_session_on_lost(c->ears[i].session);
    c->ears[i].session = NULL;
    c->present--;
}

/* A turn of the clock: the last second is weighed. */
static void tick(struct crowd *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < SECOND / TICK_MS; i++)
        sum += c->window[i];
    if (sum > c->worst)
        c->worst = sum;
    c->over |= sum > 4 * PLM_CROWD;
    c->tick++;
    c->window[c->tick % (SECOND / TICK_MS)] = 0;
    c->w->now += TICK_MS;
    c->ms += TICK_MS;
    plm_hub_poll(c->w->hub);
}

static void pass(struct crowd *c, unsigned ms)
{
    for (unsigned i = 0; i < ms / TICK_MS; i++)
        tick(c);
}

static int setup(void **state)
{
    struct crowd *c = calloc(1, sizeof *c);
    c->w = world_create(NULL);
    c->ears = calloc(PLM_CROWD, sizeof *c->ears);
    *state = all = c;
    return 0;
}

static int teardown(void **state)
{
    struct crowd *c = *state;
    for (unsigned i = 0; i < PLM_CROWD; i++)
        plm_session_on_lost(c->ears[i].session);
    world_destroy(c->w);
    plm_text_unref(c->last);
    free(c->ears);
    free(c);
    return 0;
}

static void report(struct crowd *c, const char *what)
{
    print_message("%s: at most %lu messages in a second of %u allowed, %lu in all, %lu serialised\n", what,
        (unsigned long)c->worst, 4 * PLM_CROWD, (unsigned long)c->events, (unsigned long)c->texts);
    assert_false(c->over);
    assert_true(c->worst > PLM_CROWD / 2); /* it was not silent */
    assert_true(
        c->texts <= 4 * (c->ms / SECOND + 1) + PLM_NEWS_BURST); /* four a second, and while it was small */
}

static void fill(struct crowd *c)
{
    for (unsigned i = 0; i < PLM_CROWD; i++)
        come(c, i);
    pass(c, 5000);
    c->worst = c->events = c->texts = c->ms = 0;
    c->over = false;
}

static void test_all_at_once(void **state)
{
    struct crowd *c = *state;
    for (unsigned i = 0; i < PLM_CROWD; i++)
        come(c, i);
    pass(c, 3000);
    report(c, "all at once");
    struct plm_hub_gauges g;
    plm_hub_gauges(c->w->hub, &g);
    assert_int_equal(g.participants, PLM_CROWD);
}

static void test_hundred_a_second(void **state)
{
    struct crowd *c = *state;
    for (unsigned i = 0; i < PLM_CROWD; i++) {
        come(c, i);
        tick(c);
    }
    pass(c, 2000);
    report(c, "100 a second");
}

static void test_churn(void **state)
{
    struct crowd *c = *state;
    fill(c);
    for (unsigned i = 0; i < 2 * PLM_CROWD; i++) {
        unsigned who = i * 7 % PLM_CROWD;
        leave(c, who);
        come(c, who);
        if (i % 2)
            tick(c);
    }
    pass(c, 2000);
    report(c, "200 come and go a second");
}

static void test_hands_and_reactions(void **state)
{
    struct crowd *c = *state;
    fill(c);
    for (unsigned turn = 0; turn < 300; turn++) {
        for (unsigned i = turn % 10; i < PLM_CROWD; i += 10) {
            say(&c->ears[i], "\"type\":\"hand\",\"raised\":%s}", turn / 10 % 2 ? "false" : "true");
            say(&c->ears[i], "\"type\":\"react\",\"kind\":\"clap\"}");
        }
        tick(c);
    }
    pass(c, 2000);
    report(c, "5000 hands and 5000 reactions a second");
}

static double ms_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Everybody to breakout rooms and back: each is told their room once, beside what is merged. */
static void test_breakouts(void **state)
{
    struct crowd *c = *state;
    fill(c);
    for (unsigned i = 0; i < 2; i++) {
        double begin = ms_now();
        c->events = c->texts = 0;
        if (i)
            say(&c->ears[0], "\"type\":\"breakout_close\"}");
        else
            say(&c->ears[0],
                "\"type\":\"breakout_open\",\"rooms\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":"
                "\"c\"},{\"name\":\"d\"},{\"name\":\"e\"}],\"random\":true,\"force\":true}");
        print_message(
            "%u %s: %.1f ms of the processor\n", PLM_CROWD - 1, i ? "come back" : "go", ms_now() - begin);
        pass(c, 250);
        assert_in_range(c->events, 2 * (PLM_CROWD - 1), 4 * PLM_CROWD);
        pass(c, 3000);
    }
}

/* Nobody is missed: after the storm every list is that of the room. */
static void test_nobody_is_missed(void **state)
{
    struct crowd *c = *state;
    struct peer *p = peer_enter(c->w, "r", "Ada", NULL);
    for (unsigned i = 0; i < PLM_CROWD - 1; i++)
        come(c, i);
    for (unsigned i = 0; i < 100; i++)
        leave(c, 3 * i);
    pass(c, 3000);
    bool here[2 * PLM_CROWD] = {false};
    unsigned n = 0, total = 0;
    for (struct plm_msg *msg; (msg = peer_expect(p, PLM_MSG_roster)); plm_msg_free(msg)) {
        assert_in_range(msg->roster.n_joined + msg->roster.n_changed, 0, PLM_NEWS_MAX_PEOPLE);
        for (size_t i = 0; i < msg->roster.n_joined; i++)
            here[msg->roster.joined[i].id] = true;
        for (size_t i = 0; i < msg->roster.n_left; i++)
            here[msg->roster.left[i].participant] = false;
        total = msg->roster.total;
    }
    for (unsigned i = 0; i < 2 * PLM_CROWD; i++)
        n += here[i];
    assert_int_equal(n, PLM_CROWD - 1 - 100);
    assert_int_equal(total, PLM_CROWD - 100); /* Ada, too */
    peer_destroy(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_all_at_once), TEST(test_hundred_a_second), TEST(test_churn),
        TEST(test_hands_and_reactions), TEST(test_breakouts), TEST(test_nobody_is_missed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
