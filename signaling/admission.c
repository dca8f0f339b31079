#include "admission.h"

#include "bans.h"
#include "digest.h"
#include "guess.h"
#include "lead.h"
#include "lobby.h"
#include "makers.h"
#include "recordings.h"
#include "roles.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CHECKS 64   /* passwords under way, of all sessions */
#define MAX_QUEUED 1024 /* that wait to be; 2 kB each */

/** A password that is hashed or compared, for a session. Owned by the hub until the result comes. */
struct plm_check {
    struct plm_check *prev, *next;
    uint64_t job;                /* 0: it is queued */
    struct plm_session *session; /* NULL: gone meanwhile */
    char source[48];             /* as guesses are counted by */
    uint32_t request;
    char key[PLM_NAME_SIZE];      /* of the room to be joined; "": of a number that no room has */
    char hash[PLM_HASH_SIZE];     /* compared with; "": one is made */
    char password[PLM_NAME_SIZE]; /* of one that is queued */
    struct plm_guest guest;       /* of a join */
    bool configures;
    struct plm_msg_settings settings; /* to be changed together with the password */
    char title[PLM_NAME_SIZE];
};

/* ---- guests ---- */

void plm_guest_init(struct plm_guest *g, const char *name, const char *source, const char *device)
{
    *g = (struct plm_guest){.role = PLM_MSG_role_speaker, .may_publish = true, .may_subscribe = true};
    memcpy(g->name, name, strlen(name) + 1);
    if (source)
        memcpy(g->source, source, strlen(source) + 1);
    if (device)
        memcpy(g->who.device, device, strlen(device) + 1);
}

static bool is_owners_key(const struct plm_record *record, const char *token)
{
    char digest[PLM_KEY_DIGEST_SIZE];
    plm_digest(digest, token);
    return record && plm_digest_equal(digest, record->value.owner_digest);
}

/* A token names its room as it likes: by name or by number. */
static bool is_for(const struct plm_grants *grants, const char *room, const struct plm_record *record)
{
    struct plm_room_ref ref;
    struct plm_refusal unused;
    if (!*grants->room)
        return true;
    if (plm_room_ref_read(&ref, grants->room, &unused))
        return false;
    if (*ref.code)
        return record && !strcmp(ref.code, record->value.code);
    struct plm_room_ref asked;
    return !strcmp(ref.key, record                                     ? record->value.key
                            : plm_room_ref_read(&asked, room, &unused) ? ""
                                                                       : asked.key);
}

static void take_grants(struct plm_guest *g, const struct plm_grants *grants)
{
    struct plm_refusal unused;
    char name[PLM_NAME_SIZE];
    g->trusted = true;
    g->role = grants->publish || plm_role_leads(grants->role) ? grants->role : PLM_MSG_role_viewer;
    g->may_publish = grants->publish;
    g->may_subscribe = grants->subscribe;
    g->skip_lobby = grants->skip_lobby;
    g->may_record = grants->record;
    g->who.expires_at = grants->expires_at;
    memcpy(g->who.identity, grants->identity, sizeof g->who.identity);
    memcpy(g->who.token_id, grants->token_id, sizeof g->who.token_id);
    if (*grants->name && !plm_name_clean(name, grants->name, "token", &unused))
        memcpy(g->name, name, sizeof name);
}

int plm_guest_show_token(struct plm_hub *hub, struct plm_guest *g, const char *token, const char *room,
    struct plm_record *record, struct plm_refusal *why)
{
    struct plm_grants grants = {0};
    if (is_owners_key(record, token)) {
        g->trusted = true;
        g->role = PLM_MSG_role_owner;
        return 0;
    }
    const char *name = record ? record->value.name : room;
    int err = PLM_EINVAL;
    if (hub->host.check_token && plm_guess_may_show(hub, g->source))
        err = hub->host.check_token(hub->host.ctx, token, name, &grants);
    if (!err && is_for(&grants, room, record)) {
        take_grants(g, &grants);
        return 0;
    }
    return plm_guess_refuse_token(hub, g->source, record, err == PLM_ESTATE, why);
}

/* ---- the rules ---- */

