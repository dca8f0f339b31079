#include "base/recording_format.h"

#include <string.h>

static const char *const states[PLM_RECORDING_STATE_COUNT] = {
    "starting", "on", "paused", "closing", "ready", "failed"};
static const char *const reasons[PLM_RECORDING_REASON_COUNT] = {"", "asked", "limit", "ended", "deleted",
    "disk_full", "disk_error", "disk_slow", "no_recorder", "server_gone"};

static unsigned find(const char *const *names, unsigned n, const char *name)
{
    unsigned i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

const char *plm_recording_state_name(enum plm_recording_state s)
{
    return s < PLM_RECORDING_STATE_COUNT ? states[s] : "unknown";
}

enum plm_recording_state plm_recording_state_from(const char *name)
{
    return (enum plm_recording_state)find(states, PLM_RECORDING_STATE_COUNT, name);
}

const char *plm_recording_reason_name(enum plm_recording_reason r)
{
    return r < PLM_RECORDING_REASON_COUNT ? reasons[r] : "unknown";
}

enum plm_recording_reason plm_recording_reason_from(const char *name)
{
    return (enum plm_recording_reason)find(reasons, PLM_RECORDING_REASON_COUNT, name);
}

static bool hexadecimal(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

bool plm_recording_id_valid(const char *id)
{
    return hexadecimal(id, PLM_RECORDING_ID_SIZE - 1);
}

bool plm_recording_run_valid(const char *run)
{
    return hexadecimal(run, PLM_RECORDING_RUN_SIZE - 1);
}

/* Behind a run of one to ten digits, or NULL. */
static const char *skip_number(const char *s)
{
    size_t n = strspn(s, "0123456789");
    return n >= 1 && n <= 10 ? s + n : NULL;
}

static const char *skip_one_of(const char *s, const char *a, const char *b)
{
    if (strncmp(s, a, strlen(a)) == 0)
        return s + strlen(a);
    return strncmp(s, b, strlen(b)) == 0 ? s + strlen(b) : NULL;
}

bool plm_recording_file_valid(const char *name)
{
    if (strcmp(name, PLM_RECORDING_JOURNAL) == 0 || strcmp(name, PLM_RECORDING_MANIFEST) == 0)
        return true;
    const char *s = name[0] == 'p' ? skip_number(name + 1) : NULL;
    s = s ? skip_one_of(s, "-camera-", "-screen-") : NULL;
    s = s ? skip_number(s) : NULL;
    s = s ? skip_one_of(s, ".mp4", ".webm") : NULL;
    return s && (*s == '\0' || strcmp(s, PLM_RECORDING_PART) == 0);
}
