/*
 * plm-protogen: writes what describes the protocol from the table that the codec walks, so that no two can disagree:
 * signaling/PROTOCOL.md, signaling/schema/plenum.v1.json and web/sdk/src/protocol.ts.
 *
 *   plm-protogen --write <source directory>
 *   plm-protogen --check <source directory>   exit status 1 when a file is not what the table says
 */
#include "proto_table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "chat_message" → "ChatMessage" */
static const char *camel(const char *name)
{
    static char ring[8][96];
    static unsigned turn;
    char *out = ring[turn++ % 8];
    size_t n = 0;
    bool up = true;
    for (; *name && n < sizeof ring[0] - 1; name++) {
        if (*name != '_')
            out[n++] = (char)(up ? toupper((unsigned char)*name) : *name);
        up = *name == '_';
    }
    out[n] = 0;
    return out;
}

static const char *suffix(enum plm_type_group group)
{
    static const char *const names[] = {"", "Request", "Reply", "Event"};
    return names[group];
}

#define FOR_EACH_FIELD(f, type) for (const struct plm_field_desc *f = (type)->fields(); f->name; f++)

/* ---- TypeScript ---- */

static void ts_doc(FILE *out, const char *indent, const char *doc)
{
    if (*doc)
        fprintf(out, "%s/** %s */\n", indent, doc);
}

static void ts_type(FILE *out, const struct plm_field_desc *f)
{
    switch (f->kind) {
    case PLM_FIELD_TEXT:
    case PLM_FIELD_LINES:
    case PLM_FIELD_TOKEN:
    case PLM_FIELD_SDP:
        fputs("string", out);
        break;
    case PLM_FIELD_UINT:
    case PLM_FIELD_TIME:
        fputs("number", out);
        break;
    case PLM_FIELD_BOOL:
        fputs("boolean", out);
        break;
    case PLM_FIELD_CHOICE:
        fputs(camel(f->choice->name), out);
        break;
    case PLM_FIELD_STRUCT:
        fputs(camel(f->object->name), out);
        break;
    case PLM_FIELD_LIST:
        fprintf(out, "%s[]", camel(f->object->name));
        break;
    case PLM_FIELD_UINTS:
        fputs("number[]", out);
        break;
    }
}

static void ts_interface(FILE *out, const struct plm_type_desc *t)
{
    ts_doc(out, "", t->doc);
    fprintf(out, "export interface %s%s {\n", camel(t->name), suffix(t->group));
    if (t->group != PLM_GROUP_OBJECT)
        fprintf(out, "  type: \"%s\";\n", t->name);
    if (t->group == PLM_GROUP_REQUEST)
        fputs("  id: number;\n", out);
    if (t->group == PLM_GROUP_REPLY)
        fputs(strcmp(t->name, "error")
                  ? "  id: number;\n"
                  : "  /** absent when the message could not be read */\n  id?: number;\n",
            out);
    FOR_EACH_FIELD (f, t) {
        ts_doc(out, "  ", f->doc);
        fprintf(out, "  %s%s: ", f->name, f->optional ? "?" : "");
        ts_type(out, f);
        fputs(";\n", out);
    }
    fputs("}\n\n", out);
}

static void ts_union(FILE *out, const char *name, const char *doc, enum plm_type_group group)
{
    ts_doc(out, "", doc);
    fprintf(out, "export type %s =", name);
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++)
        if (plm_proto_messages[i]->group == group)
            fprintf(out, "\n  | %s%s", camel(plm_proto_messages[i]->name), suffix(group));
    fputs(";\n\n", out);
}

static bool has_text(const struct plm_type_desc *t)
{
    FOR_EACH_FIELD (f, t)
        if (f->kind <= PLM_FIELD_SDP)
            return true;
    return false;
}

static void ts_limits(FILE *out)
{
    fputs("/** Greatest lengths of the texts of requests, in octets of UTF-8, as the server checks them. */\n"
          "export const TEXT_LIMITS = {\n",
        out);
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++) {
        const char *separator = "";
        if (plm_proto_messages[i]->group != PLM_GROUP_REQUEST || !has_text(plm_proto_messages[i]))
            continue;
        fprintf(out, "  %s: { ", plm_proto_messages[i]->name);
        FOR_EACH_FIELD (f, plm_proto_messages[i]) {
            if (f->kind <= PLM_FIELD_SDP) {
                fprintf(out, "%s%s: %" PRIu64, separator, f->name, f->limit);
                separator = ", ";
            }
        }
        fputs(" },\n", out);
    }
    fputs("} as const;\n", out);
}

