/* Keeping meetings and bringing them back while the Nth allocation fails: nothing breaks or leaks, and what can be tried again is. */
#include "../../fakes/failing_alloc.h"

#include "store_list.h"
#include "world.h"

#include "journal.h"
#include "json_memory.h"

#include <setjmp.h>

#include <cmocka.h>

static struct world *start(struct store *s)
{
    struct world *w = world_create(NULL);
    plm_hub_set_store(w->hub, &(struct plm_store_port){.ctx = s, .put = store_put, .drop = store_drop});
    return w;
}

/* One who leads, one who waits, one in a breakout room, and a message. */
static void meet(struct world *w, struct peer *peers[3])
{
    static const char *const names[] = {"Anna", "Ben", "Cleo"};
    for (int i = 0; i < 3; i++) {
        peers[i] = peer_create(w);
        peer_say(peers[i], "{\"type\":\"join\",\"id\":1,\"room\":\"Room\",\"name\":\"%s\"}", names[i]);
        if (i == 1)
            peer_say(peers[0], "{\"type\":\"configure\",\"id\":2,\"settings\":{\"lobby\":true}}");
    }
    peer_say(peers[0], "{\"type\":\"chat\",\"id\":3,\"text\":\"hello\"}");
    peer_say(peers[0], "{\"type\":\"breakout_open\",\"id\":4,\"rooms\":[{\"name\":\"Red\"}],\"force\":true,"
                       "\"places\":[{\"participant\":2,\"room\":1}]}");
}

static void leave(struct peer *peers[3])
{
    for (int i = 0; i < 3; i++) {
        peer_forget(peers[i]);
        free(peers[i]);
    }
}

static struct store *full_store(void)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s);
    struct peer *peers[3];
    meet(w, peers);
    world_pass(w, PLM_JOURNAL_PERIOD_MS);
    world_destroy(w);
    leave(peers);
    assert_int_equal(store_count(s, PLM_STORE_MEETING), 2);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 3);
    assert_int_equal(store_count(s, PLM_STORE_CHAT), 1);
    return s;
}

static void check_whole(struct store *s)
{
    struct world *w = start(s);
    struct plm_hub_gauges g;
    assert_int_equal(store_restore(w->hub, s), 0);
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.rooms, 2);
    assert_int_equal(g.participants, 2);
    assert_int_equal(g.waiting, 1);
    world_destroy(w);
}

static void test_writing_is_tried_again(void **state)
{
    bool failed = true;
    (void)state;
    for (unsigned n = 1; failed; n++) {
        struct store *s = calloc(1, sizeof *s);
        struct world *w = start(s);
        struct peer *peers[3];
        meet(w, peers);
        w->now += PLM_JOURNAL_PERIOD_MS;
        fail_nth_alloc(n);
        uint64_t next = plm_journal_flush(w->hub, w->now);
        failed = alloc_failed;
        fail_nth_alloc(0);
        if (next != UINT64_MAX) {
            assert_true(failed && next <= w->now + PLM_JOURNAL_PERIOD_MS);
            w->now = next;
            plm_hub_poll(w->hub);
        }
        world_destroy(w);
        leave(peers);
        check_whole(s);
        store_free(s);
        assert_true(n > 1 || failed);
    }
}

/* @return did an allocation fail? */
static bool restore_failing(unsigned n, struct plm_hub_gauges *g)
{
    struct store *s = full_store();
    struct world *w = start(s);
    fail_nth_alloc(n);
    for (size_t i = 0; i < s->n;) { /* one that is dropped makes its place free for the last */
        struct document d = s->all[i];
        size_t before = s->n;
        char *text = strdup(d.text);
        int err = plm_hub_restore(w->hub, d.kind, d.key, text, strlen(text));
        assert_true(err == 0 || alloc_failed);
        free(text);
        i += s->n == before;
    }
    plm_hub_restored(w->hub);
    bool failed = alloc_failed;
    fail_nth_alloc(0);
    plm_hub_gauges(w->hub, g);
    world_pass(w, 40000); /* nobody comes back */
    struct plm_hub_gauges later;
    plm_hub_gauges(w->hub, &later);
    assert_int_equal(later.participants + later.waiting + later.detached, 0);
    world_destroy(w);
    store_free(s);
    return failed;
}

static void test_what_memory_is_too_short_for_is_left_out(void **state)
{
    struct plm_hub_gauges g;
    unsigned n = 1;
    (void)state;
    while (restore_failing(n, &g)) {
        assert_true(g.participants <= 2 && g.waiting <= 1);
        n++;
    }
    assert_true(n > 50);
    assert_int_equal(g.rooms, 2);
    assert_int_equal(g.participants, 2);
    assert_int_equal(g.waiting, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writing_is_tried_again),
        cmocka_unit_test(test_what_memory_is_too_short_for_is_left_out),
    };
    plm_json_memory_install(); /* what jansson allocates counts too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
