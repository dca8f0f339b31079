/*
 * What the SDP tests share: descriptions from tests/corpus/sdp (made by the programs their names say), our own side, a countable
 * source of SSRCs. Texts are parsed from heap copies of their exact size, so that reading past the end is seen.
 */
#ifndef SDP_FIXTURE_H
#define SDP_FIXTURE_H

#include "plenum/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/** Text of a corpus file, malloc'd. */
static inline char *corpus(const char *name, size_t *len)
{
    char path[1024];
    snprintf(path, sizeof path, PLM_SOURCE_DIR "/tests/corpus/sdp/%s.sdp", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("no %s", path);
    char *text = malloc(PLM_SDP_MAX_SIZE);
    assert_non_null(text);
    *len = fread(text, 1, PLM_SDP_MAX_SIZE, f);
    fclose(f);
    assert_true(*len > 0);
    text[*len] = '\0';
    return text;
}

static inline int parse_exact(struct plm_sdp **out, const char *text, size_t len, struct plm_sdp_error *err)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    int rc = plm_sdp_parse(out, copy, len, err);
    free(copy);
    return rc;
}

static inline struct plm_sdp *parse_good(const char *text)
{
    struct plm_sdp *sdp = NULL;
    struct plm_sdp_error err = {0};
    if (parse_exact(&sdp, text, strlen(text), &err) != 0)
        fail_msg("line %u: %s", err.line, err.text);
    return sdp;
}

static inline struct plm_sdp *parse_corpus(const char *name)
{
    size_t len;
    char *text = corpus(name, &len);
    struct plm_sdp *sdp = parse_good(text);
    free(text);
    return sdp;
}

/** Counts up from *arg, so that tests know what comes. */
static inline uint32_t next_ssrc(void *arg)
{
    return ++*(uint32_t *)arg;
}

#define OUR_UFRAG "plnmUfrg"
#define OUR_PWD   "plnmPassword0123456789ab"

/** Our side: one IPv4 and one IPv6 candidate. */
static inline struct plm_sdp_local our_side(void)
{
    static struct plm_addr candidates[2];
    assert_int_equal(plm_addr_parse(&candidates[0], "192.0.2.1:5000"), 0);
    assert_int_equal(plm_addr_parse(&candidates[1], "[2001:db8::1]:5000"), 0);
    struct plm_sdp_local local = {
        .ufrag = OUR_UFRAG,
        .pwd = OUR_PWD,
        .fingerprint = {.len = 32},
        .candidates = candidates,
        .n_candidates = 2,
        .session_id = 4711,
        .session_version = 1,
    };
    for (unsigned i = 0; i < 32; i++)
        local.fingerprint.value[i] = (uint8_t)(i * 7);
    return local;
}

static inline struct plm_sdp_policy all_codecs(uint32_t *counter)
{
    return (struct plm_sdp_policy){
        .codecs = {PLM_CODEC_OPUS, PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264, PLM_CODEC_AV1},
        .random_ssrc = next_ssrc,
        .arg = counter,
    };
}

static inline const struct plm_codec_params *find_codec(
    const struct plm_media_params *m, enum plm_codec codec)
{
    for (unsigned i = 0; i < m->n_codecs; i++)
        if (m->codecs[i].codec == codec)
            return &m->codecs[i];
    return NULL;
}

/** How often a line begins with this, CRLF ends understood. */
static inline unsigned lines_with(const char *text, const char *begin)
{
    unsigned n = 0;
    for (const char *p = text; p; p = strstr(p, "\r\n"), p = p ? p + 2 : NULL)
        n += strncmp(p, begin, strlen(begin)) == 0;
    return n;
}

/** The text with every occurrence of one string replaced. malloc'd */
static inline char *replaced(const char *text, const char *from, const char *to)
{
    size_t n = 0, cap = strlen(text) * (1 + strlen(to)) + 1;
    char *out = malloc(cap);
    assert_non_null(out);
    assert_non_null(strstr(text, from));
    while (*text) {
        bool hit = strncmp(text, from, strlen(from)) == 0;
        size_t add = hit ? strlen(to) : 1;
        memcpy(out + n, hit ? to : text, add);
        n += add;
        text += hit ? strlen(from) : 1;
    }
    out[n] = '\0';
    return out;
}

#define FP                                                                                                   \
    "a=fingerprint:sha-256 "                                                                                 \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1a:"                      \
    "1b:1c:1d:1e:1f\r\n"
#define CREDS "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
/** A session, and an m-line of each kind to put behind it. */
#define SESSION "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" FP CREDS
#define AUDIO(mid)                                                                                           \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:" mid "\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
#define VIDEO(mid)                                                                                           \
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:" mid                                                        \
    "\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"

#endif
