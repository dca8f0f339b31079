#include "recorder_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logger.h"
#include "plenum/types.h"

struct plm_recorder_process {
    struct plm_recorder_process_config config;
    uv_loop_t *loop;
    uv_process_t *child; /* NULL: none of ours runs */
    uint64_t started_ms, due_ms, delay_ms, starts;
};

int plm_recorder_process_create(
    struct plm_recorder_process **out, uv_loop_t *loop, const struct plm_recorder_process_config *config)
{
    struct plm_recorder_process *p = calloc(1, sizeof(*p));
    if (!p)
        return PLM_ENOMEM;
    p->loop = loop;
    p->config = *config;
    p->delay_ms = PLM_RECORDER_FIRST_MS;
    *out = p;
    return 0;
}

static void free_child(uv_handle_t *handle)
{
    free(handle);
}

static void put_off(struct plm_recorder_process *p)
{
    uint64_t now = uv_now(p->loop);
    if (now - p->started_ms >= PLM_RECORDER_STABLE_MS)
        p->delay_ms = PLM_RECORDER_FIRST_MS;
    p->due_ms = now + p->delay_ms;
    p->delay_ms = p->delay_ms * 2 < PLM_RECORDER_LAST_MS ? p->delay_ms * 2 : PLM_RECORDER_LAST_MS;
}

static void on_exit_of(uv_process_t *child, int64_t status, int signal)
{
    struct plm_recorder_process *p = child->data;
    uv_close((uv_handle_t *)child, free_child);
    if (!p)
        return;
    p->child = NULL;
    if (signal)
        plm_log(PLM_LOG_ERROR, "rec", "the recorder died of signal %d", signal);
    else
        plm_log(
            status ? PLM_LOG_ERROR : PLM_LOG_WARN, "rec", "the recorder ended with status %d", (int)status);
    put_off(p);
}

/* Our secrets are none of its business. @return a list without them, to be freed (not its texts); NULL: no memory */
static char **environment(void)
{
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    char **env = malloc((n + 1) * sizeof(char *));
    for (size_t i = 0; env && i < n; i++)
        if (strncmp(environ[i], "PLENUM_", 7) != 0)
            env[k++] = environ[i];
    if (env)
        env[k] = NULL;
    return env;
}

static int spawn(struct plm_recorder_process *p, uv_process_t *child, char **env)
{
    const struct plm_recorder_process_config *c = &p->config;
    char *args[] = {(char *)(uintptr_t)c->program, "serve", "--dir", (char *)(uintptr_t)c->dir, "--socket",
        (char *)(uintptr_t)c->socket, "--log-level", (char *)(uintptr_t)c->log_level, NULL};
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t options = {.exit_cb = on_exit_of,
        .file = c->program,
        .args = args,
        .env = env,
        .flags = UV_PROCESS_DETACHED, /* setsid */
        .stdio_count = 3,
        .stdio = stdio};
    /* A port of ours that lived on in it could not be opened by the next server. */
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    child->data = p;
    return uv_spawn(p->loop, child, &options);
}

void plm_recorder_process_want(struct plm_recorder_process *p)
{
    if (p->child || uv_now(p->loop) < p->due_ms)
        return;
    uv_process_t *child = calloc(1, sizeof(*child));
    char **env = child ? environment() : NULL;
    p->started_ms = uv_now(p->loop);
    int err = env ? spawn(p, child, env) : PLM_ENOMEM;
    free(env);
    if (err) {
        plm_log(PLM_LOG_ERROR, "rec", "cannot start %s: %s", p->config.program, plm_strerror(err));
        if (env)
            uv_close((uv_handle_t *)child, free_child); /* uv_spawn makes the handle even when it fails */
        else
            free(child);
        put_off(p);
        return;
    }
    p->child = child;
    p->starts++;
    plm_log(PLM_LOG_INFO, "rec", "started %s, process %d", p->config.program, child->pid);
}

uint64_t plm_recorder_process_starts(const struct plm_recorder_process *p)
{
    return p->starts;
}

void plm_recorder_process_leave(struct plm_recorder_process *p)
{
    if (!p)
        return;
    if (p->child) {
        p->child->data = NULL;
        uv_close((uv_handle_t *)p->child, free_child);
    }
    free(p);
}
