// SPDX-License-Identifier: Apache-2.0
/*
 * Which devices there are, and which of them are mizard's: a veth device named "mz" and the uid in
 * hex, with an alias that begins with "mizar " and ends with the client. All is asked of the kernel
 * every time. The making is in veth.c.
 */
#include "host/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "host/veth.h"
#include "netlink/ip.h"

#define DUMP_ATTEMPTS 8

int mz_veth_name(uint64_t uid, char ret_name[static IFNAMSIZ])
{
	if (uid > MZ_VETH_UID_MAX)
		return -EINVAL;
	snprintf(ret_name, IFNAMSIZ, "mz%" PRIx64, uid);
	return 0;
}

static int parse_name(const char *name, uint64_t *ret_uid)
{
	char same[IFNAMSIZ];
	uint64_t uid;

	if (sscanf(name, "mz%13" SCNx64, &uid) != 1 || mz_veth_name(uid, same) < 0 ||
	    strcmp(name, same))
		return -EINVAL;
	*ret_uid = uid;
	return 0;
}

bool mz_veth_is_ours(const struct mz_link *link)
{
	return !strcmp(link->kind, "veth") &&
	       !strncmp(link->alias, MZ_VETH_ALIAS, strlen(MZ_VETH_ALIAS));
}

/* The MTU of an endpoint's device is that of the endpoint's end. */
void mz_veth_describe(struct mz_netlink *nl, const struct mz_link *link,
		      struct mz_device *ret_device)
{
	struct mz_link peer;
	bool has_peer = mz_veth_is_ours(link) && mz_link_peer(nl, link, &peer) >= 0;
	struct mz_device device = {
		.ifindex = link->ifindex,
		.mtu = has_peer ? peer.mtu : link->mtu,
		.peer_elsewhere = link->lower_nsid >= 0,
	};
	const char *client = NULL;

	memcpy(device.ifname, link->name, sizeof(device.ifname));
	if (mz_veth_is_ours(link))
		client = strchr(link->alias + strlen(MZ_VETH_ALIAS), ' ');
	if (client)
		snprintf(device.client, sizeof(device.client), "%s", client + 1);
	*ret_device = device;
}

int mz_device_find(uint64_t uid, struct mz_device *ret_device)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	char name[IFNAMSIZ];
	struct mz_link link;
	int r;

	r = mz_veth_name(uid, name);
	if (r == 0)
		r = mz_netlink_open(&nl);
	if (r == 0)
		r = mz_link_by_name(nl, name, &link);
	if (r < 0)
		return r;
	if (!mz_veth_is_ours(&link))
		return -ENODEV;
	mz_veth_describe(nl, &link, ret_device);
	return 0;
}

static int change_device(int ifindex, const struct mz_link_change *change)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	int r = ifindex > 0 ? mz_netlink_open(&nl) : -ENODEV;

	return r < 0 ? r : mz_link_change(nl, ifindex, change);
}

int mz_device_up(int ifindex)
{
	return change_device(ifindex, &(struct mz_link_change){ .up = 1 });
}

int mz_device_down(int ifindex)
{
	return change_device(ifindex, &(struct mz_link_change){ .down = 1 });
}

int mz_device_delete(uint64_t uid)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	char name[IFNAMSIZ];
	struct mz_link link;
	int r;

	if (mz_veth_name(uid, name) < 0)
		return 0; /* no such device was ever made */
	r = mz_netlink_open(&nl);
	if (r == 0)
		r = mz_link_by_name(nl, name, &link);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (!mz_veth_is_ours(&link) && !mz_veth_is_half_made(&link))
		return 0;
	return mz_link_delete(nl, link.ifindex);
}

struct found {
	uint64_t uid;
	struct mz_link link;
};

struct found_devices {
	struct found *devices;
	size_t n;
	size_t room;
};

static void found_devices_fini(struct found_devices *found)
{
	free(found->devices);
}

static int keep_ours(const struct mz_link *link, void *user)
{
	struct found_devices *found = user;
	struct found *devices;
	uint64_t uid;

	if (!mz_veth_is_ours(link) || parse_name(link->name, &uid) < 0)
		return 0;
	if (found->n == found->room) {
		devices = reallocarray(found->devices, found->room * 2 + 64, sizeof(*devices));
		if (!devices)
			return -ENOMEM;
		found->devices = devices;
		found->room = found->room * 2 + 64;
	}
	found->devices[found->n].uid = uid;
	found->devices[found->n].link = *link;
	found->n++;
	return 0;
}

/* All of them first: fn may delete what it is given. */
int mz_device_each(int (*fn)(uint64_t uid, const struct mz_device *device, void *user), void *user)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	_cleanup_(found_devices_fini) struct found_devices found = {};
	int attempt, r;
	size_t i;

	r = mz_netlink_open(&nl);
	if (r < 0)
		return r;
	for (attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
		found.n = 0;
		r = mz_link_each(nl, keep_ours, &found);
		if (r != -EINTR)
			break;
	}
	for (i = 0; r == 0 && i < found.n; i++) {
		struct mz_device device;

		mz_veth_describe(nl, &found.devices[i].link, &device);
		r = fn(found.devices[i].uid, &device, user);
	}
	return r;
}

int mz_device_by_name(const char *ifname, struct mz_device *ret_device)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct mz_link link;
	int r;

	r = mz_netlink_open(&nl);
	if (r == 0)
		r = mz_link_by_name(nl, ifname, &link);
	if (r == 0)
		mz_veth_describe(nl, &link, ret_device);
	return r;
}

struct address_search {
	const struct mz_addr *addr;
	int ifindex;
};

static int match_address(const struct mz_ip_address *address, void *user)
{
	struct address_search *search = user;

	if (!mz_addr_compare(&address->addr, search->addr))
		search->ifindex = address->ifindex;
	return 0;
}

int mz_device_by_address(const struct mz_addr *addr, struct mz_device *ret_device)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct address_search search = { .addr = addr };
	struct mz_link link;
	int attempt, r;

	r = mz_netlink_open(&nl);
	if (r < 0)
		return r;
	for (attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
		r = mz_ip_each_address(nl, match_address, &search);
		if (r != -EINTR)
			break;
	}
	if (r < 0)
		return r;
	if (!search.ifindex)
		return -EADDRNOTAVAIL;
	r = mz_link_by_index(nl, search.ifindex, &link);
	if (r == 0)
		mz_veth_describe(nl, &link, ret_device);
	return r == -ENODEV ? -EADDRNOTAVAIL : r;
}
