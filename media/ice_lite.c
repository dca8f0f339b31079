#include "ice_lite.h"
#include "base/planted.h"

#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#define STUN_HEADER     20
#define STUN_COOKIE     0x2112a442u
#define BINDING_REQUEST 0x0001
#define ATTR_USERNAME   0x0006
#define ATTR_INTEGRITY  0x0008

struct plm_ice_lite {
    StunAgent agent;
};

struct credentials {
    const char *ufrag;
    size_t ufrag_len;
    uint8_t *pwd;
    size_t pwd_len;
};

/* Whatever else is comprehension-required gets a 420 (RFC 5389 section 7.3.1). */
static const uint16_t known_attributes[] = {STUN_ATTRIBUTE_MAPPED_ADDRESS, STUN_ATTRIBUTE_USERNAME,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY, STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE, 0};

static uint16_t read16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t read32(const uint8_t *p)
{
    return (uint32_t)read16(p) << 16 | read16(p + 2);
}

int plm_ice_lite_create(struct plm_ice_lite **out)
{
    struct plm_ice_lite *ice = calloc(1, sizeof *ice);
    if (!ice)
        return PLM_ENOMEM;
    /* Its debug lines are written per packet, which a peer can cause. */
    stun_debug_disable();
    stun_agent_init(&ice->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    *out = ice;
    return 0;
}

void plm_ice_lite_destroy(struct plm_ice_lite *ice)
{
    free(ice);
}

/** Header with the cookie and a length that is exactly the datagram's (RFC 5389 section 6). */
static bool is_stun(const uint8_t *data, size_t len)
{
    return len >= STUN_HEADER && (data[0] & 0xc0) == 0 && (read16(data + 2) & 3) == 0 &&
           read16(data + 2) == len - STUN_HEADER && read32(data + 4) == STUN_COOKIE;
}

size_t plm_stun_peek_user(const uint8_t *data, size_t len, const char **ufrag)
{
    if (!is_stun(data, len) || read16(data) != BINDING_REQUEST)
        return 0;
    size_t at = STUN_HEADER;
    while (len - at >= 4) {
        uint16_t type = read16(data + at);
        size_t size = read16(data + at + 2);
        size_t padded = (size + 3) & ~(size_t)3;
        at += 4;
        /* What follows MESSAGE-INTEGRITY is not covered by it (RFC 5389 section 15.4). */
        if (!PLM_FITS(stun, padded <= len - at) || type == ATTR_INTEGRITY)
            return 0;
        if (type == ATTR_USERNAME) {
            const uint8_t *colon = memchr(data + at, ':', size);
            *ufrag = (const char *)data + at;
            return colon ? (size_t)(colon - (data + at)) : 0;
        }
        at += padded;
    }
    return 0;
}

static bool find_password(StunAgent *agent, StunMessage *message, uint8_t *username, uint16_t username_len,
    uint8_t **password, size_t *password_len, void *user_data)
{
    (void)agent;
    (void)message;
    const struct credentials *c = user_data;
    if (username_len <= c->ufrag_len || username[c->ufrag_len] != ':' ||
        memcmp(username, c->ufrag, c->ufrag_len) != 0)
        return false;
    *password = c->pwd;
    *password_len = c->pwd_len;
    return true;
}

/** The success reply, or 487 to a peer that believes itself controlled. */
static void make_reply(
    struct plm_ice_lite *ice, StunMessage *request, const struct plm_addr *from, struct plm_stun_result *out)
{
    StunMessage reply;
    struct sockaddr_storage src;
    size_t reply_len = sizeof out->reply;
    bool controlling = false;
    memset(&src, 0, sizeof src);
    memcpy(&src, from, sizeof *from);
    socklen_t src_len = from->sa.sa_family == AF_INET6 ? sizeof from->in6 : sizeof from->in4;
    /* A lite agent is always controlled (RFC 8445 section 6.1.1): the lowest tie-breaker never wins the other role. */
    StunUsageIceReturn verdict = stun_usage_ice_conncheck_create_reply(&ice->agent, request, &reply,
        out->reply, &reply_len, &src, src_len, &controlling, 0, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    if (reply_len == 0)
        return;
    out->reply_len = reply_len;
    out->success =
        verdict == STUN_USAGE_ICE_RETURN_SUCCESS && stun_message_get_class(&reply) == STUN_RESPONSE;
    out->nominated = out->success && stun_usage_ice_conncheck_use_candidate(request);
    out->priority = stun_usage_ice_conncheck_priority(request);
}

void plm_ice_lite_on_request(struct plm_ice_lite *ice, const uint8_t *data, size_t len,
    const struct plm_addr *from, const char *ufrag, size_t ufrag_len, const char *pwd, size_t pwd_len,
    struct plm_stun_result *out)
{
    struct credentials credentials = {ufrag, ufrag_len, (uint8_t *)pwd, pwd_len};
    StunMessage request, error;
    const char *named;

    out->kind = PLM_STUN_MALFORMED;
    out->nominated = out->success = false;
    out->priority = 0;
    out->reply_len = 0;
    if (!is_stun(data, len))
        return;
    if (read16(data) != BINDING_REQUEST) {
        out->kind = PLM_STUN_IGNORE;
        return;
    }
    size_t named_len = plm_stun_peek_user(data, len, &named);
    if (named_len > 0 && (named_len != ufrag_len || memcmp(named, ufrag, ufrag_len) != 0)) {
        out->kind = PLM_STUN_UNKNOWN_USER;
        return;
    }
    switch (stun_agent_validate(&ice->agent, &request, data, len, find_password, &credentials)) {
    case STUN_VALIDATION_SUCCESS:
        out->kind = PLM_STUN_CHECK;
        make_reply(ice, &request, from, out);
        break;
    case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
        out->kind = PLM_STUN_CHECK;
        out->reply_len = stun_agent_build_unknown_attributes_error(
            &ice->agent, &error, out->reply, sizeof out->reply, &request);
        break;
    /* Silence to everybody who does not know the password: no oracle, nothing to amplify. */
    case STUN_VALIDATION_UNAUTHORIZED:
    case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
        out->kind = PLM_STUN_BAD_AUTH;
        break;
    default:
        break;
    }
}
