/* SPDX-License-Identifier: Apache-2.0 */
/* From host to host, as each decides (path_step.c). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "cli/path.h"

static void add_hop(struct mz_path *path, const struct mz_replicas *hosts, const char *why)
{
	struct mz_path_hop *hop = &path->hops[path->n_hops++];

	hop->hosts = *hosts;
	snprintf(hop->why, sizeof(hop->why), "%s", why);
}

/*
 * All that stand for each other know the same; but if one of them has the destination, the others
 * show the longer way.
 */
static int choose(const struct mz_path_flow *flow, struct mz_path_hop *hop,
		  mz_path_host_fn find_host, void *user, struct mz_path_host *ret_host)
{
	const struct mz_vni_addr key = { .vni = flow->vni, .addr = flow->dst };
	char text[MZ_ADDR_STRLEN];
	struct mz_local local;
	size_t n;
	int r = 0;

	for (__u32 i = 0; i < hop->hosts.n && i < MZ_REPLICAS_MAX; i++) {
		r = find_host(&hop->hosts.addrs[i], user, ret_host);
		if (r < 0 || !ret_host->tables)
			return r;
		r = mz_table_get(ret_host->tables, MZ_TABLE_local, &key, &local);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		n = strlen(hop->why);
		if (hop->hosts.n > 1)
			snprintf(hop->why + n, sizeof(hop->why) - n, "; %s has the destination",
				 mz_addr_format(&hop->hosts.addrs[i], text));
	}
	return r;
}

/* Returns 1 if there is a next hop. */
static int add_step(struct mz_path *path, const struct mz_path_step *step)
{
	path->hops[path->n_hops - 1].roles = step->roles;
	path->end = step->end;
	path->drop = step->drop;
	if (!step->next.n)
		return 0;
	if (path->n_hops > MZ_PATH_HOPS_MAX) {
		path->end = MZ_PATH_DROPPED;
		path->drop = MZ_DROP_hop_limit;
		return 0;
	}
	path->end = MZ_PATH_UNKNOWN;
	add_hop(path, &step->next, step->why);
	return 1;
}

int mz_path_walk(const struct mz_path_flow *flow, const struct mz_path_host *first, uint64_t now,
		 mz_path_host_fn find_host, void *user, struct mz_path *ret_path)
{
	struct mz_path path = { .end = MZ_PATH_UNKNOWN };
	struct mz_path_host host = *first;
	struct mz_path_step step = {};
	struct mz_addr from = {};
	int r;

	add_hop(&path, &(const struct mz_replicas){ .n = 1, .addrs = { host.self } },
		"it has the source");
	while (host.tables) {
		r = mz_path_step(flow, &host, path.n_hops > 1 ? &from : NULL, step.judged,
				 step.gives_back, now, &step);
		if (r < 0)
			return r;
		if (!add_step(&path, &step))
			break;
		from = host.self;
		r = choose(flow, &path.hops[path.n_hops - 1], find_host, user, &host);
		if (r < 0)
			return r;
	}
	*ret_path = path;
	return 0;
}
