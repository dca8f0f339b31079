#include "proc.h"

#include "die.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static uint64_t task_ns(int pid, const char *task)
{
    char path[300];
    uint64_t ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0; /* the thread has just ended */
    if (fscanf(f, "%" SCNu64, &ns) != 1)
        die("%s: not understood", path);
    fclose(f);
    return ns;
}

uint64_t proc_cpu_ns(pid_t pid)
{
    char path[64];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        die("%s: cannot be read", path);
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            sum += task_ns((int)pid, e->d_name);
    closedir(dir);
    return sum;
}

uint64_t proc_pss_kb(pid_t pid)
{
    char path[64], line[256];
    uint64_t kb = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        die("%s: cannot be read", path);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Pss: %" SCNu64, &kb) == 1)
            break;
    fclose(f);
    return kb;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t clock_us(void)
{
    return clock_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint64_t clock_thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void proc_pin(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        die("cannot be bound to CPU %d", cpu);
}
