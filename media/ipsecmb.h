/*
 * What the users of ipsec-mb share: a manager whose direct calls (GCM, key expansion) keep nothing between them and may be used by
 * all threads. Its job and burst calls need a manager per thread (plm_ipsecmb_create).
 */
#ifndef PLM_IPSECMB_H
#define PLM_IPSECMB_H

#ifdef PLM_HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @return a manager for this CPU, made by the first call and never freed; NULL: the CPU has no AES instructions, or out of memory. Any thread. */
IMB_MGR *plm_ipsecmb_shared(void);
/** @return a manager of your own, NULL as above; free with free_mb_mgr */
IMB_MGR *plm_ipsecmb_create(void);
/** Zeroed memory, aligned for the key structures; release with free. @return NULL: none left */
void *plm_ipsecmb_alloc(size_t size);
/** Expand an AES key of 16 or (wide) 32 octets for GCM. */
void plm_ipsecmb_gcm_key(IMB_MGR *m, struct gcm_key_data *out, const uint8_t *key, bool wide);

#endif
#endif
