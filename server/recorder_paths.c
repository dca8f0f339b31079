#include "recorder_paths.h"

#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int put(char out[PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
static int put(char out[PATH_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, PATH_MAX, format, args);
    va_end(args);
    return n > 0 && n < PATH_MAX ? 0 : PLM_EINVAL;
}

/* The recorder may be told the same path by a server that was started elsewhere. */
static int put_absolute(char out[PATH_MAX], const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/')
        return put(out, "%s", path);
    return getcwd(here, sizeof(here)) ? put(out, "%s/%s", here, path) : PLM_EINVAL;
}

/* The one that was named, or a file of that name in data.dir. */
static int in_data(char out[PATH_MAX], const char *named, const struct plm_config *config, const char *name)
{
    char path[PATH_MAX];
    int err = named && *named ? put(path, "%s", named) : put(path, "%s/%s", config->data.dir, name);
    return err ? err : put_absolute(out, path);
}

static int find_program(char out[PATH_MAX], const char *named)
{
    char exe[PATH_MAX];
    if (named && *named)
        return put_absolute(out, named);
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[len > 0 ? len : 0] = 0;
    return put(out, "%s/plenum-recorder", dirname(exe));
}

int plm_recorder_paths_find(struct plm_recorder_paths *out, bool *enabled, const struct plm_config *config,
    char *err, size_t err_size)
{
    const char *why = NULL;
    *enabled = false;
    *out->dir = 0;
    if (in_data(out->dir, config->recording.dir, config, "recordings"))
        why = "recording.dir: too long a path";
    else if (config->recording.enabled == PLM_CONFIG_FALSE)
        return 0;
    else if (find_program(out->program, config->recording.program))
        why = "recording.program: too long a path";
    else if (in_data(out->socket, config->recording.socket, config, "recorder.sock") ||
             strlen(out->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        why = "recording.socket: too long a path for a Unix socket; name a shorter one";
    if (why) {
        /* Nobody asked for it by name: a server with a deep data.dir starts, and does not record. */
        snprintf(err, err_size, "%s", why);
        return config->recording.enabled == PLM_CONFIG_AUTO ? 0 : PLM_EINVAL;
    }
    bool there = !config->recording.supervise || access(out->program, X_OK) == 0;
    if (!there && config->recording.enabled == PLM_CONFIG_TRUE) {
        snprintf(
            err, err_size, "recording.program: %.*s: not there, or not to be executed", 200, out->program);
        return PLM_EINVAL;
    }
    *enabled = there;
    return 0;
}
