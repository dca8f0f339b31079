/*
 * What is lasting about a room: its rules, its number, its password and whose it is. A record outlives the meetings held in the
 * room; all of them are in memory, kept in the store (store_port.h) and read back at the start.
 */
#ifndef PLM_SIGNALING_SETTINGS_H
#define PLM_SIGNALING_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "plenum/rtp_params.h"

#define PLM_ROOM_NAME_SIZE 129 /**< 128 octets and a NUL */
#define PLM_ROOM_CODE_SIZE 13  /**< "001-0002-003" and a NUL: ten random digits */
/** A password's hash as libsodium writes it (crypto_pwhash_STRBYTES), with the NUL. */
#define PLM_HASH_SIZE 128
#define PLM_KEY_DIGEST_SIZE 65 /**< SHA-256 of a random key as hex: a key of 128 bits needs no slow hash */

/** Rules that a moderator or the API may change. */
struct plm_room_settings {
    char title[PLM_ROOM_NAME_SIZE]; /**< empty: the name */
    bool lobby, locked, organised;
    uint32_t max_participants; /**< 0: what the server allows */
    uint32_t max_minutes;      /**< 0: no limit */
    bool start_muted, start_camera_off;
    bool may_speak, may_show, may_share, may_chat, may_whisper; /**< speakers too, else moderators only */
    bool sounds;
    bool may_record, auto_record;
};

/** Defaults: everything is permitted, nobody waits. */
void plm_room_settings_default(struct plm_room_settings *s);

/** A known room. Owned by the hub. */
struct plm_room_record {
    char key[PLM_ROOM_NAME_SIZE];  /**< the name, A-Z folded: what rooms are told apart by */
    char name[PLM_ROOM_NAME_SIZE]; /**< as it was first written */
    char code[PLM_ROOM_CODE_SIZE];
    struct plm_room_settings settings;
    char password_hash[PLM_HASH_SIZE];      /**< empty: none */
    char owner_digest[PLM_KEY_DIGEST_SIZE]; /**< of the owner's key; empty: nobody's */
    enum plm_codec codecs[PLM_CODEC_COUNT]; /**< PLM_CODEC_NONE first: those of the server */
    bool lasting;                           /**< made by the API, or owned: never forgotten by itself */
    uint64_t created_at, used_at;           /**< ms since 1970 */
};

#endif
