/* Lists of people: what somebody is told of the room they come into, and its pages. For the files of this folder. */
#ifndef PLM_SIGNALING_PEOPLE_H
#define PLM_SIGNALING_PEOPLE_H

#include "state.h"

#define PLM_PEOPLE_PAGE 100 /* in one list; messages.def says so too, by which clients know it */

/** All that joined and moved tell of a room. Its lists are its own until plm_sight_drop; strings are the room's. */
struct plm_sight {
    const struct plm_member *me;
    struct plm_msg_room_info room;
    struct plm_msg_participant *participants; /* by ascending id, me among them */
    struct plm_msg_track *tracks;
    struct plm_msg_chat_message *chat;
    struct plm_msg_breakout_room *breakouts;
    uint32_t *ids; /* of those in breakout rooms */
    size_t n_participants, n_chat, n_breakouts;
    uint32_t total, viewers;
    bool open, may_choose, has_end;
    uint64_t end_at;
};

/** Look around in m's room. @return 0, PLM_ENOMEM; to be dropped either way */
int plm_sight_take(struct plm_sight *s, struct plm_member *m);
void plm_sight_drop(struct plm_sight *s);

/** Put it into a struct plm_msg_joined or plm_msg_moved: two messages with these members in common. */
#define plm_sight_fill(s, out)                                                                               \
    do {                                                                                                     \
        (out)->participant = (s)->me->id;                                                                    \
        (out)->role = (s)->me->role;                                                                         \
        (out)->room = (s)->room;                                                                             \
        (out)->participants = (s)->participants;                                                             \
        (out)->n_participants = (s)->n_participants;                                                         \
        (out)->total = (s)->total;                                                                           \
        (out)->viewers = (s)->viewers;                                                                       \
        (out)->chat = (s)->chat;                                                                             \
        (out)->n_chat = (s)->n_chat;                                                                         \
        (out)->breakouts = (s)->breakouts;                                                                   \
        (out)->n_breakouts = (s)->n_breakouts;                                                               \
        (out)->breakouts_open = (s)->open;                                                                   \
        (out)->breakouts_may_choose = (s)->may_choose;                                                       \
        (out)->has_breakouts_end_at = (s)->has_end;                                                          \
        (out)->breakouts_end_at = (s)->end_at;                                                               \
    } while (0)

/** How many of a room's members are on its lists, and how many only watch: WHEP receivers, and viewers who came to a large room. */
uint32_t plm_people_listed(const struct plm_room *room);
uint32_t plm_people_watching(const struct plm_room *room);

/** Answer the request people. @return 0, or negative with why */
int plm_people_send_page(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);

#endif
