/*
 * What the control thread asks of a worker: typed values, posted through its mailbox. Pointers inside are malloc'd and change owner.
 */
#ifndef PLM_COMMAND_H
#define PLM_COMMAND_H

#include "plenum/worker.h"

/** All that the owner of a transport needs to know; prepared by the control thread before the first check may arrive. */
struct plm_transport_plan {
    plm_transport_id id;
    plm_room_id room;
    plm_participant_id participant;
    struct plm_room_config room_config;
    uint64_t opened_us;
    struct plm_transport_params *params; /**< trimmed; NULL: not described yet */
    struct plm_view *view;               /**< NULL: PLM_VIEW_FOLLOW */
    struct plm_pin *pins;
    size_t n_pins;
    uint8_t muted;                       /**< bit per enum plm_source */
    bool capture;                        /**< it is looked into */
    uint8_t prefer;                      /**< 0: whoever gets the first check may claim it; else 1 + the only worker that may */
};
void plm_transport_plan_free(struct plm_transport_plan *plan);

enum plm_command_type {
    PLM_CMD_DESCRIBE = 1, /**< params */
    PLM_CMD_VIEW,         /**< view */
    PLM_CMD_PIN,          /**< pins */
    PLM_CMD_MUTE,         /**< source, on */
    PLM_CMD_MOVE,         /**< room, participant, room_config */
    PLM_CMD_CLOSE,        /**< reason */
    PLM_CMD_PEERS,        /**< room, peers: which workers have a shard of the room, its home, whether it is fed */
    PLM_CMD_FEED,         /**< feed, for the driver: a socket for the worker's feed, -1 ends it */
    PLM_CMD_STREAM,       /**< stream, for the driver: a peer's TCP connection */
    PLM_CMD_STATS,        /**< scope, request, transport */
};

/** A shard as the control thread announces it to the others. */
struct plm_shard_peer {
    uint8_t worker;
    uint32_t instance;
};

#define PLM_MAX_WORKERS 32
#define PLM_LINK_FEED   PLM_MAX_WORKERS /**< where a worker's number is meant: the reader of this worker's feed */
#define PLM_MAX_LINKS   (PLM_MAX_WORKERS + 1)

struct plm_command {
    struct plm_command *next; /**< the mailbox's */
    enum plm_command_type type;
    plm_transport_id transport;
    plm_room_id room;
    union {
        struct plm_transport_params *params; /**< trimmed */
        struct plm_view *view;
        struct {
            struct plm_pin *v;
            size_t n;
        } pins;
        struct {
            enum plm_source source;
            bool on;
        } mute;
        struct {
            plm_participant_id participant;
            struct plm_room_config room_config;
        } move;
        enum plm_close_reason reason;
        struct {
            uint8_t home; /**< worker whose shard decides who speaks */
            uint8_t n;
            bool fed; /**< to the workers' feeds */
            struct plm_shard_peer v[PLM_MAX_WORKERS];
        } peers;
        struct {
            int fd; /**< owned; closed with the command unless taken (-1) */
        } feed;
        struct {
            int fd; /**< owned, likewise */
            struct plm_addr from;
            uint8_t *early; /**< what another worker has read of it */
            uint32_t len;
        } stream;
        struct {
            uint64_t request;
            int scope; /**< enum plm_stats_scope */
        } stats;
    };
};
/** Free what a command owns, and the command. */
void plm_command_free(struct plm_command *cmd);

#endif
