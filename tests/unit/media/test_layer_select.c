#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../fakes/frame_source.h"
#include "layer_select.h"

static struct plm_layer_select s;
static struct plm_pkt pkt;
static uint64_t seqs[4];

static int set_up(void **state)
{
    (void)state;
    plm_layer_select_init(&s);
    for (int i = 0; i < 4; i++)
        seqs[i] = 70000;
    return 0;
}

static enum plm_layer_verdict again(void)
{
    return plm_layer_select_on_packet(&s, &pkt);
}

/** The next packet of an encoding. flags: 'k' keyframe start, 's' sync, 'c' a continued frame */
static enum plm_layer_verdict next(uint8_t encoding, uint64_t ts, uint8_t tid, const char *flags)
{
    memset(&pkt, 0, offsetof(struct plm_pkt, data));
    pkt.codec = PLM_CODEC_VP8;
    pkt.encoding = encoding;
    pkt.ext_seq = seqs[encoding & 3]++;
    pkt.ext_ts = ts;
    pkt.info.has_layers = true;
    pkt.info.tid = tid;
    pkt.info.keyframe = pkt.info.keyframe_start = strchr(flags, 'k') != NULL;
    pkt.info.layer_sync = strchr(flags, 's') != NULL;
    pkt.info.frame_start = !strchr(flags, 'c');
    return again();
}

