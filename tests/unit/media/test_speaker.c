#include "speaker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define POLL_MS    50
#define MAX_PEOPLE 40

/** A room of people whose microphones are made up, a packet each 20 ms through plm_audio_level, a decision each 50. */
struct room {
    struct plm_speakers *speakers;
    unsigned n;
    uint64_t now_ms;
    struct plm_audio_level level[MAX_PEOPLE];
    double noise[MAX_PEOPLE];   /* dBov */
    double voice[MAX_PEOPLE];   /* dBov at the syllables' peaks; 0: silent */
    uint64_t phase[MAX_PEOPLE]; /* of the syllables, ms */
    uint64_t click_at[MAX_PEOPLE];
    bool clicks[MAX_PEOPLE];
    double leak_from_first; /* dB by which everybody else hears the first one; 0: not at all */
};

static struct room r;

static plm_participant_id id_of(unsigned i)
{
    return 100 + i;
}

static void open_room(unsigned n, unsigned max_speakers)
{
    plm_speakers_destroy(r.speakers);
    r = (struct room){.speakers = plm_speakers_create(max_speakers), .n = n};
    assert_non_null(r.speakers);
    for (unsigned i = 0; i < n; i++) {
        plm_audio_level_init(&r.level[i]);
        r.noise[i] = -65 - rand() % 20;
        r.phase[i] = (uint64_t)rand() % 1000;
    }
}

/** Syllables of 120-220 ms with dips of 20-80 ms between them, a pause for breath each 2-3 s. */
static double syllables(uint64_t t, double peak)
{
    uint64_t in_phrase = t % 2700;
    if (in_phrase > 2450)
        return -90;
    uint64_t s = in_phrase % 230;
    if (s > 175)
        return peak - 25;
    return peak - 6 * fabs((double)s / 175 - 0.4);
}

static double power(double db)
{
    return pow(10, db / 10);
}

static void packet(unsigned i)
{
    double p = power(r.noise[i] + (rand() % 30) / 10.0);
    if (r.voice[i] < 0)
        p += power(syllables(r.now_ms + r.phase[i], r.voice[i]));
    if (r.leak_from_first > 0 && i && r.voice[0] < 0)
        p += power(syllables(r.now_ms + r.phase[0] - 40, r.voice[0]) - r.leak_from_first);
    if (r.clicks[i] && r.now_ms >= r.click_at[i]) {
        p += power(-28);
        r.click_at[i] = r.now_ms + 90 + (uint64_t)rand() % 160; /* 4-11 strokes a second */
    }
    double db = -10 * log10(p);
    plm_audio_level_on_packet(&r.level[i], db < 0 ? 0 : db > 127 ? 127 : (uint8_t)db, r.now_ms * 1000);
}

static unsigned changes;

static void run_ms(uint64_t ms)
{
    for (uint64_t end = r.now_ms + ms; r.now_ms < end;) {
        r.now_ms += 10;
        for (unsigned i = 0; i < r.n && r.now_ms % 20 == 0; i++)
            packet(i);
        if (r.now_ms % POLL_MS)
            continue;
        for (unsigned i = 0; i < r.n; i++)
            plm_speakers_level(
                r.speakers, id_of(i), plm_audio_level_take(&r.level[i], r.now_ms * 1000), r.now_ms * 1000);
        changes += plm_speakers_poll(r.speakers, r.now_ms * 1000);
    }
}

static plm_participant_id set[PLM_MAX_SPEAKERS];
static uint8_t levels[PLM_MAX_SPEAKERS];

static plm_participant_id first(void)
{
    return plm_speakers_get(r.speakers, set, levels) ? set[0] : 0;
}

