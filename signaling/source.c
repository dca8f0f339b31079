#include "source.h"

#include <arpa/inet.h>
#include <stdio.h>
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

static bool is_trusted(const char *source, const struct plm_addr *trusted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[INET6_ADDRSTRLEN] = "";
        const struct plm_addr *a = &trusted[i];
        const void *octets =
            a->sa.sa_family == AF_INET ? (const void *)&a->in4.sin_addr : (const void *)&a->in6.sin6_addr;
        if (inet_ntop(a->sa.sa_family, octets, text, sizeof text) && !strcmp(text, source))
            return true;
    }
    return false;
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
    const struct plm_addr *trusted, size_t n_trusted)
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

bool plm_source_is_trusted(const char *peer, const struct plm_addr *trusted, size_t n_trusted)
{
    char source[PLM_SOURCE_SIZE];
    return normalise(source, peer, strlen(peer)) && is_trusted(source, trusted, n_trusted);
}
