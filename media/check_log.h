/*
 * Transaction ids of the checks that a transport has answered lately. A captured check stays authentic for as long as the password does:
 * sent again from elsewhere it would move the media there. So an address is only learned from a check that was never seen before.
 */
#ifndef PLM_CHECK_LOG_H
#define PLM_CHECK_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define PLM_CHECK_LOG_SIZE 256 /* at a check each 2.5 s the last ten minutes */

struct plm_check_log {
    uint32_t seen[PLM_CHECK_LOG_SIZE]; /**< the 96 bits folded; 0: none yet. One check in 2^24 passes for seen: the next one counts */
    uint16_t next;
};

/** @param request a STUN message of at least 20 octets @return whether its transaction id is in the log */
bool plm_check_log_has(const struct plm_check_log *log, const uint8_t *request);
/** Note it, unless it is in the log; the oldest is forgotten. Zeroed is a valid empty log. */
void plm_check_log_note(struct plm_check_log *log, const uint8_t *request);

#endif
