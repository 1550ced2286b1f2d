// SPDX-License-Identifier: Apache-2.0
#include "netlink/xdp.h"

#include <errno.h>

#include <linux/genetlink.h>

#include "netlink/netlink.h"

/* linux/netdev.h, which older headers lack. */
#define NETDEV_FAMILY	       "netdev"
#define NETDEV_VERSION	       1
#define NETDEV_GET	       1
#define NETDEV_IFINDEX	       1
#define NETDEV_XDP_FEATURES    3

static struct nlmsghdr *request(struct mz_netlink *nl, uint16_t family, uint8_t command)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, family, 0);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = command;
	genl->version = NETDEV_VERSION;
	return nlh;
}

static int take_family(const struct nlmsghdr *nlh, void *user)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			*(uint16_t *)user = mnl_attr_get_u16(attr);
	}
	return 0;
}

struct answer {
	uint64_t features;
	bool has_features;
};

static int take_features(const struct nlmsghdr *nlh, void *user)
{
	struct answer *answer = user;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != NETDEV_XDP_FEATURES ||
		    mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
			continue;
		answer->features = mnl_attr_get_u64(attr);
		answer->has_features = true;
	}
	return 0;
}

int mz_xdp_features(int ifindex, uint64_t *ret_features)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct answer answer = {};
	struct nlmsghdr *nlh;
	uint16_t family = 0;
	int r = mz_netlink_open_generic(&nl);

	if (r < 0)
		return r;
	nlh = request(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
	r = mz_netlink_get(nl, nlh, take_family, &family);
	if (r < 0)
		return r == -ENOENT ? -EOPNOTSUPP : r;
	nlh = request(nl, family, NETDEV_GET);
	mnl_attr_put_u32(nlh, NETDEV_IFINDEX, (uint32_t)ifindex);
	r = mz_netlink_get(nl, nlh, take_features, &answer);
	if (r == 0 && answer.has_features)
		*ret_features = answer.features;
	return r == 0 && !answer.has_features ? -EOPNOTSUPP : r;
}
