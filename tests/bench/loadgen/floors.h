/*
 * What the machine charges for the least that any forwarding costs: sealing a packet of 1200 octets and handing it to the kernel.
 */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

struct floors {
    double evp_us;         /* EVP AES-128-GCM, sendmmsg of 64 */
    double ipsecmb_gso_us; /* ipsec-mb AES-128-GCM, sendmmsg with trains of 8; 0 when not built in */
};

/** CPU time per packet of a thread on sending_cpu; the sink is emptied on sink_cpu. Takes about two seconds. */
void floors_measure(struct floors *out, int sending_cpu, int sink_cpu);

#endif