static void ts_people_page(FILE *out)
{
    fputs("\n/** So many people are on one list; who gets as many has to ask for more. */\n", out);
    FOR_EACH_FIELD (f, plm_proto_messages[PLM_MSG_people_page])
        if (!strcmp(f->name, "participants"))
            fprintf(out, "export const PEOPLE_PAGE = %" PRIu64 ";\n", f->limit);
}

static void write_typescript(FILE *out)
{
    fputs("// Made by plm-protogen from signaling/messages.def. Do not edit.\n\n"
          "/** The WebSocket subprotocol. */\nexport const PROTOCOL = \"" PLM_PROTOCOL "\";\n\n",
        out);
    for (unsigned i = 0; plm_proto_choices[i]; i++) {
        const struct plm_choice_desc *c = plm_proto_choices[i];
        ts_doc(out, "", c->doc);
        fprintf(out, "export type %s =", camel(c->name));
        for (unsigned v = 0; v < c->n_values; v++)
            fprintf(out, "\n  /** %s */\n  | \"%s\"", c->values[v].doc, c->values[v].name);
        fputs(";\n\n", out);
    }
    for (unsigned i = 0; plm_proto_objects[i]; i++)
        ts_interface(out, plm_proto_objects[i]);
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++)
        ts_interface(out, plm_proto_messages[i]);
    ts_union(out, "ClientRequest", "Client to server; each is answered by its reply or by an error.",
        PLM_GROUP_REQUEST);
    ts_union(out, "ServerReply", "Server to client, with the request's id.", PLM_GROUP_REPLY);
    ts_union(out, "ServerEvent", "Server to client, unasked.", PLM_GROUP_EVENT);
    fputs("export type ServerMessage = ServerReply | ServerEvent;\n\n"
          "/** Which reply a request gets when it is not refused. */\nexport interface RequestReply {\n",
        out);
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++)
        if (plm_proto_messages[i]->group == PLM_GROUP_REQUEST)
            fprintf(
                out, "  %s: %sReply;\n", plm_proto_messages[i]->name, camel(plm_proto_messages[i]->reply));
    fputs("}\n\n"
          "/** What a caller fills in: the request without its type and id. */\n"
          "export type RequestFields<T extends ClientRequest[\"type\"]> = Omit<Extract<ClientRequest, { "
          "type: T }>, \"type\" | \"id\">;\n\n",
        out);
    ts_limits(out);
    ts_people_page(out);
}

/* ---- JSON Schema (2020-12) ---- */

