/*
 * The program's own malloc and its kin, which libraries enter too: what is alive is counted, and what the program says fails. Beneath lies
 * glibc's allocator by its own names, or the sanitizer's, so that the cases run in every build. For programs named test_*_no_memory.
 */
#ifndef OWN_ALLOC_H
#define OWN_ALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOC_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOC_SANITIZED 1
#endif

#ifdef OWN_ALLOC_SANITIZED
#define OWN_ALLOC_BENEATH(name) __interceptor_##name
#else
#define OWN_ALLOC_BENEATH(name) __libc_##name
#endif

/* The loader allocates before a sanitizer is ready. */
#define OWN_ALLOC_EARLY __attribute__((no_sanitize("address", "thread", "undefined")))
#define OWN_ALLOC_ENTRY OWN_ALLOC_EARLY __attribute__((visibility("default")))

void *OWN_ALLOC_BENEATH(malloc)(size_t size);
void *OWN_ALLOC_BENEATH(calloc)(size_t n, size_t size);
void *OWN_ALLOC_BENEATH(realloc)(void *p, size_t size);
void *OWN_ALLOC_BENEATH(memalign)(size_t alignment, size_t size);
void OWN_ALLOC_BENEATH(free)(void *p);

static long alloc_live; /**< allocations minus frees */

/** The program's, marked OWN_ALLOC_EARLY: is this allocation to fail? @param caller where it is asked for */
static bool alloc_fails(const void *caller);

OWN_ALLOC_EARLY static void *own_alloc_counted(void *p)
{
    alloc_live += p != NULL;
    return p;
}

OWN_ALLOC_EARLY static bool own_alloc_refused(const void *caller)
{
    if (!alloc_fails(caller))
        return false;
    errno = ENOMEM;
    return true;
}

OWN_ALLOC_ENTRY void *malloc(size_t size)
{
    if (own_alloc_refused(__builtin_return_address(0)))
        return NULL;
    return own_alloc_counted(OWN_ALLOC_BENEATH(malloc)(size));
}

OWN_ALLOC_ENTRY void *calloc(size_t n, size_t size)
{
    if (own_alloc_refused(__builtin_return_address(0)))
        return NULL;
    return own_alloc_counted(OWN_ALLOC_BENEATH(calloc)(n, size));
}

OWN_ALLOC_ENTRY void *realloc(void *old, size_t size)
{
    if (own_alloc_refused(__builtin_return_address(0)))
        return NULL;
    void *p = OWN_ALLOC_BENEATH(realloc)(old, size);
    return old ? p : own_alloc_counted(p);
}

OWN_ALLOC_ENTRY void *aligned_alloc(size_t alignment, size_t size)
{
    if (own_alloc_refused(__builtin_return_address(0)))
        return NULL;
    return own_alloc_counted(OWN_ALLOC_BENEATH(memalign)(alignment, size));
}

OWN_ALLOC_ENTRY void free(void *p)
{
    alloc_live -= p != NULL;
    OWN_ALLOC_BENEATH(free)(p);
}

#ifdef OWN_ALLOC_SANITIZED
const char *__lsan_default_suppressions(void);

/* What the loader holds is known to LeakSanitizer by who asked for it, which now is us. */
OWN_ALLOC_ENTRY const char *__lsan_default_suppressions(void)
{
    return "leak:ld-linux";
}

/* A sanitizer's own allocate past us. */
OWN_ALLOC_ENTRY char *strndup(const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    char *copy = malloc(n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

OWN_ALLOC_ENTRY char *strdup(const char *s)
{
    return strndup(s, strlen(s));
}
#endif

#endif
