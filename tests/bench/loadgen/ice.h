/*
 * A controlling ICE agent with one pair (RFC 8445), made of libnice's STUN library.
 */
#ifndef BENCH_ICE_H
#define BENCH_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_ice;

struct peer_ice *ice_create(const char *our_ufrag, const char *their_ufrag, const char *their_pwd);
void ice_destroy(struct peer_ice *ice);
/** Write a check that nominates. @return its length */
size_t ice_check(struct peer_ice *ice, uint8_t *buf, size_t cap);
/** @return true for an authenticated success response to the last check */
bool ice_on_datagram(struct peer_ice *ice, const uint8_t *data, size_t len);

#endif
