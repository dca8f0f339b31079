/*
 * The configuration of plenum-server: one YAML file, overridden by PLENUM_… variables. Its keys, limits and defaults stand in one
 * table (config.c); unknown keys and values out of range are refused, and every error names the key's path.
 */
#ifndef PLM_SERVER_CONFIG_H
#define PLM_SERVER_CONFIG_H

#include <stddef.h>

#include "base/log_line.h"
#include "source.h"

#define PLM_CONFIG_MAX_ADDRS   (PLM_MAX_LISTEN * 2)
#define PLM_CONFIG_MAX_NETS    64
#define PLM_CONFIG_MAX_TEXTS   64
#define PLM_CONFIG_MAX_SERVERS 8
#define PLM_CONFIG_ERROR_SIZE  512

struct plm_config_addrs {
    size_t n;
    struct plm_addr addr[PLM_CONFIG_MAX_ADDRS];
};

struct plm_config_nets {
    size_t n;
    struct plm_source_net net[PLM_CONFIG_MAX_NETS];
};

struct plm_config_texts {
    size_t n;
    char **text;
};

struct plm_config_codecs {
    size_t n;
    enum plm_codec codec[PLM_CODEC_COUNT];
};

/** One STUN or TURN server that clients are told. */
struct plm_config_server {
    char *url;
    char *username, *credential; /**< NULL: none, or made from ice.turn_secret */
};

struct plm_config_servers {
    size_t n;
    struct plm_config_server server[PLM_CONFIG_MAX_SERVERS];
};

/** rtc.srtp_prefer */
enum plm_config_srtp {
    PLM_CONFIG_GCM_128 = 0,
    PLM_CONFIG_GCM_256,
    PLM_CONFIG_CM_80,
};

/** recording.enabled */
enum plm_config_switch {
    PLM_CONFIG_AUTO = 0,
    PLM_CONFIG_TRUE,
    PLM_CONFIG_FALSE,
};

/** Tags whose level can be set on its own. */
enum plm_log_tag {
    PLM_TAG_ICE = 0,
    PLM_TAG_DTLS,
    PLM_TAG_SRTP,
    PLM_TAG_RTP,
    PLM_TAG_RTCP,
    PLM_TAG_BWE,
    PLM_TAG_NET,
    PLM_TAG_ROOM,
    PLM_TAG_WS,
    PLM_TAG_REC,
    PLM_TAG_HTTP,
    PLM_TAG_MAIN,
    PLM_TAG_COUNT
};

/** Level of a tag that follows log.level. */
#define PLM_LOG_INHERIT (-1)

/** Every value after defaults, file and environment. Texts are owned; NULL is "not set". */
struct plm_config {
    struct {
        struct plm_config_addrs listen;
        struct plm_config_texts origins, cors_origins;
        struct plm_config_nets trusted_proxies;
        char *certificate, *key;
        char *web_root;
        unsigned max_connections, max_per_source;
        unsigned timeout_s;
    } http;
    struct {
        struct plm_config_addrs listen, advertise;
        struct plm_config_addrs tcp_listen, tcp_advertise;
        bool tcp_on_http;
        unsigned workers; /**< 0: the engine decides */
        unsigned spread_above;
        unsigned rcvbuf, sndbuf;
        unsigned consent_timeout_ms, connect_timeout_ms;
        int srtp_prefer; /**< enum plm_config_srtp */
        bool gso, ipsec_mb;
        struct plm_limits limits;
    } rtc;
    struct {
        unsigned max, max_participants, max_viewers, max_speakers, linger_s;
        unsigned max_known, forget_days;
        unsigned make_rate, make_burst; /**< per minute and source, at once */
        bool lobby;
        struct plm_config_codecs codecs;
    } rooms;
    struct {
        unsigned max, grace_s;
        unsigned message_rate, message_burst, chat_rate, chat_burst, sdp_rate, sdp_burst;
        unsigned max_queue;
    } session;
    struct {
        char *key; /**< of the API, bootstraps the others */
    } api;
    struct {
        char *url, *secret;
    } webhooks;
    struct {
        struct plm_config_servers servers;
        char *turn_secret;
        unsigned turn_ttl_s;
    } ice;
    struct {
        int level; /**< enum plm_log_level */
        int format;
        int tags[PLM_TAG_COUNT]; /**< a level or PLM_LOG_INHERIT */
    } log;
    struct {
        bool enabled, detail;
    } metrics;
    struct {
        char *dir;
    } data;
    struct {
        int enabled;                  /**< enum plm_config_switch */
        char *dir, *program, *socket; /**< NULL: from data.dir, and beside the server (recorder_paths.h) */
        unsigned limit_s, link_s;
        bool supervise;
    } recording;
};

/**
 * Read defaults, then the file, then the environment.
 * @param file  path of a YAML file; NULL: none
 * @param env   NULL-terminated "NAME=value" list; only names that begin with PLENUM_ are looked at
 * @param err   filled unless 0: "FILE:LINE: rtc.listen[0]: not an address: "foo"" or "PLENUM_RTC_LISTEN: …"
 * @return 0, PLM_EINVAL, PLM_ENOMEM, or a negated errno when the file cannot be read; out needs plm_config_free only after 0
 */
int plm_config_load(
    struct plm_config *out, const char *file, char *const *env, char err[PLM_CONFIG_ERROR_SIZE]);
void plm_config_free(struct plm_config *config);

/** Is an address of ice.servers one of TURN, to which clients bring credentials? */
bool plm_config_is_turn(const char *url);

/**
 * Write the configuration as YAML that plm_config_load reads, once it has the secrets: they are left out, a comment says that they are set.
 * @return malloc'd text, NULL when memory is short
 */
char *plm_config_print(const struct plm_config *config);

const char *plm_log_tag_name(enum plm_log_tag tag);

#endif
