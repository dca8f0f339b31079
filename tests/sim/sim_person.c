#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct sim_person *sim_join(struct sim *s, const struct sim_join *j)
{
    struct sim_person *p = calloc(1, sizeof *p);
    struct plm_transport_params *params = malloc(sizeof *params);
    if (!p || !params)
        abort();
    p->sim = s;
    p->id = j->id;
    p->room = j->room;
    p->codec = j->codec;
    p->n_encodings = j->n_encodings;
    p->fps = j->fps ? j->fps : 30;
    p->audio_ms = j->audio_ms ? j->audio_ms : 20;
    p->talks_at_random = j->talks_at_random;
    p->silent = j->silent;
    sim_log(s, "%u joins", p->id);
    if (j->publishes) {
        sim_publisher_describe(p, params);
        p->publish = sim_end_open(s, p, j->room, j->publish_worker, params);
        sim_publisher_start(p);
    }
    if (j->n_pairs + j->n_audio) {
        sim_receiver_describe(p, j, params);
        p->receive = sim_end_open(s, p, j->room, j->receive_worker, params);
        sim_receiver_start(p);
    }
    free(params);
    return p;
}

void sim_leave(struct sim_person *p, bool announce)
{
    sim_log(p->sim, "%u leaves", p->id);
    if (p->publish) {
        sim_end_close(p->publish, announce);
        sim_publisher_end(p);
    }
    if (p->receive) {
        sim_end_close(p->receive, announce);
        sim_receiver_end(p);
    }
    p->publish = p->receive = NULL;
}

void sim_person_free(struct sim_person *p)
{
    if (p->publish || p->receive)
        sim_leave(p, false);
    free(p);
}

void sim_set_view(struct sim_person *p, const struct plm_view *view)
{
    struct sim *s = p->sim;
    uint8_t owner = plm_registry_owner(s->registry, p->receive->local.id);
    if (owner == PLM_NO_OWNER)
        return;
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    if (!cmd || !(cmd->view = malloc(sizeof *view)))
        abort();
    cmd->type = PLM_CMD_VIEW;
    cmd->transport = p->receive->local.id;
    *cmd->view = *view;
    sim_post(s, owner, cmd);
}
