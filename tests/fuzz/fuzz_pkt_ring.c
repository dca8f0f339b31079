/*
 * A pool of packets and two rings that keep them for retransmission, against a record of what each holds: nothing is found that was not put
 * there, nothing is lost before its time, and at the pool's cap those that were held longest go first.
 */
#include "fuzz.h"
#include "pkt.h"

#include <string.h>

#define RINGS   2
#define SLOTS   64
#define IN_HAND 16
#define PACKETS 160
#define NOTHING UINT32_MAX

struct held {
    uint64_t ext_seq;
    uint32_t mark;  /* written into the packet; NOTHING: nothing is here */
    uint64_t order; /* of being put: the lowest is taken back first */
};

static struct {
    struct plm_pkt_ring ring;
    struct held held[SLOTS];
    uint64_t had[SLOTS]; /* what was here last, also when it was taken back */
    uint64_t newest;
    bool any;
} rings[RINGS];

static struct {
    struct plm_pkt *pkt;
    uint32_t mark;
} hand[IN_HAND];

static struct plm_pkt_pool *pool;
static uint32_t next_mark;
static uint64_t next_order, evicted;

static uint32_t mark_of(const struct plm_pkt *pkt)
{
    uint32_t mark;
    memcpy(&mark, pkt->data, sizeof mark);
    return mark;
}

static void forget_oldest(void)
{
    struct held *oldest = NULL;
    for (unsigned r = 0; r < RINGS; r++) {
        for (unsigned i = 0; i < SLOTS; i++) {
            struct held *h = &rings[r].held[i];
            if (h->mark != NOTHING && (!oldest || h->order < oldest->order))
                oldest = h;
        }
    }
    CHECK(oldest);
    oldest->mark = NOTHING;
}

static uint32_t alive(void)
{
    uint32_t n = 0;
    for (unsigned r = 0; r < RINGS; r++) {
        for (unsigned i = 0; i < SLOTS; i++)
            n += rings[r].held[i].mark != NOTHING;
    }
    for (unsigned i = 0; i < IN_HAND; i++) {
        bool held = false;
        for (unsigned r = 0; hand[i].pkt && r < RINGS; r++) {
            for (unsigned k = 0; k < SLOTS; k++)
                held |= rings[r].held[k].mark == hand[i].mark;
        }
        bool again = false;
        for (unsigned k = 0; k < i; k++)
            again |= hand[k].pkt && hand[k].mark == hand[i].mark;
        n += hand[i].pkt && !held && !again;
    }
    return n;
}

static struct plm_pkt *get(uint32_t max)
{
    struct plm_pkt *pkt = plm_pkt_get(pool);
    for (; evicted < plm_pkt_pool_evicted(pool); evicted++)
        forget_oldest();
    CHECK(plm_pkt_pool_used(pool) == alive() + (pkt != NULL));
    CHECK(pkt || plm_pkt_pool_used(pool) == max);
    if (pkt)
        memcpy(pkt->data, &next_mark, sizeof next_mark);
    return pkt;
}

static void put(unsigned r, struct fuzz_input *in, uint32_t max)
{
    uint64_t seq = rings[r].newest + (uint64_t)(int64_t)(int8_t)fuzz_u8(in);
    uint8_t keep = fuzz_u8(in);
    struct plm_pkt *pkt = get(max);
    if (!pkt)
        return;
    pkt->ext_seq = seq;
    struct held *h = &rings[r].held[seq % SLOTS];
    bool newer = !rings[r].any || seq > rings[r].newest;
    bool taken = newer || (rings[r].newest - seq < SLOTS && rings[r].had[seq % SLOTS] != seq);
    CHECK(plm_pkt_ring_put(&rings[r].ring, pkt) == taken);
    if (taken) {
        *h = (struct held){seq, next_mark, next_order++};
        rings[r].had[seq % SLOTS] = seq;
        rings[r].any = true;
        rings[r].newest = newer ? seq : rings[r].newest;
    }
    if (keep & 1 && !hand[keep >> 1 & (IN_HAND - 1)].pkt) {
        hand[keep >> 1 & (IN_HAND - 1)].mark = next_mark;
        hand[keep >> 1 & (IN_HAND - 1)].pkt = plm_pkt_ref(pkt);
    }
    next_mark++;
    plm_pkt_put(pool, pkt);
}

static void find(unsigned r, uint64_t seq)
{
    const struct held *h = &rings[r].held[seq % SLOTS];
    const struct plm_pkt *pkt = plm_pkt_ring_find(&rings[r].ring, seq);
    bool there = rings[r].any && h->mark != NOTHING && h->ext_seq == seq && seq <= rings[r].newest &&
                 rings[r].newest - seq < SLOTS;
    CHECK((pkt != NULL) == there);
    CHECK(!pkt || (pkt->ext_seq == seq && mark_of(pkt) == h->mark && pkt->refs > 0));
}

/* Who looks at one number after the other from there on misses nothing, and looks at no more of them than the ring has. */
static void look_from(unsigned r, uint64_t seq)
{
    uint64_t from = plm_pkt_ring_from(&rings[r].ring, seq);
    CHECK(from >= seq && (!rings[r].any || from + SLOTS > rings[r].newest));
    for (uint64_t before = from - seq < SLOTS ? seq : from - SLOTS; before < from; before++)
        CHECK(!plm_pkt_ring_find(&rings[r].ring, before));
}

static void empty(unsigned r)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        rings[r].held[i].mark = NOTHING;
        rings[r].had[i] = UINT64_MAX;
    }
    rings[r].any = false;
    rings[r].newest = 1000; /* where the script goes on */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint32_t max = 1 + fuzz_u8(&in) % PACKETS;
    memset(hand, 0, sizeof hand);
    next_mark = 0;
    next_order = evicted = 0;
    CHECK(plm_pkt_pool_create(&pool, max) == 0);
    for (unsigned r = 0; r < RINGS; r++) {
        empty(r);
        CHECK(plm_pkt_ring_init(&rings[r].ring, pool, SLOTS - 1) == PLM_EINVAL);
        CHECK(plm_pkt_ring_init(&rings[r].ring, pool, SLOTS) == 0);
    }
    while (in.left) {
        uint8_t op = fuzz_u8(&in);
        unsigned r = op >> 7;
        switch (op & 7) {
        case 0: {
            uint64_t seq = rings[r].newest + (uint64_t)(int64_t)(int8_t)fuzz_u8(&in);
            find(r, seq);
            look_from(r, seq);
            break;
        }
        case 1:
            plm_pkt_put(pool, hand[op >> 3 & (IN_HAND - 1)].pkt);
            hand[op >> 3 & (IN_HAND - 1)].pkt = NULL;
            break;
        case 2:
            if (op & 64) {
                plm_pkt_ring_reset(&rings[r].ring);
                empty(r);
            }
            break;
        default:
            put(r, &in, max);
        }
        for (unsigned i = 0; i < IN_HAND; i++)
            CHECK(!hand[i].pkt || mark_of(hand[i].pkt) == hand[i].mark);
    }
    for (unsigned r = 0; r < RINGS; r++) {
        for (uint64_t back = 0; back < SLOTS + 2; back++)
            find(r, rings[r].newest - back);
        plm_pkt_ring_destroy(&rings[r].ring);
    }
    for (unsigned i = 0; i < IN_HAND; i++)
        plm_pkt_put(pool, hand[i].pkt);
    CHECK(plm_pkt_pool_used(pool) == 0);
    plm_pkt_pool_destroy(pool);
    return 0;
}
