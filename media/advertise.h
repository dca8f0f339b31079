/*
 * Which addresses peers are told: those of the configuration, or what the listen addresses mean on this machine.
 */
#ifndef PLM_ADVERTISE_H
#define PLM_ADVERTISE_H

#include "plenum/types.h"

/**
 * Addresses of the interfaces that are up, without ports.
 * @return how many were written
 */
size_t plm_interface_addrs(struct plm_addr *out, size_t max);

/**
 * Candidates from what is bound, best first: an address bound explicitly stands for itself, a wildcard for every interface address of its
 * family; of those IPv4 before IPv6, public before private ones; link-local ones never, loopback only when nothing else is left.
 * @param bound  listen addresses with their ports
 * @param ifaces interface addresses
 */
size_t plm_candidates_from_bound(struct plm_addr *out, size_t max, const struct plm_addr *bound,
    size_t n_bound, const struct plm_addr *ifaces, size_t n_ifaces);

/** Candidates from the configuration: port 0 becomes the port bound for that family, or else the first bound one. */
size_t plm_candidates_from_config(struct plm_addr *out, size_t max, const struct plm_addr *told,
    size_t n_told, const struct plm_addr *bound, size_t n_bound);

#endif
