/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's driver can do with XDP, as the kernel says (family "netdev", Linux 6.3). */
#pragma once

#include <stdint.h>

#define MZ_XDP_BASIC (1ULL << 0) /* pass, drop, send back */

/* MZ_XDP_* and others of the kernel's. -EOPNOTSUPP: this kernel does not say. */
int mz_xdp_features(int ifindex, uint64_t *ret_features);
