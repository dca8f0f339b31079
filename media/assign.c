/*
 * Which participant goes into which pair of a receiver, and whose sound into which slot. Stable: what is shown and still wanted stays
 * where it is. Decided per receiver at the end of a turn in which tracks, speakers or wishes changed.
 */
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <string.h>

struct wish {
    plm_participant_id who;
    enum plm_source source; /**< CAMERA or SCREEN */
    uint16_t width, height;
    uint8_t priority;
    bool placed;
};

static bool is_wished(const struct wish *v, size_t n, plm_participant_id who, enum plm_source source)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].who == who && v[i].source == source)
            return true;
    }
    return false;
}

static bool present(const struct plm_shard *s, plm_participant_id who)
{
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        if (s->tracks[i]->participant == who)
            return true;
    }
    return false;
}

static size_t wishes_of_client(const struct plm_transport *t, struct wish *v)
{
    size_t n = 0;
    for (unsigned i = 0; i < t->view->n_items && i < PLM_MAX_VIEW; i++) {
        const struct plm_view_item *item = &t->view->items[i];
        if (item->participant == t->participant || plm_source_kind(item->source) != PLM_KIND_VIDEO ||
            !present(t->shard, item->participant) || is_wished(v, n, item->participant, item->source))
            continue;
        v[n++] =
            (struct wish){item->participant, item->source, item->width, item->height, item->priority, false};
    }
    return n;
}

static size_t add_follow(
    const struct plm_transport *t, struct wish *v, size_t n, plm_participant_id who, enum plm_source source)
{
    if (n == PLM_MAX_VIEW || who == t->participant || is_wished(v, n, who, source))
        return n;
    uint16_t width = t->view ? t->view->max_width : 0;
    v[n] = (struct wish){who, source, width, 0, source == PLM_SOURCE_SCREEN ? 2 : 1, false};
    return n + 1;
}

/* The server chooses: screens, who is spoken by now, who is shown already, then everybody in the order of their tracks. */
static size_t wishes_by_following(const struct plm_transport *t, struct wish *v)
{
    const struct plm_shard *s = t->shard;
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        if (s->tracks[i]->source == PLM_SOURCE_SCREEN && !s->tracks[i]->muted)
            n = add_follow(t, v, n, s->tracks[i]->participant, PLM_SOURCE_SCREEN);
    }
    for (unsigned i = 0; i < s->n_speakers; i++) {
        if (plm_shard_find_track(s, s->speakers[i], PLM_SOURCE_CAMERA))
            n = add_follow(t, v, n, s->speakers[i], PLM_SOURCE_CAMERA);
    }
    for (unsigned i = 0; i < t->n_slots; i++) {
        const struct plm_slot *slot = &t->slots[i];
        if (slot->kind == PLM_KIND_VIDEO && !slot->pinned && slot->want &&
            slot->want_source == PLM_SOURCE_CAMERA && plm_shard_find_track(s, slot->want, PLM_SOURCE_CAMERA))
            n = add_follow(t, v, n, slot->want, PLM_SOURCE_CAMERA);
    }
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        if (s->tracks[i]->source == PLM_SOURCE_CAMERA)
            n = add_follow(t, v, n, s->tracks[i]->participant, PLM_SOURCE_CAMERA);
    }
    return n;
}

static bool fits(const struct plm_slot *s, const struct wish *w, bool exact)
{
    if (s->kind != PLM_KIND_VIDEO || s->pinned)
        return false;
    return s->screen == (w->source == PLM_SOURCE_SCREEN) || (!exact && !s->screen);
}

static void put(struct plm_slot *s, struct wish *w)
{
    s->want = w->who;
    s->want_source = w->source;
    s->want_width = w->width;
    s->want_height = w->height;
    s->priority = w->priority;
    w->placed = true;
}

/* A wish that no slot has been given yet. */
static struct wish *find_wish(struct wish *v, size_t n, plm_participant_id who, enum plm_source source)
{
    for (size_t i = 0; i < n; i++) {
        if (!v[i].placed && v[i].who == who && v[i].source == source)
            return &v[i];
    }
    return NULL;
}

