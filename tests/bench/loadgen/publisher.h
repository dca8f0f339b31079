/*
 * A publisher: Opus at 50 packets a second with levels, and frames that look like VP8, key frames on demand.
 */
#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include "peer.h"

#define PUBLISHER_AUDIO_LEN 80 /* octets of Opus: 32 kbit/s */

struct publisher_config {
    bool video;
    unsigned fps, packets_per_frame;
    unsigned packet_len; /* of a video RTP packet, header included */
    unsigned pace_us;    /* between the packets of a frame; 0: a frame is one burst */
};

struct outgoing {
    uint32_t ssrc, ts, octets;
    uint64_t ext_seq, packets;
};

struct publisher {
    struct peer peer;
    struct publisher_config config;
    bool silent; /* sends nothing but reports */
    struct outgoing audio, video;
    uint16_t twcc_seq, picture_id;
    uint8_t tl0picidx;
    bool key_wanted, frame_is_key;
    unsigned frame_len, frame_at; /* packets of the frame that is being sent */
    uint64_t next_audio_us, next_frame_us, next_packet_us, next_report_us;
    uint64_t plis, nacks, key_frames;
};

void publisher_start(struct publisher *p, struct loop *l, const struct publisher_config *config,
    const struct sockaddr_in *server, const char *path);
void publisher_stop(struct publisher *p, const struct sockaddr_in *server);

#endif
