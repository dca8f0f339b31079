#include "dtls_records.h"

#include "base/planted.h"

enum {
    RECORD_HEADER = 13,
    MESSAGE_HEADER = 12,
    MESSAGE_MAX = 16384,

    CHANGE_CIPHER_SPEC = 20,
    ALERT = 21,
    HANDSHAKE = 22,
    APPLICATION_DATA = 23,

    CLIENT_HELLO = 1,
    HELLO_VERIFY_REQUEST = 3,
    SERVER_HELLO = 2,
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    CERTIFICATE_REQUEST = 13,
    SERVER_HELLO_DONE = 14,
    CERTIFICATE_VERIFY = 15,
    CLIENT_KEY_EXCHANGE = 16,
};

static uint32_t u24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* RFC 5246 section 7.3: what a client sends, in this order, before it changes to protection. */
static bool is_of_client(uint8_t type, unsigned number)
{
    static const uint8_t order[] = {CLIENT_HELLO, CERTIFICATE, CLIENT_KEY_EXCHANGE, CERTIFICATE_VERIFY};
    return number < sizeof order && order[number] == type;
}

static bool is_of_server(uint8_t type)
{
    return type == HELLO_VERIFY_REQUEST || type == SERVER_HELLO || type == CERTIFICATE ||
           type == SERVER_KEY_EXCHANGE || type == CERTIFICATE_REQUEST || type == SERVER_HELLO_DONE;
}

/* Messages and fragments of them, one after the other. */
static bool messages_are_sane(const uint8_t *body, size_t len, bool server)
{
    if (len == 0)
        return false;
    while (len > 0) {
        if (len < MESSAGE_HEADER)
            return false;
        uint32_t length = u24(body + 1), offset = u24(body + 6), size = u24(body + 9);
        unsigned number = (unsigned)body[4] << 8 | body[5];
        if (!(server ? is_of_client(body[0], number) : is_of_server(body[0])))
            return false;
        if (length > MESSAGE_MAX || offset > length || size > length - offset || (size == 0 && length > 0) ||
            size > len - MESSAGE_HEADER)
            return false;
        body += MESSAGE_HEADER + size;
        len -= MESSAGE_HEADER + size;
    }
    return true;
}

static bool plain_is_sane(uint8_t type, const uint8_t *body, size_t len, bool server)
{
    if (type == HANDSHAKE)
        return messages_are_sane(body, len, server);
    return type == CHANGE_CIPHER_SPEC && len == 1 && body[0] == 1;
}

static bool sealed_is_sane(uint8_t type, size_t len, size_t overhead)
{
    return (type == HANDSHAKE || type == ALERT) && len >= overhead;
}

bool plm_dtls_records_look(
    const uint8_t *data, size_t len, bool server, size_t overhead, struct plm_dtls_records *out)
{
    *out = (struct plm_dtls_records){0};
    bool first = true;
    while (len > 0) {
        if (len < RECORD_HEADER || data[0] < CHANGE_CIPHER_SPEC || data[0] > APPLICATION_DATA)
            return false;
        /* 1.0 is what a first ClientHello may be labelled with. */
        if (data[1] != 0xfe || (data[2] != 0xfd && data[2] != 0xff))
            return false;
        const uint8_t *body = data + RECORD_HEADER;
        size_t size = (size_t)data[11] << 8 | data[12];
        if (!PLM_FITS(dtls, size <= len - RECORD_HEADER))
            return false;
        bool plain = data[3] == 0 && data[4] == 0;
        if (plain ? !plain_is_sane(data[0], body, size, server) : !sealed_is_sane(data[0], size, overhead))
            return false;
        if (first)
            out->hello = plain && data[0] == HANDSHAKE && body[0] == CLIENT_HELLO;
        first = false;
        out->plain |= plain;
        out->sealed |= !plain;
        out->finished |= !plain && data[0] == HANDSHAKE;
        data += RECORD_HEADER + size;
        len -= RECORD_HEADER + size;
    }
    return out->plain || out->sealed;
}

void plm_dtls_records_renumber(uint8_t *data, size_t len, uint64_t *next)
{
    while (len >= RECORD_HEADER) {
        size_t size = RECORD_HEADER + ((size_t)data[11] << 8 | data[12]);
        if (data[3] == 0 && data[4] == 0) {
            for (int i = 0; i < 6; i++)
                data[5 + i] = (uint8_t)(*next >> (40 - 8 * i));
            ++*next;
        }
        if (size > len)
            return;
        data += size;
        len -= size;
    }
}
