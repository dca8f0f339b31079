/*
 * The configuration's file, read by libcyaml. The schema is made from the table of keys, so that a key exists in one place; all
 * scalars are read as texts and converted where those of the environment are.
 *
 * libcyaml tells where an error lies only in its log, as a backtrace from the inside out: the path is built from that.
 */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_key.h"

#define MAX_FILE   (1024 * 1024)
#define MAX_FIELDS 256
#define MAX_NAMES  64
#define MAX_DEPTH  8

/** What libcyaml fills for one key. */
struct slot {
    char *scalar;
    void *list; /**< char ** or struct plm_config_raw_server * */
    uint32_t n;
};

struct schema {
    cyaml_schema_value_t top;
    size_t n_fields, n_names;
    cyaml_schema_field_t fields[MAX_FIELDS];
    char names[MAX_NAMES][32];
};

static const cyaml_schema_value_t text_entry = {
    .type = CYAML_STRING, .flags = CYAML_FLAG_POINTER, .data_size = 1, .string = {0, CYAML_UNLIMITED}};

#define SERVER_TEXT(name, optional)                                                                          \
    {                                                                                                        \
        .key = #name, .data_offset = offsetof(struct plm_config_raw_server, name), .value = {                \
            .type = CYAML_STRING,                                                                            \
            .flags = CYAML_FLAG_POINTER | (optional),                                                        \
            .data_size = 1,                                                                                  \
            .string = {0, CYAML_UNLIMITED}                                                                   \
        }                                                                                                    \
    }

static const cyaml_schema_field_t server_fields[] = {
    SERVER_TEXT(url, 0),
    SERVER_TEXT(username, CYAML_FLAG_OPTIONAL),
    SERVER_TEXT(credential, CYAML_FLAG_OPTIONAL),
    {.key = NULL},
};

static const cyaml_schema_value_t server_entry = {
    .type = CYAML_MAPPING, .data_size = sizeof(struct plm_config_raw_server), .mapping = {server_fields}};

static void make_leaf(cyaml_schema_field_t *f, const struct plm_config_key *key, const char *name, size_t at)
{
    f->key = name;
    if (!plm_config_kind_is_list(key->kind)) {
        f->data_offset = (uint32_t)(at + offsetof(struct slot, scalar));
        f->value = (cyaml_schema_value_t){.type = CYAML_STRING,
            .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
            .data_size = 1,
            .string = {0, CYAML_UNLIMITED}};
        return;
    }
    bool servers = key->kind == PLM_CFG_SERVERS;
    /* libcyaml leaves an empty list as it leaves one that is not there: where that would mean the default, it is refused. */
    uint32_t min = key->def && *key->def;
    f->data_offset = (uint32_t)(at + offsetof(struct slot, list));
    f->count_offset = (uint32_t)(at + offsetof(struct slot, n));
    f->count_size = sizeof(uint32_t);
    f->value = (cyaml_schema_value_t){.type = CYAML_SEQUENCE,
        .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
        .data_size = servers ? sizeof(struct plm_config_raw_server) : sizeof(char *),
        .sequence = {servers ? &server_entry : &text_entry, min, 1024}};
}

/* How many keys from first on begin with the same len octets. */
static size_t run_of(size_t first, size_t end, size_t len)
{
    size_t n = 1;
    while (first + n < end && !strncmp(plm_config_keys[first].path, plm_config_keys[first + n].path, len))
        n++;
    return n;
}

