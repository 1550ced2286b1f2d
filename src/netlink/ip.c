// SPDX-License-Identifier: Apache-2.0
#include "netlink/ip.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"

static const struct mz_addr ipv4_zero = { .bytes = { [10] = 0xff, [11] = 0xff } };

struct mz_addr mz_ip_default(bool ipv4)
{
	return ipv4 ? ipv4_zero : (struct mz_addr){};
}

int mz_ip_put(struct nlmsghdr *nlh, uint16_t type, const struct mz_addr *addr)
{
	if (mz_addr_is_ipv4(addr)) {
		mnl_attr_put(nlh, type, 4, addr->bytes + 12);
		return AF_INET;
	}
	mnl_attr_put(nlh, type, 16, addr->bytes);
	return AF_INET6;
}

int mz_ip_parse(const struct nlattr *attr, int family, struct mz_addr *ret_addr)
{
	size_t size = family == AF_INET ? 4 : 16;
	struct mz_addr addr = family == AF_INET ? ipv4_zero : (struct mz_addr){};

	if (mnl_attr_get_payload_len(attr) != size)
		return -EBADMSG;
	memcpy(addr.bytes + 16 - size, mnl_attr_get_payload(attr), size);
	*ret_addr = addr;
	return 0;
}

/* A length in 128 bits as the family counts it. */
static uint8_t family_len(int family, unsigned int len)
{
	return (uint8_t)(family == AF_INET ? len - 96 : len);
}

int mz_ip_add_address(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr,
		      unsigned int prefix_len)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	int r;

	if (prefix_len > 128 || (mz_addr_is_ipv4(addr) && prefix_len < 96))
		return -EINVAL;
	ifa->ifa_family = (uint8_t)mz_ip_put(nlh, IFA_LOCAL, addr);
	(void)mz_ip_put(nlh, IFA_ADDRESS, addr);
	ifa->ifa_prefixlen = family_len(ifa->ifa_family, prefix_len);
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = (unsigned int)ifindex;
	mnl_attr_put_u32(nlh, IFA_FLAGS, ifa->ifa_family == AF_INET6 ? IFA_F_NODAD : 0);
	r = mz_netlink_do(nl, nlh);
	return r == -EEXIST ? 0 : r;
}

struct address_visit {
	int (*fn)(const struct mz_ip_address *address, void *user);
	void *user;
};

static int visit_address(const struct nlmsghdr *nlh, void *user)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct address_visit *visit = user;
	struct mz_ip_address address = {};
	bool has_local = false, has_addr = false;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return 0;
	address.ifindex = (int)ifa->ifa_index;
	address.prefix_len = ifa->ifa_prefixlen + (ifa->ifa_family == AF_INET ? 96 : 0);
	/* On a point-to-point device IFA_ADDRESS is the other end, IFA_LOCAL our own. */
	mnl_attr_for_each(attr, nlh, sizeof(*ifa)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !has_local))
			has_addr |= !mz_ip_parse(attr, ifa->ifa_family, &address.addr);
		has_local |= type == IFA_LOCAL;
	}
	return has_addr ? visit->fn(&address, visit->user) : 0;
}

int mz_ip_each_address(struct mz_netlink *nl,
		       int (*fn)(const struct mz_ip_address *address, void *user), void *user)
{
	struct address_visit visit = { fn, user };
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_UNSPEC;
	return mz_netlink_get(nl, nlh, visit_address, &visit);
}

int mz_ip_add_route(struct mz_netlink *nl, const struct mz_ip_route *route)
{
	uint16_t mode = route->replace ? NLM_F_REPLACE : route->append ? NLM_F_APPEND : NLM_F_EXCL;
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_NEWROUTE, NLM_F_CREATE | mode);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	bool ipv4 = mz_addr_is_ipv4(&route->prefix);
	int r;

	if (route->prefix_len > 128 || (ipv4 && route->prefix_len < 96) ||
	    (route->gateway && mz_addr_is_ipv4(route->gateway) != ipv4))
		return -EINVAL;
	rtm->rtm_family = ipv4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = family_len(rtm->rtm_family, route->prefix_len);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_scope = route->gateway || !ipv4 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	rtm->rtm_flags = route->is_onlink ? RTNH_F_ONLINK : 0;
	if (rtm->rtm_dst_len)
		(void)mz_ip_put(nlh, RTA_DST, &route->prefix);
	if (route->gateway)
		(void)mz_ip_put(nlh, RTA_GATEWAY, route->gateway);
	if (route->ifindex)
		mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)route->ifindex);
	if (route->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	r = mz_netlink_do(nl, nlh);
	return r == -EEXIST ? 0 : r;
}

