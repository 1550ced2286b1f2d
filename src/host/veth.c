// SPDX-License-Identifier: Apache-2.0
/*
 * The veth pair of an endpoint. Every step can be repeated, so that finding a pair, finishing one
 * that a crash left, and making one are the same path:
 *
 *	pair, in both namespaces at once -> mark -> mtu, MAC, offload -> addresses -> routes
 */
#include "host/veth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"
#include "host/offload.h"
#include "netlink/feature.h"
#include "netlink/ip.h"
#include "netlink/namespace.h"

#define HOST_SIDE_MTU 65535 /* the most that a veth device has */
#define TWIN_METRIC   0x10000 /* of routes behind all that the kernel would choose by itself */

struct pair {
	struct mz_netlink *nl;	    /* host's side */
	struct mz_netlink *peer_nl; /* endpoint's side */
	int netns_fd;
	int peer_socket_fd;
	bool is_own_netns;	    /* both ends in the host's namespace */
	bool is_new;
	const char *ifname;
	const char *client;
	const struct mz_endpoint *endpoint;
	struct mz_link link;
	struct mz_link peer;
};

static void pair_fini(struct pair *pair)
{
	mz_netlink_free(pair->nl);
	mz_netlink_free(pair->peer_nl);
	mz_closep(&pair->netns_fd);
	mz_closep(&pair->peer_socket_fd);
}

bool mz_veth_is_half_made(const struct mz_link *link)
{
	return !strcmp(link->kind, "veth") && !link->alias[0] && !(link->flags & IFF_UP);
}

static int open_in_netns(void *user)
{
	struct pair *pair = user;

	pair->peer_socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (pair->peer_socket_fd < 0)
		return -errno;
	return mz_netlink_open(&pair->peer_nl);
}

static int open_pair(struct pair *pair, const char *netns_path)
{
	int r = mz_netns_open(netns_path, &pair->netns_fd);

	if (r == 0)
		r = mz_netns_is_own(pair->netns_fd);
	if (r < 0)
		return r;
	pair->is_own_netns = r > 0;
	r = mz_netns_call(pair->netns_fd, open_in_netns, pair);
	return r < 0 ? r : mz_netlink_open(&pair->nl);
}

/* -EEXIST: its other end is not where it should be, or not by that name. */
static int find_peer(struct pair *pair)
{
	int nsid = -1, r = 0;

	if (!pair->is_own_netns)
		r = mz_link_nsid(pair->nl, pair->netns_fd, &nsid);
	if (r < 0)
		return r;
	/* A namespace that has no id from here has no other end of a device from here. */
	if (pair->link.lower_nsid != nsid || (nsid < 0 && !pair->is_own_netns))
		return -EEXIST;
	r = mz_link_by_index(pair->peer_nl, pair->link.lower_ifindex, &pair->peer);
	if (r < 0)
		return r;
	return strcmp(pair->peer.name, pair->ifname) ? -EEXIST : 0;
}

static int make_pair(struct pair *pair, const char *name, unsigned int mtu)
{
	const struct mz_veth veth = {
		.name = name,
		.peer_name = pair->ifname,
		.peer_netns_fd = pair->netns_fd,
		.mtu = mtu,
		.peer_mac = pair->endpoint->mac,
	};
	int r = mz_link_add_veth(pair->nl, &veth);

	if (r < 0)
		return r;
	pair->is_new = true;
	return mz_link_by_name(pair->nl, name, &pair->link);
}

static int find_or_make_pair(struct pair *pair, const char *name, unsigned int mtu)
{
	int r = mz_link_by_name(pair->nl, name, &pair->link);

	if (r == 0 && mz_veth_is_half_made(&pair->link)) {
		r = mz_link_delete(pair->nl, pair->link.ifindex);
		if (r == 0)
			r = -ENODEV;
	}
	if (r == -ENODEV)
		r = make_pair(pair, name, mtu);
	else if (r == 0 && !mz_veth_is_ours(&pair->link))
		r = -EEXIST;
	return r < 0 ? r : find_peer(pair);
}

/* Absent where the kernel has no IPv6: then an address will say so. */
static void write_sysctl(const char *ifname, const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", ifname, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		mz_log_debug("device %s: %s: %s", ifname, name, strerror(errno));
}

/*
 * What the host itself would send there, as on any device, is nothing that a tenant may see:
 * address checks, solicitations and MLD reports of a link-local address; where it routes, those of
 * the group of all routers. Where its sysctls are read-only the latter are left.
 */
