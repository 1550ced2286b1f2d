// SPDX-License-Identifier: Apache-2.0
#include "host/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/addr.h"
#include "base/log.h"
#include "host/echo.h"

#define MS		 1000000ULL
#define MARK_NS		 (12000 * MS) /* longer than mizard takes to start */
#define RENEW_NS	 (2000 * MS)
#define LOOK_NS		 (1000 * MS)
#define TICK_NS		 (5 * MS) /* no batch sooner after another, and no answers */
#define NOT_A_TIME	 UINT64_MAX

struct mz_peers {
	struct mz_tables *tables;
	struct mz_addr self;
	struct mz_echo echo;	/* fd -1: nobody is asked */
	uint64_t interval;	/* ns */
	uv_timer_t timer;
	struct mz_peer *items;	/* by address */
	size_t n, room;
	uint64_t look_ns;	/* when to look at all marks again */
	bool is_news;		/* a state changed: look now */
	bool is_alone;		/* nobody is alive, and that was said */
};

/* ---- the set --------------------------------------------------------------------------------- */

/* Where the address is, or would have to be. */
static size_t find(const struct mz_peers *peers, const struct mz_addr *addr)
{
	size_t low = 0, high = peers->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (mz_addr_compare(&peers->items[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct mz_peer *get(const struct mz_peers *peers, const struct mz_addr *addr)
{
	size_t i = find(peers, addr);

	return i < peers->n && !mz_addr_compare(&peers->items[i].addr, addr) ? &peers->items[i] :
									       NULL;
}

static uint32_t random_u32(void)
{
	uint32_t random = 0;

	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK); /* at worst no jitter */
	return random;
}

/* ECHOs a second are bounded, whatever the number of hosts. */
static uint64_t interval_of(const struct mz_peers *peers)
{
	uint64_t least = peers->n * (1000 * MS / MZ_PEERS_MAX_RATE);

	return peers->interval > least ? peers->interval : least;
}

/* Who was dead for the mizard before this one, a moment ago, still is, until it answers. */
static void adopt_mark(struct mz_peers *peers, struct mz_peer *peer)
{
	struct mz_dead mark;

	if (mz_table_get(peers->tables, MZ_TABLE_dead, &peer->addr, &mark) < 0)
		return;
	peer->is_marked = true;
	peer->marked_ns = mark.until;
	if (mark.until + MARK_NS > peer->since_ns)
		peer->state = MZ_PEER_DEAD;
	peers->is_news = true;
}

static int insert(struct mz_peers *peers, const struct mz_addr *addr, size_t i)
{
	uint64_t now = uv_hrtime();
	struct mz_peer *items = peers->items;

	if (peers->n == peers->room) {
		items = reallocarray(items, peers->room * 2 + 8, sizeof(*items));
		if (!items)
			return -ENOMEM;
		peers->items = items;
		peers->room = peers->room * 2 + 8;
	}
	memmove(&items[i + 1], &items[i], (peers->n - i) * sizeof(*items));
	peers->n++;
	items[i] = (struct mz_peer){ .addr = *addr, .since_ns = now, .heard_ns = now };
	/* Anywhere in the interval: so many that come at once are not asked at once. */
	items[i].due_ns = now + random_u32() % (interval_of(peers) + 1);
	adopt_mark(peers, &items[i]);
	return 0;
}

static void unmark(struct mz_peers *peers, const struct mz_addr *addr)
{
	char text[MZ_ADDR_STRLEN];
	int r = mz_table_delete(peers->tables, MZ_TABLE_dead, addr);

	if (r < 0)
		mz_log_warn("host %s: stays marked as dead for %llu s at most: %s",
			    mz_addr_format(addr, text), MARK_NS / (1000 * MS), strerror(-r));
}

static void forget(struct mz_peers *peers, struct mz_peer *peer)
{
	size_t i = (size_t)(peer - peers->items);

	if (peer->is_marked)
		unmark(peers, &peer->addr);
	peers->n--;
	memmove(peer, peer + 1, (peers->n - i) * sizeof(*peer));
}

/* ---- marks ----------------------------------------------------------------------------------- */

static int find_company(const void *key, const void *value, void *user)
{
	const struct mz_replicas *replicas = value;
	struct mz_peer *found[MZ_REPLICAS_MAX];
	struct mz_peers *peers = user;
	bool is_alive = false;
	uint32_t i;

	for (i = 0; i < replicas->n && i < MZ_REPLICAS_MAX; i++) {
		found[i] = get(peers, &replicas->addrs[i]);
		is_alive |= found[i] && found[i]->state == MZ_PEER_ALIVE;
	}
	while (is_alive && i--)
		if (found[i])
			found[i]->has_company = true;
	return 0;
}

static int find_company_of_network(const void *key, const void *value, void *user)
{
	return find_company(key, &((const struct mz_network *)value)->bouncers, user);
}

static int find_company_of_vpc(const void *key, const void *value, void *user)
{
	return find_company(key, &((const struct mz_vpc *)value)->dividers, user);
}

/* Only silent hosts need to know, and there are hardly any: rows are read, not remembered. */
static void find_companies(struct mz_peers *peers)
{
	bool is_any_silent = false;
	size_t i;
	int r;

	for (i = 0; i < peers->n; i++) {
		peers->items[i].has_company = false;
		is_any_silent |= peers->items[i].is_silent;
	}
	if (!is_any_silent)
		return;
	r = mz_table_each(peers->tables, MZ_TABLE_network, find_company_of_network, peers);
	if (r >= 0)
		r = mz_table_each(peers->tables, MZ_TABLE_vpc, find_company_of_vpc, peers);
	if (r < 0)
		mz_log_warn("tables: cannot be read: %s", strerror(-r));
}

static void mark(struct mz_peers *peers, struct mz_peer *peer, uint64_t now)
{
	const struct mz_dead dead = { .until = now + MARK_NS, .misses = peer->misses };
	char text[MZ_ADDR_STRLEN];
	int r = mz_table_put(peers->tables, MZ_TABLE_dead, &peer->addr, &dead);

	if (r < 0)
		mz_log_warn("host %s: cannot be marked as dead: %s",
			    mz_addr_format(&peer->addr, text), strerror(-r));
	else if (!peer->is_marked && peer->is_silent)
		mz_log_warn("host %s: has never answered, avoided while others do",
			    mz_addr_format(&peer->addr, text));
	if (r < 0)
		return;
	peer->is_marked = true;
	peer->marked_ns = dead.until;
}

static void say_alone(struct mz_peers *peers, size_t n_alive, size_t n_mute)
{
	if (n_alive)
		peers->is_alone = false;
	if (n_mute < 2 || n_mute < peers->n || peers->is_alone)
		return;
	peers->is_alone = true;
	mz_log_err("hosts: not one of the %zu that this one bounces and divides by answers: is it "
		   "cut off? They are chosen as if all did",
		   peers->n);
}

/* If one must be, all are: programs forget their rows once for all of them. */
static bool is_renewal_due(const struct mz_peers *peers, uint64_t now)
{
	for (size_t i = 0; i < peers->n; i++)
		if (peers->items[i].is_marked &&
		    peers->items[i].marked_ns < now + MARK_NS - RENEW_NS)
			return true;
	return false;
}

static void mark_all(struct mz_peers *peers, uint64_t now)
{
	bool is_needed = false, is_due = is_renewal_due(peers, now);
	size_t i, n_alive = 0, n_mute = 0;
	int r;

	peers->is_news = false;
	find_companies(peers);
	mz_tables_hold_epoch(peers->tables);
	for (i = 0; i < peers->n; i++) {
		struct mz_peer *peer = &peers->items[i];

		n_alive += peer->state == MZ_PEER_ALIVE;
		n_mute += peer->state == MZ_PEER_DEAD || peer->is_silent;
		if (mz_peer_is_avoided(peer)) {
			if (is_due || !peer->is_marked)
				mark(peers, peer, now);
		} else if (peer->is_marked) {
			unmark(peers, &peer->addr);
			peer->is_marked = false;
		}
		is_needed |= peer->is_marked || peer->is_silent;
	}
	r = mz_tables_release_epoch(peers->tables);
	if (r < 0)
		mz_log_warn("tables: programs cannot be told of a change: %s", strerror(-r));
	peers->look_ns = is_needed ? now + LOOK_NS : NOT_A_TIME;
	say_alone(peers, n_alive, n_mute);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_answer(const struct mz_addr *from, uint64_t nonce, uint64_t at_ns, void *user)
{
	struct mz_peers *peers = user;
	struct mz_peer *peer = get(peers, from), before;
	uint64_t now = uv_hrtime();
	char text[MZ_ADDR_STRLEN];

	if (!peer)
		return;
	before = *peer;
	if (mz_peer_answer(peer, now, nonce, at_ns) <= 0)
		return;
	peers->is_news = true;
	if (before.is_marked || before.state == MZ_PEER_DEAD)
		mz_log_info("host %s: answers again, after %.1f s", mz_addr_format(from, text),
			    (double)(now - before.since_ns) / 1e9);
}

static void ask_one(struct mz_peers *peers, struct mz_peer *peer, uint64_t now, uint64_t nonce)
{
	uint32_t random = (uint32_t)(nonce >> 32);
	char text[MZ_ADDR_STRLEN];

	if (!mz_peer_ask(peer, now, nonce, interval_of(peers), random))
		return;
	peers->is_news = true;
	if (peer->state == MZ_PEER_DEAD)
		mz_log_warn("host %s: does not answer, avoided", mz_addr_format(&peer->addr, text));
}

/* Asks those that are due, as many as go into a batch. */
static void ask(struct mz_peers *peers, uint64_t now)
{
	struct mz_echo_probe probes[MZ_ECHO_BATCH];
	struct mz_peer *asked[MZ_ECHO_BATCH];
	uint64_t sent_ns;
	size_t i, n = 0, n_sent;

	for (i = 0; i < peers->n && n < MZ_ECHO_BATCH; i++) {
		if (peers->items[i].due_ns > now)
			continue;
		probes[n].to = peers->items[i].addr;
		asked[n++] = &peers->items[i];
	}
	if (!n || mz_echo_nonces(&peers->echo, probes, n) < 0)
		return;
	for (i = 0; i < n; i++)
		ask_one(peers, asked[i], now, probes[i].nonce);
	n_sent = mz_echo_send(&peers->echo, probes, n, &sent_ns);
	for (i = 0; i < n; i++)
		mz_peer_sent(asked[i], sent_ns);
	while (n > n_sent)
		mz_peer_unask(asked[--n], now);
}

static void on_tick(uv_timer_t *timer);

/* Sleeps until somebody is due, or an answer may be here. */
static void sleep_on(struct mz_peers *peers, uint64_t now)
{
	uint64_t until = peers->is_news ? now : peers->look_ns;
	bool is_asked = false;
	size_t i;

	if (peers->echo.fd < 0 || !peers->n)
		return;
	for (i = 0; i < peers->n; i++) {
		const struct mz_peer *peer = &peers->items[i];

		if (peer->due_ns < until)
			until = peer->due_ns;
		is_asked |= peer->is_asked && peer->asked_ns == now;
	}
	if (is_asked || until < now + TICK_NS)
		until = now + TICK_NS;
	/* Cannot fail: the timer has a callback. */
	(void)uv_timer_start(&peers->timer, on_tick, (until - now + MS - 1) / MS, 0);
}

static void on_tick(uv_timer_t *timer)
{
	struct mz_peers *peers = timer->data;
	uint64_t now;

	/* What is here already is not missing, however late this comes. */
	mz_echo_receive(&peers->echo, on_answer, peers);
	now = uv_hrtime();
	ask(peers, now);
	if (peers->is_news || now >= peers->look_ns)
		mark_all(peers, now);
	sleep_on(peers, now);
}

/* ---- rows ------------------------------------------------------------------------------------ */

int mz_peers_use(struct mz_peers *peers, const struct mz_replicas *replicas)
{
	struct mz_replicas used = {};
	int r = 0;

	while (r == 0 && used.n < replicas->n && used.n < MZ_REPLICAS_MAX) {
		const struct mz_addr *addr = &replicas->addrs[used.n];

		if (mz_addr_compare(addr, &peers->self)) {
			if (!get(peers, addr))
				r = insert(peers, addr, find(peers, addr));
			if (r == 0)
				get(peers, addr)->n_uses++;
		}
		if (r == 0)
			used.addrs[used.n++] = *addr;
	}
	if (r < 0)
		mz_peers_disuse(peers, &used);
	sleep_on(peers, uv_hrtime());
	return r;
}

void mz_peers_disuse(struct mz_peers *peers, const struct mz_replicas *replicas)
{
	uint32_t i;

	for (i = 0; i < replicas->n && i < MZ_REPLICAS_MAX; i++) {
		struct mz_peer *peer = get(peers, &replicas->addrs[i]);

		if (peer && !--peer->n_uses)
			forget(peers, peer);
	}
}

const struct mz_peer *mz_peers_list(const struct mz_peers *peers, size_t *ret_n)
{
	*ret_n = peers->n;
	return peers->items;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int use_network(const void *key, const void *value, void *user)
{
	return mz_peers_use(user, &((const struct mz_network *)value)->bouncers);
}

static int use_vpc(const void *key, const void *value, void *user)
{
	return mz_peers_use(user, &((const struct mz_vpc *)value)->dividers);
}

/* Of hosts that are nothing to this one any more, or, when nobody is asked, of all. */
static int forget_mark(const void *key, const void *value, void *user)
{
	struct mz_peers *peers = user;

	return get(peers, key) ? 0 : mz_table_delete(peers->tables, MZ_TABLE_dead, key);
}

static int load(struct mz_peers *peers)
{
	int r = 0;

	if (peers->echo.fd < 0)
		r = mz_table_each(peers->tables, MZ_TABLE_dead, forget_mark, peers);
	if (r >= 0)
		r = mz_table_each(peers->tables, MZ_TABLE_network, use_network, peers);
	if (r >= 0)
		r = mz_table_each(peers->tables, MZ_TABLE_vpc, use_vpc, peers);
	if (r >= 0)
		r = mz_table_each(peers->tables, MZ_TABLE_dead, forget_mark, peers);
	return r;
}

int mz_peers_new(uv_loop_t *loop, struct mz_tables *tables, const struct mz_addr *self,
		 uint16_t port, unsigned int interval_ms, struct mz_peers **ret_peers)
{
	struct mz_peers *peers = calloc(1, sizeof(*peers));
	int r = 0;

	if (!peers)
		return -ENOMEM;
	peers->tables = tables;
	peers->self = *self;
	peers->interval = interval_ms * MS;
	peers->look_ns = NOT_A_TIME;
	peers->echo.fd = -1;
	(void)uv_timer_init(loop, &peers->timer); /* cannot fail */
	peers->timer.data = peers;
	if (interval_ms)
		r = mz_echo_open(self, port, &peers->echo);
	if (r >= 0)
		r = load(peers);
	if (r < 0) {
		mz_peers_free(peers);
		return r;
	}
	*ret_peers = peers;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct mz_peers *peers = handle->data;

	free(peers->items);
	free(peers);
}

void mz_peers_free(struct mz_peers *peers)
{
	if (!peers)
		return;
	mz_echo_close(&peers->echo);
	uv_close((uv_handle_t *)&peers->timer, on_timer_closed);
}
