#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair.h"

#include <stdio.h>
#include <string.h>

#define MS  INT64_C(1000)
#define T0  (1000000 * MS) /* the clock at the beginning */
#define MAX 4096

/* A disk that remembers. Silence is what sound_line makes: octets that no test's packet has. */
struct put {
    plm_writer_file file;
    enum plm_codec codec;
    int64_t time_us;
    uint32_t duration_us;
    uint8_t first;
};

struct world {
    struct plm_pair pair;
    struct plm_writer_track_config files[16]; /* from 1 on */
    int64_t ended_us[16];
    const char *reasons[16];
    plm_writer_file n_files;
    struct put puts[MAX];
    unsigned n_puts;
    bool full, refuse_files;
};

static plm_writer_file open_file(void *ctx, const struct plm_writer_track_config *config)
{
    struct world *w = ctx;
    if (w->refuse_files)
        return 0;
    w->files[++w->n_files] = *config;
    return w->n_files;
}

static int put(void *ctx, plm_writer_file file, const struct plm_sample *s)
{
    struct world *w = ctx;
    assert_int_equal(file, w->n_files);
    if (w->full)
        return PLM_EFULL;
    assert_true(w->n_puts < MAX);
    w->puts[w->n_puts++] = (struct put){file, s->codec, s->time_us, s->duration_us, s->data[0]};
    return 0;
}

static void close_file(void *ctx, plm_writer_file file, int64_t end_us, const char *reason)
{
    struct world *w = ctx;
    assert_int_equal(file, w->n_files);
    w->ended_us[file] = end_us;
    w->reasons[file] = reason;
}

static void begin(struct world *w, bool screen)
{
    const struct plm_pair_ops ops = {w, open_file, put, close_file};
    memset(w, 0, sizeof(*w));
    plm_pair_init(&w->pair, screen, &ops);
}

static void end(struct world *w)
{
    plm_pair_end(&w->pair, 0, "end", (uint64_t)T0);
    plm_pair_reset(&w->pair);
}

static void sound(struct world *w, int64_t at_ms)
{
    const uint8_t octets[] = {0x7c, 1, 2}; /* 20 ms, mono */
    const struct plm_sample s = {.codec = PLM_CODEC_OPUS,
        .keyframe = true,
        .time_us = T0 + at_ms * MS,
        .duration_us = 20000,
        .data = octets,
        .len = sizeof(octets)};
    plm_pair_on_sample(&w->pair, &s, (uint64_t)s.time_us);
}

static void sounds(struct world *w, int64_t from_ms, int64_t to_ms)
{
    for (int64_t t = from_ms; t < to_ms; t += 20)
        sound(w, t);
}

static void picture_of(struct world *w, int64_t at_ms, bool key, enum plm_codec codec, uint16_t rotation)
{
    const uint8_t octets[] = {0xee};
    const struct plm_sample s = {.codec = codec,
        .keyframe = key,
        .time_us = T0 + at_ms * MS,
        .width = 640,
        .height = 360,
        .rotation = rotation,
        .data = octets,
        .len = sizeof(octets)};
    plm_pair_on_sample(&w->pair, &s, (uint64_t)s.time_us);
}

static void picture(struct world *w, int64_t at_ms, bool key)
{
    picture_of(w, at_ms, key, PLM_CODEC_VP9, 0);
}

/* Packets of sound that a file has, and whether they follow one another without a hole. */
static unsigned sound_in(const struct world *w, plm_writer_file file, unsigned *real)
{
    unsigned n = 0;
    int64_t next = 0;
    *real = 0;
    for (unsigned i = 0; i < w->n_puts; i++) {
        const struct put *p = &w->puts[i];
        if (p->file != file || p->codec != PLM_CODEC_OPUS)
            continue;
        if (n)
            assert_int_equal(p->time_us, next);
        else
            assert_int_equal(p->time_us, w->files[file].start_us);
        next = p->time_us + p->duration_us;
        *real += p->first == 0x7c;
        n++;
    }
    return n;
}

static unsigned pictures_in(const struct world *w, plm_writer_file file)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->n_puts; i++)
        n += w->puts[i].file == file && w->puts[i].codec != PLM_CODEC_OPUS;
    return n;
}

