#include "sdp/attributes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int plm_sdp_fail(struct plm_sdp_error *err, unsigned line, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->line = line;
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
    }
    return code;
}

bool plm_sdp_media_in_use(const struct plm_sdp_media *m)
{
    return !m->zero_port || m->bundle_only;
}

const struct plm_sdp_payload *plm_sdp_media_payload(const struct plm_sdp_media *m, uint8_t pt)
{
    return pt <= 127 && m->index_of_pt[pt] ? &m->payloads[m->index_of_pt[pt] - 1] : NULL;
}

/* ---- m-lines ---- */

static int grow(struct plm_sdp_parser *p)
{
    struct plm_sdp *sdp = p->sdp;
    if (sdp->n_media == PLM_MAX_MEDIA)
        return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "more than %d m-lines", PLM_MAX_MEDIA);
    if (sdp->n_media < sdp->cap_media)
        return 0;
    uint16_t cap = sdp->cap_media ? (uint16_t)(sdp->cap_media * 2) : 4;
    struct plm_sdp_media *media = realloc(sdp->media, cap * sizeof *media);
    if (!media)
        return plm_sdp_fail(p->err, p->line, PLM_ENOMEM, "out of memory");
    sdp->media = media;
    sdp->cap_media = cap;
    return 0;
}

static int add_payload(struct plm_sdp_parser *p, struct plm_slice text)
{
    struct plm_sdp_media *m = p->media;
    uint32_t pt;
    if (plm_slice_number(text, 127, &pt) != 0)
        return plm_sdp_fail(p->err, p->line, PLM_EINVAL, "payload type out of range");
    if (m->index_of_pt[pt])
        return plm_sdp_fail(p->err, p->line, PLM_EINVAL, "payload type listed twice");
    if (m->n_payloads == PLM_SDP_MAX_PAYLOADS)
        return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "more than %d payload types", PLM_SDP_MAX_PAYLOADS);
    m->payloads[m->n_payloads++] = (struct plm_sdp_payload){
        .pt = (uint8_t)pt,
        .rtx_pt = PLM_NO_PT,
        .fmtp = {.profile_level_id = 0x42000a, /* RFC 6184 section 8.1: Baseline, level 1 */
            .apt = PLM_NO_PT,
            .red_of = PLM_NO_PT},
    };
    m->index_of_pt[pt] = m->n_payloads;
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/** "audio 9 UDP/TLS/RTP/SAVPF 111 63": the words of a protocol are tokens between slashes. */
static int take_m_words(struct plm_sdp_parser *p, struct plm_slice *text)
{
    struct plm_sdp_media *m = p->media;
    struct plm_slice name = plm_slice_word(text), port = plm_slice_word(text), proto = plm_slice_word(text);
    struct plm_slice number = plm_slice_cut(&port, '/'), fmt = *text;
    uint32_t value;
    fmt = plm_slice_word(&fmt);
    if (!plm_slice_is_token(name) || plm_slice_number(number, 65535, &value) != 0 || proto.n == 0 ||
        !plm_slice_is_visible(proto) || !plm_slice_is_token(fmt))
        return plm_sdp_fail(p->err, p->line, PLM_EINVAL, "m= needs media, port, protocol and format");
    if (plm_slice_copy(m->name, sizeof m->name, name) != 0 ||
        plm_slice_copy(m->proto, sizeof m->proto, proto) != 0 ||
        plm_slice_copy(m->fmt, sizeof m->fmt, fmt) != 0)
        return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "a word of m= is too long");
    m->zero_port = value == 0;
    return 0;
}

static int on_m_line(struct plm_sdp_parser *p, struct plm_slice text)
{
    int err = grow(p);
    if (err)
        return err;
    struct plm_sdp_media *m = &p->sdp->media[p->sdp->n_media];
    memset(m, 0, sizeof *m);
    m->line = p->line;
    p->sdp->n_media++;
    p->media = m;
    err = take_m_words(p, &text);
    if (err)
        return err;
    m->secure_rtp = ends_with(m->proto, "RTP/SAVPF") || ends_with(m->proto, "RTP/SAVP");
    m->type = strcmp(m->name, "audio") == 0   ? PLM_SDP_AUDIO
              : strcmp(m->name, "video") == 0 ? PLM_SDP_VIDEO
                                              : PLM_SDP_OTHER;
    if (!m->secure_rtp || m->type == PLM_SDP_OTHER) {
        m->type = PLM_SDP_OTHER;
        return 0;
    }
    for (struct plm_slice fmt = plm_slice_word(&text); fmt.n; fmt = plm_slice_word(&text)) {
        err = add_payload(p, fmt);
        if (err)
            return err;
    }
    return 0;
}

