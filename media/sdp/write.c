#include "sdp/write.h"
#include "sdp/codecs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the text ---- */

static bool reserve(struct plm_sdp_text *t, size_t more)
{
    if (t->failed || t->cap - t->n > more)
        return !t->failed;
    size_t cap = t->cap ? t->cap : 4096;
    while (cap - t->n <= more)
        cap *= 2;
    char *p = realloc(t->p, cap);
    if (!p) {
        t->failed = true;
        return false;
    }
    t->p = p;
    t->cap = cap;
    return true;
}

static void append(struct plm_sdp_text *t, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        t->failed = true;
    else if (reserve(t, (size_t)n))
        t->n += (size_t)vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);
}

void plm_sdp_append(struct plm_sdp_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    append(t, fmt, ap);
    va_end(ap);
}

void plm_sdp_line(struct plm_sdp_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    append(t, fmt, ap);
    va_end(ap);
    plm_sdp_append(t, "\r\n");
}

int plm_sdp_text_take(struct plm_sdp_text *t, char **out)
{
    if (t->failed || !t->p) {
        plm_sdp_text_free(t);
        return PLM_ENOMEM;
    }
    *out = t->p;
    *t = (struct plm_sdp_text){0};
    return 0;
}

void plm_sdp_text_free(struct plm_sdp_text *t)
{
    free(t->p);
    *t = (struct plm_sdp_text){0};
}

/* ---- session ---- */

static void write_session(struct plm_sdp_text *t, const struct plm_sdp_document *doc)
{
    plm_sdp_line(t, "v=0");
    plm_sdp_line(t, "o=- %" PRIu64 " %" PRIu32 " IN IP4 127.0.0.1", doc->local->session_id & INT64_MAX,
        doc->local->session_version);
    plm_sdp_line(t, "s=-");
    plm_sdp_line(t, "t=0 0");
    plm_sdp_line(t, "a=ice-lite");
    /* An m-line without a mid is alone: there is nothing to group. */
    bool grouped = false;
    for (unsigned i = 0; i < doc->n_sections; i++)
        if (doc->sections[i].accepted && doc->sections[i].params->mid[0]) {
            plm_sdp_append(t, grouped ? " %s" : "a=group:BUNDLE %s", doc->sections[i].params->mid);
            grouped = true;
        }
    if (grouped)
        plm_sdp_line(t, "%s", "");
    if (doc->allow_mixed)
        plm_sdp_line(t, "a=extmap-allow-mixed");
    plm_sdp_line(t, "a=msid-semantic: WMS *");
}

/* ---- transport ---- */

static void write_fingerprint(struct plm_sdp_text *t, const struct plm_fingerprint *f)
{
    plm_sdp_append(t, "a=fingerprint:sha-%u ", f->len * 8u);
    for (unsigned i = 0; i < f->len; i++)
        plm_sdp_append(t, i ? ":%02X" : "%02X", f->value[i]);
    plm_sdp_line(t, "%s", "");
}

/* RFC 8445 section 5.1.2.1: type preference, local preference, component 1. */
static uint32_t priority_of(uint32_t type, uint32_t local)
{
    return type << 24 | (local & 0xffff) << 8 | 255;
}

