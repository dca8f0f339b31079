/*
 * A request of the API on its way, for the files of the API: rest.c finds its operation, rest_access.c says who may, the others are
 * operations. An operation answers exactly once, now or later. Main thread.
 */
#ifndef PLM_SERVER_REST_CALL_H
#define PLM_SERVER_REST_CALL_H

#include <jansson.h>

#include "rest.h"
#include "rest_json.h"

struct plm_rest_pending;

struct plm_rest {
    struct plm_rest_setup setup;
    struct plm_http *http;
    struct plm_rest_pending *pending; /**< rest_rooms.c */
    unsigned n_pending;
    uint64_t last_job;
};

/** What somebody may do here; each more than the one before. */
enum plm_rest_access {
    PLM_REST_ACCESS_NONE = 0,
    PLM_REST_ACCESS_LOCAL, /**< while there is no key: from this machine */
    PLM_REST_ACCESS_ROOM,  /**< one room, by its token */
    PLM_REST_ACCESS_KEY,
    PLM_REST_ACCESS_ADMIN,
};

/** One request. Borrowed for the call of its operation. */
struct plm_rest_call {
    struct plm_rest *rest;
    const struct plm_http_request *request;
    const char *argument[2];     /**< what stands in place of the pattern's stars */
    enum plm_rest_access access; /**< of who asks */
    struct plm_grants grants;    /**< of their token, where that is PLM_REST_ACCESS_ROOM */
};

typedef void plm_rest_operation(struct plm_rest_call *c);

/** Who asks. @param room whom a token of one room is to be for; NULL: of none @param grants of the token, where it is one */
enum plm_rest_access plm_rest_access_of(
    const struct plm_rest_call *c, const char *room, struct plm_grants *grants);

/** By whose rank the rules of meetings judge a change: NULL, a key's, which may everything. */
const struct plm_grants *plm_rest_by(const struct plm_rest_call *c);

/** May who asks look at and manage recordings of a room: by a key, or by its token, whose grant record or whose role says so? */
bool plm_rest_may_record(const struct plm_rest_call *c, const char *room);

/** Does who asks bear a token of this identity, which is not empty, for this room? */
bool plm_rest_is_identity(const struct plm_rest_call *c, const char *room, const char *identity);

/* ---- answers ---- */

/** @param body taken; NULL: memory was short, and 500 is the answer */
void plm_rest_answer(struct plm_rest_call *c, unsigned status, json_t *body);
/** The same later, when the request is gone. */
void plm_rest_answer_to(struct plm_rest *r, uint64_t exchange, unsigned status, json_t *body);
/** @param body taken @param err not 0: something could not be put into it @return body, or NULL when it is not whole */
json_t *plm_rest_whole(json_t *body, int err);
void plm_rest_answer_nothing(struct plm_rest_call *c);
void plm_rest_fail(struct plm_rest_call *c, unsigned status, const char *message);
/** 403, or 401 for somebody whose key or token is not known. */
void plm_rest_deny(struct plm_rest_call *c, bool known);
/** With the status that belongs to err and why. */
void plm_rest_refuse(struct plm_rest_call *c, int err, const struct plm_refusal *why);
void plm_rest_refuse_to(struct plm_rest *r, uint64_t exchange, int err, const struct plm_refusal *why);
/** What most operations end with: nothing, or the refusal. */
void plm_rest_done(struct plm_rest_call *c, int err, const struct plm_refusal *why);

/* ---- bodies ---- */

#define PLM_REST_AT(type, member) offsetof(struct type, member)
#define PLM_REST_UNASKED          SIZE_MAX

/** The value of a name in the request's "a=1&b=2", decoded. @return false: it is not there, or too long */
bool plm_rest_query(const struct plm_rest_call *c, const char *name, char *out, size_t size);
/** @return false: refused already */
bool plm_rest_read_body(struct plm_rest_call *c, const struct plm_rest_field *fields, void *out);
/** A participant's id as it stands in the path. @return false: refused already */
bool plm_rest_read_id(struct plm_rest_call *c, uint32_t *out);
/** The names of enum plm_msg_role, NULL ends. */
extern const char *const plm_rest_role_names[];
/** Lower case. @param out 2 * n octets and a NUL */
void plm_rest_hex(char *out, const uint8_t *octets, size_t n);

/* ---- operations ---- */

/* rest_rooms.c */
plm_rest_operation plm_rest_list_rooms, plm_rest_create_room, plm_rest_get_room, plm_rest_change_room,
    plm_rest_delete_room, plm_rest_end_room;
/** Free what waits for a hash, without an answer. */
void plm_rest_forget_pending(struct plm_rest *r);

/* rest_people.c */
plm_rest_operation plm_rest_list_participants, plm_rest_mute, plm_rest_change_participant, plm_rest_kick,
    plm_rest_say_to_all, plm_rest_say_to_one;

/* rest_quality.c; of one participant: who may is looked at there */
plm_rest_operation plm_rest_get_quality, plm_rest_get_participant_quality;

/* rest_recordings.c: who may is looked at there */
plm_rest_operation plm_rest_list_recordings, plm_rest_list_room_recordings, plm_rest_start_recording,
    plm_rest_get_recording, plm_rest_stop_recording, plm_rest_delete_recording, plm_rest_get_recording_file;

/* rest_keys.c */
plm_rest_operation plm_rest_make_token, plm_rest_revoke_token, plm_rest_list_keys, plm_rest_make_key,
    plm_rest_drop_key;

#endif
