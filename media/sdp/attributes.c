#include "sdp/attributes.h"
#include "base/planted.h"

#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/** Each handler gets what stands behind the colon. */
typedef int attribute_fn(struct plm_sdp_parser *p, struct plm_slice value);

static int bad(struct plm_sdp_parser *p, const char *what)
{
    return plm_sdp_fail(p->err, p->line, PLM_EINVAL, "%s", what);
}

static struct plm_sdp_common *common_of(struct plm_sdp_parser *p)
{
    return p->media ? &p->media->common : &p->sdp->session;
}

/* ---- transport ---- */

bool plm_sdp_credential_valid(struct plm_slice s, size_t min)
{
    return s.n >= min && s.n <= 256 && plm_slice_is_visible(s) && !memchr(s.p, ':', s.n);
}

static int on_ice_ufrag(struct plm_sdp_parser *p, struct plm_slice value)
{
    char *ufrag = common_of(p)->ufrag;
    if (ufrag[0])
        return bad(p, "a=ice-ufrag twice");
    if (!plm_sdp_credential_valid(value, 4))
        return bad(p, "a=ice-ufrag: 4 to 256 characters");
    return plm_slice_copy(ufrag, PLM_PEER_UFRAG_SIZE, value);
}

static int on_ice_pwd(struct plm_sdp_parser *p, struct plm_slice value)
{
    char *pwd = common_of(p)->pwd;
    if (pwd[0])
        return bad(p, "a=ice-pwd twice");
    if (!plm_sdp_credential_valid(value, 22))
        return bad(p, "a=ice-pwd: 22 to 256 characters");
    return plm_slice_copy(pwd, PLM_PEER_UFRAG_SIZE, value);
}

static int on_ice_lite(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    p->sdp->ice_lite = true;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/** Octets of a hash function that we accept, 0 for others. */
static uint8_t hash_size(struct plm_slice name)
{
    static const struct {
        const char *name;
        uint8_t size;
    } hashes[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        if (plm_slice_is_word(name, hashes[i].name))
            return hashes[i].size;
    return 0;
}

static int parse_fingerprint(struct plm_slice hex, uint8_t size, struct plm_fingerprint *out)
{
    struct plm_fingerprint f = {.len = size};
    if (!PLM_FITS(sdp, hex.n == (size_t)size * 3 - 1))
        return PLM_EINVAL;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex.p[i * 3]), low = hex_digit(hex.p[i * 3 + 1]);
        if (high < 0 || low < 0 || (i + 1 < size && hex.p[i * 3 + 2] != ':'))
            return PLM_EINVAL;
        f.value[i] = (uint8_t)(high << 4 | low);
    }
    *out = f;
    return 0;
}

/* RFC 8122 section 5.1: of several hash functions the strongest that both know is the one to compare. */
static int on_fingerprint(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_sdp_common *c = common_of(p);
    struct plm_fingerprint f;
    uint8_t size = hash_size(plm_slice_word(&value));
    if (size == 0) {
        c->weak_fingerprint = true;
        return 0;
    }
    if (parse_fingerprint(plm_slice_trim(value), size, &f) != 0)
        return bad(p, "a=fingerprint: not hexadecimal octets of the hash's length");
    if (f.len > c->fingerprint.len)
        c->fingerprint = f;
    return 0;
}

static int on_setup(struct plm_sdp_parser *p, struct plm_slice value)
{
    static const struct {
        const char *name;
        enum plm_sdp_setup setup;
    } setups[] = {
        {"actpass", PLM_SDP_SETUP_ACTPASS},
        {"active", PLM_SDP_SETUP_ACTIVE},
        {"passive", PLM_SDP_SETUP_PASSIVE},
        {"holdconn", PLM_SDP_SETUP_HOLDCONN},
    };
    struct plm_sdp_common *c = common_of(p);
    if (c->setup != PLM_SDP_SETUP_UNSET)
        return bad(p, "a=setup twice");
    for (size_t i = 0; i < COUNT_OF(setups); i++)
        if (plm_slice_is_word(value, setups[i].name))
            c->setup = setups[i].setup;
    return c->setup == PLM_SDP_SETUP_UNSET ? bad(p, "a=setup: unknown role") : 0;
}

