/* A stream of dependency descriptors, each behind its length: state stays sound, and a shifted copy says the same. */
#include "codec.h"
#include "fuzz.h"

#include <string.h>

static void check_state(const struct plm_dd_state *s)
{
    if (!s->valid)
        return;
    CHECK(s->n_templates >= 1 && s->n_templates <= PLM_DD_MAX_TEMPLATES);
    CHECK(s->n_targets >= 1 && s->n_targets <= PLM_DD_MAX_TARGETS && s->n_chains <= s->n_targets);
    CHECK(s->max_sid <= 3 && s->max_tid <= 7);
    CHECK(s->n_targets == 32 || s->active_targets >> s->n_targets == 0);
}

static void check_info(const struct plm_dd_info *i, const struct plm_dd_state *s)
{
    CHECK(i->sid <= s->max_sid && i->tid <= s->max_tid && i->n_fdiffs <= PLM_DD_MAX_FDIFFS);
    for (unsigned n = 0; n < i->n_fdiffs; n++)
        CHECK(i->fdiffs[n] >= 1 && i->fdiffs[n] <= 4096);
    struct plm_frame_info f = {.frame_start = false};
    plm_dd_to_frame_info(i, s, &f);
    CHECK(f.has_layers && (!f.keyframe_start || (f.keyframe && f.frame_start)));
}

static void one(struct plm_dd_state *s, struct plm_dd_state *shifted, const uint8_t *p, size_t len)
{
    struct plm_dd_state before = *s;
    struct plm_dd_info i, j;
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    int rc = plm_dd_parse(s, copy, len, &i);
    CHECK(rc == 0 || memcmp(&before, s, sizeof before) == 0);
    check_state(s);
    size_t n = plm_dd_rewrite(copy, len, p, len, 1000, 13);
    CHECK(rc != 0 || n == len);
    if (n) {
        CHECK(plm_dd_parse(shifted, copy, n, &j) == rc);
        CHECK(rc != 0 || (uint16_t)(j.frame_number - i.frame_number) == 1000);
        CHECK(rc != 0 ||
              (j.sid == i.sid && j.tid == i.tid && j.switch_up == i.switch_up && j.n_fdiffs == i.n_fdiffs));
    }
    if (rc == 0)
        check_info(&i, s);
    free(copy);
}

/* A receiver is told of what it gets: it reads just that, and the rest as it was. */
static void tell_active(
    const struct plm_dd_state *s, const struct plm_dd_targets *t, const uint8_t *p, size_t len)
{
    struct plm_dd_state plain = *s, told = *s;
    struct plm_dd_info i, j;
    uint16_t active = plm_dd_active(t, (uint8_t)(len % 4), (uint8_t)(len % 3));
    uint8_t *copy = malloc(len + PLM_DD_TELL_OCTETS);
    memcpy(copy, p, len);
    size_t n = plm_dd_tell_active(copy, len + PLM_DD_TELL_OCTETS, len, t, active);
    CHECK(n >= len && plm_dd_parse(&plain, p, len, &i) == 0 && plm_dd_parse(&told, copy, n, &j) == 0);
    CHECK(t->n == 0 || told.active_targets == active);
    CHECK(j.sid == i.sid && j.tid == i.tid && j.switch_up == i.switch_up && j.n_fdiffs == i.n_fdiffs);
    free(copy);
}

/* The same stream as packets, some of which come late. */
static void in_order_or_late(struct plm_dd_states *s, uint64_t ext_seq, const uint8_t *p, size_t len)
{
    struct plm_frame_info none = {0}, f = none;
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    int rc = plm_dd_read(s, ext_seq, copy, len, &f);
    CHECK(rc == 0 ? f.has_layers && f.spatial_layers <= 4 : memcmp(&f, &none, sizeof f) == 0);
    check_state(&s->now);
    check_state(&s->before);
    if (rc == 0 && ext_seq == s->newest_seq)
        tell_active(&s->now, &f.targets, p, len);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct plm_dd_state s, shifted;
    memset(&s, 0, sizeof s);
    memset(&shifted, 0, sizeof shifted);
    static struct plm_dd_states states;
    memset(&states, 0, sizeof states);
    uint64_t ext_seq = 1000;
    while (in.left > 0) {
        size_t len = fuzz_u8(&in);
        if (len > in.left)
            len = in.left;
        one(&s, &shifted, in.p, len);
        ext_seq++;
        in_order_or_late(&states, len % 8 == 7 ? ext_seq - 6 : ext_seq, in.p, len);
        in.p += len;
        in.left -= len;
    }
    return 0;
}
