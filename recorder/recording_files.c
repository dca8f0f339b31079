/* A recording's files: their names, what became of them, the manifest. */
#include "recording_internal.h"

#include "manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_RETRY_US 1000000

static const char *const pair_names[PAIR_COUNT] = {"camera", "screen"};

static struct file *add_file(struct plm_recording *r, const char *name)
{
    if (r->n_files == r->cap_files) {
        size_t cap = r->cap_files ? 2 * r->cap_files : 16;
        struct file *files =
            r->n_files < PLM_RECORDING_MAX_FILES ? realloc(r->files, cap * sizeof(*files)) : NULL;
        if (!files)
            return NULL;
        r->files = files;
        r->cap_files = cap;
    }
    struct file *f = &r->files[r->n_files++];
    *f = (struct file){.reason = "stop"};
    snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

static struct file *find_file(struct plm_recording *r, const char *name)
{
    for (size_t i = r->n_files; i-- > 0;)
        if (!strcmp(r->files[i].name, name))
            return &r->files[i];
    return NULL;
}

static struct file *find_open(struct plm_recording *r, plm_writer_file handle)
{
    for (size_t i = r->n_files; i-- > 0;)
        if (r->files[i].handle == handle && r->files[i].open)
            return &r->files[i];
    return NULL;
}

static void journal_file(struct pair *p, const char *name, const struct plm_writer_track_config *c)
{
    struct plm_recording *r = p->r;
    const struct plm_journal_file line = {
        .name = name,
        .pair = pair_names[p->pair.screen ? PAIR_SCREEN : PAIR_CAMERA],
        .participant = p->person->id,
        .start_us = plm_rec_t(r, c->start_us),
        .sound = c->sound,
        .video = c->video,
        .width = c->width,
        .height = c->height,
        .rotation = c->rotation,
    };
    plm_rec_journal(r, plm_journal_line_file(plm_rec_t(r, (int64_t)r->now_us), &line));
}

/* The journal names a file before it is there: what a crash leaves behind is known by its line. */
plm_writer_file plm_rec_open(struct pair *p, const struct plm_writer_track_config *config)
{
    struct plm_recording *r = p->r;
    const enum pair_kind kind = p->pair.screen ? PAIR_SCREEN : PAIR_CAMERA;
    struct plm_writer_track_config c = *config;
    char name[PLM_WRITER_MAX_NAME], comment[128];

    if (r->state != PLM_RECORDING_ON || r->now_us < p->retry_us || r->journal.failed)
        return 0;
    p->retry_us = r->now_us + OPEN_RETRY_US;
    snprintf(name, sizeof(name), "p%u-%s-%u.%s", p->person->id, pair_names[kind], ++p->person->segments[kind],
        c.video == PLM_CODEC_VP8 ? "webm" : "mp4");
    snprintf(
        comment, sizeof(comment), "recording %s, participant %u, %s", r->id, p->person->id, pair_names[kind]);
    c.unix_ms = r->started_ms + (uint64_t)plm_rec_t(r, c.start_us) / 1000;
    c.title = p->person->name ? p->person->name : "";
    c.comment = comment;
    struct file *f = add_file(r, name);
    if (!f)
        return 0;
    journal_file(p, name, &c);
    f->handle = r->env->disk->open(r->env->disk->ctx, r->id, name, &c);
    if (!f->handle) {
        r->n_files--;
        plm_rec_on_refused(r);
        return 0;
    }
    f->open = true;
    r->n_open++;
    p->retry_us = 0;
    return f->handle;
}

void plm_rec_close(struct plm_recording *r, plm_writer_file handle, int64_t end_us, const char *reason)
{
    struct file *f = find_open(r, handle);
    if (f)
        f->reason = reason;
    r->env->disk->close(r->env->disk->ctx, handle, end_us);
}

/* Of a file that we closed, or, without a handle, of one that a repair looked at. */
static void on_end_of_file(struct plm_recording *r, const struct plm_writer_event *ev)
{
    struct file *f = ev->file ? find_open(r, ev->file) : find_file(r, ev->name);
    if (!f || (!ev->file && f->usable == ev->usable && f->bytes == ev->bytes))
        return;
    if (f->open)
        r->n_open--;
    f->open = false;
    f->usable = ev->usable;
    r->unfinished |= ev->file && ev->type == PLM_WRITER_FAILED && !ev->usable;
    f->duration_us = ev->duration_us;
    f->bytes = ev->bytes;
    snprintf(f->sha256, sizeof(f->sha256), "%s", ev->sha256);
    const struct plm_journal_file_end line = {
        .name = f->name,
        .reason = ev->type == PLM_WRITER_FAILED ? "disk" : f->reason,
        .sha256 = f->sha256,
        .duration_us = f->duration_us,
        .bytes = f->bytes,
        .usable = f->usable,
    };
    plm_rec_journal(r, plm_journal_line_file_end(plm_rec_t(r, (int64_t)r->now_us), &line));
}

static void on_failed(struct plm_recording *r, const struct plm_writer_event *ev)
{
    struct person *p, *next;
    HASH_ITER (hh, r->people, p, next)
        for (size_t k = 0; k < PAIR_COUNT; k++)
            if (p->pairs[k] && plm_pair_on_failed(&p->pairs[k]->pair, ev->file))
                break;
    if (ev->file && ev->error != -EEXIST) /* a name that somebody took: the next one is another */
        plm_rec_on_disk_error(r, ev->error);
}

/* ---- of another run ---- */

/* "p<participant>-<camera|screen>-<n>.…" of a valid name. */
static void count_segment(struct plm_recording *r, const char *name)
{
    unsigned participant, n;
    char kind[7];
    if (sscanf(name, "p%u-%6[a-z]-%u.", &participant, kind, &n) != 3 || !participant)
        return;
    struct person *p = plm_rec_person(r, participant);
    const enum pair_kind k = strcmp(kind, pair_names[PAIR_SCREEN]) ? PAIR_CAMERA : PAIR_SCREEN;
    if (p && n > p->segments[k])
        p->segments[k] = n;
}

static void remember_end(struct plm_recording *r, const json_t *line)
{
    const char *name = plm_json_string(line, "file"), *sum = plm_json_string(line, "sha256");
    struct file *f = name ? find_file(r, name) : NULL;
    if (!f)
        return;
    f->duration_us = plm_json_int(line, "duration_us", 0);
    f->bytes = (uint64_t)plm_json_int(line, "bytes", 0);
    f->usable = !json_is_false(json_object_get(line, "usable"));
    snprintf(f->sha256, sizeof(f->sha256), "%s", sum ? sum : "");
}

int plm_rec_restore_files(struct plm_recording *r, char *const *names, size_t n)
{
    const size_t part = strlen(PLM_RECORDING_PART);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        char name[PLM_WRITER_MAX_NAME];
        size_t len = strlen(names[i]);
        if (len >= sizeof(name) || names[i][0] != 'p' || !plm_recording_file_valid(names[i]))
            continue;
        if (len > part && !strcmp(names[i] + len - part, PLM_RECORDING_PART))
            len -= part;
        memcpy(name, names[i], len);
        name[len] = '\0';
        count_segment(r, name);
        if (!find_file(r, name) && !add_file(r, name))
            return PLM_ENOMEM;
    }
    for (json_t *line; (line = plm_journal_next(r->journal.text, r->journal.len, &at)); json_decref(line)) {
        const char *type = plm_json_string(line, "type"), *name = plm_json_string(line, "file");
        if (type && name && !strcmp(type, "file") && plm_recording_file_valid(name))
            count_segment(r, name); /* one that never came to be has had its name, too */
        if (type && !strcmp(type, "file_end"))
            remember_end(r, line);
    }
    return 0;
}

