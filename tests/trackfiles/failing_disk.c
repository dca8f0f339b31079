/*
 * A disk that fails, preloaded into a writer of track files: writing and syncing block as long as the file named by PLM_STALL is there; with PLM_REFUSE every
 * write from PLM_REFUSE_FROM on returns this errno; all writes, new files and folders do as long as the file named by PLM_FAIL, which holds the errno, is
 * there, and with the one named by PLM_BLIND nobody learns how much room there is. And a wall clock that is off by the seconds that the file named by
 * PLM_CLOCK_SHIFT holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

VISIBLE ssize_t pwrite(int fd, const void *buf, size_t n, off_t at);
VISIBLE ssize_t write(int fd, const void *buf, size_t n);
VISIBLE int fdatasync(int fd);
VISIBLE int openat(int dir, const char *path, int flags, ...);
VISIBLE int mkdirat(int dir, const char *path, mode_t mode);
VISIBLE int fstatvfs(int fd, struct statvfs *v);
VISIBLE int clock_gettime(clockid_t clock, struct timespec *t);

/* The number in the file that a variable names; 0: there is none. */
static long number_of(const char *variable)
{
    const char *file = getenv(variable);
    char text[24] = "";
    int saved = errno, fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    errno = saved;
    return atol(text);
}

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
    long error = number_of("PLM_FAIL");
    if (error) {
        errno = (int)error;
        return -1;
    }
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

/* Of files alone; sockets and what is said on standard output go on. */
ssize_t write(int fd, const void *buf, size_t n)
{
    struct stat st;
    if (fd > STDERR_FILENO && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
        stall();
        long error = number_of("PLM_FAIL");
        if (error) {
            errno = (int)error;
            return -1;
        }
    }
    return syscall(SYS_write, fd, buf, n);
}

int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        long error = number_of("PLM_FAIL");
        if (error) {
            errno = (int)error;
            return -1;
        }
    }
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    long error = number_of("PLM_FAIL");
    if (!error)
        return (int)syscall(SYS_mkdirat, dir, path, mode);
    errno = (int)error;
    return -1;
}

int fstatvfs(int fd, struct statvfs *v)
{
    struct statfs s;
    long error = number_of("PLM_BLIND");
    if (error) {
        errno = (int)error;
        return -1;
    }
    if (syscall(SYS_fstatfs, fd, &s))
        return -1;
    *v = (struct statvfs){.f_bsize = (unsigned long)s.f_bsize,
        .f_frsize = (unsigned long)(s.f_frsize ? s.f_frsize : s.f_bsize),
        .f_blocks = s.f_blocks,
        .f_bfree = s.f_bfree,
        .f_bavail = s.f_bavail};
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);
    if (!rc && clock == CLOCK_REALTIME)
        t->tv_sec += number_of("PLM_CLOCK_SHIFT");
    return rc;
}