/* Our own texts: quotes are all that can need escaping. */
static void json_text(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

static void schema_kind(FILE *out, const struct plm_field_desc *f)
{
    switch (f->kind) {
    case PLM_FIELD_TEXT:
    case PLM_FIELD_LINES:
    case PLM_FIELD_SDP:
        fprintf(out, "\"type\": \"string\", \"maxLength\": %" PRIu64, f->limit);
        break;
    case PLM_FIELD_TOKEN:
        fprintf(out, "\"type\": \"string\", \"maxLength\": %" PRIu64 ", \"pattern\": \"^[0-9A-Za-z_.-]+$\"",
            f->limit);
        break;
    case PLM_FIELD_UINT:
        fprintf(out, "\"type\": \"integer\", \"minimum\": 0, \"maximum\": %" PRIu64, f->limit);
        break;
    case PLM_FIELD_TIME:
        fputs("\"type\": \"integer\", \"minimum\": 0", out);
        break;
    case PLM_FIELD_BOOL:
        fputs("\"type\": \"boolean\"", out);
        break;
    case PLM_FIELD_CHOICE:
        fprintf(out, "\"$ref\": \"#/$defs/%s\"", f->choice->name);
        break;
    case PLM_FIELD_STRUCT:
        fprintf(out, "\"$ref\": \"#/$defs/%s\"", f->object->name);
        break;
    case PLM_FIELD_LIST:
        fprintf(out, "\"type\": \"array\", \"maxItems\": %" PRIu64 ", \"items\": {\"$ref\": \"#/$defs/%s\"}",
            f->limit, f->object->name);
        break;
    case PLM_FIELD_UINTS:
        fprintf(out,
            "\"type\": \"array\", \"maxItems\": %" PRIu64
            ", \"items\": {\"type\": \"integer\", \"minimum\": 0}",
            f->limit);
        break;
    }
}

/* Requests are closed; what the server sends may grow in later versions, so clients leave unknown fields alone. */
static void schema_type(FILE *out, const struct plm_type_desc *t, bool closed)
{
    bool id_required =
        t->group == PLM_GROUP_REQUEST || (t->group == PLM_GROUP_REPLY && strcmp(t->name, "error") != 0);
    const char *separator = "";
    fprintf(out, "    \"%s%s\": {\n      \"description\": ", t->name,
        t->group == PLM_GROUP_OBJECT ? "" : suffix(t->group));
    json_text(out, t->doc);
    fputs(",\n      \"type\": \"object\",\n      \"properties\": {", out);
    if (t->group != PLM_GROUP_OBJECT) {
        fprintf(out, "\n        \"type\": {\"const\": \"%s\"}", t->name);
        separator = ",";
    }
    if (t->group == PLM_GROUP_REQUEST || t->group == PLM_GROUP_REPLY)
        fputs(",\n        \"id\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 4294967295}", out);
    FOR_EACH_FIELD (f, t) {
        fprintf(out, "%s\n        \"%s\": {", separator, f->name);
        schema_kind(out, f);
        if (*f->doc) {
            fputs(", \"description\": ", out);
            json_text(out, f->doc);
        }
        fputc('}', out);
        separator = ",";
    }
    fputs("\n      },\n      \"required\": [", out);
    separator = "";
    if (t->group != PLM_GROUP_OBJECT) {
        fputs(id_required ? "\"type\", \"id\"" : "\"type\"", out);
        separator = ", ";
    }
    FOR_EACH_FIELD (f, t) {
        if (f->optional)
            continue;
        fprintf(out, "%s\"%s\"", separator, f->name);
        separator = ", ";
    }
    fprintf(out, "]%s\n    }", closed ? ",\n      \"additionalProperties\": false" : "");
}

static bool used_by_requests(const struct plm_type_desc *object)
{
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++) {
        if (plm_proto_messages[i]->group != PLM_GROUP_REQUEST)
            continue;
        FOR_EACH_FIELD (f, plm_proto_messages[i])
            if (f->object == object)
                return true;
    }
    return false;
}

static void schema_union(FILE *out, const char *name, enum plm_type_group group)
{
    const char *separator = "";
    fprintf(out, "    \"%s\": {\"oneOf\": [", name);
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++) {
        if (plm_proto_messages[i]->group != group)
            continue;
        fprintf(out, "%s\n      {\"$ref\": \"#/$defs/%s%s\"}", separator, plm_proto_messages[i]->name,
            suffix(group));
        separator = ",";
    }
    fputs("\n    ]}", out);
}

static void write_schema(FILE *out)
{
    fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
          "  \"$id\": \"urn:plenum:" PLM_PROTOCOL "\",\n"
          "  \"title\": \"" PLM_PROTOCOL "\",\n"
          "  \"description\": \"Made by plm-protogen from signaling/messages.def. maxLength stands for "
          "octets of UTF-8, "
          "which the server counts.\",\n"
          "  \"oneOf\": [{\"$ref\": \"#/$defs/client\"}, {\"$ref\": \"#/$defs/server\"}],\n  \"$defs\": {\n"
          "    \"client\": {\"$ref\": \"#/$defs/requests\"},\n"
          "    \"server\": {\"oneOf\": [{\"$ref\": \"#/$defs/replies\"}, {\"$ref\": \"#/$defs/events\"}]},\n",
        out);
    schema_union(out, "requests", PLM_GROUP_REQUEST);
    fputs(",\n", out);
    schema_union(out, "replies", PLM_GROUP_REPLY);
    fputs(",\n", out);
    schema_union(out, "events", PLM_GROUP_EVENT);
    for (unsigned i = 0; plm_proto_choices[i]; i++) {
        const struct plm_choice_desc *c = plm_proto_choices[i];
        fprintf(out, ",\n    \"%s\": {\"description\": ", c->name);
        json_text(out, c->doc);
        fputs(", \"enum\": [", out);
        for (unsigned v = 0; v < c->n_values; v++)
            fprintf(out, "%s\"%s\"", v ? ", " : "", c->values[v].name);
        fputs("]}", out);
    }
    for (unsigned i = 0; plm_proto_objects[i]; i++) {
        fputs(",\n", out);
        schema_type(out, plm_proto_objects[i], used_by_requests(plm_proto_objects[i]));
    }
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++) {
        fputs(",\n", out);
        schema_type(out, plm_proto_messages[i], plm_proto_messages[i]->group == PLM_GROUP_REQUEST);
    }
    fputs("\n  }\n}\n", out);
}

