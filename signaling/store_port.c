#include "store_port.h"

const char *plm_store_kind_name(enum plm_store_kind kind)
{
    static const char *const names[] = {
        [PLM_STORE_ROOM] = "room",
        [PLM_STORE_MEETING] = "meeting",
        [PLM_STORE_MEMBER] = "member",
        [PLM_STORE_CHAT] = "chat",
        [PLM_STORE_BAN] = "ban",
        [PLM_STORE_API_KEY] = "api_key",
        [PLM_STORE_REVOKED] = "revoked",
        [PLM_STORE_RECORDING] = "recording",
    };
    _Static_assert(sizeof names / sizeof names[0] == PLM_STORE_KIND_COUNT, "a name for each");
    return (unsigned)kind < PLM_STORE_KIND_COUNT ? names[kind] : "unknown";
}
