#include "records.h"
#include "room.h"
#include "state.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

static struct plm_room_ref ref_of(const char *asked)
{
    struct plm_room_ref ref;
    struct plm_refusal why;
    assert_int_equal(plm_room_ref_read(&ref, asked, &why), 0);
    return ref;
}

static struct plm_record *make(struct world *w, const char *name)
{
    struct plm_room_ref ref = ref_of(name);
    struct plm_record *r = NULL;
    struct plm_refusal why;
    assert_int_equal(plm_record_create(&r, w->hub, &ref, &why), 0);
    return r;
}

static void test_refs(void **state)
{
    static const struct {
        const char *asked, *key, *code;
    } rows[] = {
        {"Standup", "standup", ""},
        {"  Standup  ", "standup", ""},
        {"0010002003", "", "001-0002-003"},
        {"001-0002-003", "", "001-0002-003"},
        {" 001 0002 003 ", "", "001-0002-003"},
        {"0-0-1-0-0-0-2-0-0-3", "", "001-0002-003"},
        {"001000200", "001000200", ""},
        {"00100020034", "00100020034", ""},
        {"001-0002-00x", "001-0002-00x", ""},
        {"--", "--", ""},
    };
    struct plm_room_ref ref;
    struct plm_refusal why;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ref = ref_of(rows[i].asked);
        assert_string_equal(ref.key, rows[i].key);
        assert_string_equal(ref.code, rows[i].code);
    }
    assert_int_equal(plm_room_ref_read(&ref, "a/b", &why), PLM_EINVAL);
    assert_int_equal(why.code, PLM_MSG_error_code_bad_message);
    assert_int_equal(plm_room_ref_read(&ref, "   ", &why), PLM_EINVAL);
}

static void test_find(void **state)
{
    struct world *w = world_create(NULL);
    struct plm_record *r = make(w, "Standup");
    struct plm_room_ref by_name = ref_of("STANDUP"), by_code = ref_of(r->value.code), other = ref_of("other");
    (void)state;
    assert_ptr_equal(plm_record_find(w->hub, &by_name), r);
    assert_ptr_equal(plm_record_find(w->hub, &by_code), r);
    assert_null(plm_record_find(w->hub, &other));
    assert_int_equal(strlen(r->value.code), 12);
    assert_string_equal(r->value.name, "Standup");
    assert_true(r->value.settings.may_chat);
    world_destroy(w);
}

/* Too many: the one that is unused for longest goes, but none that meets, lasts or is somebody's. */
static void test_cap(void **state)
{
    struct plm_hub_config config = {.max_records = 3};
    struct world *w = world_create(&config);
    struct plm_record *lasting = make(w, "a"), *owned = make(w, "b");
    struct plm_refusal why;
    struct plm_room_ref ref;
    (void)state;
    lasting->value.lasting = true;
    plm_record_put(lasting);
    snprintf(owned->value.owner_digest, sizeof owned->value.owner_digest, "%064d", 1);
    plm_record_put(owned);
    make(w, "c");
    struct plm_record *d = make(w, "d"); /* in place of c */
    snprintf(d->value.password_hash, sizeof d->value.password_hash, "#x");
    ref = ref_of("c");
    assert_null(plm_record_find(w->hub, &ref));
    w->hub->config.max_records = 4;
    make(w, "c");
    d->value.used_at = 0;
    make(w, "x"); /* not in place of d, which somebody arranged, though it is older */
    assert_null(plm_record_find(w->hub, &ref));
    ref = ref_of("d");
    assert_ptr_equal(plm_record_find(w->hub, &ref), d);
    ref = ref_of("x");
    plm_record_forget(plm_record_find(w->hub, &ref));
    w->hub->config.max_records = 3;
    d->value.password_hash[0] = 0;
    struct peer *p = peer_create(w);
    plm_msg_free(peer_join(p, "d", "Ada"));
    assert_non_null(d->meeting);
    ref = ref_of("e");
    struct plm_record *none;
    assert_int_equal(plm_record_create(&none, w->hub, &ref, &why), PLM_EINVAL);
    assert_int_equal(why.code, PLM_MSG_error_code_full);
    struct plm_hub_counters n;
    plm_hub_counters(w->hub, &n);
    assert_int_equal(n.limits[PLM_HUB_LIMIT_RECORDS], 1);
    peer_destroy(p);
    world_destroy(w);
}

static void test_forget(void **state)
{
    struct plm_hub_config config = {.forget_days = 2};
    struct world *w = world_create(&config);
    struct plm_room_ref kept = ref_of("kept"), gone = ref_of("gone");
    const uint64_t day = 24 * 3600 * 1000;
    (void)state;
    make(w, "gone");
    make(w, "kept");
    w->now += day;
    struct peer *p = peer_create(w);
    plm_msg_free(peer_join(p, "kept", "Ada"));
    peer_say(p, "{\"type\":\"leave\",\"id\":9}");
    peer_destroy(p);
    world_pass(w, 3600 * 1000); /* the meeting ends */
    world_pass(w, day);
    assert_null(plm_record_find(w->hub, &gone));
    assert_non_null(plm_record_find(w->hub, &kept));
    world_pass(w, 2 * day);
    assert_null(plm_record_find(w->hub, &kept));
    world_destroy(w);
}

