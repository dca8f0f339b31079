#include "source.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool normalise(char out[PLM_SOURCE_SIZE], const char *text, size_t len)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    if (inet_pton(AF_INET, copy, &v4) == 1)
        return inet_ntop(AF_INET, &v4, out, PLM_SOURCE_SIZE) != NULL;
    if (inet_pton(AF_INET6, copy, &v6) != 1)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        return inet_ntop(AF_INET, &v6.s6_addr[12], out, PLM_SOURCE_SIZE) != NULL;
    return inet_ntop(AF_INET6, &v6, out, PLM_SOURCE_SIZE) != NULL;
}

static const uint8_t *octets_of(const struct plm_addr *a, unsigned *bits)
{
    bool six = a->sa.sa_family == AF_INET6;
    *bits = six ? 128 : 32;
    return six ? (const uint8_t *)&a->in6.sin6_addr : (const uint8_t *)&a->in4.sin_addr;
}

static bool is_within(const struct plm_addr *a, const struct plm_source_net *net)
{
    unsigned bits;
    const uint8_t *one = octets_of(a, &bits), *other = octets_of(&net->addr, &bits);
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (a->sa.sa_family != net->addr.sa.sa_family || memcmp(one, other, whole))
        return false;
    return !rest || (one[whole] ^ other[whole]) >> (8 - rest) == 0;
}

static bool is_trusted(const char *source, const struct plm_source_net *trusted, size_t n)
{
    struct plm_addr addr;
    if (!n || plm_addr_parse(&addr, source))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_within(&addr, &trusted[i]))
            return true;
    return false;
}

int plm_source_net_parse(struct plm_source_net *out, const char *text)
{
    char host[INET6_ADDRSTRLEN + 2];
    struct plm_source_net net;
    size_t len = strcspn(text, "/");
    if (len >= sizeof host)
        return PLM_EINVAL;
    memcpy(host, text, len);
    host[len] = 0;
    if (plm_addr_parse(&net.addr, host) || plm_addr_port(&net.addr))
        return PLM_EINVAL;
    octets_of(&net.addr, &net.bits);
    if (text[len]) {
        const char *digits = text + len + 1;
        size_t n = strspn(digits, "0123456789");
        unsigned long bits = strtoul(digits, NULL, 10);
        if (n < 1 || n > 3 || digits[n] || bits > net.bits)
            return PLM_EINVAL;
        net.bits = (unsigned)bits;
    }
    *out = net;
    return 0;
}

const char *plm_source_net_format(const struct plm_source_net *net, char *buf, size_t size)
{
    unsigned all;
    octets_of(&net->addr, &all);
    plm_addr_format_host(&net->addr, buf, size);
    size_t len = strlen(buf);
    if (net->bits < all)
        snprintf(buf + len, size - len, "/%u", net->bits);
    return buf;
}

/* The last item of the list, which becomes shorter by it. @return false: there is none, or it is no address */
static bool take_last(char out[PLM_SOURCE_SIZE], const char *list, size_t *len)
{
    size_t end = *len, begin;
    while (end && (list[end - 1] == ' ' || list[end - 1] == '\t'))
        end--;
    for (begin = end; begin && list[begin - 1] != ',';)
        begin--;
    *len = begin ? begin - 1 : 0;
    while (begin < end && (list[begin] == ' ' || list[begin] == '\t'))
        begin++;
    return begin < end && normalise(out, list + begin, end - begin);
}

void plm_source_find(char out[PLM_SOURCE_SIZE], const char *peer, const char *forwarded,
    const struct plm_source_net *trusted, size_t n_trusted)
{
    char next[PLM_SOURCE_SIZE];
    size_t left = forwarded ? strlen(forwarded) : 0;
    if (!normalise(out, peer, strlen(peer)))
        snprintf(out, PLM_SOURCE_SIZE, "%s", peer);
    while (left && is_trusted(out, trusted, n_trusted)) {
        bool known = take_last(next, forwarded, &left);
        snprintf(out, PLM_SOURCE_SIZE, "%s", known ? next : PLM_SOURCE_UNKNOWN);
    }
}

bool plm_source_is_trusted(const char *peer, const struct plm_source_net *trusted, size_t n_trusted)
{
    char source[PLM_SOURCE_SIZE];
    return normalise(source, peer, strlen(peer)) && is_trusted(source, trusted, n_trusted);
}
