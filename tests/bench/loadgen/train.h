/*
 * Packets of one size that leave as one message (UDP_SEGMENT), and messages that leave together.
 */
#ifndef BENCH_TRAIN_H
#define BENCH_TRAIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct mmsghdr;

union train_control {
    struct cmsghdr align;
    uint8_t octets[CMSG_SPACE(sizeof(uint16_t))];
};

/** Make m a message of n packets that lie one behind the other. It borrows the octets, iov and control; m has no address. */
void train_fill(struct msghdr *m, struct iovec *iov, union train_control *control, uint8_t *packets,
    size_t packet, unsigned n);
/** Send all n messages by a socket that waits where it is full. Dies where it cannot. */
void train_send(int fd, struct mmsghdr *msgs, unsigned n);

#endif