static int silence_host_side(struct pair *pair)
{
	const struct mz_link_change change = { .no_link_local = 1 };
	int r = mz_link_change(pair->nl, pair->link.ifindex, &change);

	write_sysctl(pair->link.name, "disable_ipv6", "1");
	return r == -EAFNOSUPPORT ? 0 : r; /* without IPv6 there is nothing to silence */
}

/*
 * The mark first: what is marked is found and removed after a crash. Up is mz_device_up()'s. The
 * MTU lets everything in that an endpoint may send, whatever it thinks of its own: veth would lose
 * without a word what the agent drops by name, and tells the sender about.
 */
static int configure_host_side(struct pair *pair)
{
	char alias[MZ_LINK_ALIAS_SIZE];
	const struct mz_link_change change = { .mtu = HOST_SIDE_MTU, .alias = alias };
	int r;

	_Static_assert(sizeof(MZ_VETH_ALIAS) + 2 * MZ_NAME_SIZE + MZ_CLIENT_SIZE <=
			       MZ_LINK_ALIAS_SIZE + 1,
		       "all of it fits");
	snprintf(alias, sizeof(alias), MZ_VETH_ALIAS "%.*s/%.*s%s%s", MZ_NAME_SIZE - 1,
		 pair->endpoint->namespace_, MZ_NAME_SIZE - 1, pair->endpoint->name,
		 pair->client[0] ? " " : "", pair->client);
	r = mz_link_change(pair->nl, pair->link.ifindex, &change);
	return r < 0 ? r : silence_host_side(pair);
}

/*
 * A namespace may have IPv6 disabled for all new devices, as container runtimes like to. Addresses
 * given by the controller stay when somebody takes the device down and up again.
 */
static int enable_ipv6(void *user)
{
	const char *ifname = user;

	write_sysctl(ifname, "disable_ipv6", "0");
	write_sysctl(ifname, "keep_addr_on_down", "1");
	return 0;
}

static bool has_ipv6(const struct mz_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < endpoint->n_addrs; i++) {
		if (!mz_addr_is_ipv4(&endpoint->addrs[i].addr))
			return true;
	}
	return false;
}

/* The loopback device of the endpoint's namespace; the host's own is none of our business. */
static int set_loopback_up(struct pair *pair)
{
	const struct mz_link_change change = { .up = 1 };
	struct mz_link lo;
	int r;

	if (pair->is_own_netns)
		return 0;
	r = mz_link_by_name(pair->peer_nl, "lo", &lo);
	if (r < 0 || lo.flags & IFF_UP)
		return r;
	return mz_link_change(pair->peer_nl, lo.ifindex, &change);
}

/*
 * Super-packets that do not hold (host/offload.h): one of UDP, decapsulated in tc on the other
 * host, is lost there on many a kernel. One of a tunnel that the endpoint runs itself would get our
 * headers once, and its segments lack them; one of SCTP cannot be tunnelled.
 */
static int disable_offloads(struct pair *pair, unsigned int holds)
{
	static const char *const tcp[] = { "tx-tcp-segmentation", "tx-tcp-ecn-segmentation",
					   "tx-tcp-mangleid-segmentation",
					   "tx-tcp6-segmentation" };
	static const char *const features[] = {
		"tx-sctp-segmentation",
		"tx-udp_tnl-segmentation",
		"tx-udp_tnl-csum-segmentation",
		"tx-gre-segmentation",
		"tx-gre-csum-segmentation",
		"tx-ipxip4-segmentation",
		"tx-ipxip6-segmentation",
	};
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < ARRAY_SIZE(features); i++)
		r = mz_feature_set(pair->peer_socket_fd, pair->ifname, features[i], false);
	for (i = 0; r == 0 && !(holds & MZ_OFFLOAD_TCP) && i < ARRAY_SIZE(tcp); i++)
		r = mz_feature_set(pair->peer_socket_fd, pair->ifname, tcp[i], false);
	if (r == 0 && !(holds & MZ_OFFLOAD_UDP))
		r = mz_feature_set(pair->peer_socket_fd, pair->ifname, "tx-udp-segmentation",
				   false);
	return r;
}

static int configure_peer(struct pair *pair, unsigned int mtu, unsigned int holds)
{
	const struct mz_link_change change = {
		.up = 1,
		.mtu = mtu,
		.mac = pair->endpoint->mac,
	};
	int r;

	r = disable_offloads(pair, holds);
	if (r == 0 && has_ipv6(pair->endpoint))
		r = mz_netns_call(pair->netns_fd, enable_ipv6, (void *)pair->ifname);
	if (r == 0)
		r = set_loopback_up(pair);
	if (r == 0)
		r = mz_link_change(pair->peer_nl, pair->peer.ifindex, &change);
	return r;
}

