#include "plenum/types.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static int parse_port(const char *text, uint16_t *out)
{
    unsigned port = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 5; n++)
        port = port * 10 + (unsigned)(text[n] - '0');
    if (n == 0 || text[n] || port > 65535)
        return PLM_EINVAL;
    *out = (uint16_t)port;
    return 0;
}

/** Split text into a host of at most size - 1 octets and a port; a bare IPv6 address has no port. */
static int split(const char *text, char *host, size_t size, bool *six, uint16_t *port)
{
    const char *begin = text, *end, *rest;
    if (text[0] == '[') {
        begin = text + 1;
        end = strchr(begin, ']');
        if (!end)
            return PLM_EINVAL;
        rest = end + 1;
        *six = true;
    } else {
        const char *colon = strchr(text, ':');
        *six = colon && strchr(colon + 1, ':');
        end = colon && !*six ? colon : text + strlen(text);
        rest = end;
    }
    size_t len = (size_t)(end - begin);
    if (len == 0 || len >= size)
        return PLM_EINVAL;
    memcpy(host, begin, len);
    host[len] = '\0';
    *port = 0;
    if (*rest == '\0')
        return 0;
    return *rest == ':' ? parse_port(rest + 1, port) : PLM_EINVAL;
}

int plm_addr_parse(struct plm_addr *out, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    bool six = false;
    uint16_t port = 0;
    struct plm_addr a = {0};
    if (split(text, host, sizeof host, &six, &port) != 0)
        return PLM_EINVAL;
    a.sa.sa_family = six ? AF_INET6 : AF_INET;
    if (inet_pton(a.sa.sa_family, host, six ? (void *)&a.in6.sin6_addr : (void *)&a.in4.sin_addr) != 1)
        return PLM_EINVAL;
    if (six && IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr)) {
        struct plm_addr v4 = {.in4 = {.sin_family = AF_INET}};
        memcpy(&v4.in4.sin_addr, &a.in6.sin6_addr.s6_addr[12], 4);
        a = v4;
    }
    plm_addr_set_port(&a, port);
    *out = a;
    return 0;
}

const char *plm_addr_format_host(const struct plm_addr *a, char *buf, size_t size)
{
    const void *host = a->sa.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr : &a->in4.sin_addr;
    bool known = a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
    if (!known || !inet_ntop(a->sa.sa_family, host, buf, (socklen_t)size))
        snprintf(buf, size, "none");
    return buf;
}

const char *plm_addr_format(const struct plm_addr *a, char *buf, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    plm_addr_format_host(a, host, sizeof host);
    if (a->sa.sa_family == AF_INET6)
        snprintf(buf, size, "[%s]:%u", host, plm_addr_port(a));
    else if (a->sa.sa_family == AF_INET)
        snprintf(buf, size, "%s:%u", host, plm_addr_port(a));
    else
        snprintf(buf, size, "%s", host);
    return buf;
}

bool plm_addr_equal(const struct plm_addr *a, const struct plm_addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family || plm_addr_port(a) != plm_addr_port(b))
        return false;
    switch (a->sa.sa_family) {
    case AF_INET:
        return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    case AF_INET6:
        /* The scope counts: fe80::1 on two interfaces are two peers. */
        return a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
               memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof a->in6.sin6_addr) == 0;
    default:
        return true;
    }
}

uint16_t plm_addr_port(const struct plm_addr *a)
{
    switch (a->sa.sa_family) {
    case AF_INET:
        return ntohs(a->in4.sin_port);
    case AF_INET6:
        return ntohs(a->in6.sin6_port);
    default:
        return 0;
    }
}

void plm_addr_set_port(struct plm_addr *a, uint16_t port)
{
    if (a->sa.sa_family == AF_INET)
        a->in4.sin_port = htons(port);
    else if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
}
