/* SPDX-License-Identifier: Apache-2.0 */
/* What device.c and veth.c share: how mizard's veth pairs are named, marked and recognised. */
#pragma once

#include "host/device.h"
#include "netlink/link.h"

#define MZ_VETH_ALIAS "mizar "
#define MZ_VETH_UID_MAX ((1ULL << 52) - 1) /* 13 hex digits, so that "mz" fits before them */

/* -EINVAL: the uid is too large for a device's name. */
int mz_veth_name(uint64_t uid, char ret_name[static IFNAMSIZ]);
bool mz_veth_is_ours(const struct mz_link *link);
/* Ours from before a crash between its making and its marking: never up, no alias. */
bool mz_veth_is_half_made(const struct mz_link *link);
void mz_veth_describe(struct mz_netlink *nl, const struct mz_link *link,
		      struct mz_device *ret_device);
