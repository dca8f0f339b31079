/*
 * Cases that cannot run here. A program that left one out ends with status 77, so that CTest lists it with the reason; a failure counts more.
 */
#ifndef LEAVE_OUT_H
#define LEAVE_OUT_H

#include <stdio.h>

static const char *left_out, *left_out_why;

/** Leave the running case out. */
#define LEAVE_OUT(reason)                                                                                    \
    do {                                                                                                     \
        left_out = __func__;                                                                                 \
        left_out_why = (reason);                                                                             \
        skip();                                                                                              \
    } while (0)

/** What main returns. @param failed what cmocka_run_group_tests gave */
static int ended(int failed)
{
    if (failed || !left_out)
        return failed;
    printf("the case %s: %s; the others passed\n", left_out, left_out_why);
    return 77;
}

#endif
