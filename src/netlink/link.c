// SPDX-License-Identifier: Apache-2.0
#include "netlink/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

static void copy_text(char *to, size_t size, const struct nlattr *attr)
{
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(to, size, "%s", mnl_attr_get_str(attr));
}

static void parse_linkinfo(const struct nlattr *linkinfo, struct mz_link *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, linkinfo) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			copy_text(link->kind, sizeof(link->kind), attr);
	}
}

static void parse_attr(const struct nlattr *attr, struct mz_link *link)
{
	bool is_u32 = mnl_attr_get_payload_len(attr) >= sizeof(uint32_t);

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		copy_text(link->name, sizeof(link->name), attr);
		break;
	case IFLA_IFALIAS:
		copy_text(link->alias, sizeof(link->alias), attr);
		break;
	case IFLA_LINKINFO:
		parse_linkinfo(attr, link);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(attr), sizeof(link->mac));
		break;
	case IFLA_MTU:
		link->mtu = is_u32 ? mnl_attr_get_u32(attr) : 0;
		break;
	case IFLA_LINK:
		link->lower_ifindex = is_u32 ? (int)mnl_attr_get_u32(attr) : 0;
		break;
	case IFLA_LINK_NETNSID:
		link->lower_nsid = is_u32 ? (int)mnl_attr_get_u32(attr) : -1;
		break;
	}
}

int mz_link_parse(const struct nlmsghdr *nlh, struct mz_link *ret_link)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct mz_link link = { .lower_nsid = -1 };
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return -EBADMSG;
	link.ifindex = ifi->ifi_index;
	link.flags = ifi->ifi_flags;
	link.arp_type = ifi->ifi_type;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		parse_attr(attr, &link);
	}
	*ret_link = link;
	return 0;
}

struct link_visit {
	int (*fn)(const struct mz_link *link, void *user);
	void *user;
};

static int visit_link(const struct nlmsghdr *nlh, void *user)
{
	struct link_visit *visit = user;
	struct mz_link link;

	if (nlh->nlmsg_type != RTM_NEWLINK || mz_link_parse(nlh, &link) < 0)
		return 0;
	return visit->fn(&link, visit->user);
}

static int keep_link(const struct mz_link *link, void *user)
{
	*(struct mz_link *)user = *link;
	return 0;
}

/* nsid -1: of the socket's own namespace. */
static int get_link(struct mz_netlink *nl, const char *name, int ifindex, int nsid,
		    struct mz_link *ret_link)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct mz_link link = {};
	struct link_visit visit = { keep_link, &link };
	int r;

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	if (nsid >= 0)
		mnl_attr_put_u32(nlh, IFLA_TARGET_NETNSID, (uint32_t)nsid);
	r = mz_netlink_get(nl, nlh, visit_link, &visit);
	if (r < 0)
		return r;
	if (!link.ifindex)
		return -ENODEV;
	*ret_link = link;
	return 0;
}

int mz_link_by_name(struct mz_netlink *nl, const char *name, struct mz_link *ret_link)
{
	if (!name[0] || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	return get_link(nl, name, 0, -1, ret_link);
}

int mz_link_by_index(struct mz_netlink *nl, int ifindex, struct mz_link *ret_link)
{
	if (ifindex <= 0)
		return -ENODEV;
	return get_link(nl, NULL, ifindex, -1, ret_link);
}

int mz_link_peer(struct mz_netlink *nl, const struct mz_link *link, struct mz_link *ret_peer)
{
	if (link->lower_ifindex <= 0)
		return -ENODEV;
	return get_link(nl, NULL, link->lower_ifindex, link->lower_nsid, ret_peer);
}

int mz_link_each(struct mz_netlink *nl, int (*fn)(const struct mz_link *link, void *user),
		 void *user)
{
	struct link_visit visit = { fn, user };
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	return mz_netlink_get(nl, nlh, visit_link, &visit);
}

static void put_peer(struct nlmsghdr *nlh, const struct mz_veth *veth)
{
	struct nlattr *peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);

	/* The peer is a message of its own: header first, then attributes. */
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, veth->peer_name);
	if (veth->mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, veth->mtu);
	if (veth->peer_mac)
		mnl_attr_put(nlh, IFLA_ADDRESS, 6, veth->peer_mac);
	if (veth->peer_netns_fd >= 0)
		mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)veth->peer_netns_fd);
	mnl_attr_nest_end(nlh, peer);
}

