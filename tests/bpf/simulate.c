// SPDX-License-Identifier: Apache-2.0
/*
 * Hosts with the real programs and random roles, endpoints that talk, migrate, are deleted and made
 * anew, bouncers and dividers that are replaced, hosts that reboot; a net between them that
 * shuffles, and in every other world also loses and doubles. Of every packet is checked
 *
 *	- that a host sends it on once, or hands it to an endpoint, or drops it for one reason;
 *	- that it reaches only the endpoint of its destination, as it is now, on a host that has it,
 *	  in its own VPC, and between networks of the VPC that divides only by a divider;
 *	- that it is not sent round: at most HOPS_MAX hosts;
 *	- in worlds without losses, where endpoints migrate and roles change hands, that it arrives.
 *
 * At the end of a world the controller and the losses stop, and all talk to all until every packet
 * takes the shortest way.
 */
#include "simulate_net.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mizar/wire.h"
#include "tables/tables.h"

#define LEASE_NS       50000000ULL
#define WORLDS_DEFAULT 8
#define STEPS_OF_WORLD 2000
#define ROUNDS_GOOD    3	    /* one after the other */
#define TRIES	       3	    /* of a pair, in a round */
#define SETTLE_NS      6000000000ULL
#define NOTES	       400

bool is_lossy;
struct sim_total total;

static char notes[NOTES][NOTE_SIZE];
static unsigned int n_notes;

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void sim_note(const char *format, ...)
{
	char *note = notes[n_notes++ % NOTES];
	int size = snprintf(note, NOTE_SIZE, "%9.3f ms  ", now() % 100000000000ULL / 1e6);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(note + size, NOTE_SIZE - size, format, args);
	va_end(args);
}

void sim_fail(const char *format, ...)
{
	va_list args;

	for (unsigned int i = n_notes > NOTES ? n_notes - NOTES : 0; i < n_notes; i++)
		printf("%s\n", notes[i % NOTES]);
	sim_control_print();
	printf("FAILED: ");
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	printf("\nagain: simulate --seed %" PRIu64 " --count 1%s\n", total.seed,
	       frame_underlay_is_ipv6() ? " --ipv6" : "");
	exit(1);
}

static void pause_ms(unsigned int ms)
{
	(void)usleep(ms * 1000);
}

/* Hosts that a packet passes at best, with its source's. */
static unsigned int shortest(unsigned int src, unsigned int dst)
{
	const struct sim_endpoint *from = &sim_endpoints[src], *to = &sim_endpoints[dst];

	return 2 + (sim_divides(from->vpc) && from->network != to->network);
}

/*
 * Takes a packet the shortest way, if not the first one? A lease may be over, or be renewed by the
 * bouncers, at any time: the next packet goes as it should. Of the last one is told.
 */
static bool try_pair(unsigned int src, unsigned int dst, const struct sent **ret_last)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		const struct sent *last = &sent[net_send(src, dst, (src ^ dst) & 1)];

		while (n_flying)
			net_land(0);
		*ret_last = last;
		if (last->n_arrived == 1 && last->n_hops <= shortest(src, dst))
			return true;
	}
	return false;
}

/* All to all; the number of pairs that are not as they should be, which are said at the end. */
static unsigned int talk(bool is_end)
{
	unsigned int n_bad = 0;

	for (unsigned int src = 0; src < SIM_ENDPOINTS; src++)
		for (unsigned int dst = 0; dst < SIM_ENDPOINTS; dst++) {
			const struct sent *last;

			if (src == dst || sim_endpoints[src].vpc != sim_endpoints[dst].vpc ||
			    sim_endpoints[src].home == SIM_NOWHERE ||
			    sim_endpoints[dst].home == SIM_NOWHERE ||
			    try_pair(src, dst, &last))
				continue;
			if (is_end)
				printf("endpoint %u to %u: %s by %u hosts, not %u\n", src, dst,
				       last->n_arrived ? "arrives" : "is lost", last->n_hops,
				       shortest(src, dst));
			n_bad++;
		}
	return n_bad;
}

static void settle(void)
{
	uint64_t end = now() + SETTLE_NS;
	unsigned int n_good = 0;

	while (sim_control_finish() || n_flying) {
		if (n_flying)
			net_land(0);
		net_find_oldest();
	}
	while (n_good < ROUNDS_GOOD) {
		n_good = talk(false) ? 0 : n_good + 1;
		pause_ms(5);
		if (now() <= end)
			continue;
		n_notes = 0;
		if (talk(true))
			sim_fail("it does not come to rest");
		break;
	}
}

static void run_world(uint64_t seed)
{
	total.seed = seed;
	random_seed(seed);
	n_flying = 0;
	n_notes = 0;
	sim_next_packet = sim_oldest_packet = 1;
	is_lossy = seed % 2;
	sim_control_init(!is_lossy);
	for (unsigned int i = 0; i < STEPS_OF_WORLD; i++) {
		unsigned int what = random_below(100);

		if (what < 8)
			sim_control_step();
		else if (what < 9)
			pause_ms(random_below(8));
		else if (what < 40 && n_flying < FLYING_MAX / 3)
			net_send_random();
		else
			net_step();
	}
	settle();
}

static void print_total(void)
{
	printf("%" PRIu64 " packets, %" PRIu64 " arrived, %" PRIu64 " runs, %" PRIu64
	       " as mizar path says, %.1f s\n",
	       total.n_packets, total.n_arrived, total.n_runs, total.n_compared,
	       random_run_ms() / 1e3);
	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++)
		if (total.n_counted[i])
			printf("%10" PRIu64 " %s\n", total.n_counted[i], mz_counter_name(i));
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++)
		if (total.n_dropped[i])
			printf("%10" PRIu64 " dropped: %s\n", total.n_dropped[i], mz_drop_name(i));
}

int main(int argc, char **argv)
{
	struct random_run todo = { .seed = 1, .count = WORLDS_DEFAULT };
	int r;

	if (!random_run_start(argc, argv, &todo))
		return 2;
	r = sim_hosts_open(todo.is_ipv6, LEASE_NS);
	if (r)
		return programs_excuse(r);
	printf("loaded in %.1f s\n", random_run_ms() / 1e3);
	(void)fflush(stdout);
	for (uint64_t done = 0; random_run_goes_on(&todo, done); done++)
		run_world(todo.seed++);
	print_total();
	sim_hosts_close();
	return 0;
}
