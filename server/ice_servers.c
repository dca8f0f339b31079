#include "ice_servers.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

int plm_turn_credentials(const char *secret, uint64_t expires_s, char username[PLM_TURN_USERNAME_SIZE],
    char credential[PLM_TURN_CREDENTIAL_SIZE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    int len = snprintf(username, PLM_TURN_USERNAME_SIZE, "%llu", (unsigned long long)expires_s);
    if (!HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)username, (size_t)len, mac,
            &mac_len) ||
        mac_len != 20)
        return PLM_EINVAL;
    EVP_EncodeBlock((unsigned char *)credential, mac, (int)mac_len);
    return 0;
}

void plm_ice_servers_fill(struct plm_ice_servers *out, const struct plm_config *config, uint64_t now_s)
{
    const char *secret = config->ice.turn_secret;
    bool made = secret &&
                !plm_turn_credentials(secret, now_s + config->ice.turn_ttl_s, out->username, out->credential);

    out->n = 0;
    for (size_t i = 0; i < config->ice.servers.n; i++) {
        const struct plm_config_server *s = &config->ice.servers.server[i];
        struct plm_ice_server *o = &out->server[out->n++];
        bool make = made && !s->username && plm_config_is_turn(s->url);
        o->url = s->url;
        o->username = make ? out->username : s->username;
        o->credential = make ? out->credential : s->credential;
    }
}

int plm_ice_server_link(char *buf, size_t size, const struct plm_ice_server *server)
{
    int len = server->username ? snprintf(buf, size,
                                     "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
                                     "credential-type=\"password\"",
                                     server->url, server->username, server->credential)
                               : snprintf(buf, size, "<%s>; rel=\"ice-server\"", server->url);
    return len < 0 || (size_t)len >= size ? PLM_EFULL : 0;
}
