/*
 * Configuration files: what is taken can be printed, and what is printed is taken and prints the same; what is refused says why. Numbers lie
 * within what their keys allow. From a file the same is read.
 */
#include "fuzz.h"

#include "config_key.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int load(struct plm_config *config, const char *text, size_t len)
{
    char err[PLM_CONFIG_ERROR_SIZE] = "";

    CHECK(!plm_config_load(config, NULL, NULL, err));
    int rc = plm_config_parse_yaml(config, "f", text, len, err, sizeof(err));
    CHECK(rc ? strlen(err) > 2 && !strncmp(err, "f:", 2) : !*err);
    return rc;
}

static void check_numbers(const struct plm_config *config)
{
    for (size_t i = 0; i < plm_config_n_keys; i++) {
        const struct plm_config_key *key = &plm_config_keys[i];
        if (key->kind != PLM_CFG_UINT)
            continue;
        const unsigned *v = (const void *)((const char *)config + key->offset);
        CHECK(*v >= key->min && *v <= key->max);
    }
}

/** In a file of its own memory. */
static void check_file(const uint8_t *data, size_t size, int rc)
{
    struct plm_config config;
    char err[PLM_CONFIG_ERROR_SIZE] = "", path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK(!plm_config_load(&config, NULL, NULL, err));
    CHECK(plm_config_read_yaml(&config, path, err, sizeof(err)) == rc);
    plm_config_free(&config);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plm_config config, again;

    int rc = load(&config, (const char *)data, size);
    check_file(data, size, rc);
    if (!rc) {
        check_numbers(&config);
        char *text = plm_config_print(&config);
        CHECK(!load(&again, text, strlen(text)));
        char *twice = plm_config_print(&again);
        /* A secret is not printed, a comment stands for it. Neither is an empty folder, which plm_config_load refuses. */
        if (!config.ice.turn_secret && config.data.dir)
            CHECK(!strcmp(text, twice));
        free(text);
        free(twice);
        plm_config_free(&again);
    }
    plm_config_free(&config);
    return 0;
}
