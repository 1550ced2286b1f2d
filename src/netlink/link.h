/* SPDX-License-Identifier: Apache-2.0 */
/* Network devices: reading, making, changing, deleting. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "netlink/netlink.h"

#define MZ_LINK_ALIAS_SIZE 256 /* IFALIASZ */

struct mz_link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16];		/* "veth", "bridge"; "" for real hardware */
	char alias[MZ_LINK_ALIAS_SIZE];
	unsigned int flags;	/* IFF_* */
	unsigned int arp_type;	/* ARPHRD_* */
	unsigned int mtu;
	uint8_t mac[6];
	int lower_ifindex;	/* the other end of a veth pair, in its own namespace; 0: none */
	int lower_nsid;		/* the id of that namespace as seen from here; -1: the same */
};

/* Of an RTM_NEWLINK or RTM_DELLINK message; -EBADMSG. */
int mz_link_parse(const struct nlmsghdr *nlh, struct mz_link *ret_link);

/* -ENODEV. */
int mz_link_by_name(struct mz_netlink *nl, const char *name, struct mz_link *ret_link);
int mz_link_by_index(struct mz_netlink *nl, int ifindex, struct mz_link *ret_link);
/* The other end of a veth pair, in whatever namespace. */
int mz_link_peer(struct mz_netlink *nl, const struct mz_link *link, struct mz_link *ret_peer);
/* Every device of the socket's namespace. Returns the first non-zero value of fn, or 0. */
int mz_link_each(struct mz_netlink *nl, int (*fn)(const struct mz_link *link, void *user),
		 void *user);

struct mz_veth {
	const char *name;
	const char *peer_name;
	int peer_netns_fd;	 /* -1: the same namespace */
	unsigned int mtu;	 /* of both ends; 0: the kernel's choice */
	const uint8_t *peer_mac; /* NULL: random */
};

/* Both ends, down. -EEXIST: one of the names is in use. */
int mz_link_add_veth(struct mz_netlink *nl, const struct mz_veth *veth);
/* -EEXIST. */
int mz_link_add_bridge(struct mz_netlink *nl, const char *name);
/*
 * A tunnel device ("geneve", "vxlan") for all its port's packets (collect metadata), down.
 * -EOPNOTSUPP: the kernel has no such kind; -EEXIST, -EPERM: the name, or the port, has another.
 */
int mz_link_add_tunnel(struct mz_netlink *nl, const char *name, const char *kind, uint16_t port);

/* What is zero or NULL stays as it is. */
struct mz_link_change {
	unsigned int up : 1;
	unsigned int down : 1;
	unsigned int no_link_local : 1; /* IPv6 makes it no address; -EAFNOSUPPORT */
	unsigned int mtu;
	int master;	     /* ifindex of a bridge */
	const uint8_t *mac;
	const char *alias;
};

int mz_link_change(struct mz_netlink *nl, int ifindex, const struct mz_link_change *change);

/* Absent is success. */
int mz_link_delete(struct mz_netlink *nl, int ifindex);

/* The id that the socket's namespace has for another one; -1: none. */
int mz_link_nsid(struct mz_netlink *nl, int netns_fd, int *ret_nsid);
