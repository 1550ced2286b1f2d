// SPDX-License-Identifier: Apache-2.0
/* See uidset.h. */
#include "controller/uidset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the first that is not smaller. */
static size_t position(const struct ctl_uidset *set, uint64_t uid)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool ctl_uidset_has(const struct ctl_uidset *set, uint64_t uid)
{
	size_t at = position(set, uid);

	return at < set->n && set->uids[at] == uid;
}

int ctl_uidset_add(struct ctl_uidset *set, uint64_t uid)
{
	size_t at = position(set, uid);

	if (at < set->n && set->uids[at] == uid)
		return 0;
	if (set->n == set->size) {
		size_t size = set->size ? set->size * 2 : 8;
		uint64_t *uids = reallocarray(set->uids, size, sizeof(*uids));

		if (!uids)
			return -ENOMEM;
		set->uids = uids;
		set->size = size;
	}
	memmove(&set->uids[at + 1], &set->uids[at], (set->n - at) * sizeof(*set->uids));
	set->uids[at] = uid;
	set->n++;
	return 0;
}

bool ctl_uidset_remove(struct ctl_uidset *set, uint64_t uid)
{
	size_t at = position(set, uid);

	if (at == set->n || set->uids[at] != uid)
		return false;
	set->n--;
	memmove(&set->uids[at], &set->uids[at + 1], (set->n - at) * sizeof(*set->uids));
	return true;
}

void ctl_uidset_fini(struct ctl_uidset *set)
{
	free(set->uids);
	*set = (struct ctl_uidset){};
}
