#include "proto_table.h"

/* Choices */
#define PLM_ENUM(name, doc)          static const struct plm_choice_value values_##name[] = {
#define PLM_VALUE(enum_, value, doc) {#value, doc},
#define PLM_ENUM_END(name)                                                                                   \
    }                                                                                                        \
    ;
#include "messages.def"

#define PLM_ENUM(name_, doc)                                                                                 \
    static const struct plm_choice_desc choice_##name_ = {                                                   \
        #name_, doc, PLM_MSG_##name_##_COUNT, values_##name_};                                               \
    _Static_assert(sizeof(enum plm_msg_##name_) == sizeof(unsigned), "choices are stored as unsigned");      \
    const char *plm_msg_##name_##_name(enum plm_msg_##name_ value)                                           \
    {                                                                                                        \
        return (unsigned)value < PLM_MSG_##name_##_COUNT ? values_##name_[value].name : "?";                 \
    }
#include "messages.def"

const struct plm_choice_desc *const plm_proto_choices[] = {
#define PLM_ENUM(name, doc) &choice_##name,
#include "messages.def"
    NULL,
};

#define PLM_OBJECT(name, doc) static const struct plm_type_desc type_##name;
#include "messages.def"

/* A field's macro does not know its struct: each list stands in a function of its own, whose `self` is the struct. */
#define FLAG_REQUIRED(name) 0
#define FLAG_OPTIONAL(name) offsetof(self, has_##name)
#define OPT_REQUIRED        false
#define OPT_OPTIONAL        true
#define FIELD(kind_, name_, presence, extra_, limit_, doc_, ...)                                             \
    {.name = #name_,                                                                                         \
        .doc = doc_,                                                                                         \
        .kind = kind_,                                                                                       \
        .optional = OPT_##presence,                                                                          \
        .offset = offsetof(self, name_),                                                                     \
        .extra = extra_,                                                                                     \
        .limit = limit_,                                                                                     \
        __VA_ARGS__},
#define NUMBER(kind, name, presence, limit, doc)                                                             \
    FIELD(kind, name, presence, FLAG_##presence(name), limit, doc, .object = NULL)

#define PLM_OBJECT(name, doc)                                                                                \
    static const struct plm_field_desc *fields_##name(void)                                                  \
    {                                                                                                        \
        typedef struct plm_msg_##name self;                                                                  \
        static const struct plm_field_desc list[] = {
#define PLM_REQUEST(name, reply, doc) PLM_OBJECT(name, doc)
#define PLM_REPLY(name, doc)          PLM_OBJECT(name, doc)
#define PLM_EVENT(name, doc)          PLM_OBJECT(name, doc)
#define PLM_END(name_)                                                                                       \
    {                                                                                                        \
        .name = NULL, .limit = sizeof(self)                                                                  \
    }                                                                                                        \
    }                                                                                                        \
    ;                                                                                                        \
    return list;                                                                                             \
    }
#define PLM_TEXT(name, p, limit, doc)  FIELD(PLM_FIELD_TEXT, name, p, 0, limit, doc, .object = NULL)
#define PLM_LINES(name, p, limit, doc) FIELD(PLM_FIELD_LINES, name, p, 0, limit, doc, .object = NULL)
#define PLM_TOKEN(name, p, limit, doc) FIELD(PLM_FIELD_TOKEN, name, p, 0, limit, doc, .object = NULL)
#define PLM_SDP(name, p, limit, doc)   FIELD(PLM_FIELD_SDP, name, p, 0, limit, doc, .object = NULL)
#define PLM_UINT(name, p, limit, doc)  NUMBER(PLM_FIELD_UINT, name, p, limit, doc)
#define PLM_TIME(name, p, limit, doc)  NUMBER(PLM_FIELD_TIME, name, p, limit, doc)
#define PLM_BOOL(name, p, limit, doc)  NUMBER(PLM_FIELD_BOOL, name, p, limit, doc)
#define PLM_CHOICE(name, p, enum_, doc)                                                                      \
    FIELD(PLM_FIELD_CHOICE, name, p, FLAG_##p(name), 0, doc, .choice = &choice_##enum_)
#define PLM_STRUCT(name, p, object_, doc)                                                                    \
    FIELD(PLM_FIELD_STRUCT, name, p, FLAG_##p(name), 0, doc, .object = &type_##object_)
#define PLM_LIST(name, p, object_, limit, doc)                                                               \
    FIELD(PLM_FIELD_LIST, name, p, offsetof(self, n_##name), limit, doc, .object = &type_##object_)
#define PLM_UINTS(name, p, limit, doc)                                                                       \
    FIELD(PLM_FIELD_UINTS, name, p, offsetof(self, n_##name), limit, doc, .object = NULL)
#include "messages.def"

/* Types */
#define TYPE(name_, doc_, group_, reply_)                                                                    \
    {                                                                                                        \
        .name = #name_, .doc = doc_, .group = group_, .reply = reply_,                                       \
        .size = sizeof(struct plm_msg_##name_), .fields = fields_##name_                                     \
    }
#define PLM_OBJECT(name, doc)                                                                                \
    static const struct plm_type_desc type_##name = TYPE(name, doc, PLM_GROUP_OBJECT, NULL);
#define PLM_REQUEST(name, reply, doc)                                                                        \
    static const struct plm_type_desc type_##name = TYPE(name, doc, PLM_GROUP_REQUEST, #reply);
#define PLM_REPLY(name, doc)                                                                                 \
    static const struct plm_type_desc type_##name = TYPE(name, doc, PLM_GROUP_REPLY, NULL);
#define PLM_EVENT(name, doc)                                                                                 \
    static const struct plm_type_desc type_##name = TYPE(name, doc, PLM_GROUP_EVENT, NULL);
#include "messages.def"

const struct plm_type_desc *const plm_proto_objects[] = {
#define PLM_OBJECT(name, doc) &type_##name,
#include "messages.def"
    NULL,
};

const struct plm_type_desc *const plm_proto_messages[PLM_MSG_COUNT] = {
#define PLM_REQUEST(name, reply, doc) [PLM_MSG_##name] = &type_##name,
#define PLM_REPLY(name, doc)          PLM_REQUEST(name, none, doc)
#define PLM_EVENT(name, doc)          PLM_REQUEST(name, none, doc)
#include "messages.def"
};

const char *plm_msg_type_name(enum plm_msg_type t)
{
    return (unsigned)t < PLM_MSG_COUNT && plm_proto_messages[t] ? plm_proto_messages[t]->name : "?";
}
