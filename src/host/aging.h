/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table `learned` is written by programs; what nobody confirms any more is removed here, and a
 * larger map is put in its place before it is full.
 *
 * A row goes three leases after it was last confirmed: for one it is used, for two more what comes
 * back from there is still understood. Rows of VPCs that this host has no part in any more, or that
 * learn no more, go at once. All of it in small pieces, between which the loop does other things.
 */
#pragma once

#include "base/cleanup.h"

struct mz_aging;
struct mz_host;

int mz_aging_new(struct mz_host *host, struct mz_aging **ret_aging);
/* Freed when the loop ran once more. */
void mz_aging_free(struct mz_aging *aging);
DEFINE_CLEANUP(struct mz_aging *, mz_aging_free)
