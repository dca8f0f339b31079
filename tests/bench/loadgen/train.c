#include "train.h"

#include "die.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

void train_fill(struct msghdr *m, struct iovec *iov, union train_control *control, uint8_t *packets,
    size_t packet, unsigned n)
{
    uint16_t segment = (uint16_t)packet;
    *iov = (struct iovec){packets, n * packet};
    *m = (struct msghdr){.msg_iov = iov, .msg_iovlen = 1};
    if (n == 1)
        return;
    m->msg_control = control;
    m->msg_controllen = sizeof control->octets;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    *c = (struct cmsghdr){
        .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof segment)};
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
}

void train_send(int fd, struct mmsghdr *msgs, unsigned n)
{
    for (unsigned done = 0; done < n;) {
        int rc = sendmmsg(fd, msgs + done, n - done, 0);
        if (rc < 0 && errno != EINTR)
            die("sendmmsg: %s", strerror(errno));
        done += rc > 0 ? (unsigned)rc : 0;
    }
}
