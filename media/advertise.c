#include "advertise.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static bool is_wildcard(const struct plm_addr *a)
{
    if (a->sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
    return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/** How well an interface address serves strangers; the smaller the better. */
enum rank {
    RANK_PUBLIC4 = 0,
    RANK_PRIVATE4,
    RANK_PUBLIC6,
    RANK_PRIVATE6,
    RANK_LOOPBACK,
    RANK_NEVER,
};

static enum rank rank4(uint32_t a)
{
    if (a >> 24 == 127)
        return RANK_LOOPBACK;
    if (a >> 16 == 0xa9fe || a >> 28 >= 0xe ||
        a >> 24 == 0) /* 169.254/16, multicast and reserved, "this network" */
        return RANK_NEVER;
    bool rfc1918 = a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8;
    bool shared = a >> 22 == (100u << 2 | 1); /* 100.64/10, RFC 6598 */
    return rfc1918 || shared ? RANK_PRIVATE4 : RANK_PUBLIC4;
}

static enum rank rank6(const struct in6_addr *a)
{
    if (IN6_IS_ADDR_LOOPBACK(a))
        return RANK_LOOPBACK;
    if (IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_UNSPECIFIED(a))
        return RANK_NEVER;
    return (a->s6_addr[0] & 0xfe) == 0xfc ? RANK_PRIVATE6 : RANK_PUBLIC6; /* fc00::/7, RFC 4193 */
}

static enum rank rank(const struct plm_addr *a)
{
    return a->sa.sa_family == AF_INET6 ? rank6(&a->in6.sin6_addr) : rank4(ntohl(a->in4.sin_addr.s_addr));
}

size_t plm_interface_addrs(struct plm_addr *out, size_t max)
{
    struct ifaddrs *list;
    size_t n = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (struct ifaddrs *i = list; i && n < max; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
            continue;
        struct plm_addr a = {0};
        if (i->ifa_addr->sa_family == AF_INET)
            memcpy(&a.in4, i->ifa_addr, sizeof a.in4);
        else if (i->ifa_addr->sa_family == AF_INET6)
            memcpy(&a.in6, i->ifa_addr, sizeof a.in6);
        else
            continue;
        plm_addr_set_port(&a, 0);
        out[n++] = a;
    }
    freeifaddrs(list);
    return n;
}

static size_t add(struct plm_addr *out, size_t n, size_t max, const struct plm_addr *host, uint16_t port)
{
    struct plm_addr a = *host;
    plm_addr_set_port(&a, port);
    for (size_t i = 0; i < n; i++)
        if (plm_addr_equal(&out[i], &a))
            return n;
    if (n < max)
        out[n++] = a;
    return n;
}

static size_t add_ranked(struct plm_addr *out, size_t n, size_t max, enum rank wanted,
    const struct plm_addr *bound, size_t n_bound, const struct plm_addr *ifaces, size_t n_ifaces)
{
    for (size_t b = 0; b < n_bound; b++) {
        if (!is_wildcard(&bound[b]))
            continue;
        for (size_t i = 0; i < n_ifaces; i++)
            if (ifaces[i].sa.sa_family == bound[b].sa.sa_family && rank(&ifaces[i]) == wanted)
                n = add(out, n, max, &ifaces[i], plm_addr_port(&bound[b]));
    }
    return n;
}

size_t plm_candidates_from_bound(struct plm_addr *out, size_t max, const struct plm_addr *bound,
    size_t n_bound, const struct plm_addr *ifaces, size_t n_ifaces)
{
    size_t n = 0;
    for (size_t b = 0; b < n_bound; b++)
        if (!is_wildcard(&bound[b]))
            n = add(out, n, max, &bound[b], plm_addr_port(&bound[b]));
    for (int r = RANK_PUBLIC4; r <= RANK_PRIVATE6; r++)
        n = add_ranked(out, n, max, (enum rank)r, bound, n_bound, ifaces, n_ifaces);
    if (n == 0)
        n = add_ranked(out, n, max, RANK_LOOPBACK, bound, n_bound, ifaces, n_ifaces);
    return n;
}

size_t plm_candidates_from_config(struct plm_addr *out, size_t max, const struct plm_addr *told,
    size_t n_told, const struct plm_addr *bound, size_t n_bound)
{
    size_t n = 0;
    for (size_t i = 0; i < n_told; i++) {
        uint16_t port = plm_addr_port(&told[i]);
        for (size_t b = 0; b < n_bound && port == 0; b++)
            if (bound[b].sa.sa_family == told[i].sa.sa_family)
                port = plm_addr_port(&bound[b]);
        if (port == 0 && n_bound)
            port =
                plm_addr_port(&bound[0]); /* a public address of a family that is only translated outside */
        n = add(out, n, max, &told[i], port);
    }
    return n;
}
