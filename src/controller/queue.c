// SPDX-License-Identifier: Apache-2.0
/* See queue.h. Delays are few and mostly alike, so a sorted list filled from its end is enough. */
#include "controller/queue.h"

#include <utlist.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 30000

static void arm(struct ctl_queue *queue);

static void on_idle(uv_idle_t *idle)
{
	struct ctl_queue *queue = idle->data;
	struct ctl_work *work, *last = queue->ready ? queue->ready->prev : NULL;

	/* What is queued meanwhile waits until the loop has looked at its sockets. */
	while ((work = queue->ready)) {
		DL_DELETE(queue->ready, work);
		work->state = CTL_WORK_IDLE;
		if (work == last) {
			work->run(work);
			break;
		}
		work->run(work);
	}
	if (!queue->ready)
		(void)uv_idle_stop(idle); /* cannot fail */
}

static void make_ready(struct ctl_queue *queue, struct ctl_work *work)
{
	work->state = CTL_WORK_READY;
	DL_APPEND(queue->ready, work);
	(void)uv_idle_start(&queue->idle, on_idle); /* fails only without a callback */
}

static void on_timer(uv_timer_t *timer)
{
	struct ctl_queue *queue = timer->data;
	uint64_t now = uv_now(queue->loop);
	struct ctl_work *work;

	while ((work = queue->delayed) && work->due <= now) {
		DL_DELETE(queue->delayed, work);
		make_ready(queue, work);
	}
	arm(queue);
}

static void arm(struct ctl_queue *queue)
{
	uint64_t now = uv_now(queue->loop);

	if (!queue->delayed) {
		(void)uv_timer_stop(&queue->timer); /* cannot fail */
		return;
	}
	(void)uv_timer_start(&queue->timer, on_timer,
			     queue->delayed->due > now ? queue->delayed->due - now : 0, 0);
}

int ctl_queue_init(struct ctl_queue *queue, uv_loop_t *loop)
{
	int r;

	*queue = (struct ctl_queue){ .loop = loop };
	r = uv_idle_init(loop, &queue->idle);
	if (r < 0)
		return r;
	r = uv_timer_init(loop, &queue->timer);
	if (r < 0)
		return r;
	queue->idle.data = queue;
	queue->timer.data = queue;
	return 0;
}

void ctl_queue_fini(struct ctl_queue *queue)
{
	queue->ready = NULL;
	queue->delayed = NULL;
	if (!queue->loop)
		return;
	uv_close((uv_handle_t *)&queue->idle, NULL);
	uv_close((uv_handle_t *)&queue->timer, NULL);
	queue->loop = NULL;
}

void ctl_queue_cancel(struct ctl_queue *queue, struct ctl_work *work)
{
	switch (work->state) {
	case CTL_WORK_IDLE:
		return;
	case CTL_WORK_READY:
		DL_DELETE(queue->ready, work);
		break;
	case CTL_WORK_DELAYED:
		DL_DELETE(queue->delayed, work);
		break;
	}
	work->state = CTL_WORK_IDLE;
}

void ctl_queue_add(struct ctl_queue *queue, struct ctl_work *work)
{
	if (work->state == CTL_WORK_READY)
		return;
	ctl_queue_cancel(queue, work);
	make_ready(queue, work);
}

void ctl_queue_add_in(struct ctl_queue *queue, struct ctl_work *work, uint64_t delay_ms)
{
	uint64_t due = uv_now(queue->loop) + delay_ms;
	struct ctl_work *after;

	if (work->state == CTL_WORK_READY || (work->state == CTL_WORK_DELAYED && work->due <= due))
		return;
	ctl_queue_cancel(queue, work);
	work->due = due;
	work->state = CTL_WORK_DELAYED;

	after = queue->delayed ? queue->delayed->prev : NULL;
	while (after && after->due > due)
		after = after == queue->delayed ? NULL : after->prev;
	if (after)
		DL_APPEND_ELEM(queue->delayed, after, work);
	else
		DL_PREPEND(queue->delayed, work);
	arm(queue);
}

void ctl_queue_shift(struct ctl_queue *queue, uint64_t ms)
{
	struct ctl_work *work;

	queue->shifted += ms;
	DL_FOREACH(queue->delayed, work)
		work->due += ms;
	arm(queue);
}

uint64_t ctl_queue_now(const struct ctl_queue *queue)
{
	return uv_now(queue->loop) - queue->shifted;
}

void ctl_queue_retry(struct ctl_queue *queue, struct ctl_work *work)
{
	uint64_t delay = RETRY_MIN_MS;
	unsigned int i;

	for (i = 0; i < work->failures && delay < RETRY_MAX_MS; i++)
		delay *= 2;
	work->failures++;
	ctl_queue_add_in(queue, work, delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS);
}
