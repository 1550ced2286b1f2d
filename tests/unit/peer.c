// SPDX-License-Identifier: Apache-2.0
/* When a host is alive, dead, or silent, by what comes back of its ECHOs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/peer.h"

#define MS	 1000000ULL
#define INTERVAL (200 * MS)
#define START	 (1000 * MS)
#define RTT	 (30000ULL)

/* One letter an ECHO: a: answered; .: not; w: a wrong answer; -: it could not be sent. */
struct run {
	struct mz_peer peer;
	uint64_t now, nonce, interval;
	unsigned int n_news;
};

static void step(struct run *run, char letter, uint32_t random)
{
	struct mz_peer *peer = &run->peer;

	run->now = peer->due_ns > run->now ? peer->due_ns : run->now;
	run->n_news += mz_peer_ask(peer, run->now, ++run->nonce, run->interval, random);
	mz_peer_sent(peer, run->now);
	if (letter == 'w')
		assert_int_equal(mz_peer_answer(peer, run->now + RTT, ~run->nonce, run->now + RTT),
				 -EBADMSG);
	if (letter == 'a')
		run->n_news += mz_peer_answer(peer, run->now + RTT, run->nonce,
					      run->now + RTT) == 1;
	if (letter == 'a') /* it counts once */
		assert_int_equal(mz_peer_answer(peer, run->now + RTT, run->nonce, run->now + RTT),
				 -EBADMSG);
	if (letter == '-')
		mz_peer_unask(peer, run->now + MS);
}

static struct run play(const char *letters, uint64_t interval, uint32_t random)
{
	struct run run = { .now = START, .nonce = 70, .interval = interval };

	run.peer.since_ns = run.peer.heard_ns = START;
	for (; *letters; letters++)
		step(&run, *letters, random);
	return run;
}

/* What an ECHO came to is known when the next one goes. */
static void judges(void **state)
{
	static const struct {
		const char *letters, *state;
		unsigned int n_news;
	} cases[] = {
		{ "", "unknown", 0 },
		{ ".", "unknown", 0 },
		{ "a", "alive", 1 },
		{ "aaaa", "alive", 1 },
		{ "a...", "alive", 1 },
		{ "a....", "dead", 2 },
		{ "awwww", "dead", 2 },
		{ "a---.---.---a", "alive", 1 },
		{ "a..a..a...", "alive", 1 },
		{ "a.......", "dead", 2 },
		{ "a....a", "dead", 2 },
		{ "a....a.a.a", "dead", 2 },
		{ "a....aaaaaa", "dead", 2 }, /* for less than a second */
		{ "a....aaaaaaa", "alive", 3 },
		{ "a....aaaaa.aaaaaa", "dead", 2 },
		{ "a....aaaaaaa...", "alive", 3 },
		{ "a....aaaaaaa....", "dead", 4 },
		{ ".....", "unknown", 0 },
		{ "......", "silent", 1 },
		{ "..........", "silent", 1 },
		{ "..........a", "alive", 2 },
		{ "..........a....", "dead", 3 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run run = play(cases[i].letters, INTERVAL, 0);
		const char *name = run.peer.is_silent ? "silent" : mz_peer_states[run.peer.state];

		if (strcmp(name, cases[i].state) || run.n_news != cases[i].n_news)
			fail_msg("\"%s\": %s, %u news; not %s, %u", cases[i].letters, name,
				 run.n_news, cases[i].state, cases[i].n_news);
	}
}

/* From the last answer, at any jitter: long enough to be sure, and less than a second. */
static void takes_its_time(void **state)
{
	static const uint32_t randoms[] = { 0, 7, INTERVAL / 10, INTERVAL / 5, UINT32_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(randoms); i++) {
		struct run run = play("aa", INTERVAL, randoms[i]);
		uint64_t heard = run.now;

		while (run.peer.state != MZ_PEER_DEAD)
			step(&run, '.', randoms[i]);
		assert_in_range(run.now - heard, MZ_PEER_DEAD_NS, 750 * MS);
		assert_true(run.peer.misses >= MZ_PEER_MISSES);
		assert_true(run.peer.since_ns == run.now);
	}
}

/* However often it is asked. */
static void needs_half_a_second(void **state)
{
	struct run run = play("a", 20 * MS, 0);
	uint64_t heard = run.now;

	while (run.peer.state != MZ_PEER_DEAD)
		step(&run, '.', 0);
	assert_in_range(run.now - heard, MZ_PEER_DEAD_NS, MZ_PEER_DEAD_NS + 60 * MS);
}

/* A way that takes rtt: answers come as late, and are lost until the host is down. */
struct way {
	struct run run;
	uint64_t rtt, due[MZ_PEER_ECHOES], nonces[MZ_PEER_ECHOES];
	uint32_t random;
	bool was_heard;
};

#define DOWN (START + 10000 * MS)
#define UP   (START + 13000 * MS)
#define GOOD (START + 18000 * MS)
#define END  (START + 20000 * MS)

static void pass_a_ms(struct way *way)
{
	struct run *run = &way->run;
	bool is_lost = run->now < DOWN ? run->nonce % 5 == 0 : run->now < UP;
	size_t i;

	for (i = 0; i < MZ_PEER_ECHOES; i++)
		if (way->due[i] && way->due[i] <= run->now) {
			way->was_heard |= mz_peer_answer(&run->peer, run->now, way->nonces[i],
							 run->now) >= 0;
			way->due[i] = 0;
		}
	if (run->now >= run->peer.due_ns) {
		way->random = way->random * 1103515245 + 12345;
		(void)mz_peer_ask(&run->peer, run->now, ++run->nonce, run->interval,
				  way->random >> 4);
		mz_peer_sent(&run->peer, run->now);
		i = run->nonce % MZ_PEER_ECHOES;
		way->nonces[i] = run->nonce;
		way->due[i] = is_lost ? 0 : run->now + way->rtt;
	}
	run->now += MS;
}

/* From the first answer on the host is alive, as long as it is. */
static void bears_a_long_way(void **state)
{
	static const uint64_t ways[][2] = { { 200, 90 },  { 200, 150 }, { 200, 330 },
					    { 100, 130 }, { 20, 15 },	{ 20, 65 } };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct way way = { .run = play("", ways[i][0] * MS, 0), .rtt = ways[i][1] * MS };

		while (way.run.now < END) {
			uint64_t now = way.run.now;
			bool is_up = way.was_heard && (now < DOWN || now > GOOD);
			bool is_down = now > DOWN + 1500 * MS && now < UP;

			pass_a_ms(&way);
			if ((is_up && way.run.peer.state != MZ_PEER_ALIVE) ||
			    (is_down && way.run.peer.state != MZ_PEER_DEAD))
				fail_msg("every %u ms, %u ms on the way: %s after %u ms",
					 (unsigned int)ways[i][0], (unsigned int)ways[i][1],
					 mz_peer_states[way.run.peer.state],
					 (unsigned int)((now - START) / MS));
		}
		assert_true(way.run.peer.rtt_ns == way.rtt);
	}
}

