// SPDX-License-Identifier: Apache-2.0
/* Asks the kernel what there is to know about the device. */
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "host/transit.h"
#include "netlink/xdp.h"

int mz_transit_choose(struct mz_transit *transit, int ifindex)
{
	struct mz_transit_device device = {};
	_cleanup_close_ int fd = -1;
	char ifname[IF_NAMESIZE];
	int r;

	if (transit->wanted != MZ_TRANSIT_AUTO) {
		mz_transit_decide(transit, &device);
		return 0;
	}
	if (!if_indextoname((unsigned int)ifindex, ifname))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = mz_device_driver(fd, ifname, &device.driver);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	r = mz_xdp_features(ifindex, &device.features);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	device.has_features = r == 0;
	mz_transit_decide(transit, &device);
	return 0;
}
