// SPDX-License-Identifier: Apache-2.0
/*
 * Next hops left to the kernel altogether: the table stays empty, and the programs ask for the
 * kernel's resolution with every packet. Built only as long as there is no nexthop.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/nexthop.h"

struct mz_nexthops {
	struct mz_tables *tables;
};

int mz_nexthops_new(uv_loop_t *loop, struct mz_tables *tables, const struct mz_addr *self,
		    struct mz_nexthops **ret_nexthops)
{
	struct mz_nexthops *nexthops = calloc(1, sizeof(*nexthops));

	if (!nexthops)
		return -ENOMEM;
	nexthops->tables = tables;
	*ret_nexthops = nexthops;
	return 0;
}

void mz_nexthops_free(struct mz_nexthops *nexthops)
{
	free(nexthops);
}

int mz_nexthops_add(struct mz_nexthops *nexthops, const struct mz_addr *droplet)
{
	return 0;
}

int mz_nexthops_remove(struct mz_nexthops *nexthops, const struct mz_addr *droplet)
{
	return mz_table_delete(nexthops->tables, MZ_TABLE_nexthop, droplet);
}