static void is_asked_in_time(void **state)
{
	struct run run = play("aa", INTERVAL, 0);
	uint64_t soonest = run.peer.due_ns - run.now, latest;

	run = play("aa", INTERVAL, INTERVAL / 5);
	latest = run.peer.due_ns - run.now;
	assert_in_range(soonest, INTERVAL * 9 / 10, INTERVAL);
	assert_in_range(latest, INTERVAL, INTERVAL * 11 / 10 + 1);

	run = play("aa..", INTERVAL, 0); /* the second miss is not known yet */
	assert_in_range(run.peer.due_ns - run.now, INTERVAL * 9 / 20, INTERVAL / 2);
	run = play("aa.........", INTERVAL, 0); /* dead: no hurry */
	assert_in_range(run.peer.due_ns - run.now, INTERVAL * 9 / 10, INTERVAL);
	run = play("a-", INTERVAL, 0);
	assert_true(run.peer.due_ns == run.now + MS && !run.peer.is_asked);
}

static void avoids(void **state)
{
	struct run run = play("a....", INTERVAL, 0);

	assert_true(mz_peer_is_avoided(&run.peer));
	run = play("a", INTERVAL, 0);
	run.peer.has_company = true;
	assert_false(mz_peer_is_avoided(&run.peer));
	assert_true(run.peer.rtt_ns == RTT);
	run = play("...", INTERVAL, 0);
	run.peer.has_company = true;
	assert_false(mz_peer_is_avoided(&run.peer)); /* too early to say */
	run = play("..........", INTERVAL, 0);
	assert_false(mz_peer_is_avoided(&run.peer));
	run.peer.has_company = true;
	assert_true(mz_peer_is_avoided(&run.peer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges),	       cmocka_unit_test(takes_its_time),
		cmocka_unit_test(needs_half_a_second), cmocka_unit_test(is_asked_in_time),
		cmocka_unit_test(avoids),	       cmocka_unit_test(bears_a_long_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
