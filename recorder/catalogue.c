#include "catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plenum/types.h"

static int open_dir(int dir_fd, const char *id)
{
    int fd = openat(dir_fd, id ? id : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int add(struct plm_catalogue_names *n, size_t *cap, const char *name)
{
    if (n->n == *cap) {
        size_t larger = *cap ? 2 * *cap : 16;
        char **names = realloc(n->names, larger * sizeof(*names));
        if (!names)
            return PLM_ENOMEM;
        n->names = names;
        *cap = larger;
    }
    n->names[n->n] = strdup(name);
    return n->names[n->n++] ? 0 : PLM_ENOMEM;
}

int plm_catalogue_list(struct plm_catalogue_names *out, int dir_fd, const char *id)
{
    struct plm_catalogue_names n = {0};
    size_t cap = 0;
    int fd = open_dir(dir_fd, id), rc = 0;
    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        rc = -errno;
        close(fd);
        return rc;
    }
    for (struct dirent *e; !rc && (e = readdir(dir));)
        if (id ? plm_recording_file_valid(e->d_name) : plm_recording_id_valid(e->d_name))
            rc = add(&n, &cap, e->d_name);
    closedir(dir);
    if (rc)
        plm_catalogue_names_free(&n);
    else
        *out = n;
    return rc;
}

void plm_catalogue_names_free(struct plm_catalogue_names *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->names[i]);
    free(n->names);
    *n = (struct plm_catalogue_names){0};
}

static int read_all(int fd, char *text, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t n = read(fd, text + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return 0;
}

int plm_catalogue_read(char **text, size_t *len, int dir_fd, const char *id, const char *name)
{
    struct stat st;
    char *octets = NULL;
    size_t got = 0;
    int dir = open_dir(dir_fd, id), rc = 0;
    if (dir < 0)
        return dir;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        rc = -errno;
    else if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > PLM_CATALOGUE_MAX_TEXT)
        rc = PLM_ELIMIT;
    else if (!(octets = malloc((size_t)st.st_size + 1)))
        rc = PLM_ENOMEM;
    else
        rc = read_all(fd, octets, (size_t)st.st_size, &got);
    if (fd >= 0)
        close(fd);
    close(dir);
    if (rc) {
        free(octets);
        return rc;
    }
    octets[got] = '\0';
    *text = octets;
    *len = got;
    return 0;
}
