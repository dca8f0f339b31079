#include "capture_file.h"

#include <stdio.h>
#include <string.h>

#define SECTION          0x0A0D0D0Au
#define INTERFACE        1u
#define PACKET           6u
#define CUSTOM           0x0BADu
#define BYTE_ORDER_MAGIC 0x1A2B3C4Du
#define RAW_IP           101u   /* link type: the packet begins with an IP header */
#define ENTERPRISE       32473u /* RFC 5612 */
#define OPT_END          0u
#define OPT_NAME         2u /* of an interface */
#define OPT_FLAGS        2u /* of a packet */
#define INBOUND          1u
#define OUTBOUND         2u
#define IP4_HEADER       20u
#define IP6_HEADER       40u
#define UDP_HEADER       8u
#define UDP              17u
#define BODY_MAX         (128u * 1024)

/** A block that is being put together: parts, whose octets are borrowed. */
struct block {
    struct part {
        const void *data;
        size_t len;
    } parts[8];
    unsigned n;
    size_t len;
};

static void add(struct block *b, const void *data, size_t len)
{
    static const uint8_t zeros[4];
    b->parts[b->n].data = data;
    b->parts[b->n++].len = len;
    b->len += len;
    if (len % 4) {
        b->parts[b->n].data = zeros;
        b->parts[b->n++].len = 4 - len % 4;
        b->len += 4 - len % 4;
    }
}

static void put(struct plm_capture_file *f, const void *data, size_t len)
{
    if (!f->ended && !f->write(f->arg, data, len))
        f->ended = true;
    f->written += len;
}

/* Whole blocks only: a file that is full can be read. */
static void put_block(struct plm_capture_file *f, uint32_t type, const struct block *b)
{
    uint32_t total = (uint32_t)(b->len + 12);
    if (f->written + total > f->max)
        f->ended = true;
    if (f->ended)
        return;
    put(f, &type, 4);
    put(f, &total, 4);
    for (unsigned i = 0; i < b->n; i++)
        put(f, b->parts[i].data, b->parts[i].len);
    put(f, &total, 4);
}

void plm_capture_file_begin(struct plm_capture_file *f)
{
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        int64_t length;
    } __attribute__((packed)) section = {BYTE_ORDER_MAGIC, 1, 0, -1};
    struct block b = {.n = 0};
    plm_u32_map_init(&f->interfaces);
    add(&b, &section, sizeof section);
    put_block(f, SECTION, &b);
}

void plm_capture_file_end(struct plm_capture_file *f)
{
    plm_u32_map_destroy(&f->interfaces);
}

/* ---- interfaces ---- */

static void put_interface(
    struct plm_capture_file *f, const struct plm_capture_head *head, const struct plm_capture_who *who)
{
    const struct {
        uint16_t link, reserved;
        uint32_t snap;
    } interface = {RAW_IP, 0, 0};
    char name[64];
    int len = snprintf(name, sizeof name, "transport %u room %u participant %u", head->transport, who->room,
        who->participant);
    const uint16_t option[] = {OPT_NAME, (uint16_t)len}, end[] = {OPT_END, 0};
    struct block b = {.n = 0};
    if (plm_u32_map_set(&f->interfaces, head->transport, (void *)(uintptr_t)(f->n_interfaces + 1)) != 0)
        return;
    f->n_interfaces++;
    add(&b, &interface, sizeof interface);
    add(&b, option, sizeof option);
    add(&b, name, (size_t)len);
    add(&b, end, sizeof end);
    put_block(f, INTERFACE, &b);
}

/* @return false: it was never told of */
static bool interface_of(const struct plm_capture_file *f, uint32_t transport, uint32_t *out)
{
    uintptr_t i = (uintptr_t)plm_u32_map_find(&f->interfaces, transport);
    *out = (uint32_t)(i - 1);
    return i != 0;
}