/* The name is new. */
static int make_room(struct plm_record **out, struct plm_hub *hub, const struct plm_room_ref *ref,
    const struct plm_guest *g, struct plm_refusal *why)
{
    int err = g->trusted ? 0 : plm_maker_take(hub, g->source, why);
    return err ? err : plm_record_create(out, hub, ref, why);
}

static bool leads(const struct plm_guest *g)
{
    return g->trusted && plm_role_leads(g->role);
}

/* In a room that is nobody's, who comes while nobody leads will: with a lobby only when nobody is in who was let in. */
static bool would_lead(const struct plm_record *record, const struct plm_guest *g)
{
    struct plm_room *room = record->meeting;
    if (g->trusted || plm_record_is_owned(record))
        return false;
    return !room ||
           (!plm_room_has_leader(room) && !(record->value.settings.lobby && plm_room_is_attended(room)));
}

uint32_t plm_admission_cap(const struct plm_record *record)
{
    uint32_t cap = record->value.settings.max_participants, most = record->hub->config.max_participants;
    return cap && cap < most ? cap : most;
}

static int refuse_banned(struct plm_refusal *why)
{
    return plm_refuse(why, PLM_MSG_error_code_banned, "", "removed from this room");
}

int plm_admission_decide(const struct plm_record *record, const struct plm_guest *g, enum plm_verdict *out,
    struct plm_refusal *why)
{
    const struct plm_room_settings *rules = &record->value.settings;
    const struct plm_room *room = record->meeting;
    if (plm_ban_holds(record->hub, record->value.key, &g->who))
        return refuse_banned(why);
    if (rules->locked && !leads(g))
        return plm_refuse(why, PLM_MSG_error_code_locked, "", "the room is locked");
    *out = PLM_COME_IN;
    if (rules->organised && !(room && room->started) && !leads(g) && !would_lead(record, g))
        *out = PLM_WAIT_START;
    else if (rules->lobby && !leads(g) && !g->skip_lobby && !would_lead(record, g))
        *out = PLM_WAIT_LOBBY;
    if (*out == PLM_COME_IN && room && !g->watches && plm_room_population(room) >= plm_admission_cap(record))
        return plm_hub_refuse_full(record->hub, why, PLM_HUB_LIMIT_PARTICIPANTS, "the meeting is full");
    return 0;
}

void plm_admission_welcome(struct plm_member *m, uint32_t request)
{
    if (m->session) {
        m->session->member = m;
        m->session->state = PLM_SESSION_JOINED;
    }
    plm_member_announce(m);
    if (m->session)
        plm_member_send_joined(m, request, false);
    else
        plm_member_detach(m);
    plm_lobby_show(m);
    plm_recording_reconsider(plm_room_main(m->room));
}

int plm_admission_enter(struct plm_room *room, const struct plm_guest *g, struct plm_session *session,
    uint32_t request, struct plm_refusal *why)
{
    struct plm_member *member;
    int err = plm_member_create(&member, room, g, session, NULL, why);
    if (!err)
        plm_admission_welcome(member, request);
    return err;
}

static int admit(struct plm_session *s, struct plm_record *record, const struct plm_guest *g,
    uint32_t request, struct plm_refusal *why)
{
    enum plm_verdict verdict;
    struct plm_room *room;
    int err = plm_admission_decide(record, g, &verdict, why);
    if (!err)
        err = plm_room_enter(&room, record, why);
    if (err)
        return err;
    if (verdict == PLM_COME_IN)
        return plm_admission_enter(room, g, s, request, why);
    err = plm_lobby_wait(room, g, s, request,
        verdict == PLM_WAIT_START ? PLM_MSG_wait_reason_not_started : PLM_MSG_wait_reason_lobby, why);
    if (!err && !g->trusted)
        plm_room_succeed(room); /* somebody has to be there who can let them in */
    return err;
}

/* ---- passwords under way ---- */

static unsigned count(const struct plm_check *list, const char *source)
{
    unsigned n = 0;
    const struct plm_check *c;
    DL_FOREACH (list, c)
        n += !source || (*source && !strcmp(source, c->source));
    return n;
}

static int refuse_busy(struct plm_hub *hub, struct plm_refusal *why)
{
    hub->counters.limits[PLM_HUB_LIMIT_PASSWORDS]++;
    return plm_refuse(why, PLM_MSG_error_code_too_fast, "password", "too many passwords at a time; wait");
}

