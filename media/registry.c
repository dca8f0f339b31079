#include "registry.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * Our ufrag is 4 characters of index and 8 random ones; the password 24 random ones (RFC 8839 section 5.4 asks for 24 and 128 bits of
 * randomness; 8 random characters keep a ufrag from being guessed across a restart of its entry).
 */
#define INDEX_CHARS 4
#define TAG_CHARS   8
#define UFRAG_CHARS (INDEX_CHARS + TAG_CHARS)
#define PWD_CHARS   24
#define MAX_ENTRIES 65536
#define FIND_TRIES  8

_Static_assert(UFRAG_CHARS < PLM_UFRAG_SIZE && PWD_CHARS < PLM_PWD_SIZE, "credentials fit");

static const char ice_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The random part of one ufrag and its password, in words, so that reading while they change is defined. */
struct creds {
    _Atomic uint64_t word[(TAG_CHARS + PWD_CHARS) / 8];
};
#define CRED_WORDS (sizeof(((struct creds *)0)->word) / sizeof(uint64_t))

struct entry {
    /*
     * id << 32 | version << 8 | owner; 0: free. Every change of who or what the entry is goes through compare-and-swap on this word. The
     * version counts plans: its last bit says which of `plans` is meant, so a worker that read an old one cannot claim with it.
     */
    _Atomic uint64_t state;
    _Atomic uint64_t floor;  /**< id << 32 | oldest generation of credentials that is still valid */
    _Atomic uint32_t seq;    /**< odd while the control thread writes creds, newest, or a new id */
    _Atomic uint32_t newest; /**< generation; it lies in creds[newest & 1] */
    struct creds creds[2];
    _Atomic(struct plm_transport_plan *) plans[2];
    _Atomic uint32_t checks; /**< second << 8 | how many from unknown addresses were looked at in it */
    _Atomic uint8_t prefer;  /**< 1 + worker, 0: any; set before the id is */
    uint16_t serial;         /**< control thread only: upper half of the next id */
};

struct plm_registry {
    struct entry *entries;
    uint32_t n;
    uint32_t *free; /**< queue of free indices: the one that rested longest is taken first */
    uint32_t free_head, n_free;
    void (*random)(void *arg, void *buf, size_t len);
    void *arg;
};

static uint64_t pack(uint32_t high, uint32_t version, uint8_t owner)
{
    return (uint64_t)high << 32 | (version & 0xffffff) << 8 | owner;
}
static uint32_t id_of(uint64_t state)
{
    return (uint32_t)(state >> 32);
}
static uint32_t version_of(uint64_t state)
{
    return (uint32_t)state >> 8;
}
static uint8_t owner_of(uint64_t state)
{
    return (uint8_t)state;
}

static struct entry *entry_of(const struct plm_registry *r, plm_transport_id id)
{
    uint32_t index = id & 0xffff;
    return index < r->n ? &r->entries[index] : NULL;
}

int plm_registry_create(struct plm_registry **out, uint32_t max_transports,
    void (*random)(void *arg, void *buf, size_t len), void *arg)
{
    if (max_transports == 0 || max_transports > MAX_ENTRIES || !random)
        return PLM_EINVAL;
    struct plm_registry *r = calloc(1, sizeof *r);
    if (!r)
        return PLM_ENOMEM;
    r->entries = calloc(max_transports, sizeof *r->entries);
    r->free = malloc(max_transports * sizeof *r->free);
    if (!r->entries || !r->free) {
        plm_registry_destroy(r);
        return PLM_ENOMEM;
    }
    r->n = r->n_free = max_transports;
    for (uint32_t i = 0; i < max_transports; i++)
        r->free[i] = i;
    r->random = random;
    r->arg = arg;
    *out = r;
    return 0;
}

void plm_registry_destroy(struct plm_registry *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < r->n; i++) {
        uint64_t s = atomic_load(&r->entries[i].state);
        if (id_of(s) && owner_of(s) == PLM_NO_OWNER)
            plm_transport_plan_free(atomic_load(&r->entries[i].plans[version_of(s) & 1]));
    }
    if (r->entries)
        explicit_bzero(r->entries, r->n * sizeof *r->entries);
    free(r->entries);
    free(r->free);
    free(r);
}

/* ---- control thread ---- */

/*
 * A sequence lock by ordered loads and stores alone (no fences): what a reader sees of a write is released after the odd count, so whoever
 * reads it sees the count move.
 */
static void write_begin(struct entry *e)
{
    atomic_fetch_add_explicit(&e->seq, 1, memory_order_acq_rel);
}
static void write_end(struct entry *e)
{
    atomic_fetch_add_explicit(&e->seq, 1, memory_order_acq_rel);
}

static void write_creds(struct creds *c, const char text[TAG_CHARS + PWD_CHARS])
{
    uint64_t word;
    for (size_t i = 0; i < CRED_WORDS; i++) {
        memcpy(&word, text + i * sizeof word, sizeof word);
        atomic_store_explicit(&c->word[i], word, memory_order_release);
    }
}

