/* RTP packets and their extensions: views stay inside, and what was read can be written and read again. */
#include "fuzz.h"
#include "rtp.h"

#include <string.h>

static struct plm_ext_map make_map(void)
{
    struct plm_ext_ids ids = {{0}};
    struct plm_ext_map map;
    for (unsigned e = 1; e < PLM_EXT_COUNT; e++)
        ids.id[e] = (uint8_t)(e < 6 ? e : 9 + e);
    plm_ext_map_init(&map, &ids);
    return map;
}

static void check_view(const struct plm_rtp_view *v, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    CHECK(v->data == data && v->len == size && v->pt < 128);
    CHECK(v->payload >= data + PLM_RTP_HEADER && v->payload <= end);
    CHECK(v->payload_len <= (size_t)(end - v->payload));
    CHECK(v->payload + v->payload_len + v->padding == end);
    CHECK(!v->ext || (v->ext >= data + PLM_RTP_HEADER + 4 && v->ext + v->ext_len == v->payload));
    CHECK(v->ext || v->payload == data + PLM_RTP_HEADER + 4 * v->n_csrc);
}

static void write_again(
    const struct plm_rtp_view *v, const struct plm_rtp_exts *e, const struct plm_ext_map *map)
{
    struct plm_ext_out outs[PLM_EXT_COUNT];
    size_t n = 0;
    for (unsigned id = 1; id < 256; id++) {
        uint8_t type = map->type_of[id];
        if (type && e->val[type])
            outs[n++] = (struct plm_ext_out){.id = (uint8_t)id, .len = e->len[type], .val = e->val[type]};
    }
    struct plm_rtp_fixed f = {.ts = v->ts, .ssrc = v->ssrc, .seq = v->seq, .pt = v->pt, .marker = v->marker};
    uint8_t buf[PLM_RTP_HEADER + 4 + PLM_EXT_COUNT * 260];
    uint16_t at[PLM_EXT_COUNT];
    struct plm_rtp_view again;
    struct plm_rtp_exts exts;
    size_t len = plm_rtp_write_header(buf, sizeof buf, &f, outs, n, at);
    CHECK(len >= PLM_RTP_HEADER && len % 4 == 0);
    CHECK(plm_rtp_parse(&again, buf, len) == 0 && again.payload_len == 0);
    CHECK(again.seq == v->seq && again.ts == v->ts && again.ssrc == v->ssrc && again.marker == v->marker);
    CHECK(plm_rtp_exts_parse(&exts, &again, map) == 0);
    for (size_t i = 0; i < n; i++) {
        uint8_t type = map->type_of[outs[i].id];
        CHECK(exts.val[type] == buf + at[i] && exts.len[type] == outs[i].len);
        CHECK(memcmp(exts.val[type], outs[i].val, outs[i].len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plm_ext_map map = make_map();
    struct plm_rtp_view v;
    struct plm_rtp_exts e;
    if (plm_rtp_parse(&v, data, size) != 0)
        return 0;
    check_view(&v, data, size);
    if (plm_rtp_exts_parse(&e, &v, &map) != 0)
        return 0;
    for (unsigned t = 0; t < PLM_EXT_COUNT; t++)
        CHECK(!e.val[t] || (e.val[t] > v.ext && e.val[t] + e.len[t] <= v.ext + v.ext_len));
    write_again(&v, &e, &map);
    return 0;
}
