/*
 * What is new among the people of a room, gathered and told in one message: at the end of the turn in a small room (after
 * PLM_NEWS_BURST of them only when they were saved up, four a second), at most once in PLM_NEWS_PERIOD_MS in a large one, so that a
 * crowd that comes at once does not drown itself. For the files of this folder.
 */
#ifndef PLM_SIGNALING_NEWS_H
#define PLM_SIGNALING_NEWS_H

#include "state.h"

#define PLM_NEWS_SMALL_ROOM 50  /* present; up to there nothing waits */
#define PLM_NEWS_PERIOD_MS  250 /* DESIGN: at most four messages a second and participant */
#define PLM_NEWS_BURST      20  /* messages of a small room that need not wait */
#define PLM_NEWS_MAX_PEOPLE 100 /* in one message; the others come with the next */
#define PLM_NEWS_MAX_LEFT   1000

/** m came, or what others know of m changed: they are told of m as it is at the end of the turn. */
void plm_news_joined(struct plm_member *m);
void plm_news_changed(struct plm_member *m);
/** m goes: called while it still stands. When memory is short, what is gathered leaves at once. */
void plm_news_left(struct plm_member *m, enum plm_msg_leave_reason reason);
/** m reacts. Beyond PLM_NEWS_MAX_REACTIONS in one message they are not seen. @param kind static */
void plm_news_reacted(struct plm_member *m, const char *kind);
/** Number of people changed though nobody listed came or went. */
void plm_news_counted(struct plm_room *room);
/** Tell what is due by now in all rooms. @return when the next is due, UINT64_MAX: nothing waits */
uint64_t plm_news_flush(struct plm_hub *hub, uint64_t now);
/** Forget what was gathered: the room is closing. */
void plm_news_clear(struct plm_room *room);

#endif
