/*
 * What HTTP requests bring as text: addresses of WHIP and WHEP, paths of the page, media types; and lines for the log made of them.
 */
#include "fuzz.h"

#include "http_static.h"
#include "http_whip.h"
#include "logger.h"

#include <string.h>

static void check_whip(const char *path)
{
    struct plm_whip_path p;

    if (plm_whip_path_parse(&p, path))
        return;
    CHECK(plm_http_whip_is_endpoint(path) != plm_http_whip_is_resource(path));
    CHECK(p.resource == plm_http_whip_is_resource(path));
    CHECK(*p.room && !strchr(p.room, '/'));
    CHECK(p.n_names <= PLM_WHEP_MAX_NAMES && (!p.resource || !p.n_names));
    for (size_t i = 0; i < p.n_names; i++)
        CHECK(*p.names[i] && !strchr(p.names[i], '/'));
}

static void check_page(const char *path)
{
    static struct plm_http_static *files;
    struct plm_http_static_file f;

    if (!files)
        CHECK(!plm_http_static_create(&files, "/nonexistent"));
    plm_http_static_find(files, path, "gzip", &f);
    CHECK(f.status == 404);
}

static void check_log(const char *text, size_t size)
{
    char *line = malloc(size + 1);
    for (int format = PLM_LOG_TEXT; format <= PLM_LOG_JSON; format++) {
        size_t len = plm_log_format(
            line, size, format, 0, PLM_LOG_INFO, "http", &(struct plm_log_ids){.room = text}, text);
        CHECK(len <= size);
        CHECK(!len || memchr(line, '\n', len) == line + len - 1);
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = 0;
    check_whip(text);
    check_page(text);
    plm_http_is_type(text, "application/sdp");
    check_log(text, size);
    free(text);
    return 0;
}
