/*
 * What is looked at before the server starts, so that what usually goes wrong is told with its remedy.
 */
#ifndef PLM_SERVER_STARTUP_H
#define PLM_SERVER_STARTUP_H

#include "config.h"

/**
 * What a server would refuse of settings that were read, before it makes or opens anything: keys that are too short, settings that want each
 * other, files that are not there. The same for a start and for --check.
 * @param err filled unless 0: the key and why @return 0, PLM_EINVAL
 */
int plm_startup_judge(const struct plm_config *config, char *err, size_t err_size);
/** Make data.dir with its parents. @param err filled unless 0 */
int plm_startup_make_dir(const char *dir, char *err, size_t err_size);
/**
 * Addresses for media that this machine has: [::] is left out, with a line in the log, where there is no IPv6.
 * A port that another process has is an error here: the workers' SO_REUSEPORT would share it, and lose half of the datagrams.
 */
int plm_startup_rtc_listen(
    struct plm_config_addrs *out, const struct plm_config *config, char *err, size_t err_size);
/** Raise the limit of open files as far as it may go, to 65536 or what the settings need; a line in the log where they need more than that. */
void plm_startup_raise_nofile(const struct plm_config *config);
/** http.web_root, or the folder beside the program. */
void plm_startup_web_root(const struct plm_config *config, char *out, size_t size);

#endif