/* The fields of the mapping that holds keys first..end-1, whose paths share a prefix of len octets. */
static const cyaml_schema_field_t *make_fields(struct schema *s, size_t first, size_t end, size_t len)
{
    size_t count = 0;
    for (size_t i = first; i < end; count++) {
        const char *dot = strchr(plm_config_keys[i].path + len, '.');
        i += dot ? run_of(i, end, (size_t)(dot + 1 - plm_config_keys[i].path)) : 1;
    }
    if (s->n_fields + count + 1 > MAX_FIELDS)
        return NULL;
    cyaml_schema_field_t *fields = &s->fields[s->n_fields], *f = fields;
    s->n_fields += count + 1;

    for (size_t i = first; i < end; f++) {
        const char *path = plm_config_keys[i].path, *dot = strchr(path + len, '.');
        size_t at = (i - first) * sizeof(struct slot);
        if (!dot) {
            make_leaf(f, &plm_config_keys[i], path + len, at);
            i++;
            continue;
        }
        size_t inner = (size_t)(dot + 1 - path), n = run_of(i, end, inner);
        if (s->n_names == MAX_NAMES || inner - len > sizeof(s->names[0]))
            return NULL;
        f->key = memcpy(s->names[s->n_names++], path + len, inner - len - 1);
        f->data_offset = (uint32_t)at;
        f->value = (cyaml_schema_value_t){.type = CYAML_MAPPING,
            .flags = CYAML_FLAG_OPTIONAL,
            .data_size = (uint32_t)(n * sizeof(struct slot)),
            .mapping = {make_fields(s, i, i + n, inner)}};
        if (!f->value.mapping.fields)
            return NULL;
        i += n;
    }
    return fields;
}

static struct schema *make_schema(void)
{
    struct schema *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->top = (cyaml_schema_value_t){.type = CYAML_MAPPING,
        .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
        .data_size = (uint32_t)(plm_config_n_keys * sizeof(struct slot)),
        .mapping = {make_fields(s, 0, plm_config_n_keys, 0)}};
    if (s->top.mapping.fields)
        return s;
    free(s);
    return NULL;
}

/** What libcyaml's log said. */
struct trace {
    char reason[256];
    char parts[MAX_DEPTH][64]; /**< from the inside out: "listen" or "[0]" */
    size_t n_parts;
    unsigned line;
    bool more_documents;
};

static void add_part(struct trace *t, const char *text)
{
    unsigned line, entry;
    char name[48];
    bool known = false;

    if (t->n_parts < MAX_DEPTH && sscanf(text, "  in mapping field '%47[^']' (line: %u", name, &line) == 2) {
        snprintf(t->parts[t->n_parts++], sizeof(t->parts[0]), "%s", name);
        known = true;
    } else if (t->n_parts < MAX_DEPTH &&
               sscanf(text, "  in sequence entry '%u' (line: %u", &entry, &line) == 2) {
        /* libcyaml counts the entry before it reads it: 0 speaks of the list itself. */
        if (entry)
            snprintf(t->parts[t->n_parts++], sizeof(t->parts[0]), "[%u]", entry - 1);
        known = true;
    } else if (sscanf(text, "  in mapping (line: %u", &line) == 1) {
        known = true;
    }
    if (known && !t->line)
        t->line = line;
}

static void on_log(cyaml_log_t level, void *ctx, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void on_log(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    static const char prefix[] = "Load: ";
    struct trace *t = ctx;
    char text[256];

    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = 0;
    if (level == CYAML_LOG_WARNING && strstr(text, "documents after first"))
        t->more_documents = true;
    if (level < CYAML_LOG_ERROR)
        return;
    const char *s = strncmp(text, prefix, sizeof(prefix) - 1) ? text : text + sizeof(prefix) - 1;
    if (!strncmp(s, "  in ", 5))
        add_part(t, s);
    else if (!*t->reason && strcmp(s, "Backtrace:") != 0)
        snprintf(t->reason, sizeof(t->reason), "%s", strncmp(s, "libyaml: ", 9) ? s : s + 9);
}

static void write_path(const struct trace *t, char *path, size_t size)
{
    /* Of a key that is missing, libcyaml names the mapping by the key that it read last there. */
    bool missing = !strncmp(t->reason, "Missing", 7) && t->n_parts && t->parts[0][0] != '[';
    size_t used = 0;

    path[0] = 0;
    for (size_t i = t->n_parts; i-- > missing && used < size;) {
        bool dot = used && t->parts[i][0] != '[';
        used += (size_t)snprintf(path + used, size - used, "%s%s", dot ? "." : "", t->parts[i]);
    }
}

/* libcyaml's sentence in the words of the reader. A name at its end belongs to the path. */
static void explain(const struct trace *t, const char *file, const char *error, char *err, size_t err_size)
{
    static const struct {
        const char *begin, *say;
        bool names_key;
    } words[] = {
        {"Unexpected key: ", "no such key", true},
        {"Missing required mapping field: ", "missing", true},
        {"Mapping field already seen: ", "given twice", false},
        {"Expecting SEQUENCE", "a list is expected, for example [a, b]", false},
        {"Insufficient entries", "needs an entry", false},
        {"Expecting MAPPING", "a section with keys is expected", false},
        {"Expecting STRING", "one value is expected", false},
    };
    char path[256];
    const char *say = *t->reason ? t->reason : error, *key = "";

    write_path(t, path, sizeof(path));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i].begin);
        if (strncmp(t->reason, words[i].begin, len) != 0)
            continue;
        say = words[i].say;
        key = words[i].names_key ? t->reason + len : "";
    }
    snprintf(err, err_size, "%s:%u: %s%s%.64s%s%s", file, t->line ? t->line : 1, path,
        *path && *key ? "." : "", key, *path || *key ? ": " : "", say);
}