static void free_check(struct plm_check *c)
{
    explicit_bzero(c->password, sizeof c->password);
    free(c);
}

static bool may_begin(const struct plm_hub *hub, const struct plm_check *c)
{
    return count(hub->checks, NULL) < MAX_CHECKS && count(hub->checks, c->source) < PLM_GUESS_JOBS;
}

/* A class comes at once behind one address. Who guesses would only be told sooner what is wrong. */
static bool may_queue(struct plm_hub *hub, const struct plm_check *c)
{
    unsigned mine = count(hub->checks, c->source) + count(hub->queued_checks, c->source);
    return !plm_guess_is_known(hub, c->source) && mine < PLM_GUESS_QUEUE &&
           count(hub->queued_checks, NULL) < MAX_QUEUED;
}

/* Give it to the host. @return 0, or negative with why; then c is still the caller's */
static int begin(struct plm_hub *hub, struct plm_check *c, const char *password, struct plm_refusal *why)
{
    uint64_t job = ++hub->last_job;
    int err = hub->host.password(hub->host.ctx, job, password, *c->hash ? c->hash : NULL);
    if (err == PLM_ELIMIT)
        return refuse_busy(hub, why);
    if (err)
        return plm_refuse(why, PLM_MSG_error_code_internal, "password", "no passwords here");
    c->job = job;
    DL_APPEND(hub->checks, c);
    return 0;
}

/* Give it to the host, or let it wait until its source has fewer under way. c is owned by the hub from here, or freed. */
static int check(struct plm_session *s, struct plm_check *c, const char *password, struct plm_refusal *why)
{
    struct plm_hub *hub = s->hub;
    int err;
    c->session = s;
    plm_guess_source(c->source, s->out.source);
    if (!hub->host.password) {
        err = plm_refuse(why, PLM_MSG_error_code_internal, "password", "no passwords here");
    } else if (may_begin(hub, c)) {
        err = begin(hub, c, password, why);
    } else if (may_queue(hub, c)) {
        memcpy(c->password, password, strlen(password) + 1);
        DL_APPEND(hub->queued_checks, c);
        err = 0;
    } else {
        err = refuse_busy(hub, why);
    }
    if (err)
        free_check(c);
    else
        s->check = c;
    return err;
}

/* A number that no room has takes as long and gets the same answer as a wrong password: one is hashed. */
static int check_join(struct plm_session *s, const struct plm_record *record, const struct plm_guest *g,
    const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_check *c = calloc(1, sizeof *c);
    if (!c)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    c->request = m->id;
    c->guest = *g;
    if (record) {
        memcpy(c->key, record->value.key, sizeof c->key);
        memcpy(c->hash, record->value.password_hash, sizeof c->hash);
    }
    int err = check(s, c, m->join.password, why);
    if (!err)
        s->state = PLM_SESSION_CHECKING;
    return err;
}

void plm_admission_forget(struct plm_session *s)
{
    struct plm_check *c = s->check;
    s->check = NULL;
    if (!c)
        return;
    c->session = NULL; /* one under way counts against its source until the result comes */
    if (c->job)
        return;
    DL_DELETE(s->hub->queued_checks, c);
    free_check(c);
}

static void clear_checks(struct plm_check **list)
{
    struct plm_check *c, *next;
    DL_FOREACH_SAFE (*list, c, next) {
        if (c->session)
            c->session->check = NULL;
        DL_DELETE(*list, c);
        free_check(c);
    }
}

void plm_admission_clear(struct plm_hub *hub)
{
    clear_checks(&hub->checks);
    clear_checks(&hub->queued_checks);
}

static int refuse_password(struct plm_refusal *why)
{
    return plm_refuse(
        why, PLM_MSG_error_code_password, "password", "a password is needed, or this one is wrong");
}

static struct plm_record *record_of(struct plm_hub *hub, const char *key)
{
    struct plm_room_ref ref = {0};
    memcpy(ref.key, key, strlen(key) + 1);
    return *key ? plm_record_find(hub, &ref) : NULL;
}

