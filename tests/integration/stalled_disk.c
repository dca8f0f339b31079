/*
 * A disk that stalls: preloaded into the server, writing to files and syncing them blocks as long as the file named by PLM_STALL is
 * there. Sockets are written by other calls.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

VISIBLE ssize_t pwrite(int fd, const void *buf, size_t n, off_t at);
VISIBLE ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at);
VISIBLE int fsync(int fd);
VISIBLE int fdatasync(int fd);
VISIBLE int ftruncate(int fd, off_t size);
VISIBLE int ftruncate64(int fd, off64_t size);

static void stall(void)
{
    const struct timespec moment = {0, 5000000};
    const char *file = getenv("PLM_STALL");
    int saved = errno;
    while (file && !access(file, F_OK))
        nanosleep(&moment, NULL);
    errno = saved;
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    stall();
    return real(fd, buf, n, at);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    return pwrite64(fd, buf, n, at);
}

int fsync(int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    stall();
    return real(fd);
}

int fdatasync(int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    stall();
    return real(fd);
}

int ftruncate64(int fd, off64_t size)
{
    int (*real)(int, off64_t) = dlsym(RTLD_NEXT, "ftruncate64");
    stall();
    return real(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}
