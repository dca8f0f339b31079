/*
 * One value of the configuration: from text to its place in struct plm_config.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/planted.h"
#include "config_key.h"

#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* A new value is built here and takes the old one's place only when all of it is good. */
union value {
    struct plm_config_addrs addrs;
    struct plm_config_nets nets;
    struct plm_config_texts texts;
    struct plm_config_codecs codecs;
    struct plm_config_servers servers;
    char *text;
    unsigned number;
    bool flag;
    int choice;
};

static const size_t value_sizes[] = {
    [PLM_CFG_ADDRS] = sizeof(struct plm_config_addrs),
    [PLM_CFG_NETS] = sizeof(struct plm_config_nets),
    [PLM_CFG_ORIGINS] = sizeof(struct plm_config_texts),
    [PLM_CFG_CODECS] = sizeof(struct plm_config_codecs),
    [PLM_CFG_SERVERS] = sizeof(struct plm_config_servers),
    [PLM_CFG_TEXT] = sizeof(char *),
    [PLM_CFG_SECRET] = sizeof(char *),
    [PLM_CFG_UINT] = sizeof(unsigned),
    [PLM_CFG_BOOL] = sizeof(bool),
    [PLM_CFG_CHOICE] = sizeof(int),
};

struct why {
    char *text;
    size_t size;
};

static int refuse(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return PLM_EINVAL;
}

bool plm_config_kind_is_list(enum plm_config_kind kind)
{
    return kind == PLM_CFG_ADDRS || kind == PLM_CFG_NETS || kind == PLM_CFG_ORIGINS ||
           kind == PLM_CFG_CODECS || kind == PLM_CFG_SERVERS;
}

static bool names_port(const char *addr)
{
    const char *last = strrchr(addr, ':');
    return last && (addr[0] == '[' ? last[-1] == ']' : last == strchr(addr, ':'));
}

static int parse_addrs(struct plm_config_addrs *out, const struct plm_config_key *key,
    const struct plm_config_raw *raw, struct why *why)
{
    if (raw->n > PLM_CONFIG_MAX_ADDRS)
        return refuse(why, ": more than %d addresses", PLM_CONFIG_MAX_ADDRS);
    for (size_t i = 0; i < raw->n; i++) {
        const char *addr = raw->list[i];
        if (plm_addr_parse(&out->addr[i], addr))
            return refuse(why, "[%zu]: not an address: \"%.80s\" (write %s)", i, addr,
                key->min ? "1.2.3.4:80 or [::1]:80" : "1.2.3.4 or ::1");
        if (key->min && !names_port(addr))
            return refuse(why, "[%zu]: has no port: \"%.80s\" (write 1.2.3.4:80 or [::1]:80)", i, addr);
    }
    out->n = raw->n;
    return 0;
}

static int parse_nets(struct plm_config_nets *out, const struct plm_config_raw *raw, struct why *why)
{
    if (raw->n > PLM_CONFIG_MAX_NETS)
        return refuse(why, ": more than %d addresses", PLM_CONFIG_MAX_NETS);
    for (size_t i = 0; i < raw->n; i++)
        if (plm_source_net_parse(&out->net[i], raw->list[i]))
            return refuse(why,
                "[%zu]: not an address or network: \"%.80s\" (write 10.0.0.1, 10.0.0.0/8 or fd00::/8)", i,
                raw->list[i]);
    out->n = raw->n;
    return 0;
}

/* RFC 6454 section 6.2, as browsers send it: a scheme, "://", a host, perhaps a port. A final "/" would never match. */
static bool is_origin(const char *s)
{
    const char *host = strstr(s, "://");
    if (!strcmp(s, "*") || !strcmp(s, "none"))
        return true;
    if (!host || host == s || !host[3])
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s == 0x7f || *s == ',' || (*s >= 'A' && *s <= 'Z'))
            return false;
    return !strchr(host + 3, '/');
}

static int parse_origins(struct plm_config_texts *out, const struct plm_config_raw *raw, struct why *why)
{
    if (raw->n > PLM_CONFIG_MAX_TEXTS)
        return refuse(why, ": more than %d entries", PLM_CONFIG_MAX_TEXTS);
    if (!raw->n)
        return 0;
    out->text = calloc(raw->n, sizeof(*out->text));
    if (!out->text)
        return PLM_ENOMEM;
    for (; out->n < raw->n; out->n++) {
        if (!is_origin(raw->list[out->n]))
            return refuse(why, "[%zu]: not an origin: \"%.80s\" (write https://app.example.com)", out->n,
                raw->list[out->n]);
        out->text[out->n] = strdup(raw->list[out->n]);
        if (!out->text[out->n])
            return PLM_ENOMEM;
    }
    return 0;
}

