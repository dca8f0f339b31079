/* Reads what media/capture_file.c writes, and nothing else of pcapng: each block is looked at as a stranger would, by its lengths. */
#ifndef PLM_TEST_PCAPNG_H
#define PLM_TEST_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PCAPNG_SECTION   0x0A0D0D0Au
#define PCAPNG_INTERFACE 1u
#define PCAPNG_PACKET    6u
#define PCAPNG_CUSTOM    0x0BADu

/** One block; data are borrowed. */
struct pcapng_block {
    uint32_t type;
    uint32_t interface; /* of a packet, a log */
    uint64_t at_us;
    char name[64]; /* of an interface */
    bool outgoing;
    uint8_t what;        /* of a log: 'E', 'A', 'L' */
    const uint8_t *ip;   /* of a packet: from the IP header on */
    const uint8_t *data; /* behind UDP; a log's octets */
    size_t len, full;    /* octets that are there; that there were, of a packet */
};

struct pcapng {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static inline uint32_t pcapng_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline uint16_t pcapng_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

static inline bool pcapng_read_packet(struct pcapng_block *b, const uint8_t *p, size_t len)
{
    if (len < 20)
        return false;
    size_t seen = pcapng_u32(p + 12), full = pcapng_u32(p + 16), padded = (seen + 3) & ~(size_t)3;
    if (padded + 20 + 12 != len || seen > full)
        return false;
    b->interface = pcapng_u32(p);
    b->at_us = (uint64_t)pcapng_u32(p + 4) << 32 | pcapng_u32(p + 8);
    b->ip = p + 20;
    size_t headers = (b->ip[0] >> 4 == 4 ? 20 : 40) + 8;
    if (seen < headers)
        return false;
    b->data = b->ip + headers;
    b->len = seen - headers;
    b->full = full - headers;
    const uint8_t *option = p + 20 + padded;
    b->outgoing = pcapng_u32(option + 4) == 2;
    return pcapng_u16(option) == 2 && pcapng_u16(option + 2) == 4;
}

static inline bool pcapng_read_log(struct pcapng_block *b, const uint8_t *p, size_t len)
{
    if (len < 24 || pcapng_u32(p) != 32473)
        return false;
    b->what = p[4];
    b->interface = pcapng_u32(p + 8);
    memcpy(&b->at_us, p + 12, 8);
    b->len = pcapng_u32(p + 20);
    b->data = p + 24;
    return 24 + ((b->len + 3) & ~(size_t)3) == len;
}

static inline bool pcapng_read_interface(struct pcapng_block *b, const uint8_t *p, size_t len)
{
    if (len < 12 || pcapng_u16(p) != 101 || pcapng_u16(p + 8) != 2)
        return false;
    size_t n = pcapng_u16(p + 10);
    if (n >= sizeof b->name || 12 + n > len)
        return false;
    memcpy(b->name, p + 12, n);
    return true;
}

/** The next block. @return false: the end; then `bad` says whether something was wrong */
static inline bool pcapng_next(struct pcapng *r, struct pcapng_block *b)
{
    memset(b, 0, sizeof *b);
    if (r->left == 0 || r->bad)
        return false;
    r->bad = true;
    if (r->left < 12)
        return false;
    size_t total = pcapng_u32(r->p + 4);
    if (total < 12 || total % 4 || total > r->left || pcapng_u32(r->p + total - 4) != total)
        return false;
    const uint8_t *body = r->p + 8;
    size_t len = total - 12;
    bool good = false;
    b->type = pcapng_u32(r->p);
    switch (b->type) {
    case PCAPNG_SECTION:
        good = len == 16 && pcapng_u32(body) == 0x1A2B3C4D && pcapng_u16(body + 4) == 1;
        break;
    case PCAPNG_INTERFACE:
        good = pcapng_read_interface(b, body, len);
        break;
    case PCAPNG_PACKET:
        good = pcapng_read_packet(b, body, len);
        break;
    case PCAPNG_CUSTOM:
        good = pcapng_read_log(b, body, len);
        break;
    }
    r->bad = !good;
    r->p += total;
    r->left -= total;
    return good;
}

#endif
