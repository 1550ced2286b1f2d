/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which part in a set of replicas, see include/mizar/tables.h; as replicas_…() of
 * bpf/route.h.
 */
#pragma once

#include <stdbool.h>

#include "mizar/tables.h"

/* All of them, used or not; of any value at most MZ_REPLICAS_MAX. */
unsigned int mz_replicas_size(const struct mz_replicas *set);
/* Packets are sent there. */
bool mz_replicas_use(const struct mz_replicas *set, const struct mz_addr *host);
/* It acts on what reaches it. */
bool mz_replicas_have_acting(const struct mz_replicas *set, const struct mz_addr *host);
/* What it sends is believed. */
bool mz_replicas_have(const struct mz_replicas *set, const struct mz_addr *host);
