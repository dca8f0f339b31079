#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_whip.h"

#include <stdio.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

static void endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int rc;
        enum plm_resource_kind kind;
        const char *room, *names; /* names joined by "|" */
    } cases[] = {
        {"/whip/room", 0, PLM_RESOURCE_WHIP, "room", ""},
        {"/whip/room/", 0, PLM_RESOURCE_WHIP, "room", ""},
        {"/whip/room/bob", 0, PLM_RESOURCE_WHIP, "room", "bob"},
        {"/whip/room/a,b", 0, PLM_RESOURCE_WHIP, "room", "a,b"},
        {"/whip/resource/bob", 0, PLM_RESOURCE_WHIP, "resource", "bob"},
        {"/whep/room", 0, PLM_RESOURCE_WHEP, "room", ""},
        {"/whep/room/a,b c,d", 0, PLM_RESOURCE_WHEP, "room", "a|b c|d"},
        {"/whep/room/a,,b", PLM_EINVAL, 0, "", ""},
        {"/whep/room/,", PLM_EINVAL, 0, "", ""},
        {"/whep/room/a,", PLM_EINVAL, 0, "", ""},
        {"/whep/room/a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z", PLM_ELIMIT, 0, "", ""},
        {"/whip", PLM_ENOENT, 0, "", ""},
        {"/whip/", PLM_ENOENT, 0, "", ""},
        {"/whep//a", PLM_ENOENT, 0, "", ""},
        {"/whip/room/a/b", PLM_ENOENT, 0, "", ""},
        {"/whipped/room", PLM_ENOENT, 0, "", ""},
        {"/", PLM_ENOENT, 0, "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plm_whip_path p;
        char names[256] = "";
        assert_int_equal(plm_whip_path_parse(&p, cases[i].path), cases[i].rc);
        if (cases[i].rc)
            continue;
        for (size_t k = 0; k < p.n_names; k++) {
            strcat(names, k ? "|" : "");
            strcat(names, p.names[k]);
        }
        assert_false(p.resource);
        assert_int_equal(p.kind, cases[i].kind);
        assert_string_equal(p.room, cases[i].room);
        assert_string_equal(names, cases[i].names);
    }
}

static void resources(void **state)
{
    (void)state;
    struct plm_whip_path p;
    assert_int_equal(plm_whip_path_parse(&p, "/whep/resource/" ID), 0);
    assert_true(p.resource);
    assert_int_equal(p.kind, PLM_RESOURCE_WHEP);
    assert_string_equal(p.room, ID);
    static const char *const no[] = {"/whip/resource/" ID "0", "/whip/resource/0123",
        "/whip/resource/" ID "/", "/whip/resource/0123456789ABCDEF0123456789abcdef", "/whip/other/" ID,
        "/resource/" ID};
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(plm_http_whip_is_resource(no[i]));
    assert_true(plm_http_whip_is_endpoint("/whip"));
    assert_true(plm_http_whip_is_endpoint("/whep/a/b"));
    assert_false(plm_http_whip_is_endpoint("/whip/resource/" ID));
    assert_false(plm_http_whip_is_endpoint("/whips"));
}

static void media_types(void **state)
{
    (void)state;
    assert_true(plm_http_is_type("application/sdp", "application/sdp"));
    assert_true(plm_http_is_type("Application/SDP; charset=utf-8", "application/sdp"));
    assert_true(plm_http_is_type("application/sdp ;x", "application/sdp"));
    assert_false(plm_http_is_type("application/sdpx", "application/sdp"));
    assert_false(plm_http_is_type("application/sd", "application/sdp"));
    assert_false(plm_http_is_type("", "application/sdp"));
    assert_false(plm_http_is_type(NULL, "application/sdp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints),
        cmocka_unit_test(resources),
        cmocka_unit_test(media_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
