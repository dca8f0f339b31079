#include "ipsecmb.h"

#ifdef PLM_HAVE_IPSEC_MB

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEY_ALIGN 64

static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *shared;

IMB_MGR *plm_ipsecmb_create(void)
{
    IMB_MGR *m = alloc_mb_mgr(0);
    if (!m)
        return NULL;
    init_mb_mgr_auto(m, NULL);
    /* Without AES-NI the library emulates, slower than OpenSSL. */
    if (imb_get_errno(m) != 0 || !(m->features & IMB_FEATURE_AESNI)) {
        free_mb_mgr(m);
        return NULL;
    }
    return m;
}

static void create_shared(void)
{
    shared = plm_ipsecmb_create();
}

IMB_MGR *plm_ipsecmb_shared(void)
{
    pthread_once(&once, create_shared);
    return shared;
}

void *plm_ipsecmb_alloc(size_t size)
{
    size = (size + KEY_ALIGN - 1) & ~(size_t)(KEY_ALIGN - 1);
    void *p = aligned_alloc(KEY_ALIGN, size);
    if (p)
        memset(p, 0, size);
    return p;
}

void plm_ipsecmb_gcm_key(IMB_MGR *m, struct gcm_key_data *out, const uint8_t *key, bool wide)
{
    if (wide)
        IMB_AES256_GCM_PRE(m, key, out);
    else
        IMB_AES128_GCM_PRE(m, key, out);
}

#endif
