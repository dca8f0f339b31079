/*
 * Tokens: JSON Web Tokens (RFC 7519) that grant entry to a room, or the API. Signed with a key of api_keys.h that the header's kid
 * names; a key has one algorithm, and a token that names another is refused, whatever its signature. Main thread; nothing blocks.
 */
#ifndef PLM_SERVER_TOKENS_H
#define PLM_SERVER_TOKENS_H

#include "api_keys.h"
#include "grants.h"

#define PLM_TOKEN_MAX_SIZE  4096
#define PLM_TOKEN_LEEWAY_MS 60000 /**< clocks of those who make tokens differ from ours by at most so much */

/**
 * Is it good now?
 *
 * Claims: exp (required), nbf, iat: whole numbers of seconds; sub: identity; jti: id, by which it can be revoked; name; room;
 * role: "owner", "moderator", "speaker" or "viewer" [speaker]; publish, subscribe [true]; record, admin, skip_lobby [false]. Others
 * are left alone. A claim of another type than this is refused.
 * @param room the room it is to be used for, NULL: none in particular. A token of another room is refused
 * @return 0; PLM_ESTATE: signed as it should be, but its time is over; PLM_EINVAL
 */
int plm_token_check(const struct plm_api_keys *keys, const char *token, const char *room, uint64_t now_ms,
    struct plm_grants *out);
/**
 * Sign a token with the server's own key.
 * @param grants its token_id and expires_at are taken as they are; both must be set
 * @return malloc'd; NULL when memory is short
 */
char *plm_token_make(const struct plm_api_keys *keys, const struct plm_grants *grants, uint64_t now_ms);

#endif
