/*
 * Keys of programs that use the API or sign join tokens, and the server's own, with which it signs those that the API hands out. Kept
 * in the store; a key's secret lies there as it is, since signatures are checked with it (the database is readable by the server
 * alone). Also the ids of tokens that were revoked. Main thread.
 */
#ifndef PLM_SERVER_API_KEYS_H
#define PLM_SERVER_API_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store_port.h"

#define PLM_KEY_ID_SIZE     25 /**< 96 random bits as hex and a NUL; the server's own is "server" */
#define PLM_KEY_SECRET_SIZE 65 /**< 256 random bits as hex and a NUL */
#define PLM_KEY_NAME_SIZE   129
#define PLM_KEY_PUBLIC_SIZE 2048 /**< a public key in PEM, with the NUL */
#define PLM_MAX_KEYS        256
#define PLM_MAX_REVOKED     65536

/** The one algorithm that tokens signed with a key must name (RFC 7518 section 3). */
enum plm_key_algorithm {
    PLM_KEY_HS256 = 0, /**< with the secret */
    PLM_KEY_RS256,     /**< with the public key, as the next */
    PLM_KEY_ES256,
};

struct plm_api_key {
    char id[PLM_KEY_ID_SIZE];
    char name[PLM_KEY_NAME_SIZE];
    bool admin; /**< may manage keys too */
    enum plm_key_algorithm algorithm;
    char secret[PLM_KEY_SECRET_SIZE];     /**< bearer's, and of HS256 */
    char public_key[PLM_KEY_PUBLIC_SIZE]; /**< empty with HS256 */
    uint64_t created_at;                  /**< ms since 1970 */
};

struct plm_api_keys;

/** @param random fit for secrets @param store copied; NULL: nothing is kept @return 0, PLM_ENOMEM */
int plm_api_keys_create(
    struct plm_api_keys **out, void (*random)(void *out, size_t len), const struct plm_store_port *store);
/** Secrets are zeroed. NULL is fine. */
void plm_api_keys_destroy(struct plm_api_keys *k);
/** A document of PLM_STORE_API_KEY or PLM_STORE_REVOKED, at the start. @return 0, PLM_EINVAL, PLM_ENOMEM, PLM_ELIMIT */
int plm_api_keys_restore(
    struct plm_api_keys *k, enum plm_store_kind kind, const char *key, const char *document, size_t len);
/** All were restored: make the server's own key if there is none. @return 0, PLM_ENOMEM */
int plm_api_keys_ready(struct plm_api_keys *k, uint64_t now_ms);

/**
 * Make a key with a random id and secret.
 * @param name       already clean @param public_key PEM for RS256 and ES256, else NULL
 * @param out        borrowed until the next change
 * @return 0; PLM_EINVAL (not a public key that fits the algorithm), PLM_ELIMIT, PLM_ENOMEM
 */
int plm_api_keys_add(struct plm_api_keys *k, const char *name, bool admin, enum plm_key_algorithm algorithm,
    const char *public_key, uint64_t now_ms, const struct plm_api_key **out);
/** @return 0, PLM_ENOENT; the server's own cannot be dropped */
int plm_api_keys_drop(struct plm_api_keys *k, const char *id);
/** @return NULL: no such key. Valid until the next change */
const struct plm_api_key *plm_api_keys_find(const struct plm_api_keys *k, const char *id);
const struct plm_api_key *plm_api_keys_own(const struct plm_api_keys *k);
/** Without the server's own. */
size_t plm_api_keys_count(const struct plm_api_keys *k);
/** Each but the server's own, in the order of making. */
void plm_api_keys_each(
    const struct plm_api_keys *k, void (*f)(void *arg, const struct plm_api_key *key), void *arg);

/** Refuse the token of this id from now on. @param expires_at ms since 1970; afterwards it is forgotten @return 0, PLM_ELIMIT, PLM_ENOMEM */
int plm_api_keys_revoke(struct plm_api_keys *k, const char *token_id, uint64_t expires_at, uint64_t now_ms);
bool plm_api_keys_is_revoked(const struct plm_api_keys *k, const char *token_id);

/** "HS256" …; static storage. */
const char *plm_key_algorithm_name(enum plm_key_algorithm a);

#endif
