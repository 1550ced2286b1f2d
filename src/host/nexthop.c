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
#include "host/slots.h"

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

/* A way that packets can take: its neighbour is known, and its device works. */
static bool is_alive(const struct way *way)
{
	const struct mz_link *link = &way->egress->link;

	return way->has_mac && link->arp_type == ARPHRD_ETHER && link->flags & IFF_UP &&
	       link->flags & IFF_RUNNING && is_unicast(way->mac) && is_unicast(link->mac);
}

/* Returns how many ways the row has. */
static unsigned int make_row(const struct droplet *droplet, struct mz_nexthop *row)
{
	struct mz_slot_way slot_ways[MZ_WAYS_MAX] = {};
	unsigned int i, n = 0;

	for (i = 0; i < droplet->n_legs; i++) {
		const struct way *way = droplet->legs[i].way;

		slot_ways[i] = (struct mz_slot_way){ droplet->legs[i].weight, is_alive(way) };
		if (!slot_ways[i].is_alive)
			continue;
		row->ways[n].ifindex = (uint32_t)way->egress->ifindex;
		memcpy(row->ways[n].dst_mac, way->mac, sizeof(way->mac));
		memcpy(row->ways[n++].src_mac, way->egress->link.mac, sizeof(way->mac));
	}
	row->slots = mz_slots_fill(slot_ways, droplet->n_legs);
	return n;
}

/* Makes the row of a droplet what its ways say. The MTU of a former way's path goes with it. */
static int write_row(struct mz_nexthops *nexthops, struct droplet *droplet)
{
	struct mz_nexthop row = {};
	int r;

	if (!make_row(droplet, &row))
		return delete_row(nexthops, droplet);
	if (droplet->has_row && !memcmp(&row, &droplet->row, sizeof(row)))
		return 0;
	r = mz_table_put(nexthops->tables, MZ_TABLE_nexthop, &droplet->addr, &row);
	if (r < 0) {
		mz_nexthops_log(&droplet->addr, "no row", r);
		return r;
	}
	droplet->row = row;
	droplet->has_row = true;
	return 0;
}

int mz_nexthops_write_rows(struct mz_nexthops *nexthops, struct way *way)
{
	struct leg *leg;
	int r = 0, row_r;

	DL_FOREACH (way->legs, leg) {
		row_r = write_row(nexthops, leg->droplet);
		r = r < 0 ? r : row_r;
	}
	return r;
}

/* The n legs were the droplet's; ways that nobody has any more go. */
static void leave_ways(struct mz_nexthops *nexthops, struct leg *legs, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		DL_DELETE(legs[i].way->legs, &legs[i]);
		if (!legs[i].way->legs)
			mz_nexthops_release_way(nexthops, legs[i].way);
	}
}

/* Heavy ones first, else in an order that does not depend on the kernel's. */
static int compare_ways(const void *a, const void *b)
{
	const struct mz_ip_way *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	if (left->ifindex != right->ifindex)
		return left->ifindex < right->ifindex ? -1 : 1;
	return mz_addr_compare(&left->gateway, &right->gateway);
}

/*
 * Before the old ways are left, so that what is in both stays. A way that cannot be had is left
 * out, but -ENOMEM is an error, and so many are kept.
 */
static int enter_ways(struct mz_nexthops *nexthops, struct droplet *droplet,
		      struct mz_ip_ways *ip_ways)
{
	unsigned int i;
	int r;

	qsort(ip_ways->ways, ip_ways->n, sizeof(*ip_ways->ways), compare_ways);
	for (i = 0; i < ip_ways->n && droplet->n_legs < MZ_WAYS_MAX; i++) {
		struct leg *leg = &droplet->legs[droplet->n_legs];

		r = mz_nexthops_get_way(nexthops, &ip_ways->ways[i], &leg->way);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			mz_nexthops_log(&ip_ways->ways[i].gateway, "no way", r);
			continue;
		}
		leg->droplet = droplet;
		leg->weight = ip_ways->ways[i].weight;
		DL_APPEND(leg->way->legs, leg);
		droplet->n_legs++;
	}
	if (i < ip_ways->n)
		mz_nexthops_log(&droplet->addr, "of its ways, the heaviest are taken", -E2BIG);
	return 0;
}

int mz_nexthops_resolve(struct mz_nexthops *nexthops, struct droplet *droplet)
{
	struct mz_ip_ways ip_ways = {};
	struct leg old[MZ_WAYS_MAX];
	unsigned int i, n_old = droplet->n_legs;
	int r, row_r;

	r = mz_ip_get_ways(nexthops->nl, &droplet->addr, &nexthops->self, &ip_ways);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		mz_nexthops_log(&droplet->addr, "no way", r);
	for (i = 0; i < n_old; i++) {
		old[i] = droplet->legs[i];
		DL_REPLACE_ELEM(droplet->legs[i].way->legs, &droplet->legs[i], &old[i]);
	}
	droplet->n_legs = 0;
	r = enter_ways(nexthops, droplet, &ip_ways);
	leave_ways(nexthops, old, n_old);
	row_r = write_row(nexthops, droplet);
	return r < 0 ? r : row_r;
}

int mz_nexthops_resolve_all(struct mz_nexthops *nexthops, bool is_lost)
{
	struct droplet *droplet, *next_droplet;
	struct way *way, *next_way;
	int r = 0, one_r;

	if (is_lost)
		mz_nexthops_refresh_egresses(nexthops);
	HASH_ITER (hh, nexthops->ways, way, next_way) {
		if (is_lost || !way->has_mac)
			/* Its rows are written below. */
			(void)mz_nexthops_refresh_way(nexthops, way);
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
	/* Transit's, for as long as the row stays as it is. */
	droplet->row.path_mtu = droplet->row.path_mtu_until = 0;
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
	leave_ways(nexthops, droplet->legs, droplet->n_legs);
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
	mz_nexthops_release_orphans(nexthops);
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