static size_t count_places(const struct plm_transport *t)
{
    size_t n = 0;
    for (unsigned i = 0; i < t->n_slots; i++)
        n += t->slots[i].kind == PLM_KIND_VIDEO && !t->slots[i].pinned && !t->slots[i].screen;
    return n;
}

static void assign_video(struct plm_transport *t, struct wish *v, size_t n)
{
    /* When following, only as many cameras are wishes as there are places: the rest may not displace. */
    size_t cameras = count_places(t);
    for (size_t i = 0; i < n; i++) {
        if (v[i].source != PLM_SOURCE_CAMERA)
            continue;
        if (cameras == 0)
            v[i].placed = true;
        else
            cameras--;
    }
    for (unsigned k = 0; k < t->n_slots; k++) {
        struct plm_slot *s = &t->slots[k];
        if (s->kind != PLM_KIND_VIDEO || s->pinned || !s->want)
            continue;
        /* Whose picture still flows while another is awaited need not leave when both are wished for. */
        struct wish *w = s->next.track ? find_wish(v, n, s->track->participant, s->track->source) : NULL;
        if (!w)
            w = find_wish(v, n, s->want, s->want_source);
        s->want = 0;
        if (w)
            put(s, w);
    }
    for (int exact = 1; exact >= 0; exact--) {
        for (size_t i = 0; i < n; i++) {
            for (unsigned k = 0; k < t->n_slots && !v[i].placed; k++) {
                if (!t->slots[k].want && fits(&t->slots[k], &v[i], exact))
                    put(&t->slots[k], &v[i]);
            }
        }
    }
}

static struct plm_slot *video_of_pair(struct plm_transport *t, uint8_t pair)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].kind == PLM_KIND_VIDEO && t->slots[i].pair == pair)
            return &t->slots[i];
    }
    return NULL;
}

static bool heard_already(const struct plm_transport *t, plm_participant_id who, enum plm_source source)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        const struct plm_slot *s = &t->slots[i];
        if (s->kind == PLM_KIND_AUDIO && !s->pinned && s->want == who && s->want_source == source)
            return true;
    }
    return false;
}

/*
 * The sound of a pair is its participant's, while they are among the chosen; a shared screen's sound always is. Sound and picture change
 * together: while the picture of the former one is kept, so is the sound.
 */
static void assign_pair_audio(struct plm_transport *t, struct plm_slot *s)
{
    struct plm_slot *video = video_of_pair(t, s->pair);
    s->want = 0;
    if (!video || !video->want || video->pinned)
        return;
    bool held = video->next.track != NULL;
    plm_participant_id who = held ? video->track->participant : video->want;
    bool screen = (held ? video->track->source : video->want_source) == PLM_SOURCE_SCREEN;
    s->want_source = screen ? PLM_SOURCE_SCREEN_AUDIO : PLM_SOURCE_MICROPHONE;
    if (screen || plm_shard_is_speaker(t->shard, who))
        s->want = who;
}

static bool should_be_heard(const struct plm_transport *t, const struct plm_track *tr)
{
    if (tr->kind != PLM_KIND_AUDIO || tr->participant == t->participant)
        return false;
    return tr->source == PLM_SOURCE_SCREEN_AUDIO || plm_shard_is_speaker(t->shard, tr->participant);
}

static struct plm_slot *free_audio_slot(struct plm_transport *t)
{
    struct plm_slot *paired = NULL;
    for (unsigned i = 0; i < t->n_slots; i++) {
        struct plm_slot *s = &t->slots[i];
        if (s->kind != PLM_KIND_AUDIO || s->pinned || s->want)
            continue;
        if (s->pair == PLM_NO_PAIR)
            return s;
        struct plm_slot *video = video_of_pair(t, s->pair);
        if (!paired && (!video || !video->want))
            paired = s; /* a pair that shows nobody may speak, too */
    }
    return paired;
}

