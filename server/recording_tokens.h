/*
 * Tokens that open one recording for some minutes: signalling gives them to people whom the meeting lets see it, and a browser puts them into
 * addresses of media, which carry no header. HMAC-SHA256 with a key that is made at the start and never leaves the process. Allocates nothing.
 */
#ifndef PLM_SERVER_RECORDING_TOKENS_H
#define PLM_SERVER_RECORDING_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "hub.h"

struct plm_recording_tokens {
    unsigned char key[32]; /**< random */
};

/**
 * "<seconds since 1970>.<64 hexadecimal digits>"
 * @param epoch of the recording: with another one the token is void
 */
void plm_recording_token_make(const struct plm_recording_tokens *t, const char *id, uint32_t epoch,
    uint64_t expires_ms, char out[PLM_RECORDING_TOKEN_SIZE]);
bool plm_recording_token_good(
    const struct plm_recording_tokens *t, const char *id, uint32_t epoch, uint64_t now_ms, const char *token);

#endif