/* ---- PROTOCOL.md ---- */

/* Values for the examples, by the field's name. */
static const char *example_text(const struct plm_field_desc *f)
{
    static const struct {
        const char *field, *text;
    } known[] = {
        {"room", "standup"},
        {"name", "Ada"},
        {"secret", "5f1c0d3a9b7e48d2a6c4f08e1d2b3c4a"},
        {"mid", "0"},
        {"text", "Good morning!"},
        {"message", "names need 1 to 128 octets"},
        {"field", "name"},
        {"url", "turn:turn.example.org:3478?transport=udp"},
        {"username", "1764000000:7"},
        {"credential", "yXbP0…"},
        {"sdp", "v=0\\r\\n…"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i].field, f->name))
            return known[i].text;
    return "text";
}

static unsigned example_number(const struct plm_field_desc *f)
{
    static const struct {
        const char *field;
        unsigned number;
    } known[] = {
        {"id", 3},
        {"participant", 3},
        {"from", 3},
        {"grace_seconds", 30},
        {"number", 12},
        {"pairs", 9},
        {"audio_only", 3},
        {"screens", 1},
        {"width", 1280},
        {"height", 720},
        {"priority", 10},
        {"pair", 0},
        {"first_ts", 2873651},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i].field, f->name))
            return known[i].number;
    return 1;
}

static void example_fields(FILE *out, const struct plm_type_desc *t, const char *separator);

static void example_object(FILE *out, const struct plm_type_desc *t)
{
    fputc('{', out);
    example_fields(out, t, "");
    fputc('}', out);
}

static void example_value(FILE *out, const struct plm_field_desc *f)
{
    switch (f->kind) {
    case PLM_FIELD_TEXT:
    case PLM_FIELD_LINES:
    case PLM_FIELD_TOKEN:
    case PLM_FIELD_SDP:
        fprintf(out, "\"%s\"", example_text(f));
        break;
    case PLM_FIELD_UINT:
        fprintf(out, "%u", example_number(f));
        break;
    case PLM_FIELD_TIME:
        fputs("1764000000000", out);
        break;
    case PLM_FIELD_BOOL:
        fputs(f->optional || !strcmp(f->name, "video") ? "true" : "false", out);
        break;
    case PLM_FIELD_CHOICE:
        fprintf(out, "\"%s\"", f->choice->values[0].name);
        break;
    case PLM_FIELD_STRUCT:
        example_object(out, f->object);
        break;
    case PLM_FIELD_LIST:
        fputc('[', out);
        example_object(out, f->object);
        fputc(']', out);
        break;
    case PLM_FIELD_UINTS:
        fputs("[0, 1]", out);
        break;
    }
}

static void example_fields(FILE *out, const struct plm_type_desc *t, const char *separator)
{
    FOR_EACH_FIELD (f, t) {
        fprintf(out, "%s\"%s\": ", separator, f->name);
        example_value(out, f);
        separator = ", ";
    }
}

static void md_kind(FILE *out, const struct plm_field_desc *f)
{
    switch (f->kind) {
    case PLM_FIELD_TEXT:
        fprintf(out, "text, at most %" PRIu64 " octets", f->limit);
        break;
    case PLM_FIELD_LINES:
        fprintf(out, "lines of text, at most %" PRIu64 " octets", f->limit);
        break;
    case PLM_FIELD_TOKEN:
        fprintf(out, "token, at most %" PRIu64 " octets", f->limit);
        break;
    case PLM_FIELD_SDP:
        fprintf(out, "SDP, at most %" PRIu64 " octets", f->limit);
        break;
    case PLM_FIELD_UINT:
        fprintf(out, "number, 0 to %" PRIu64, f->limit);
        break;
    case PLM_FIELD_TIME:
        fputs("time, ms since 1970 (UTC)", out);
        break;
    case PLM_FIELD_BOOL:
        fputs("true or false", out);
        break;
    case PLM_FIELD_CHOICE:
        fprintf(out, "[%s](#%s)", f->choice->name, f->choice->name);
        break;
    case PLM_FIELD_STRUCT:
        fprintf(out, "[%s](#%s)", f->object->name, f->object->name);
        break;
    case PLM_FIELD_LIST:
        fprintf(out, "list of at most %" PRIu64 " [%s](#%s)", f->limit, f->object->name, f->object->name);
        break;
    case PLM_FIELD_UINTS:
        fprintf(out, "list of at most %" PRIu64 " numbers", f->limit);
        break;
    }
}

