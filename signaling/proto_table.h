/*
 * messages.def as data: what the codec and plm-protogen walk. Static storage, never changes.
 */
#ifndef PLM_SIGNALING_PROTO_TABLE_H
#define PLM_SIGNALING_PROTO_TABLE_H

#include "proto.h"

enum plm_field_kind {
    PLM_FIELD_TEXT = 0,
    PLM_FIELD_LINES,
    PLM_FIELD_TOKEN,
    PLM_FIELD_SDP,
    PLM_FIELD_UINT,
    PLM_FIELD_TIME,
    PLM_FIELD_BOOL,
    PLM_FIELD_CHOICE,
    PLM_FIELD_STRUCT,
    PLM_FIELD_LIST,
    PLM_FIELD_UINTS,
};

struct plm_choice_value {
    const char *name, *doc;
};

struct plm_choice_desc {
    const char *name, *doc;
    unsigned n_values;
    const struct plm_choice_value *values;
};

struct plm_type_desc;

struct plm_field_desc {
    const char *name, *doc;
    enum plm_field_kind kind;
    bool optional;
    uint32_t offset;                      /**< of the value in the struct */
    uint32_t extra;                       /**< of has_<name> (optional values) or of n_<name> (lists) */
    uint64_t limit;                       /**< octets, greatest number, or greatest count */
    const struct plm_type_desc *object;   /**< STRUCT, LIST */
    const struct plm_choice_desc *choice; /**< CHOICE */
};

enum plm_type_group {
    PLM_GROUP_OBJECT = 0,
    PLM_GROUP_REQUEST,
    PLM_GROUP_REPLY,
    PLM_GROUP_EVENT,
};

struct plm_type_desc {
    const char *name, *doc;
    enum plm_type_group group;
    const char *reply;                            /**< of a request */
    size_t size;                                  /**< of its struct */
    const struct plm_field_desc *(*fields)(void); /**< a field without a name ends the list */
};

extern const struct plm_choice_desc *const plm_proto_choices[]; /**< NULL ends the list */
extern const struct plm_type_desc *const plm_proto_objects[]; /**< in the table's order; NULL ends the list */
extern const struct plm_type_desc
    *const plm_proto_messages[PLM_MSG_COUNT]; /**< by enum plm_msg_type; [0] is NULL */

#endif
