// SPDX-License-Identifier: Apache-2.0
#include "base/replicas.h"

#include "base/addr.h"

static unsigned int bounded(unsigned int n)
{
	return n < MZ_REPLICAS_MAX ? n : MZ_REPLICAS_MAX;
}

static bool is_among(const struct mz_replicas *set, unsigned int n, const struct mz_addr *host)
{
	unsigned int i;

	for (i = 0; i < bounded(n); i++)
		if (!mz_addr_compare(&set->addrs[i], host))
			return true;
	return false;
}

unsigned int mz_replicas_size(const struct mz_replicas *set)
{
	return bounded((unsigned int)set->n + set->n_ready + set->n_known);
}

bool mz_replicas_use(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, set->n, host);
}

bool mz_replicas_have_acting(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, (unsigned int)set->n + set->n_ready, host);
}

bool mz_replicas_have(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, mz_replicas_size(set), host);
}
