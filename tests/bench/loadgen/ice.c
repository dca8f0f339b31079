#include "ice.h"

#include "die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#define PRIORITY 0x6e001eff /* RFC 8445 section 5.1.2.1: peer-reflexive, component 1 */

struct peer_ice {
    StunAgent agent;
    char user[300], pwd[300];
    StunTransactionId last;
    bool waiting;
};

static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_FINGERPRINT, 0};

struct peer_ice *ice_create(const char *our_ufrag, const char *their_ufrag, const char *their_pwd)
{
    struct peer_ice *ice = calloc(1, sizeof *ice);
    if (!ice)
        die("out of memory");
    stun_agent_init(&ice->agent, known, STUN_COMPATIBILITY_RFC5389,
        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    snprintf(ice->user, sizeof ice->user, "%s:%s", their_ufrag, our_ufrag);
    snprintf(ice->pwd, sizeof ice->pwd, "%s", their_pwd);
    return ice;
}

void ice_destroy(struct peer_ice *ice)
{
    free(ice);
}

size_t ice_check(struct peer_ice *ice, uint8_t *buf, size_t cap)
{
    StunMessage m;
    if (ice->waiting)
        stun_agent_forget_transaction(&ice->agent, ice->last);
    size_t len = stun_usage_ice_conncheck_create(&ice->agent, &m, buf, cap, (const uint8_t *)ice->user,
        strlen(ice->user), (const uint8_t *)ice->pwd, strlen(ice->pwd), true, true, PRIORITY, 1, NULL,
        STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    stun_message_id(&m, ice->last);
    ice->waiting = true;
    return len;
}

bool ice_on_datagram(struct peer_ice *ice, const uint8_t *data, size_t len)
{
    StunMessage m;
    if (stun_agent_validate(&ice->agent, &m, data, len, NULL, NULL) != STUN_VALIDATION_SUCCESS ||
        stun_message_get_class(&m) != STUN_RESPONSE)
        return false;
    ice->waiting = false;
    return true;
}
