// SPDX-License-Identifier: Apache-2.0
#include "host/transit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "netlink/xdp.h"

const char *const mz_transit_names[] = {
	[MZ_TRANSIT_AUTO] = "auto",
	[MZ_TRANSIT_TC] = "tc",
	[MZ_TRANSIT_XDP] = "xdp",
};

__attribute__((format(printf, 3, 4))) static void decide(struct mz_transit *transit,
							 enum mz_transit_mode mode,
							 const char *format, ...)
{
	va_list args;

	transit->mode = mode;
	va_start(args, format);
	(void)vsnprintf(transit->reason, sizeof(transit->reason), format, args); /* cut */
	va_end(args);
}

/*
 * Drivers that have native XDP, and give up super-packets, merging or checksums for it: endpoints
 * of this host would lose more than those gain whose packets turn round here.
 */
static bool loses_offloads(const char *driver)
{
	static const char *const names[] = { "virtio_net", "veth", "tun" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(driver, names[i]))
			return true;
	return false;
}

void mz_transit_decide(struct mz_transit *transit, const struct mz_transit_device *device)
{
	const char *driver = device->driver.name;

	if (transit->wanted != MZ_TRANSIT_AUTO)
		decide(transit, transit->wanted, "asked for");
	else if (!*driver)
		decide(transit, MZ_TRANSIT_TC, "the device's driver is not known");
	else if (loses_offloads(driver))
		decide(transit, MZ_TRANSIT_TC, "%s would lose its offloads to XDP", driver);
	else if (!device->driver.is_hardware)
		decide(transit, MZ_TRANSIT_TC, "%s is a software device", driver);
	else if (device->has_features && !(device->features & MZ_XDP_BASIC))
		decide(transit, MZ_TRANSIT_TC, "driver %s has no native XDP", driver);
	else
		decide(transit, MZ_TRANSIT_XDP, "driver %s has native XDP", driver);
}

static const char *why_refused(int r)
{
	switch (-r) {
	case EBUSY:
	case EEXIST:
		return "another XDP program is on the device";
	case EOPNOTSUPP:
		return "the driver has no native XDP";
	case EACCES:
		return "the kernel's verifier refuses the program";
	case EINVAL:
	case ERANGE:
		return "the driver cannot: MTU too large, or too few queues";
	}
	return strerror(-r);
}

int mz_transit_refused(struct mz_transit *transit, int r)
{
	decide(transit, MZ_TRANSIT_TC, "%s", why_refused(r));
	return transit->wanted == MZ_TRANSIT_AUTO ? 0 : r;
}
