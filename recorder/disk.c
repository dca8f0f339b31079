#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* A hundred tracks write about a gibibyte a minute: the ceilings leave a quarter of an hour, the floors time to react. */
static const struct {
    unsigned percent;
    uint64_t floor, ceiling;
    unsigned max_percent; /* the floor is no more than this of a tiny disk */
} levels[] = {
    [PLM_DISK_WARN] = {10, 512 * MIB, 40 * GIB, 20},
    [PLM_DISK_REFUSE] = {5, 256 * MIB, 16 * GIB, 10},
    [PLM_DISK_STOP] = {2, 64 * MIB, 4 * GIB, 5},
};

uint64_t plm_disk_threshold(enum plm_disk_level level, uint64_t total)
{
    uint64_t share = total / 100 * levels[level].percent, floor = levels[level].floor;
    uint64_t most = total / 100 * levels[level].max_percent;
    floor = floor < most ? floor : most;
    share = share > floor ? share : floor;
    return share < levels[level].ceiling ? share : levels[level].ceiling;
}

enum plm_disk_level plm_disk_judge(enum plm_disk_level was, uint64_t free_bytes, uint64_t total)
{
    for (enum plm_disk_level level = PLM_DISK_STOP; level > PLM_DISK_OK; level--) {
        uint64_t threshold = plm_disk_threshold(level, total);
        if (free_bytes < threshold + (level <= was ? threshold / 10 : 0))
            return level;
    }
    return PLM_DISK_OK;
}

void plm_disk_init(struct plm_disk *d, int dir_fd, uint64_t reserve_bytes)
{
    *d = (struct plm_disk){.dir_fd = dir_fd, .reserve_bytes = reserve_bytes};
}

static bool has_reserve(const struct plm_disk *d)
{
    struct stat st;
    return fstatat(d->dir_fd, PLM_DISK_RESERVE, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == (off_t)d->reserve_bytes;
}

/* Really take the room: a sparse file would keep nothing back. */
static bool make_reserve(const struct plm_disk *d)
{
    int fd = openat(d->dir_fd, PLM_DISK_RESERVE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool made = posix_fallocate(fd, 0, (off_t)d->reserve_bytes) == 0;
    close(fd);
    if (!made)
        unlinkat(d->dir_fd, PLM_DISK_RESERVE, 0);
    return made;
}

bool plm_disk_watch(struct plm_disk *d, uint64_t now_ms)
{
    struct statvfs v;
    if (fstatvfs(d->dir_fd, &v) != 0)
        return false; /* the next write tells what is wrong */
    uint64_t total = (uint64_t)v.f_blocks * v.f_frsize, available = (uint64_t)v.f_bavail * v.f_frsize;
    enum plm_disk_level was = d->level;
    d->reserved = d->reserved || d->reserve_bytes == 0 || has_reserve(d);
    if (!d->reserved && now_ms >= d->full_until_ms &&
        available > d->reserve_bytes + plm_disk_threshold(PLM_DISK_REFUSE, total) && make_reserve(d)) {
        d->reserved = true;
        available -= d->reserve_bytes;
    }
    uint64_t missing = d->reserved ? 0 : d->reserve_bytes;
    d->free_bytes = available > missing ? available - missing : 0;
    d->level = now_ms < d->full_until_ms ? PLM_DISK_STOP : plm_disk_judge(was, d->free_bytes, total);
    return d->level != was;
}

void plm_disk_on_full(struct plm_disk *d, uint64_t now_ms)
{
    d->level = PLM_DISK_STOP;
    d->full_until_ms = now_ms + PLM_DISK_FULL_MS;
    d->reserved = false;
}

void plm_disk_release(int dir_fd)
{
    unlinkat(dir_fd, PLM_DISK_RESERVE, 0);
}
