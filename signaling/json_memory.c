#include "json_memory.h"

#include <jansson.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Taken from one end; all of it is free again when the last piece is. JSON values live for a request, so that is soon. */
static alignas(max_align_t) unsigned char reserve[PLM_JSON_RESERVE];
static size_t used, most, pieces;
static bool is_short;

static void *take_from_reserve(size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    is_short = true;
    if (size > sizeof reserve || rounded > sizeof reserve - used) {
        fputs("no memory is left for JSON\n", stderr);
        abort();
    }
    void *p = reserve + used;
    used += rounded;
    most = used > most ? used : most;
    pieces++;
    return p;
}

static void *take(size_t size)
{
    void *p = malloc(size);
    return p ? p : take_from_reserve(size);
}

static void give_back(void *p)
{
    uintptr_t at = (uintptr_t)p, begin = (uintptr_t)reserve;
    if (at < begin || at >= begin + sizeof reserve)
        free(p);
    else if (--pieces == 0)
        used = 0;
}

void plm_json_memory_install(void)
{
    json_set_alloc_funcs(take, give_back);
}

bool plm_json_memory_is_short(void)
{
    return is_short;
}

void plm_json_memory_begin(void)
{
    is_short = false;
}

size_t plm_json_memory_used(void)
{
    return used;
}

size_t plm_json_memory_most(void)
{
    return most;
}
