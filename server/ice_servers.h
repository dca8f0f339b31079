/*
 * STUN and TURN servers that clients are told, with credentials made for each of them where ice.turn_secret is set
 * (draft-uberti-behave-turn-rest-00: what coturn calls use-auth-secret).
 */
#ifndef PLM_SERVER_ICE_SERVERS_H
#define PLM_SERVER_ICE_SERVERS_H

#include "config.h"

#define PLM_TURN_USERNAME_SIZE   64
#define PLM_TURN_CREDENTIAL_SIZE 32 /**< base64 of 20 octets, with the NUL */

/**
 * Make short-lived credentials: the username is the second at which they end, the credential base64(HMAC-SHA1(secret, username)).
 * @return 0 or PLM_EINVAL (the library refused)
 */
int plm_turn_credentials(const char *secret, uint64_t expires_s, char username[PLM_TURN_USERNAME_SIZE],
    char credential[PLM_TURN_CREDENTIAL_SIZE]);

/** One server as a client is told it. Texts live in the set that holds it, or in the configuration. */
struct plm_ice_server {
    const char *url;
    const char *username, *credential; /**< NULL: none */
};

struct plm_ice_servers {
    size_t n;
    struct plm_ice_server server[PLM_CONFIG_MAX_SERVERS];
    char username[PLM_TURN_USERNAME_SIZE], credential[PLM_TURN_CREDENTIAL_SIZE];
};

/** What a client that comes now is told. @param now_s seconds since 1970, UTC. Pointers in out refer to out and config. */
void plm_ice_servers_fill(struct plm_ice_servers *out, const struct plm_config *config, uint64_t now_s);

/**
 * A Link header's value for one server (RFC 9725 section 4.6):
 * <turn:…>; rel="ice-server"; username="…"; credential="…"; credential-type="password"
 * @return 0 or PLM_EFULL
 */
int plm_ice_server_link(char *buf, size_t size, const struct plm_ice_server *server);

#endif
