// SPDX-License-Identifier: Apache-2.0
/* Where transit runs, by what is known of the device; and why, in words for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "host/transit.h"
#include "netlink/xdp.h"

static const struct {
	const char *driver;
	bool is_hardware, has_features;
	uint64_t features;
	enum mz_transit_mode wanted, mode;
	const char *reason;
} cases[] = {
	{ "ice", true, true, MZ_XDP_BASIC | 2, MZ_TRANSIT_AUTO, MZ_TRANSIT_XDP,
	  "driver ice has native XDP" },
	{ "e1000", true, true, 0, MZ_TRANSIT_AUTO, MZ_TRANSIT_TC,
	  "driver e1000 has no native XDP" },
	{ "e1000", true, true, 16, MZ_TRANSIT_AUTO, MZ_TRANSIT_TC,
	  "driver e1000 has no native XDP" },
	{ "mlx5_core", true, false, 0, MZ_TRANSIT_AUTO, MZ_TRANSIT_XDP,
	  "driver mlx5_core has native XDP" }, /* to be tried: the kernel does not say */
	{ "virtio_net", true, true, MZ_XDP_BASIC, MZ_TRANSIT_AUTO, MZ_TRANSIT_TC,
	  "virtio_net would lose its offloads to XDP" },
	{ "veth", false, true, MZ_XDP_BASIC, MZ_TRANSIT_AUTO, MZ_TRANSIT_TC,
	  "veth would lose its offloads to XDP" },
	{ "bonding", false, true, MZ_XDP_BASIC, MZ_TRANSIT_AUTO, MZ_TRANSIT_TC,
	  "bonding is a software device" },
	{ "", false, false, 0, MZ_TRANSIT_AUTO, MZ_TRANSIT_TC,
	  "the device's driver is not known" },
	{ "veth", false, true, MZ_XDP_BASIC, MZ_TRANSIT_XDP, MZ_TRANSIT_XDP, "asked for" },
	{ "ice", true, true, MZ_XDP_BASIC, MZ_TRANSIT_TC, MZ_TRANSIT_TC, "asked for" },
};

static void the_device_decides(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mz_transit transit = { .wanted = cases[i].wanted };
		struct mz_transit_device device = { .driver = { .is_hardware =
									cases[i].is_hardware },
						    .has_features = cases[i].has_features,
						    .features = cases[i].features };

		strcpy(device.driver.name, cases[i].driver);
		mz_transit_decide(&transit, &device);
		assert_int_equal(transit.mode, cases[i].mode);
		assert_string_equal(transit.reason, cases[i].reason);
	}
}

static void what_the_kernel_refuses(void **state)
{
	struct mz_transit transit = { .wanted = MZ_TRANSIT_AUTO, .mode = MZ_TRANSIT_XDP };

	assert_int_equal(mz_transit_refused(&transit, -EBUSY), 0);
	assert_int_equal(transit.mode, MZ_TRANSIT_TC);
	assert_string_equal(transit.reason, "another XDP program is on the device");
	transit.wanted = transit.mode = MZ_TRANSIT_XDP;
	assert_int_equal(mz_transit_refused(&transit, -EOPNOTSUPP), -EOPNOTSUPP);
	assert_int_equal(transit.mode, MZ_TRANSIT_TC);
	assert_string_equal(transit.reason, "the driver has no native XDP");
	assert_int_equal(mz_transit_refused(&transit, -EPROTO), -EPROTO);
	assert_string_equal(transit.reason, strerror(EPROTO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_decides),
		cmocka_unit_test(what_the_kernel_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
