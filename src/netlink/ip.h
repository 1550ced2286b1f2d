/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and routes of devices. Prefix lengths count in 128 bits, as everywhere. Present on
 * add is success.
 */
#pragma once

#include <stdbool.h>

#include "mizar/tables.h"
#include "netlink/netlink.h"

/* Without duplicate address detection: whoever gives out the addresses has seen to that. */
int mz_ip_add_address(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr,
		      unsigned int prefix_len);

struct mz_ip_address {
	int ifindex;
	unsigned int prefix_len;
	struct mz_addr addr;
};

/* Every address of the socket's namespace. Returns the first non-zero value of fn, or 0. */
int mz_ip_each_address(struct mz_netlink *nl,
		       int (*fn)(const struct mz_ip_address *address, void *user), void *user);

struct mz_ip_route {
	struct mz_addr prefix; /* IPv4 or IPv6; its family is that of the route */
	unsigned int prefix_len;
	const struct mz_addr *gateway; /* NULL: on the link itself */
	int ifindex;		       /* 0: the kernel finds it from the gateway */
	bool is_onlink;		       /* the gateway is on the link, whatever the addresses say */
	bool replace;		       /* instead of the route that the prefix has */
	bool append;		       /* beside it, by another device */
	unsigned int metric;	       /* behind routes with a lower one; 0: the kernel's own */
};

int mz_ip_add_route(struct mz_netlink *nl, const struct mz_ip_route *route);

/* A way by which the kernel sends to an address. */
struct mz_ip_way {
	int ifindex;
	struct mz_addr gateway; /* of either family; the address itself if it is on the link */
	unsigned int weight;	/* beside the others; at least 1 */
};

#define MZ_IP_WAYS_MAX 32

struct mz_ip_ways {
	unsigned int n;
	struct mz_ip_way ways[MZ_IP_WAYS_MAX];
};

/*
 * All ways of the route to an address; of a route with more than there is room for, the first.
 * source: NULL, or an address of this host. -ENETUNREACH and others: no way off this host.
 */
int mz_ip_get_ways(struct mz_netlink *nl, const struct mz_addr *to, const struct mz_addr *source,
		   struct mz_ip_ways *ret_ways);

/* 1: the main table has a default route of the family, by whatever way; 0: it has none. */
int mz_ip_has_default(struct mz_netlink *nl, bool ipv4);

/* The prefix of a default route: 0.0.0.0/0 or ::/0. */
struct mz_addr mz_ip_default(bool ipv4);

/* Puts the 4 or 16 bytes of an address; returns its family. */
int mz_ip_put(struct nlmsghdr *nlh, uint16_t type, const struct mz_addr *addr);
/* -EBADMSG: the attribute has not the size of the family's addresses. */
int mz_ip_parse(const struct nlattr *attr, int family, struct mz_addr *ret_addr);
