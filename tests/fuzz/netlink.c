// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of rtnetlink, behind a header whose length is true (the kernel's are, and libmnl sees to
 * it). The first byte is the type.
 */
#include "fuzz.h"

#include <linux/rtnetlink.h>

#include "netlink/ip.h"
#include "netlink/link.h"
#include "netlink/neighbour.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t type = take_byte(&input);
	size_t total = NLMSG_HDRLEN + input.size;
	_cleanup_free_ struct nlmsghdr *nlh = calloc(1, NLMSG_ALIGN(total));
	struct mz_neighbour neighbour;
	const struct nlattr *attr;
	struct mz_addr addr;
	struct mz_link link;

	REQUIRE(nlh);
	*nlh = (struct nlmsghdr){ .nlmsg_len = total };
	memcpy(NLMSG_DATA(nlh), input.data, input.size);
	if (type & 1) {
		nlh->nlmsg_type = RTM_NEWNEIGH;
		(void)mz_neighbour_parse(nlh, &neighbour);
		return 0;
	}
	nlh->nlmsg_type = RTM_NEWLINK;
	if (mz_link_parse(nlh, &link) == 0) {
		REQUIRE(strnlen(link.name, sizeof(link.name)) < sizeof(link.name));
		REQUIRE(strnlen(link.kind, sizeof(link.kind)) < sizeof(link.kind));
		REQUIRE(strnlen(link.alias, sizeof(link.alias)) < sizeof(link.alias));
	}
	mnl_attr_for_each(attr, nlh, 0)
	{
		(void)mz_ip_parse(attr, AF_INET, &addr);
		(void)mz_ip_parse(attr, AF_INET6, &addr);
	}
	return 0;
}
