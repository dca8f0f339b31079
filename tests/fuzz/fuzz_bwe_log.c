/* A log of the estimator, from anybody: read with every length checked, and whatever it says, the estimator keeps its bounds. */
#include "bwe.h"
#include "bwe_log.h"
#include "fuzz.h"

static void look(void *arg, uint64_t at_us, uint32_t logged_bps, uint32_t bps)
{
    (void)arg, (void)at_us, (void)logged_bps;
    CHECK(!bps || (bps >= PLM_BWE_MIN_BPS && bps <= PLM_BWE_MAX_BPS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plm_bwe_replay first, again;
    int err = plm_bwe_log_replay(data, size, &first, look, NULL);
    CHECK(plm_bwe_log_replay(data, size, &again, NULL, NULL) == err);
    CHECK(again.decisions == first.decisions && again.differing == first.differing &&
          again.last_bps == first.last_bps && again.padding == first.padding);
    return 0;
}