bool plm_sdp_candidate(const struct plm_sdp_local *local, size_t i, char out[PLM_SDP_CANDIDATE_SIZE])
{
    char host[PLM_ADDR_TEXT];
    if (i < local->n_candidates) {
        const struct plm_addr *a = &local->candidates[i];
        snprintf(out, PLM_SDP_CANDIDATE_SIZE, "candidate:%zu 1 udp %" PRIu32 " %s %u typ host", i + 1,
            priority_of(126, 65535 - (uint32_t)i), plm_addr_format_host(a, host, sizeof host),
            plm_addr_port(a));
        return true;
    }
    size_t tcp = i - local->n_candidates;
    if (tcp >= local->n_tcp_candidates)
        return false;
    /* RFC 6544 section 4.2: below every way by UDP that needs no relay (those of reflexive addresses have 100 and more); the direction preference
       of a passive host candidate is 4, in the upper three bits of the local preference. */
    const struct plm_addr *a = &local->tcp_candidates[tcp];
    snprintf(out, PLM_SDP_CANDIDATE_SIZE, "candidate:%zu 1 tcp %" PRIu32 " %s %u typ host tcptype passive",
        i + 1, priority_of(90, (4u << 13) + 8191 - (uint32_t)(tcp & 0xfff)),
        plm_addr_format_host(a, host, sizeof host), plm_addr_port(a));
    return true;
}

static void write_candidates(struct plm_sdp_text *t, const struct plm_sdp_local *local)
{
    char candidate[PLM_SDP_CANDIDATE_SIZE];
    for (size_t i = 0; plm_sdp_candidate(local, i, candidate); i++)
        plm_sdp_line(t, "a=%s", candidate);
    plm_sdp_line(t, "a=end-of-candidates");
}

static void write_transport(struct plm_sdp_text *t, const struct plm_sdp_document *doc, bool tagged)
{
    /* Only the first m-line of a BUNDLE needs these (RFC 8843 section 7.1.3), but some stacks read each one on its own. */
    plm_sdp_line(t, "a=ice-ufrag:%s", doc->local->ufrag);
    plm_sdp_line(t, "a=ice-pwd:%s", doc->local->pwd);
    write_fingerprint(t, &doc->local->fingerprint);
    plm_sdp_line(t, "a=setup:%s", doc->setup);
    if (tagged)
        write_candidates(t, doc->local);
    plm_sdp_line(t, "a=rtcp-mux");
}

/* ---- codecs ---- */

