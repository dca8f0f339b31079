/*
 * A network of this thread's own: nothing but a loopback interface. Needs the right to make one; without it a case is left out.
 */
#ifndef OWN_NETWORK_H
#define OWN_NETWORK_H

#include "plenum/types.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/** @return descriptor of the network to go back to, -1: not allowed */
static inline int own_network_enter(int mtu)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_mtu = mtu};
    int former = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (former < 0 || unshare(CLONE_NEWNET) != 0) {
        close(former);
        return -1;
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool good = ioctl(fd, SIOCSIFMTU, &request) == 0;
    request.ifr_flags = IFF_UP;
    good = ioctl(fd, SIOCSIFFLAGS, &request) == 0 && good;
    close(fd);
    return good ? former : -1;
}

static inline bool own_network_leave(int former)
{
    bool good = setns(former, CLONE_NEWNET) == 0;
    close(former);
    return good;
}

/** Give the interface a further IPv4 address. */
static inline bool own_network_add(const struct plm_addr *a)
{
    struct ifreq request = {.ifr_name = "lo:1"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    memcpy(&request.ifr_addr, &a->in4, sizeof a->in4);
    bool good = ioctl(fd, SIOCSIFADDR, &request) == 0;
    close(fd);
    return good;
}

#endif
