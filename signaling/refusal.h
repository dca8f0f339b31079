/* Why something was refused. A plain value. */
#ifndef PLM_SIGNALING_REFUSAL_H
#define PLM_SIGNALING_REFUSAL_H

#include "proto.h"

/** Why a request was refused: becomes an error reply, or a status of HTTP. */
struct plm_refusal {
    enum plm_msg_error_code code;
    char message[160];
    char field[64];
};

/** Fill a refusal. @return PLM_EINVAL, so that it can stand in a return statement */
__attribute__((format(printf, 4, 5))) int plm_refuse(
    struct plm_refusal *r, enum plm_msg_error_code code, const char *field, const char *format, ...);

#endif
