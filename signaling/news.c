#include "news.h"

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
    m->is_new = true;
    gather(m->room);
}

void plm_news_changed(struct plm_member *m)
{
    if (!m->announced)
        return;
    m->is_changed = true;
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
    size_t n_joined, n_changed;
};

static bool fill(struct sheet *sheet, struct plm_room *room)
{
    struct plm_member *m;
    sheet->n_joined = sheet->n_changed = 0;
    DL_FOREACH (room->members, m) {
        size_t n = sheet->n_joined + sheet->n_changed;
        if (!m->is_new && !m->is_changed)
            continue;
        if (n == PLM_NEWS_MAX_PEOPLE)
            return true;
        plm_member_describe(m,
            m->is_new ? &sheet->joined[sheet->n_joined++] : &sheet->changed[sheet->n_changed++],
            sheet->tracks[n]);
        m->is_new = m->is_changed = false;
    }
    return false;
}

static struct plm_member *find(struct plm_room *room, plm_participant_id id)
{
    struct plm_member *m;
    DL_FOREACH (room->members, m)
        if (m->id == id)
            return m;
    return NULL;
}

/* Who alone came knows so from the reply. */
static void tell(struct plm_room *room)
{
    struct sheet *sheet = malloc(sizeof *sheet);
    struct plm_news *news = &room->news;
    bool more = true;
    for (; more && sheet; news->n_left = 0) {
        more = fill(sheet, room);
        for (size_t i = 0; i < news->n_left; i++)
            sheet->left[i] = (struct plm_msg_departure){news->left[i].who, news->left[i].why};
        struct plm_msg msg = {.type = PLM_MSG_roster,
            .roster = {.joined = sheet->joined,
                .n_joined = sheet->n_joined,
                .changed = sheet->changed,
                .n_changed = sheet->n_changed,
                .left = sheet->left,
                .n_left = news->n_left,
                .total = room->n_members,
                .viewers = room->n_receivers}};
        bool lone = sheet->n_joined == 1 && !sheet->n_changed && !news->n_left;
        plm_room_broadcast(room, &msg, lone ? find(room, sheet->joined[0].id) : NULL);
    }
    free(sheet);
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
    if (grow(m->room))
        news->left[news->n_left++] = (struct plm_news_departure){m->id, reason};
    gather(m->room);
}

uint64_t plm_news_flush(struct plm_hub *hub, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    struct plm_room *room, *after;
    DL_FOREACH_SAFE2(hub->with_news, room, after, news_next)
    {
        bool large = room->n_members > PLM_NEWS_SMALL_ROOM;
        if (large && now < room->news.next_at) {
            next = room->news.next_at < next ? room->news.next_at : next;
            continue;
        }
        leave_list(room);
        tell(room);
        room->news.next_at = now + PLM_NEWS_PERIOD_MS;
    }
    return next;
}

void plm_news_clear(struct plm_room *room)
{
    leave_list(room);
    free(room->news.left);
    room->news = (struct plm_news){0};
}
