/*
 * /api/v1: rooms, their people, join tokens, keys. Described for programs in openapi.json beside this file; a test walks every
 * operation of it. Main thread.
 *
 * Who may: the configured key (api.key) and keys of the API that are admin may do everything; other keys everything but manage keys; a
 * token with the grant admin the same as its key; a token for one room with role owner or moderator may manage that room as that role may in
 * its meeting (api.h), and its recordings, as may one with the grant record. Whoever has a join token with an identity sees how their own connections fare. A recording is also opened by the short-lived token that signalling gives to people. While no
 * key exists at all, a request from this machine itself, by the name of this machine and through no proxy, may make a room and look at it.
 */
#ifndef PLM_SERVER_REST_H
#define PLM_SERVER_REST_H

#include "api.h"
#include "api_keys.h"
#include "http.h"
#include "http_file.h"
#include "recording_tokens.h"

struct plm_rest;

struct plm_rest_setup {
    struct plm_hub *hub;
    struct plm_api_keys *keys;
    const char *key; /**< api.key; NULL: none. Borrowed */
    void (*random)(void *out, size_t len);
    uint64_t (*wall_ms)(void);
    struct plm_http_files *files;                        /**< of recordings; NULL: none are sent. Borrowed */
    const struct plm_recording_tokens *recording_tokens; /**< borrowed */
    /** Hash a password; the answer comes by plm_rest_on_password. As in plenum's hub. */
    int (*hash_password)(void *arg, uint64_t job, const char *password);
    void *arg;
};

/** @param setup copied @return 0, PLM_ENOMEM */
int plm_rest_create(struct plm_rest **out, const struct plm_rest_setup *setup);
/** Where answers go; before the first request. @param http borrowed */
void plm_rest_set_http(struct plm_rest *r, struct plm_http *http);
/** Requests whose password is still being hashed are left without an answer. NULL is fine. */
void plm_rest_destroy(struct plm_rest *r);

/** Is this the API's path? */
bool plm_rest_matches(const char *path);
/** The route's handler; arg: struct plm_rest *. */
void plm_rest_serve(void *arg, const struct plm_http_request *request);
/** Jobs of setup.hash_password have this bit, those of the hub do not. */
#define PLM_REST_JOB (UINT64_C(1) << 63)
/** @param hash NULL: it failed */
void plm_rest_on_password(struct plm_rest *r, uint64_t job, const char *hash);
/** Is no key configured or made, so that this machine may make rooms? */
bool plm_rest_is_open(const struct plm_rest *r);

#endif
