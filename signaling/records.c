#include "records.h"

#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_DIGITS 10
#define CODE_TRIES  100 /* numbers drawn before all seem taken */
#define DAY_MS      (24ull * 3600 * 1000)

/* ---- names and numbers ---- */

static void write_code(char out[PLM_ROOM_CODE_SIZE], const char digits[CODE_DIGITS])
{
    snprintf(out, PLM_ROOM_CODE_SIZE, "%.3s-%.4s-%.3s", digits, digits + 3, digits + 7);
}

/* Ten digits, with spaces and dashes anywhere. */
static bool read_code(char out[PLM_ROOM_CODE_SIZE], const char *text)
{
    char digits[CODE_DIGITS];
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        if (*text < '0' || *text > '9' || n == CODE_DIGITS)
            return false;
        digits[n++] = *text;
    }
    if (n < CODE_DIGITS)
        return false;
    write_code(out, digits);
    return true;
}

static void fold(char *key, const char *name)
{
    size_t i = 0;
    for (; name[i]; i++)
        key[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    key[i] = 0;
}

int plm_room_ref_read(struct plm_room_ref *out, const char *asked, struct plm_refusal *why)
{
    *out = (struct plm_room_ref){0};
    char clean[PLM_NAME_SIZE];
    int err = plm_name_clean(clean, asked, "room", why);
    if (err)
        return err;
    if (strchr(clean, '/'))
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "room", "must not hold '/'");
    if (read_code(out->code, clean))
        return 0;
    memcpy(out->name, clean, sizeof clean);
    fold(out->key, clean);
    return 0;
}

struct plm_record *plm_record_find(struct plm_hub *hub, const struct plm_room_ref *ref)
{
    struct plm_record *r;
    if (*ref->code)
        HASH_FIND(hh_code, hub->records_by_code, ref->code, strlen(ref->code), r);
    else
        HASH_FIND(hh, hub->records, ref->key, strlen(ref->key), r);
    return r;
}

/* A number that no room has. @return false: no luck */
static bool draw_code(struct plm_hub *hub, char out[PLM_ROOM_CODE_SIZE])
{
    for (int i = 0; i < CODE_TRIES; i++) {
        char digits[CODE_DIGITS + 1];
        uint64_t n;
        struct plm_record *taken;
        hub->host.random(hub->host.ctx, &n, sizeof n);
        snprintf(digits, sizeof digits, "%010llu", (unsigned long long)(n % 10000000000u));
        write_code(out, digits);
        HASH_FIND(hh_code, hub->records_by_code, out, strlen(out), taken);
        if (!taken)
            return true;
    }
    return false;
}

/* ---- life ---- */

static bool may_be_forgotten(const struct plm_record *r)
{
    return !r->value.lasting && !plm_record_is_owned(r);
}

static void unlist(struct plm_record *r)
{
    if (r->listed)
        DL_DELETE(r->hub->idle_records, r);
    r->listed = false;
}

/* Those that may be forgotten, by time of use. */
static void list(struct plm_record *r)
{
    unlist(r);
    if (r->meeting || !may_be_forgotten(r))
        return;
    DL_APPEND(r->hub->idle_records, r);
    r->listed = true;
}

static void destroy(struct plm_record *r)
{
    struct plm_hub *hub = r->hub;
    unlist(r);
    if (r->hh.tbl)
        HASH_DELETE(hh, hub->records, r);
    if (r->hh_code.tbl)
        HASH_DELETE(hh_code, hub->records_by_code, r);
    free(r);
}

static int add(struct plm_record *r)
{
    struct plm_hub *hub = r->hub;
    HASH_ADD_KEYPTR(hh, hub->records, r->value.key, strlen(r->value.key), r);
    if (r->hh.tbl)
        HASH_ADD_KEYPTR(hh_code, hub->records_by_code, r->value.code, strlen(r->value.code), r);
    if (!r->hh_code.tbl) {
        destroy(r);
        return PLM_ENOMEM;
    }
    list(r);
    return 0;
}

/* Nobody gave it rules or a password: little is lost with it. */
static bool is_plain(const struct plm_record *r)
{
    struct plm_room_settings plain;
    const struct plm_room_settings *s = &r->value.settings;
    plm_room_settings_default(&plain);
    plain.lobby = r->hub->config.lobby;
    return !*r->value.password_hash && !*s->title && s->lobby == plain.lobby &&
           s->organised == plain.organised && s->max_participants == plain.max_participants &&
           s->max_minutes == plain.max_minutes && s->start_muted == plain.start_muted &&
           s->start_camera_off == plain.start_camera_off && s->may_speak == plain.may_speak &&
           s->may_show == plain.may_show && s->may_share == plain.may_share &&
           s->may_chat == plain.may_chat && s->may_whisper == plain.may_whisper &&
           s->sounds == plain.sounds && s->may_record == plain.may_record &&
           s->auto_record == plain.auto_record;
}

