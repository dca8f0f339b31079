/* A track file that a crash left behind, or a finished one: what finishing calls usable is so, and finishing it again changes nothing. */
#include "finish.h"
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE 65536

/* What is in the file now, in a buffer of its own size. */
static uint8_t *content(int fd, size_t *len)
{
    struct stat st;
    CHECK(fstat(fd, &st) == 0);
    *len = (size_t)st.st_size;
    uint8_t *data = malloc(*len + 1);
    CHECK(data && pread(fd, data, *len, 0) == (ssize_t)*len);
    return data;
}

static void check_untouched(int fd, const uint8_t *data, size_t size)
{
    size_t len;
    uint8_t *now = content(fd, &len);
    CHECK(len == size && memcmp(now, data, size) == 0);
    free(now);
}

static void check_finished(int fd, const struct plm_finish_result *r)
{
    struct plm_finish_result again;
    size_t len;
    uint8_t *before = content(fd, &len);
    CHECK(len == r->bytes);
    CHECK(plm_finish(fd, 0, &again) == 0 && again.usable && again.bytes == len);
    check_untouched(fd, before, len);
    free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plm_finish_result looked, r;
    if (size > MAX_SIZE)
        return 0;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    int check = plm_finish_check(fd, &looked);
    check_untouched(fd, data, size);
    int rc = plm_finish(fd, 0, &r);
    CHECK(!r.usable || rc == 0);
    if (!r.usable)
        check_untouched(fd, data, size);
    else
        check_finished(fd, &r);
    /* The closer look of a check may find more wrong, never less. */
    CHECK(check != 0 || looked.usable == r.usable);
    close(fd);
    return 0;
}
