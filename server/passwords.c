#include "passwords.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "plenum/types.h"

struct job {
    uv_work_t work;
    struct plm_passwords *owner;
    uint64_t id;
    bool compares, ok;
    char password[PLM_PASSWORD_MAX + 1];
    char hash[crypto_pwhash_STRBYTES];
    struct job *prev, *next; /* in owner->waiting */
};

struct plm_passwords {
    uv_loop_t *loop;
    plm_passwords_done *done;
    void *done_arg;
    struct job *waiting;
    unsigned n_waiting, n_running;
    bool closed;
};

static void destroy_job(struct job *job)
{
    sodium_memzero(job, sizeof *job);
    free(job);
}

/* In the pool. */
static void work(uv_work_t *request)
{
    struct job *job = request->data;
    size_t len = strlen(job->password);
    int rc = job->compares
                 ? crypto_pwhash_str_verify(job->hash, job->password, len)
                 : crypto_pwhash_str_alg(job->hash, job->password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                       crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
    job->ok = rc == 0;
    sodium_memzero(job->password, sizeof job->password);
}

static void start_next(struct plm_passwords *p);

static void after_work(uv_work_t *request, int status)
{
    struct job *job = request->data;
    struct plm_passwords *p = job->owner;
    p->n_running--;
    if (!p->closed)
        p->done(p->done_arg, job->id, job->ok && !status, job->ok && !job->compares ? job->hash : NULL);
    destroy_job(job);
    start_next(p);
}

static void start_next(struct plm_passwords *p)
{
    while (p->waiting && p->n_running < PLM_PASSWORDS_AT_ONCE) {
        struct job *job = p->waiting;
        DL_DELETE(p->waiting, job);
        p->n_waiting--;
        job->work.data = job;
        p->n_running++;
        uv_queue_work(p->loop, &job->work, work, after_work); /* fails only without a function */
    }
}

int plm_passwords_create(
    struct plm_passwords **out, uv_loop_t *loop, plm_passwords_done *done, void *done_arg)
{
    if (sodium_init() < 0)
        return PLM_EINVAL;
    struct plm_passwords *p = calloc(1, sizeof *p);
    if (!p)
        return PLM_ENOMEM;
    p->loop = loop;
    p->done = done;
    p->done_arg = done_arg;
    *out = p;
    return 0;
}

int plm_passwords_submit(struct plm_passwords *p, uint64_t id, const char *password, const char *hash)
{
    size_t len = strlen(password), hash_len = hash ? strlen(hash) : 0;
    if (len > PLM_PASSWORD_MAX || hash_len >= crypto_pwhash_STRBYTES)
        return PLM_EINVAL;
    if (p->closed || p->n_waiting >= PLM_PASSWORDS_WAITING)
        return PLM_ELIMIT;
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return PLM_ENOMEM;
    job->owner = p;
    job->id = id;
    job->compares = hash != NULL;
    memcpy(job->password, password, len);
    if (hash)
        memcpy(job->hash, hash, hash_len); /* the rest stays zero, as comparing wants it */
    DL_APPEND(p->waiting, job);
    p->n_waiting++;
    start_next(p);
    return 0;
}

unsigned plm_passwords_pending(const struct plm_passwords *p)
{
    return p->n_waiting + p->n_running;
}

void plm_passwords_close(struct plm_passwords *p)
{
    if (!p)
        return;
    p->closed = true;
    while (p->waiting) {
        struct job *job = p->waiting;
        DL_DELETE(p->waiting, job);
        p->n_waiting--;
        destroy_job(job);
    }
}

void plm_passwords_destroy(struct plm_passwords *p)
{
    free(p);
}