static void fill(struct plm_room_record *r)
{
    memset(r, 0, sizeof *r);
    plm_room_settings_default(&r->settings);
    snprintf(r->key, sizeof r->key, "standup \"x\"");
    snprintf(r->name, sizeof r->name, "Standup \"X\"");
    snprintf(r->code, sizeof r->code, "123-4567-890");
    snprintf(r->settings.title, sizeof r->settings.title, "Täglich");
    snprintf(r->password_hash, sizeof r->password_hash, "$argon2id$v=19$x");
    snprintf(r->owner_digest, sizeof r->owner_digest, "%064d", 7);
    r->settings.lobby = r->settings.organised = r->settings.start_muted = true;
    r->settings.may_share = r->settings.sounds = false;
    r->settings.max_participants = 12;
    r->settings.max_minutes = 1440;
    r->codecs[0] = PLM_CODEC_OPUS;
    r->codecs[1] = PLM_CODEC_AV1;
    r->lasting = true;
    r->created_at = 1764000000000u;
    r->used_at = 1764000000001u;
}

static void test_document(void **state)
{
    struct plm_room_record in, out;
    (void)state;
    fill(&in);
    struct plm_text *t = plm_record_write(&in);
    assert_non_null(t);
    char *exact = malloc(t->len);
    memcpy(exact, t->data, t->len);
    assert_int_equal(plm_record_read(&out, exact, t->len), 0);
    assert_memory_equal(&in, &out, sizeof in);
    for (size_t len = 0; len < t->len; len++) /* cut anywhere it is no document */
        assert_int_equal(plm_record_read(&out, exact, len), PLM_EINVAL);
    free(exact);
    plm_text_unref(t);
}

static void test_bad_documents(void **state)
{
    static const char *const changes[][2] = {
        {"\"key\":\"standup", "\"key\":7,\"x\":\"standup"},
        {"123-4567-890", "123-4567-89x"},
        {"123-4567-890", "1234567890"},
        {"123-4567-890", "123-4567-8901"},
        {"\"AV1\"", "\"AV7\""},
        {"\"AV1\"", "17"},
        {"\"max_minutes\":1440", "\"max_minutes\":1441"},
        {"\"max_participants\":12", "\"max_participants\":-1"},
        {"\"lasting\":true", "\"lasting\":true,\"lasting\":true"},
        {"[\"opus\"", "[\"opus\",\"opus\",\"opus\",\"opus\",\"opus\",\"opus\""},
    };
    struct plm_room_record r;
    (void)state;
    fill(&r);
    struct plm_text *t = plm_record_write(&r);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char text[4096];
        const char *at = strstr(t->data, changes[i][0]);
        assert_non_null(at);
        int n = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - t->data), t->data, changes[i][1],
            at + strlen(changes[i][0]));
        if (plm_record_read(&r, text, (size_t)n) != PLM_EINVAL)
            fail_msg("taken: %s", text);
    }
    plm_text_unref(t);
}

static void test_restore(void **state)
{
    struct world *w = world_create(NULL);
    struct plm_room_record r;
    (void)state;
    fill(&r);
    struct plm_text *t = plm_record_write(&r);
    assert_int_equal(plm_record_restore(w->hub, r.key, t->data, t->len), 0);
    assert_int_equal(plm_record_restore(w->hub, r.key, t->data, t->len), PLM_EINVAL); /* twice */
    assert_int_equal(
        plm_record_restore(w->hub, "other", t->data, t->len), PLM_EINVAL); /* not under this key */
    plm_records_restored(w->hub);
    struct plm_room_ref ref = ref_of("1234567890");
    struct plm_record *found = plm_record_find(w->hub, &ref);
    assert_non_null(found);
    assert_string_equal(found->value.key, r.key);
    plm_text_unref(t);
    world_destroy(w);
}

/* One field takes a name or a number, and the reply tells both. */
static void test_join_by_number(void **state)
{
    struct world *w = world_create(NULL);
    struct peer *a = peer_create(w), *b = peer_create(w), *c = peer_create(w);
    (void)state;
    struct plm_msg *joined = peer_join(a, "Standup", "Ada");
    assert_non_null(joined->joined.room.code);
    char number[16], spaced[24];
    snprintf(number, sizeof number, "%s", joined->joined.room.code);
    assert_false(joined->joined.room.has_password);
    assert_false(joined->joined.room.has_ends_at);
    assert_true(joined->joined.room.settings.has_lobby && !joined->joined.room.settings.lobby);
    plm_msg_free(joined);
    snprintf(spaced, sizeof spaced, " %.3s %.4s %.3s ", number, number + 4, number + 9);
    joined = peer_join(b, spaced, "Bob");
    assert_non_null(joined);
    assert_string_equal(joined->joined.room.name, "Standup");
    assert_int_equal(joined->joined.n_participants, 2);
    plm_msg_free(joined);
    number[11] = number[11] == '0' ? '1' : '0';
    assert_null(peer_join(c, number, "Cy")); /* no room has it: nothing is made of a number */
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refs), cmocka_unit_test(test_find),
        cmocka_unit_test(test_cap), cmocka_unit_test(test_forget), cmocka_unit_test(test_document),
        cmocka_unit_test(test_bad_documents), cmocka_unit_test(test_restore),
        cmocka_unit_test(test_join_by_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
