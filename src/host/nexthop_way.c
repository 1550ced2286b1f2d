// SPDX-License-Identifier: Apache-2.0
/*
 * Ways and devices as long as droplets need them: neighbours are registered with the kernel when
 * the first one comes, and released when the last one goes.
 */
#include <errno.h>
#include <string.h>

/* An allocation that fails leaves the element out of the table, with hh.tbl NULL. */
#define HASH_NONFATAL_OOM 1
#include "host/nexthop_state.h"

#include "base/addr.h"
#include "base/log.h"

void mz_nexthops_log(const struct mz_addr *addr, const char *what, int r)
{
	char text[MZ_ADDR_STRLEN];

	mz_log_debug("next hop %s: %s: %s", mz_addr_format(addr, text), what, strerror(-r));
}

struct egress *mz_nexthops_find_egress(struct mz_nexthops *nexthops, int ifindex)
{
	struct egress *egress;

	HASH_FIND_INT(nexthops->egresses, &ifindex, egress);
	return egress;
}

static void leave_egress(struct mz_nexthops *nexthops, struct egress *egress)
{
	if (--egress->n_ways)
		return;
	HASH_DEL(nexthops->egresses, egress);
	free(egress);
}

/* For one more way. */
static int enter_egress(struct mz_nexthops *nexthops, int ifindex, struct egress **ret_egress)
{
	struct egress *egress = mz_nexthops_find_egress(nexthops, ifindex);
	int r;

	if (!egress) {
		egress = calloc(1, sizeof(*egress));
		if (!egress)
			return -ENOMEM;
		egress->ifindex = ifindex;
		r = mz_link_by_index(nexthops->nl, ifindex, &egress->link);
		if (r == 0) {
			HASH_ADD_INT(nexthops->egresses, ifindex, egress);
			r = egress->hh.tbl ? 0 : -ENOMEM;
		}
		if (r < 0) {
			free(egress);
			return r;
		}
	}
	egress->n_ways++;
	*ret_egress = egress;
	return 0;
}

struct way *mz_nexthops_find_way(struct mz_nexthops *nexthops, int ifindex,
				 const struct mz_addr *gateway)
{
	struct way_key key = { .ifindex = ifindex, .gateway = *gateway };
	struct way *way;

	HASH_FIND(hh, nexthops->ways, &key, sizeof(key), way);
	return way;
}

/*
 * A kernel before 5.16 takes no notice of the flag, so it is read back. There the neighbour is used
 * instead whenever it goes stale.
 */
static int register_way(struct mz_nexthops *nexthops, struct way *way,
			struct mz_neighbour *ret_neighbour)
{
	const struct way_key *key = &way->key;
	int r;

	if (!nexthops->has_managed) {
		r = mz_neighbour_use(nexthops->nl, key->ifindex, &key->gateway);
		return r < 0 ? r : mz_neighbour_get(nexthops->nl, key->ifindex, &key->gateway,
						    ret_neighbour);
	}
	r = mz_neighbour_manage(nexthops->nl, key->ifindex, &key->gateway);
	if (r == 0)
		r = mz_neighbour_get(nexthops->nl, key->ifindex, &key->gateway, ret_neighbour);
	if (r < 0)
		return r;
	if (!ret_neighbour->is_managed) {
		mz_log_debug("next hops: this kernel has no managed neighbours (Linux 5.16)");
		nexthops->has_managed = false;
		return mz_neighbour_use(nexthops->nl, key->ifindex, &key->gateway);
	}
	return 0;
}

int mz_nexthops_update_way(struct mz_nexthops *nexthops, struct way *way,
			   const struct mz_neighbour *neighbour)
{
	bool had_mac = way->has_mac;

	way->is_managed = neighbour->is_managed;
	way->has_mac = neighbour->has_mac;
	if (way->has_mac == had_mac && !memcmp(way->mac, neighbour->mac, sizeof(way->mac)))
		return 0;
	memcpy(way->mac, neighbour->mac, sizeof(way->mac));
	return mz_nexthops_write_rows(nexthops, way);
}

