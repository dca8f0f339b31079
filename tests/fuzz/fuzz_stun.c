/*
 * STUN requests: raw octets, and (first octet odd) attributes that are put into a request, signed with the right password and given a
 * fingerprint, so that the inner checks are reached. A datagram that nobody signed is never answered.
 */
#include "fuzz.h"
#include "ice_lite.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define UFRAG "srvr"
#define PWD   "aLongPasswordOfOurOwn22"
#define MAX   1500

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffff;
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put_length(uint8_t *msg, size_t len)
{
    msg[2] = (uint8_t)((len - 20) >> 8);
    msg[3] = (uint8_t)(len - 20);
}

/** @return octets in out: header, the given attributes, MESSAGE-INTEGRITY, FINGERPRINT */
static size_t sign(uint8_t *out, const uint8_t *attributes, size_t n)
{
    static const uint8_t header[20] = {
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    unsigned mac_len;
    memcpy(out, header, sizeof header);
    memcpy(out + 20, attributes, n);
    size_t at = 20 + n;
    put_length(out, at + 24);
    memcpy(out + at, "\x00\x08\x00\x14", 4);
    HMAC(EVP_sha1(), PWD, sizeof PWD - 1, out, at, out + at + 4, &mac_len);
    at += 24;
    put_length(out, at + 8);
    uint32_t crc = crc32_of(out, at) ^ 0x5354554e;
    uint8_t tail[8] = {
        0x80, 0x28, 0, 4, (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    memcpy(out + at, tail, sizeof tail);
    return at + sizeof tail;
}

static void take(struct plm_ice_lite *ice, const uint8_t *data, size_t len, bool is_signed)
{
    struct plm_addr from = {.in4 = {.sin_family = AF_INET, .sin_port = 1234, .sin_addr = {0x01020304}}};
    struct plm_stun_result r;
    const char *ufrag = NULL;
    size_t n = plm_stun_peek_user(data, len, &ufrag);
    CHECK(n == 0 || ((const uint8_t *)ufrag >= data + 24 && (const uint8_t *)ufrag + n < data + len));
    plm_ice_lite_on_request(ice, data, len, &from, UFRAG, sizeof UFRAG - 1, PWD, sizeof PWD - 1, &r);
    CHECK(r.kind <= PLM_STUN_CHECK && r.reply_len <= sizeof r.reply);
    CHECK(r.kind == PLM_STUN_CHECK || (r.reply_len == 0 && !r.success && !r.nominated));
    CHECK(is_signed || r.kind != PLM_STUN_CHECK);
    CHECK(!r.nominated || r.success);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct plm_ice_lite *ice;
    if (!ice && plm_ice_lite_create(&ice) != 0)
        abort();
    if (size == 0 || size > MAX)
        return 0;
    bool is_signed = data[0] & 1 && size > 1;
    size_t attributes = (size - 1) & ~(size_t)3;
    size_t len = is_signed ? attributes + 52 : size - 1;
    uint8_t *copy = malloc(len + 1);
    CHECK(copy);
    if (is_signed)
        sign(copy, data + 1, attributes);
    else
        memcpy(copy, data + 1, len);
    uint8_t *exact = realloc(copy, len ? len : 1);
    CHECK(exact);
    take(ice, exact, len, is_signed);
    free(exact);
    return 0;
}
