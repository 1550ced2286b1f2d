// SPDX-License-Identifier: Apache-2.0
/* See ipam.h. An address is counted by its offset in the prefix; 2^63 of them are enough. */
#include "controller/ipam.h"

#include <errno.h>
#include <stdlib.h>

#include <uthash.h>

#define OFFSET_BITS_MAX 63

struct cursor {
	uint64_t network;
	uint64_t next[CTL_NETWORK_PREFIXES_MAX]; /* offset to try first */
	UT_hash_handle hh;
};

struct ctl_ipam {
	struct cursor *cursors;
};

int ctl_ipam_new(struct ctl_ipam **ret_ipam)
{
	struct ctl_ipam *ipam = calloc(1, sizeof(*ipam));

	if (!ipam)
		return -ENOMEM;
	*ret_ipam = ipam;
	return 0;
}

void ctl_ipam_free(struct ctl_ipam *ipam)
{
	struct cursor *cursor, *next;

	if (!ipam)
		return;
	HASH_ITER(hh, ipam->cursors, cursor, next) {
		HASH_DEL(ipam->cursors, cursor);
		free(cursor);
	}
	free(ipam);
}

static struct cursor *get_cursor(struct ctl_ipam *ipam, uint64_t network)
{
	struct cursor *cursor;

	HASH_FIND(hh, ipam->cursors, &network, sizeof(network), cursor);
	if (cursor)
		return cursor;
	cursor = calloc(1, sizeof(*cursor));
	if (!cursor)
		return NULL;
	cursor->network = network;
	HASH_ADD(hh, ipam->cursors, network, sizeof(cursor->network), cursor);
	return cursor;
}

static uint64_t n_offsets(const struct ctl_prefix *prefix)
{
	unsigned int bits = 128 - prefix->len;

	return 1ULL << (bits < OFFSET_BITS_MAX ? bits : OFFSET_BITS_MAX);
}

static uint64_t offset_of(const struct ctl_prefix *prefix, const struct mz_addr *addr)
{
	uint64_t offset = 0;
	int i;

	for (i = 8; i < 16; i++)
		offset = offset << 8 | addr->bytes[i];
	return offset & (n_offsets(prefix) - 1);
}

const char *ctl_ipam_refuses(const struct ctl_network_facts *facts, unsigned int prefix,
			     const struct mz_addr *addr)
{
	const struct ctl_prefix *p = &facts->prefixes[prefix];

	if (!mz_addr_compare(addr, &facts->gateways[prefix]))
		return "is the network's gateway";
	if (!mz_addr_compare(addr, &p->addr))
		return "is the address of the network itself";
	if (mz_addr_is_ipv4(addr) && offset_of(p, addr) == n_offsets(p) - 1)
		return "is the network's broadcast address";
	return NULL;
}

int ctl_ipam_allocate(struct ctl_ipam *ipam, const struct ctl_network_facts *facts,
		      unsigned int prefix, ctl_ipam_take_fn take, void *user,
		      struct mz_addr *ret_addr)
{
	const struct ctl_prefix *p = &facts->prefixes[prefix];
	struct cursor *cursor = get_cursor(ipam, facts->uid);
	uint64_t i, n = n_offsets(p);
	int r;

	if (!cursor)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct mz_addr addr = mz_addr_add(&p->addr, cursor->next[prefix]);

		cursor->next[prefix] = (cursor->next[prefix] + 1) & (n - 1);
		if (ctl_ipam_refuses(facts, prefix, &addr))
			continue;
		r = take(&addr, user);
		if (r == -EADDRINUSE)
			continue;
		if (r < 0)
			return r;
		*ret_addr = addr;
		return 0;
	}
	return -ENOSPC;
}

void ctl_ipam_seen(struct ctl_ipam *ipam, const struct ctl_network_facts *facts,
		   const struct mz_addr *addr)
{
	int prefix = ctl_network_facts_prefix_of(facts, addr);
	struct cursor *cursor;
	uint64_t next;

	if (prefix < 0)
		return;
	cursor = get_cursor(ipam, facts->uid);
	if (!cursor)
		return; /* only a hint: the first allocation looks longer */
	next = (offset_of(&facts->prefixes[prefix], addr) + 1) &
	       (n_offsets(&facts->prefixes[prefix]) - 1);
	if (next > cursor->next[prefix])
		cursor->next[prefix] = next;
}

void ctl_ipam_forget(struct ctl_ipam *ipam, uint64_t network)
{
	struct cursor *cursor;

	HASH_FIND(hh, ipam->cursors, &network, sizeof(network), cursor);
	if (!cursor)
		return;
	HASH_DEL(ipam->cursors, cursor);
	free(cursor);
}
