// SPDX-License-Identifier: Apache-2.0
#include "host/nexthop.h"

#include <errno.h>
#include <net/if_arp.h>
#include <string.h>

/* An allocation that fails leaves the element out of the table, with hh.tbl NULL. */
#define HASH_NONFATAL_OOM 1
#include "host/nexthop_state.h"

#include "base/addr.h"
#include "base/log.h"

static void log_address(const struct mz_addr *addr, const char *what, int r)
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

static int delete_row(struct mz_nexthops *nexthops, struct droplet *droplet)
{
	int r;

	if (!droplet->has_row)
		return 0;
	r = mz_table_delete(nexthops->tables, MZ_TABLE_nexthop, &droplet->addr);
	if (r == 0)
		droplet->has_row = false;
	return r;
}

static bool is_unicast(const uint8_t mac[static 6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, sizeof(zero)) != 0;
}

/* Makes the row of a droplet what its way says. */
static int write_row(struct mz_nexthops *nexthops, struct droplet *droplet)
{
	const struct way *way = droplet->way;
	const struct egress *egress = way ? way->egress : NULL;
	struct mz_nexthop row = {};
	int r;

	if (!egress || !way->has_mac || egress->link.arp_type != ARPHRD_ETHER ||
	    !(egress->link.flags & IFF_UP) || !is_unicast(way->mac) ||
	    !is_unicast(egress->link.mac))
		return delete_row(nexthops, droplet);
	row.ways[0].ifindex = (uint32_t)egress->ifindex;
	memcpy(row.ways[0].dst_mac, way->mac, sizeof(way->mac));
	memcpy(row.ways[0].src_mac, egress->link.mac, sizeof(way->mac));
	if (droplet->has_row && !memcmp(&row, &droplet->row, sizeof(row)))
		return 0;
	r = mz_table_put(nexthops->tables, MZ_TABLE_nexthop, &droplet->addr, &row);
	if (r < 0) {
		log_address(&droplet->addr, "no row", r);
		return r;
	}
	droplet->row = row;
	droplet->has_row = true;
	return 0;
}

static int write_rows(struct mz_nexthops *nexthops, struct way *way)
{
	struct droplet *droplet;
	int r = 0, row_r;

	DL_FOREACH (way->droplets, droplet) {
		row_r = write_row(nexthops, droplet);
		r = r < 0 ? r : row_r;
	}
	return r;
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
	return write_rows(nexthops, way);
}

/* What the kernel has of the neighbour, which it is asked to keep if nobody did yet. */
static int refresh_way(struct mz_nexthops *nexthops, struct way *way)
{
	struct mz_neighbour neighbour = {};
	int r = mz_neighbour_get(nexthops->nl, way->key.ifindex, &way->key.gateway, &neighbour);

	if (r == -ENOENT || (r == 0 && !neighbour.is_static && !neighbour.is_managed))
		r = register_way(nexthops, way, &neighbour);
	if (r < 0) {
		log_address(&way->key.gateway, "no neighbour", r);
		neighbour = (struct mz_neighbour){};
	}
	return mz_nexthops_update_way(nexthops, way, &neighbour);
}

static int get_way(struct mz_nexthops *nexthops, const struct mz_ip_way *ip_way,
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
		(void)refresh_way(nexthops, way); /* fails for rows only: it has none yet */
	}
	*ret_way = way;
	return 0;
}

static void release_way(struct mz_nexthops *nexthops, struct way *way)
{
	int r;

	if (way->is_managed) {
		r = mz_neighbour_use(nexthops->nl, way->key.ifindex, &way->key.gateway);
		if (r < 0)
			log_address(&way->key.gateway, "stays managed", r);
	}
	HASH_DEL(nexthops->ways, way);
	leave_egress(nexthops, way->egress);
	free(way);
}

static void leave_way(struct mz_nexthops *nexthops, struct droplet *droplet)
{
	struct way *way = droplet->way;

	if (!way)
		return;
	DL_DELETE(way->droplets, droplet);
	droplet->way = NULL;
	if (!way->droplets)
		release_way(nexthops, way);
}

int mz_nexthops_resolve(struct mz_nexthops *nexthops, struct droplet *droplet)
{
	struct mz_ip_way ip_way;
	struct way *way = NULL;
	int r = mz_ip_get_way(nexthops->nl, &droplet->addr, &nexthops->self, &ip_way);

	if (r == 0)
		r = get_way(nexthops, &ip_way, &way);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_address(&droplet->addr, "no way", r);
	if (way != droplet->way) {
		leave_way(nexthops, droplet);
		droplet->way = way;
		if (way)
			DL_APPEND(way->droplets, droplet);
	}
	return write_row(nexthops, droplet);
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
		way_r = write_rows(nexthops, way);
		r = r < 0 ? r : way_r;
	}
	return r;
}

