/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts that this one bounces and divides by: all that rows of `network` and `vpc` name, but
 * itself. Each is asked by ECHO whether it is alive; those that are not have a row in the table
 * `dead`, which ends by itself when nobody renews it: a mizard that died marks nobody dead.
 */
#pragma once

#include <uv.h>

#include "base/cleanup.h"
#include "host/peer.h"
#include "tables/tables.h"

/* As many as this are asked at the interval; more, and it grows with them. */
#define MZ_PEERS_MAX_RATE 5000 /* ECHOs a second */

struct mz_peers;

/*
 * Takes over what the tables say: also who was dead a moment ago, so that nothing goes there until
 * it is asked. port: of the tunnels; interval_ms: 0 asks nobody.
 */
int mz_peers_new(uv_loop_t *loop, struct mz_tables *tables, const struct mz_addr *self,
		 uint16_t port, unsigned int interval_ms, struct mz_peers **ret_peers);
/* Marks stay, and end. */
void mz_peers_free(struct mz_peers *peers);
DEFINE_CLEANUP(struct mz_peers *, mz_peers_free)

/* A row that names them comes, or goes. On failure none of them is used. */
int mz_peers_use(struct mz_peers *peers, const struct mz_replicas *replicas);
void mz_peers_disuse(struct mz_peers *peers, const struct mz_replicas *replicas);

/* In the order of their addresses; borrowed until the next change. */
const struct mz_peer *mz_peers_list(const struct mz_peers *peers, size_t *ret_n);