/* Names that somebody only tried go before rooms that somebody arranged. */
static bool make_space(struct plm_hub *hub)
{
    struct plm_record *r;
    if (HASH_COUNT(hub->records) < hub->config.max_records)
        return true;
    if (!hub->idle_records)
        return false;
    DL_FOREACH (hub->idle_records, r)
        if (is_plain(r))
            break;
    plm_record_forget(r ? r : hub->idle_records);
    return true;
}

int plm_record_create(
    struct plm_record **out, struct plm_hub *hub, const struct plm_room_ref *ref, struct plm_refusal *why)
{
    if (!make_space(hub))
        return plm_hub_refuse_full(hub, why, PLM_HUB_LIMIT_RECORDS, "the server knows too many rooms");
    struct plm_record *r = calloc(1, sizeof *r);
    if (!r)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    r->hub = hub;
    memcpy(r->value.key, ref->key, sizeof r->value.key);
    memcpy(r->value.name, ref->name, sizeof r->value.name);
    plm_room_settings_default(&r->value.settings);
    r->value.settings.lobby = hub->config.lobby;
    r->value.created_at = r->value.used_at = hub->host.wall_ms(hub->host.ctx);
    if (!draw_code(hub, r->value.code)) {
        free(r);
        return plm_hub_refuse_full(hub, why, PLM_HUB_LIMIT_RECORDS, "no number is left for another room");
    }
    if (add(r))
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    plm_record_put(r);
    *out = r;
    return 0;
}

void plm_record_use(struct plm_record *r, struct plm_room *meeting)
{
    r->meeting = meeting;
    r->value.used_at = r->hub->host.wall_ms(r->hub->host.ctx);
    list(r);
    plm_record_put(r);
}

void plm_record_put(struct plm_record *r)
{
    const struct plm_store_port *store = &r->hub->store;
    if (r->listed != (!r->meeting && may_be_forgotten(r)))
        list(r); /* it became lasting, or is so no longer */
    struct plm_text *document = store->put ? plm_record_write(&r->value) : NULL;
    if (document)
        store->put(store->ctx, PLM_STORE_ROOM, r->value.key, document);
    plm_text_unref(document);
}

void plm_record_forget(struct plm_record *r)
{
    const struct plm_store_port *store = &r->hub->store;
    if (store->drop)
        store->drop(store->ctx, PLM_STORE_ROOM, r->value.key);
    destroy(r);
}

bool plm_record_is_owned(const struct plm_record *r)
{
    return *r->value.owner_digest != 0;
}

void plm_records_poll(struct plm_hub *hub)
{
    uint64_t now = hub->host.wall_ms(hub->host.ctx), kept = hub->config.forget_days * DAY_MS;
    while (hub->idle_records && hub->idle_records->value.used_at + kept <= now)
        plm_record_forget(hub->idle_records);
}

void plm_records_clear(struct plm_hub *hub)
{
    struct plm_record *r, *next;
    HASH_ITER (hh, hub->records, r, next)
        destroy(r);
}

/* ---- from the store ---- */

int plm_record_restore(struct plm_hub *hub, const char *key, const char *document, size_t len)
{
    struct plm_record *known;
    if (HASH_COUNT(hub->records) >= hub->config.max_records)
        return PLM_ELIMIT;
    struct plm_record *r = calloc(1, sizeof *r);
    if (!r)
        return PLM_ENOMEM;
    r->hub = hub;
    int err = plm_record_read(&r->value, document, len);
    if (!err && strcmp(r->value.key, key) != 0)
        err = PLM_EINVAL;
    if (!err) {
        HASH_FIND(hh, hub->records, key, strlen(key), known);
        if (!known)
            HASH_FIND(hh_code, hub->records_by_code, r->value.code, strlen(r->value.code), known);
        err = known ? PLM_EINVAL : 0;
    }
    if (err) {
        free(r);
        return err;
    }
    return add(r);
}

static int by_use(const struct plm_record *a, const struct plm_record *b)
{
    return a->value.used_at < b->value.used_at ? -1 : a->value.used_at > b->value.used_at;
}

void plm_records_restored(struct plm_hub *hub)
{
    DL_SORT(hub->idle_records, by_use);
}
