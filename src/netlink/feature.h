/* SPDX-License-Identifier: Apache-2.0 */
/* Offloads of a device, by the names that `ethtool -k` shows. */
#pragma once

/*
 * Turns it off. socket_fd: any socket of the device's namespace. Unknown to the kernel is success,
 * as nothing will use it; -EOPNOTSUPP: the driver keeps it on.
 */
int mz_feature_disable(int socket_fd, const char *ifname, const char *feature);