static enum plm_codec codec_of(const char *name)
{
    for (int c = PLM_CODEC_NONE + 1; c < PLM_CODEC_COUNT; c++)
        if (!strcasecmp(name, plm_codec_name((enum plm_codec)c)))
            return (enum plm_codec)c;
    return PLM_CODEC_NONE;
}

static int parse_codecs(struct plm_config_codecs *out, const struct plm_config_raw *raw, struct why *why)
{
    for (size_t i = 0; i < raw->n; i++) {
        enum plm_codec codec = codec_of(raw->list[i]);
        if (codec == PLM_CODEC_NONE)
            return refuse(
                why, "[%zu]: no such codec: \"%.80s\" (opus, VP8, VP9, H264, AV1)", i, raw->list[i]);
        for (size_t k = 0; k < out->n; k++)
            if (out->codec[k] == codec)
                return refuse(why, "[%zu]: named twice: \"%.80s\"", i, raw->list[i]);
        out->codec[out->n++] = codec;
    }
    return 0;
}

/*
 * RFC 7064 and 7065. Of an address that is none of these a browser makes no connection at all, nor of one with more in it. It also stands
 * in Link headers, between '<' and '>'.
 */
static bool is_ice_url(const char *url)
{
    bool turn = plm_config_is_turn(url);
    const char *at = strchr(url, ':');
    if (!turn && strncmp(url, "stun:", 5) && strncmp(url, "stuns:", 6))
        return false;
    at++;
    bool six = *at == '[';
    size_t len = strspn(at, six ? "[0123456789abcdefABCDEF:." : HOST_CHARS);
    if (len < (six ? 3 : 1) || (six && at[len++] != ']'))
        return false;
    at += len;
    if (*at == ':') {
        char *end;
        unsigned long port = isdigit((unsigned char)at[1]) ? strtoul(at + 1, &end, 10) : 0;
        if (port < 1 || port > 65535)
            return false;
        at = end;
    }
    return !*at || (turn && (!strcmp(at, "?transport=udp") || !strcmp(at, "?transport=tcp")));
}

/* Both stand between quotes in Link headers. */
static bool is_header_safe(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '"' || *s == '\\')
            return false;
    return true;
}

static int copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? PLM_ENOMEM : 0;
}

static int parse_server(
    struct plm_config_server *out, const struct plm_config_raw_server *raw, size_t i, struct why *why)
{
    if (!raw->url || !is_ice_url(raw->url))
        return refuse(why,
            "[%zu].url: not a stun:, turn: or turns: address: \"%.80s\" (write "
            "turn:turn.example.com:3478?transport=udp)",
            i, raw->url ? raw->url : "");
    if (raw->username && !is_header_safe(raw->username))
        return refuse(why, "[%zu].username: quotes, backslashes and control characters are not allowed", i);
    if (raw->credential && !is_header_safe(raw->credential))
        return refuse(why, "[%zu].credential: quotes, backslashes and control characters are not allowed", i);
    if (!raw->username != !raw->credential)
        return refuse(why, "[%zu].%s: missing", i, raw->username ? "credential" : "username");
    int rc = copy_text(&out->url, raw->url);
    if (!rc)
        rc = copy_text(&out->username, raw->username);
    return rc ? rc : copy_text(&out->credential, raw->credential);
}

static int parse_servers(struct plm_config_servers *out, const struct plm_config_raw *raw, struct why *why)
{
    if (raw->n > PLM_CONFIG_MAX_SERVERS)
        return refuse(why, ": more than %d servers", PLM_CONFIG_MAX_SERVERS);
    for (size_t i = 0; i < raw->n; i++) {
        struct plm_config_raw_server plain = {.url = raw->servers ? NULL : (char *)raw->list[i]};
        out->n = i + 1;
        int rc = parse_server(&out->server[i], raw->servers ? &raw->servers[i] : &plain, i, why);
        if (rc)
            return rc;
    }
    return 0;
}

static int parse_number(unsigned *out, const struct plm_config_key *key, const char *text, struct why *why)
{
    char *end;
    /* strtoul would take a sign and white space. */
    unsigned long v = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (*text < '0' || *text > '9' || *end)
        return refuse(why, ": not a number: \"%.80s\"", text);
    if (!PLM_FITS(config, strlen(text) <= 10 && v >= key->min && v <= key->max))
        return refuse(why, ": %.20s is not within %u..%u", text, key->min, key->max);
    *out = (unsigned)v;
    return 0;
}

