#include "news.h"

#include "journal.h"
#include "people.h"
#include "recording_log.h"
#include "room.h"

#include <stdlib.h>

#define GROW_LEFT 8 /* departures that fit at first; doubled up to PLM_NEWS_MAX_LEFT */

static void gather(struct plm_room *room)
{
    struct plm_news *news = &room->news;
    if (news->waiting)
        return;
    news->waiting = true;
    DL_APPEND2(room->hub->with_news, room, news_prev, news_next);
}

static void leave_list(struct plm_room *room)
{
    if (!room->news.waiting)
        return;
    room->news.waiting = false;
    DL_DELETE2(room->hub->with_news, room, news_prev, news_next);
}

void plm_news_joined(struct plm_member *m)
{
    m->is_new = !m->unlisted;
    plm_journal_member(m);
    gather(m->room);
}

void plm_news_changed(struct plm_member *m)
{
    plm_recording_log_changed(m);
    if (m->announced)
        plm_journal_member(m);
    if (!m->announced || m->unlisted)
        return;
    m->is_changed = true;
    gather(m->room);
}

void plm_news_reacted(struct plm_member *m, const char *kind)
{
    struct plm_news *news = &m->room->news;
    if (news->n_reactions < PLM_NEWS_MAX_REACTIONS)
        news->reactions[news->n_reactions++] = (struct plm_news_reaction){m->id, kind};
    gather(m->room);
}

void plm_news_counted(struct plm_room *room)
{
    gather(room);
}

/* One message of at most PLM_NEWS_MAX_PEOPLE that came or changed; what does not fit stays for the next. */
struct sheet {
    struct plm_msg_participant joined[PLM_NEWS_MAX_PEOPLE], changed[PLM_NEWS_MAX_PEOPLE];
    struct plm_msg_track tracks[PLM_NEWS_MAX_PEOPLE][PLM_MAX_TRACKS];
    struct plm_msg_departure left[PLM_NEWS_MAX_LEFT];
    struct plm_msg_reaction reactions[PLM_NEWS_MAX_REACTIONS];
    size_t n_joined, n_changed;
    const struct plm_member *knowing; /* who joined last, and knows so from the reply; NULL: they do not */
};

/* @return false: somebody is left for the next one */
static bool fill(struct sheet *sheet, struct plm_room *room)
{
    struct plm_member *m;
    sheet->n_joined = sheet->n_changed = 0;
    sheet->knowing = NULL;
    DL_FOREACH (room->members, m) {
        size_t n = sheet->n_joined + sheet->n_changed;
        if (!m->is_new && !m->is_changed)
            continue;
        if (n == PLM_NEWS_MAX_PEOPLE)
            return false;
        plm_member_describe(m,
            m->is_new ? &sheet->joined[sheet->n_joined++] : &sheet->changed[sheet->n_changed++],
            sheet->tracks[n]);
        if (m->is_new)
            sheet->knowing = m->is_changed ? NULL : m;
        m->is_new = m->is_changed = false;
    }
    return true;
}

/* Who alone came knows so from the reply, if nothing changed since. @return false: there is more to tell */
static bool tell(struct plm_room *room)
{
    struct sheet *sheet = malloc(sizeof *sheet);
    struct plm_news *news = &room->news;
    if (!sheet)
        return true;
    bool all = fill(sheet, room);
    for (size_t i = 0; i < news->n_left; i++)
        sheet->left[i] = (struct plm_msg_departure){news->left[i].who, news->left[i].why};
    for (size_t i = 0; i < news->n_reactions; i++)
        sheet->reactions[i] = (struct plm_msg_reaction){news->reactions[i].who, news->reactions[i].kind};
    struct plm_msg msg = {.type = PLM_MSG_roster,
        .roster = {.joined = sheet->joined,
            .n_joined = sheet->n_joined,
            .changed = sheet->changed,
            .n_changed = sheet->n_changed,
            .left = sheet->left,
            .n_left = news->n_left,
            .reactions = sheet->reactions,
            .n_reactions = news->n_reactions,
            .total = plm_people_listed(room),
            .viewers = plm_people_watching(room)}};
    bool lone = sheet->n_joined == 1 && !sheet->n_changed && !news->n_left && !news->n_reactions;
    plm_room_broadcast(room, &msg, lone ? sheet->knowing : NULL);
    news->n_left = news->n_reactions = 0;
    free(sheet);
    return all;
}

/* Make room for one more departure; what was gathered leaves at once if need be. */
static bool grow(struct plm_room *room)
{
    struct plm_news *news = &room->news;
    if (news->n_left < news->max_left)
        return true;
    size_t max = news->max_left ? 2 * news->max_left : GROW_LEFT;
    struct plm_news_departure *left =
        max <= PLM_NEWS_MAX_LEFT ? realloc(news->left, max * sizeof *left) : NULL;
    if (left) {
        news->left = left;
        news->max_left = max;
        return true;
    }
    tell(room);
    return news->n_left < news->max_left;
}

void plm_news_left(struct plm_member *m, enum plm_msg_leave_reason reason)
{
    struct plm_news *news = &m->room->news;
    m->is_new = m->is_changed = false;
    if (!m->unlisted && grow(m->room))
        news->left[news->n_left++] = (struct plm_news_departure){m->id, reason};
    gather(m->room);
}

#define ONE    1000 /* thousandths of a message */
#define REFILL (ONE / PLM_NEWS_PERIOD_MS)

/* When may the room be told? Now, by taking it from the credit of a small one, or later. */
static uint64_t due(struct plm_room *room, uint64_t now)
{
    struct plm_news *news = &room->news;
    uint64_t credit = news->credit + (now - news->filled_at) * REFILL, most = PLM_NEWS_BURST * ONE;
    news->credit = (uint32_t)(credit < most ? credit : most);
    news->filled_at = now;
    if (room->n_members > PLM_NEWS_SMALL_ROOM)
        return news->next_at > now ? news->next_at : now;
    if (news->credit < ONE)
        return now + (ONE - news->credit + REFILL - 1) / REFILL;
    news->credit -= ONE;
    return now;
}

uint64_t plm_news_flush(struct plm_hub *hub, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    struct plm_room *room, *after;
    DL_FOREACH_SAFE2(hub->with_news, room, after, news_next)
    {
        uint64_t at = due(room, now);
        if (at == now) {
            if (tell(room))
                leave_list(room);
            room->news.next_at = at = now + PLM_NEWS_PERIOD_MS;
        }
        if (room->news.waiting && at < next)
            next = at;
    }
    return next;
}

void plm_news_clear(struct plm_room *room)
{
    leave_list(room);
    free(room->news.left);
    room->news = (struct plm_news){0};
}
