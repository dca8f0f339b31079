#include "peer.h"

#include "die.h"
#include "http.h"
#include "ice.h"
#include "offer.h"
#include "proc.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BATCH     16
#define READ_SIZE      65536 /* a whole train */
#define MAX_BURST      64
#define CHECK_AGAIN_US 100000  /* while connecting */
#define CONSENT_US     5000000 /* RFC 7675 section 5.1 */

const struct plm_ext_ids peer_ext_ids = {
    .id = {[PLM_EXT_AUDIO_LEVEL] = 1, [PLM_EXT_TWCC] = 2, [PLM_EXT_MID] = 3},
};

static void random_token(char *out, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    plm_security_dtls.random(NULL, out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[(uint8_t)out[i] % 64];
    out[n] = 0;
}

static void on_sec_send(void *arg, const uint8_t *data, size_t len)
{
    struct peer *p = arg;
    (void)!send(p->fd, data, len, 0); /* DTLS repeats what is lost */
}

static void on_sec_event(void *arg, enum plm_sec_event ev)
{
    struct peer *p = arg;
    if (ev == PLM_SEC_ESTABLISHED) {
        p->connected = true;
        p->connected_us = clock_us();
    } else {
        p->failed = true;
    }
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, size = 1 << 22;
    if (fd < 0)
        die("socket: %s", strerror(errno));
    /* GRO, as a network card would have it; the kernel's arrival time keeps this client's own delays out of the latency. */
    if (setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0)
        die("setsockopt: %s", strerror(errno));
    return fd;
}

void peer_init(struct peer *p, struct loop *l, const struct peer_callbacks *cb, void *arg)
{
    memset(p, 0, sizeof *p);
    p->loop = l;
    p->cb = *cb;
    p->arg = arg;
    p->fd = open_socket();
    p->next_dtls_us = UINT64_MAX;
    random_token(p->ufrag, 8);
    random_token(p->pwd, 24);
}

static void connect_to(struct peer *p, const struct answer *answer)
{
    struct plm_sec_config config = {
        .setup = PLM_SETUP_ACTIVE,
        .fingerprint = answer->fingerprint,
        .cb = {.send = on_sec_send, .event = on_sec_event},
        .arg = p,
    };
    if (connect(p->fd, (const struct sockaddr *)&answer->candidate, sizeof answer->candidate) != 0)
        die("connect: %s", strerror(errno));
    if (plm_security_dtls.session_create(p->loop->security, &config, &p->sec, p->loop->now_us) != 0)
        die("cannot make a DTLS session");
    p->ice = ice_create(p->ufrag, answer->ufrag, answer->pwd);
    loop_add(p->loop, p);
}

void peer_join(struct peer *p, const struct sockaddr_in *server, const char *path,
    enum peer_direction direction, const struct peer_media *media, size_t n_media)
{
    static struct http_reply reply;
    static char offer[OFFER_SIZE];
    struct answer answer;
    offer_write(offer, p, plm_identity_fingerprint(p->loop->identity), direction, media, n_media);
    p->posted_us = clock_us();
    http_request(&reply, server, "POST", path, "application/sdp", offer);
    if (reply.status != 201)
        die("POST %s: status %d: %.300s", path, reply.status, reply.body);
    if (!answer_parse(&answer, reply.body))
        die("POST %s: answer not understood:\n%s", path, reply.body);
    snprintf(p->resource, sizeof p->resource, "%s", reply.location);
    p->loop->now_us = clock_us();
    connect_to(p, &answer);
    peer_poll(p);
}

void peer_leave(struct peer *p, const struct sockaddr_in *server)
{
    static struct http_reply reply;
    http_request(&reply, server, "DELETE", p->resource, "text/plain", "");
    if (reply.status != 200)
        die("DELETE %s: status %d", p->resource, reply.status);
    plm_security_dtls.session_destroy(p->sec);
    ice_destroy(p->ice);
    close(p->fd);
}

int peer_fd(const struct peer *p)
{
    return p->fd;
}

static void on_dtls(struct peer *p, const uint8_t *data, size_t len)
{
    (void)plm_security_dtls.on_datagram(p->sec, data, len, p->loop->now_us);
    p->next_dtls_us = plm_security_dtls.poll(p->sec, p->loop->now_us);
}

static void on_datagram(struct peer *p, uint8_t *data, size_t len, uint64_t wall_ns)
{
    if (len < 4)
        return;
    if (data[0] <= 3) {
        if (ice_on_datagram(p->ice, data, len) && !p->checked) {
            p->checked = true;
            plm_security_dtls.start(p->sec, p->loop->now_us);
            p->next_dtls_us = plm_security_dtls.poll(p->sec, p->loop->now_us);
        }
    } else if (data[0] >= 20 && data[0] <= 63) {
        on_dtls(p, data, len);
    } else if (data[0] >= 128 && data[0] <= 191 && p->connected) {
        if (data[1] < 192 || data[1] > 223)
            p->cb.rtp(p->arg, data, len, wall_ns);
        else if (plm_security_dtls.open_rtcp(p->sec, data, &len) == 0)
            p->cb.rtcp(p->arg, data, len);
    }
}

/* Control data of one read: size of a train's segments (0: none) and arrival. */
static void read_control(struct msghdr *m, size_t *segment, uint64_t *wall_ns)
{
    *segment = 0;
    *wall_ns = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;
            memcpy(&size, CMSG_DATA(c), sizeof size);
            *segment = (size_t)size;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            *wall_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
        }
    }
}