/* ---- the end ---- */

static char *build_manifest(struct plm_recording *r)
{
    struct plm_manifest_file *known = calloc(r->n_files ? r->n_files : 1, sizeof(*known));
    if (!known)
        return NULL;
    for (size_t i = 0; i < r->n_files; i++)
        known[i] = (struct plm_manifest_file){
            .name = r->files[i].name,
            .duration_us = r->files[i].duration_us,
            .bytes = r->files[i].bytes,
            .sha256 = r->files[i].sha256,
            .usable = r->files[i].usable,
        };
    char *text = plm_manifest_build(r->journal.text, r->journal.len, known, r->n_files);
    free(known);
    return text;
}

static void over(struct plm_recording *r, bool listed)
{
    bool usable = false;
    for (size_t i = 0; i < r->n_files; i++)
        usable |= r->files[i].usable;
    if (!listed)
        plm_rec_set_state(r, PLM_RECORDING_FAILED, PLM_RECORDING_DISK_ERROR); /* the next start tries again */
    else
        plm_rec_set_state(r, usable ? PLM_RECORDING_READY : PLM_RECORDING_FAILED, r->end_reason);
}

/* The manifest's existence says "ready", so it is last; its own event tells that it is there. */
void plm_rec_conclude(struct plm_recording *r)
{
    const struct plm_disk_port *disk = r->env->disk;
    if (r->state != PLM_RECORDING_CLOSING || r->n_open || r->repairing || r->concluded)
        return;
    if (r->unfinished && r->end_reason != PLM_RECORDING_DELETED) {
        r->unfinished = false;
        r->repairing = disk->repair(disk->ctx, r->id) == 0;
        if (r->repairing)
            return;
    }
    r->concluded = true;
    if (r->end_reason == PLM_RECORDING_DELETED) {
        plm_rec_set_state(r, PLM_RECORDING_FAILED, PLM_RECORDING_DELETED);
        return;
    }
    if (!r->end_known)
        plm_rec_journal(r, plm_journal_line_end(r->end_us, r->end_reason));
    char *text = build_manifest(r);
    if (!text || disk->manifest(disk->ctx, r->id, text, strlen(text)))
        over(r, false);
    free(text);
}

void plm_recording_on_writer(struct plm_recording *r, const struct plm_writer_event *ev, uint64_t now_us)
{
    r->now_us = now_us;
    if (ev->type == PLM_WRITER_REPAIRED) {
        r->repairing = false;
    } else if (ev->type == PLM_WRITER_JOURNALED || !strcmp(ev->name, PLM_RECORDING_JOURNAL)) {
        plm_rec_on_line(r, ev->error);
        return;
    } else if (ev->type == PLM_WRITER_FAILED && !*ev->name) {
        r->unmade = true; /* so its first line fails, too */
        return;
    } else if (!strcmp(ev->name, PLM_RECORDING_MANIFEST)) {
        if (r->concluded && r->state == PLM_RECORDING_CLOSING)
            over(r, ev->type == PLM_WRITER_FINISHED);
    } else {
        on_end_of_file(r, ev);
        if (ev->type == PLM_WRITER_FAILED)
            on_failed(r, ev);
    }
    plm_rec_conclude(r);
}
