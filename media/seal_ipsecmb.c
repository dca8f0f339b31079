#include "seal_backend.h"

const struct plm_seal_backend *const plm_seal_ipsecmb = NULL;
