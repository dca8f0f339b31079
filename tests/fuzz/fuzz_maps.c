/* The maps that packets are looked up in, by SSRC and by address, against a table of all keys: also where many keys share a place. */
#include "base/u32_map.h"
#include "fuzz.h"
#include "tuple_map.h"

#include <string.h>

#define KEYS 96

static struct {
    struct plm_u32_map map;
    void *value[KEYS]; /* NULL: not in it */
} by_ssrc;

static struct {
    struct plm_tuple_map map;
    bool in[KEYS];
    uint8_t owner[KEYS];
    bool ours[KEYS];
    uint64_t heard[KEYS];
} by_address;

/* Three runs of keys that hash alike while the map is small (their products with Knuth's number differ far up only), and some that do not. */
static uint32_t ssrc(unsigned k)
{
    static const uint32_t inverse = 244002641; /* of 2654435761 modulo 2^32 */
    return k < 72 ? ((k % 24 + 1) << 20 | (k / 24) << 9) * inverse : k * 0x01010101u;
}

static struct plm_addr address(unsigned k, uint8_t *sock)
{
    struct plm_addr a;
    memset(&a, 0, sizeof a);
    *sock = (uint8_t)(k & 3);
    if (k & 4) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = (uint16_t)(k >> 3);
        a.in6.sin6_addr.s6_addr[15] = (uint8_t)k;
    } else {
        a.in4.sin_family = AF_INET;
        a.in4.sin_port = (uint16_t)(k >> 3);
        a.in4.sin_addr.s_addr = 0x01020304;
    }
    return a;
}

static void check_ssrcs(void)
{
    unsigned n = 0, walked = 0;
    uint32_t at = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        CHECK(plm_u32_map_find(&by_ssrc.map, ssrc(k)) == by_ssrc.value[k]);
        n += by_ssrc.value[k] != NULL;
    }
    for (void *v; (v = plm_u32_map_next(&by_ssrc.map, &at)); walked++)
        CHECK((uint8_t *)v >= (uint8_t *)&by_ssrc && (uint8_t *)v < (uint8_t *)(&by_ssrc + 1));
    CHECK(n == by_ssrc.map.n && walked == n);
    CHECK(n * 4 <= by_ssrc.map.size * 3);
    CHECK(!plm_u32_map_find(&by_ssrc.map, 0) && !plm_u32_map_remove(&by_ssrc.map, 0));
}

static void check_addresses(void)
{
    unsigned n = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        uint8_t sock;
        struct plm_addr a = address(k, &sock);
        const struct plm_tuple *t = plm_tuple_map_find(&by_address.map, sock, &a);
        CHECK((t != NULL) == by_address.in[k]);
        CHECK(!t || (t->used && t->sock == sock && plm_addr_equal(&t->addr, &a) &&
                        t->owner == by_address.owner[k] && t->heard_us == by_address.heard[k]));
        n += t != NULL;
    }
    CHECK(n == by_address.map.n && n * 4 <= by_address.map.size * 3);
}

static void set_address(unsigned k, struct fuzz_input *in)
{
    uint8_t sock, how = fuzz_u8(in);
    struct plm_addr a = address(k, &sock);
    struct plm_tuple *t = plm_tuple_map_set(&by_address.map, sock, &a);
    CHECK(t && plm_addr_equal(&t->addr, &a));
    CHECK(by_address.in[k] || (!t->transport && !t->heard_us && !t->owner));
    by_address.in[k] = true;
    by_address.ours[k] = how & 1;
    by_address.owner[k] = t->owner = how >> 1 & 15;
    by_address.heard[k] = t->heard_us = how >> 5;
    t->transport = how & 1 ? (struct plm_transport *)(void *)&by_address : NULL; /* never followed */
}

static void expire(uint64_t before)
{
    uint32_t n = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        if (!by_address.in[k] || by_address.ours[k] || by_address.heard[k] >= before)
            continue;
        by_address.in[k] = false;
        n++;
    }
    CHECK(plm_tuple_map_expire(&by_address.map, before) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    memset(&by_ssrc, 0, sizeof by_ssrc);
    memset(&by_address, 0, sizeof by_address);
    plm_u32_map_init(&by_ssrc.map);
    plm_tuple_map_init(&by_address.map);
    while (in.left) {
        uint8_t op = fuzz_u8(&in), sock;
        unsigned k = fuzz_u8(&in) % KEYS;
        struct plm_addr a = address(k, &sock);
        switch (op & 7) {
        case 0:
            CHECK(plm_u32_map_remove(&by_ssrc.map, ssrc(k)) == by_ssrc.value[k]);
            by_ssrc.value[k] = NULL;
            break;
        case 1:
            plm_tuple_map_remove(&by_address.map, sock, &a);
            by_address.in[k] = false;
            break;
        case 2:
            expire(op >> 3 & 7);
            break;
        case 3:
        case 4:
            set_address(k, &in);
            break;
        default:
            by_ssrc.value[k] = &by_ssrc.value[fuzz_u8(&in) % KEYS];
            CHECK(plm_u32_map_set(&by_ssrc.map, ssrc(k), by_ssrc.value[k]) == 0);
        }
        check_ssrcs();
        check_addresses();
    }
    plm_u32_map_destroy(&by_ssrc.map);
    plm_tuple_map_destroy(&by_address.map);
    return 0;
}