/* ---- grouping, directions, multiplexing ---- */

static int on_group(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_sdp *sdp = p->sdp;
    if (!plm_slice_is(plm_slice_word(&value), "BUNDLE"))
        return 0;
    if (sdp->has_bundle)
        return plm_sdp_fail(p->err, p->line, PLM_ENOTSUP, "more than one BUNDLE group");
    sdp->has_bundle = true;
    for (struct plm_slice mid = plm_slice_word(&value); mid.n; mid = plm_slice_word(&value)) {
        if (sdp->n_bundle == PLM_MAX_MEDIA)
            return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "more than %d m-lines in BUNDLE", PLM_MAX_MEDIA);
        if (plm_slice_copy(sdp->bundle[sdp->n_bundle], PLM_TOKEN_SIZE, mid) != 0)
            return bad(p, "BUNDLE names an unknown mid");
        for (unsigned i = 0; i < sdp->n_bundle; i++)
            if (plm_slice_is(mid, sdp->bundle[i]))
                return bad(p, "BUNDLE names a mid twice");
        sdp->n_bundle++;
    }
    return 0;
}

static int on_mid(struct plm_sdp_parser *p, struct plm_slice value)
{
    if (p->media->mid[0])
        return bad(p, "a=mid twice");
    if (!plm_slice_is_token(value))
        return bad(p, "a=mid: not a token");
    /* RFC 8843 section 15.1: an id as the header extension carries it fits 16 octets. */
    if (value.n > 16)
        return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "a=mid: longer than 16 characters");
    return plm_slice_copy(p->media->mid, PLM_TOKEN_SIZE, value);
}

static int set_way(struct plm_sdp_parser *p, unsigned way)
{
    struct plm_sdp_common *c = common_of(p);
    if (c->way != PLM_SDP_WAY_UNSET)
        return bad(p, "two directions");
    c->way = way;
    return 0;
}

static int on_sendrecv(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    return set_way(p, PLM_SDP_WAY_SEND | PLM_SDP_WAY_RECV);
}

static int on_sendonly(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    return set_way(p, PLM_SDP_WAY_SEND);
}

static int on_recvonly(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    return set_way(p, PLM_SDP_WAY_RECV);
}

static int on_inactive(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    return set_way(p, PLM_SDP_WAY_INACTIVE);
}

static int on_rtcp_mux(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    p->media->rtcp_mux = true;
    return 0;
}

static int on_rtcp_rsize(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    p->media->rtcp_rsize = true;
    return 0;
}

static int on_bundle_only(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    p->media->bundle_only = true;
    return 0;
}

static int on_extmap_allow_mixed(struct plm_sdp_parser *p, struct plm_slice value)
{
    (void)value;
    common_of(p)->allow_mixed = true;
    return 0;
}

static unsigned ext_way(struct plm_slice direction)
{
    if (direction.n == 0 || plm_slice_is_word(direction, "sendrecv"))
        return PLM_SDP_WAY_SEND | PLM_SDP_WAY_RECV;
    if (plm_slice_is_word(direction, "sendonly"))
        return PLM_SDP_WAY_SEND;
    if (plm_slice_is_word(direction, "recvonly"))
        return PLM_SDP_WAY_RECV;
    return PLM_SDP_WAY_INACTIVE;
}

static int on_extmap(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_sdp_common *c = common_of(p);
    struct plm_slice way = plm_slice_word(&value), id_text = plm_slice_cut(&way, '/');
    struct plm_slice uri = plm_slice_word(&value);
    uint32_t id;
    if (plm_slice_number(id_text, UINT16_MAX, &id) != 0 || id == 0)
        return bad(p, "a=extmap: id out of range");
    if (id > 255) /* RFC 8285 section 5: 4096 and above stand for "choose one"; we need none of those */
        return 0;
    if (c->ext_used[id / 32] & 1u << id % 32)
        return bad(p, "a=extmap: id given twice");
    c->ext_used[id / 32] |= 1u << id % 32;
    for (int e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++)
        if (c->ext_id[e] == 0 && plm_slice_is(uri, plm_ext_uri((enum plm_ext)e))) {
            c->ext_id[e] = (uint8_t)id;
            c->ext_way[e] = (uint8_t)ext_way(way);
        }
    return 0;
}

