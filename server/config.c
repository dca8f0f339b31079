#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_key.h"

static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_names[] = {"text", "json", NULL};
static const char *const srtp_names[] = {"AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES128_CM_SHA1_80", NULL};
static const char *const switch_names[] = {"auto", "true", "false", NULL};
static const char *const tag_names[] = {
    [PLM_TAG_ICE] = "ice",
    [PLM_TAG_DTLS] = "dtls",
    [PLM_TAG_SRTP] = "srtp",
    [PLM_TAG_RTP] = "rtp",
    [PLM_TAG_RTCP] = "rtcp",
    [PLM_TAG_BWE] = "bwe",
    [PLM_TAG_NET] = "net",
    [PLM_TAG_ROOM] = "room",
    [PLM_TAG_WS] = "ws",
    [PLM_TAG_REC] = "rec",
    [PLM_TAG_HTTP] = "http",
    [PLM_TAG_MAIN] = "main",
};

#define AT(member) offsetof(struct plm_config, member)
#define UINT(path, member, lo, hi, df)                                                                       \
    {                                                                                                        \
        path, PLM_CFG_UINT, AT(member), lo, hi, df, NULL                                                     \
    }
#define BOOL(path, member, df)                                                                               \
    {                                                                                                        \
        path, PLM_CFG_BOOL, AT(member), 0, 1, df, NULL                                                       \
    }
#define TEXT(path, member, df)                                                                               \
    {                                                                                                        \
        path, PLM_CFG_TEXT, AT(member), 0, 0, df, NULL                                                       \
    }
#define SECRET(path, member)                                                                                 \
    {                                                                                                        \
        path, PLM_CFG_SECRET, AT(member), 0, 0, NULL, NULL                                                   \
    }
#define LIST(path, kind, member, df)                                                                         \
    {                                                                                                        \
        path, kind, AT(member), 0, 0, df, NULL                                                               \
    }
#define LISTEN(path, member, df)                                                                             \
    {                                                                                                        \
        path, PLM_CFG_ADDRS, AT(member), 1, 0, df, NULL                                                      \
    }
#define LEVEL(path, member, df)                                                                              \
    {                                                                                                        \
        path, PLM_CFG_CHOICE, AT(member), 0, 0, df, level_names                                              \
    }

