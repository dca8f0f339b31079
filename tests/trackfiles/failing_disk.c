/*
 * A disk that fails, preloaded into a writer of track files: writing and syncing block as long as the file named by PLM_STALL is there; with PLM_REFUSE every
 * write from PLM_REFUSE_FROM on returns this errno.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

VISIBLE ssize_t pwrite(int fd, const void *buf, size_t n, off_t at);
VISIBLE int fdatasync(int fd);

static void stall(void)
{
    const struct timespec moment = {0, 5000000};
    const char *file = getenv("PLM_STALL");
    while (file && !access(file, F_OK))
        nanosleep(&moment, NULL);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    const char *refuse = getenv("PLM_REFUSE"), *from = getenv("PLM_REFUSE_FROM");
    stall();
    if (refuse && from && at + (off_t)n > atol(from)) {
        errno = atoi(refuse);
        return -1;
    }
    return syscall(SYS_pwrite64, fd, buf, n, at);
}

int fdatasync(int fd)
{
    stall();
    return (int)syscall(SYS_fdatasync, fd);
}