/* Names beyond IFNAMSIZ are the kernel's to refuse, but must fit into the request. */
static struct nlmsghdr *new_link(struct mz_netlink *nl, const char *name)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

static bool is_name(const char *name)
{
	size_t size = strnlen(name, IFNAMSIZ);

	return size > 0 && size < IFNAMSIZ;
}

int mz_link_add_veth(struct mz_netlink *nl, const struct mz_veth *veth)
{
	struct nlattr *info, *data;
	struct nlmsghdr *nlh;

	if (!is_name(veth->name) || !is_name(veth->peer_name))
		return -EINVAL;
	nlh = new_link(nl, veth->name);
	if (veth->mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, veth->mtu);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	put_peer(nlh, veth);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return mz_netlink_do(nl, nlh);
}

int mz_link_add_bridge(struct mz_netlink *nl, const char *name)
{
	struct nlattr *info;
	struct nlmsghdr *nlh;

	if (!is_name(name))
		return -EINVAL;
	nlh = new_link(nl, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(nlh, info);
	return mz_netlink_do(nl, nlh);
}

static void put_tunnel(struct nlmsghdr *nlh, const char *kind, uint16_t port)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO), *data;

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	if (!strcmp(kind, "geneve")) {
		mnl_attr_put(nlh, IFLA_GENEVE_COLLECT_METADATA, 0, NULL);
		mnl_attr_put_u16(nlh, IFLA_GENEVE_PORT, htons(port));
	} else {
		mnl_attr_put_u8(nlh, IFLA_VXLAN_COLLECT_METADATA, 1);
		mnl_attr_put_u8(nlh, IFLA_VXLAN_LEARNING, 0);
		mnl_attr_put_u16(nlh, IFLA_VXLAN_PORT, htons(port));
	}
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

int mz_link_add_tunnel(struct mz_netlink *nl, const char *name, const char *kind, uint16_t port)
{
	struct nlmsghdr *nlh;

	if (!is_name(name))
		return -EINVAL;
	nlh = new_link(nl, name);
	put_tunnel(nlh, kind, port);
	return mz_netlink_do(nl, nlh);
}

static void put_no_link_local(struct nlmsghdr *nlh)
{
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(nlh, AF_INET6);

	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
}

int mz_link_change(struct mz_netlink *nl, int ifindex, const struct mz_link_change *change)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	if (change->alias && strlen(change->alias) >= MZ_LINK_ALIAS_SIZE)
		return -EINVAL;
	ifi->ifi_index = ifindex;
	if (change->up) {
		ifi->ifi_flags = IFF_UP;
		ifi->ifi_change = IFF_UP;
	} else if (change->down) {
		ifi->ifi_change = IFF_UP;
	}
	if (change->mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, change->mtu);
	if (change->master)
		mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)change->master);
	if (change->mac)
		mnl_attr_put(nlh, IFLA_ADDRESS, 6, change->mac);
	if (change->no_link_local)
		put_no_link_local(nlh);
	if (change->alias)
		mnl_attr_put_str(nlh, IFLA_IFALIAS, change->alias);
	return mz_netlink_do(nl, nlh);
}

int mz_link_delete(struct mz_netlink *nl, int ifindex)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_DELLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	int r;

	ifi->ifi_index = ifindex;
	r = mz_netlink_do(nl, nlh);
	return r == -ENODEV ? 0 : r;
}

static int keep_nsid(const struct nlmsghdr *nlh, void *user)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtgenmsg)) {
		if (mnl_attr_get_type(attr) == NETNSA_NSID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			*(int *)user = (int)mnl_attr_get_u32(attr);
	}
	return 0;
}

int mz_link_nsid(struct mz_netlink *nl, int netns_fd, int *ret_nsid)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETNSID, 0);
	int nsid = -1, r;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(nlh, NETNSA_FD, (uint32_t)netns_fd);
	r = mz_netlink_get(nl, nlh, keep_nsid, &nsid);
	if (r < 0)
		return r;
	*ret_nsid = nsid;
	return 0;
}
