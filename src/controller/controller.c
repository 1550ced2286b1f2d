// SPDX-License-Identifier: Apache-2.0
/* See controller.h. */
#include "controller/controller.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "controller/set.h"

void *ctl_calloc(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory) {
		mz_log_err("no memory: ends here, the store has all that was acknowledged");
		abort();
	}
	return memory;
}

char *ctl_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(ctl_calloc(1, size), text, size);
}

static void on_resync(struct ctl_work *work)
{
	struct ctl_controller *c = CTL_CONTAINER(work, struct ctl_controller, resync);
	struct ctl_droplet *droplet, *next_droplet;
	struct ctl_network *network, *next_network;
	struct ctl_vpc *vpc, *next_vpc;

	HASH_ITER(hh, c->model.droplets, droplet, next_droplet)
		ctl_queue_add(&c->queue, &droplet->work);
	HASH_ITER(hh, c->model.vpcs, vpc, next_vpc) {
		ctl_queue_add(&c->queue, &vpc->work);
		ctl_set_look(&vpc->set);
	}
	HASH_ITER(hh, c->model.networks, network, next_network) {
		ctl_queue_add(&c->queue, &network->work);
		ctl_set_look(&network->set);
	}
}

void ctl_controller_resync(struct ctl_controller *c)
{
	if (c->resync.state == CTL_WORK_IDLE)
		ctl_queue_retry(&c->queue, &c->resync);
}

int ctl_controller_init(struct ctl_controller *c, uv_loop_t *loop, struct mz_store *store,
			const char *store_path, const struct ctl_times *times)
{
	struct timespec now;
	struct mz_txn *txn;
	uint64_t took;
	int r;

	uv_update_time(loop); /* the store may have been opened for long */
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
	*c = (struct ctl_controller){
		.loop = loop,
		.store = store,
		.store_path = store_path,
		.times = *times,
		.epoch = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec,
		.started = uv_now(loop),
		.resync.run = on_resync,
	};
	r = ctl_queue_init(&c->queue, loop);
	if (r < 0)
		return r;
	r = mz_txn_new(store, &txn);
	if (r < 0)
		return r;
	c->first_uid = mz_txn_new_uid(txn);
	mz_txn_free(txn);
	r = ctl_ipam_new(&c->ipam);
	if (r < 0)
		return r;
	r = ctl_model_load(c);
	if (r < 0)
		return r;
	/* Reading a large store takes longer than hosts are waited for: that begins now. */
	uv_update_time(loop);
	took = uv_now(loop) - c->started;
	c->started += took;
	ctl_queue_shift(&c->queue, took);
	return 0;
}

void ctl_controller_fini(struct ctl_controller *c)
{
	ctl_model_fini(c);
	ctl_ipam_free(c->ipam);
	ctl_queue_fini(&c->queue);
}