static void refresh_egresses(struct mz_nexthops *nexthops)
{
	struct egress *egress, *next;

	HASH_ITER (hh, nexthops->egresses, egress, next) {
		/* A device that is gone has no flags: nothing goes out by it. */
		if (mz_link_by_index(nexthops->nl, egress->ifindex, &egress->link) < 0)
			egress->link.flags = 0;
	}
}

int mz_nexthops_resolve_all(struct mz_nexthops *nexthops, bool is_lost)
{
	struct droplet *droplet, *next_droplet;
	struct way *way, *next_way;
	int r = 0, one_r;

	if (is_lost)
		refresh_egresses(nexthops);
	HASH_ITER (hh, nexthops->ways, way, next_way) {
		if (is_lost || !way->has_mac)
			(void)refresh_way(nexthops, way); /* its rows are written below */
	}
	HASH_ITER (hh, nexthops->droplets, droplet, next_droplet) {
		one_r = mz_nexthops_resolve(nexthops, droplet);
		r = r < 0 ? r : one_r;
	}
	return r;
}

int mz_nexthops_add(struct mz_nexthops *nexthops, const struct mz_addr *addr)
{
	struct droplet *droplet;

	HASH_FIND(hh, nexthops->droplets, addr, sizeof(*addr), droplet);
	if (droplet)
		return 0;
	droplet = calloc(1, sizeof(*droplet));
	if (!droplet)
		return -ENOMEM;
	droplet->addr = *addr;
	droplet->has_row = !mz_table_get(nexthops->tables, MZ_TABLE_nexthop, addr, &droplet->row);
	HASH_ADD(hh, nexthops->droplets, addr, sizeof(droplet->addr), droplet);
	if (!droplet->hh.tbl) {
		free(droplet);
		return -ENOMEM;
	}
	return mz_nexthops_resolve(nexthops, droplet);
}

int mz_nexthops_remove(struct mz_nexthops *nexthops, const struct mz_addr *addr)
{
	struct droplet *droplet;
	int r;

	HASH_FIND(hh, nexthops->droplets, addr, sizeof(*addr), droplet);
	if (!droplet)
		return mz_table_delete(nexthops->tables, MZ_TABLE_nexthop, addr);
	r = delete_row(nexthops, droplet);
	if (r < 0)
		return r;
	leave_way(nexthops, droplet);
	HASH_DEL(nexthops->droplets, droplet);
	free(droplet);
	return 0;
}

static int add_known(const void *key, const void *value, void *user)
{
	return mz_nexthops_add(user, key);
}

static int drop_unknown(const void *key, const void *value, void *user)
{
	struct mz_nexthops *nexthops = user;
	struct droplet *droplet;

	HASH_FIND(hh, nexthops->droplets, key, sizeof(struct mz_addr), droplet);
	return droplet ? 0 : mz_table_delete(nexthops->tables, MZ_TABLE_nexthop, key);
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

/* Neighbours that a former mizard registered for droplets that have left meanwhile. */
static void release_orphans(struct mz_nexthops *nexthops)
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
			log_address(&orphans.keys[i].gateway, "stays managed", r);
	}
	free(orphans.keys);
}

/* First the subscription, then the reading, so that no change falls between them. */
int mz_nexthops_new(uv_loop_t *loop, struct mz_tables *tables, const struct mz_addr *self,
		    struct mz_nexthops **ret_nexthops)
{
	_cleanup_(mz_nexthops_freep) struct mz_nexthops *nexthops = calloc(1, sizeof(*nexthops));
	int r;

	if (!nexthops)
		return -ENOMEM;
	nexthops->tables = tables;
	nexthops->self = *self;
	nexthops->has_managed = true;
	r = mz_netlink_open(&nexthops->nl);
	if (r == 0)
		r = mz_follower_new(loop, nexthops, &nexthops->follower);
	if (r == 0)
		r = mz_table_each(tables, MZ_TABLE_droplet, add_known, nexthops);
	if (r == 0)
		r = mz_table_each(tables, MZ_TABLE_nexthop, drop_unknown, nexthops);
	if (r < 0)
		return r;
	release_orphans(nexthops);
	*ret_nexthops = TAKE(nexthops);
	return 0;
}

void mz_nexthops_free(struct mz_nexthops *nexthops)
{
	struct droplet *droplet, *next_droplet;
	struct egress *egress, *next_egress;
	struct way *way, *next_way;

	if (!nexthops)
		return;
	mz_follower_free(nexthops->follower);
	HASH_ITER (hh, nexthops->droplets, droplet, next_droplet) {
		HASH_DEL(nexthops->droplets, droplet);
		free(droplet);
	}
	HASH_ITER (hh, nexthops->ways, way, next_way) {
		HASH_DEL(nexthops->ways, way);
		free(way);
	}
	HASH_ITER (hh, nexthops->egresses, egress, next_egress) {
		HASH_DEL(nexthops->egresses, egress);
		free(egress);
	}
	mz_netlink_free(nexthops->nl);
	free(nexthops);
}
