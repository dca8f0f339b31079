/*
 * What signalling asks of media: a table of functions that the server fills with the SFU and a test with a fake.
 * All calls and all events happen on the main thread. No packet, key or socket crosses this line.
 */
#ifndef PLM_SIGNALING_MEDIA_PORT_H
#define PLM_SIGNALING_MEDIA_PORT_H

#include "plenum/media.h"
#include "plenum/sdp.h"

/** Every function returns 0 or a negative plm_err; ctx is the table's own. Meanings as in plenum/engine.h. */
struct plm_media_port {
    void *ctx;
    int (*room_open)(void *ctx, const struct plm_room_config *config, plm_room_id *out);
    void (*room_close)(void *ctx, plm_room_id room);
    /** Open a transport. @param local everything of our side that SDP needs; its strings live until the transport closes or restarts */
    int (*transport_open)(void *ctx, plm_room_id room, plm_participant_id participant,
        struct plm_sdp_local *local, plm_transport_id *out);
    int (*transport_restart)(void *ctx, plm_transport_id id, struct plm_sdp_local *local);
    int (*transport_describe)(void *ctx, plm_transport_id id, const struct plm_transport_params *params);
    int (*transport_view)(void *ctx, plm_transport_id id, const struct plm_view *view);
    int (*transport_pin)(void *ctx, plm_transport_id id, const struct plm_pin *pins, size_t n);
    int (*transport_mute)(void *ctx, plm_transport_id id, enum plm_source source, bool muted);
    int (*transport_move)(void *ctx, plm_transport_id id, plm_room_id room, plm_participant_id participant);
    /** How it fares: told by plm_hub_on_stats, later. May be NULL: nobody knows. */
    int (*transport_stats)(void *ctx, plm_transport_id id);
    void (*transport_close)(void *ctx, plm_transport_id id);
    uint32_t (*random_ssrc)(void *ctx);
};

#endif
