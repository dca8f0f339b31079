#include "sdp/attributes.h"

#include <string.h>

/** The first value stands: m-lines of one BUNDLE repeat it, and some stacks write others there that nobody uses. */
static int take_credential(char *dst, struct plm_slice value, size_t min)
{
    if (!plm_sdp_credential_valid(value, min))
        return PLM_EINVAL;
    return dst[0] ? 0 : plm_slice_copy(dst, PLM_PEER_UFRAG_SIZE, value);
}

static int on_line(
    struct plm_sdp_fragment *f, struct plm_slice line, unsigned number, struct plm_sdp_error *err)
{
    if (line.n == 0)
        return 0;
    if (line.n > PLM_SDP_MAX_LINE)
        return plm_sdp_fail(err, number, PLM_ELIMIT, "line longer than %d octets", PLM_SDP_MAX_LINE);
    if (line.n < 2 || line.p[1] != '=' || memchr(line.p, '\0', line.n))
        return plm_sdp_fail(err, number, PLM_EINVAL, "not a line of SDP");
    if (line.p[0] != 'a')
        return 0;
    struct plm_slice value = {line.p + 2, line.n - 2};
    struct plm_slice name = plm_slice_cut(&value, ':');
    value = plm_slice_trim(value);
    if (plm_slice_is(name, "candidate"))
        f->candidates++;
    else if (plm_slice_is(name, "ice-ufrag") && take_credential(f->ufrag, value, 4) != 0)
        return plm_sdp_fail(err, number, PLM_EINVAL, "a=ice-ufrag: 4 to 256 characters");
    else if (plm_slice_is(name, "ice-pwd") && take_credential(f->pwd, value, 22) != 0)
        return plm_sdp_fail(err, number, PLM_EINVAL, "a=ice-pwd: 22 to 256 characters");
    return 0;
}

int plm_sdp_parse_fragment(
    struct plm_sdp_fragment *out, const char *text, size_t len, struct plm_sdp_error *err)
{
    struct plm_sdp_fragment f = {0};
    struct plm_slice rest = {text, len};
    if (len > PLM_SDP_MAX_SIZE)
        return plm_sdp_fail(err, 0, PLM_ELIMIT, "larger than %d octets", PLM_SDP_MAX_SIZE);
    for (unsigned number = 1; rest.n; number++) {
        struct plm_slice line = plm_slice_cut(&rest, '\n');
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        int rc = on_line(&f, line, number, err);
        if (rc)
            return rc;
    }
    if (!f.ufrag[0] != !f.pwd[0])
        return plm_sdp_fail(err, 0, PLM_EINVAL, "a=ice-ufrag and a=ice-pwd belong together");
    *out = f;
    return 0;
}