/* RTA_VIA: a family, then its address (RFC 5549: IPv4 behind an IPv6 gateway). */
static void parse_via(const struct nlattr *attr, struct mz_addr *ret_gateway)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t size = mnl_attr_get_payload_len(attr);

	if (size < sizeof(*via) + 16 || via->rtvia_family != AF_INET6)
		return;
	memcpy(ret_gateway->bytes, via->rtvia_addr, 16);
}

struct way_search {
	const struct mz_addr *to;
	struct mz_ip_ways *ways;
};

static void parse_way(const struct nlattr *attr, int family, struct mz_ip_way *way)
{
	switch (mnl_attr_get_type(attr)) {
	case RTA_OIF:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			way->ifindex = (int)mnl_attr_get_u32(attr);
		break;
	case RTA_GATEWAY:
		(void)mz_ip_parse(attr, family, &way->gateway); /* or unchanged */
		break;
	case RTA_VIA:
		parse_via(attr, &way->gateway);
		break;
	}
}

static void add_way(struct mz_ip_ways *ways, const struct mz_ip_way *way)
{
	if (way->ifindex && ways->n < MZ_IP_WAYS_MAX)
		ways->ways[ways->n++] = *way;
}

/* RTA_MULTIPATH: structs rtnexthop, each with attributes behind it. */
static void parse_multipath(const struct nlattr *nest, int family, const struct way_search *search)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(nest);
	int size = mnl_attr_get_payload_len(nest);

	while (RTNH_OK(hop, size)) {
		const void *attrs = RTNH_DATA(hop);
		size_t attrs_size = hop->rtnh_len - sizeof(*hop);
		struct mz_ip_way way = { .ifindex = hop->rtnh_ifindex,
					 .gateway = *search->to,
					 .weight = hop->rtnh_hops + 1U };
		const struct nlattr *attr;

		mnl_attr_for_each_payload (attrs, attrs_size) {
			parse_way(attr, family, &way);
		}
		add_way(search->ways, &way);
		size -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static int keep_ways(const struct nlmsghdr *nlh, void *user)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct way_search *search = user;
	struct mz_ip_way way = { .gateway = *search->to, .weight = 1 };
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return -EBADMSG;
	if (rtm->rtm_type != RTN_UNICAST)
		return -ENETUNREACH;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
			parse_multipath(attr, rtm->rtm_family, search);
		else
			parse_way(attr, rtm->rtm_family, &way);
	}
	if (!search->ways->n)
		add_way(search->ways, &way);
	return 0;
}

/* flags: RTM_F_FIB_MATCH asks for the route as it stands, else for what it comes to. */
static int get_ways(struct mz_netlink *nl, const struct mz_addr *to, const struct mz_addr *source,
		    unsigned int flags, struct mz_ip_ways *ways)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct way_search search = { to, ways };

	rtm->rtm_flags = flags;
	rtm->rtm_family = (uint8_t)mz_ip_put(nlh, RTA_DST, to);
	rtm->rtm_dst_len = family_len(rtm->rtm_family, 128);
	if (source && mz_ip_put(nlh, RTA_SRC, source) != rtm->rtm_family)
		return -EINVAL;
	if (source)
		rtm->rtm_src_len = rtm->rtm_dst_len;
	return mz_netlink_get(nl, nlh, keep_ways, &search);
}

int mz_ip_get_ways(struct mz_netlink *nl, const struct mz_addr *to, const struct mz_addr *source,
		   struct mz_ip_ways *ret_ways)
{
	struct mz_ip_ways ways = {};
	int r = get_ways(nl, to, source, RTM_F_FIB_MATCH, &ways);

	/* With nexthop_compat_mode 0, a route has no ways but the number of an object. */
	if (r == 0 && !ways.n)
		r = get_ways(nl, to, source, 0, &ways);
	if (r == 0 && !ways.n)
		r = -ENETUNREACH;
	if (r < 0)
		return r;
	*ret_ways = ways;
	return 0;
}

static int match_default(const struct nlmsghdr *nlh, void *user)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	return nlh->nlmsg_type == RTM_NEWROUTE && mnl_nlmsg_get_payload_len(nlh) >= sizeof(*rtm) &&
	       !rtm->rtm_dst_len && rtm->rtm_table == RT_TABLE_MAIN && rtm->rtm_type == RTN_UNICAST;
}

int mz_ip_has_default(struct mz_netlink *nl, bool ipv4)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int r;

	rtm->rtm_family = ipv4 ? AF_INET : AF_INET6;
	r = mz_netlink_get(nl, nlh, match_default, NULL);
	/* Routes that come and go meanwhile are not the one that is asked for. */
	return r == -EINTR ? 0 : r;
}
