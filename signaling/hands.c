#include "hands.h"

#include "moderation.h"
#include "news.h"
#include "room.h"

#include <string.h>

int plm_hands_raise(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    (void)why;
    if (m->hand.raised == (by->hand != 0))
        return 0;
    by->hand = m->hand.raised ? ++plm_room_main(by->room)->last_hand : 0;
    plm_member_list(by); /* whoever leads has to see whose hand it is */
    plm_news_changed(by);
    return 0;
}

static void lower(struct plm_member *m, void *arg)
{
    const struct plm_member *by = arg;
    struct plm_msg msg = {.type = PLM_MSG_noticed,
        .noticed = {.notice = PLM_MSG_notice_hand_lowered, .has_by = true, .by = by->id}};
    if (!m->hand)
        return;
    m->hand = 0;
    plm_news_changed(m);
    if (m != by)
        plm_member_send(m, &msg);
}

int plm_hands_lower_others(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_member *other;
    if (m->lower_hands.n_participants)
        return plm_moderation_each(
            by, m->lower_hands.participants, m->lower_hands.n_participants, lower, by, why);
    DL_FOREACH (by->room->members, other) /* all: leaders raise hands, too */
        lower(other, by);
    return 0;
}

int plm_hands_react(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    static const char *const kinds[] = {"thumbs_up", "thumbs_down", "clap", "heart", "laugh", "surprise",
        "sad", "party", "think", "wave", "yes", "no", "slower", "faster"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i], m->react.kind) != 0)
            continue;
        plm_news_reacted(by, kinds[i]);
        return 0;
    }
    return plm_refuse(why, PLM_MSG_error_code_bad_message, "kind", "no such reaction");
}
