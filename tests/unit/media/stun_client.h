/*
 * A client's connectivity check, made and judged by libnice, over a real socket.
 */
#ifndef STUN_CLIENT_H
#define STUN_CLIENT_H

#include "plenum/engine.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>

struct stun_client {
    StunAgent agent;
    StunTransactionId id;
};

static inline void stun_client_init(struct stun_client *c)
{
    static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
        STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
        STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_ICE_CONTROLLED,
        STUN_ATTRIBUTE_ICE_CONTROLLING, STUN_ATTRIBUTE_FINGERPRINT, 0};
    stun_agent_init(&c->agent, known, STUN_COMPATIBILITY_RFC5389,
        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

/** Send a nominating check with the credentials of a transport. */
static inline bool stun_client_send(
    struct stun_client *c, int fd, const struct plm_addr *to, const struct plm_transport_local *local)
{
    uint8_t request[512];
    char user[PLM_UFRAG_SIZE + 8];
    StunMessage m;
    snprintf(user, sizeof user, "%s:peer", local->ufrag);
    size_t len = stun_usage_ice_conncheck_create(&c->agent, &m, request, sizeof request,
        (const uint8_t *)user, strlen(user), (const uint8_t *)local->pwd, strlen(local->pwd), true, true,
        0x6e0001ff, 1, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    stun_message_id(&m, c->id);
    socklen_t size = to->sa.sa_family == AF_INET6 ? sizeof to->in6 : sizeof to->in4;
    return len > 0 && sendto(fd, request, len, 0, &to->sa, size) == (ssize_t)len;
}

static inline bool stun_client_password(StunAgent *agent, StunMessage *m, uint8_t *user, uint16_t user_len,
    uint8_t **pwd, size_t *pwd_len, void *arg)
{
    const struct plm_transport_local *local = arg;
    (void)agent, (void)m, (void)user, (void)user_len;
    *pwd = (uint8_t *)(uintptr_t)local->pwd;
    *pwd_len = strlen(local->pwd);
    return true;
}

/** Wait for the answer. @return true: an authenticated success from the address that was asked */
static inline bool stun_client_wait(struct stun_client *c, int fd, const struct plm_addr *to,
    const struct plm_transport_local *local, int timeout_ms)
{
    uint8_t reply[512];
    struct plm_addr from = {0};
    socklen_t size = sizeof from;
    StunMessage m;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) != 1) {
        stun_agent_forget_transaction(&c->agent, c->id);
        return false;
    }
    ssize_t n = recvfrom(fd, reply, sizeof reply, 0, &from.sa, &size);
    return n > 0 && plm_addr_equal(&from, to) &&
           stun_agent_validate(&c->agent, &m, reply, (size_t)n, stun_client_password,
               (void *)(uintptr_t)local) == STUN_VALIDATION_SUCCESS &&
           stun_message_get_class(&m) == STUN_RESPONSE;
}

#endif