/* ---- payload types ---- */

/** Find the payload type a line begins with. *out is NULL for one that the m-line does not list: such lines mean nothing. */
static int take_payload(struct plm_sdp_parser *p, struct plm_slice *value, struct plm_sdp_payload **out)
{
    uint32_t pt;
    *out = NULL;
    if (plm_slice_number(plm_slice_word(value), 127, &pt) != 0)
        return bad(p, "payload type out of range");
    uint8_t index = p->media->index_of_pt[pt];
    if (index)
        *out = &p->media->payloads[index - 1];
    return 0;
}

/** RFC 7587 section 4.1: opus is always 48000/2. Video is 90 kHz. Anything else of that name is not what we know. */
static enum plm_codec codec_of(
    const struct plm_sdp_media *m, struct plm_slice name, uint32_t clock, uint32_t channels)
{
    for (int c = PLM_CODEC_NONE + 1; c < PLM_CODEC_COUNT; c++) {
        if (!plm_slice_is_word(name, plm_codec_name((enum plm_codec)c)))
            continue;
        if (c == PLM_CODEC_OPUS)
            return m->type == PLM_SDP_AUDIO && clock == 48000 && channels == 2 ? PLM_CODEC_OPUS
                                                                               : PLM_CODEC_NONE;
        return m->type == PLM_SDP_VIDEO && clock == 90000 ? (enum plm_codec)c : PLM_CODEC_NONE;
    }
    return PLM_CODEC_NONE;
}

static int on_rtpmap(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_sdp_payload *payload;
    uint32_t clock, channels = 1;
    int err = take_payload(p, &value, &payload);
    if (err || !payload)
        return err;
    if (payload->mapped)
        return bad(p, "a=rtpmap: payload type given twice");
    struct plm_slice rest = plm_slice_trim(value);
    struct plm_slice name = plm_slice_cut(&rest, '/'), rate = plm_slice_cut(&rest, '/');
    if (!plm_slice_is_token(name) || plm_slice_number(rate, UINT32_MAX, &clock) != 0)
        return bad(p, "a=rtpmap: not name/rate");
    if (rest.n && plm_slice_number(rest, 255, &channels) != 0)
        return bad(p, "a=rtpmap: channels out of range");
    payload->mapped = true;
    payload->clock_rate = clock;
    payload->is_rtx = plm_slice_is_word(name, "rtx");
    payload->is_red = plm_slice_is_word(name, "red") && clock == 48000 && channels == 2;
    payload->codec = codec_of(p->media, name, clock, channels);
    payload->channels = payload->codec == PLM_CODEC_OPUS ? 2 : 0;
    return 0;
}

static uint8_t feedback_bit(struct plm_slice text)
{
    struct plm_slice kind = plm_slice_word(&text), sub = plm_slice_trim(text);
    if (plm_slice_is_word(kind, "nack"))
        return sub.n == 0 ? PLM_FB_NACK : plm_slice_is_word(sub, "pli") ? PLM_FB_PLI : 0;
    if (plm_slice_is_word(kind, "ccm"))
        return plm_slice_is_word(sub, "fir") ? PLM_FB_FIR : 0;
    if (plm_slice_is_word(kind, "goog-remb"))
        return PLM_FB_REMB;
    return plm_slice_is_word(kind, "transport-cc") ? PLM_FB_TWCC : 0;
}

static int on_rtcp_fb(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_slice rest = value;
    if (plm_slice_is(plm_slice_word(&rest), "*")) {
        p->media->fb_all |= feedback_bit(rest);
        return 0;
    }
    struct plm_sdp_payload *payload;
    int err = take_payload(p, &value, &payload);
    if (err == 0 && payload)
        payload->feedback |= feedback_bit(value);
    return err;
}

static int hex24(struct plm_slice s, uint32_t *out)
{
    uint32_t v = 0;
    if (s.n != 6)
        return PLM_EINVAL;
    for (size_t i = 0; i < 6; i++) {
        int d = hex_digit(s.p[i]);
        if (d < 0)
            return PLM_EINVAL;
        v = v << 4 | (uint32_t)d;
    }
    *out = v;
    return 0;
}