/* What was decided before may be otherwise by now: all is looked at again. */
static void on_checked_join(struct plm_session *s, const struct plm_check *c, bool ok)
{
    struct plm_hub *hub = s->hub;
    struct plm_refusal why = {0};
    struct plm_record *record = record_of(hub, c->key);
    bool same = record && !strcmp(record->value.password_hash, c->hash);
    int err = 0;
    s->state = PLM_SESSION_OPEN;
    if (record && plm_ban_holds(hub, record->value.key, &c->guest.who))
        err = refuse_banned(&why);
    else if (!ok || !same)
        err = refuse_password(&why);
    else
        err = admit(s, record, &c->guest, c->request, &why);
    if (err)
        plm_session_refuse(s, true, c->request, &why);
}

static void on_hashed(struct plm_session *s, const struct plm_check *c, const char *hash)
{
    struct plm_refusal why = {0};
    struct plm_msg_settings settings = c->settings;
    settings.title = settings.title ? c->title : NULL;
    if (!s->member || !plm_role_may(s->member->role, PLM_MSG_configure))
        plm_refuse(&why, PLM_MSG_error_code_forbidden, "", "no longer");
    else if (!hash || strlen(hash) >= PLM_HASH_SIZE)
        plm_refuse(&why, PLM_MSG_error_code_internal, "password", "the password could not be hashed");
    else {
        plm_lead_apply(plm_room_main(s->member->room)->record, &settings, hash);
        plm_session_done(s, c->request);
        return;
    }
    plm_session_refuse(s, true, c->request, &why);
}

/* What was decided when it was queued may be otherwise by now, as may be the password. */
static int begin_queued(struct plm_hub *hub, struct plm_check *c, struct plm_refusal *why)
{
    const struct plm_record *record = record_of(hub, c->key);
    int err = c->configures ? 0 : plm_guess_allowed(hub, c->source, record, why);
    if (!c->configures && record && *record->value.password_hash)
        memcpy(c->hash, record->value.password_hash, sizeof c->hash);
    if (!err)
        err = begin(hub, c, c->password, why);
    explicit_bzero(c->password, sizeof c->password);
    return err;
}

/* The first whose source has fewer under way now. NULL: none */
static struct plm_check *find_next(const struct plm_hub *hub)
{
    struct plm_check *c;
    DL_FOREACH (hub->queued_checks, c)
        if (may_begin(hub, c))
            return c;
    return NULL;
}

static void begin_next(struct plm_hub *hub)
{
    struct plm_refusal why;
    struct plm_check *c;
    while ((c = find_next(hub))) {
        struct plm_session *s = c->session;
        DL_DELETE(hub->queued_checks, c);
        if (!begin_queued(hub, c, &why))
            continue;
        s->check = NULL;
        s->state = c->configures ? s->state : PLM_SESSION_OPEN;
        plm_session_refuse(s, true, c->request, &why);
        free_check(c);
    }
}

void plm_hub_on_password(struct plm_hub *hub, uint64_t job, bool ok, const char *hash)
{
    struct plm_check *c;
    DL_SEARCH_SCALAR(hub->checks, c, job, job);
    if (!c)
        return;
    DL_DELETE(hub->checks, c);
    struct plm_session *s = c->session;
    if (s)
        s->check = NULL;
    if (!c->configures && (!ok || !*c->hash)) /* wrong, whether somebody waits for the answer or not */
        plm_guess_wrong(hub, c->source, record_of(hub, c->key));
    if (s && s->state != PLM_SESSION_CLOSED) {
        if (c->configures)
            on_hashed(s, c, hash);
        else
            on_checked_join(s, c, ok && *c->hash);
    }
    free_check(c);
    begin_next(hub);
    plm_hub_settle(hub);
}

int plm_admission_hash(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    if (s->check)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "password", "another password is under way");
    struct plm_check *c = calloc(1, sizeof *c);
    if (!c)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    c->configures = true;
    c->request = m->id;
    c->settings = m->configure.settings;
    if (m->configure.settings.title)
        memcpy(c->title, m->configure.settings.title, strlen(m->configure.settings.title) + 1);
    return check(s, c, m->configure.password, why);
}

/* ---- requests ---- */

