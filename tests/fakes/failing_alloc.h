/*
 * An allocator that fails when it is told to: for programs named test_*_oom, which the linker lets call these instead (--wrap). Counts on
 * the calling thread only; libraries' own allocations are not touched.
 */
#ifndef FAILING_ALLOC_H
#define FAILING_ALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static _Thread_local unsigned alloc_countdown; /* 0: never; 1: the next one fails */
static _Thread_local bool alloc_failed;

/** On every thread: cleared allocations of this size fail; 0: none. */
static _Atomic size_t alloc_fail_size;

static void fail_nth_alloc(unsigned n)
{
    alloc_countdown = n;
    alloc_failed = false;
}

static bool alloc_fails(void)
{
    if (alloc_countdown == 0 || --alloc_countdown)
        return false;
    alloc_failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return alloc_fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size)
{
    size_t fail_size = alloc_fail_size;
    return alloc_fails() || (fail_size && n * size == fail_size) ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t size)
{
    return alloc_fails() ? NULL : __real_realloc(p, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return alloc_fails() ? NULL : __real_aligned_alloc(alignment, size);
}

/**
 * Run `call` with the first, second, … allocation failing, until none of its allocations is left to fail. It must give `expected` each
 * time that one failed, and 0 at last.
 */
#define EACH_ALLOC_FAILS(call, expected)                                                                     \
    do {                                                                                                     \
        for (unsigned nth = 1;; nth++) {                                                                     \
            fail_nth_alloc(nth);                                                                             \
            int result = (call);                                                                             \
            bool failed = alloc_failed;                                                                      \
            fail_nth_alloc(0);                                                                               \
            if (!failed) {                                                                                   \
                assert_int_equal(result, 0);                                                                 \
                assert_true(nth > 1);                                                                        \
                break;                                                                                       \
            }                                                                                                \
            assert_int_equal(result, expected);                                                              \
        }                                                                                                    \
    } while (0)

#endif