static bool in_set(plm_participant_id who)
{
    size_t n = plm_speakers_get(r.speakers, set, levels);
    for (size_t i = 0; i < n; i++) {
        if (set[i] == who)
            return true;
    }
    return false;
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/** Turns are taken 200 times: from the first syllable to the switch 400 ms for half of them, 700 for 95 of 100. */
static void speech_switches_soon(void **state)
{
    (void)state;
    enum {
        TURNS = 200
    };
    int took[TURNS];
    srand(1);
    open_room(6, 4);
    run_ms(2000);
    unsigned present = 0;
    r.voice[0] = -30;
    run_ms(2000);
    assert_int_equal(first(), id_of(0));
    for (int turn = 0; turn < TURNS; turn++) {
        unsigned next = (present + 1 + (unsigned)rand() % 5) % 6;
        uint64_t gap = (uint64_t)rand() % 500;
        bool overlap = rand() % 3 == 0; /* the former one stops a little later */
        if (!overlap) {
            r.voice[present] = 0;
            run_ms(gap);
        }
        r.voice[next] = -22 - rand() % 18;
        r.phase[next] = 2700 - r.now_ms % 2700; /* begins a phrase now */
        uint64_t start = r.now_ms;
        while (first() != id_of(next) && r.now_ms - start < 5000) {
            if (overlap && r.now_ms - start >= 100)
                r.voice[present] = 0;
            run_ms(10);
        }
        took[turn] = (int)(r.now_ms - start);
        r.voice[present] = 0;
        present = next;
        run_ms(1500 + (uint64_t)rand() % 3000);
        assert_int_equal(first(), id_of(present));
    }
    qsort(took, TURNS, sizeof took[0], by_value);
    print_message("switch after %d ms (p50), %d ms (p95), %d ms (max)\n", took[TURNS / 2],
        took[TURNS * 95 / 100], took[TURNS - 1]);
    assert_true(took[TURNS / 2] <= 400);
    assert_true(took[TURNS * 95 / 100] <= 700);
}

/** Breath and phrase pauses of a long speech, with others who only make noise, change nothing. */
static void a_speech_is_not_interrupted(void **state)
{
    (void)state;
    srand(2);
    open_room(8, 4);
    r.voice[2] = -30;
    run_ms(2000);
    assert_int_equal(first(), id_of(2));
    changes = 0;
    run_ms(120000);
    assert_int_equal(first(), id_of(2));
    assert_true(changes <= 1);
    r.voice[2] = 0; /* and stays first when nobody speaks */
    run_ms(60000);
    assert_int_equal(first(), id_of(2));
}

static void a_cough_is_no_speech(void **state)
{
    (void)state;
    srand(3);
    for (int quiet = 0; quiet < 2; quiet++) {
        open_room(4, 4);
        r.voice[0] = -32;
        run_ms(3000);
        assert_int_equal(first(), id_of(0));
        if (quiet)
            r.voice[0] = 0;
        for (int i = 0; i < 100; i++) {
            run_ms(700 + (uint64_t)rand() % 2000);
            unsigned who = 1 + (unsigned)rand() % 3;
            double noise = r.noise[who];
            r.noise[who] = -12; /* loud, up to 290 ms */
            run_ms(100 + (uint64_t)(rand() % 20) * 10);
            r.noise[who] = noise;
            assert_int_equal(first(), id_of(0));
        }
    }
}

static void typing_is_no_speech(void **state)
{
    (void)state;
    srand(4);
    for (int quiet = 0; quiet < 2; quiet++) {
        open_room(4, 4);
        r.voice[0] = -32;
        run_ms(3000);
        r.clicks[1] = r.clicks[3] = true;
        if (quiet)
            r.voice[0] = 0;
        changes = 0;
        run_ms(60000);
        assert_int_equal(first(), id_of(0));
        assert_int_equal(changes, 0);
    }
}

/** The speaker is heard in everybody's microphone, 15 dB weaker and a little later. */
static void crosstalk_does_not_win(void **state)
{
    (void)state;
    srand(5);
    for (int round = 0; round < 20; round++) {
        open_room(6, 4);
        r.leak_from_first = 15;
        run_ms(1000);
        r.voice[0] = -20 - rand() % 10;
        run_ms(1500);
        assert_int_equal(first(), id_of(0));
        changes = 0;
        run_ms(20000);
        assert_int_equal(first(), id_of(0));
    }
}

/** Two speak at once: the present one keeps the floor against an equal voice, and loses it to a much louder one. */
static void a_louder_voice_wins_in_the_end(void **state)
{
    (void)state;
    srand(6);
    open_room(4, 4);
    r.voice[0] = -38;
    run_ms(3000);
    r.voice[1] = -37;
    unsigned switches = 0;
    plm_participant_id last = first();
    for (int i = 0; i < 1000; i++) {
        run_ms(20);
        switches += first() != last;
        last = first();
    }
    assert_true(switches <= 4);
    r.voice[1] = 0;
    run_ms(3000);
    assert_int_equal(first(), id_of(0));
    r.voice[1] = -20;
    run_ms(2700);
    assert_int_equal(first(), id_of(1));
}

static void everybody_is_heard_in_a_small_room(void **state)
{
    (void)state;
    srand(7);
    open_room(4, 4);
    run_ms(POLL_MS);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 4);
    r.n = 3; /* one leaves */
    plm_speakers_remove(r.speakers, id_of(3));
    plm_speakers_remove(r.speakers, id_of(3));
    plm_speakers_remove(r.speakers, 9999);
    run_ms(POLL_MS);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 3);
    assert_false(in_set(id_of(3)));
    open_room(0, 4);
    run_ms(POLL_MS);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 0);
    plm_speakers_level(r.speakers, 0, 20, 0); /* nobody */
    run_ms(POLL_MS);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 0);
}

static bool speaks(unsigned i)
{
    return plm_speakers_speaks(r.speakers, id_of(i), r.now_ms * 1000);
}