/** New random credentials into creds of this generation, and as text into out. */
static void make_creds(
    struct plm_registry *r, struct entry *e, uint32_t generation, struct plm_transport_local *out)
{
    uint8_t bits[TAG_CHARS + PWD_CHARS];
    char text[TAG_CHARS + PWD_CHARS];
    uint32_t index = (uint32_t)(e - r->entries);
    r->random(r->arg, bits, sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++)
        text[i] = ice_chars[bits[i] & 63];
    write_creds(&e->creds[generation & 1], text);
    atomic_store_explicit(&e->newest, generation, memory_order_release);

    memset(out->ufrag, 0, sizeof out->ufrag);
    memset(out->pwd, 0, sizeof out->pwd);
    for (int i = 0; i < INDEX_CHARS; i++)
        out->ufrag[i] = ice_chars[index >> (6 * (INDEX_CHARS - 1 - i)) & 63];
    memcpy(out->ufrag + INDEX_CHARS, text, TAG_CHARS);
    memcpy(out->pwd, text + TAG_CHARS, PWD_CHARS);
    explicit_bzero(bits, sizeof bits);
    explicit_bzero(text, sizeof text);
}

int plm_registry_add(struct plm_registry *r, struct plm_transport_plan *plan, struct plm_transport_local *out)
{
    if (r->n_free == 0)
        return PLM_ELIMIT;
    uint32_t index = r->free[r->free_head];
    r->free_head = (r->free_head + 1) % r->n;
    r->n_free--;

    struct entry *e = &r->entries[index];
    if (++e->serial == 0)
        e->serial = 1;
    plm_transport_id id = (uint32_t)e->serial << 16 | index;
    plan->id = id;
    write_begin(e);
    make_creds(r, e, 0, out);
    atomic_store(&e->floor, pack(id, 0, 0));
    atomic_store(&e->prefer, plan->prefer);
    atomic_store(&e->plans[0], plan);
    atomic_store(&e->state, pack(id, 0, PLM_NO_OWNER));
    write_end(e);
    out->id = id;
    return 0;
}

uint8_t plm_registry_amend(struct plm_registry *r, plm_transport_id id, struct plm_transport_plan *plan)
{
    struct entry *e = entry_of(r, id);
    uint64_t s = atomic_load(&e->state);
    assert(id != 0 && id_of(s) == id);
    if (owner_of(s) != PLM_NO_OWNER)
        return owner_of(s);
    uint32_t version = version_of(s) + 1;
    struct plm_transport_plan *former = atomic_load(&e->plans[version_of(s) & 1]);
    plan->id = id;
    atomic_store(&e->plans[version & 1], plan);
    if (!atomic_compare_exchange_strong(&e->state, &s, pack(id, version, PLM_NO_OWNER)))
        return owner_of(s);
    plm_transport_plan_free(former);
    return PLM_NO_OWNER;
}

int plm_registry_restart(struct plm_registry *r, plm_transport_id id, struct plm_transport_local *out)
{
    struct entry *e = entry_of(r, id);
    if (!e || id_of(atomic_load(&e->state)) != id)
        return PLM_ENOENT;
    write_begin(e);
    make_creds(r, e, atomic_load(&e->newest) + 1, out);
    write_end(e);
    out->id = id;
    return 0;
}

uint8_t plm_registry_owner(const struct plm_registry *r, plm_transport_id id)
{
    const struct entry *e = entry_of(r, id);
    uint64_t s = e ? atomic_load(&e->state) : 0;
    return id != 0 && id_of(s) == id ? owner_of(s) : PLM_NO_OWNER;
}

static void release_entry(struct plm_registry *r, struct entry *e)
{
    static const char nothing[TAG_CHARS + PWD_CHARS];
    write_begin(e);
    write_creds(&e->creds[0], nothing);
    write_creds(&e->creds[1], nothing);
    write_end(e);
    r->free[(r->free_head + r->n_free++) % r->n] = (uint32_t)(e - r->entries);
}

uint8_t plm_registry_withdraw(struct plm_registry *r, plm_transport_id id)
{
    struct entry *e = entry_of(r, id);
    uint64_t s = e ? atomic_load(&e->state) : 0;
    if (id == 0 || id_of(s) != id)
        return PLM_NO_OWNER;
    if (owner_of(s) != PLM_NO_OWNER)
        return owner_of(s);
    struct plm_transport_plan *plan = atomic_load(&e->plans[version_of(s) & 1]);
    if (!atomic_compare_exchange_strong(&e->state, &s, 0))
        return owner_of(s);
    plm_transport_plan_free(plan);
    release_entry(r, e);
    return PLM_NO_OWNER;
}

