/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address management: the next free address of a prefix. A cursor per prefix goes round; who is in
 * use is the store's address index, asked through `take`. So an allocation costs the same however
 * many addresses are in use, as long as the prefix is not nearly full.
 */
#pragma once

#include "controller/facts.h"

struct ctl_ipam; /* cursors by network */

int ctl_ipam_new(struct ctl_ipam **ret_ipam);
void ctl_ipam_free(struct ctl_ipam *ipam);

/* Tries to take the address: 0 taken, -EADDRINUSE: try another one, else an error. */
typedef int (*ctl_ipam_take_fn)(const struct mz_addr *addr, void *user);

/* -ENOSPC: all addresses of the prefix are in use. */
int ctl_ipam_allocate(struct ctl_ipam *ipam, const struct ctl_network_facts *facts,
		      unsigned int prefix, ctl_ipam_take_fn take, void *user,
		      struct mz_addr *ret_addr);
/* An address in use, seen when the controller starts: the cursor begins behind the highest. */
void ctl_ipam_seen(struct ctl_ipam *ipam, const struct ctl_network_facts *facts,
		   const struct mz_addr *addr);
/* The network is gone. */
void ctl_ipam_forget(struct ctl_ipam *ipam, uint64_t network);

/*
 * Whether an endpoint may have the address in this prefix. Else why not, as text that follows the
 * address: "is the gateway of …".
 */
const char *ctl_ipam_refuses(const struct ctl_network_facts *facts, unsigned int prefix,
			     const struct mz_addr *addr);
