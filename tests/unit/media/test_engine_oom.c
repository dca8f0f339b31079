/* Every call of the engine with each of its allocations failing: an error, nothing half done, nothing leaked. */
#include "plenum/engine.h"

#include "feed.h"
#include "mailbox.h"
#include "outbox.h"
#include "registry.h"
#include "ring.h"
#include "transport.h"
#include "udp.h"

#include "stun_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../fakes/failing_alloc.h"

static struct plm_transport_local local;
static struct plm_engine *engine;
static unsigned closed, answers;
static enum plm_close_reason last_reason;

static void on_event(void *arg, const struct plm_event *ev)
{
    (void)arg;
    if (ev->type != PLM_EV_TRANSPORT || ev->transport_state.state != PLM_TRANSPORT_CLOSED)
        return;
    closed++;
    last_reason = ev->transport_state.reason;
}

static void on_stats(void *arg, const struct plm_stats *stats)
{
    (void)arg;
    answers++;
    assert_int_equal(stats->n_workers, 2);
}

static struct plm_engine_config config(void)
{
    struct plm_engine_config c = {.workers = 2, .n_listen = 1, .limits.transports = 4};
    assert_int_equal(plm_addr_parse(&c.listen[0], "127.0.0.1:0"), 0);
    return c;
}

static int setup(void **state)
{
    (void)state;
    struct plm_engine_config c = config();
    closed = answers = 0;
    return plm_engine_create(&engine, &c, on_event, NULL);
}

static int teardown(void **state)
{
    (void)state;
    plm_engine_destroy(engine);
    return 0;
}

static void create_fails_cleanly(void **state)
{
    (void)state;
    struct plm_engine_config c = config();
    unsigned nth = 0, refused = 0;
    do {
        struct plm_engine *e = NULL;
        fail_nth_alloc(++nth);
        int err = plm_engine_create(&e, &c, on_event, NULL);
        bool failed = alloc_failed;
        fail_nth_alloc(0);
        refused += err != 0;
        /* a faster way of sealing may be given up for lack of memory, nothing else */
        assert_true(err == PLM_ENOMEM || err == PLM_ENOTSUP || err == 0);
        assert_int_equal(e == NULL, err != 0);
        plm_engine_destroy(e);
        if (!failed)
            break;
    } while (nth < 10000);
    assert_true(refused > 20 && nth < 10000);
    print_message("%u allocations, %u refusals\n", nth - 1, refused);
}

static void calls_fail_cleanly(void **state)
{
    (void)state;
    plm_room_id a, b;
    struct plm_transport_params params = {.n_media = 1};
    struct plm_view view = {.n_items = 1};
    struct plm_pin pins[2] = {{.media = 1}, {.media = 2}};
    EACH_ALLOC_FAILS(plm_engine_room_open(engine, NULL, &a), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_room_open(engine, NULL, &b), PLM_ENOMEM);
    struct plm_transport_open open = {.room = a, .participant = 1};
    EACH_ALLOC_FAILS(plm_engine_transport_open(engine, &open, &local), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_transport_describe(engine, local.id, &params), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_transport_view(engine, local.id, &view), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_transport_pin(engine, local.id, pins, 2), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_transport_mute(engine, local.id, PLM_SOURCE_CAMERA, true), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_transport_move(engine, local.id, b, 2), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_stats(engine, PLM_STATS_ALL, 0, on_stats, NULL), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_feed(engine, 0, -1), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_engine_transport_close(engine, local.id), PLM_ENOMEM);
    plm_engine_dispatch(engine);
    assert_int_equal(closed, 1);

    /* failed opens have used nothing up: there is room for as many as the limit says */
    open.room = b;
    for (int i = 0; i < 4; i++)
        assert_int_equal(plm_engine_transport_open(engine, &open, &local), 0);
    assert_int_equal(plm_engine_transport_open(engine, &open, &local), PLM_ELIMIT);
    EACH_ALLOC_FAILS(plm_engine_room_close(engine, b), PLM_ENOMEM);
    plm_engine_dispatch(engine);
    assert_int_equal(closed, 5);
    assert_int_equal(plm_engine_room_close(engine, a), 0);
}

/** A worker claims a transport that it then has no memory for: the application hears of its end all the same, and may go on. */
static void a_worker_without_memory_says_so(void **state)
{
    (void)state;
    plm_room_id room;
    struct plm_addr to;
    struct stun_client c;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(plm_engine_room_open(engine, NULL, &room), 0);
    assert_int_equal(plm_engine_candidates(engine, &to, 1), 1);
    struct plm_transport_open open = {.room = room, .participant = 1};
    for (int memory = 0; memory <= 1; memory++) {
        assert_int_equal(plm_engine_transport_open(engine, &open, &local), 0);
        alloc_fail_size = memory ? 0 : sizeof(struct plm_transport);
        stun_client_init(&c);
        assert_true(stun_client_send(&c, fd, &to, &local));
        assert_int_equal(stun_client_wait(&c, fd, &to, &local, memory ? 2000 : 100), memory);
        for (int i = 0; i < 100 && !memory && !closed; i++) {
            struct pollfd p = {.fd = plm_engine_fd(engine), .events = POLLIN};
            assert_int_equal(poll(&p, 1, 5000), 1);
            plm_engine_dispatch(engine);
        }
        assert_int_equal(closed, 1);
        assert_int_equal(last_reason, PLM_CLOSE_RESOURCES);
    }
    close(fd);
}

static void zeroes(void *arg, void *buf, size_t len)
{
    (void)arg;
    memset(buf, 0, len);
}

static void parts_fail_cleanly(void **state)
{
    (void)state;
    struct plm_ring *ring;
    struct plm_registry *registry;
    struct plm_udp_paths paths;
    struct plm_udp_reader *reader;
    struct plm_udp_sender *sender;
    struct plm_feed *feed;
    EACH_ALLOC_FAILS(plm_feed_create(&feed, PLM_FEED_MIN_SIZE), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_ring_create(&ring, 4096), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_registry_create(&registry, 16, zeroes, NULL), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_udp_reader_create(&reader, &paths), PLM_ENOMEM);
    EACH_ALLOC_FAILS(plm_udp_sender_create(&sender, NULL, 0, &paths, true), PLM_ENOMEM);
    plm_feed_destroy(feed);
    plm_ring_destroy(ring);
    plm_registry_destroy(registry);
    plm_udp_reader_destroy(reader);
    plm_udp_sender_destroy(sender);
}

static void notes_that_do_not_fit_are_counted(void **state)
{
    (void)state;
    struct plm_outbox box;
    struct plm_note *notes = NULL, note = {.type = PLM_NOTE_STATS};
    size_t cap = 0;
    assert_int_equal(plm_outbox_init(&box), 0);
    note.report = calloc(1, sizeof *note.report);
    fail_nth_alloc(1);
    plm_outbox_post(&box, &note); /* the report is freed with it */
    fail_nth_alloc(0);
    assert_int_equal(plm_outbox_lost(&box), 1);
    assert_int_equal(plm_outbox_take(&box, &notes, &cap), 0);
    plm_outbox_destroy(&box);
    free(notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_fails_cleanly),
        cmocka_unit_test_setup_teardown(calls_fail_cleanly, setup, teardown),
        cmocka_unit_test_setup_teardown(a_worker_without_memory_says_so, setup, teardown),
        cmocka_unit_test(parts_fail_cleanly),
        cmocka_unit_test(notes_that_do_not_fit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
