/*
 * A client's connectivity check (RFC 8445 section 7.1, as a controlling agent; RFC 8489), for tests without sockets.
 */
#ifndef STUN_CHECK_H
#define STUN_CHECK_H

#include <openssl/hmac.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    STUN_HEADER = 20,
    STUN_ID = 12,
    STUN_SEALS = 24 + 8,
    STUN_CHECK_MAX = 256
};

/** RFC 8489 section 14.7: what the attribute holds. */
static inline uint32_t stun_fingerprint(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    while (n--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc ^ 0x5354554e;
}

static inline void stun_set_length(uint8_t *b, size_t end)
{
    b[2] = (uint8_t)((end - STUN_HEADER) >> 8);
    b[3] = (uint8_t)(end - STUN_HEADER);
}

/** Put an attribute at the end, and into the length. @return the new end */
static inline size_t stun_put(uint8_t *b, size_t at, unsigned type, const void *val, size_t len)
{
    size_t end = at + 4 + (len + 3) / 4 * 4;
    b[at] = (uint8_t)(type >> 8);
    b[at + 1] = (uint8_t)type;
    b[at + 2] = (uint8_t)(len >> 8);
    b[at + 3] = (uint8_t)len;
    memcpy(b + at + 4, val, len);
    memset(b + at + 4 + len, 0, end - at - 4 - len);
    stun_set_length(b, end);
    return end;
}

/** Put MESSAGE-INTEGRITY and FINGERPRINT behind `at` octets: STUN_SEALS more. @return the new end */
static inline size_t stun_seal(uint8_t *b, size_t at, const char *pwd)
{
    uint8_t mac[EVP_MAX_MD_SIZE], fingerprint[4];
    unsigned mac_len;

    stun_set_length(b, at + 24); /* as if this attribute were there: section 14.5 */
    HMAC(EVP_sha1(), pwd, (int)strlen(pwd), b, at, mac, &mac_len);
    at = stun_put(b, at, 0x0008, mac, 20);
    stun_set_length(b, at + 8);
    uint32_t crc = stun_fingerprint(b, at);
    for (int i = 0; i < 4; i++)
        fingerprint[i] = (uint8_t)(crc >> (24 - 8 * i));
    return stun_put(b, at, 0x8028, fingerprint, 4);
}

/**
 * @param ufrag,pwd  of the server
 * @param b          STUN_CHECK_MAX octets
 * @return octets written
 */
static inline size_t stun_check_write(
    const char *ufrag, const char *pwd, const uint8_t id[STUN_ID], bool nominate, uint8_t *b)
{
    static const uint8_t head[8] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    char user[128];
    int user_len = snprintf(user, sizeof user, "%s:peer", ufrag);

    memcpy(b, head, sizeof head);
    memcpy(b + sizeof head, id, STUN_ID);
    size_t at = stun_put(b, STUN_HEADER, 0x0006, user, (size_t)user_len);
    at = stun_put(b, at, 0x0024, "\x6e\0\x1e\xff", 4);
    at = stun_put(b, at, 0x802a, "\0\0\0\0\0\0\0\1", 8);
    if (nominate)
        at = stun_put(b, at, 0x0025, "", 0);
    return stun_seal(b, at, pwd);
}

#endif