static int parse_bool(bool *out, const char *text, struct why *why)
{
    bool yes = !strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcasecmp(text, "on") ||
               !strcmp(text, "1");
    bool no = !strcasecmp(text, "false") || !strcasecmp(text, "no") || !strcasecmp(text, "off") ||
              !strcmp(text, "0");
    if (!yes && !no)
        return refuse(why, ": neither true nor false: \"%.80s\"", text);
    *out = yes;
    return 0;
}

static int parse_choice(int *out, const struct plm_config_key *key, const char *text, struct why *why)
{
    char known[128];
    size_t used = 0;

    for (int i = 0; key->choices[i]; i++) {
        if (!strcmp(text, key->choices[i])) {
            *out = i;
            return 0;
        }
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", key->choices[i]);
    }
    return refuse(why, ": \"%.80s\" is none of %s", text, known);
}

static int parse_value(
    union value *v, const struct plm_config_key *key, const struct plm_config_raw *raw, struct why *why)
{
    switch (key->kind) {
    case PLM_CFG_ADDRS:
        return parse_addrs(&v->addrs, key, raw, why);
    case PLM_CFG_NETS:
        return parse_nets(&v->nets, raw, why);
    case PLM_CFG_ORIGINS:
        return parse_origins(&v->texts, raw, why);
    case PLM_CFG_CODECS:
        return parse_codecs(&v->codecs, raw, why);
    case PLM_CFG_SERVERS:
        return parse_servers(&v->servers, raw, why);
    case PLM_CFG_TEXT:
    case PLM_CFG_SECRET:
        return copy_text(&v->text, *raw->scalar ? raw->scalar : NULL);
    case PLM_CFG_UINT:
        return parse_number(&v->number, key, raw->scalar, why);
    case PLM_CFG_BOOL:
        return parse_bool(&v->flag, raw->scalar, why);
    case PLM_CFG_CHOICE:
        return parse_choice(&v->choice, key, raw->scalar, why);
    }
    return PLM_EINVAL;
}

static void free_value(union value *v, enum plm_config_kind kind)
{
    if (kind == PLM_CFG_TEXT || kind == PLM_CFG_SECRET) {
        if (v->text && kind == PLM_CFG_SECRET)
            explicit_bzero(v->text, strlen(v->text));
        free(v->text);
    } else if (kind == PLM_CFG_ORIGINS) {
        for (size_t i = 0; i < v->texts.n; i++)
            free(v->texts.text[i]);
        free(v->texts.text);
    } else if (kind == PLM_CFG_SERVERS) {
        for (size_t i = 0; i < v->servers.n; i++) {
            free(v->servers.server[i].url);
            free(v->servers.server[i].username);
            free(v->servers.server[i].credential);
        }
    }
}

void plm_config_clear(struct plm_config *config, const struct plm_config_key *key)
{
    char *place = (char *)config + key->offset;
    union value old;

    memcpy(&old, place, value_sizes[key->kind]);
    free_value(&old, key->kind);
    memset(place, 0, value_sizes[key->kind]);
}

int plm_config_set(struct plm_config *config, const struct plm_config_key *key,
    const struct plm_config_raw *raw, char *err, size_t err_size)
{
    struct why why = {err, err_size};
    union value v;

    memset(&v, 0, sizeof(v));
    snprintf(err, err_size, ": out of memory");
    int rc = parse_value(&v, key, raw, &why);
    if (rc) {
        free_value(&v, key->kind);
        return rc;
    }
    plm_config_clear(config, key);
    memcpy((char *)config + key->offset, &v, value_sizes[key->kind]);
    return 0;
}

/* Cut at commas, white space around the pieces is dropped; an empty text is an empty list. */
static size_t split(char *text, const char **list, size_t max)
{
    size_t n = 0;
    while (text && n < max) {
        char *piece = strsep(&text, ",");
        piece += strspn(piece, " \t");
        size_t len = strlen(piece);
        while (len && (piece[len - 1] == ' ' || piece[len - 1] == '\t'))
            piece[--len] = 0;
        if (*piece || text || n)
            list[n++] = piece;
    }
    return n;
}

int plm_config_set_text(
    struct plm_config *config, const struct plm_config_key *key, const char *text, char *err, size_t err_size)
{
    const char *list[PLM_CONFIG_MAX_TEXTS + 1];
    struct plm_config_raw raw = {.scalar = text, .list = list};

    if (!plm_config_kind_is_list(key->kind))
        return plm_config_set(config, key, &raw, err, err_size);
    char *copy = strdup(text);
    if (!copy) {
        snprintf(err, err_size, ": out of memory");
        return PLM_ENOMEM;
    }
    raw.n = split(copy, list, PLM_CONFIG_MAX_TEXTS + 1);
    int rc = plm_config_set(config, key, &raw, err, err_size);
    free(copy);
    return rc;
}
