/*
 * The messages of "plenum.v1" as typed values, and their codec. Structs and enums are made from messages.def.
 *
 * In the structs a text is NUL-terminated UTF-8 (NULL: an optional one is absent), a list is a pointer and a count n_<name>,
 * an optional number, truth value or choice has a flag has_<name>. A decoded message owns its memory until plm_msg_free;
 * a message to encode borrows everything. Main thread; nothing here blocks, logs or keeps state.
 */
#ifndef PLM_SIGNALING_PROTO_H
#define PLM_SIGNALING_PROTO_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_PROTOCOL     "plenum.v1" /**< WebSocket subprotocol */
#define PLM_MSG_MAX_SIZE (64 * 1024)
/** Publish and answer: a description of 256 KiB and the rest of the message. */
#define PLM_MSG_MAX_SDP_SIZE (264 * 1024)

/* Choices: enum plm_msg_source { PLM_MSG_source_microphone, …, PLM_MSG_source_COUNT } and so on. */
#define PLM_ENUM(name, doc)                                                                                  \
    enum plm_msg_##name                                                                                      \
    {
#define PLM_VALUE(enum_, value, doc) PLM_MSG_##enum_##_##value,
#define PLM_ENUM_END(name)                                                                                   \
    PLM_MSG_##name##_COUNT                                                                                   \
    }                                                                                                        \
    ;
#include "messages.def"

/* Objects and messages: struct plm_msg_join and so on. */
#define PLM_HAS_REQUIRED(name)
#define PLM_HAS_OPTIONAL(name)        bool has_##name;
#define PLM_OBJECT(name, doc)         struct plm_msg_##name {
#define PLM_REQUEST(name, reply, doc) PLM_OBJECT(name, doc) char unused_; /* C has no empty structs */
#define PLM_REPLY(name, doc)          PLM_REQUEST(name, none, doc)
#define PLM_EVENT(name, doc)          PLM_REQUEST(name, none, doc)
#define PLM_END(name)                                                                                        \
    }                                                                                                        \
    ;
#define PLM_TEXT(name, presence, limit, doc)    const char *name;
#define PLM_LINES(name, presence, limit, doc)   const char *name;
#define PLM_TOKEN(name, presence, limit, doc)   const char *name;
#define PLM_SDP(name, presence, limit, doc)     const char *name;
#define PLM_UINT(name, presence, limit, doc)    PLM_HAS_##presence(name) uint32_t name;
#define PLM_TIME(name, presence, limit, doc)    PLM_HAS_##presence(name) uint64_t name;
#define PLM_BOOL(name, presence, limit, doc)    PLM_HAS_##presence(name) bool name;
#define PLM_CHOICE(name, presence, enum_, doc)  PLM_HAS_##presence(name) enum plm_msg_##enum_ name;
#define PLM_STRUCT(name, presence, object, doc) PLM_HAS_##presence(name) struct plm_msg_##object name;
#define PLM_LIST(name, presence, object, limit, doc)                                                         \
    struct plm_msg_##object *name;                                                                           \
    size_t n_##name;
#define PLM_UINTS(name, presence, limit, doc)                                                                \
    uint32_t *name;                                                                                          \
    size_t n_##name;
#include "messages.def"

enum plm_msg_type {
    PLM_MSG_NONE = 0,
#define PLM_REQUEST(name, reply, doc) PLM_MSG_##name,
#define PLM_REPLY(name, doc)          PLM_MSG_##name,
#define PLM_EVENT(name, doc)          PLM_MSG_##name,
#include "messages.def"
    PLM_MSG_COUNT
};

/** One message of any type. Requests and replies carry an id, events none. */
struct plm_msg {
    enum plm_msg_type type;
    bool has_id;
    uint32_t id;
    union {
#define PLM_REQUEST(name, reply, doc) struct plm_msg_##name name;
#define PLM_REPLY(name, doc)          struct plm_msg_##name name;
#define PLM_EVENT(name, doc)          struct plm_msg_##name name;
#include "messages.def"
    };
    struct plm_arena *arena; /**< of a decoded message; NULL in one made to be encoded */
};

/** "join" …; static storage. */
const char *plm_msg_type_name(enum plm_msg_type t);
/** "microphone" …; static storage. */
#define PLM_ENUM(name, doc) const char *plm_msg_##name##_name(enum plm_msg_##name value);
#include "messages.def"

enum plm_msg_side {
    PLM_FROM_CLIENT = 0, /**< requests */
    PLM_FROM_SERVER,     /**< replies and events */
};

/** Why a message could not be read: enough for an error reply. */
struct plm_msg_fault {
    bool has_id;    /**< the message had a usable id */
    bool too_large; /**< as a whole */
    uint32_t id;
    char field[128];   /**< path such as "tracks[2].mid"; empty: the message as a whole */
    char message[160]; /**< for people */
};

/**
 * Read one message. Refused are: what is not one JSON object (RFC 8259) of a type that this side sends, unknown fields, duplicate
 * keys, nesting deeper than 32, NUL, numbers that are not whole, values outside the table's limits, empty texts, more than
 * PLM_MSG_MAX_SIZE octets (PLM_MSG_MAX_SDP_SIZE with a description). People's texts come out cleaned (plm_text_clean).
 * @param out   owned by the caller, plm_msg_free
 * @param text  need not be NUL-terminated
 * @param fault filled on PLM_EINVAL
 * @return 0, PLM_EINVAL, PLM_ENOMEM
 */
int plm_msg_decode(
    struct plm_msg **out, const char *text, size_t len, enum plm_msg_side from, struct plm_msg_fault *fault);
/** Free a decoded message and all it points to. NULL is fine. */
void plm_msg_free(struct plm_msg *msg);

/**
 * Write a message as JSON, one line. Invalid UTF-8 comes out as U+FFFD, so the result is always fit for a text frame.
 * @return one reference, the caller's; NULL when memory is short
 */
struct plm_text *plm_msg_encode(const struct plm_msg *msg);

#endif
