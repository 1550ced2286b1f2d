// SPDX-License-Identifier: Apache-2.0
#include "host/aging.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "host/host.h"

#define PIECE_ROWS  4096 /* a millisecond, if they stay */
#define BATCH_ROWS  512	 /* between looks at the clock */
#define BUSY_MS	    3	 /* of the CPU; then the loop has its turn */
#define PIECE_MS    20	 /* between pieces of a pass, at least */
#define GROWTH_MS   5	 /* between pieces of a growth: packets take detours meanwhile */
#define LOOK_MS	    1000 /* whether rows were refused */
#define MS	    1000000ULL
#define LEASES_KEPT 3

struct mz_aging {
	struct mz_host *host;
	uv_timer_t timer;
	struct mz_table_walk *walk;	/* of a pass that is under way */
	struct mz_table_growth *growth; /* under way; then there is no pass */
	uint64_t pass_ms;		/* when the last pass began, or the growth ended */
	uint64_t n_rows;		/* that the pass has seen */
	uint64_t n_last;		/* that the last pass saw; at first: there may be */
	uint64_t n_refused;		/* so far, that there was no room for */
	bool knows_vni;			/* for a batch, what was found for the last row's VPC: */
	bool has_part;
	__u32 vni;
	bool is_full;			/* and cannot grow, and that was said */
};