struct twin {
	int ifindex;
	const struct mz_addr *addr;
};

static int is_twin(const struct mz_ip_address *address, void *user)
{
	const struct twin *twin = user;

	return address->ifindex != twin->ifindex && !mz_addr_compare(&address->addr, twin->addr);
}

/*
 * An endpoint that migrates within its namespace has the device of its old host beside this one for
 * a while: routes of both must be there, or none would be left when that one goes. The default
 * route is behind the other one; that to the gateway beside it, where the kernel looks for it when
 * it checks a default route. 0: there is no other device with the address.
 */
static int second_metric(struct pair *pair, const struct mz_addr *addr, unsigned int *ret_metric)
{
	struct twin twin = { .ifindex = pair->peer.ifindex, .addr = addr };
	int r = mz_ip_each_address(pair->peer_nl, is_twin, &twin);

	if (r < 0)
		return r;
	*ret_metric = r ? TWIN_METRIC + (unsigned int)pair->peer.ifindex : 0;
	return 0;
}

/*
 * A member of a group has no gateway: everything is on its link, where the agent answers for all.
 * 1: somebody else in the namespace, a first endpoint perhaps, has the default route already.
 */
static int add_address(struct pair *pair, const struct mz_addr *addr, const struct mz_addr *gateway,
		       unsigned int prefix_len)
{
	struct mz_ip_route link_route = {
		.prefix = *gateway,
		.prefix_len = 128,
		.ifindex = pair->peer.ifindex,
	};
	bool has_gateway = !mz_addr_is_zero(gateway);
	struct mz_ip_route default_route = {
		.prefix = mz_ip_default(mz_addr_is_ipv4(addr)),
		.prefix_len = mz_addr_is_ipv4(addr) ? 96 : 0,
		.gateway = has_gateway ? gateway : NULL,
		.ifindex = pair->peer.ifindex,
		.is_onlink = has_gateway,
	};
	int r;

	r = mz_ip_add_address(pair->peer_nl, pair->peer.ifindex, addr, prefix_len);
	r = r ?: second_metric(pair, addr, &default_route.metric);
	if (r < 0)
		return r;
	link_route.append = default_route.metric;
	if (has_gateway && !mz_prefix_contains(addr, prefix_len, gateway))
		r = mz_ip_add_route(pair->peer_nl, &link_route);
	/* The host's way to the rest of the world must not become the tenant's. */
	if (r < 0 || pair->is_own_netns)
		return r;
	r = default_route.metric ? 0 : mz_ip_has_default(pair->peer_nl, mz_addr_is_ipv4(addr));
	return r ? r : mz_ip_add_route(pair->peer_nl, &default_route);
}

static int configure(struct pair *pair, unsigned int mtu, unsigned int holds)
{
	const struct mz_endpoint *endpoint = pair->endpoint;
	unsigned int i;
	int r;

	r = configure_host_side(pair);
	if (r == 0)
		r = configure_peer(pair, mtu, holds);
	for (i = 0; r >= 0 && i < endpoint->n_addrs; i++)
		r = add_address(pair, &endpoint->addrs[i].addr, &endpoint->addrs[i].gateway,
				endpoint->addrs[i].prefix_len);
	return r;
}

int mz_device_add(uint64_t uid, const struct mz_endpoint *endpoint, const char *client,
		  const char *netns_path, const char *ifname, unsigned int mtu, unsigned int holds,
		  struct mz_device *ret_device)
{
	_cleanup_(pair_fini) struct pair pair = {
		.netns_fd = -1,
		.peer_socket_fd = -1,
		.ifname = ifname,
		.client = client,
		.endpoint = endpoint,
	};
	char name[IFNAMSIZ];
	int r;

	/* The kernel would take a percent sign for a pattern to number devices by. */
	if (strchr(ifname, '%') || endpoint->n_addrs > ARRAY_SIZE(endpoint->addrs))
		return -EINVAL;
	r = mz_veth_name(uid, name);
	if (r == 0)
		r = open_pair(&pair, netns_path);
	if (r == 0)
		r = find_or_make_pair(&pair, name, mtu);
	if (r == 0)
		r = configure(&pair, mtu, holds);
	if (r >= 0)
		r = mz_link_by_name(pair.nl, name, &pair.link);
	if (r < 0) {
		if (pair.is_new)
			(void)mz_link_delete(pair.nl, pair.link.ifindex); /* r says more */
		return r;
	}
	mz_veth_describe(pair.nl, &pair.link, ret_device);
	return 0;
}
