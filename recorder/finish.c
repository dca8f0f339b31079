#include "finish_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "ebml.h"
#include "mp4_box.h"
#include "plenum/types.h"

int plm_finish_read(const struct plm_finish_file *f, uint64_t at, void *out, size_t len)
{
    if (at > f->size || len > f->size - at)
        return PLM_EINVAL;
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(f->fd, (uint8_t *)out + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : PLM_EINVAL;
        done += (size_t)n;
    }
    return 0;
}

int plm_finish_load(const struct plm_finish_file *f, uint64_t at, uint64_t len, struct plm_blob *out)
{
    plm_blob_clear(out);
    if (at > f->size || len > f->size - at)
        return PLM_EINVAL;
    uint8_t *to = len ? plm_blob_add(out, (size_t)len) : NULL;
    return to ? plm_finish_read(f, at, to, (size_t)len) : len ? PLM_ENOMEM : 0;
}

int plm_finish_write(const struct plm_finish_file *f, uint64_t at, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(f->fd, (const uint8_t *)data + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

int plm_finish_cut(struct plm_finish_file *f, uint64_t size)
{
    if (size == f->size)
        return 0;
    if (ftruncate(f->fd, (off_t)size) != 0)
        return -errno;
    f->size = size;
    return 0;
}

int plm_finish_sync(const struct plm_finish_file *f)
{
    return fdatasync(f->fd) == 0 ? 0 : -errno;
}

static int finish(struct plm_finish_file *f, int64_t hold_us, struct plm_finish_result *out)
{
    struct stat st;
    uint8_t first[8];
    *out = (struct plm_finish_result){0};
    if (fstat(f->fd, &st) != 0)
        return -errno;
    f->size = (uint64_t)st.st_size;
    int rc = plm_finish_read(f, 0, first, sizeof first);
    if (rc)
        return rc;
    if (plm_get32(first) == PLM_EBML_HEAD)
        return plm_finish_webm(f, hold_us, out);
    if (plm_get32(first + 4) == PLM_BOX('f', 't', 'y', 'p'))
        return plm_finish_mp4(f, hold_us, out);
    return PLM_EINVAL;
}

int plm_finish(int fd, int64_t hold_us, struct plm_finish_result *out)
{
    struct plm_finish_file f = {.fd = fd, .write = true};
    return finish(&f, hold_us, out);
}

int plm_finish_check(int fd, struct plm_finish_result *out)
{
    struct plm_finish_file f = {.fd = fd};
    return finish(&f, 0, out);
}
