#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prom.h"

#include "http_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t size;

static FILE *begin(void)
{
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    return f;
}

static void expect(FILE *f, const char *expected)
{
    assert_int_equal(fclose(f), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void families_and_samples(void **state)
{
    (void)state;
    FILE *f = begin();
    plm_prom_family(f, "a_total", "counter", "Counts.");
    plm_prom_uint(f, "a_total", NULL, 0, UINT64_MAX);
    plm_prom_uint(f, "a_total", (struct plm_prom_label[]){{"x", "1"}, {"y", "q\"b\\n\n\xc3\xbc"}}, 2, 0);
    plm_prom_float(f, "a_total", (struct plm_prom_label[]){{"x", ""}}, 1, 0.25);
    expect(f, "# HELP a_total Counts.\n# TYPE a_total counter\na_total 18446744073709551615\n"
              "a_total{x=\"1\",y=\"q\\\"b\\\\n\\n\xc3\xbc\"} 0\na_total{x=\"\"} 0.25\n");
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    struct plm_histogram h = {0};
    static const uint64_t times_us[] = {0, 500, 501, 1000, 999999, 1000000, 1000001, 5000000};
    for (size_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++)
        plm_histogram_add(&h, times_us[i]);
    FILE *f = begin();
    plm_prom_histogram(f, "lag", "Late.", &h);
    expect(f, "# HELP lag Late.\n# TYPE lag histogram\n"
              "lag_bucket{le=\"0.0005\"} 2\nlag_bucket{le=\"0.001\"} 4\nlag_bucket{le=\"0.002\"} 4\n"
              "lag_bucket{le=\"0.003\"} 4\nlag_bucket{le=\"0.005\"} 4\nlag_bucket{le=\"0.01\"} 4\n"
              "lag_bucket{le=\"0.02\"} 4\nlag_bucket{le=\"0.05\"} 4\nlag_bucket{le=\"0.1\"} 4\n"
              "lag_bucket{le=\"0.2\"} 4\nlag_bucket{le=\"0.5\"} 4\nlag_bucket{le=\"1\"} 6\n"
              "lag_bucket{le=\"+Inf\"} 8\nlag_sum 8.002001\nlag_count 8\n");
}

static void the_engine_s_part(void **state)
{
    (void)state;
    struct plm_worker_stats workers[2] = {
        {.counters = {[PLM_CNT_RX_RTP] = 5}}, {.drops = {[PLM_DROP_SRTP_AUTH] = 9}}};
    struct plm_track_stats track = {.source = PLM_SOURCE_CAMERA,
        .codec = PLM_CODEC_VP8,
        .n_encodings = 1,
        .encodings = {{.rid = "h", .packets = 3, .jitter_us = 1500}}};
    struct plm_slot_stats slot = {
        .media = 2, .ssrc = 77, .shows = 4, .state = PLM_SLOT_FORWARDING, .fraction_lost_q8 = 64};
    struct plm_transport_stats transport = {.id = 1,
        .room = 2,
        .participant = 3,
        .state = PLM_TRANSPORT_CONNECTED,
        .srtp_profile = 7,
        .rtt_us = 20000,
        .n_tracks = 1,
        .tracks = &track,
        .n_slots = 1,
        .slots = &slot};
    struct plm_stats stats = {
        .n_workers = 2, .workers = workers, .n_transports = 1, .transports = &transport};
    static const char *const always[] = {
        "plenum_workers 2\n",
        "plenum_rx_rtp_total{worker=\"0\"} 5\nplenum_rx_rtp_total{worker=\"1\"} 0\n",
        "plenum_drops_total{worker=\"1\",reason=\"srtp_auth\"} 9\n",
    };
    static const char *const in_detail[] = {
        "plenum_transport_rtt_seconds{transport=\"1\",room=\"2\",participant=\"3\",state=\"connected\","
        "srtp=\"AEAD_AES_128_GCM\"} 0.02\n",
        "plenum_track_packets_total{transport=\"1\",room=\"2\",participant=\"3\",source=\"camera\",codec="
        "\"VP8\","
        "encoding=\"0\",rid=\"h\",remote=\"0\"} 3\n",
        "plenum_slot_loss_ratio{transport=\"1\",room=\"2\",participant=\"3\",media=\"2\",ssrc=\"77\",shows="
        "\"4\","
        "source=\"microphone\",state=\"forwarding\"} 0.25\n",
    };

    for (int detail = 0; detail < 2; detail++) {
        FILE *f = begin();
        plm_metrics_write_engine(f, &stats, detail);
        assert_int_equal(fclose(f), 0);
        for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
            assert_non_null(strstr(text, always[i]));
        for (size_t i = 0; i < sizeof(in_detail) / sizeof(in_detail[0]); i++)
            assert_int_equal(strstr(text, in_detail[i]) != NULL, detail);
        free(text);
    }
}

/* Prometheus refuses the whole page over one name that is not [a-zA-Z_:][a-zA-Z0-9_:]*, or that comes twice. */
static void names_are_names(void **state)
{
    (void)state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    for (int c = 0; c < PLM_CNT_COUNT; c++) {
        const char *name = plm_counter_name((enum plm_counter)c);
        assert_int_equal(strspn(name, letters), strlen(name));
        for (int d = 0; d < c; d++)
            assert_string_not_equal(name, plm_counter_name((enum plm_counter)d));
    }
    for (int g = 0; g < PLM_GAUGE_COUNT; g++) {
        const char *name = plm_gauge_name((enum plm_gauge)g);
        assert_int_equal(strspn(name, letters), strlen(name));
        assert_string_not_equal(name, "rooms");
        assert_string_not_equal(name, "workers");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_and_samples),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(the_engine_s_part),
        cmocka_unit_test(names_are_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
