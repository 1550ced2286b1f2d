/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's neighbours (ARP and ND). Packets that BPF sends do not keep them alive: those in use
 * are registered as managed (NTF_EXT_MANAGED, Linux 5.16), so that the kernel goes on resolving
 * them of its own, and carry our protocol number, so that they are known again after a restart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mizar/tables.h"
#include "netlink/netlink.h"

#define MZ_NEIGHBOUR_PROTOCOL 77 /* RTPROT_*: free in rtnetlink.h and in iproute2's rt_protos */

struct mz_neighbour {
	int ifindex;
	struct mz_addr addr;
	uint8_t mac[6];
	bool has_mac;	/* and a state in which it may be used */
	bool is_static;	/* an administrator's, or of a device that needs none */
	bool is_stale;	/* usable, but unconfirmed for a while */
	bool is_managed;
	bool is_ours;	/* has our protocol number */
};

/* Of an RTM_NEWNEIGH or RTM_DELNEIGH message; -EBADMSG, also for those that are not of IP. */
int mz_neighbour_parse(const struct nlmsghdr *nlh, struct mz_neighbour *ret_neighbour);

/* -ENOENT. */
int mz_neighbour_get(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr,
		     struct mz_neighbour *ret_neighbour);
int mz_neighbour_each(struct mz_netlink *nl,
		      int (*fn)(const struct mz_neighbour *neighbour, void *user), void *user);

/*
 * Makes it if need be, and lets the kernel resolve it for good. Must not be called for a static
 * one: it would be one no more.
 */
int mz_neighbour_manage(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr);
/* Resolves it once, as a packet of the host's stack would do; it is managed no more. */
int mz_neighbour_use(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr);
