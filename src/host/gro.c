// SPDX-License-Identifier: Apache-2.0
#include "host/gro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/feature.h"

#define ALIAS "mizar tunnels of "
#define N_ATTEMPTS 16
#define CUT_MTU	   65535 /* the most that a veth device has */

enum device { GRO, CUT, IN, N_DEVICES };

static void name_of(enum device device, uint16_t port, char ret_name[static IFNAMSIZ])
{
	snprintf(ret_name, IFNAMSIZ, "mz%s%u%s", device == GRO ? "gro" : "cut", port,
		 device == IN ? "in" : "");
}

/* A longer directory is cut off, the same way every time. */
static void alias_of(const char *dir, char ret_alias[static MZ_LINK_ALIAS_SIZE])
{
	snprintf(ret_alias, MZ_LINK_ALIAS_SIZE, ALIAS "%s", dir);
}

static bool is_kind(enum device device, const char *kind)
{
	if (device != GRO)
		return !strcmp(kind, "veth");
	return !strcmp(kind, "geneve") || !strcmp(kind, "vxlan");
}

/* -ENODEV; -EEXIST: not ours. */
static int find(struct mz_netlink *nl, enum device device, const char *dir, uint16_t port,
		struct mz_link *ret_link)
{
	char name[IFNAMSIZ], alias[MZ_LINK_ALIAS_SIZE];
	struct mz_link link;
	int r;

	name_of(device, port, name);
	alias_of(dir, alias);
	r = mz_link_by_name(nl, name, &link);
	if (r < 0)
		return r;
	/* Without an alias and down: made by a mizard that was killed before it said so. */
	if (!is_kind(device, link.kind) ||
	    (strcmp(link.alias, alias) && (link.alias[0] || link.flags & IFF_UP)))
		return -EEXIST;
	*ret_link = link;
	return 0;
}

int mz_gro_find(const char *dir, uint16_t port, struct mz_link *ret_link)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	int r = mz_netlink_open(&nl);

	return r < 0 ? r : find(nl, GRO, dir, port, ret_link);
}

/* Known as ours from now on, and silent. */
static int mark(struct mz_netlink *nl, const char *dir, int ifindex)
{
	char alias[MZ_LINK_ALIAS_SIZE];
	const struct mz_link_change change = { .alias = alias }, quiet = { .no_link_local = 1 };
	int r = mz_link_change(nl, ifindex, &quiet);

	alias_of(dir, alias);
	if (r < 0 && r != -EAFNOSUPPORT) /* without IPv6 there is nothing to keep quiet */
		return r;
	return mz_link_change(nl, ifindex, &change);
}

static int make(struct mz_netlink *nl, uint16_t port)
{
	char name[IFNAMSIZ];
	int r;

	name_of(GRO, port, name);
	r = mz_link_add_tunnel(nl, name, "geneve", port);
	return r == -EOPNOTSUPP ? mz_link_add_tunnel(nl, name, "vxlan", port) : r;
}

int mz_gro_add(const char *dir, uint16_t port, struct mz_link *ret_link)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct mz_link link;
	int r = mz_netlink_open(&nl);

	if (r < 0)
		return r;
	r = find(nl, GRO, dir, port, &link);
	if (r == -ENODEV) {
		r = make(nl, port);
		if (r == 0)
			r = find(nl, GRO, dir, port, &link);
	}
	if (r == 0)
		r = mark(nl, dir, link.ifindex);
	if (r == 0)
		*ret_link = link;
	return r;
}

static int make_cut(struct mz_netlink *nl, uint16_t port)
{
	char name[IFNAMSIZ], peer_name[IFNAMSIZ];
	const struct mz_veth veth = {
		.name = name,
		.peer_name = peer_name,
		.peer_netns_fd = -1,
		.mtu = CUT_MTU,
	};

	name_of(CUT, port, name);
	name_of(IN, port, peer_name);
	return mz_link_add_veth(nl, &veth);
}

/* What the device does not do itself the kernel does before: here, whatever is in a tunnel. */
static int disable_tunnels(const struct mz_link *cut)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = mz_feature_set(fd, cut->name, "tx-udp_tnl-segmentation", false);
	return r ?: mz_feature_set(fd, cut->name, "tx-udp_tnl-csum-segmentation", false);
}

int mz_gro_add_cut(const char *dir, uint16_t port, int *ret_cut, int *ret_in)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct mz_link cut, in;
	int r = mz_netlink_open(&nl);

	if (r < 0)
		return r;
	r = find(nl, CUT, dir, port, &cut);
	if (r == -ENODEV) {
		r = make_cut(nl, port);
		if (r == 0)
			r = find(nl, CUT, dir, port, &cut);
	}
	if (r == 0)
		r = find(nl, IN, dir, port, &in);
	if (r == 0)
		r = disable_tunnels(&cut);
	if (r == 0)
		r = mark(nl, dir, cut.ifindex);
	if (r == 0)
		r = mark(nl, dir, in.ifindex);
	if (r < 0)
		return r;
	*ret_cut = cut.ifindex;
	*ret_in = in.ifindex;
	return 0;
}

struct search {
	char alias[MZ_LINK_ALIAS_SIZE];
	char except[N_DEVICES][IFNAMSIZ];
	int ifindex;
};

static int match(const struct mz_link *link, void *user)
{
	struct search *search = user;

	if (strcmp(link->alias, search->alias))
		return 0;
	for (int device = 0; device < N_DEVICES; device++) {
		if (!strcmp(link->name, search->except[device]))
			return 0;
	}
	search->ifindex = link->ifindex;
	return 0;
}

/* One a round, until none is left. */
int mz_gro_delete(const char *dir, uint16_t except)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct search search;
	int r = mz_netlink_open(&nl);

	alias_of(dir, search.alias);
	for (int device = 0; device < N_DEVICES; device++)
		name_of((enum device)device, except, search.except[device]);
	for (int attempt = 0; r == 0 && attempt < N_ATTEMPTS; attempt++) {
		search.ifindex = 0;
		r = mz_link_each(nl, match, &search);
		if (r == -EINTR) { /* they changed meanwhile */
			r = 0;
			continue;
		}
		if (r == 0 && !search.ifindex)
			return 0;
		if (r == 0)
			r = mz_link_delete(nl, search.ifindex);
	}
	return r;
}
