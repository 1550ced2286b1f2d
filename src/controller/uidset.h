/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted array of uids: 8 bytes for each, for sets of a host's size.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_uidset {
	uint64_t *uids;
	size_t n, size;
};

void ctl_uidset_fini(struct ctl_uidset *set);
bool ctl_uidset_has(const struct ctl_uidset *set, uint64_t uid);
/* Present on add, absent on remove is success. -ENOMEM. */
int ctl_uidset_add(struct ctl_uidset *set, uint64_t uid);
/* Whether it was there. */
bool ctl_uidset_remove(struct ctl_uidset *set, uint64_t uid);