static void md_type(FILE *out, const struct plm_type_desc *t)
{
    fprintf(out, "\n### %s\n%s\n", t->name, t->doc);
    if (t->reply)
        fprintf(out, "Reply: [%s](#%s).\n", t->reply, t->reply);
    if (t->fields()->name) {
        fputs("\n| field | kind | |\n|---|---|---|\n", out);
        FOR_EACH_FIELD (f, t) {
            fprintf(out, "| `%s`%s | ", f->name, f->optional ? " (optional)" : "");
            md_kind(out, f);
            fprintf(out, " | %s |\n", f->doc);
        }
    }
    if (t->group == PLM_GROUP_OBJECT)
        return;
    fprintf(out, "\n```json\n{\"type\": \"%s\"", t->name);
    if (t->group != PLM_GROUP_EVENT)
        fputs(", \"id\": 7", out);
    example_fields(out, t, ", ");
    fputs("}\n```\n", out);
}

static int write_reference(FILE *out, const char *source)
{
    char path[4096], line[4096];
    snprintf(path, sizeof path, "%s/signaling/protocol_intro.md", source);
    FILE *intro = fopen(path, "r");
    if (!intro)
        return -1;
    while (fgets(line, sizeof line, intro))
        fputs(line, out);
    fclose(intro);
    static const char *const titles[] = {"Objects", "Requests", "Replies", "Events"};
    for (int group = PLM_GROUP_REQUEST; group <= PLM_GROUP_EVENT; group++) {
        fprintf(out, "\n## %s\n", titles[group]);
        for (unsigned i = 1; i < PLM_MSG_COUNT; i++)
            if ((int)plm_proto_messages[i]->group == group)
                md_type(out, plm_proto_messages[i]);
    }
    fputs("\n## Objects\n", out);
    for (unsigned i = 0; plm_proto_objects[i]; i++)
        md_type(out, plm_proto_objects[i]);
    fputs("\n## Choices\n", out);
    for (unsigned i = 0; plm_proto_choices[i]; i++) {
        const struct plm_choice_desc *c = plm_proto_choices[i];
        fprintf(out, "\n### %s\n%s\n\n", c->name, c->doc);
        for (unsigned v = 0; v < c->n_values; v++)
            fprintf(out, "- `%s`: %s\n", c->values[v].name, c->values[v].doc);
    }
    return 0;
}

/* ---- files ---- */

static int save(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    bool good = f && fwrite(text, 1, len, f) == len;
    if (f && fclose(f))
        good = false;
    if (!good)
        fprintf(stderr, "plm-protogen: cannot write %s\n", path);
    return good ? 0 : 1;
}

static int compare(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "r");
    bool same = f != NULL;
    for (size_t i = 0; same && i < len; i++)
        same = fgetc(f) == (unsigned char)text[i];
    same = same && fgetc(f) == EOF;
    if (f)
        fclose(f);
    if (!same)
        fprintf(stderr,
            "plm-protogen: %s is not what signaling/messages.def says; run plm-protogen --write\n", path);
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const char *const files[] = {
        "signaling/PROTOCOL.md", "signaling/schema/plenum.v1.json", "web/sdk/src/protocol.ts"};
    bool check = argc == 3 && !strcmp(argv[1], "--check");
    if (!check && (argc != 3 || strcmp(argv[1], "--write") != 0)) {
        fputs("usage: plm-protogen --write|--check <source directory>\n", stderr);
        return 2;
    }
    int status = 0;
    for (unsigned i = 0; i < 3; i++) {
        char path[4096];
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        if (!out)
            return 2;
        if (i == 0 && write_reference(out, argv[2]))
            status = 1;
        if (i == 1)
            write_schema(out);
        if (i == 2)
            write_typescript(out);
        if (fclose(out))
            status = 1;
        snprintf(path, sizeof path, "%s/%s", argv[2], files[i]);
        status |= check ? compare(path, text, len) : save(path, text, len);
        free(text);
    }
    return status;
}
