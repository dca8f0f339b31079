/*
 * Kernels for libsrtp2 (cipher.h, auth.h): Debian's libsrtp2 is built on NSS and several times slower than the machine.
 * A replacement is process-wide and holds until srtp_shutdown(); sessions made before keep what they have.
 */
#ifndef PLM_SRTP_KERNELS_H
#define PLM_SRTP_KERNELS_H

/** AES-GCM 128 and 256, AES-CM 128 and HMAC-SHA1 by OpenSSL. @return 0, PLM_ENOTSUP: libsrtp refused one of them. */
int plm_srtp_kernels_evp_install(void);
/** AES-GCM 128 and 256 by ipsec-mb. @return 0, PLM_ENOTSUP: not built in, or this CPU cannot. */
int plm_srtp_kernels_ipsecmb_install(void);

#endif
