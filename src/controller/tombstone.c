// SPDX-License-Identifier: Apache-2.0
/* See migrate.h. */
#include "controller/compile.h"
#include "controller/migrate.h"
#include "controller/sub.h"

static void change(const struct ctl_tombstone *tombstone, bool had, bool has,
		   const struct mz_addr *host, uint32_t generation)
{
	struct ctl_droplet *droplet = tombstone->droplet;
	struct ctl_row old, new;
	bool changed = false;
	int i;

	for (i = 0; i < tombstone->n_addrs; i++) {
		ctl_compile_moved(tombstone->vni, &tombstone->addrs[i], &tombstone->host,
				  tombstone->generation, &old);
		ctl_compile_moved(tombstone->vni, &tombstone->addrs[i], host, generation, &new);
		changed |= ctl_scope_change(&droplet->host, had ? &old.row : NULL,
					    has ? &new.row : NULL);
	}
	if (changed)
		ctl_sub_touch(droplet->controller, &droplet->host);
}

static void end(struct ctl_tombstone *tombstone)
{
	struct ctl_migration *migration = tombstone->migration;

	ctl_tombstone_free(tombstone);
	ctl_migration_put(migration);
}

void ctl_tombstones_end_old(struct ctl_droplet *droplet)
{
	struct ctl_queue *queue = &droplet->controller->queue;
	uint64_t now = ctl_queue_now(queue);

	while (droplet->tombstones && droplet->tombstones->until <= now)
		end(droplet->tombstones);
	if (droplet->tombstones)
		ctl_queue_add_in(queue, &droplet->unbury, droplet->tombstones->until - now);
}

/* Nearly always the last one; not after a restart, which finds them in another order. */
static void insert(struct ctl_droplet *droplet, struct ctl_tombstone *tombstone)
{
	struct ctl_tombstone *after = droplet->tombstones;

	after = after ? after->droplet_prev : NULL; /* utlist: of the first, the last */
	while (after && after->until > tombstone->until)
		after = after == droplet->tombstones ? NULL : after->droplet_prev;
	if (after)
		DL_APPEND_ELEM2(droplet->tombstones, after, tombstone, droplet_prev, droplet_next);
	else
		DL_PREPEND2(droplet->tombstones, tombstone, droplet_prev, droplet_next);
}

void ctl_tombstone_new(struct ctl_migration *migration, struct ctl_droplet *droplet, uint32_t vni,
		       const struct mz_addr *addrs, int n_addrs, const struct mz_addr *host,
		       uint32_t generation, uint64_t ms)
{
	struct ctl_tombstone *tombstone = ctl_calloc(1, sizeof(*tombstone));
	struct ctl_queue *queue = &droplet->controller->queue;
	int i;

	tombstone->migration = migration;
	tombstone->droplet = droplet;
	tombstone->vni = vni;
	for (i = 0; i < n_addrs; i++)
		tombstone->addrs[tombstone->n_addrs++] = addrs[i];
	tombstone->host = *host;
	tombstone->generation = generation;
	tombstone->until = ctl_queue_now(queue) + ms;
	DL_APPEND(migration->tombstones, tombstone);
	insert(droplet, tombstone);
	ctl_queue_add_in(queue, &droplet->unbury, ms);
	change(tombstone, false, true, host, generation);
	/* The host sends after the endpoint, so it needs what an endpoint's host needs. */
	ctl_usage_network(droplet->controller, migration->network, droplet, 1, 0);
}

void ctl_tombstone_free(struct ctl_tombstone *tombstone)
{
	change(tombstone, true, false, &tombstone->host, tombstone->generation);
	ctl_usage_network(tombstone->droplet->controller, tombstone->migration->network,
			  tombstone->droplet, -1, 0);
	DL_DELETE(tombstone->migration->tombstones, tombstone);
	DL_DELETE2(tombstone->droplet->tombstones, tombstone, droplet_prev, droplet_next);
	free(tombstone);
}

void ctl_tombstone_set(struct ctl_tombstone *tombstone, const struct mz_addr *host,
		       uint32_t generation)
{
	change(tombstone, true, true, host, generation);
	tombstone->host = *host;
	tombstone->generation = generation;
}

void ctl_tombstones_forget(struct ctl_droplet *droplet)
{
	while (droplet->tombstones)
		end(droplet->tombstones);
}
