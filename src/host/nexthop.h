/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the table `nexthop` true: for every known droplet, the way out that the kernel's routes and
 * neighbours say. Follows both by netlink; neighbours in use are registered as managed
 * (NTF_EXT_MANAGED, Linux 5.16), since BPF traffic does not keep them alive, and released when no
 * droplet needs them. A droplet without a resolved neighbour has no row: the programs then leave
 * resolution to the kernel.
 */
#pragma once

#include <uv.h>

#include "base/cleanup.h"
#include "tables/tables.h"

struct mz_nexthops;

/* Reads what the kernel has, then follows. self: own tunnel address. */
int mz_nexthops_new(uv_loop_t *loop, struct mz_tables *tables, const struct mz_addr *self,
		    struct mz_nexthops **ret_nexthops);
/* Releases neighbours? No: the data plane goes on. Rows and managed neighbours stay. */
void mz_nexthops_free(struct mz_nexthops *nexthops);
DEFINE_CLEANUP(struct mz_nexthops *, mz_nexthops_free)

/* Follow this droplet, or no longer. Repeatable. */
int mz_nexthops_add(struct mz_nexthops *nexthops, const struct mz_addr *droplet);
int mz_nexthops_remove(struct mz_nexthops *nexthops, const struct mz_addr *droplet);