void peer_on_readable(struct peer *p)
{
    static uint8_t buf[READ_BATCH][READ_SIZE];
    static uint8_t control[READ_BATCH][128];
    struct iovec iov[READ_BATCH];
    struct mmsghdr msgs[READ_BATCH];
    memset(msgs, 0, sizeof msgs);
    for (int i = 0; i < READ_BATCH; i++) {
        iov[i] = (struct iovec){buf[i], READ_SIZE};
        msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
            .msg_iovlen = 1,
            .msg_control = control[i],
            .msg_controllen = sizeof control[i]};
    }
    int n = recvmmsg(p->fd, msgs, READ_BATCH, 0, NULL);
    for (int i = 0; i < n; i++) {
        size_t segment, len = msgs[i].msg_len;
        uint64_t wall_ns;
        read_control(&msgs[i].msg_hdr, &segment, &wall_ns);
        if (segment == 0)
            segment = len;
        for (size_t at = 0; at < len; at += segment)
            on_datagram(p, buf[i] + at, len - at < segment ? len - at : segment, wall_ns);
    }
}

void peer_poll(struct peer *p)
{
    uint64_t now = p->loop->now_us;
    if (now >= p->next_check_us) {
        uint8_t check[512];
        size_t len = ice_check(p->ice, check, sizeof check);
        (void)!send(p->fd, check, len, 0);
        p->next_check_us = now + (p->checked ? CONSENT_US : CHECK_AGAIN_US);
    }
    if (now >= p->next_dtls_us)
        p->next_dtls_us = plm_security_dtls.poll(p->sec, now);
    if (p->connected && !p->failed)
        p->cb.poll(p->arg, now);
}

void peer_send_rtcp(struct peer *p, const uint8_t *pkt, size_t len)
{
    uint8_t buf[1200 + PLM_SRTCP_OVERHEAD];
    memcpy(buf, pkt, len);
    if (plm_security_dtls.seal_rtcp(p->sec, buf, &len, sizeof buf) == 0)
        (void)!send(p->fd, buf, len, 0);
}

void peer_send_rtp(struct peer *p, struct plm_seal_job *jobs, size_t n)
{
    struct mmsghdr msgs[MAX_BURST];
    struct iovec iov[MAX_BURST];
    if (n > MAX_BURST)
        die("burst of %zu packets", n);
    for (size_t i = 0; i < n; i++)
        jobs[i].key = plm_security_dtls.seal_key(p->sec);
    plm_security_dtls.seal_rtp(p->loop->security, jobs, n);
    memset(msgs, 0, sizeof msgs);
    for (size_t i = 0; i < n; i++) {
        iov[i] = (struct iovec){jobs[i].out, jobs[i].out_len};
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    for (size_t sent = 0; sent < n;) {
        int rc = sendmmsg(p->fd, msgs + sent, (unsigned)(n - sent), 0);
        if (rc < 0 && errno != EINTR && errno != EAGAIN && errno != ECONNREFUSED)
            die("sendmmsg: %s", strerror(errno));
        sent += rc > 0 ? (size_t)rc : 0;
    }
}
