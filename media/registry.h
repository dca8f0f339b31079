/*
 * The shared table of transports that peers may call upon: our ICE credentials → who owns the transport. Written by the control thread, read
 * and claimed by workers; no lock: entries never move, a ufrag names its entry's index, and a claim is one compare-and-swap.
 */
#ifndef PLM_REGISTRY_H
#define PLM_REGISTRY_H

#include "command.h"
#include "plenum/engine.h"

struct plm_registry;

#define PLM_NO_OWNER 0xff

#define PLM_CHECKS_PER_SEC 50 /* from unknown addresses: a peer begins one each 50 ms (RFC 8445 section 14.2), or each 20 */

/**
 * @param max_transports 1..65536
 * @param random fills buf with unguessable octets; called from plm_registry_add and _restart only
 */
int plm_registry_create(struct plm_registry **out, uint32_t max_transports, void (*random)(void *arg, void *buf, size_t len), void *arg);
/** Frees what nobody has claimed, too. No worker may use it any more. */
void plm_registry_destroy(struct plm_registry *r);

/* ---- control thread ---- */

/**
 * Enter a transport. The registry gives it its id, in out and in the plan; an id comes back after 65535 others of its entry at the earliest.
 * The entry answers to its credentials when this returns. @return 0 (plan taken over), PLM_ELIMIT (plan not taken)
 */
int plm_registry_add(struct plm_registry *r, struct plm_transport_plan *plan, struct plm_transport_local *out);
/**
 * Replace the plan of a transport that nobody has claimed yet. The id must be one that was added and not taken out.
 * @return PLM_NO_OWNER: replaced (plan taken over, the old one freed); else the worker that owns it: post a command instead (plan not taken)
 */
uint8_t plm_registry_amend(struct plm_registry *r, plm_transport_id id, struct plm_transport_plan *plan);
/** New credentials (ICE restart); the former ones stay valid until plm_registry_retire. */
int plm_registry_restart(struct plm_registry *r, plm_transport_id id, struct plm_transport_local *out);
/** Worker that owns the transport, PLM_NO_OWNER */
uint8_t plm_registry_owner(const struct plm_registry *r, plm_transport_id id);
/** Take out an entry that nobody has claimed, with its plan. @return PLM_NO_OWNER: done; else the worker that owns it, nothing changed */
uint8_t plm_registry_withdraw(struct plm_registry *r, plm_transport_id id);
/** Take the entry out, whoever owns it: its credentials are unknown from now on. */
void plm_registry_remove(struct plm_registry *r, plm_transport_id id);

/* ---- workers ---- */

struct plm_registry_view {
    plm_transport_id id;
    uint8_t owner;
    uint8_t prefer;     /**< only worker that may claim it, PLM_NO_OWNER: any */
    uint8_t generation; /**< of the credentials: 0 first, +1 per restart */
    bool newest;        /**< these are the newest credentials of the transport */
    char pwd[PLM_PWD_SIZE];
    size_t pwd_len;
};
/** Look up our ufrag, not NUL-terminated. @return false: unknown */
bool plm_registry_find(struct plm_registry *r, const char *ufrag, size_t len, struct plm_registry_view *out);
/**
 * A check of a transport came from an address that nobody vouched for: may its tag be verified? Of each transport so many a second are, by all
 * workers together; two that ask at once may count as one. @return false: no more in this second
 */
bool plm_registry_take_check(struct plm_registry *r, plm_transport_id id, uint64_t second);
/** Claim for a worker. @param plan the plan, now the worker's @return false: somebody else has it, or it changed just now: ignore this check */
bool plm_registry_claim(struct plm_registry *r, plm_transport_id id, uint8_t worker, struct plm_transport_plan **plan);
/** Credentials of this generation (of a plm_registry_view) are in use: the ones before them end. @return whether they did just now */
bool plm_registry_retire(struct plm_registry *r, plm_transport_id id, uint8_t generation);

#endif