/** One key=value. A value that is out of range leaves the default: the peer's own codec would do the same. */
static void on_fmtp_item(struct plm_sdp_fmtp *f, struct plm_slice key, struct plm_slice value)
{
    uint32_t n;
    if (plm_slice_is_word(key, "profile-level-id")) {
        (void)hex24(value, &f->profile_level_id);
        return;
    }
    if (plm_slice_number(value, 255, &n) != 0)
        return;
    if (plm_slice_is_word(key, "packetization-mode"))
        f->packetization_mode = (uint8_t)n;
    else if (plm_slice_is_word(key, "level-asymmetry-allowed"))
        f->level_asymmetry = n == 1;
    else if (plm_slice_is_word(key, "profile-id"))
        f->profile_id = (uint8_t)n;
    else if (plm_slice_is_word(key, "profile"))
        f->profile = (uint8_t)n;
    else if (plm_slice_is_word(key, "level-idx")) {
        f->level_idx = (uint8_t)n;
        f->has_level = true;
    } else if (plm_slice_is_word(key, "tier"))
        f->tier = (uint8_t)n;
    else if (plm_slice_is_word(key, "useinbandfec"))
        f->inband_fec = n == 1;
    else if (plm_slice_is_word(key, "usedtx"))
        f->dtx = n == 1;
    else if (plm_slice_is_word(key, "stereo") || plm_slice_is_word(key, "sprop-stereo"))
        f->stereo |= n == 1;
    else if (plm_slice_is_word(key, "apt"))
        f->apt = n <= 127 ? (uint8_t)n : PLM_NO_PT;
}

/** RFC 2198 section 5: "111/111", of primary and copies; one and the same is all that we write. */
static void on_red_formats(struct plm_sdp_fmtp *f, struct plm_slice list)
{
    uint32_t first = 0, pt;
    unsigned n = 0;
    while (list.n) {
        if (plm_slice_number(plm_slice_cut(&list, '/'), 127, &pt) != 0 || (n > 0 && pt != first))
            return;
        first = pt;
        n++;
    }
    if (n >= 2)
        f->red_of = (uint8_t)first;
}

static int on_fmtp(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_sdp_payload *payload;
    int err = take_payload(p, &value, &payload);
    if (err || !payload)
        return err;
    on_red_formats(&payload->fmtp, plm_slice_trim(value));
    while (value.n) {
        struct plm_slice item = plm_slice_cut(&value, ';');
        struct plm_slice key = plm_slice_cut(&item, '=');
        on_fmtp_item(&payload->fmtp, plm_slice_trim(key), plm_slice_trim(item));
    }
    return 0;
}

/* ---- sources and encodings ---- */

static int on_ssrc(struct plm_sdp_parser *p, struct plm_slice value)
{
    uint32_t ssrc;
    if (plm_slice_number(plm_slice_word(&value), UINT32_MAX, &ssrc) != 0)
        return bad(p, "a=ssrc: not a number of 32 bits");
    if (p->media->ssrc == 0)
        p->media->ssrc = ssrc;
    return 0;
}

static int on_ssrc_group(struct plm_sdp_parser *p, struct plm_slice value)
{
    uint32_t ssrc, rtx;
    if (!plm_slice_is_word(plm_slice_word(&value), "FID"))
        return 0;
    if (plm_slice_number(plm_slice_word(&value), UINT32_MAX, &ssrc) != 0 ||
        plm_slice_number(plm_slice_word(&value), UINT32_MAX, &rtx) != 0 || ssrc == rtx)
        return bad(p, "a=ssrc-group:FID: not two different SSRCs");
    if (p->media->fid_ssrc == 0 && ssrc != 0) {
        p->media->fid_ssrc = ssrc;
        p->media->fid_rtx = rtx;
    }
    return 0;
}

/** RFC 8851 section 10: letters, digits, "-" and "_"; we keep 16 of them. */
static bool is_rid(struct plm_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && c != '-' && c != '_')
            return false;
    }
    return s.n > 0 && s.n <= 16;
}

