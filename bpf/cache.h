/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rows that nearly every packet needs, close at hand: of the hosts that it comes from and goes to,
 * of its VPC, its port, and its destination, if that is here or not. A lookup in a table costs
 * 20 ns, one here 4. Each CPU has rows of its own, in slots that a hash chooses; who comes later
 * takes the slot.
 *
 * A row holds for the epoch that it was made in. User space changes a table first and raises the
 * epoch then; a row has the epoch that was read before its table. So what is found here, in the
 * present epoch, is what the table has.
 */
#pragma once

#include "addr.h"
#include "cursor.h"

#define CACHE_BITS	 10
#define CACHE_PORT_BITS	 8

struct cached_host {
	struct mz_addr addr;
	__u32 epoch;
	bool is_droplet;
	bool has_nexthop;
	__u8 pad[2];
	__u64 dead_until; /* ns; zero: it answers, or nobody asks it */
	struct mz_nexthop nexthop;
};

struct cached_vpc {
	__u32 vni;
	__u32 epoch;
	bool is_known;
	__u8 pad[3];
	struct mz_vpc vpc;
};

struct cached_port {
	__u32 ifindex;
	__u32 epoch;
	bool is_known;
	__u8 pad[7];
	struct mz_port port;
};

struct cached_local {
	struct mz_vni_addr key;
	__u32 epoch;
	bool is_known;
	__u8 pad[7];
	struct mz_local local;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << CACHE_BITS);
	__type(key, __u32);
	__type(value, struct cached_host);
} cached_host SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << CACHE_BITS);
	__type(key, __u32);
	__type(value, struct cached_vpc);
} cached_vpc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << CACHE_PORT_BITS);
	__type(key, __u32);
	__type(value, struct cached_port);
} cached_port SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << CACHE_BITS);
	__type(key, __u32);
	__type(value, struct cached_local);
} cached_local SEC(".maps");

/* After a program itself changed a table. */
static __always_inline void raise_epoch(void)
{
	__u32 slot = 0;
	__u32 *now = bpf_map_lookup_elem(&epoch, &slot);

	if (now)
		__sync_fetch_and_add(now, 1);
}

/* Of the highest bits of a product, which all bits of the key reach (Knuth, 6.4). */
static __always_inline __u32 cache_slot(__u32 key, __u32 bits)
{
	return key * 0x9e3779b1 >> (32 - bits);
}

static __always_inline __u32 cache_slot_of(const struct mz_addr *addr, __u32 vni)
{
	return cache_slot(addr->words_be[0] ^ addr->words_be[1] ^ addr->words_be[2] ^
				  addr->words_be[3] ^ vni,
			  CACHE_BITS);
}

GLOBAL int fill_host(__u32 slot, const struct mz_addr *addr, __u32 now)
{
	struct cached_host *row = bpf_map_lookup_elem(&cached_host, &slot);
	const struct mz_nexthop *found;
	const struct mz_dead *is_dead;

	if (!row || !addr)
		return 0;
	row->addr = *addr;
	found = table_lookup(nexthop, &row->addr);
	is_dead = table_lookup(dead, &row->addr);
	row->dead_until = is_dead ? is_dead->until : 0;
	row->is_droplet = table_lookup(droplet, &row->addr);
	row->has_nexthop = found;
	if (found)
		row->nexthop = *found;
	row->epoch = now;
	return 0;
}

static __always_inline const struct cached_host *find_host(__u32 epoch, const struct mz_addr *addr)
{
	__u32 slot = underlay_is_ipv6() ? cache_slot_of(addr, 0) :
					  cache_slot(addr->words_be[3], CACHE_BITS);
	struct cached_host *row = bpf_map_lookup_elem(&cached_host, &slot);

	if (row && (row->epoch != epoch || !addr_equal(&row->addr, addr)))
		(void)fill_host(slot, addr, epoch);
	return row;
}

/* Does it answer no echo? Then others take its part, as long as there are any. */
static __always_inline bool host_is_dead(__u32 epoch, const struct mz_addr *addr)
{
	const struct cached_host *row = find_host(epoch, addr);

	return row && row->dead_until && row->dead_until > bpf_ktime_get_coarse_ns();
}

GLOBAL int fill_vpc(struct cached_vpc *row, __u32 vni, __u32 now)
{
	const struct mz_vpc *found;

	if (!row)
		return 0;
	found = table_lookup(vpc, &vni);
	row->vni = vni;
	row->is_known = found;
	if (found)
		row->vpc = *found;
	else
		__builtin_memset(&row->vpc, 0, sizeof(row->vpc));
	row->epoch = now;
	return 0;
}

/* Empty, and not known, where this host has no role in the VPC. NULL: never. */
static __always_inline const struct cached_vpc *find_cached_vpc(struct mz_pkt *p)
{
	__u32 slot = cache_slot(p->f->vni, CACHE_BITS);
	struct cached_vpc *row = bpf_map_lookup_elem(&cached_vpc, &slot);

	if (row && (row->epoch != p->f->epoch || row->vni != p->f->vni))
		(void)fill_vpc(row, p->f->vni, p->f->epoch);
	return row;
}

GLOBAL int fill_port(struct cached_port *row, __u32 ifindex, __u32 now)
{
	const struct mz_port *found;

	if (!row)
		return 0;
	found = table_lookup(port, &ifindex);
	row->ifindex = ifindex;
	row->is_known = found;
	if (found)
		row->port = *found;
	row->epoch = now;
	return 0;
}

/* Of the device that the packet came from; NULL: it is no endpoint's. */
static __always_inline const struct mz_port *find_cached_port(struct mz_pkt *p)
{
	__u32 ifindex = ctx_ifindex(p->ctx), slot = cache_slot(ifindex, CACHE_PORT_BITS);
	struct cached_port *row = bpf_map_lookup_elem(&cached_port, &slot);

	if (!row)
		return NULL;
	if (row->epoch != p->f->epoch || row->ifindex != ifindex)
		(void)fill_port(row, ifindex, p->f->epoch);
	return row->is_known ? &row->port : NULL;
}

GLOBAL int fill_local(struct cached_local *row, const struct mz_vni_addr *key, __u32 now)
{
	const struct mz_local *found;
	struct mz_vni_addr copy;

	if (!row || !key)
		return 0;
	row->key = copy = *key;
	found = table_lookup(local, &copy);
	row->is_known = found;
	if (found)
		row->local = *found;
	row->epoch = now;
	return 0;
}

/* Of the destination; NULL: it is not on this host. */
static __always_inline const struct mz_local *find_cached_local(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->dst };
	__u32 slot = cache_slot_of(&key.addr, key.vni);
	struct cached_local *row = bpf_map_lookup_elem(&cached_local, &slot);

	if (!row)
		return NULL;
	if (row->epoch != p->f->epoch || row->key.vni != key.vni ||
	    !addr_equal(&row->key.addr, &key.addr))
		(void)fill_local(row, &key, p->f->epoch);
	return row->is_known ? &row->local : NULL;
}
