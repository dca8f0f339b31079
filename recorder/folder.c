#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plenum/types.h"

#define FILE_MODE   0640
#define FOLDER_MODE 0750
#define TEMPORARY   ".replace"
#define MAX_TEXT    (256 * 1024 * 1024) /* of a journal or a manifest */

int plm_folder_make(int dir_fd, const char *id)
{
    if (!plm_recording_id_valid(id))
        return PLM_EINVAL;
    return mkdirat(dir_fd, id, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : -errno;
}

int plm_folder_open(int dir_fd, const char *id)
{
    if (!plm_recording_id_valid(id))
        return PLM_EINVAL;
    int fd = openat(dir_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static bool name_part(const char *name, char part[PLM_FOLDER_NAME_SIZE])
{
    size_t len = strlen(name);
    if (!plm_recording_file_valid(name) || len + sizeof PLM_RECORDING_PART > PLM_FOLDER_NAME_SIZE)
        return false;
    snprintf(part, PLM_FOLDER_NAME_SIZE, "%s" PLM_RECORDING_PART, name);
    return plm_recording_file_valid(part); /* neither journal nor one that has it already */
}

int plm_folder_create_part(int folder_fd, const char *name)
{
    char part[PLM_FOLDER_NAME_SIZE];
    if (!name_part(name, part))
        return PLM_EINVAL;
    int fd = openat(folder_fd, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    return fd < 0 ? -errno : fd;
}

static int remove_name(int folder_fd, const char *name)
{
    return unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int plm_folder_drop_part(int folder_fd, const char *name)
{
    char part[PLM_FOLDER_NAME_SIZE];
    return name_part(name, part) ? remove_name(folder_fd, part) : PLM_EINVAL;
}

int plm_folder_open_file(int folder_fd, const char *name, int flags)
{
    struct stat st;
    if (!plm_recording_file_valid(name))
        return PLM_EINVAL;
    /* O_NONBLOCK, so that no pipe of this name can hold us up. */
    int fd = openat(folder_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    close(fd);
    return PLM_EINVAL;
}

int plm_folder_publish(int folder_fd, const char *name)
{
    char part[PLM_FOLDER_NAME_SIZE];
    if (!name_part(name, part))
        return PLM_EINVAL;
    int rc = renameat2(folder_fd, part, folder_fd, name, RENAME_NOREPLACE);
    if (rc != 0 &&
        errno == EINVAL) { /* a file system without it: a link fails on a name that is taken, too */
        rc = linkat(folder_fd, part, folder_fd, name, 0);
        if (rc == 0)
            rc = unlinkat(folder_fd, part, 0);
    }
    return rc != 0 || fsync(folder_fd) != 0 ? -errno : 0;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int plm_folder_replace(int folder_fd, const char *name, const void *data, size_t len)
{
    if (!plm_recording_file_valid(name))
        return PLM_EINVAL;
    int fd = openat(folder_fd, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -errno;
    int rc = write_all(fd, data, len);
    if (rc == 0 && fsync(fd) != 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && (renameat(folder_fd, TEMPORARY, folder_fd, name) != 0 || fsync(folder_fd) != 0))
        rc = -errno;
    if (rc)
        unlinkat(folder_fd, TEMPORARY, 0);
    return rc;
}

static int read_all(int fd, size_t size, char **out, size_t *len)
{
    char *text = malloc(size + 1);
    size_t got = 0;
    ssize_t n = 1;
    if (!text)
        return PLM_ENOMEM;
    while (got < size && (n = pread(fd, text + got, size - got, (off_t)got)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    int rc = n < 0 ? -errno : 0;
    if (rc) {
        free(text);
        return rc;
    }
    text[got] = '\0';
    *out = text;
    *len = got;
    return 0;
}

int plm_folder_read(int folder_fd, const char *name, char **out, size_t *len)
{
    struct stat st;
    int fd = plm_folder_open_file(folder_fd, name, O_RDONLY);
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &st) != 0 ? -errno : st.st_size > MAX_TEXT ? PLM_EINVAL : 0;
    if (rc == 0)
        rc = read_all(fd, (size_t)st.st_size, out, len);
    close(fd);
    return rc;
}

int plm_folder_append(int fd, const char *line, size_t len)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = malloc(len + 2);
    if (size < 0 || !text) {
        int rc = text ? -errno : PLM_ENOMEM;
        free(text);
        return rc;
    }
    if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
        last = 0;
    size_t at = 0;
    if (last != '\n')
        text[at++] = '\n'; /* a crash tore that one */
    memcpy(text + at, line, len);
    text[at + len] = '\n';
    int rc = write_all(fd, text, at + len + 1);
    if (rc && ftruncate(fd, size) != 0)
        rc = -errno;
    free(text);
    return rc;
}

/* ---- all files of a folder ---- */

void plm_folder_list_free(struct plm_folder_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct plm_folder_list){0};
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct plm_folder_list *list, const char *name)
{
    char **grown = realloc(list->names, (list->n + 1) * sizeof *grown);
    list->names = grown ? grown : list->names;
    char *copy = grown ? strdup(name) : NULL;
    if (copy)
        list->names[list->n++] = copy;
    return copy != NULL;
}

int plm_folder_list(int folder_fd, struct plm_folder_list *out)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    struct plm_folder_list list = {0};
    bool failed = false;
    for (struct dirent *e; !failed && (e = readdir(dir));)
        failed = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !add_name(&list, e->d_name);
    closedir(dir);
    if (failed) {
        plm_folder_list_free(&list);
        return PLM_ENOMEM;
    }
    if (list.n)
        qsort(list.names, list.n, sizeof *list.names, compare);
    *out = list;
    return 0;
}

int plm_folder_walk(const struct plm_folder_list *list, plm_folder_fn *fn, void *arg)
{
    const size_t tail = sizeof PLM_RECORDING_PART - 1;
    char base[PLM_FOLDER_NAME_SIZE] = "";
    int rc = 0;
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        const char *name = list->names[i];
        size_t len = strlen(name);
        if (!plm_recording_file_valid(name) || len >= sizeof base || name[0] != 'p')
            continue;
        bool part = len > tail && strcmp(name + len - tail, PLM_RECORDING_PART) == 0;
        if (part)
            len -= tail;
        if (strlen(base) == len && strncmp(base, name, len) == 0)
            continue; /* "x.mp4" came right before "x.mp4.part" */
        snprintf(base, sizeof base, "%.*s", (int)len, name);
        rc = fn(arg, base, part);
    }
    return rc;
}

int plm_folder_each(int folder_fd, plm_folder_fn *fn, void *arg)
{
    struct plm_folder_list list;
    int rc = plm_folder_list(folder_fd, &list);
    if (rc)
        return rc;
    rc = plm_folder_walk(&list, fn, arg);
    plm_folder_list_free(&list);
    return rc;
}

int plm_folder_remove(int dir_fd, const char *id)
{
    struct plm_folder_list list = {0};
    int folder_fd = plm_folder_open(dir_fd, id);
    if (folder_fd < 0)
        return folder_fd == -ENOENT ? 0 : folder_fd;
    int rc = remove_name(folder_fd, PLM_RECORDING_MANIFEST);
    if (rc == 0)
        rc = plm_folder_list(folder_fd, &list);
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = remove_name(folder_fd, list.names[i]);
    plm_folder_list_free(&list);
    close(folder_fd);
    if (rc == 0 && unlinkat(dir_fd, id, AT_REMOVEDIR) != 0)
        rc = -errno;
    return rc;
}
