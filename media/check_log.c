#include "check_log.h"

#include <string.h>

#define TRANSACTION_AT 8 /* 12 octets (RFC 5389 section 6) */

static uint32_t transaction(const uint8_t *request)
{
    uint32_t id[3];
    memcpy(id, request + TRANSACTION_AT, sizeof id);
    return id[0] ^ id[1] ^ id[2];
}

bool plm_check_log_has(const struct plm_check_log *log, const uint8_t *request)
{
    uint32_t id = transaction(request);
    for (unsigned i = 0; i < PLM_CHECK_LOG_SIZE; i++) {
        if (log->seen[i] == id && id != 0)
            return true;
    }
    return false;
}

void plm_check_log_note(struct plm_check_log *log, const uint8_t *request)
{
    /* Repeated because our answer was slow or lost, or by somebody who wants the log to be full of it. */
    if (plm_check_log_has(log, request))
        return;
    log->seen[log->next] = transaction(request);
    log->next = (uint16_t)((log->next + 1) % PLM_CHECK_LOG_SIZE);
}