void plm_registry_remove(struct plm_registry *r, plm_transport_id id)
{
    if (plm_registry_withdraw(r, id) == PLM_NO_OWNER)
        return;
    struct entry *e = entry_of(r, id);
    atomic_store(&e->state, 0); /* an owner is for good: nobody else changes the word now */
    release_entry(r, e);
}

/* ---- workers ---- */

static int ice_char_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static struct entry *entry_named(const struct plm_registry *r, const char *ufrag, size_t len)
{
    uint32_t index = 0;
    if (len != UFRAG_CHARS)
        return NULL;
    for (int i = 0; i < INDEX_CHARS; i++) {
        int v = ice_char_value(ufrag[i]);
        if (v < 0)
            return NULL;
        index = index << 6 | (uint32_t)v;
    }
    return index < r->n ? &r->entries[index] : NULL;
}

/** One consistent look at an entry, as long as seq stays. @return whether one of its two credentials has this tag */
static bool look(struct entry *e, uint64_t tag, struct plm_registry_view *out)
{
    uint64_t s = atomic_load(&e->state), floor = atomic_load(&e->floor);
    uint32_t newest = atomic_load_explicit(&e->newest, memory_order_acquire);
    if (id_of(s) == 0)
        return false;
    for (uint32_t back = 0; back < 2 && back <= newest; back++) {
        uint32_t generation = newest - back;
        struct creds *c = &e->creds[generation & 1];
        if ((int32_t)(generation - (uint32_t)floor) < 0 ||
            atomic_load_explicit(&c->word[0], memory_order_acquire) != tag)
            continue;
        for (size_t i = 1; i < CRED_WORDS; i++) {
            uint64_t word = atomic_load_explicit(&c->word[i], memory_order_acquire);
            memcpy(out->pwd + (i - 1) * sizeof word, &word, sizeof word);
        }
        out->pwd[PWD_CHARS] = '\0';
        out->pwd_len = PWD_CHARS;
        out->id = id_of(s);
        out->owner = owner_of(s);
        out->prefer = (uint8_t)(atomic_load(&e->prefer) - 1);
        out->generation = (uint8_t)generation;
        out->newest = back == 0;
        return true;
    }
    return false;
}

bool plm_registry_find(struct plm_registry *r, const char *ufrag, size_t len, struct plm_registry_view *out)
{
    struct entry *e = entry_named(r, ufrag, len);
    if (!e)
        return false;
    uint64_t tag;
    memcpy(&tag, ufrag + INDEX_CHARS, sizeof tag);
    /* Bounded: a worker never waits for a control thread that was put to sleep half-way. The peer asks again. */
    for (int i = 0; i < FIND_TRIES; i++) {
        uint32_t before = atomic_load_explicit(&e->seq, memory_order_acquire);
        bool found = look(e, tag, out);
        if (!(before & 1) && atomic_load_explicit(&e->seq, memory_order_acquire) == before)
            return found;
    }
    return false;
}

_Static_assert(PLM_CHECKS_PER_SEC <= UINT8_MAX, "they are counted in eight bits");

bool plm_registry_take_check(struct plm_registry *r, plm_transport_id id, uint64_t second)
{
    struct entry *e = entry_of(r, id);
    if (!e)
        return false;
    uint32_t begun = (uint32_t)second << 8, seen = atomic_load_explicit(&e->checks, memory_order_relaxed);
    uint32_t n = (seen ^ begun) >> 8 ? 0 : seen & UINT8_MAX;
    if (n >= PLM_CHECKS_PER_SEC)
        return false;
    atomic_store_explicit(&e->checks, begun | (n + 1), memory_order_relaxed);
    return true;
}

bool plm_registry_claim(
    struct plm_registry *r, plm_transport_id id, uint8_t worker, struct plm_transport_plan **plan)
{
    struct entry *e = entry_of(r, id);
    uint64_t s = e ? atomic_load(&e->state) : 0;
    if (id == 0 || id_of(s) != id || owner_of(s) != PLM_NO_OWNER)
        return false;
    struct plm_transport_plan *mine = atomic_load(&e->plans[version_of(s) & 1]);
    if (!atomic_compare_exchange_strong(&e->state, &s, pack(id, version_of(s), worker)))
        return false;
    *plan = mine;
    return true;
}

bool plm_registry_retire(struct plm_registry *r, plm_transport_id id, uint8_t generation)
{
    struct entry *e = entry_of(r, id);
    if (!e)
        return false;
    uint32_t newest = atomic_load_explicit(&e->newest, memory_order_acquire);
    uint64_t floor = atomic_load(&e->floor);
    if ((uint8_t)newest != generation || id_of(floor) != id || (uint32_t)floor == newest)
        return false;
    /* Fails only when the entry began another life, or somebody retired the same: nothing to do in either case. */
    return atomic_compare_exchange_strong(&e->floor, &floor, (uint64_t)id << 32 | newest);
}
