#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_static.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/plenum-static-XXXXXX";
static struct plm_http_static *files;

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_tree(void **state)
{
    (void)state;
    char path[256];
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof(path), "%s/assets", root);
    mkdir(path, 0755);
    put("index.html", "page");
    put("favicon.ico", "icon");
    put("assets/a-1.js", "js");
    put("assets/b-1.js", "script");
    put("assets/b-1.js.gz", "squeezed");
    put("empty.css", "");
    put("odd", "no extension");
    put(".secret", "secret");
    snprintf(path, sizeof(path), "%s/link.html", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/loop", root);
    assert_int_equal(symlink(".", path), 0);
    snprintf(path, sizeof(path), "%s/pipe", root);
    assert_int_equal(mkfifo(path, 0644), 0);
    return plm_http_static_create(&files, root);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int remove_tree(void **state)
{
    (void)state;
    plm_http_static_destroy(files);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned status;
        const char *body, *type;
        bool immutable;
    } cases[] = {
        {"/", 200, "page", "text/html; charset=utf-8", false},
        {"/index.html", 200, "page", "text/html; charset=utf-8", false},
        {"/my room", 200, "page", "text/html; charset=utf-8", false},
        {"/.secret", 200, "page", "text/html; charset=utf-8", false},
        {"/pipe", 200, "page", "text/html; charset=utf-8", false},
        {"/odd", 200, "no extension", "application/octet-stream", false},
        {"/favicon.ico", 200, "icon", "image/x-icon", false},
        {"/empty.css", 200, "", "text/css; charset=utf-8", false},
        {"/assets/a-1.js", 200, "js", "text/javascript; charset=utf-8", true},
        {"/assets/a-2.js", 404, NULL, NULL, false},
        {"/assets", 200, "page", "text/html; charset=utf-8", false},
        {"/assets/", 404, NULL, NULL, false},
        {"/missing.js", 404, NULL, NULL, false},
        {"/missing.JS", 404, NULL, NULL, false},
        {"/link.html", 404, NULL, NULL, false},
        {"/loop/index.html", 404, NULL, NULL, false},
        {"/a/b", 404, NULL, NULL, false},
        {"", 404, NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plm_http_static_file f;
        plm_http_static_find(files, cases[i].path, NULL, &f);
        assert_int_equal(f.status, cases[i].status);
        assert_int_equal(f.body != NULL, cases[i].body != NULL);
        if (!f.body)
            continue;
        assert_int_equal(f.body->len, strlen(cases[i].body));
        assert_memory_equal(f.body->data, cases[i].body, f.body->len);
        assert_string_equal(f.type, cases[i].type);
        assert_int_equal(f.immutable, cases[i].immutable);
    }
}

static void tags_differ_with_the_content(void **state)
{
    (void)state;
    struct plm_http_static_file a, b;
    plm_http_static_find(files, "/index.html", NULL, &a);
    plm_http_static_find(files, "/favicon.ico", NULL, &b);
    assert_string_not_equal(a.etag, b.etag);
    assert_int_equal(a.etag[0], '"');
    assert_int_equal(strlen(a.etag), 18);
}

static void who_can_read_it_gets_it_compressed(void **state)
{
    (void)state;
    static const struct {
        const char *accepts;
        bool compressed;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"br, GZIP;q=0.5", true},
        {"deflate,gzip ;q=1.0", true},
        {"gzip;q=0", false},
        {"gzip; q=0.000, br", false},
        {"br;q=1, gzip", true},
        {"xgzip, gzipx", false},
        {"identity", false},
        {",,;,", false},
    };
    struct plm_http_static_file plain, f;
    plm_http_static_find(files, "/assets/b-1.js", NULL, &plain);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plm_http_static_find(files, "/assets/b-1.js", cases[i].accepts, &f);
        assert_int_equal(f.encoding != NULL, cases[i].compressed);
        assert_string_equal(f.body->data, cases[i].compressed ? "squeezed" : "script");
        assert_string_equal(f.type, "text/javascript; charset=utf-8");
        assert_int_equal(!strcmp(f.etag, plain.etag), !cases[i].compressed);
        assert_true(f.immutable && f.varies);
    }
    plm_http_static_find(files, "/assets/a-1.js", "gzip", &f);
    assert_null(f.encoding);
    assert_false(f.varies);
}

static void a_folder_that_is_not_there_has_no_page(void **state)
{
    (void)state;
    struct plm_http_static *none;
    struct plm_http_static_file f;

    assert_int_equal(plm_http_static_create(&none, "/nonexistent"), 0);
    assert_false(plm_http_static_has_page(none));
    plm_http_static_find(none, "/", NULL, &f);
    assert_int_equal(f.status, 404);
    assert_non_null(strstr(f.body->data, "./run --build"));
    plm_http_static_destroy(none);
    assert_true(plm_http_static_has_page(files));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(tags_differ_with_the_content),
        cmocka_unit_test(who_can_read_it_gets_it_compressed),
        cmocka_unit_test(a_folder_that_is_not_there_has_no_page),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
