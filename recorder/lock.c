#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int open_lock(int dir_fd, int flags)
{
    int fd = openat(dir_fd, PLM_LOCK_FILE, flags | O_NOFOLLOW | O_CLOEXEC, 0640);
    return fd < 0 ? -errno : fd;
}

static int lock(int fd)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int plm_lock_take(int dir_fd)
{
    int fd = open_lock(dir_fd, O_RDWR | O_CREAT);
    if (fd < 0)
        return fd;
    int rc = lock(fd);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int plm_lock_is_held(int dir_fd)
{
    int fd = open_lock(dir_fd, O_RDONLY);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    int rc = lock(fd);
    close(fd);
    return rc == -EWOULDBLOCK ? 1 : rc;
}
