/* What a token or an API key lets its bearer do, once it was found good. A plain value. */
#ifndef PLM_SIGNALING_GRANTS_H
#define PLM_SIGNALING_GRANTS_H

#include "proto.h"

struct plm_grants {
    char room[129]; /**< the only room it is for; empty: any */
    char identity
        [129]; /**< "sub": who this is for the program that made the token; empty: nobody in particular */
    char name[129];    /**< display name that goes before the one asked for; empty: none */
    char token_id[65]; /**< "jti"; empty: none */
    enum plm_msg_role role;
    bool publish, subscribe; /**< false: as a viewer, or as someone who only sends */
    bool record, admin;
    bool skip_lobby;
    uint64_t expires_at; /**< ms since 1970, UTC */
};

#endif
