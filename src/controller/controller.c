// SPDX-License-Identifier: Apache-2.0
/* See controller.h. */
#include "controller/controller.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "controller/methods.h"

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

static void on_reload(struct ctl_work *work)
{
	struct ctl_controller *c = CTL_CONTAINER(work, struct ctl_controller, reload_work);
	int r;

	if (c->n_writes) {
		/* The store's view settles first. */
		ctl_queue_add_in(&c->queue, work, 10);
		return;
	}
	mz_log_warn("the model is built anew from the store");
	ctl_model_fini(c);
	r = ctl_model_load(c);
	if (r < 0) {
		mz_log_err("store %s: cannot be read: %s", c->store_path, strerror(-r));
		abort();
	}
}

void ctl_controller_reload(struct ctl_controller *c)
{
	if (c->reload_work.state == CTL_WORK_IDLE)
		ctl_queue_retry(&c->queue, &c->reload_work);
}

int ctl_controller_init(struct ctl_controller *c, uv_loop_t *loop, struct mz_store *store,
			const char *store_path)
{
	struct timespec now;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
	*c = (struct ctl_controller){
		.loop = loop,
		.store = store,
		.store_path = store_path,
		.epoch = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec,
		.started = uv_now(loop),
		.reload_work.run = on_reload,
	};
	r = ctl_queue_init(&c->queue, loop);
	if (r < 0)
		return r;
	r = ctl_ipam_new(&c->ipam);
	if (r < 0)
		return r;
	return ctl_model_load(c);
}

void ctl_controller_fini(struct ctl_controller *c)
{
	ctl_model_fini(c);
	ctl_ipam_free(c->ipam);
	ctl_queue_fini(&c->queue);
}