int mz_nexthops_refresh_way(struct mz_nexthops *nexthops, struct way *way)
{
	struct mz_neighbour neighbour = {};
	int r = mz_neighbour_get(nexthops->nl, way->key.ifindex, &way->key.gateway, &neighbour);

	if (r == -ENOENT || (r == 0 && !neighbour.is_static && !neighbour.is_managed))
		r = register_way(nexthops, way, &neighbour);
	if (r == -ENOBUFS && !nexthops->is_full)
		mz_log_warn("next hops: the kernel's table of neighbours is full "
			    "(net.ipv4.neigh.default.gc_thresh3, or ipv6): for hosts without an "
			    "entry each packet asks the kernel anew");
	nexthops->is_full = r == -ENOBUFS;
	if (r < 0) {
		mz_nexthops_log(&way->key.gateway, "no neighbour", r);
		neighbour = (struct mz_neighbour){};
	}
	return mz_nexthops_update_way(nexthops, way, &neighbour);
}

int mz_nexthops_get_way(struct mz_nexthops *nexthops, const struct mz_ip_way *ip_way,
		   struct way **ret_way)
{
	struct way *way = mz_nexthops_find_way(nexthops, ip_way->ifindex, &ip_way->gateway);
	struct egress *egress;
	int r;

	if (!way) {
		r = enter_egress(nexthops, ip_way->ifindex, &egress);
		if (r < 0)
			return r;
		way = calloc(1, sizeof(*way));
		if (way) {
			way->key = (struct way_key){ ip_way->ifindex, ip_way->gateway };
			HASH_ADD(hh, nexthops->ways, key, sizeof(way->key), way);
		}
		if (!way || !way->hh.tbl) {
			free(way);
			leave_egress(nexthops, egress);
			return -ENOMEM;
		}
		way->egress = egress;
		/* Fails for rows only: it has none yet. */
		(void)mz_nexthops_refresh_way(nexthops, way);
	}
	*ret_way = way;
	return 0;
}

void mz_nexthops_release_way(struct mz_nexthops *nexthops, struct way *way)
{
	int r;

	if (way->is_managed) {
		r = mz_neighbour_use(nexthops->nl, way->key.ifindex, &way->key.gateway);
		if (r < 0)
			mz_nexthops_log(&way->key.gateway, "stays managed", r);
	}
	HASH_DEL(nexthops->ways, way);
	leave_egress(nexthops, way->egress);
	free(way);
}

int mz_nexthops_update_egress(struct mz_nexthops *nexthops, struct egress *egress,
			      const struct mz_link *link)
{
	struct way *way, *next;
	int r = 0, way_r;

	egress->link = *link;
	HASH_ITER (hh, nexthops->ways, way, next) {
		if (way->egress != egress)
			continue;
		way_r = mz_nexthops_write_rows(nexthops, way);
		r = r < 0 ? r : way_r;
	}
	return r;
}

void mz_nexthops_refresh_egresses(struct mz_nexthops *nexthops)
{
	struct egress *egress, *next;

	HASH_ITER (hh, nexthops->egresses, egress, next) {
		/* A device that is gone has no flags: nothing goes out by it. */
		if (mz_link_by_index(nexthops->nl, egress->ifindex, &egress->link) < 0)
			egress->link.flags = 0;
	}
}

struct orphans {
	struct mz_nexthops *nexthops;
	struct way_key *keys;
	size_t n;
};

static int keep_orphan(const struct mz_neighbour *neighbour, void *user)
{
	struct orphans *orphans = user;
	struct way_key *keys;

	if (!neighbour->is_ours || !neighbour->is_managed ||
	    mz_nexthops_find_way(orphans->nexthops, neighbour->ifindex, &neighbour->addr))
		return 0;
	keys = reallocarray(orphans->keys, orphans->n + 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	orphans->keys = keys;
	keys[orphans->n++] = (struct way_key){ neighbour->ifindex, neighbour->addr };
	return 0;
}

void mz_nexthops_release_orphans(struct mz_nexthops *nexthops)
{
	struct orphans orphans = { .nexthops = nexthops };
	size_t i;
	int r = mz_neighbour_each(nexthops->nl, keep_orphan, &orphans);

	if (r < 0 && r != -EINTR)
		mz_log_debug("next hops: reading neighbours: %s", strerror(-r));
	for (i = 0; i < orphans.n; i++) {
		r = mz_neighbour_use(nexthops->nl, orphans.keys[i].ifindex,
				     &orphans.keys[i].gateway);
		if (r < 0)
			mz_nexthops_log(&orphans.keys[i].gateway, "stays managed", r);
	}
	free(orphans.keys);
}
