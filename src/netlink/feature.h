/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ethtool knows of a device: its driver, and its offloads by the names that `ethtool -k`
 * shows. socket_fd: any socket of the device's namespace.
 */
#pragma once

#include <stdbool.h>

/*
 * Turns it on or off. To turn off what is unknown to the kernel is success, as nothing will use it;
 * -ENOENT: it is unknown and cannot be turned on; -EOPNOTSUPP: the driver keeps it as it is.
 */
int mz_feature_set(int socket_fd, const char *ifname, const char *feature, bool on);

struct mz_driver {
	char name[32];
	bool is_hardware; /* on a bus, though it may be a virtual machine's */
};

/* -EOPNOTSUPP: none is known. */
int mz_device_driver(int socket_fd, const char *ifname, struct mz_driver *ret_driver);