int plm_admission_join(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_hub *hub = s->hub;
    const struct plm_msg_join *j = &m->join;
    struct plm_room_ref ref;
    struct plm_guest guest;
    int err = plm_room_ref_read(&ref, j->room, why);
    if (err)
        return err;
    struct plm_record *record = plm_record_find(hub, &ref);
    plm_guest_init(&guest, j->name, s->out.source, j->device);
    if (record && plm_ban_holds(hub, record->value.key, &guest.who))
        return refuse_banned(why);
    if (j->token)
        err = plm_guest_show_token(hub, &guest, j->token, j->room, record, why);
    else if (j->password || *ref.code)
        err = plm_guess_allowed(hub, s->out.source, record, why);
    if (!err && !record && !*ref.code)
        err = make_room(&record, hub, &ref, &guest, why);
    if (err)
        return err;
    if (record && plm_ban_holds(hub, record->value.key, &guest.who))
        return refuse_banned(why);
    if (record && (guest.trusted || !*record->value.password_hash))
        return admit(s, record, &guest, m->id, why);
    if (!record && guest.trusted)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "room", "no room has this number");
    if (j->password)
        return check_join(s, record, &guest, m, why);
    if (!record)
        plm_guess_wrong(hub, s->out.source, NULL);
    return refuse_password(why);
}

int plm_admission_resume(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_member *member = plm_member_find_secret(s->hub, m->resume.secret);
    struct plm_waiting *waiting = plm_lobby_find_secret(s->hub, m->resume.secret);
    if (waiting) {
        plm_lobby_attach(waiting, s, m->id);
        return 0;
    }
    if (!member)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "secret", "no such session; join again");
    plm_member_attach(member, s);
    s->member = member;
    s->state = PLM_SESSION_JOINED;
    plm_member_send_joined(member, m->id, true);
    plm_lobby_show(member);
    return 0;
}

/* ---- WHIP and WHEP ---- */

static int refuse_status(unsigned *out, unsigned status, struct plm_refusal *why, const char *text)
{
    *out = status;
    return plm_refuse(why, PLM_MSG_error_code_forbidden, "", "%s", text);
}

bool plm_admission_needs_token(const struct plm_record *record)
{
    const struct plm_room_settings *rules = &record->value.settings;
    return *record->value.password_hash || rules->locked || rules->lobby || rules->organised;
}

int plm_admission_resource(struct plm_room **out, struct plm_hub *hub,
    const struct plm_resource_request *request, struct plm_guest *g, unsigned *status,
    struct plm_refusal *why)
{
    struct plm_room_ref ref;
    enum plm_verdict verdict;
    *status = 0;
    int err = plm_room_ref_read(&ref, request->room, why);
    if (err)
        return err;
    struct plm_record *record = plm_record_find(hub, &ref);
    if (request->token)
        err = plm_guest_show_token(hub, g, request->token, request->room, record, why);
    else if (*ref.code)
        err = plm_guess_allowed(hub, g->source, record, why);
    if (err) {
        *status = why->code == PLM_MSG_error_code_too_fast ? 429 : 401;
        return err;
    }
    if (!record && *ref.code && !g->trusted)
        plm_guess_wrong(hub, g->source, NULL);
    bool needed = record ? plm_admission_needs_token(record) : *ref.code || hub->config.lobby;
    if (!g->trusted && needed)
        return refuse_status(status, 401, why, "a token is needed");
    if (!record && *ref.code)
        return refuse_status(status, 404, why, "no room has this number");
    if (request->kind == PLM_RESOURCE_WHIP ? !g->may_publish : !g->may_subscribe)
        return refuse_status(status, 403, why, "the token does not grant this");
    if (!record && (err = make_room(&record, hub, &ref, g, why))) {
        *status = why->code == PLM_MSG_error_code_too_fast ? 429 : 0;
        return err;
    }
    g->watches = request->kind == PLM_RESOURCE_WHEP;
    err = plm_admission_decide(record, g, &verdict, why);
    if (err) {
        *status = why->code == PLM_MSG_error_code_full ? 0 : 403;
        return err;
    }
    if (verdict != PLM_COME_IN)
        return refuse_status(status, 403, why, "somebody has to be let in by the page");
    return plm_room_enter(out, record, why);
}
