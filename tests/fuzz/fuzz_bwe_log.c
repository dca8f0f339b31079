/*
 * A log of the estimator, from anybody: read with every length checked, and whatever it says, the estimator keeps its bounds. What is no log is a
 * script of what a transport has logged: that is read to its end.
 */
#include "bwe.h"
#include "bwe_log.h"
#include "fuzz.h"

static void look(void *arg, uint64_t at_us, uint32_t logged_bps, uint32_t bps)
{
    (void)arg, (void)at_us, (void)logged_bps;
    CHECK(!bps || (bps >= PLM_BWE_MIN_BPS && bps <= PLM_BWE_MAX_BPS));
}

static size_t write_log(struct fuzz_input in, uint8_t *out, size_t cap)
{
    struct plm_bwe_log log;
    uint64_t now = 1000000;
    uint16_t seq = 0;
    plm_bwe_log_init(&log, out, cap);
    while (in.left) {
        uint8_t op = fuzz_u8(&in);
        now += (uint64_t)(op >> 3) * 1000;
        switch (op & 7) {
        case 0: {
            size_t len = fuzz_u8(&in);
            len = len < in.left ? len : in.left;
            plm_bwe_log_twcc(&log, in.p, len, now);
            in.p += len;
            in.left -= len;
            break;
        }
        case 1:
            plm_bwe_log_remb(&log, (uint64_t)fuzz_u16(&in) << (fuzz_u8(&in) & 63), now);
            break;
        case 2:
            plm_bwe_log_report(&log, op >> 3, fuzz_u8(&in), fuzz_u16(&in) * 100u, now);
            break;
        case 3:
            plm_bwe_log_want(&log, fuzz_u16(&in) * 1000u, op >> 7);
            if (op & 32)
                plm_bwe_log_aim(&log, fuzz_u16(&in) * 500u, fuzz_u16(&in) * 1000u);
            break;
        case 4:
            plm_bwe_log_padding(&log, fuzz_u16(&in), now);
            break;
        case 5:
            plm_bwe_log_decision(&log, fuzz_u16(&in) * 1000u);
            break;
        case 6:
            plm_bwe_log_poll(&log, now);
            break;
        default:
            plm_bwe_log_sent(&log, seq++, fuzz_u16(&in), now);
        }
    }
    return log.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plm_bwe_replay first, again;
    static uint8_t written[4096];
    if (size == 0 || data[0] != 'P') {
        size = write_log((struct fuzz_input){data, size}, written, sizeof written);
        data = written;
        CHECK(plm_bwe_log_replay(data, size, &first, look, NULL) == 0);
    }
    int err = plm_bwe_log_replay(data, size, &first, look, NULL);
    CHECK(plm_bwe_log_replay(data, size, &again, NULL, NULL) == err);
    CHECK(again.decisions == first.decisions && again.differing == first.differing &&
          again.last_bps == first.last_bps && again.padding == first.padding);
    return 0;
}
