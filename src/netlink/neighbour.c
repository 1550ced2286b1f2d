// SPDX-License-Identifier: Apache-2.0
#include "netlink/neighbour.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netlink/ip.h"

#define PUT (NLM_F_CREATE | NLM_F_REPLACE)
#define NUD_STATIC (NUD_PERMANENT | NUD_NOARP)
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_STATIC)

static void parse_attr(const struct nlattr *attr, const struct ndmsg *ndm,
		       struct mz_neighbour *neighbour, bool *has_addr)
{
	switch (mnl_attr_get_type(attr)) {
	case NDA_DST:
		*has_addr = mz_ip_parse(attr, ndm->ndm_family, &neighbour->addr) == 0;
		break;
	case NDA_LLADDR:
		if (mnl_attr_get_payload_len(attr) != sizeof(neighbour->mac))
			break;
		memcpy(neighbour->mac, mnl_attr_get_payload(attr), sizeof(neighbour->mac));
		neighbour->has_mac = ndm->ndm_state & NUD_USABLE;
		break;
	case NDA_FLAGS_EXT:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			neighbour->is_managed = mnl_attr_get_u32(attr) & NTF_EXT_MANAGED;
		break;
	case NDA_PROTOCOL:
		if (mnl_attr_validate(attr, MNL_TYPE_U8) >= 0)
			neighbour->is_ours = mnl_attr_get_u8(attr) == MZ_NEIGHBOUR_PROTOCOL;
		break;
	}
}

int mz_neighbour_parse(const struct nlmsghdr *nlh, struct mz_neighbour *ret_neighbour)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct mz_neighbour neighbour = {};
	const struct nlattr *attr;
	bool has_addr = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm) ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return -EBADMSG;
	neighbour.ifindex = ndm->ndm_ifindex;
	neighbour.is_static = ndm->ndm_state & NUD_STATIC;
	neighbour.is_stale = ndm->ndm_state & NUD_STALE;
	mnl_attr_for_each(attr, nlh, sizeof(*ndm)) {
		parse_attr(attr, ndm, &neighbour, &has_addr);
	}
	if (!has_addr)
		return -EBADMSG;
	*ret_neighbour = neighbour;
	return 0;
}

struct neighbour_visit {
	int (*fn)(const struct mz_neighbour *neighbour, void *user);
	void *user;
};

static int visit_neighbour(const struct nlmsghdr *nlh, void *user)
{
	struct neighbour_visit *visit = user;
	struct mz_neighbour neighbour;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || mz_neighbour_parse(nlh, &neighbour) < 0)
		return 0;
	return visit->fn(&neighbour, visit->user);
}

int mz_neighbour_each(struct mz_netlink *nl,
		      int (*fn)(const struct mz_neighbour *neighbour, void *user), void *user)
{
	struct neighbour_visit visit = { fn, user };
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETNEIGH, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ndmsg));
	return mz_netlink_get(nl, nlh, visit_neighbour, &visit);
}

static struct nlmsghdr *request(struct mz_netlink *nl, uint16_t type, uint16_t flags, int ifindex,
				const struct mz_addr *addr)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, type, flags);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = (uint8_t)mz_ip_put(nlh, NDA_DST, addr);
	ndm->ndm_ifindex = ifindex;
	return nlh;
}

static int keep_neighbour(const struct mz_neighbour *neighbour, void *user)
{
	*(struct mz_neighbour *)user = *neighbour;
	return 0;
}

int mz_neighbour_get(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr,
		     struct mz_neighbour *ret_neighbour)
{
	struct mz_neighbour neighbour = {};
	struct neighbour_visit visit = { keep_neighbour, &neighbour };
	int r;

	r = mz_netlink_get(nl, request(nl, RTM_GETNEIGH, 0, ifindex, addr), visit_neighbour,
			   &visit);
	if (r < 0)
		return r;
	if (!neighbour.ifindex)
		return -ENOENT;
	*ret_neighbour = neighbour;
	return 0;
}

/* Learned by us: then the kernel's limit on its own neighbours (gc_thresh3) does not count it. */
int mz_neighbour_manage(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr)
{
	struct nlmsghdr *nlh = request(nl, RTM_NEWNEIGH, PUT, ifindex, addr);
	struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	ndm->ndm_flags = NTF_EXT_LEARNED;
	mnl_attr_put_u32(nlh, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	mnl_attr_put_u8(nlh, NDA_PROTOCOL, MZ_NEIGHBOUR_PROTOCOL);
	return mz_netlink_do(nl, nlh);
}

int mz_neighbour_use(struct mz_netlink *nl, int ifindex, const struct mz_addr *addr)
{
	struct nlmsghdr *nlh = request(nl, RTM_NEWNEIGH, PUT, ifindex, addr);
	struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	ndm->ndm_flags = NTF_USE;
	return mz_netlink_do(nl, nlh);
}
