/*
 * What the recorder tells the server. Of what is taken every part is in its range; ids become parts of paths.
 */
#include "fuzz.h"

#include "recorder_msg.h"

#include <string.h>

static void check_state(const struct plm_recording_news *n)
{
    CHECK(plm_recording_id_valid(n->id) && n->key && n->name);
    CHECK(n->state < PLM_RECORDING_STATE_COUNT && n->reason < PLM_RECORDING_REASON_COUNT);
    CHECK(n->duration_us >= 0 && n->started_ms <= INT64_MAX && n->bytes <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plm_recorder_msg m;
    /* In its exact size, so that an overread is seen. */
    char *exact = malloc(size ? size : 1);
    if (!exact)
        return 0;
    memcpy(exact, data, size);
    int err = plm_recorder_msg_parse(&m, exact, size);
    free(exact);
    if (err)
        return 0;
    if (m.op == PLM_RECORDER_OP_STATE)
        check_state(&m.news);
    else if (m.op == PLM_RECORDER_OP_DISK)
        CHECK(m.level < PLM_RECORDER_DISK_COUNT && m.free <= INT64_MAX);
    else if (m.op == PLM_RECORDER_OP_WRITTEN)
        CHECK(plm_recording_id_valid(m.id) && plm_recording_run_valid(m.run) && m.n <= PLM_RECORDING_MAX_N);
    plm_recorder_msg_clear(&m);
    return 0;
}