static void the_first_file_waits_for_a_picture(void **state)
{
    struct world w;
    unsigned real;
    (void)state;
    begin(&w, false);
    plm_pair_on_track(&w.pair, PLM_KIND_AUDIO, true, false);
    plm_pair_on_track(&w.pair, PLM_KIND_VIDEO, true, false);
    sounds(&w, 0, 400);
    assert_int_equal(w.n_files, 0);
    assert_true(w.pair.key_wanted);
    picture(&w, 390, false); /* nothing begins with it */
    assert_int_equal(w.n_files, 0);
    picture(&w, 400, true);
    assert_int_equal(w.n_files, 1);
    assert_int_equal(w.files[1].start_us, T0);
    assert_int_equal(w.files[1].video, PLM_CODEC_VP9);
    assert_true(w.files[1].sound);
    sounds(&w, 400, 1000);
    assert_int_equal(sound_in(&w, 1, &real), 50);
    assert_int_equal(real, 50);
    end(&w);
}

static void a_picture_that_does_not_come_in_time(void **state)
{
    struct world w;
    unsigned real;
    (void)state;
    begin(&w, false);
    plm_pair_on_track(&w.pair, PLM_KIND_VIDEO, true, false);
    sounds(&w, 0, 720);
    plm_pair_poll(&w.pair, (uint64_t)(T0 + 720 * MS));
    assert_int_equal(w.n_files, 1);
    assert_int_equal(w.files[1].video, PLM_CODEC_NONE);
    assert_int_equal(w.files[1].start_us, T0);
    sounds(&w, 720, 900);
    picture(&w, 850, true); /* sound is ahead: from here on it is in both */
    assert_int_equal(w.n_files, 2);
    assert_string_equal(w.reasons[1], PLM_PAIR_ENDS_VIDEO);
    assert_int_equal(w.ended_us[1], T0 + 900 * MS);
    assert_int_equal(w.files[2].start_us, T0 + 850 * MS);
    sounds(&w, 900, 1000);
    assert_int_equal(sound_in(&w, 1, &real), 45);
    assert_int_equal(real, 45);
    assert_true(sound_in(&w, 2, &real) >= 7);
    assert_true(real >= 7); /* 860 to 980 */
    end(&w);
}

static void a_muted_camera_is_not_waited_for(void **state)
{
    struct world w;
    (void)state;
    begin(&w, false);
    plm_pair_on_track(&w.pair, PLM_KIND_VIDEO, true, true);
    sound(&w, 0);
    assert_int_equal(w.n_files, 1);
    end(&w);

    begin(&w, false);
    plm_pair_on_track(&w.pair, PLM_KIND_VIDEO, true, false);
    sound(&w, 0);
    assert_int_equal(w.n_files, 0);
    plm_pair_on_track(&w.pair, PLM_KIND_VIDEO, true, true);
    plm_pair_poll(&w.pair, (uint64_t)(T0 + 20 * MS));
    assert_int_equal(w.n_files, 1);
    end(&w);
}

static void another_codec_begins_a_file_at_its_key_frame(void **state)
{
    struct world w;
    unsigned real;
    (void)state;
    begin(&w, false);
    picture(&w, 0, true);
    sounds(&w, 0, 200);
    picture(&w, 40, false);
    picture_of(&w, 80, false, PLM_CODEC_VP8, 0); /* cannot be written */
    assert_true(w.pair.key_wanted);
    picture_of(&w, 210, true, PLM_CODEC_VP8, 0);
    assert_int_equal(w.n_files, 2);
    assert_string_equal(w.reasons[1], PLM_PAIR_ENDS_CODEC);
    assert_int_equal(pictures_in(&w, 1), 2);
    /* Sound was behind: the new file begins where it ended. */
    assert_int_equal(w.files[2].start_us, T0 + 200 * MS);
    assert_int_equal(w.ended_us[1], T0 + 200 * MS);
    sounds(&w, 200, 300);
    sound_in(&w, 1, &real);
    assert_int_equal(real, 10);
    sound_in(&w, 2, &real);
    assert_int_equal(real, 5);
    end(&w);
}

