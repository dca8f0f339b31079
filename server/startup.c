#include "startup.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_tls.h"
#include "logger.h"
#include "recorder_paths.h"
#include "webhooks.h"

#define API_KEY_MIN 32 /* characters: a key is random, not thought up */
#define OPEN_FILES  65536
#define OWN_FILES   256 /* sockets of workers, store, recorder, files that are being sent, and some to spare */

/* ---- settings ---- */

static int judge_secrets(const struct plm_config *c, char *err, size_t err_size)
{
    const char *why = NULL;
    if (c->api.key && strlen(c->api.key) < API_KEY_MIN)
        why = "api.key: shorter than 32 characters; take: openssl rand -hex 32";
    else if (c->webhooks.url && !c->webhooks.secret)
        why = "webhooks.secret: not set; without it nobody could tell our webhooks from others";
    else if (c->webhooks.url && !plm_webhooks_is_url(c->webhooks.url))
        why = "webhooks.url: not an http or https address";
    if (why)
        snprintf(err, err_size, "%s", why);
    return why ? PLM_EINVAL : 0;
}

int plm_startup_judge(const struct plm_config *config, char *err, size_t err_size)
{
    struct plm_recorder_paths paths;
    bool enabled;
    int rc = judge_secrets(config, err, err_size);
    if (!rc)
        rc = plm_http_tls_load(NULL, config, err, err_size);
    return rc ? rc : plm_recorder_paths_find(&paths, &enabled, config, err, err_size);
}

/* ---- what the machine has ---- */

int plm_startup_make_dir(const char *dir, char *err, size_t err_size)
{
    char path[PATH_MAX];
    int rc = 0;

    int len = snprintf(path, sizeof(path), "%s", dir);
    if (len < 0 || (size_t)len >= sizeof(path))
        rc = -ENAMETOOLONG;
    for (char *p = path + 1; !rc && *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(path, 0755) && errno != EEXIST)
            rc = -errno;
        *p = '/';
    }
    if (!rc && mkdir(path, 0750) && errno != EEXIST)
        rc = -errno;
    if (!rc && access(path, W_OK | X_OK))
        rc = -errno;
    if (rc)
        snprintf(err, err_size, "data.dir: %s: %s", dir, plm_strerror(rc));
    return rc;
}

/* @return 0 or the negated errno of binding a UDP socket of our own there */
static int try_udp(const struct plm_addr *addr)
{
    const int on = 1;
    int fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    bool v6 = addr->sa.sa_family == AF_INET6;
    if (v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    int rc = bind(fd, &addr->sa, v6 ? sizeof(addr->in6) : sizeof(addr->in4)) ? -errno : 0;
    close(fd);
    return rc;
}

static bool is_any6(const struct plm_addr *addr)
{
    return addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
}

static const char *remedy(int rc)
{
    switch (rc) {
    case -EADDRINUSE:
        return ": another program has that port; stop it or choose another one (rtc.listen)";
    case -EADDRNOTAVAIL:
        return ": this machine has no such address (rtc.listen)";
    default:
        return "";
    }
}

int plm_startup_rtc_listen(
    struct plm_config_addrs *out, const struct plm_config *config, char *err, size_t err_size)
{
    char text[PLM_ADDR_TEXT];

    out->n = 0;
    for (size_t i = 0; i < config->rtc.listen.n; i++) {
        const struct plm_addr *addr = &config->rtc.listen.addr[i];
        int rc = try_udp(addr);
        if ((rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL) && is_any6(addr) && config->rtc.listen.n > 1) {
            plm_log(PLM_LOG_WARN, "net", "no IPv6 here: media is on IPv4 only");
            continue;
        }
        if (rc) {
            snprintf(err, err_size, "cannot listen on %s (UDP): %s%s",
                plm_addr_format(addr, text, sizeof(text)), plm_strerror(rc), remedy(rc));
            return rc;
        }
        out->addr[out->n++] = *addr;
    }
    return 0;
}

/* Connections that the settings allow. */
static rlim_t allowed_connections(const struct plm_config *config)
{
    bool tcp = config->rtc.tcp_on_http || config->rtc.tcp_listen.n;
    return config->http.max_connections + (tcp ? config->rtc.limits.tcp_streams : 0);
}

void plm_startup_raise_nofile(const struct plm_config *config)
{
    struct rlimit limit;
    rlim_t needed = allowed_connections(config) + OWN_FILES,
           wanted = needed > OPEN_FILES ? needed : OPEN_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit))
            plm_log(PLM_LOG_WARN, "main", "cannot raise the limit of open files: %s", plm_strerror(-errno));
    }
    if (limit.rlim_cur < needed)
        plm_log(PLM_LOG_WARN, "main",
            "%llu files may be open, too few for the connections that http.max_connections and "
            "rtc.limits.tcp_streams allow: lower these, or give it %llu (LimitNOFILE=, ulimit -n)",
            (unsigned long long)limit.rlim_cur, (unsigned long long)needed);
}

void plm_startup_web_root(const struct plm_config *config, char *out, size_t size)
{
    char exe[PATH_MAX];

    if (config->http.web_root) {
        snprintf(out, size, "%s", config->http.web_root);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[len > 0 ? len : 0] = 0;
    snprintf(out, size, "%s/../share/plenum/web", dirname(exe));
}
