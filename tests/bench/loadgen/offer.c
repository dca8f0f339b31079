#include "offer.h"

#include "die.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *p;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->p + t->len, OFFER_SIZE - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= OFFER_SIZE - t->len)
        die("offer too long");
    t->len += (size_t)n;
}

static void put_fingerprint(struct text *t, const struct plm_fingerprint *f)
{
    put(t, "a=fingerprint:sha-256");
    for (unsigned i = 0; i < f->len; i++)
        put(t, "%c%02X", i ? ':' : ' ', f->value[i]);
    put(t, "\r\n");
}

static void put_codecs(struct text *t, enum plm_kind kind)
{
    if (kind == PLM_KIND_AUDIO) {
        put(t,
            "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1\r\na=rtcp-fb:%d "
            "transport-cc\r\n",
            PEER_PT_AUDIO, PEER_PT_AUDIO, PEER_PT_AUDIO);
        return;
    }
    static const char *const feedback[] = {"nack", "nack pli", "ccm fir", "transport-cc"};
    put(t, "a=rtpmap:%d VP8/90000\r\na=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", PEER_PT_VIDEO,
        PEER_PT_RTX, PEER_PT_RTX, PEER_PT_VIDEO);
    for (size_t i = 0; i < sizeof feedback / sizeof feedback[0]; i++)
        put(t, "a=rtcp-fb:%d %s\r\n", PEER_PT_VIDEO, feedback[i]);
}

static void put_ssrcs(struct text *t, const struct peer_media *m)
{
    if (!m->ssrc)
        return;
    if (m->rtx_ssrc)
        put(t, "a=ssrc-group:FID %u %u\r\na=ssrc:%u cname:bench\r\n", m->ssrc, m->rtx_ssrc, m->rtx_ssrc);
    put(t, "a=ssrc:%u cname:bench\r\n", m->ssrc);
}

static void put_media(struct text *t, const struct peer *p, const struct plm_fingerprint *fingerprint,
    enum peer_direction direction, const struct peer_media *m, size_t mid)
{
    bool audio = m->kind == PLM_KIND_AUDIO;
    if (audio)
        put(t, "m=audio 9 UDP/TLS/RTP/SAVPF %d\r\n", PEER_PT_AUDIO);
    else
        put(t, "m=video 9 UDP/TLS/RTP/SAVPF %d %d\r\n", PEER_PT_VIDEO, PEER_PT_RTX);
    put(t, "c=IN IP4 0.0.0.0\r\na=mid:%zu\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=setup:actpass\r\n", mid,
        direction == PEER_SENDS ? "sendonly" : "recvonly");
    put(t, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", p->ufrag, p->pwd);
    put_fingerprint(t, fingerprint);
    put_codecs(t, m->kind);
    for (unsigned e = 1; e < PLM_EXT_COUNT; e++)
        if (peer_ext_ids.id[e] && (audio || e != PLM_EXT_AUDIO_LEVEL))
            put(t, "a=extmap:%u %s\r\n", peer_ext_ids.id[e], plm_ext_uri((enum plm_ext)e));
    put_ssrcs(t, m);
}

void offer_write(char out[OFFER_SIZE], const struct peer *p, const struct plm_fingerprint *fingerprint,
    enum peer_direction direction, const struct peer_media *media, size_t n_media)
{
    struct text t = {.p = out};
    put(&t, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    for (size_t i = 0; i < n_media; i++)
        put(&t, " %zu", i);
    put(&t, "\r\n");
    for (size_t i = 0; i < n_media; i++)
        put_media(&t, p, fingerprint, direction, &media[i], i);
}

static bool read_fingerprint(struct plm_fingerprint *out, const char *hex)
{
    unsigned octet;
    int n;
    out->len = 0;
    while (out->len < 32 && sscanf(hex, "%2x%n", &octet, &n) == 1) {
        out->value[out->len++] = (uint8_t)octet;
        hex += n + (hex[n] == ':');
    }
    return out->len == 32;
}

static bool read_candidate(struct sockaddr_in *out, const char *value)
{
    char host[64], transport[8];
    unsigned port;
    if (sscanf(value, "%*s %*u %7s %*u %63s %u", transport, host, &port) != 3 || port > 65535)
        return false;
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return (transport[0] == 'u' || transport[0] == 'U') && inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

bool answer_parse(struct answer *out, const char *text)
{
    bool fingerprint = false, candidate = false;
    memset(out, 0, sizeof *out);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!out->ufrag[0])
            sscanf(line, "a=ice-ufrag:%255s", out->ufrag);
        if (!out->pwd[0])
            sscanf(line, "a=ice-pwd:%255s", out->pwd);
        if (!fingerprint && strncmp(line, "a=fingerprint:sha-256 ", 22) == 0)
            fingerprint = read_fingerprint(&out->fingerprint, line + 22);
        if (!candidate && strncmp(line, "a=candidate:", 12) == 0)
            candidate = read_candidate(&out->candidate, line + 12);
    }
    return out->ufrag[0] && out->pwd[0] && fingerprint && candidate;
}
