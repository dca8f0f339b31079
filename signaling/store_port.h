/*
 * Where signalling keeps what must survive the process: documents by kind and key, written behind. A function table that the
 * server fills with SQLite on its storage thread and a test with a fake. Main thread; nothing blocks: a write is queued, and lost
 * when the machine dies before the next group commit (server/store.h says how soon that is).
 */
#ifndef PLM_SIGNALING_STORE_PORT_H
#define PLM_SIGNALING_STORE_PORT_H

#include "text.h"

enum plm_store_kind {
    PLM_STORE_ROOM = 0, /**< a room's record; key: the room's key */
    PLM_STORE_MEETING,  /**< a running meeting; key: the room's key, of a breakout room "key/number" */
    PLM_STORE_MEMBER,   /**< one participant or someone in a lobby; key: their secret's digest */
    PLM_STORE_CHAT,     /**< one message; key: "room's key/number", number as 10 digits */
    PLM_STORE_BAN,      /**< one removed identity of a running meeting */
    PLM_STORE_API_KEY,  /**< the server's; key: the key's id */
    PLM_STORE_REVOKED,  /**< a token's id; kept until it would have expired */
    PLM_STORE_RECORDING, /**< a recording; key: its id */
    PLM_STORE_KIND_COUNT
};

struct plm_store_port {
    void *ctx;
    /** Keep this document (JSON), in place of one of the same key. A reference is taken if it is kept. Same order as called. */
    void (*put)(void *ctx, enum plm_store_kind kind, const char *key, struct plm_text *document);
    void (*drop)(void *ctx, enum plm_store_kind kind, const char *key);
};

/** "room" …; static storage. */
const char *plm_store_kind_name(enum plm_store_kind kind);

#endif
