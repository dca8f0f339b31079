/*
 * The configuration as YAML, made from the table of keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_key.h"
#include "text.h"

/* Double-quoted YAML. Beyond ASCII everything is escaped: some of it ends lines there, or may not stand in a text. */
static void print_quoted(FILE *f, const char *s)
{
    size_t left = strlen(s);

    fputc('"', f);
    while (left) {
        uint32_t code = (unsigned char)*s;
        size_t n = plm_text_next(s, left, &code);
        if (code >= 0x20 && code < 0x7f)
            fprintf(f, code == '"' || code == '\\' ? "\\%c" : "%c", (int)code);
        else
            fprintf(f, "\\U%08x", (unsigned)code);
        s += n ? n : 1;
        left -= n ? n : 1;
    }
    fputc('"', f);
}

static void print_addrs(FILE *f, const struct plm_config_addrs *addrs)
{
    char text[PLM_ADDR_TEXT];
    for (size_t i = 0; i < addrs->n; i++)
        fprintf(f, "%s\"%s\"", i ? ", " : "", plm_addr_format(&addrs->addr[i], text, sizeof(text)));
}

static void print_nets(FILE *f, const struct plm_config_nets *nets)
{
    char text[PLM_SOURCE_NET];
    for (size_t i = 0; i < nets->n; i++)
        fprintf(f, "%s\"%s\"", i ? ", " : "", plm_source_net_format(&nets->net[i], text, sizeof(text)));
}

static void print_texts(FILE *f, const struct plm_config_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++) {
        fputs(i ? ", " : "", f);
        print_quoted(f, texts->text[i]);
    }
}

static void print_codecs(FILE *f, const struct plm_config_codecs *codecs)
{
    for (size_t i = 0; i < codecs->n; i++)
        fprintf(f, "%s%s", i ? ", " : "", plm_codec_name(codecs->codec[i]));
}

static void print_servers(FILE *f, const struct plm_config_servers *servers)
{
    for (size_t i = 0; i < servers->n; i++) {
        const struct plm_config_server *s = &servers->server[i];
        fputs(i ? ", {url: " : "{url: ", f);
        print_quoted(f, s->url);
        if (s->username) {
            fputs(", username: ", f);
            print_quoted(f, s->username);
            fputs(", credential: \"(set, not shown)\"", f);
        }
        fputc('}', f);
    }
}

static void print_list(FILE *f, const struct plm_config_key *key, const void *place)
{
    fputc('[', f);
    if (key->kind == PLM_CFG_ADDRS)
        print_addrs(f, place);
    else if (key->kind == PLM_CFG_NETS)
        print_nets(f, place);
    else if (key->kind == PLM_CFG_ORIGINS)
        print_texts(f, place);
    else if (key->kind == PLM_CFG_CODECS)
        print_codecs(f, place);
    else
        print_servers(f, place);
    fputc(']', f);
}

static bool is_set(const struct plm_config_key *key, const void *place)
{
    if (key->kind == PLM_CFG_TEXT || key->kind == PLM_CFG_SECRET)
        return *(char *const *)place != NULL;
    return key->kind != PLM_CFG_CHOICE || *(const int *)place >= 0;
}

static void print_scalar(FILE *f, const struct plm_config_key *key, const void *place)
{
    if (key->kind == PLM_CFG_TEXT)
        print_quoted(f, *(char *const *)place);
    else if (key->kind == PLM_CFG_UINT)
        fprintf(f, "%u", *(const unsigned *)place);
    else if (key->kind == PLM_CFG_BOOL)
        fputs(*(const bool *)place ? "true" : "false", f);
    else if (key->kind == PLM_CFG_CHOICE)
        fputs(key->choices[*(const int *)place], f);
}

/* Write the section lines that path has and prev had not. @return depth and name of the key itself */
static unsigned print_sections(FILE *f, const char *path, const char *prev, const char **name)
{
    unsigned depth = 0;
    const char *dot;

    for (*name = path; (dot = strchr(*name, '.')); *name = dot + 1, depth++) {
        size_t len = (size_t)(dot + 1 - path);
        if (!prev || strncmp(path, prev, len) != 0)
            fprintf(f, "%*s%.*s:\n", (int)depth * 2, "", (int)(dot - *name), *name);
    }
    return depth;
}

char *plm_config_print(const struct plm_config *config)
{
    char *text = NULL;
    size_t size = 0;
    const char *prev = NULL, *name;

    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    for (size_t i = 0; i < plm_config_n_keys; i++) {
        const struct plm_config_key *key = &plm_config_keys[i];
        const void *place = (const char *)config + key->offset;
        if (!is_set(key, place))
            continue;
        unsigned depth = print_sections(f, key->path, prev, &name);
        prev = key->path;
        if (key->kind == PLM_CFG_SECRET) {
            fprintf(f, "%*s# %s: set, not shown\n", (int)depth * 2, "", name);
            continue;
        }
        fprintf(f, "%*s%s: ", (int)depth * 2, "", name);
        if (plm_config_kind_is_list(key->kind))
            print_list(f, key, place);
        else
            print_scalar(f, key, place);
        fputc('\n', f);
    }
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}
