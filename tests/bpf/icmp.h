/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of ICMP errors have in common, ours and those of routers. */
#pragma once

#include "plane.h"

#define UDP_AT(is_ipv6) (ETH + ((is_ipv6) ? 40 : 20))

int setup_icmp(void **state);

/* A packet with so many bytes behind the IP header: UDP, if nothing else is said. */
struct frame packet(const char *src, const char *dst, size_t size);
/* The error about a packet, as it should be; mtu 0: out of hops. */
struct frame error_about(const struct frame *in, const char *mac, const char *from,
			 const char *to, uint32_t mtu);
/* As for an underlay of IPv4; over IPv6 20 more, and packets that fit are the same. */
void set_path_mtu(const char *host, uint32_t mtu, int seconds);
/* The packet is dropped, an error sent; before, after: counters of the one, and the other. */
void expect_error_after(enum hook hook, const struct frame *in, enum mz_drop reason,
			const struct frame *out, unsigned int before, unsigned int after);
void expect_error(enum hook hook, const struct frame *in, enum mz_drop reason,
		  const struct frame *out);