/** In a small room everybody is in the set; those of them speak who were heard in the last two seconds, and the dominant speaker. */
static void who_is_silent_does_not_speak(void **state)
{
    (void)state;
    srand(9);
    open_room(4, 4);
    run_ms(3000);
    for (unsigned i = 0; i < 4; i++)
        assert_true(in_set(id_of(i)) && !speaks(i));
    r.voice[0] = -30;
    run_ms(2000);
    assert_true(speaks(0) && !speaks(1));
    r.voice[1] = -32;
    run_ms(1000);
    assert_true(speaks(0) && speaks(1) && !speaks(2));
    r.voice[1] = 0;
    run_ms(1500);
    assert_true(speaks(1));
    run_ms(1000);
    assert_false(speaks(1));
    r.voice[0] = 0;
    run_ms(60000);
    assert_true(speaks(0)); /* nobody has taken over */
    plm_speakers_remove(r.speakers, id_of(0));
    assert_false(speaks(0));
    assert_false(speaks(9));
}

/** In a large room whoever begins to speak is let in within 150 ms, and silent members wait for two seconds at least. */
static void the_set_follows_with_hysteresis(void **state)
{
    (void)state;
    srand(8);
    open_room(30, 4);
    run_ms(2500);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 4);
    for (unsigned i = 10; i < 14; i++) {
        r.voice[i] = -30;
        r.phase[i] = 2700 - r.now_ms % 2700;
        run_ms(160);
        assert_true(in_set(id_of(i)));
    }
    run_ms(1000);
    /* The set is full of speakers: one falls silent, and stays for two seconds. */
    r.voice[12] = 0;
    run_ms(300);
    r.voice[20] = -31;
    r.phase[20] = 2700 - r.now_ms % 2700;
    run_ms(1000);
    assert_true(in_set(id_of(12)));
    assert_false(in_set(id_of(20)));
    run_ms(2000);
    assert_false(in_set(id_of(12)));
    assert_true(in_set(id_of(20)));
    /* Unless somebody much louder comes. */
    r.voice[25] = -10;
    r.phase[25] = 2700 - r.now_ms % 2700;
    run_ms(1000);
    assert_true(in_set(id_of(25)));
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 4);
    /* When nobody speaks the set stays as it is. */
    for (unsigned i = 0; i < 30; i++)
        r.voice[i] = 0;
    run_ms(3000);
    changes = 0;
    run_ms(60000);
    assert_int_equal(changes, 0);
}

/** Constant tones (tests, music on hold) are heard: none is taken for noise. */
static void tones_stay_in_the_set(void **state)
{
    (void)state;
    srand(9);
    open_room(8, 3);
    run_ms(500);
    for (unsigned i = 5; i < 8; i++)
        r.noise[i] = -20;
    run_ms(3000);
    for (int k = 0; k < 20; k++) {
        run_ms(5000);
        for (unsigned i = 5; i < 8; i++)
            assert_true(in_set(id_of(i)));
    }
}

static void limits(void **state)
{
    (void)state;
    srand(10);
    open_room(MAX_PEOPLE, 1000); /* more than can be named */
    run_ms(500);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), PLM_MAX_SPEAKERS);
    open_room(5, 0);
    r.voice[1] = -20;
    run_ms(2000);
    assert_int_equal(plm_speakers_get(r.speakers, set, levels), 0);
    plm_speakers_destroy(NULL);
}

static void levels_are_means_of_energy(void **state)
{
    (void)state;
    struct plm_audio_level a;
    plm_audio_level_init(&a);
    assert_int_equal(plm_audio_level_take(&a, 1000000), 127);
    for (unsigned level = 0; level <= 127; level++) {
        plm_audio_level_on_packet(&a, (uint8_t)level, 1000000);
        assert_int_equal(plm_audio_level_take(&a, 1000000), level);
    }
    plm_audio_level_on_packet(&a, 20, 1000000);
    plm_audio_level_on_packet(&a, 127, 1000000);
    assert_int_equal(plm_audio_level_take(&a, 1000000), 23); /* half the energy */
    plm_audio_level_on_packet(&a, 30, 1000000);
    plm_audio_level_on_packet(&a, 60, 1000000);
    plm_audio_level_on_packet(&a, 255, 1000000); /* out of range: silence */
    assert_in_range(plm_audio_level_take(&a, 1000000), 34, 35);
    assert_in_range(plm_audio_level_take(&a, 1130000), 34, 35); /* packets of 120 ms */
    assert_int_equal(plm_audio_level_take(&a, 1130001), 127);
}

static int close_room(void **state)
{
    (void)state;
    plm_speakers_destroy(r.speakers);
    r.speakers = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speech_switches_soon),
        cmocka_unit_test(a_speech_is_not_interrupted),
        cmocka_unit_test(a_cough_is_no_speech),
        cmocka_unit_test(typing_is_no_speech),
        cmocka_unit_test(crosstalk_does_not_win),
        cmocka_unit_test(a_louder_voice_wins_in_the_end),
        cmocka_unit_test(everybody_is_heard_in_a_small_room),
        cmocka_unit_test(who_is_silent_does_not_speak),
        cmocka_unit_test(the_set_follows_with_hysteresis),
        cmocka_unit_test(tones_stay_in_the_set),
        cmocka_unit_test(limits),
        cmocka_unit_test(levels_are_means_of_energy),
    };
    return cmocka_run_group_tests(tests, NULL, close_room);
}
