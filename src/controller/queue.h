/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one queue that all deferred work of the controller goes through. A work item is embedded in
 * what it is about (a network, a host's stream): queueing it twice is queueing it once, so that a
 * burst of changes becomes one look at the result. Items run from the libuv loop, never inside the
 * call that queued them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct ctl_work {
	void (*run)(struct ctl_work *work);
	struct ctl_work *prev, *next;
	uint64_t due;	       /* in milliseconds of the loop's clock */
	unsigned int failures; /* in a row: what back-off grows with */
	enum { CTL_WORK_IDLE, CTL_WORK_READY, CTL_WORK_DELAYED } state;
};

struct ctl_queue {
	uv_loop_t *loop;
	uv_idle_t idle;
	uv_timer_t timer;
	struct ctl_work *ready, *delayed; /* delayed: sorted by due */
	uint64_t shifted;		  /* ms, by ctl_queue_shift() */
};

int ctl_queue_init(struct ctl_queue *queue, uv_loop_t *loop);
/* Items that are still queued are forgotten. The loop must run once more to close the handles. */
void ctl_queue_fini(struct ctl_queue *queue);

void ctl_queue_add(struct ctl_queue *queue, struct ctl_work *work);
/* Moves an item that is queued for later, unless it is to run sooner. */
void ctl_queue_add_in(struct ctl_queue *queue, struct ctl_work *work, uint64_t delay_ms);
/* After a failure: 100 ms, doubled each time, at most 30 s. A success resets work->failures. */
void ctl_queue_retry(struct ctl_queue *queue, struct ctl_work *work);
/* Time has passed in which nothing could run: all that is queued for later is so much later. */
void ctl_queue_shift(struct ctl_queue *queue, uint64_t ms);
/* The loop's clock, in ms, without such times. */
uint64_t ctl_queue_now(const struct ctl_queue *queue);
void ctl_queue_cancel(struct ctl_queue *queue, struct ctl_work *work);