/** The formats that a stream may use; other restrictions are the sender's affair. @return 0, PLM_EINVAL */
static int read_rid_formats(struct plm_sdp_rid *rid, struct plm_slice restrictions)
{
    while (restrictions.n > 0) {
        struct plm_slice value = plm_slice_trim(plm_slice_cut(&restrictions, ';'));
        struct plm_slice name = plm_slice_cut(&value, '=');
        if (!plm_slice_is_word(name, "pt"))
            continue;
        if (rid->restricted || value.n == 0)
            return PLM_EINVAL;
        rid->restricted = true;
        while (value.n > 0) {
            uint32_t pt;
            if (plm_slice_number(plm_slice_cut(&value, ','), 127, &pt) != 0)
                return PLM_EINVAL;
            rid->pts[pt / 64] |= UINT64_C(1) << pt % 64;
        }
    }
    return 0;
}

static int on_rid(struct plm_sdp_parser *p, struct plm_slice value)
{
    struct plm_sdp_media *m = p->media;
    struct plm_slice id = plm_slice_word(&value), way = plm_slice_word(&value);
    bool send = plm_slice_is_word(way, "send");
    if (!is_rid(id) || (!send && !plm_slice_is_word(way, "recv")))
        return bad(p, "a=rid: not an id of at most 16 characters and a direction");
    for (unsigned i = 0; i < m->n_rids; i++)
        if (plm_slice_is(id, m->rids[i].id))
            return bad(p, "a=rid: id given twice");
    if (m->n_rids == PLM_SDP_MAX_RIDS)
        return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "more than %d a=rid in an m-line", PLM_SDP_MAX_RIDS);
    struct plm_sdp_rid *rid = &m->rids[m->n_rids++];
    (void)plm_slice_copy(rid->id, PLM_TOKEN_SIZE, id);
    rid->send = send;
    return read_rid_formats(rid, value) == 0 ? 0 : bad(p, "a=rid: pt= is no list of payload types");
}

static int on_simulcast(struct plm_sdp_parser *p, struct plm_slice value)
{
    if (p->media->has_simulcast)
        return bad(p, "a=simulcast twice");
    p->media->has_simulcast = true;
    p->simulcast = value;
    return 0;
}

/* ---- the table ---- */

enum level {
    SESSION = 1 << 0,
    MEDIA = 1 << 1,
};

static const struct {
    const char *name;
    attribute_fn *fn;
    unsigned levels;
} attributes[] = {
    {"bundle-only", on_bundle_only, MEDIA},
    {"extmap", on_extmap, SESSION | MEDIA},
    {"extmap-allow-mixed", on_extmap_allow_mixed, SESSION | MEDIA},
    {"fingerprint", on_fingerprint, SESSION | MEDIA},
    {"fmtp", on_fmtp, MEDIA},
    {"group", on_group, SESSION},
    {"ice-lite", on_ice_lite, SESSION},
    {"ice-pwd", on_ice_pwd, SESSION | MEDIA},
    {"ice-ufrag", on_ice_ufrag, SESSION | MEDIA},
    {"inactive", on_inactive, SESSION | MEDIA},
    {"mid", on_mid, MEDIA},
    {"recvonly", on_recvonly, SESSION | MEDIA},
    {"rid", on_rid, MEDIA},
    {"rtcp-fb", on_rtcp_fb, MEDIA},
    {"rtcp-mux", on_rtcp_mux, MEDIA},
    {"rtcp-mux-only", on_rtcp_mux, MEDIA},
    {"rtcp-rsize", on_rtcp_rsize, MEDIA},
    {"rtpmap", on_rtpmap, MEDIA},
    {"sendonly", on_sendonly, SESSION | MEDIA},
    {"sendrecv", on_sendrecv, SESSION | MEDIA},
    {"setup", on_setup, SESSION | MEDIA},
    {"simulcast", on_simulcast, MEDIA},
    {"ssrc", on_ssrc, MEDIA},
    {"ssrc-group", on_ssrc_group, MEDIA},
};

