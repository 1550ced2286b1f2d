// SPDX-License-Identifier: Apache-2.0
#include "host/gro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALIAS "mizar tunnels of "
#define N_ATTEMPTS 8

static void name_of(uint16_t port, char ret_name[static IFNAMSIZ])
{
	snprintf(ret_name, IFNAMSIZ, "mzgro%u", port);
}

/* A longer directory is cut off, the same way every time. */
static void alias_of(const char *dir, char ret_alias[static MZ_LINK_ALIAS_SIZE])
{
	snprintf(ret_alias, MZ_LINK_ALIAS_SIZE, ALIAS "%s", dir);
}

static bool is_tunnel(const struct mz_link *link)
{
	return !strcmp(link->kind, "geneve") || !strcmp(link->kind, "vxlan");
}

static int find(struct mz_netlink *nl, const char *dir, uint16_t port, struct mz_link *ret_link)
{
	char name[IFNAMSIZ], alias[MZ_LINK_ALIAS_SIZE];
	struct mz_link link;
	int r;

	name_of(port, name);
	alias_of(dir, alias);
	r = mz_link_by_name(nl, name, &link);
	if (r < 0)
		return r;
	/* Without an alias and down: made by a mizard that was killed before it said so. */
	if (!is_tunnel(&link) || (strcmp(link.alias, alias) &&
				  (link.alias[0] || link.flags & IFF_UP)))
		return -EEXIST;
	*ret_link = link;
	return 0;
}

int mz_gro_find(const char *dir, uint16_t port, struct mz_link *ret_link)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	int r = mz_netlink_open(&nl);

	return r < 0 ? r : find(nl, dir, port, ret_link);
}

static int make(struct mz_netlink *nl, uint16_t port)
{
	char name[IFNAMSIZ];
	int r;

	name_of(port, name);
	r = mz_link_add_tunnel(nl, name, "geneve", port);
	return r == -EOPNOTSUPP ? mz_link_add_tunnel(nl, name, "vxlan", port) : r;
}

int mz_gro_add(const char *dir, uint16_t port, struct mz_link *ret_link)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	char alias[MZ_LINK_ALIAS_SIZE];
	const struct mz_link_change change = { .alias = alias }, quiet = { .no_link_local = 1 };
	int r = mz_netlink_open(&nl);

	if (r < 0)
		return r;
	alias_of(dir, alias);
	r = find(nl, dir, port, ret_link);
	if (r == -ENODEV) {
		r = make(nl, port);
		if (r == 0)
			r = find(nl, dir, port, ret_link);
	}
	if (r == 0)
		r = mz_link_change(nl, ret_link->ifindex, &quiet);
	if (r == 0 || r == -EAFNOSUPPORT) /* without IPv6 there is nothing to keep quiet */
		r = mz_link_change(nl, ret_link->ifindex, &change);
	return r;
}

struct search {
	char alias[MZ_LINK_ALIAS_SIZE];
	char except[IFNAMSIZ];
	int ifindex;
};

static int match(const struct mz_link *link, void *user)
{
	struct search *search = user;

	if (is_tunnel(link) && !strcmp(link->alias, search->alias) &&
	    strcmp(link->name, search->except))
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
	name_of(except, search.except);
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
