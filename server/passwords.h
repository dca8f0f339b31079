/*
 * Passwords of rooms: hashed and compared with Argon2id (libsodium, its limits for interactive use: 64 MiB and about a tenth of a
 * second) in libuv's thread pool, so that the loop never waits. At most PLM_PASSWORDS_AT_ONCE at a time, because each takes that memory
 * and a thread that files need too; what comes meanwhile waits in line, up to PLM_PASSWORDS_WAITING. A password is zeroed when its job
 * is done. Loop thread.
 */
#ifndef PLM_SERVER_PASSWORDS_H
#define PLM_SERVER_PASSWORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define PLM_PASSWORDS_AT_ONCE 2
#define PLM_PASSWORDS_WAITING 64  /**< with these the last waits some four seconds */
#define PLM_PASSWORD_MAX      128 /**< octets of a password */

struct plm_passwords;

/**
 * A job is done, on the loop, never from within plm_passwords_submit. It may submit again.
 * @param ok   hashed, or equal
 * @param hash the new one, borrowed; NULL when one was compared, or memory was short
 */
typedef void plm_passwords_done(void *arg, uint64_t job, bool ok, const char *hash);

/** @param loop borrowed @return 0, PLM_ENOMEM, PLM_EINVAL (no randomness on this machine) */
int plm_passwords_create(
    struct plm_passwords **out, uv_loop_t *loop, plm_passwords_done *done, void *done_arg);

/**
 * @param password copied
 * @param hash     NULL: make one, else compare with it (copied)
 * @return 0, PLM_ELIMIT (too many wait), PLM_EINVAL (password or hash too long), PLM_ENOMEM
 */
int plm_passwords_submit(struct plm_passwords *p, uint64_t job, const char *password, const char *hash);

/** Jobs that wait or are being done. */
unsigned plm_passwords_pending(const struct plm_passwords *p);

/** Forget what waits; nothing is told any more. What is being done ends while the loop runs on. NULL is fine. */
void plm_passwords_close(struct plm_passwords *p);
/** After plm_passwords_close, when the loop has nothing left. NULL is fine. */
void plm_passwords_destroy(struct plm_passwords *p);

#endif