static uint64_t lease_ms(const struct mz_aging *aging)
{
	return aging->host->options->lease_ns / MS;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts); /* a known clock: it cannot fail */
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Batches until they are a piece. What the last one returned: -EAGAIN if there is more. */
static int work(struct mz_aging *aging, int (*batch)(struct mz_aging *aging))
{
	/* Time of our own: on a busy machine, others' would leave too little of it. */
	const uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + BUSY_MS * MS;
	unsigned int n = 0;
	int r;

	do
		r = batch(aging);
	while (r == -EAGAIN && (n += BATCH_ROWS) < PIECE_ROWS &&
	       clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
	return r;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A program may confirm the row at any time, also later than now. */
static bool is_over(const struct mz_aging *aging, const struct mz_learned *row, uint64_t now)
{
	return (int64_t)(now - row->confirmed) >
	       (int64_t)(LEASES_KEPT * aging->host->options->lease_ns);
}

static int has_part_in(struct mz_aging *aging, __u32 vni)
{
	struct mz_vpc vpc;
	int r;

	if (aging->knows_vni && aging->vni == vni)
		return aging->has_part;
	r = mz_table_get(aging->host->tables, MZ_TABLE_vpc, &vni, &vpc);
	if (r < 0 && r != -ENOENT)
		return r;
	aging->has_part = r == 0 && vpc.flags & MZ_VPC_DIRECT;
	aging->knows_vni = true;
	aging->vni = vni;
	return aging->has_part;
}

static int age_row(const void *key, const void *value, void *user)
{
	const struct mz_vni_addr *id = key;
	struct mz_aging *aging = user;
	struct mz_tables *tables = aging->host->tables;
	const uint64_t now = clock_ns(CLOCK_MONOTONIC); /* that of the programs */
	struct mz_learned row;
	int r;

	aging->n_rows++;
	r = has_part_in(aging, id->vni);
	if (r < 0)
		return r;
	if (r && !is_over(aging, value, now))
		return 0;
	/* It was read with many others: what was confirmed since stays. */
	if (r) {
		r = mz_table_get(tables, MZ_TABLE_learned, id, &row);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		if (!is_over(aging, &row, now))
			return 0;
	}
	return mz_table_delete(tables, MZ_TABLE_learned, id);
}

/* ---- growth ---------------------------------------------------------------------------------- */

/* What could not be done is tried again by the next pass. */
static void begin_growth(struct mz_aging *aging)
{
	int r;

	mz_table_walk_free(TAKE(aging->walk));
	r = mz_table_growth_new(aging->host->tables, MZ_TABLE_learned, &aging->growth);
	if (r >= 0 || r == -ENOSPC || aging->is_full)
		return;
	aging->is_full = true;
	mz_log_warn("learned locations: no room for more than %u: %s",
		    mz_table_capacity(aging->host->tables, MZ_TABLE_learned), strerror(-r));
}

static int grow_batch(struct mz_aging *aging)
{
	return mz_table_growth_some(aging->growth, BATCH_ROWS);
}

static uint64_t count_refused(const struct mz_aging *aging)
{
	struct mz_count counts[MZ_N_COUNTERS];

	if (mz_tables_counters(aging->host->tables, counts) < 0)
		return aging->n_refused;
	return counts[MZ_COUNT_learn_full].packets;
}

static void grow_piece(struct mz_aging *aging)
{
	int r = work(aging, grow_batch);

	if (r == -EAGAIN)
		return;
	mz_table_growth_free(TAKE(aging->growth));
	aging->pass_ms = uv_now(aging->host->loop);
	aging->n_refused = count_refused(aging); /* those there is room for now */
	if (r < 0)
		mz_log_warn("learned locations: the table does not grow: %s", strerror(-r));
	else
		mz_log_info("learned locations: room for %u",
			    mz_table_capacity(aging->host->tables, MZ_TABLE_learned));
}

static bool was_half_full(const struct mz_aging *aging)
{
	uint32_t half = mz_table_capacity(aging->host->tables, MZ_TABLE_learned) / 2;

	return aging->n_last > half || aging->n_rows > half;
}

/* The kernel refuses rows for other reasons, too: rows.c. */
static void heed_refused(struct mz_aging *aging)
{
	uint64_t n_refused = count_refused(aging);

	if (n_refused == aging->n_refused || aging->growth)
		return;
	aging->n_refused = n_refused;
	if (!was_half_full(aging)) {
		aging->pass_ms = uv_now(aging->host->loop) - lease_ms(aging); /* count anew, now */
		return;
	}
	begin_growth(aging);
	if (aging->growth || aging->is_full)
		return;
	aging->is_full = true;
	mz_log_warn("learned locations: the table is full with %u: new flows take the bouncers "
		    "(--learned-limit)",
		    mz_table_capacity(aging->host->tables, MZ_TABLE_learned));
}

/* ---- passes ---------------------------------------------------------------------------------- */

static void end_pass(struct mz_aging *aging, int r)
{
	uint32_t capacity = mz_table_capacity(aging->host->tables, MZ_TABLE_learned);

	mz_table_walk_free(TAKE(aging->walk));
	aging->n_last = aging->n_rows;
	if (r < 0)
		mz_log_warn("learned locations: cannot be looked through: %s", strerror(-r));
	else if (aging->n_rows > capacity / 4 * 3)
		begin_growth(aging);
	else
		aging->is_full = false;
}

static int pass_batch(struct mz_aging *aging)
{
	aging->knows_vni = false;
	return mz_table_walk_some(aging->walk, BATCH_ROWS, age_row, aging);
}

static void pass_piece(struct mz_aging *aging)
{
	int r;

	if (!aging->walk) {
		aging->pass_ms = uv_now(aging->host->loop);
		aging->n_rows = 0;
		r = mz_table_walk_new(aging->host->tables, MZ_TABLE_learned, &aging->walk);
		if (r < 0) {
			end_pass(aging, r);
			return;
		}
	}
	r = work(aging, pass_batch);
	if (r != -EAGAIN)
		end_pass(aging, r);
}

/* A pass is spread over a lease. */
static uint64_t next_ms(const struct mz_aging *aging)
{
	uint64_t since = uv_now(aging->host->loop) - aging->pass_ms, wait;
	uint64_t n = aging->n_last > aging->n_rows ? aging->n_last : aging->n_rows;

	if (aging->growth)
		return GROWTH_MS;
	if (aging->walk)
		wait = lease_ms(aging) * PIECE_ROWS / (n + 1);
	else if (since < lease_ms(aging))
		wait = lease_ms(aging) - since;
	else
		wait = 0;
	wait = wait < LOOK_MS ? wait : LOOK_MS;
	return wait > PIECE_MS ? wait : PIECE_MS;
}

static void on_timer(uv_timer_t *timer)
{
	struct mz_aging *aging = timer->data;
	bool is_due = uv_now(timer->loop) - aging->pass_ms >= lease_ms(aging);

	heed_refused(aging);
	if (aging->growth)
		grow_piece(aging);
	else if (aging->walk || is_due)
		pass_piece(aging);
	(void)uv_timer_start(timer, on_timer, next_ms(aging), 0); /* it has a callback */
}

/* ---- life ------------------------------------------------------------------------------------ */

int mz_aging_new(struct mz_host *host, struct mz_aging **ret_aging)
{
	struct mz_aging *aging = calloc(1, sizeof(*aging));

	if (!aging)
		return -ENOMEM;
	aging->host = host;
	aging->n_refused = count_refused(aging);
	aging->n_last = mz_table_capacity(host->tables, MZ_TABLE_learned);
	aging->pass_ms = uv_now(host->loop);
	(void)uv_timer_init(host->loop, &aging->timer); /* never fails, as that below */
	aging->timer.data = aging;
	(void)uv_timer_start(&aging->timer, on_timer, next_ms(aging), 0);
	*ret_aging = aging;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void mz_aging_free(struct mz_aging *aging)
{
	if (!aging)
		return;
	mz_table_walk_free(TAKE(aging->walk));
	mz_table_growth_free(TAKE(aging->growth));
	uv_close((uv_handle_t *)&aging->timer, on_closed);
}
