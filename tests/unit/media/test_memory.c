/*
 * What a connection holds that does nothing: the heap's own account of the worker's part, security left out. A figure that grows
 * tells of a struct that grew.
 */
#include "worker_world.h"

#include <malloc.h>

enum {
    CONNECTIONS = 25,
    PARTICIPANT_MAX = 100 * 1000, /* both connections of a participant */
};

static void describe_publisher(struct plm_transport_params *params)
{
    static const enum plm_source sources[] = {
        PLM_SOURCE_MICROPHONE, PLM_SOURCE_CAMERA, PLM_SOURCE_SCREEN, PLM_SOURCE_SCREEN_AUDIO};
    *params = (struct plm_transport_params){.exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_TWCC] = 3}};
    for (unsigned i = 0; i < 4; i++) {
        struct plm_media_params *m = &params->media[params->n_media++];
        video(m, "0");
        m->direction = PLM_DIR_RECV;
        m->source = sources[i];
        m->kind = plm_source_kind(sources[i]);
        m->n_rids = sources[i] == PLM_SOURCE_CAMERA ? 3 : sources[i] == PLM_SOURCE_SCREEN ? 2 : 0;
    }
}

/* Nine pairs, three voices, a screen. */
static void describe_receiver(struct plm_transport_params *params)
{
    *params = (struct plm_transport_params){.exts.id = {[PLM_EXT_TWCC] = 5}};
    for (unsigned i = 0; i < 23; i++) {
        struct plm_media_params *m = &params->media[params->n_media++];
        video(m, "0");
        m->direction = PLM_DIR_SEND;
        m->kind = i % 2 ? PLM_KIND_VIDEO : PLM_KIND_AUDIO;
        m->ssrc = 7000 + i;
        m->pair = (uint8_t)(i / 2);
    }
}

static size_t heap_in_use(void)
{
    return mallinfo2().uordblks;
}

/* Prepared, described and claimed by its first check. */
static void open_transport(struct world *w, const struct plm_transport_params *params, unsigned n)
{
    struct plm_transport_plan *plan = calloc(1, sizeof *plan);
    struct plm_transport_local local;
    struct plm_addr addr;
    uint8_t check[256];
    char text[PLM_ADDR_TEXT];
    plan->id = ++w->next_id;
    plan->room = 1;
    plan->participant = n;
    plan->opened_us = w->now;
    plan->params = plm_transport_params_dup(params);
    assert_int_equal(plm_registry_add(w->registry, plan, &local), 0);
    snprintf(text, sizeof text, "192.0.2.1:%u", 4000 + n);
    assert_int_equal(plm_addr_parse(&addr, text), 0);
    put_on_wire(w, check, make_check(&local, true, check), &addr, true);
    deliver(w);
}

static size_t cost(struct world *w, void (*describe)(struct plm_transport_params *))
{
    static unsigned n;
    struct plm_transport_params *params = malloc(sizeof *params);
    describe(params);
    open_transport(w, params, ++n); /* the room, first sizes of tables */
    size_t before = heap_in_use();
    for (unsigned i = 0; i < CONNECTIONS; i++)
        open_transport(w, params, ++n);
    size_t each = (heap_in_use() - before) / CONNECTIONS;
    free(params);
    return each;
}

static void an_idle_connection_is_small(void **state)
{
    size_t publish = cost(*state, describe_publisher);
    size_t receive = cost(*state, describe_receiver);
    print_message("publishing %zu octets, receiving %zu\n", publish, receive);
    assert_true(publish > 1000 && receive > 1000);
    assert_true(publish + receive < PARTICIPANT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_idle_connection_is_small, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
