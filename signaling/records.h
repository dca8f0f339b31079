/*
 * Room records (settings.h): what is lasting about rooms, found by name or by number. A record is made when a name is used for the first
 * time; one that the API made or that has an owner stays, any other is forgotten when it was not used for long, or when there are too
 * many and it is the one unused for longest, those without rules of their own first. For the files of this folder.
 */
#ifndef PLM_SIGNALING_RECORDS_H
#define PLM_SIGNALING_RECORDS_H

#include "state.h"

/** What somebody wrote to say which room they mean: a name, or a number ("001-0002-003"; spaces and dashes do not matter). */
struct plm_room_ref {
    char name[PLM_NAME_SIZE], key[PLM_NAME_SIZE]; /* of a number: "" */
    char code[PLM_ROOM_CODE_SIZE];                /* of a name: "" */
};

/** Ten digits are always a number, never a name. @return 0, or PLM_EINVAL with why */
int plm_room_ref_read(struct plm_room_ref *out, const char *asked, struct plm_refusal *why);
/** NULL: it is not known. */
struct plm_record *plm_record_find(struct plm_hub *hub, const struct plm_room_ref *ref);
/** Make one by name, with the server's defaults and a number of its own; put it into the store. @return 0, or negative with why */
int plm_record_create(
    struct plm_record **out, struct plm_hub *hub, const struct plm_room_ref *ref, struct plm_refusal *why);
/** A meeting began in it, or ended: it counts as used now, and is not forgotten while it runs. */
void plm_record_use(struct plm_record *r, struct plm_room *meeting);
/** It was changed: put it into the store. */
void plm_record_put(struct plm_record *r);
/** Drop it from the store and free it; no meeting runs in it. */
void plm_record_forget(struct plm_record *r);
/** Is it somebody's, so that nobody leads it by being first? */
bool plm_record_is_owned(const struct plm_record *r);
/** Forget what is due by now; days pass before anything is, so nobody need wait for it. */
void plm_records_poll(struct plm_hub *hub);
/** Free all, without a word to the store. */
void plm_records_clear(struct plm_hub *hub);

/** The document of a record. @return one reference, NULL when memory is short */
struct plm_text *plm_record_write(const struct plm_room_record *r);
/** @return 0; PLM_EINVAL (not a record's document), PLM_ENOMEM */
int plm_record_read(struct plm_room_record *out, const char *document, size_t len);
/** A document that the store kept. @return 0; PLM_EINVAL, PLM_ENOMEM, PLM_ELIMIT */
int plm_record_restore(struct plm_hub *hub, const char *key, const char *document, size_t len);
/** All were given. */
void plm_records_restored(struct plm_hub *hub);

#endif