static void a_turned_camera_goes_on_until_its_key_frame(void **state)
{
    struct world w;
    (void)state;
    begin(&w, false);
    picture(&w, 0, true);
    picture_of(&w, 40, false, PLM_CODEC_VP9, 90);
    assert_int_equal(pictures_in(&w, 1), 2);
    assert_true(w.pair.key_wanted);
    picture_of(&w, 80, true, PLM_CODEC_VP9, 90);
    assert_int_equal(w.n_files, 2);
    assert_string_equal(w.reasons[1], PLM_PAIR_ENDS_ROTATION);
    assert_int_equal(w.files[2].rotation, 90);
    assert_false(w.pair.key_wanted);
    end(&w);
}

static void silence_is_filled(void **state)
{
    struct world w;
    unsigned real;
    (void)state;
    begin(&w, false);
    picture(&w, 0, true);
    sounds(&w, 0, 100);
    for (int64_t t = 0; t < 10000; t += 50)
        plm_pair_poll(&w.pair, (uint64_t)(T0 + t * MS));
    unsigned n = sound_in(&w, 1, &real);
    assert_true(n >= 435 && n <= 440); /* until 1.2 s ago */
    sounds(&w, 10000, 10100);
    plm_pair_end(&w.pair, T0 + 11000 * MS, "left", (uint64_t)(T0 + 11000 * MS));
    n = sound_in(&w, 1, &real);
    assert_int_equal(real, 10);
    assert_true(n >= 549 && n <= 551);
    assert_int_equal(w.ended_us[1], T0 + 11000 * MS);
    assert_string_equal(w.reasons[1], "left");
    end(&w);
}

static void a_full_queue(void **state)
{
    struct world w;
    unsigned real;
    (void)state;
    begin(&w, false);
    picture(&w, 0, true);
    sounds(&w, 0, 100);
    w.full = true;
    picture(&w, 100, false);
    sounds(&w, 100, 200);
    assert_true(w.pair.key_wanted);
    w.full = false;
    picture(&w, 140, false); /* refers to one that is not there */
    assert_int_equal(pictures_in(&w, 1), 1);
    sounds(&w, 200, 300);
    picture(&w, 180, true);
    picture(&w, 220, false);
    assert_int_equal(pictures_in(&w, 1), 3);
    assert_false(w.pair.key_wanted);
    sound_in(&w, 1, &real); /* without a hole: what was refused is silence */
    assert_int_equal(real, 10);
    end(&w);
}

static void a_screen_has_sound_when_it_is_announced(void **state)
{
    struct world w;
    (void)state;
    begin(&w, true);
    plm_pair_on_track(&w.pair, PLM_KIND_VIDEO, true, false);
    picture(&w, 0, true);
    assert_false(w.files[1].sound);
    plm_pair_on_track(&w.pair, PLM_KIND_AUDIO, true, false);
    sound(&w, 40);
    assert_true(w.pair.key_wanted);
    picture(&w, 50, false);
    assert_int_equal(w.n_files, 1);
    picture(&w, 80, true);
    assert_int_equal(w.n_files, 2);
    assert_true(w.files[2].sound);
    assert_string_equal(w.reasons[1], PLM_PAIR_ENDS_AUDIO);
    end(&w);
}

static void a_file_that_the_disk_ended(void **state)
{
    struct world w;
    (void)state;
    begin(&w, false);
    picture(&w, 0, true);
    assert_false(plm_pair_on_failed(&w.pair, 7));
    assert_true(plm_pair_on_failed(&w.pair, 1));
    assert_true(w.pair.key_wanted);
    picture(&w, 40, false);
    assert_int_equal(w.n_files, 1);
    w.refuse_files = true;
    picture(&w, 80, true);
    assert_int_equal(w.n_files, 1);
    w.refuse_files = false;
    picture(&w, 120, true);
    assert_int_equal(w.n_files, 2);
    assert_int_equal(w.files[2].start_us, T0 + 120 * MS);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_file_waits_for_a_picture),
        cmocka_unit_test(a_picture_that_does_not_come_in_time),
        cmocka_unit_test(a_muted_camera_is_not_waited_for),
        cmocka_unit_test(another_codec_begins_a_file_at_its_key_frame),
        cmocka_unit_test(a_turned_camera_goes_on_until_its_key_frame),
        cmocka_unit_test(silence_is_filled),
        cmocka_unit_test(a_full_queue),
        cmocka_unit_test(a_screen_has_sound_when_it_is_announced),
        cmocka_unit_test(a_file_that_the_disk_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
