/*
 * What the commands share: a recording is told as one JSON object, printed as it is or in words.
 */
#ifndef PLM_RECORDER_CLI_INTERNAL_H
#define PLM_RECORDER_CLI_INTERNAL_H

#include <jansson.h>

#include "cli.h"

struct plm_cli {
    int dir_fd;
    const char *dir;
    bool json;
    bool busy; /**< a recorder serves this folder */
    enum plm_cli_status status;
};

/** Remember the worst that was met. */
void plm_cli_raise(struct plm_cli *cli, enum plm_cli_status status);
/** "good" or an error's text; raises the status that belongs to it. */
const char *plm_cli_judge(struct plm_cli *cli, int error);

/* One recording each: what is to be told about it, NULL: out of memory. */
json_t *plm_cli_list_one(struct plm_cli *cli, const char *id);
json_t *plm_cli_repair_one(struct plm_cli *cli, const char *id);
json_t *plm_cli_verify_one(struct plm_cli *cli, const char *id);

/** The first line of the journal, or the manifest. @return NULL: there is none or it is no JSON */
json_t *plm_cli_read_head(int folder_fd);
json_t *plm_cli_read_manifest(int folder_fd);

#endif
