/* SPDX-License-Identifier: Apache-2.0 */
/* The underlay: a bridge or a router in -net, and a veth pair from there to every other place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "lab/internal.h"
#include "netlink/ip.h"
#include "netlink/link.h"
#include "netlink/namespace.h"

#define BRIDGE "br0"

static unsigned int prefix_len(const struct mz_lab *lab)
{
	return lab->ipv6 ? 64 : 96 + 24;
}

static int open_place(const struct mz_lab *lab, unsigned int place, int *ret_fd,
		      struct mz_netlink **ret_nl)
{
	char path[MZ_LAB_PATH_SIZE];
	_cleanup_close_ int fd = -1;
	int r;

	r = mz_netns_open(mz_lab_netns_path(lab, place, path), &fd);
	if (!r)
		r = mz_netlink_open_at(fd, ret_nl);
	if (!r)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static int add_bridge(const struct mz_lab *lab, struct mz_netlink *net, int *ret_ifindex)
{
	struct mz_link bridge;
	int r;

	r = mz_link_add_bridge(net, BRIDGE);
	if (r < 0 && r != -EEXIST)
		return r;
	r = mz_link_by_name(net, BRIDGE, &bridge);
	if (!r)
		r = mz_link_change(net, bridge.ifindex,
				   &(struct mz_link_change){ .up = 1, .mtu = lab->mtu });
	if (!r)
		*ret_ifindex = bridge.ifindex;
	return r;
}

static int forward(void *user)
{
	const struct mz_lab *lab = user;
	_cleanup_close_ int fd = open(lab->ipv6 ? "/proc/sys/net/ipv6/conf/all/forwarding"
						: "/proc/sys/net/ipv4/ip_forward",
				      O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, "1", 1) == 1 ? 0 : -errno;
}

/* The router's address on a place's segment. */
static struct mz_addr gateway_of(const struct mz_addr *addr)
{
	struct mz_addr gateway = *addr;

	gateway.bytes[15] = 1;
	return gateway;
}

static int set_up_place(const struct mz_lab *lab, unsigned int place, struct mz_netlink *nl)
{
	char text[MZ_LAB_PLACE_SIZE];
	struct mz_addr addr, gateway;
	struct mz_link link;
	int r;

	r = mz_addr_parse(mz_lab_address(lab, place, text), &addr);
	if (!r)
		r = mz_link_by_name(nl, MZ_LAB_DEVICE, &link);
	if (!r)
		r = mz_link_change(nl, link.ifindex,
				   &(struct mz_link_change){ .up = 1, .mtu = lab->mtu });
	if (!r)
		r = mz_ip_add_address(nl, link.ifindex, &addr, prefix_len(lab));
	if (r < 0 || !lab->routed)
		return r;
	gateway = gateway_of(&addr);
	return mz_ip_add_route(nl, &(struct mz_ip_route){ .prefix = mz_ip_default(!lab->ipv6),
							  .prefix_len = lab->ipv6 ? 0 : 96,
							  .gateway = &gateway,
							  .ifindex = link.ifindex,
							  .replace = true });
}

/* The -net end: a port of the bridge, or the router's address. */
static int set_up_port(const struct mz_lab *lab, unsigned int place, int net_fd,
		       struct mz_netlink *net, int bridge)
{
	char name[MZ_LAB_PLACE_SIZE], text[MZ_LAB_PLACE_SIZE];
	struct mz_addr addr;
	struct mz_link port;
	int r;

	r = mz_link_by_name(net, mz_lab_place_name(place, name), &port);
	if (!r)
		r = mz_link_change(
			net, port.ifindex,
			&(struct mz_link_change){ .up = 1, .mtu = lab->mtu, .master = bridge });
	if (!r && !strcmp(lab->transit, "xdp"))
		r = mz_netns_call(net_fd, mz_lab_suit_xdp, name);
	if (r < 0 || !lab->routed)
		return r;
	r = mz_addr_parse(mz_lab_address(lab, place, text), &addr);
	if (r < 0)
		return r;
	addr = gateway_of(&addr);
	return mz_ip_add_address(net, port.ifindex, &addr, prefix_len(lab));
}

static int add_place(const struct mz_lab *lab, unsigned int place, int net_fd,
		     struct mz_netlink *net, int bridge)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	_cleanup_close_ int fd = -1;
	char name[MZ_LAB_PLACE_SIZE];
	int r;

	r = open_place(lab, place, &fd, &nl);
	if (r < 0)
		return r;
	r = mz_link_add_veth(net, &(struct mz_veth){ .name = mz_lab_place_name(place, name),
						     .peer_name = MZ_LAB_DEVICE,
						     .peer_netns_fd = fd,
						     .mtu = lab->mtu });
	if (r < 0 && r != -EEXIST)
		return r;
	r = set_up_port(lab, place, net_fd, net, bridge);
	if (!r)
		r = set_up_place(lab, place, nl);
	if (r < 0)
		mz_lab_say(lab, "%s: %s %s%s%s", mz_lab_place_name(place, name), MZ_LAB_DEVICE,
			   strerror(-r), *mz_netlink_error(nl) ? ": " : "", mz_netlink_error(nl));
	return r;
}

int mz_lab_underlay_add(const struct mz_lab *lab)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *net = NULL;
	_cleanup_close_ int fd = -1;
	int bridge = 0;
	int r;

	r = open_place(lab, MZ_LAB_NET, &fd, &net);
	if (!r)
		r = lab->routed ? mz_netns_call(fd, forward, (void *)lab)
				: add_bridge(lab, net, &bridge);
	for (unsigned int place = 1; !r && place <= lab->n_hosts; place++)
		r = add_place(lab, place, fd, net, bridge);
	return r ?: add_place(lab, MZ_LAB_CTL, fd, net, bridge);
}