static void assign_audio(struct plm_transport *t)
{
    struct plm_shard *shard = t->shard;
    for (unsigned i = 0; i < t->n_slots; i++) {
        struct plm_slot *s = &t->slots[i];
        if (s->kind != PLM_KIND_AUDIO || s->pinned || s->pair == PLM_NO_PAIR)
            continue;
        assign_pair_audio(t, s);
    }
    /* Audio-only slots keep their speaker while chosen and not in a pair. */
    for (unsigned i = 0; i < t->n_slots; i++) {
        struct plm_slot *s = &t->slots[i];
        if (s->kind != PLM_KIND_AUDIO || s->pinned || s->pair != PLM_NO_PAIR || !s->want)
            continue;
        plm_participant_id who = s->want;
        s->want = 0;
        struct plm_track *tr = plm_shard_find_track(shard, who, s->want_source);
        if (tr && should_be_heard(t, tr) && !heard_already(t, who, s->want_source))
            s->want = who;
    }
    for (uint32_t i = 0; i < shard->n_tracks; i++) {
        struct plm_track *tr = shard->tracks[i];
        if (!should_be_heard(t, tr) || heard_already(t, tr->participant, tr->source))
            continue;
        struct plm_slot *s = free_audio_slot(t);
        if (!s)
            break;
        s->want = tr->participant;
        s->want_source = tr->source;
    }
}

/* The sound that is tied to a picture by pins goes with it, too. */
static bool is_held_with_its_picture(struct plm_transport *t, const struct plm_slot *s)
{
    if (s->kind != PLM_KIND_AUDIO || !s->pinned || s->pair == PLM_NO_PAIR || !s->track)
        return false;
    const struct plm_slot *video = video_of_pair(t, s->pair);
    return video && video->next.track && video->track->participant == s->track->participant;
}

static struct plm_track *what_to_show(struct plm_transport *t, const struct plm_slot *s)
{
    plm_participant_id who = s->pinned ? s->pin : s->want;
    enum plm_source source = s->pinned ? s->pin_source : s->want_source;
    bool off = t->view && (s->kind == PLM_KIND_AUDIO ? t->view->audio_off : t->view->video_off);
    if (!who || off)
        return NULL;
    return is_held_with_its_picture(t, s) ? s->track : plm_shard_find_track(t->shard, who, source);
}

static bool is_shown(struct plm_slot *const *of, unsigned n, const struct plm_track *track)
{
    for (unsigned i = 0; i < n; i++) {
        if (of[i]->track == track)
            return true;
    }
    return false;
}

static void show_kind(struct plm_transport *t, enum plm_kind kind)
{
    struct plm_slot *of[PLM_MAX_MEDIA];
    struct plm_track *track[PLM_MAX_MEDIA];
    unsigned n = 0;
    for (unsigned i = 0; i < t->n_slots && n < PLM_MAX_MEDIA; i++) {
        if (t->slots[i].kind != kind)
            continue;
        of[n] = &t->slots[i];
        track[n] = what_to_show(t, of[n]);
        n++;
    }
    bool is_new[PLM_MAX_MEDIA];
    for (unsigned i = 0; i < n; i++)
        is_new[i] = track[i] && !is_shown(of, n, track[i]);
    /* A track that moves to another slot leaves the former one first, and at once: nobody is shown twice. */
    for (unsigned i = 0; i < n; i++) {
        bool moves = false;
        for (unsigned k = 0; k < n && of[i]->track && track[i] != of[i]->track && !of[i]->pinned; k++)
            moves |= track[k] == of[i]->track;
        if (moves)
            plm_slot_show(of[i], NULL);
    }
    for (unsigned i = 0; i < n; i++) {
        plm_slot_show(of[i], track[i]);
        bool just_chosen = is_new[i] && track[i]->chosen_us && track[i]->chosen_turn == t->worker->turn;
        if (just_chosen) /* whoever is shown later was not waited for */
            plm_slot_preroll(of[i]);
    }
}

void plm_transport_assign(struct plm_transport *t)
{
    struct wish v[PLM_MAX_VIEW];
    if (!t->shard || t->n_slots == 0 || t->closing)
        return;
    bool chosen = t->view && t->view->mode == PLM_VIEW_ITEMS;
    size_t n = chosen ? wishes_of_client(t, v) : wishes_by_following(t, v);
    assign_video(t, v, n);
    show_kind(t, PLM_KIND_VIDEO);
    assign_audio(t); /* sound follows what pairs show by now */
    show_kind(t, PLM_KIND_AUDIO);
    plm_transport_allocate(t);
}
