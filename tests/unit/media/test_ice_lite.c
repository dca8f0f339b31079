#include "ice_lite.h"
#include "plenum/rtp_params.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include <cmocka.h>

#define UFRAG "srvr"
#define PWD   "aLongPasswordOfOurOwn22"

/* RFC 5769 section 2.1: sample request. User name "evtj:h6vY", password "VOkJxbRl1RmTxUk/WvJxBt". */
static const uint8_t rfc5769_request[] = {0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e,
    0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e,
    0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06,
    0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00,
    0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
/* Sections 2.2 and 2.3: the responses, from 192.0.2.1:32853 and [2001:db8:1234:5678:11:2233:4455:6677]:32853. */
static const uint8_t rfc5769_response4[] = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74,
    0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1,
    0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74,
    0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c,
    0x96};
static const uint8_t rfc5769_response6[] = {0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
    0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74,
    0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01,
    0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08,
    0x00, 0x14, 0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2,
    0x75, 0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c};
static const uint8_t rfc5769_xor4[] = {0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
static const uint8_t rfc5769_xor6[] = {0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79,
    0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
static const char rfc5769_password[] = "VOkJxbRl1RmTxUk/WvJxBt";

struct fixture {
    struct plm_ice_lite *ice;
    struct plm_addr v4, v6;
    StunAgent client;
    uint8_t request[600];
    size_t request_len;
    struct plm_stun_result result;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(plm_ice_lite_create(&f->ice), 0);
    assert_int_equal(plm_addr_parse(&f->v4, "192.0.2.1:32853"), 0);
    assert_int_equal(plm_addr_parse(&f->v6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"), 0);
    static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
        STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
        STUN_ATTRIBUTE_PRIORITY, 0};
    stun_agent_init(&f->client, known, STUN_COMPATIBILITY_RFC5389,
        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    plm_ice_lite_destroy(f->ice);
    free(f);
    return 0;
}

/** On a heap copy of exactly this size, so that the sanitizer sees a read past its end. */
static enum plm_stun_kind feed(struct fixture *f, const void *data, size_t len, const struct plm_addr *from,
    const char *ufrag, const char *pwd)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    memset(&f->result, 0xa5, sizeof f->result);
    plm_ice_lite_on_request(f->ice, copy, len, from, ufrag, strlen(ufrag), pwd, strlen(pwd), &f->result);
    assert_memory_equal(copy, data, len);
    free(copy);
    return f->result.kind;
}

static enum plm_stun_kind feed_request(struct fixture *f)
{
    return feed(f, f->request, f->request_len, &f->v4, UFRAG, PWD);
}

/** A connectivity check as a client makes it. */
static void make_check(
    struct fixture *f, const char *user, const char *pwd, bool nominate, bool controlling, uint64_t tie)
{
    StunMessage m;
    f->request_len = stun_usage_ice_conncheck_create(&f->client, &m, f->request, sizeof f->request,
        (const uint8_t *)user, strlen(user), (const uint8_t *)pwd, strlen(pwd), nominate, controlling,
        0x6e0001ff, tie, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    assert_int_not_equal(f->request_len, 0);
    StunTransactionId id;
    stun_message_id(&m, id);
    stun_agent_forget_transaction(&f->client, id);
}

/** A request with one more attribute, properly closed. integrity false: without USERNAME and MESSAGE-INTEGRITY. */
static void make_request(struct fixture *f, StunMethod method, bool integrity, uint16_t attribute)
{
    StunMessage m;
    StunTransactionId id;
    assert_true(stun_agent_init_request(&f->client, &m, f->request, sizeof f->request, method));
    assert_int_equal(stun_message_append32(&m, STUN_ATTRIBUTE_PRIORITY, 77), STUN_MESSAGE_RETURN_SUCCESS);
    if (attribute)
        assert_int_equal(stun_message_append32(&m, attribute, 1), STUN_MESSAGE_RETURN_SUCCESS);
    if (integrity)
        assert_int_equal(stun_message_append_string(&m, STUN_ATTRIBUTE_USERNAME, UFRAG ":peer"),
            STUN_MESSAGE_RETURN_SUCCESS);
    f->request_len = stun_agent_finish_message(
        &f->client, &m, integrity ? (const uint8_t *)PWD : NULL, integrity ? sizeof PWD - 1 : 0);
    assert_int_not_equal(f->request_len, 0);
    stun_message_id(&m, id);
    stun_agent_forget_transaction(&f->client, id);
}

static const uint8_t *find_attribute(const uint8_t *msg, size_t len, uint16_t type, size_t *size)
{
    for (size_t at = 20; at + 4 <= len;) {
        *size = (size_t)(msg[at + 2] << 8 | msg[at + 3]);
        if ((msg[at] << 8 | msg[at + 1]) == type)
            return msg + at + 4;
        at += 4 + ((*size + 3) & ~(size_t)3);
    }
    return NULL;
}

static void assert_attribute(const struct fixture *f, uint16_t type, const uint8_t *value, size_t len)
{
    size_t size = 0;
    const uint8_t *found = find_attribute(f->result.reply, f->result.reply_len, type, &size);
    assert_non_null(found);
    assert_int_equal(size, len);
    assert_memory_equal(found, value, len);
}

static int reply_error(const struct fixture *f)
{
    size_t size = 0;
    const uint8_t *found =
        find_attribute(f->result.reply, f->result.reply_len, STUN_ATTRIBUTE_ERROR_CODE, &size);
    return found && size >= 4 ? found[2] * 100 + found[3] : 0;
}

static bool give_password(StunAgent *agent, StunMessage *m, uint8_t *user, uint16_t user_len, uint8_t **pwd,
    size_t *pwd_len, void *arg)
{
    (void)agent, (void)m, (void)user, (void)user_len;
    *pwd = arg;
    *pwd_len = strlen(arg);
    return true;
}

/** The reply carries our integrity and a fingerprint: check it as a client would that has just asked. */
static void assert_reply_validates(struct fixture *f, const char *pwd)
{
    StunMessage m;
    StunAgent *agent = &f->client;
    memset(agent->sent_ids, 0, sizeof agent->sent_ids);
    memcpy(agent->sent_ids[0].id, f->request + 4, sizeof agent->sent_ids[0].id);
    agent->sent_ids[0].method = STUN_BINDING;
    agent->sent_ids[0].key = (uint8_t *)pwd;
    agent->sent_ids[0].key_len = strlen(pwd);
    agent->sent_ids[0].valid = true;
    assert_int_equal(
        stun_agent_validate(agent, &m, f->result.reply, f->result.reply_len, give_password, (void *)pwd),
        STUN_VALIDATION_SUCCESS);
    size_t size;
    assert_non_null(
        find_attribute(f->result.reply, f->result.reply_len, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, &size));
    assert_non_null(find_attribute(f->result.reply, f->result.reply_len, STUN_ATTRIBUTE_FINGERPRINT, &size));
}

static void rfc5769_sample_request(void **state)
{
    struct fixture *f = *state;
    const char *ufrag = NULL;
    assert_int_equal(plm_stun_peek_user(rfc5769_request, sizeof rfc5769_request, &ufrag), 4);
    assert_memory_equal(ufrag, "evtj", 4);
    /* Its sender claims to be controlled: authenticated, and told to change its role. */
    assert_int_equal(
        feed(f, rfc5769_request, sizeof rfc5769_request, &f->v4, "evtj", rfc5769_password), PLM_STUN_CHECK);
    assert_false(f->result.success);
    assert_false(f->result.nominated);
    assert_int_equal(reply_error(f), 487);
    assert_int_equal(f->result.priority, 0x6e0001ff);
    memcpy(f->request, rfc5769_request, sizeof rfc5769_request);
    assert_reply_validates(f, rfc5769_password);
    assert_int_equal(
        feed(f, rfc5769_request, sizeof rfc5769_request, &f->v4, "evtj", "VOkJxbRl1RmTxUk/WvJxBs"),
        PLM_STUN_BAD_AUTH);
    assert_int_equal(feed(f, rfc5769_request, sizeof rfc5769_request, &f->v4, "evtk", rfc5769_password),
        PLM_STUN_UNKNOWN_USER);
    assert_int_equal(feed(f, rfc5769_request, sizeof rfc5769_request, &f->v4, "evt", rfc5769_password),
        PLM_STUN_UNKNOWN_USER);
}

static void rfc5769_responses_are_ignored(void **state)
{
    struct fixture *f = *state;
    const char *ufrag;
    assert_int_equal(feed(f, rfc5769_response4, sizeof rfc5769_response4, &f->v4, "evtj", rfc5769_password),
        PLM_STUN_IGNORE);
    assert_int_equal(f->result.reply_len, 0);
    assert_int_equal(feed(f, rfc5769_response6, sizeof rfc5769_response6, &f->v6, "evtj", rfc5769_password),
        PLM_STUN_IGNORE);
    assert_int_equal(f->result.reply_len, 0);
    assert_int_equal(plm_stun_peek_user(rfc5769_response4, sizeof rfc5769_response4, &ufrag), 0);
}

static void rfc5769_mapped_addresses(void **state)
{
    struct fixture *f = *state;
    /* The IPv6 form is masked with the transaction id: make a check with the one of the RFC, closed anew. */
    StunMessage m;
    assert_true(stun_agent_init_request(&f->client, &m, f->request, sizeof f->request, STUN_BINDING));
    memcpy(f->request, rfc5769_request, 2);
    memcpy(f->request + 4, rfc5769_request + 4, 16);
    assert_int_equal(
        stun_message_append64(&m, STUN_ATTRIBUTE_ICE_CONTROLLING, 9), STUN_MESSAGE_RETURN_SUCCESS);
    assert_int_equal(
        stun_message_append_string(&m, STUN_ATTRIBUTE_USERNAME, UFRAG ":h6vY"), STUN_MESSAGE_RETURN_SUCCESS);
    f->request_len = stun_agent_finish_message(&f->client, &m, (const uint8_t *)PWD, sizeof PWD - 1);
    assert_int_not_equal(f->request_len, 0);

    assert_int_equal(feed_request(f), PLM_STUN_CHECK);
    assert_true(f->result.success);
    assert_attribute(f, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, rfc5769_xor4, sizeof rfc5769_xor4);
    assert_memory_equal(f->result.reply + 4, rfc5769_response4 + 4, 16);
    assert_int_equal(feed(f, f->request, f->request_len, &f->v6, UFRAG, PWD), PLM_STUN_CHECK);
    assert_attribute(f, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, rfc5769_xor6, sizeof rfc5769_xor6);
}

static void good_checks(void **state)
{
    struct fixture *f = *state;
    make_check(f, UFRAG ":peer", PWD, false, true, 1);
    assert_int_equal(feed_request(f), PLM_STUN_CHECK);
    assert_true(f->result.success);
    assert_false(f->result.nominated);
    assert_int_equal(f->result.priority, 0x6e0001ff);
    assert_int_equal(reply_error(f), 0);
    assert_reply_validates(f, PWD);

    make_check(f, UFRAG ":peer", PWD, true, true, UINT64_MAX);
    assert_int_equal(feed_request(f), PLM_STUN_CHECK);
    assert_true(f->result.success);
    assert_true(f->result.nominated);
}

static void longest_peer_ufrag_is_answered(void **state)
{
    struct fixture *f = *state;
    char user[PLM_UFRAG_SIZE + PLM_PEER_UFRAG_SIZE] = {0};
    char ours[PLM_UFRAG_SIZE] = {0};
    memset(ours, 'u', PLM_UFRAG_SIZE - 1);
    strcpy(user, ours);
    strcat(user, ":");
    memset(user + strlen(user), 'p', 256);
    make_check(f, user, PWD, true, true, 1);
    assert_int_equal(feed(f, f->request, f->request_len, &f->v6, ours, PWD), PLM_STUN_CHECK);
    assert_true(f->result.success);
    assert_in_range(f->result.reply_len, 300, PLM_STUN_REPLY_SIZE);
}

static void wrong_credentials_get_silence(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *user, *pwd;
        enum plm_stun_kind kind;
    } rows[] = {
        {UFRAG ":peer", "aLongPasswordOfAnother", PLM_STUN_BAD_AUTH},
        {"other:peer", PWD, PLM_STUN_UNKNOWN_USER},
        {UFRAG "x:peer", PWD, PLM_STUN_UNKNOWN_USER},
        {"srv:peer", PWD, PLM_STUN_UNKNOWN_USER},
        {UFRAG, PWD, PLM_STUN_BAD_AUTH},
        {":peer", PWD, PLM_STUN_BAD_AUTH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make_check(f, rows[i].user, rows[i].pwd, true, true, 1);
        assert_int_equal(feed_request(f), rows[i].kind);
        assert_int_equal(f->result.reply_len, 0);
        assert_false(f->result.success);
        assert_false(f->result.nominated);
    }
    make_request(f, STUN_BINDING, false, 0);
    assert_int_equal(feed_request(f), PLM_STUN_BAD_AUTH);
    assert_int_equal(f->result.reply_len, 0);
}

static void fingerprint_is_required(void **state)
{
    struct fixture *f = *state;
    make_check(f, UFRAG ":peer", PWD, true, true, 1);
    f->request[f->request_len - 1] ^= 1;
    assert_int_equal(feed_request(f), PLM_STUN_MALFORMED);
    assert_int_equal(f->result.reply_len, 0);

    stun_agent_init(&f->client, (const uint16_t[]){0}, STUN_COMPATIBILITY_RFC5389,
        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS);
    make_check(f, UFRAG ":peer", PWD, true, true, 1);
    assert_int_equal(feed_request(f), PLM_STUN_MALFORMED);
    assert_int_equal(f->result.reply_len, 0);
}

static void indications_and_other_methods_are_ignored(void **state)
{
    struct fixture *f = *state;
    StunMessage m;
    assert_true(stun_agent_init_indication(&f->client, &m, f->request, sizeof f->request, STUN_BINDING));
    f->request_len = stun_agent_finish_message(&f->client, &m, NULL, 0);
    assert_int_equal(feed_request(f), PLM_STUN_IGNORE);
    assert_int_equal(f->result.reply_len, 0);
    const char *ufrag;
    assert_int_equal(plm_stun_peek_user(f->request, f->request_len, &ufrag), 0);

    make_request(f, STUN_ALLOCATE, true, 0);
    assert_int_equal(feed_request(f), PLM_STUN_IGNORE);
    assert_int_equal(f->result.reply_len, 0);
}

static void unknown_attributes(void **state)
{
    struct fixture *f = *state;
    /* Comprehension-optional: Chromium's GOOG-NETWORK-INFO. */
    make_request(f, STUN_BINDING, true, 0xc057);
    assert_int_equal(feed_request(f), PLM_STUN_CHECK);
    assert_true(f->result.success);
    assert_int_equal(f->result.priority, 77);

    make_request(f, STUN_BINDING, true, 0x7ffe);
    assert_int_equal(feed_request(f), PLM_STUN_CHECK);
    assert_false(f->result.success);
    assert_int_equal(reply_error(f), 420);
    assert_attribute(f, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, (const uint8_t[]){0x7f, 0xfe}, 2);
    assert_reply_validates(f, PWD);

    /* Without the password nobody learns what we understand. */
    assert_int_equal(
        feed(f, f->request, f->request_len, &f->v4, UFRAG, "someOtherPassword22222"), PLM_STUN_BAD_AUTH);
    assert_int_equal(f->result.reply_len, 0);
    make_request(f, STUN_BINDING, false, 0x7ffe);
    assert_int_equal(feed_request(f), PLM_STUN_BAD_AUTH);
    assert_int_equal(f->result.reply_len, 0);
}

static void role_conflicts(void **state)
{
    struct fixture *f = *state;
    static const uint64_t ties[] = {1, UINT64_MAX};
    for (size_t i = 0; i < sizeof ties / sizeof ties[0]; i++) {
        make_check(f, UFRAG ":peer", PWD, true, false, ties[i]);
        assert_int_equal(feed_request(f), PLM_STUN_CHECK);
        assert_int_equal(reply_error(f), 487);
        assert_false(f->result.success);
        assert_false(f->result.nominated);
        assert_reply_validates(f, PWD);
    }
    /* An equal tie-breaker, which nobody draws by chance, validates nothing. */
    make_check(f, UFRAG ":peer", PWD, true, false, 0);
    assert_int_equal(feed_request(f), PLM_STUN_CHECK);
    assert_false(f->result.success);
    assert_false(f->result.nominated);
}

static void malformed(void **state)
{
    struct fixture *f = *state;
    const char *ufrag;
    make_check(f, UFRAG ":peer", PWD, true, true, 1);
    uint8_t good[sizeof f->request];
    size_t good_len = f->request_len;
    memcpy(good, f->request, good_len);

    for (size_t len = 0; len < good_len; len++) {
        assert_int_equal(feed(f, good, len, &f->v4, UFRAG, PWD), PLM_STUN_MALFORMED);
        assert_int_equal(f->result.reply_len, 0);
        uint8_t *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, good, len);
        assert_int_equal(plm_stun_peek_user(copy, len, &ufrag), 0);
        free(copy);
    }
    memcpy(f->request, good, good_len);
    memset(f->request + good_len, 0, 4);
    f->request_len = good_len + 4;
    assert_int_equal(feed_request(f), PLM_STUN_MALFORMED);
    f->request_len = good_len;
    f->request[4] ^= 1; /* the cookie */
    assert_int_equal(feed_request(f), PLM_STUN_MALFORMED);
    f->request[4] ^= 1;
    f->request[0] |= 0x40; /* the two bits that tell STUN from others */
    assert_int_equal(feed_request(f), PLM_STUN_MALFORMED);
}

/* One octet changed anywhere: never a success, never an answer. */
static void tampered(void **state)
{
    struct fixture *f = *state;
    make_check(f, UFRAG ":peer", PWD, true, true, 1);
    uint8_t good[sizeof f->request];
    size_t good_len = f->request_len;
    memcpy(good, f->request, good_len);
    for (size_t i = 0; i < good_len; i++) {
        memcpy(f->request, good, good_len);
        f->request[i] ^= 0x10;
        feed_request(f);
        assert_false(f->result.success);
        assert_int_equal(f->result.reply_len, 0);
    }
}

/* Attribute lengths that lie, in a message whose own length is right (the true 16 is not among them). */
static void lying_attribute_lengths(void **state)
{
    struct fixture *f = *state;
    const char *ufrag;
    for (unsigned lie = 0; lie <= 0xffff; lie += 13) {
        memcpy(f->request, rfc5769_request, sizeof rfc5769_request);
        f->request[22] = (uint8_t)(lie >> 8);
        f->request[23] = (uint8_t)lie;
        enum plm_stun_kind kind =
            feed(f, f->request, sizeof rfc5769_request, &f->v4, "evtj", rfc5769_password);
        assert_int_not_equal(kind, PLM_STUN_CHECK);
        assert_int_equal(f->result.reply_len, 0);
        uint8_t *copy = malloc(sizeof rfc5769_request);
        assert_non_null(copy);
        memcpy(copy, f->request, sizeof rfc5769_request);
        size_t n = plm_stun_peek_user(copy, sizeof rfc5769_request, &ufrag);
        if (n > 0)
            assert_true((const uint8_t *)ufrag + n < copy + sizeof rfc5769_request);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rfc5769_sample_request, setup, teardown),
        cmocka_unit_test_setup_teardown(rfc5769_responses_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(rfc5769_mapped_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(good_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(longest_peer_ufrag_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_credentials_get_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(fingerprint_is_required, setup, teardown),
        cmocka_unit_test_setup_teardown(indications_and_other_methods_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(role_conflicts, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(tampered, setup, teardown),
        cmocka_unit_test_setup_teardown(lying_attribute_lengths, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
