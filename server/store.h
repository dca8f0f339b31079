/*
 * What the server keeps on the disk: JSON documents by kind and key, in data.dir/plenum.db (SQLite, WAL). One thread owns the
 * database. The main thread only leaves values in memory, under a mutex that is never held while the disk is waited for: a disk that
 * stalls or is full delays writing and nothing else.
 *
 * What is lost: when the process dies, what was put during the last PLM_STORE_GATHER_MS and the time of a commit; when the machine
 * dies (power, kernel), also what was committed since the last checkpoint, at most PLM_STORE_CHECKPOINT_MS and the time that one takes.
 * What is found afterwards is always the state of one moment: everything put before it and nothing put after it.
 *
 * How much waits: the newest value of each key and nothing older, so never more documents than are alive plus those on the disk.
 */
#ifndef PLM_SERVER_STORE_H
#define PLM_SERVER_STORE_H

#include <stddef.h>

#include "prom.h"
#include "store_port.h"

#define PLM_STORE_GATHER_MS     20   /**< what is put within this time is committed together */
#define PLM_STORE_CHECKPOINT_MS 5000 /**< how often the disk itself is made to know (fsync) */
#define PLM_STORE_STOP_MS       5000 /**< how long plm_store_close waits for the disk */
#define PLM_STORE_MAX_KEY       511  /**< octets of a key */
#define PLM_STORE_MAX_DOCUMENT  (1024 * 1024)

struct plm_store;

/**
 * Open the database or make it (mode 0600) and lock it for this process. Blocks; reads everything into memory.
 * @param dir an existing folder; a second server on it is refused
 * @param err filled unless 0: what is wrong and what helps
 * @return 0; -EEXIST (another server has it), PLM_EINVAL (damaged, or made by a later version), PLM_ENOMEM, a negated errno
 */
int plm_store_open(struct plm_store **out, const char *dir, char *err, size_t err_size);

/**
 * Call f for each document that was found, by kind and key; then let go of what was read. Once, before plm_store_start; f may put and
 * drop.
 */
void plm_store_read(struct plm_store *s,
    void (*f)(void *arg, enum plm_store_kind kind, const char *key, const char *document, size_t len),
    void *arg);

/** Start the thread; until then what is put only waits. @return 0 or a negated errno */
int plm_store_start(struct plm_store *s);

/**
 * The table for signalling. Its functions are called by one thread; they copy what they are given. A document that is too long, or that
 * memory is too short for, is counted as a failure and the one before it stays.
 */
void plm_store_port(struct plm_store *s, struct plm_store_port *out);

struct plm_store_stats {
    uint64_t queued;    /**< documents that wait to be written, or are being written */
    uint64_t documents; /**< on the disk */
    uint64_t commits, written;
    uint64_t failures; /**< commits that failed and are tried again, and documents that were not taken */
    struct plm_histogram commit, checkpoint; /**< how long they took */
};
/** Any thread. */
void plm_store_stats(struct plm_store *s, struct plm_store_stats *out);

/**
 * Write what waits, and close. Blocks for at most PLM_STORE_STOP_MS; what a disk that stalls or is full did not take by then is
 * lost, and told in the log. NULL is fine.
 * @return how many documents are lost
 */
size_t plm_store_close(struct plm_store *s);

#endif
