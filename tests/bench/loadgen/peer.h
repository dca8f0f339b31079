/*
 * One WebRTC endpoint towards an ice-lite server: a socket, controlling ICE, DTLS client, SRTP. What it does with media is its
 * owner's (publisher.c, receiver.c).
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "loop.h"
#include "plenum/rtp_params.h"
#include "security.h"

struct peer_callbacks {
    /** One SRTP packet as it came; the buffer may be changed. wall_ns: when the kernel had it. */
    void (*rtp)(void *arg, uint8_t *pkt, size_t len, uint64_t wall_ns);
    /** One decrypted compound. */
    void (*rtcp)(void *arg, const uint8_t *pkt, size_t len);
    /** Every turn once connected. */
    void (*poll)(void *arg, uint64_t now_us);
};

struct peer {
    struct loop *loop;
    int fd;
    struct peer_callbacks cb;
    void *arg;
    char ufrag[16], pwd[32]; /* ours */
    struct plm_sec_session *sec;
    bool checked;   /* a check was answered */
    bool connected; /* keys installed */
    bool failed;
    uint64_t posted_us, connected_us; /* offer sent; keys installed */
    uint64_t next_check_us, next_dtls_us;
    struct peer_ice *ice;
    char resource[256]; /* path of the WHIP or WHEP resource */
};

/** Extension ids that every offer here uses; a server answers with the offer's. */
extern const struct plm_ext_ids peer_ext_ids;

#define PEER_PT_AUDIO 111
#define PEER_PT_VIDEO 96
#define PEER_PT_RTX   97

enum peer_direction {
    PEER_SENDS,
    PEER_RECEIVES,
};

/** What an offer holds; each m-line's SSRC is 0 for a receiver. */
struct peer_media {
    enum plm_kind kind;
    uint32_t ssrc, rtx_ssrc;
};

void peer_init(struct peer *p, struct loop *l, const struct peer_callbacks *cb, void *arg);
/** POST an offer to path and begin to connect; dies when it is refused. */
void peer_join(struct peer *p, const struct sockaddr_in *server, const char *path,
    enum peer_direction direction, const struct peer_media *media, size_t n_media);
/** DELETE the resource, close. */
void peer_leave(struct peer *p, const struct sockaddr_in *server);

int peer_fd(const struct peer *p);
void peer_on_readable(struct peer *p);
void peer_poll(struct peer *p);

/** Seal and send a compound; at most 1200 octets. */
void peer_send_rtcp(struct peer *p, const uint8_t *pkt, size_t len);
/** Seal jobs (key filled in here) and send them with one call. */
void peer_send_rtp(struct peer *p, struct plm_seal_job *jobs, size_t n);

#endif