static int read_file(const char *file, char **out, size_t *out_len, char *err, size_t err_size)
{
    int rc = 0;
    FILE *f = fopen(file, "re");
    char *text = f ? malloc(MAX_FILE + 1) : NULL;
    size_t len = text ? fread(text, 1, MAX_FILE + 1, f) : 0;

    if (!f || !text || ferror(f)) {
        rc = errno ? -errno : PLM_ENOMEM;
        snprintf(err, err_size, "%s: %s", file, plm_strerror(rc));
    } else if (len > MAX_FILE) {
        rc = PLM_EINVAL;
        snprintf(err, err_size, "%s: longer than 1 MiB", file);
    }
    if (f)
        fclose(f);
    if (rc) {
        free(text);
        return rc;
    }
    *out = text;
    *out_len = len;
    return 0;
}

static int take_slots(
    struct plm_config *config, const struct slot *slots, const char *file, char *err, size_t err_size)
{
    char why[256];

    for (size_t i = 0; i < plm_config_n_keys; i++) {
        const struct plm_config_key *key = &plm_config_keys[i];
        const struct slot *s = &slots[i];
        struct plm_config_raw raw = {.scalar = s->scalar, .n = s->n};
        if (!s->scalar && !s->list)
            continue;
        if (key->kind == PLM_CFG_SERVERS)
            raw.servers = s->list;
        else
            raw.list = s->list;
        int rc = plm_config_set(config, key, &raw, why, sizeof(why));
        if (rc) {
            snprintf(err, err_size, "%s: %s%s", file, key->path, why);
            return rc;
        }
    }
    return 0;
}

int plm_config_parse_yaml(
    struct plm_config *config, const char *file, const char *text, size_t len, char *err, size_t err_size)
{
    struct trace trace = {.line = 0};
    cyaml_config_t setup = {.log_fn = on_log,
        .log_ctx = &trace,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_WARNING,
        .flags = CYAML_CFG_DEFAULT};
    struct slot *slots = NULL;
    struct schema *schema;

    if (len && memchr(text, 0, len)) {
        snprintf(err, err_size, "%s: not a text file", file);
        return PLM_EINVAL;
    }
    schema = make_schema();
    if (!schema) {
        snprintf(err, err_size, "%s: out of memory", file);
        return PLM_ENOMEM;
    }

    cyaml_err_t error =
        cyaml_load_data((const uint8_t *)text, len, &setup, &schema->top, (cyaml_data_t **)&slots, NULL);
    int rc = 0;
    if (error != CYAML_OK) {
        explain(&trace, file, cyaml_strerror(error), err, err_size);
        rc = PLM_EINVAL;
    } else if (trace.more_documents) {
        snprintf(err, err_size, "%s: more than one YAML document", file);
        rc = PLM_EINVAL;
    } else if (slots) {
        rc = take_slots(config, slots, file, err, err_size);
    }
    if (slots)
        cyaml_free(&setup, &schema->top, slots, 0);
    free(schema);
    return rc;
}

int plm_config_read_yaml(struct plm_config *config, const char *file, char *err, size_t err_size)
{
    char *text;
    size_t len;

    int rc = read_file(file, &text, &len, err, err_size);
    if (rc)
        return rc;
    rc = plm_config_parse_yaml(config, file, text, len, err, err_size);
    free(text);
    return rc;
}