const struct plm_config_key plm_config_keys[] = {
    LISTEN("http.listen", http.listen, "127.0.0.1:8080"),
    LIST("http.origins", PLM_CFG_ORIGINS, http.origins, ""),
    LIST("http.cors_origins", PLM_CFG_ORIGINS, http.cors_origins, "*"),
    LIST("http.trusted_proxies", PLM_CFG_NETS, http.trusted_proxies, ""),
    TEXT("http.tls.certificate", http.certificate, NULL),
    TEXT("http.tls.key", http.key, NULL),
    TEXT("http.web_root", http.web_root, NULL),
    UINT("http.max_connections", http.max_connections, 1, 100000, "4096"),
    UINT("http.max_per_source", http.max_per_source, 1, 100000, "1024"),
    UINT("http.timeout_s", http.timeout_s, 3, 3600, "30"),

    LISTEN("rtc.listen", rtc.listen, "0.0.0.0:8080,[::]:8080"),
    LIST("rtc.advertise", PLM_CFG_ADDRS, rtc.advertise, ""),
    BOOL("rtc.tcp_on_http", rtc.tcp_on_http, "true"),
    LISTEN("rtc.tcp_listen", rtc.tcp_listen, ""),
    LIST("rtc.tcp_advertise", PLM_CFG_ADDRS, rtc.tcp_advertise, ""),
    UINT("rtc.workers", rtc.workers, 0, 32, "0"),
    UINT("rtc.spread_above", rtc.spread_above, 0, 65536, "40"),
    UINT("rtc.rcvbuf", rtc.rcvbuf, 65536, 1u << 30, "4194304"),
    UINT("rtc.sndbuf", rtc.sndbuf, 65536, 1u << 30, "4194304"),
    UINT("rtc.consent_timeout_ms", rtc.consent_timeout_ms, 5000, 300000, "30000"),
    UINT("rtc.connect_timeout_ms", rtc.connect_timeout_ms, 5000, 300000, "30000"),
    {"rtc.srtp_prefer", PLM_CFG_CHOICE, AT(rtc.srtp_prefer), 0, 0, "AEAD_AES_128_GCM", srtp_names},
    BOOL("rtc.gso", rtc.gso, "true"),
    BOOL("rtc.ipsec_mb", rtc.ipsec_mb, "true"),
    UINT("rtc.limits.transports", rtc.limits.transports, 1, 65536, "4096"),
    UINT("rtc.limits.rooms", rtc.limits.rooms, 1, 65536, "4096"),
    UINT("rtc.limits.ssrcs_per_transport", rtc.limits.ssrcs_per_transport, 1, 1024, "32"),
    UINT("rtc.limits.tracks_per_room", rtc.limits.tracks_per_room, 1, 65536, "1024"),
    UINT("rtc.limits.stun_unauth_per_sec", rtc.limits.stun_unauth_per_sec, 10, 1000000, "2000"),
    UINT("rtc.limits.datagrams_per_turn", rtc.limits.datagrams_per_turn, 16, 65536, "256"),
    UINT("rtc.limits.packets_per_worker", rtc.limits.packets_per_worker, 1024, 4194304, "65536"),
    UINT("rtc.limits.nack_items_per_packet", rtc.limits.nack_items_per_packet, 1, 65536, "256"),
    UINT("rtc.limits.rtx_share_percent", rtc.limits.rtx_share_percent, 1, 100, "40"),
    UINT("rtc.limits.tcp_streams", rtc.limits.tcp_streams, 1, 65536, "4096"),
    UINT("rtc.limits.tcp_unproven", rtc.limits.tcp_unproven, 1, 65536, "64"),
    UINT("rtc.limits.tcp_queue", rtc.limits.tcp_queue, 65536, 1u << 26, "524288"),
    UINT("rtc.limits.feed_queue", rtc.limits.feed_queue, 65536, 1073741824, "25165824"),

    UINT("rooms.max", rooms.max, 1, 65536, "1024"),
    UINT("rooms.max_participants", rooms.max_participants, 1, 1000, "200"),
    UINT("rooms.max_viewers", rooms.max_viewers, 1, 10000, "500"),
    UINT("rooms.max_speakers", rooms.max_speakers, 1, PLM_MAX_SPEAKERS, "4"),
    UINT("rooms.linger_s", rooms.linger_s, 0, 86400, "30"),
    BOOL("rooms.lobby", rooms.lobby, "false"),
    UINT("rooms.max_known", rooms.max_known, 1, 1000000, "10000"),
    UINT("rooms.forget_days", rooms.forget_days, 1, 36500, "30"),
    UINT("rooms.make_rate", rooms.make_rate, 1, 10000, "30"),
    UINT("rooms.make_burst", rooms.make_burst, 1, 100000, "60"),
    LIST("rooms.codecs", PLM_CFG_CODECS, rooms.codecs, "opus,VP8,VP9,H264,AV1"),

    UINT("session.max", session.max, 1, 100000, "4096"),
    UINT("session.grace_s", session.grace_s, 0, 600, "30"),
    UINT("session.message_rate", session.message_rate, 1, 10000, "20"),
    UINT("session.message_burst", session.message_burst, 1, 100000, "60"),
    UINT("session.chat_rate", session.chat_rate, 1, 10000, "3"),
    UINT("session.chat_burst", session.chat_burst, 1, 100000, "8"),
    UINT("session.sdp_rate", session.sdp_rate, 1, 10000, "2"),
    UINT("session.sdp_burst", session.sdp_burst, 1, 100000, "10"),
    UINT("session.max_queue", session.max_queue, 16384, 1u << 30, "262144"),

    SECRET("api.key", api.key),

    TEXT("webhooks.url", webhooks.url, NULL),
    SECRET("webhooks.secret", webhooks.secret),

    LIST("ice.servers", PLM_CFG_SERVERS, ice.servers, ""),
    SECRET("ice.turn_secret", ice.turn_secret),
    UINT("ice.turn_ttl_s", ice.turn_ttl_s, 60, 604800, "86400"),

    LEVEL("log.level", log.level, "info"),
    {"log.format", PLM_CFG_CHOICE, AT(log.format), 0, 0, "text", format_names},
    LEVEL("log.tags.ice", log.tags[PLM_TAG_ICE], NULL),
    LEVEL("log.tags.dtls", log.tags[PLM_TAG_DTLS], NULL),
    LEVEL("log.tags.srtp", log.tags[PLM_TAG_SRTP], NULL),
    LEVEL("log.tags.rtp", log.tags[PLM_TAG_RTP], NULL),
    LEVEL("log.tags.rtcp", log.tags[PLM_TAG_RTCP], NULL),
    LEVEL("log.tags.bwe", log.tags[PLM_TAG_BWE], NULL),
    LEVEL("log.tags.net", log.tags[PLM_TAG_NET], NULL),
    LEVEL("log.tags.room", log.tags[PLM_TAG_ROOM], NULL),
    LEVEL("log.tags.ws", log.tags[PLM_TAG_WS], NULL),
    LEVEL("log.tags.rec", log.tags[PLM_TAG_REC], NULL),
    LEVEL("log.tags.http", log.tags[PLM_TAG_HTTP], NULL),
    LEVEL("log.tags.main", log.tags[PLM_TAG_MAIN], NULL),

    BOOL("metrics.enabled", metrics.enabled, "true"),
    BOOL("metrics.detail", metrics.detail, "false"),

    TEXT("data.dir", data.dir, "data"),

    {"recording.enabled", PLM_CFG_CHOICE, AT(recording.enabled), 0, 0, "auto", switch_names},
    TEXT("recording.dir", recording.dir, NULL),
    TEXT("recording.program", recording.program, NULL),
    TEXT("recording.socket", recording.socket, NULL),
    UINT("recording.limit_s", recording.limit_s, 60, 604800, "10800"),
    UINT("recording.link_s", recording.link_s, 15, 3600, "600"),
    BOOL("recording.supervise", recording.supervise, "true"),
};
const size_t plm_config_n_keys = sizeof(plm_config_keys) / sizeof(plm_config_keys[0]);