static void waits_for_a_keyframe(void **state)
{
    (void)state;
    assert_int_equal(next(0, 0, 0, "k"), PLM_LAYER_DROP); /* nobody wants anything */
    plm_layer_select_aim(&s, 1, 2);
    assert_true(s.want_keyframe);
    assert_int_equal(next(0, 3000, 0, "k"), PLM_LAYER_DROP);
    assert_int_equal(next(1, 3000, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    assert_int_equal(next(1, 6000, 0, "k"), PLM_LAYER_SWITCH);
    assert_false(s.want_keyframe);
    assert_int_equal(s.current, 1);
    assert_int_equal(next(1, 6000, 0, "c"), PLM_LAYER_FORWARD);
    assert_int_equal(next(1, 9000, 2, ""), PLM_LAYER_FORWARD);
    assert_int_equal(
        next(1, 12000, 0, "k"), PLM_LAYER_FORWARD); /* a keyframe of the same stream is no switch */
    assert_int_equal(next(9, 12000, 0, "k"), PLM_LAYER_DROP);
}

static void the_present_goes_on_until_the_target_begins(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 2);
    assert_int_equal(next(0, 0, 0, "k"), PLM_LAYER_SWITCH);
    plm_layer_select_aim(&s, 2, 2);
    assert_true(s.want_keyframe);
    assert_int_equal(next(2, 500, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    assert_int_equal(next(0, 3000, 0, ""), PLM_LAYER_FORWARD);
    uint64_t late = seqs[0]++;
    assert_int_equal(next(0, 6000, 0, ""), PLM_LAYER_FORWARD);
    assert_int_equal(next(2, 3500, 0, "k"), PLM_LAYER_SWITCH);
    assert_int_equal(next(0, 9000, 0, ""), PLM_LAYER_DROP);
    /* Late packets of frames that were being forwarded are still wanted. */
    pkt.ext_seq = late;
    pkt.ext_ts = 3000;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
    /* Changing one's mind before the keyframe takes the request back. */
    plm_layer_select_aim(&s, 0, 2);
    plm_layer_select_aim(&s, 2, 2);
    assert_false(s.want_keyframe);
    assert_int_equal(next(0, 12000, 0, "k"), PLM_LAYER_DROP);
    assert_int_equal(next(2, 6500, 0, ""), PLM_LAYER_FORWARD);
}

/** What came after an old keyframe has been dropped: beginning there would show a picture that never moves on. */
static void an_old_keyframe_is_no_beginning(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 2);
    uint64_t key = seqs[0]++;
    assert_int_equal(next(0, 3000, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    pkt.ext_seq = key;
    pkt.ext_ts = 0;
    pkt.info.keyframe = pkt.info.keyframe_start = true;
    assert_int_equal(again(), PLM_LAYER_DROP_NOT_KEY);
    assert_true(s.want_keyframe);
    /* H264: without the packet before it, an IDR slice may lack its parameter sets. */
    seqs[0]++;
    pkt.codec = PLM_CODEC_H264;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 9000;
    assert_int_equal(again(), PLM_LAYER_DROP_NOT_KEY);
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 12000;
    assert_int_equal(again(), PLM_LAYER_SWITCH);
}

/** A key frame's first packet that was lost and came again: its followers are known, the caller catches up. */
static void a_key_frame_may_begin_late(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 2);
    uint64_t key = seqs[0]++;
    assert_int_equal(next(0, 0, 0, "c"), PLM_LAYER_DROP_NOT_KEY);
    assert_int_equal(next(0, 27000, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    struct plm_layer_select before = s;
    pkt.ext_seq = key;
    pkt.ext_ts = 0;
    pkt.late = pkt.info.keyframe = pkt.info.keyframe_start = true;
    assert_int_equal(again(), PLM_LAYER_SWITCH);
    assert_int_equal(next(0, 3000, 2, ""), PLM_LAYER_FORWARD);
    /* Not an IDR slice, whose parameter sets may be missing. */
    s = before;
    pkt.ext_seq = key;
    pkt.ext_ts = 0;
    pkt.codec = PLM_CODEC_H264;
    pkt.late = pkt.info.keyframe = pkt.info.keyframe_start = true;
    assert_int_equal(again(), PLM_LAYER_DROP_NOT_KEY);
    pkt.info.width = 640; /* with its parameter set */
    assert_int_equal(again(), PLM_LAYER_SWITCH);
    /* Not after more than 300 ms. */
    s = before;
    assert_int_equal(next(0, 27001, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    pkt.ext_seq = key;
    pkt.ext_ts = 0;
    pkt.late = pkt.info.keyframe = pkt.info.keyframe_start = true;
    assert_int_equal(again(), PLM_LAYER_DROP_NOT_KEY);
    /* Not before what was chosen already. */
    s = before;
    assert_int_equal(next(0, 30000, 0, "k"), PLM_LAYER_SWITCH);
    plm_layer_select_aim(&s, PLM_LAYER_NONE, 0);
    plm_layer_select_aim(&s, 0, 2);
    pkt.ext_seq = key;
    pkt.ext_ts = 6000;
    pkt.late = true;
    assert_int_equal(again(), PLM_LAYER_DROP_NOT_KEY);
}

static void down_at_the_next_frame(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 2);
    next(0, 0, 0, "k");
    assert_int_equal(next(0, 3000, 2, ""), PLM_LAYER_FORWARD);
    plm_layer_select_aim(&s, 0, 1);
    assert_int_equal(s.current_tid, 1);
    assert_int_equal(next(0, 3000, 2, "c"), PLM_LAYER_FORWARD); /* the rest of this frame */
    assert_int_equal(next(0, 6000, 1, ""), PLM_LAYER_FORWARD);
    uint64_t late = seqs[0]++;
    assert_int_equal(next(0, 9000, 2, ""), PLM_LAYER_DROP);
    plm_layer_select_aim(&s, 0, 0);
    assert_int_equal(next(0, 15000, 1, ""), PLM_LAYER_DROP);
    assert_int_equal(next(0, 18000, 0, ""), PLM_LAYER_FORWARD);
    pkt.ext_seq = late; /* of a frame from when layer 1 was forwarded */
    pkt.ext_ts = 6000;
    pkt.info.tid = 1;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
    pkt.info.has_layers = false; /* nothing known of layers: it passes */
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 21000;
    pkt.info.tid = 3;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
}

static void vp8_up_a_layer_at_a_time(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 0);
    next(0, 0, 0, "k");
    plm_layer_select_aim(&s, 0, 2);
    assert_false(s.want_keyframe);
    assert_int_equal(next(0, 3000, 2, "s"), PLM_LAYER_DROP); /* layer 1 would be missing */
    assert_int_equal(next(0, 6000, 1, ""), PLM_LAYER_DROP);
    assert_int_equal(next(0, 9000, 1, "s"), PLM_LAYER_FORWARD);
    assert_int_equal(next(0, 9000, 1, "sc"), PLM_LAYER_FORWARD);
    assert_int_equal(next(0, 12000, 2, ""), PLM_LAYER_DROP);
    assert_int_equal(next(0, 12000, 2, "sc"), PLM_LAYER_DROP); /* never half a frame */
    assert_int_equal(next(0, 15000, 2, "s"), PLM_LAYER_FORWARD);
    assert_int_equal(next(0, 18000, 2, ""), PLM_LAYER_FORWARD);
    /* A keyframe lifts to the aim at once. */
    plm_layer_select_aim(&s, 0, 0);
    plm_layer_select_aim(&s, 0, 2);
    assert_int_equal(next(0, 21000, 2, ""), PLM_LAYER_DROP);
    assert_int_equal(next(0, 24000, 0, "k"), PLM_LAYER_FORWARD);
    assert_int_equal(next(0, 27000, 2, ""), PLM_LAYER_FORWARD);
}

static void vp9_up_after_the_marked_frame(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 0);
    next(0, 0, 0, "k");
    plm_layer_select_aim(&s, 0, 2);
    next(0, 3000, 1, "s");
    pkt.codec = PLM_CODEC_VP9;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 6000;
    assert_int_equal(again(), PLM_LAYER_FORWARD); /* VP8's rule above raised to 1 */
    pkt.info.layer_sync = false;
    pkt.info.tid = 2;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 9000;
    assert_int_equal(again(), PLM_LAYER_FORWARD); /* after a sync frame at layer 1: layer 2 is open */
    plm_layer_select_aim(&s, 0, 0);
    plm_layer_select_aim(&s, 0, 2);
    pkt.info.layer_sync = true; /* on a frame that is not forwarded it opens nothing */
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 12000;
    assert_int_equal(again(), PLM_LAYER_DROP);
    pkt.info.layer_sync = false;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 13000;
    assert_int_equal(again(), PLM_LAYER_DROP);
    pkt.info.layer_sync = true;
    pkt.info.tid = 0;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 15000;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
    pkt.info.tid = 2;
    pkt.info.layer_sync = false;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 18000;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
}

/** With a dependency descriptor VP8's mark means what the descriptor's does: higher layers are open after this frame. */
static void the_descriptor_decides_for_vp8_too(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 0);
    next(0, 0, 0, "k");
    plm_layer_select_aim(&s, 0, 2);
    next(0, 3000, 1, "");
    pkt.dd_len = 3;
    pkt.info.layer_sync = true;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 6000;
    assert_int_equal(again(), PLM_LAYER_DROP);
    pkt.info.tid = 0;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 9000;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
    pkt.info.tid = 2;
    pkt.info.layer_sync = false;
    pkt.ext_seq = seqs[0]++;
    pkt.ext_ts = 12000;
    assert_int_equal(again(), PLM_LAYER_FORWARD);
}

/** Down an encoding, and what comes after the frame that is under way. */
static void on_the_way_down(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 1, 2);
    assert_false(plm_layer_select_descends(&s));
    next(1, 3000, 0, "k");
    assert_false(plm_layer_select_descends(&s));
    plm_layer_select_aim(&s, 2, 2);
    assert_false(plm_layer_select_descends(&s));
    plm_layer_select_aim(&s, 0, 2);
    assert_true(plm_layer_select_descends(&s));
    pkt.ext_ts = 3000;
    assert_false(plm_layer_select_is_ahead(&s, &pkt));
    pkt.ext_ts = 3001;
    assert_true(plm_layer_select_is_ahead(&s, &pkt));
    pkt.encoding = 0; /* nothing of it came */
    pkt.ext_ts = 0;
    assert_true(plm_layer_select_is_ahead(&s, &pkt));
    next(0, 3000, 0, "k");
    assert_false(plm_layer_select_descends(&s));
    plm_layer_select_aim(&s, PLM_LAYER_NONE, 0);
    assert_false(plm_layer_select_descends(&s));
}

static void pausing_completes_the_frame(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 2);
    next(0, 0, 0, "k");
    plm_layer_select_aim(&s, PLM_LAYER_NONE, 0);
    assert_false(s.want_keyframe);
    assert_int_equal(next(0, 0, 0, "c"), PLM_LAYER_FORWARD);
    assert_int_equal(next(0, 3000, 0, ""), PLM_LAYER_DROP);
    assert_int_equal(next(0, 6000, 0, "k"), PLM_LAYER_DROP);
    plm_layer_select_aim(&s, 0, 2);
    assert_true(s.want_keyframe);
    assert_int_equal(next(0, 6000, 0, "c"), PLM_LAYER_DROP_NOT_KEY);
    assert_int_equal(next(0, 9000, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    assert_int_equal(next(0, 12000, 0, "k"), PLM_LAYER_SWITCH);
    plm_layer_select_aim(&s, PLM_MAX_ENCODINGS, 0); /* no such encoding: the same as none */
    assert_int_equal(s.target, PLM_LAYER_NONE);
}

static void restart_forgets(void **state)
{
    (void)state;
    plm_layer_select_aim(&s, 0, 2);
    next(0, 3000000, 0, "k");
    plm_layer_select_restart(&s);
    assert_true(s.want_keyframe);
    seqs[0] = 5; /* another track, with lower numbers */
    assert_int_equal(next(0, 100, 0, ""), PLM_LAYER_DROP_NOT_KEY);
    assert_int_equal(next(0, 200, 0, "k"), PLM_LAYER_SWITCH);
    plm_layer_select_aim(&s, PLM_LAYER_NONE, 0);
    plm_layer_select_restart(&s);
    assert_false(s.want_keyframe);
}

/** Random aims over reordered packets: a frame's packets all get the same answer, save where a pause or switch to another encoding lies between. */
static void frames_are_never_split(void **state)
{
    (void)state;
    for (int codec = PLM_CODEC_VP8; codec <= PLM_CODEC_VP9; codec++) {
        enum {
            N = 30000
        };
        static struct fs_frame frames[N];
        static int verdict[N]; /* 0 unknown, 1 forwarded, 2 dropped */
        struct fs_source src;
        uint64_t seed = 77 + (uint64_t)codec;
        unsigned forwarded = 0, refs_missing = 0;
        memset(verdict, 0, sizeof verdict);
        fs_init(&src, (enum plm_codec)codec, 3, seed);
        plm_layer_select_init(&s);
        plm_layer_select_aim(&s, 0, 2);
        for (int i = 0; i < N; i++)
            fs_next(&src, i % 300 == 0, 3000, &frames[i]);
        /* Each packet is sent in its place or up to 12 packets later. */
        for (uint64_t base = 0; base + 40 < N; base++) {
            if (fs_chance(&seed, 100))
                plm_layer_select_aim(&s, 0, (uint8_t)(fs_random(&seed) % 3));
            const struct fs_frame *f = &frames[base];
            uint64_t order[2] = {base, base + 1};
            bool swap = fs_chance(&seed, 200) && !frames[base + 1].key && !f->key;
            for (int k = 0; k < 2; k++) {
                const struct fs_frame *x = &frames[order[swap ? 1 - k : k]];
                for (uint8_t at = 0; at < x->n_packets; at++) {
                    if (k == 0 && !swap && x != f)
                        continue;
                    memset(&pkt, 0, offsetof(struct plm_pkt, data));
                    pkt.codec = (enum plm_codec)codec;
                    pkt.ext_seq = x->first_seq + at;
                    pkt.ext_ts = x->ts;
                    pkt.info.has_layers = true;
                    pkt.info.tid = x->tid;
                    pkt.info.layer_sync = x->sync;
                    pkt.info.keyframe = pkt.info.keyframe_start = x->key && at == 0;
                    enum plm_layer_verdict v = again();
                    int now = v == PLM_LAYER_FORWARD || v == PLM_LAYER_SWITCH ? 1 : 2;
                    assert_true(!verdict[x->index] || verdict[x->index] == now);
                    verdict[x->index] = now;
                }
                if (!swap)
                    break;
            }
            base += swap;
        }
        for (int i = 0; i < N - 50; i++) {
            forwarded += verdict[i] == 1;
            for (unsigned r = 0; verdict[i] == 1 && r < frames[i].n_refs; r++)
                refs_missing += verdict[frames[i].refs[r]] != 1;
        }
        assert_true(forwarded > N / 4);
        assert_int_equal(refs_missing, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(waits_for_a_keyframe, set_up),
        cmocka_unit_test_setup(the_present_goes_on_until_the_target_begins, set_up),
        cmocka_unit_test_setup(an_old_keyframe_is_no_beginning, set_up),
        cmocka_unit_test_setup(a_key_frame_may_begin_late, set_up),
        cmocka_unit_test_setup(down_at_the_next_frame, set_up),
        cmocka_unit_test_setup(vp8_up_a_layer_at_a_time, set_up),
        cmocka_unit_test_setup(vp9_up_after_the_marked_frame, set_up),
        cmocka_unit_test_setup(the_descriptor_decides_for_vp8_too, set_up),
        cmocka_unit_test_setup(on_the_way_down, set_up),
        cmocka_unit_test_setup(pausing_completes_the_frame, set_up),
        cmocka_unit_test_setup(restart_forgets, set_up),
        cmocka_unit_test_setup(frames_are_never_split, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
