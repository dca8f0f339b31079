/*
 * A session: one socket's conversation. States: open (nobody yet), checking (a password is under way), waiting (to be let in), joined
 * (speaks for a participant), closed (told to go).
 * The transport creates it when a socket opens and destroys it when the socket is gone; the participant outlives it by the
 * grace time and is taken up by another session with the resume secret.
 */
#ifndef PLM_SIGNALING_SESSION_H
#define PLM_SIGNALING_SESSION_H

#include "hub.h"
#include "refusal.h"

struct plm_session;

/** Close codes of the WebSocket (RFC 6455 section 7.4). */
enum plm_session_close {
    PLM_SESSION_CLOSE_DONE = 1000,   /**< left, or the meeting ended */
    PLM_SESSION_CLOSE_AWAY = 1001,   /**< the server goes down: resume */
    PLM_SESSION_CLOSE_POLICY = 1008, /**< far too many messages */
    PLM_SESSION_CLOSE_TAKEN = 4001,  /**< another socket resumed this session: do not resume */
};

/** How a session reaches its peer. Both only queue, and never call back into the hub. */
struct plm_session_out {
    void *ctx;
    char source[48]; /**< address of the peer without port, for limits on guessing; empty: none */
    void (*send)(void *ctx, struct plm_text *text); /**< takes a reference of its own if it keeps text */
    void (*close)(void *ctx, unsigned code, const char *reason); /**< after what was sent; at most once */
};

/** A socket opened. @param out copied @return 0, PLM_ELIMIT, PLM_ENOMEM */
int plm_session_open(struct plm_session **s, struct plm_hub *hub, const struct plm_session_out *out);
/** A whole text message came. Any bytes will do. */
void plm_session_on_text(struct plm_session *s, const char *text, size_t len);
/** The socket is gone, whoever closed it; s is freed. A participant that did not leave waits for resume. NULL is fine. */
void plm_session_on_lost(struct plm_session *s);
/** Does it speak for a participant, or for somebody who waits to be let in? */
bool plm_session_is_joined(const struct plm_session *s);

/* For the files of this folder. */

/** Send one message. A closed session takes nothing. */
void plm_session_send(struct plm_session *s, const struct plm_msg *msg);
/** Send what was serialised for many. */
void plm_session_send_text(struct plm_session *s, struct plm_text *text);
/** The reply "done". */
void plm_session_done(struct plm_session *s, uint32_t id);
/** The reply "error". @param has_id it answers a request */
void plm_session_refuse(struct plm_session *s, bool has_id, uint32_t id, const struct plm_refusal *why);
/** Have the socket closed; the participant, or place in the lobby, waits for resume. */
void plm_session_drop(struct plm_session *s, enum plm_session_close code, const char *reason);
/** Let go of the participant and have the socket closed. */
void plm_session_close(struct plm_session *s, enum plm_session_close code, const char *reason);

#endif
