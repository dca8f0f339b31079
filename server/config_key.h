/*
 * Inside the configuration: its keys, and the conversion of one value between text and struct plm_config.
 */
#ifndef PLM_SERVER_CONFIG_KEY_H
#define PLM_SERVER_CONFIG_KEY_H

#include "config.h"

enum plm_config_kind {
    PLM_CFG_ADDRS = 0, /**< struct plm_config_addrs */
    PLM_CFG_NETS,      /**< struct plm_config_nets */
    PLM_CFG_ORIGINS,   /**< struct plm_config_texts */
    PLM_CFG_CODECS,    /**< struct plm_config_codecs */
    PLM_CFG_SERVERS,   /**< struct plm_config_servers */
    PLM_CFG_TEXT,      /**< char * */
    PLM_CFG_SECRET,    /**< char *, never printed */
    PLM_CFG_UINT,      /**< unsigned, min..max */
    PLM_CFG_BOOL,      /**< bool */
    PLM_CFG_CHOICE,    /**< int, index into choices */
};

struct plm_config_key {
    const char
        *path; /**< "rtc.limits.rooms"; keys of one section stand together, a subsection's among them */
    enum plm_config_kind kind;
    size_t offset;     /**< in struct plm_config */
    unsigned min, max; /**< of addresses min is 1 where each needs a port */
    const char *def;   /**< default, lists separated by commas; NULL: not set */
    const char *const *choices;
};

/** The table. */
extern const struct plm_config_key plm_config_keys[];
extern const size_t plm_config_n_keys;

/** One entry of ice.servers as it stands in a file. */
struct plm_config_raw_server {
    char *url, *username, *credential;
};

/** A value as it stands in a file or variable: a scalar, or a list of them. Nothing here is owned. */
struct plm_config_raw {
    const char *scalar;
    size_t n;
    const char *const *list;
    const struct plm_config_raw_server *servers; /**< PLM_CFG_SERVERS from a file, n of them */
};

bool plm_config_kind_is_list(enum plm_config_kind kind);

/**
 * Replace the value of a key. On error the configuration keeps what it had, and err says which part of the value and why:
 * "[1]: not an address: …" or ": 99 is not within 1..32"; the caller puts the path before it.
 * @return 0, PLM_EINVAL, PLM_ENOMEM
 */
int plm_config_set(struct plm_config *config, const struct plm_config_key *key,
    const struct plm_config_raw *raw, char *err, size_t err_size);
/** The same from one text in which commas separate the elements of a list. */
int plm_config_set_text(struct plm_config *config, const struct plm_config_key *key, const char *text,
    char *err, size_t err_size);
/** Free what the value owns and zero it. */
void plm_config_clear(struct plm_config *config, const struct plm_config_key *key);

/** Read a text's or a file's keys into config (config_yaml.c, the one file that knows libcyaml). Errors as plm_config_load. */
int plm_config_parse_yaml(
    struct plm_config *config, const char *file, const char *text, size_t len, char *err, size_t err_size);
int plm_config_read_yaml(struct plm_config *config, const char *file, char *err, size_t err_size);

#endif
