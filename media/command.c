#include "command.h"

#include <stdlib.h>
#include <unistd.h>

void plm_transport_plan_free(struct plm_transport_plan *plan)
{
    if (!plan)
        return;
    free(plan->params);
    free(plan->view);
    free(plan->pins);
    free(plan);
}

void plm_command_free(struct plm_command *cmd)
{
    if (!cmd)
        return;
    switch (cmd->type) {
    case PLM_CMD_DESCRIBE:
        free(cmd->params);
        break;
    case PLM_CMD_VIEW:
        free(cmd->view);
        break;
    case PLM_CMD_PIN:
        free(cmd->pins.v);
        break;
    case PLM_CMD_FEED:
        if (cmd->feed.fd >= 0)
            close(cmd->feed.fd);
        break;
    case PLM_CMD_STREAM:
        if (cmd->stream.fd >= 0)
            close(cmd->stream.fd);
        free(cmd->stream.early);
        break;
    case PLM_CMD_MUTE:
    case PLM_CMD_MOVE:
    case PLM_CMD_CLOSE:
    case PLM_CMD_PEERS:
    case PLM_CMD_STATS:
        break;
    }
    free(cmd);
}