static void write_feedback(struct plm_sdp_text *t, const struct plm_codec_params *c)
{
    static const struct {
        enum plm_fb bit;
        const char *text;
    } lines[] = {
        {PLM_FB_TWCC, "transport-cc"},
        {PLM_FB_REMB, "goog-remb"},
        {PLM_FB_FIR, "ccm fir"},
        {PLM_FB_NACK, "nack"},
        {PLM_FB_PLI, "nack pli"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (c->feedback & lines[i].bit)
            plm_sdp_line(t, "a=rtcp-fb:%u %s", c->pt, lines[i].text);
}

static void write_fmtp(struct plm_sdp_text *t, const struct plm_codec_params *c, const struct plm_sdp_fmtp *f)
{
    switch (c->codec) {
    case PLM_CODEC_OPUS:
        plm_sdp_line(t, "a=fmtp:%u minptime=10%s%s%s", c->pt, f->inband_fec ? ";useinbandfec=1" : "",
            f->dtx ? ";usedtx=1" : "", f->stereo ? ";stereo=1" : "");
        break;
    case PLM_CODEC_H264:
        plm_sdp_line(t, "a=fmtp:%u %spacketization-mode=%u;profile-level-id=%06" PRIx32, c->pt,
            f->level_asymmetry ? "level-asymmetry-allowed=1;" : "", f->packetization_mode,
            f->profile_level_id);
        break;
    case PLM_CODEC_VP9:
        plm_sdp_line(t, "a=fmtp:%u profile-id=%u", c->pt, f->profile_id);
        break;
    case PLM_CODEC_AV1:
        if (f->has_level)
            plm_sdp_line(
                t, "a=fmtp:%u level-idx=%u;profile=%u;tier=%u", c->pt, f->level_idx, f->profile, f->tier);
        else
            plm_sdp_line(t, "a=fmtp:%u profile=%u", c->pt, f->profile);
        break;
    default:
        break;
    }
}

static void write_codec(
    struct plm_sdp_text *t, const struct plm_codec_params *c, const struct plm_sdp_media *offered)
{
    const struct plm_sdp_payload *payload = offered ? plm_sdp_media_payload(offered, c->pt) : NULL;
    struct plm_sdp_fmtp fmtp = payload ? payload->fmtp : plm_sdp_own_fmtp(c);
    plm_sdp_append(t, "a=rtpmap:%u %s/%" PRIu32, c->pt, plm_codec_name(c->codec), c->clock_rate);
    if (c->channels)
        plm_sdp_append(t, "/%u", c->channels);
    plm_sdp_line(t, "%s", "");
    write_feedback(t, c);
    write_fmtp(t, c, &fmtp);
    if (c->rtx_pt != PLM_NO_PT) {
        plm_sdp_line(t, "a=rtpmap:%u rtx/%" PRIu32, c->rtx_pt, c->clock_rate);
        plm_sdp_line(t, "a=fmtp:%u apt=%u", c->rtx_pt, c->pt);
    }
}

static void write_red(struct plm_sdp_text *t, const struct plm_media_params *m)
{
    for (unsigned i = 0; m->red_pt && i < m->n_codecs; i++) {
        const struct plm_codec_params *c = &m->codecs[i];
        if (c->codec != PLM_CODEC_OPUS)
            continue;
        plm_sdp_line(t, "a=rtpmap:%u red/%" PRIu32 "/%u", m->red_pt, c->clock_rate, c->channels);
        plm_sdp_line(t, "a=fmtp:%u %u/%u", m->red_pt, c->pt, c->pt);
    }
}

/* ---- m-lines ---- */

static const char *direction_name(enum plm_direction d)
{
    return d == PLM_DIR_RECV ? "recvonly" : d == PLM_DIR_SEND ? "sendonly" : "inactive";
}

/** A direction that the peer put into its a=extmap is answered with its mirror image (RFC 8285 section 6). */
static const char *ext_direction(const struct plm_sdp_media *offered, int e)
{
    unsigned way = offered ? offered->common.ext_way[e] : PLM_SDP_WAY_SEND | PLM_SDP_WAY_RECV;
    return way == PLM_SDP_WAY_SEND ? "/recvonly" : way == PLM_SDP_WAY_RECV ? "/sendonly" : "";
}

static void write_exts(
    struct plm_sdp_text *t, const struct plm_sdp_document *doc, const struct plm_sdp_section *s)
{
    for (int e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++)
        if (s->exts & 1u << e)
            plm_sdp_line(t, "a=extmap:%u%s %s", doc->ext_ids->id[e], ext_direction(s->offered, e),
                plm_ext_uri((enum plm_ext)e));
}

static void write_rids(struct plm_sdp_text *t, const struct plm_sdp_section *s)
{
    for (unsigned i = 0; i < s->n_rids; i++)
        plm_sdp_line(t, "a=rid:%s recv", s->rids[i]);
    if (s->n_rids == 0 || !s->offered->has_simulcast)
        return;
    plm_sdp_append(t, "a=simulcast:recv ");
    for (unsigned i = 0; i < s->n_rids; i++)
        plm_sdp_append(t, i ? ";%s" : "%s", s->rids[i]);
    plm_sdp_line(t, "%s", "");
}

/** A stream for each pair, since browsers keep lips and voice together only inside one; another for each lone slot. */
static void write_sources(struct plm_sdp_text *t, const struct plm_sdp_section *s)
{
    const struct plm_media_params *m = s->params;
    char msid[64], stream[16];
    if (m->pair == PLM_NO_PAIR)
        snprintf(stream, sizeof stream, "s%u", s->index);
    else
        snprintf(stream, sizeof stream, "p%u", m->pair);
    snprintf(msid, sizeof msid, "%s %s%c", stream, stream, m->kind == PLM_KIND_AUDIO ? 'a' : 'v');
    plm_sdp_line(t, "a=msid:%s", msid);
    if (m->rtx_ssrc)
        plm_sdp_line(t, "a=ssrc-group:FID %" PRIu32 " %" PRIu32, m->ssrc, m->rtx_ssrc);
    const uint32_t ssrcs[] = {m->ssrc, m->rtx_ssrc};
    for (size_t i = 0; i < 2 && ssrcs[i]; i++) {
        plm_sdp_line(t, "a=ssrc:%" PRIu32 " cname:plenum", ssrcs[i]);
        plm_sdp_line(t, "a=ssrc:%" PRIu32 " msid:%s", ssrcs[i], msid);
    }
}

static void write_m_line(
    struct plm_sdp_text *t, const struct plm_sdp_document *doc, const struct plm_sdp_section *s)
{
    const struct plm_sdp_local *local = doc->local;
    const struct plm_media_params *m = s->params;
    unsigned port = 9;
    char host[PLM_ADDR_TEXT] = "0.0.0.0";
    int version = 4;
    if (local->n_candidates) {
        port = plm_addr_port(&local->candidates[0]);
        plm_addr_format_host(&local->candidates[0], host, sizeof host);
        version = local->candidates[0].sa.sa_family == AF_INET6 ? 6 : 4;
    }
    plm_sdp_append(
        t, "m=%s %u %s", plm_kind_name(m->kind), port, s->offered ? s->offered->proto : "UDP/TLS/RTP/SAVPF");
    for (unsigned i = 0; i < m->n_codecs; i++) {
        plm_sdp_append(t, " %u", m->codecs[i].pt);
        if (m->codecs[i].rtx_pt != PLM_NO_PT)
            plm_sdp_append(t, " %u", m->codecs[i].rtx_pt);
    }
    if (m->red_pt)
        plm_sdp_append(t, " %u", m->red_pt);
    plm_sdp_line(t, "%s", "");
    plm_sdp_line(t, "c=IN IP%d %s", version, host);
}

static void write_refused(struct plm_sdp_text *t, const struct plm_sdp_section *s)
{
    const struct plm_sdp_media *o = s->offered;
    if (o)
        plm_sdp_line(t, "m=%s 0 %s %s", o->name, o->proto, o->fmt);
    else
        plm_sdp_line(t, "m=%s 0 UDP/TLS/RTP/SAVPF 0", plm_kind_name(s->params->kind));
    plm_sdp_line(t, "c=IN IP4 0.0.0.0");
    if (s->params->mid[0])
        plm_sdp_line(t, "a=mid:%s", s->params->mid);
    plm_sdp_line(t, "a=inactive");
}

static void write_section(
    struct plm_sdp_text *t, const struct plm_sdp_document *doc, const struct plm_sdp_section *s, bool tagged)
{
    const struct plm_media_params *m = s->params;
    write_m_line(t, doc, s);
    if (m->mid[0])
        plm_sdp_line(t, "a=mid:%s", m->mid);
    plm_sdp_line(t, "a=%s", direction_name(m->direction));
    write_transport(t, doc, tagged);
    if (s->rtcp_rsize)
        plm_sdp_line(t, "a=rtcp-rsize");
    write_exts(t, doc, s);
    for (unsigned i = 0; i < m->n_codecs; i++)
        write_codec(t, &m->codecs[i], s->offered);
    write_red(t, m);
    if (m->direction == PLM_DIR_SEND)
        write_sources(t, s);
    write_rids(t, s);
}

int plm_sdp_write(const struct plm_sdp_document *doc, char **text)
{
    struct plm_sdp_text t = {0};
    bool tagged = true;
    write_session(&t, doc);
    for (unsigned i = 0; i < doc->n_sections; i++) {
        const struct plm_sdp_section *s = &doc->sections[i];
        if (!s->accepted) {
            write_refused(&t, s);
            continue;
        }
        write_section(&t, doc, s, tagged);
        tagged = false;
    }
    return plm_sdp_text_take(&t, text);
}
