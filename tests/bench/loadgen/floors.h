/*
 * What the machine charges for the least that any forwarding costs: sealing a packet and handing it to the kernel.
 */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

#include <stddef.h>

struct floors_shape {
    size_t payload; /* octets of a packet, beside a header of 24 and a tag of 16 */
    unsigned train; /* packets that ipsec-mb's floor sends as one message, a power of two up to 64; sound comes one by one */
};

struct floors {
    double evp_us;     /* EVP AES-128-GCM, sendmmsg of 64 */
    double ipsecmb_us; /* ipsec-mb AES-128-GCM, sendmmsg of 64 packets in trains; 0 when not built in */
};

/** CPU time per packet of a thread on sending_cpu; the sink is emptied on sink_cpu. Takes about two seconds. */
void floors_measure(struct floors *out, const struct floors_shape *shape, int sending_cpu, int sink_cpu);

#endif
