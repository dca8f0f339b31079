/* The allocator over a receiver's life: slots, layers, wishes, budgets and time as the script says. alloc_rules.h has what must hold. */
#include "alloc_rules.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *broken = alloc_rules_check(data, size);
    if (broken) {
        fprintf(stderr, "%s\n", broken);
        abort();
    }
    return 0;
}