/* ---- lines ---- */

static int on_line(struct plm_sdp_parser *p, struct plm_slice line)
{
    if (line.n == 0) /* some stacks end with an empty line */
        return 0;
    if (line.n > PLM_SDP_MAX_LINE)
        return plm_sdp_fail(p->err, p->line, PLM_ELIMIT, "line longer than %d octets", PLM_SDP_MAX_LINE);
    if (line.n < 2 || line.p[1] != '=' || memchr(line.p, '\0', line.n))
        return plm_sdp_fail(p->err, p->line, PLM_EINVAL, "not a line of SDP");
    struct plm_slice value = {line.p + 2, line.n - 2};
    switch (line.p[0]) {
    case 'a':
        return plm_sdp_on_attribute(p, value);
    case 'm':
        if (p->media)
            plm_sdp_on_media_end(p);
        return on_m_line(p, value);
    case 'v':
        return plm_slice_is(value, "0") ? 0 : plm_sdp_fail(p->err, p->line, PLM_ENOTSUP, "version is not 0");
    default:
        return 0;
    }
}

static int parse_lines(struct plm_sdp_parser *p, struct plm_slice text)
{
    if (text.n < 2 || memcmp(text.p, "v=", 2) != 0)
        return plm_sdp_fail(p->err, 1, PLM_EINVAL, "does not begin with v=");
    while (text.n) {
        struct plm_slice line = plm_slice_cut(&text, '\n');
        p->line++;
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        int err = on_line(p, line);
        if (err)
            return err;
    }
    if (p->media)
        plm_sdp_on_media_end(p);
    return 0;
}

/* ---- what the lines mean together ---- */

static void inherit(struct plm_sdp_common *c, const struct plm_sdp_common *session)
{
    /* Credentials come as a pair: RFC 8839 section 5.4. */
    if (!c->ufrag[0] && !c->pwd[0]) {
        memcpy(c->ufrag, session->ufrag, sizeof c->ufrag);
        memcpy(c->pwd, session->pwd, sizeof c->pwd);
    }
    if (c->fingerprint.len == 0 && !c->weak_fingerprint) {
        c->fingerprint = session->fingerprint;
        c->weak_fingerprint = session->weak_fingerprint;
    }
    if (c->setup == PLM_SDP_SETUP_UNSET)
        c->setup = session->setup;
    if (c->way == PLM_SDP_WAY_UNSET)
        c->way = session->way ? session->way : PLM_SDP_WAY_SEND | PLM_SDP_WAY_RECV;
    c->allow_mixed |= session->allow_mixed;
    for (int e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++) {
        unsigned id = session->ext_id[e];
        if (c->ext_id[e] == 0 && id && !(c->ext_used[id / 32] & 1u << id % 32)) {
            c->ext_id[e] = session->ext_id[e];
            c->ext_way[e] = session->ext_way[e];
        }
    }
}

static struct plm_sdp_media *find_mid(struct plm_sdp *sdp, const char *mid)
{
    for (unsigned i = 0; i < sdp->n_media; i++)
        if (strcmp(sdp->media[i].mid, mid) == 0)
            return &sdp->media[i];
    return NULL;
}

static int check_mids(struct plm_sdp_parser *p)
{
    struct plm_sdp *sdp = p->sdp;
    unsigned in_use = 0;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        struct plm_sdp_media *m = &sdp->media[i];
        in_use += plm_sdp_media_in_use(m);
        if (m->mid[0] && find_mid(sdp, m->mid) != m)
            return plm_sdp_fail(p->err, m->line, PLM_EINVAL, "mid %s stands in two m-lines", m->mid);
    }
    if (in_use == 0)
        return plm_sdp_fail(p->err, 0, PLM_EINVAL, "no m-line in use");
    if (in_use > 1 && !sdp->has_bundle)
        return plm_sdp_fail(p->err, 0, PLM_ENOTSUP, "several m-lines without BUNDLE");
    return 0;
}

static int apply_bundle(struct plm_sdp_parser *p)
{
    struct plm_sdp *sdp = p->sdp;
    for (unsigned i = 0; i < sdp->n_bundle; i++) {
        struct plm_sdp_media *m = find_mid(sdp, sdp->bundle[i]);
        if (!m)
            return plm_sdp_fail(p->err, 0, PLM_EINVAL, "BUNDLE names an unknown mid");
        m->bundled = true;
    }
    for (unsigned i = 0; !sdp->has_bundle && i < sdp->n_media; i++)
        sdp->media[i].bundled = plm_sdp_media_in_use(&sdp->media[i]);
    return 0;
}

