#include "logger.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OTHER_TAG PLM_TAG_COUNT /* tags that the configuration does not know share one bucket */

static struct {
    atomic_int format, level;
    atomic_int tags[PLM_TAG_COUNT];
    pthread_mutex_t lock; /* of what follows and of standard error */
    struct plm_log_bucket buckets[PLM_TAG_COUNT + 1];
} state = {
    .level = PLM_LOG_INFO,
    .tags = {[0 ... PLM_TAG_COUNT - 1] = PLM_LOG_INHERIT},
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

void plm_log_configure(const struct plm_config *config)
{
    atomic_store(&state.format, config->log.format);
    atomic_store(&state.level, config->log.level);
    for (int t = 0; t < PLM_TAG_COUNT; t++)
        atomic_store(&state.tags[t], config->log.tags[t]);
}

static int find_tag(const char *tag)
{
    for (int t = 0; t < PLM_TAG_COUNT; t++)
        if (!strcmp(tag, plm_log_tag_name((enum plm_log_tag)t)))
            return t;
    return OTHER_TAG;
}

static bool wants(enum plm_log_level level, int tag)
{
    int own = tag == OTHER_TAG ? PLM_LOG_INHERIT : atomic_load(&state.tags[tag]);
    return (int)level <= (own == PLM_LOG_INHERIT ? atomic_load(&state.level) : own);
}

bool plm_log_wants(enum plm_log_level level, const char *tag)
{
    return wants(level, find_tag(tag));
}

bool plm_log_bucket_take(struct plm_log_bucket *b, uint64_t now_us)
{
    const uint64_t step_us = 1000000 / PLM_LOG_RATE;

    if (!b->refilled_us) {
        b->refilled_us = now_us ? now_us : 1;
        b->tokens = PLM_LOG_BURST;
    }
    uint64_t steps = now_us > b->refilled_us ? (now_us - b->refilled_us) / step_us : 0;
    b->refilled_us += steps * step_us;
    b->tokens = steps > PLM_LOG_BURST - b->tokens ? PLM_LOG_BURST : b->tokens + (uint32_t)steps;
    if (b->tokens) {
        b->tokens--;
        return true;
    }
    b->suppressed++;
    return false;
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void write_line(
    enum plm_log_level level, const char *tag, const struct plm_log_ids *ids, const char *text)
{
    char line[PLM_LOG_LINE_MAX];
    size_t len = plm_log_format(
        line, sizeof(line), atomic_load(&state.format), clock_us(CLOCK_REALTIME), level, tag, ids, text);
    /* A log that nobody reads any more is no reason to stop: nothing can be done about a failed write here. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

void plm_log_write(enum plm_log_level level, const char *tag, const struct plm_log_ids *ids, const char *text)
{
    int t = find_tag(tag);
    char note[64];

    if (!wants(level, t))
        return;
    pthread_mutex_lock(&state.lock);
    struct plm_log_bucket *b = &state.buckets[t];
    if (plm_log_bucket_take(b, clock_us(CLOCK_MONOTONIC))) {
        if (b->suppressed) {
            snprintf(note, sizeof(note), "%u lines left out", b->suppressed);
            write_line(PLM_LOG_WARN, tag, NULL, note);
            b->suppressed = 0;
        }
        write_line(level, tag, ids, text);
    }
    pthread_mutex_unlock(&state.lock);
}

void plm_log(enum plm_log_level level, const char *tag, const char *format, ...)
{
    char text[PLM_LOG_LINE_MAX];
    va_list args;

    if (!plm_log_wants(level, tag))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    plm_log_write(level, tag, NULL, text);
}

void plm_log_from_engine(void *arg, enum plm_log_level level, const char *tag, const char *text)
{
    (void)arg;
    plm_log_write(level, tag, NULL, text);
}
