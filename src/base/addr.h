/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, prefixes and MACs: between text and the 128-bit form of include/mizar/tables.h
 * (network order, IPv4 mapped into ::ffff:0:0/96, prefix lengths counted in 128 bits).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mizar/tables.h"

#define MZ_ADDR_STRLEN 46   /* as INET6_ADDRSTRLEN */
#define MZ_PREFIX_STRLEN 50
#define MZ_MAC_STRLEN 18

bool mz_addr_is_ipv4(const struct mz_addr *addr);
bool mz_addr_is_zero(const struct mz_addr *addr);
/*
 * Whether a host may have it as its tunnel address: not of 0000::/32, which the data plane takes
 * for IPv4 (RFC 4291, 2.4 gives nobody an address of it), and good on more than one link.
 */
bool mz_addr_is_tunnel(const struct mz_addr *addr);
int mz_addr_compare(const struct mz_addr *a, const struct mz_addr *b);

/* Strict: no leading zeros in IPv4, no zone, no mapped form. -EINVAL. */
int mz_addr_parse(const char *text, struct mz_addr *ret_addr);

/* Writes at most MZ_ADDR_STRLEN bytes; returns buf. IPv4 in dotted form. */
const char *mz_addr_format(const struct mz_addr *addr, char buf[static MZ_ADDR_STRLEN]);

/*
 * "10.0.0.0/24" gives 120 bits. -EINVAL: not a prefix; -ERANGE: bits are set behind the prefix
 * length (ret_addr and ret_len are set then too, as given: the caller can say what would be right).
 */
int mz_prefix_parse(const char *text, struct mz_addr *ret_addr, unsigned int *ret_len);
const char *mz_prefix_format(const struct mz_addr *addr, unsigned int len,
			     char buf[static MZ_PREFIX_STRLEN]);

/* Clears the bits behind the first len. */
struct mz_addr mz_addr_mask(const struct mz_addr *addr, unsigned int len);
bool mz_prefix_contains(const struct mz_addr *prefix, unsigned int len, const struct mz_addr *addr);
bool mz_prefix_overlaps(const struct mz_addr *a, unsigned int a_len, const struct mz_addr *b,
			unsigned int b_len);

/* The address `offset` behind addr (128-bit addition, wraps). */
struct mz_addr mz_addr_add(const struct mz_addr *addr, uint64_t offset);

/* "02:00:00:00:00:01". -EINVAL. Any MAC: whether it may be used is the caller's question. */
int mz_mac_parse(const char *text, uint8_t ret_mac[static 6]);
const char *mz_mac_format(const uint8_t mac[static 6], char buf[static MZ_MAC_STRLEN]);