/** RFC 8843 section 7.2: transport attributes of the whole group stand in its first m-line, in the order of the group. */
static int find_tagged(struct plm_sdp_parser *p)
{
    struct plm_sdp *sdp = p->sdp;
    for (unsigned i = 0; i < sdp->n_bundle; i++) {
        struct plm_sdp_media *m = find_mid(sdp, sdp->bundle[i]);
        if (plm_sdp_media_in_use(m)) {
            sdp->tagged = (uint16_t)(m - sdp->media);
            return 0;
        }
    }
    for (unsigned i = 0; !sdp->has_bundle && i < sdp->n_media; i++)
        if (sdp->media[i].bundled) {
            sdp->tagged = (uint16_t)i;
            return 0;
        }
    return plm_sdp_fail(p->err, 0, PLM_EINVAL, "no m-line of BUNDLE is in use");
}

static int check_transport(struct plm_sdp_parser *p)
{
    const struct plm_sdp_media *m = &p->sdp->media[p->sdp->tagged];
    const struct plm_sdp_common *c = &m->common;
    if (!c->ufrag[0] || !c->pwd[0])
        return plm_sdp_fail(p->err, m->line, PLM_EINVAL, "no ICE credentials");
    if (c->fingerprint.len == 0)
        return plm_sdp_fail(p->err, m->line, PLM_EINVAL,
            c->weak_fingerprint ? "no fingerprint of sha-256 or stronger" : "no fingerprint");
    for (unsigned i = 0; i < p->sdp->n_media; i++) {
        m = &p->sdp->media[i];
        if (m->type != PLM_SDP_OTHER && plm_sdp_media_in_use(m) && !m->rtcp_mux)
            return plm_sdp_fail(p->err, m->line, PLM_ENOTSUP, "rtcp-mux is required");
    }
    return 0;
}

static int finish(struct plm_sdp_parser *p)
{
    if (p->sdp->n_media == 0)
        return plm_sdp_fail(p->err, 0, PLM_EINVAL, "no m-line");
    for (unsigned i = 0; i < p->sdp->n_media; i++)
        inherit(&p->sdp->media[i].common, &p->sdp->session);
    int err = check_mids(p);
    if (err == 0)
        err = apply_bundle(p);
    if (err == 0)
        err = find_tagged(p);
    return err ? err : check_transport(p);
}

int plm_sdp_parse(struct plm_sdp **out, const char *text, size_t len, struct plm_sdp_error *err)
{
    if (len > PLM_SDP_MAX_SIZE)
        return plm_sdp_fail(err, 0, PLM_ELIMIT, "larger than %d octets", PLM_SDP_MAX_SIZE);
    struct plm_sdp_parser p = {.sdp = calloc(1, sizeof *p.sdp), .err = err};
    if (!p.sdp)
        return plm_sdp_fail(err, 0, PLM_ENOMEM, "out of memory");
    int rc = parse_lines(&p, (struct plm_slice){text, len});
    if (rc == 0)
        rc = finish(&p);
    if (rc)
        plm_sdp_destroy(p.sdp);
    else
        *out = p.sdp;
    return rc;
}

void plm_sdp_destroy(struct plm_sdp *sdp)
{
    if (!sdp)
        return;
    free(sdp->media);
    free(sdp);
}

/* ---- what callers may ask ---- */

const char *plm_sdp_ufrag(const struct plm_sdp *sdp)
{
    return sdp->media[sdp->tagged].common.ufrag;
}

const char *plm_sdp_pwd(const struct plm_sdp *sdp)
{
    return sdp->media[sdp->tagged].common.pwd;
}

size_t plm_sdp_media_count(const struct plm_sdp *sdp)
{
    return sdp->n_media;
}

enum plm_kind plm_sdp_media_kind(const struct plm_sdp *sdp, size_t i)
{
    return sdp->media[i].type == PLM_SDP_VIDEO ? PLM_KIND_VIDEO : PLM_KIND_AUDIO;
}

const char *plm_sdp_media_mid(const struct plm_sdp *sdp, size_t i)
{
    return sdp->media[i].mid;
}

static bool allows(const struct plm_sdp_media *m, unsigned way)
{
    return m->type != PLM_SDP_OTHER && plm_sdp_media_in_use(m) && (m->common.way & way);
}

bool plm_sdp_media_peer_sends(const struct plm_sdp *sdp, size_t i)
{
    return i < sdp->n_media && allows(&sdp->media[i], PLM_SDP_WAY_SEND);
}

bool plm_sdp_media_peer_receives(const struct plm_sdp *sdp, size_t i)
{
    return i < sdp->n_media && allows(&sdp->media[i], PLM_SDP_WAY_RECV);
}