const char *plm_log_tag_name(enum plm_log_tag tag)
{
    return (unsigned)tag < PLM_TAG_COUNT ? tag_names[tag] : "unknown";
}

static int set_defaults(struct plm_config *config, char *err)
{
    char why[256];

    memset(config, 0, sizeof(*config));
    for (int t = 0; t < PLM_TAG_COUNT; t++)
        config->log.tags[t] = PLM_LOG_INHERIT;
    for (size_t i = 0; i < plm_config_n_keys; i++) {
        const struct plm_config_key *key = &plm_config_keys[i];
        int rc = key->def ? plm_config_set_text(config, key, key->def, why, sizeof(why)) : 0;
        if (rc) {
            snprintf(err, PLM_CONFIG_ERROR_SIZE, "%s%s", key->path, why);
            return rc;
        }
    }
    return 0;
}

/* "rtc.limits.rooms" is PLENUM_RTC_LIMITS_ROOMS. */
static bool is_variable_of(const struct plm_config_key *key, const char *name, size_t len)
{
    size_t i;
    for (i = 0; i < len && key->path[i]; i++) {
        char c = key->path[i] == '.' ? '_' : (char)toupper((unsigned char)key->path[i]);
        if (c != name[i])
            return false;
    }
    return i == len && !key->path[i];
}