/* ---- packets ---- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* Headers as they would be between us and the peer; of us nothing but the port is known. @return their length, 0: no address */
static size_t write_ip(const struct plm_capture_file *f, const struct plm_capture_head *head, uint8_t *p)
{
    bool is4 = head->peer.sa.sa_family == AF_INET;
    size_t ip = is4 ? IP4_HEADER : IP6_HEADER, at = head->outgoing ? 1 : 0;
    uint8_t *udp = p + ip;
    if (!is4 && head->peer.sa.sa_family != AF_INET6)
        return 0;
    memset(p, 0, ip + UDP_HEADER);
    if (is4) {
        p[0] = 0x45;
        put16(p + 2, (uint32_t)(ip + UDP_HEADER + head->len));
        p[8] = 64;
        p[9] = UDP;
        memcpy(p + 12 + 4 * at, &head->peer.in4.sin_addr, 4);
    } else {
        p[0] = 0x60;
        put16(p + 4, (uint32_t)(UDP_HEADER + head->len));
        p[6] = UDP;
        p[7] = 64;
        memcpy(p + 8 + 16 * at, &head->peer.in6.sin6_addr, 16);
    }
    put16(udp + 2 * at, plm_addr_port(&head->peer));
    put16(udp + 2 - 2 * at, f->port);
    put16(udp + 4, UDP_HEADER + head->len);
    return ip + UDP_HEADER;
}

static uint64_t wall_of(const struct plm_capture_file *f, uint64_t at_us)
{
    return (uint64_t)((int64_t)at_us + f->unix_offset_us);
}

static void put_packet(
    struct plm_capture_file *f, const struct plm_capture_head *head, const uint8_t *data, size_t len)
{
    uint8_t ip[IP6_HEADER + UDP_HEADER];
    uint64_t at = wall_of(f, head->at_us);
    uint32_t interface;
    size_t ip_len = write_ip(f, head, ip);
    if (!ip_len || !interface_of(f, head->transport, &interface))
        return;
    const uint32_t fixed[] = {interface, (uint32_t)(at >> 32), (uint32_t)at, (uint32_t)(ip_len + len),
        (uint32_t)ip_len + head->len};
    const uint16_t option[] = {OPT_FLAGS, 4}, end[] = {OPT_END, 0};
    const uint32_t flags = head->outgoing ? OUTBOUND : INBOUND;
    struct block b = {.n = 0};
    add(&b, fixed, sizeof fixed);
    add(&b, ip, ip_len);
    add(&b, data, len);
    add(&b, option, sizeof option);
    add(&b, &flags, sizeof flags);
    add(&b, end, sizeof end);
    put_block(f, PACKET, &b);
}

/* ---- logs ---- */

static void put_log(struct plm_capture_file *f, const struct plm_capture_head *head, uint8_t what,
    const void *data, size_t len)
{
    struct {
        uint32_t enterprise;
        uint8_t what[4];
        uint32_t interface;
        uint64_t at_us;
        uint32_t len;
    } __attribute__((packed)) fixed = {ENTERPRISE, {what}, 0, wall_of(f, head->at_us), (uint32_t)len};
    uint32_t interface = UINT32_MAX; /* what was lost is of none */
    struct block b = {.n = 0};
    if (what != 'L' && !interface_of(f, head->transport, &interface))
        return;
    fixed.interface = interface;
    add(&b, &fixed, sizeof fixed);
    add(&b, data, len);
    put_block(f, CUSTOM, &b);
}

void plm_capture_file_frame(struct plm_capture_file *f, const uint8_t *frame, size_t len)
{
    const struct plm_capture_head *head = (const struct plm_capture_head *)(const void *)frame;
    if (len < sizeof *head || len > BODY_MAX || f->ended)
        return;
    const uint8_t *body = frame + sizeof *head;
    len -= sizeof *head;
    switch ((enum plm_capture_kind)head->kind) {
    case PLM_CAPTURE_TRANSPORT:
        if (len == sizeof(struct plm_capture_who))
            put_interface(f, head, (const struct plm_capture_who *)(const void *)body);
        break;
    case PLM_CAPTURE_PACKET:
        put_packet(f, head, body, len);
        break;
    case PLM_CAPTURE_ESTIMATOR:
        put_log(f, head, 'E', body, len);
        break;
    case PLM_CAPTURE_ALLOCATOR:
        put_log(f, head, 'A', body, len);
        break;
    case PLM_CAPTURE_LOST:
        put_log(f, head, 'L', &head->len, sizeof head->len);
        break;
    }
}
