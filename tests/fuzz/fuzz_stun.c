/*
 * STUN requests: raw octets, and (first octet odd) attributes that are put into a request, signed with the right password and given a
 * fingerprint, so that the inner checks are reached. A datagram that nobody signed is never answered.
 */
#include "fuzz.h"

#include "../fakes/stun_check.h"
#include "ice_lite.h"

#define UFRAG "srvr"
#define PWD   "aLongPasswordOfOurOwn22"
#define MAX   1500

/** @return octets in out: header, the given attributes, MESSAGE-INTEGRITY, FINGERPRINT */
static size_t sign(uint8_t *out, const uint8_t *attributes, size_t n)
{
    static const uint8_t header[STUN_HEADER] = {
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    memcpy(out, header, sizeof header);
    memcpy(out + sizeof header, attributes, n);
    return stun_seal(out, sizeof header + n, PWD);
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
    size_t len = is_signed ? STUN_HEADER + attributes + STUN_SEALS : size - 1;
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
