/* SPDX-License-Identifier: Apache-2.0 */
/* The longest prefix, by hand: the kernel's own search would find rows of any length. */
#include <arpa/inet.h>
#include <errno.h>

#include "base/addr.h"
#include "cli/path.h"

struct search {
	const struct mz_path_flow *flow;
	__u32 prefixlen; /* of what was found; 0: nothing */
	uint64_t network;
};

static int longest_prefix(const void *key, const void *value, void *user)
{
	const struct mz_prefix_key *prefix = key;
	const struct mz_route *route = value;
	struct search *search = user;

	if (ntohl(prefix->vni_be) != search->flow->vni || prefix->prefixlen < 32 ||
	    !mz_prefix_contains(&prefix->prefix, prefix->prefixlen - 32, &search->flow->dst) ||
	    prefix->prefixlen < search->prefixlen)
		return 0;
	search->prefixlen = prefix->prefixlen;
	search->network = route->network;
	return 0;
}

int mz_path_find_route(struct mz_tables *tables, const struct mz_path_flow *flow,
		       uint64_t *ret_network)
{
	const struct mz_vni_addr key = { .vni = flow->vni, .addr = flow->dst };
	struct search search = { .flow = flow };
	struct mz_route route;
	int r = mz_table_get(tables, MZ_TABLE_member, &key, &route);

	if (r == 0) {
		*ret_network = route.network;
		return 1;
	}
	if (r == -ENOENT)
		r = mz_table_each(tables, MZ_TABLE_prefix, longest_prefix, &search);
	if (r < 0 || !search.prefixlen)
		return r;
	*ret_network = search.network;
	return 1;
}