static const struct plm_config_key *find_variable(const char *name, size_t len)
{
    for (size_t i = 0; i < plm_config_n_keys; i++)
        if (is_variable_of(&plm_config_keys[i], name, len))
            return &plm_config_keys[i];
    return NULL;
}

static int read_environment(struct plm_config *config, char *const *env, char *err)
{
    static const char prefix[] = "PLENUM_";
    char why[256];

    for (; env && *env; env++) {
        const char *eq = strchr(*env, '=');
        if (!eq || strncmp(*env, prefix, sizeof(prefix) - 1) != 0)
            continue;
        int name_len = (int)(eq - *env);
        const char *name = *env + sizeof(prefix) - 1;
        const struct plm_config_key *key = find_variable(name, (size_t)(eq - name));
        if (!key) {
            snprintf(err, PLM_CONFIG_ERROR_SIZE,
                "%.*s: no such setting (variables are called PLENUM_<SECTION>_<KEY>)", name_len, *env);
            return PLM_EINVAL;
        }
        int rc = plm_config_set_text(config, key, eq + 1, why, sizeof(why));
        if (rc) {
            snprintf(err, PLM_CONFIG_ERROR_SIZE, "%.*s (%s)%s", name_len, *env, key->path, why);
            return rc;
        }
    }
    return 0;
}

static bool has_text(const char *s)
{
    return s && *s;
}

bool plm_config_is_turn(const char *url)
{
    return !strncmp(url, "turn:", 5) || !strncmp(url, "turns:", 6);
}

/* Browsers make no connection at all when they are told a TURN server without credentials. */
static int check_turn(const struct plm_config *c, char *err)
{
    for (size_t i = 0; i < c->ice.servers.n; i++) {
        const struct plm_config_server *s = &c->ice.servers.server[i];
        if (plm_config_is_turn(s->url) && !s->username && !has_text(c->ice.turn_secret)) {
            snprintf(err, PLM_CONFIG_ERROR_SIZE,
                "ice.servers[%zu].username: missing, and so is ice.turn_secret: browsers take no TURN server "
                "without either",
                i);
            return PLM_EINVAL;
        }
    }
    return 0;
}

/* What no single value shows. */
static int check_together(const struct plm_config *c, char *err)
{
    const char *why = NULL;

    if (has_text(c->http.certificate) && !has_text(c->http.key))
        why = "http.tls.key: missing, http.tls.certificate is set";
    else if (has_text(c->http.key) && !has_text(c->http.certificate))
        why = "http.tls.certificate: missing, http.tls.key is set";
    else if (!c->http.listen.n)
        why = "http.listen: needs an address";
    else if (!c->rtc.listen.n)
        why = "rtc.listen: needs an address";
    else if (c->rtc.listen.n > PLM_MAX_LISTEN)
        why = "rtc.listen: more than 8 addresses";
    else if (!c->rooms.codecs.n)
        why = "rooms.codecs: needs a codec";
    else if (!has_text(c->data.dir))
        why = "data.dir: needs a path";
    if (!why)
        return check_turn(c, err);
    snprintf(err, PLM_CONFIG_ERROR_SIZE, "%s", why);
    return PLM_EINVAL;
}

int plm_config_load(
    struct plm_config *out, const char *file, char *const *env, char err[PLM_CONFIG_ERROR_SIZE])
{
    struct plm_config config;

    int rc = set_defaults(&config, err);
    if (!rc && file)
        rc = plm_config_read_yaml(&config, file, err, PLM_CONFIG_ERROR_SIZE);
    if (!rc)
        rc = read_environment(&config, env, err);
    if (!rc)
        rc = check_together(&config, err);
    if (rc)
        plm_config_free(&config);
    else
        *out = config;
    return rc;
}

void plm_config_free(struct plm_config *config)
{
    for (size_t i = 0; i < plm_config_n_keys; i++)
        plm_config_clear(config, &plm_config_keys[i]);
    memset(config, 0, sizeof(*config));
}