int plm_sdp_on_attribute(struct plm_sdp_parser *p, struct plm_slice text)
{
    struct plm_slice name = plm_slice_cut(&text, ':');
    unsigned level = p->media ? MEDIA : SESSION;
    if (name.n == 0)
        return 0;
    /* The first letter decides most: a hostile text has 60 000 lines. */
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (attributes[i].name[0] == name.p[0] && (attributes[i].levels & level) &&
            plm_slice_is(name, attributes[i].name))
            return attributes[i].fn(p, plm_slice_trim(text));
    return 0;
}

/* ---- what an m-line's lines mean together ---- */

static void tie_rtx(struct plm_sdp_media *m)
{
    for (unsigned i = 0; i < m->n_payloads; i++) {
        const struct plm_sdp_payload *rtx = &m->payloads[i];
        if (!rtx->is_rtx || rtx->fmtp.apt == PLM_NO_PT || m->index_of_pt[rtx->fmtp.apt] == 0)
            continue;
        struct plm_sdp_payload *primary = &m->payloads[m->index_of_pt[rtx->fmtp.apt] - 1];
        /* RFC 4588 section 8.1: same clock rate. */
        if (!primary->is_rtx && primary->rtx_pt == PLM_NO_PT && primary->clock_rate == rtx->clock_rate)
            primary->rtx_pt = rtx->pt;
    }
}

static void tie_red(struct plm_sdp_media *m)
{
    for (unsigned i = 0; i < m->n_payloads; i++) {
        const struct plm_sdp_payload *red = &m->payloads[i];
        if (!red->is_red || red->fmtp.red_of == PLM_NO_PT || m->index_of_pt[red->fmtp.red_of] == 0)
            continue;
        struct plm_sdp_payload *primary = &m->payloads[m->index_of_pt[red->fmtp.red_of] - 1];
        if (primary->codec == PLM_CODEC_OPUS && primary->red_pt == 0)
            primary->red_pt = red->pt;
    }
}

static bool is_sent_rid(const struct plm_sdp_media *m, struct plm_slice id)
{
    for (unsigned i = 0; i < m->n_rids; i++)
        if (m->rids[i].send && plm_slice_is(id, m->rids[i].id))
            return true;
    return false;
}

static bool is_listed(const struct plm_sdp_media *m, struct plm_slice id)
{
    for (unsigned i = 0; i < m->n_simulcast; i++)
        if (plm_slice_is(id, m->simulcast[i]))
            return true;
    return false;
}

/** RFC 8853 section 5.1: streams are parted by ";", alternatives of one by ",", "~" marks one that begins paused. */
static void take_streams(struct plm_sdp_media *m, struct plm_slice list)
{
    while (list.n && m->n_simulcast < PLM_SDP_MAX_RIDS) {
        struct plm_slice stream = plm_slice_cut(&list, ';');
        bool taken = false;
        while (stream.n && !taken) {
            struct plm_slice id = plm_slice_cut(&stream, ',');
            if (id.n && id.p[0] == '~')
                id = (struct plm_slice){id.p + 1, id.n - 1};
            taken = is_sent_rid(m, id) && !is_listed(m, id);
            if (taken)
                (void)plm_slice_copy(m->simulcast[m->n_simulcast++], PLM_TOKEN_SIZE, id);
        }
    }
}

static void tie_simulcast(struct plm_sdp_media *m, struct plm_slice value)
{
    if (!m->has_simulcast) {
        if (m->n_rids == 1 && m->rids[0].send)
            memcpy(m->simulcast[m->n_simulcast++], m->rids[0].id, PLM_TOKEN_SIZE);
        return;
    }
    for (struct plm_slice way = plm_slice_word(&value); way.n; way = plm_slice_word(&value)) {
        struct plm_slice list = plm_slice_word(&value);
        if (plm_slice_is(way, "send"))
            take_streams(m, list);
    }
}

void plm_sdp_on_media_end(struct plm_sdp_parser *p)
{
    struct plm_sdp_media *m = p->media;
    for (unsigned i = 0; i < m->n_payloads; i++)
        m->payloads[i].feedback |= m->fb_all;
    tie_rtx(m);
    tie_red(m);
    tie_simulcast(m, p->simulcast);
    p->simulcast = (struct plm_slice){0};
}
