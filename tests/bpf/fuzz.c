// SPDX-License-Identifier: Apache-2.0
/*
 * Random packets into every hook, in random worlds. Of each packet is checked
 *
 *	- what no model needs: it was passed on unchanged, or dropped for exactly one reason, or
 *	  absorbed, or sent in exactly one way; what was delivered went to the endpoint that has
 *	  this very address in this very VPC; a tunnel kept its VNI; a sender is who it is;
 *	- that the model foretold it, to the byte and the counter;
 *	- that the same packet has the same fate once more.
 *
 * Every world has a seed of its own, which a failure prints: it repeats that world alone.
 */
#include "fuzz_sound.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pkt_cls.h>

#include "tables/tables.h"

#define TUNNEL_PORT_MIN 32768
#define PACKETS		500 /* of one world */
#define CHANGE_EVERY	25
#define COUNT_DEFAULT	40000
#define PROGRESS_MS	10000

const struct fuzz_hook hooks[N_HOOKS] = {
	[AGENT] = { "agent", { TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_SHOT, TC_ACT_REDIRECT } },
	[TRANSIT] = { "transit", { TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_SHOT, TC_ACT_REDIRECT } },
	[XDP] = { "xdp", { TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_SHOT, TC_ACT_REDIRECT } },
};

static const char *const fates[] = { "passed", "dropped", "absorbed", "sent" };

struct fuzz_run run;

static void print_hex(const char *what, const struct frame *frame)
{
	printf("%s, %zu bytes: ", what, frame->size);
	for (size_t i = 0; i < frame->size; i++)
		printf("%02x", frame->bytes[i]);
	printf("\n");
}

static void print_told(const struct message *message)
{
	if (message->exists)
		print_hex("foretold message", &message->frame);
}

static void print_counts(const char *what, unsigned int counters, unsigned int drop)
{
	printf("%s:", what);
	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++)
		if (counters >> i & 1)
			printf(" %s", mz_counter_name(i));
	printf("%s%s\n", drop ? "; dropped: " : "", drop ? mz_drop_name(drop) : "");
}

void report(const char *what, const struct result *result, const struct forecast *forecast)
{
	unsigned int drop = 0;

	for (unsigned int i = 0; i < MZ_DROP_CODES; i++)
		drop = result->drops[i].packets ? i : drop;
	printf("FAILED: %s\n%s, device %u%s, packet %u of the world\n", what,
	       hooks[run.packet->hook].name, run.packet->ifindex,
	       run.packet->is_gso ? ", a super-packet" : "", run.index);
	print_hex("in", &run.packet->frame);
	print_hex("out", &result->out);
	if (result->n_clones)
		print_hex("beside it", &result->clone);
	print_counts("counted", counted(result), drop);
	if (forecast) {
		printf("foretold: %s\n", fates[forecast->fate]);
		print_counts("foretold", forecast->counters, forecast->drop);
		if (forecast->fate == SENT)
			print_hex("foretold", &forecast->out);
		print_told(&forecast->message);
	}
	printf("again: fuzz-packets --seed %" PRIu64 " --count %u\n", run.seed, PACKETS);
}

static bool is_same_check(const uint8_t *a, const uint8_t *b)
{
	return (a[0] << 8 | a[1]) % 65535 == (b[0] << 8 | b[1]) % 65535;
}

/* Bytes, but for what a forecast cannot know. */
static bool is_same_frame(const struct forecast *forecast, const struct frame *out)
{
	struct frame expected = forecast->out;

	if (expected.size != out->size)
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		size_t off = forecast->checks[i];

		if (off && !is_same_check(expected.bytes + off, out->bytes + off))
			return false;
		if (off)
			memcpy(expected.bytes + off, out->bytes + off, 2);
	}
	if (forecast->port) {
		if ((out->bytes[forecast->port] << 8) < TUNNEL_PORT_MIN)
			return false;
		memcpy(expected.bytes + forecast->port, out->bytes + forecast->port, 2);
	}
	if (forecast->label) { /* the low 20 bits of the header's first word */
		const uint8_t *ip = out->bytes + forecast->label;

		expected.bytes[forecast->label + 1] |= ip[1] & 15;
		memcpy(expected.bytes + forecast->label + 2, ip + 2, 2);
	}
	return !memcmp(expected.bytes, out->bytes, out->size);
}

static bool is_report_foretold(const struct world *world, const struct forecast *forecast,
			       const struct result *result)
{
	uint64_t n_drops = 0;

	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++)
		if (forecast->counters >> i & 1 && !result->counters[i].packets)
			return false;
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++)
		n_drops += result->drops[i].packets;
	return result->drops[forecast->drop].packets && n_drops <= 2 &&
	       (n_drops == 1 || result->counters[MZ_COUNT_icmp_error].packets) &&
	       sound_is_report(world, result);
}

static void copy_bytes(struct frame *to, const struct frame *from, size_t off, size_t size)
{
	memcpy(to->bytes + off, from->bytes + off, size);
}

/* By whatever way, and as long as the packet that became it, of which nothing is left. */
static bool is_message(const struct world *world, const struct message *message,
		       const struct frame *out)
{
	struct frame expected = message->frame;
	bool is_way = false;

	for (unsigned int i = 0; i < N_HOSTS; i++)
		for (unsigned int j = 0; j < MZ_WAYS_MAX; j++)
			is_way |= !memcmp(world->hosts[i].ways.ways[j].dst_mac, out->bytes, 6);
	if (!is_way || out->size < expected.size)
		return false;
	frame_extend_tunnel(&expected, out->size);
	copy_bytes(&expected, out, 0, 12);
	copy_bytes(&expected, out, message->port, 2);
	if (message->label) {
		expected.bytes[message->label + 1] |= out->bytes[message->label + 1] & 15;
		copy_bytes(&expected, out, message->label + 2, 2);
	}
	return !memcmp(expected.bytes, out->bytes, expected.size);
}

/* What leaves, of a packet that was copied or dropped. */
static bool is_message_foretold(const struct world *world, const struct forecast *forecast,
				const struct result *result)
{
	/* Of the ways to its host, the flow's may be one without a device. */
	if (result->verdict == TC_ACT_SHOT)
		return !forecast->message.exists || forecast->message.may_be_lost;
	return !forecast->message.exists ||
	       is_message(world, &forecast->message, &result->out);
}

/* A row of `learned`; the times of asking and using do not matter. */
static bool is_row_foretold(const struct change *change, uint64_t since)
{
	struct mz_vni_addr key = { .vni = change->addr->vni, .addr = change->addr->addr };
	struct mz_learned row, expected = change->row;

	if (!row_find(MZ_TABLE_learned, &key, &row))
		return false;
	if (change->is_confirmed && row.confirmed + COARSE_NS >= since)
		expected.confirmed = row.confirmed;
	expected.used = row.used;
	expected.asked = row.asked;
	expected.asked_bouncers = row.asked_bouncers;
	expected.hits = row.hits;
	return !memcmp(&row, &expected, sizeof(row));
}

/* And of the two addresses of a packet, if nothing of them should change. */
static bool are_others_as_before(const struct world *world)
{
	for (unsigned int i = 0; i < world->n_addrs; i++) {
		const struct world_addr *a = &world->addrs[i];
		struct change change = { .addr = (struct world_addr *)a, .row = a->learned };
		struct mz_vni_addr key = { .vni = a->vni, .addr = a->addr };
		struct mz_learned row;

		if (a->is_learned ? !is_row_foretold(&change, 0) :
				    row_find(MZ_TABLE_learned, &key, &row))
			return false;
	}
	return true;
}

/* A message counts when it leaves. */
static unsigned int message_counter(const struct forecast *forecast, const struct result *result)
{
	bool is_due = forecast->is_copied || forecast->fate == DROPPED ||
		      forecast->fate == ABSORBED;

	return is_due && forecast->message.exists && result->verdict != TC_ACT_SHOT ?
		       forecast->message.counter :
		       0;
}

static bool is_foretold(const struct world *world, const struct forecast *forecast,
			const struct result *result)
{
	size_t size = run.packet->frame.size;
	const struct frame *out = forecast->is_copied ? &result->clone : &result->out;
	unsigned int message = message_counter(forecast, result);

	if (forecast->fate == DROPPED && forecast->is_reported)
		return is_report_foretold(world, forecast, result);

	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++) {
		unsigned int n = (forecast->counters | message) >> i & 1;
		size_t of_each = message >> i & 1 ? result->out.size : size;

		if (result->counters[i].packets != n || result->counters[i].bytes != n * of_each)
			return false;
	}
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++) {
		unsigned int n = forecast->fate == DROPPED && i == forecast->drop;

		if (result->drops[i].packets != n || result->drops[i].bytes != n * size)
			return false;
	}
	for (unsigned int i = 0; i < forecast->n_changes; i++)
		if (!is_row_foretold(&forecast->changes[i], run.start))
			return false;
	if (result->n_clones != forecast->is_copied && !run.packet->is_gso)
		return false;
	if (forecast->is_copied || (forecast->fate != SENT && forecast->message.exists)) {
		if (!is_message_foretold(world, forecast, result))
			return false;
	} else if (result->verdict != hooks[run.packet->hook].verdicts[forecast->fate]) {
		return false;
	}
	return (forecast->fate != SENT && forecast->fate != PASSED) ||
	       (forecast->is_copied && run.packet->is_gso) || is_same_frame(forecast, out);
}

static void keep_pending(struct world *world, const struct forecast *forecast)
{
	const struct world_pending *new = &forecast->pending;
	struct world_pending *row = world_pending(world, new->vni, &new->dst, &new->src);

	if (!row)
		row = &world->pending[world->n_pending++];
	*row = *new;
	row->exists = forecast->notes;
}

/* What the packet changed, and when. */
static void keep(struct world *world, const struct forecast *forecast)
{
	for (unsigned int i = 0; i < forecast->n_changes; i++) {
		struct world_addr *a = forecast->changes[i].addr;
		struct mz_vni_addr key = { .vni = a->vni, .addr = a->addr };

		a->is_learned = true;
		row_get(MZ_TABLE_learned, &key, &a->learned);
	}
	if (forecast->nobody)
		forecast->nobody->nobody_until = forecast->nobody_until;
	if (forecast->notes || forecast->answers)
		keep_pending(world, forecast);
	if (forecast->path_mtu) {
		struct mz_nexthop *row = &world->hosts[forecast->heeded_host].ways;

		row->path_mtu = forecast->path_mtu;
		row->path_mtu_until = UINT32_MAX; /* ten minutes, by which all is over */
	}
}

/*
 * The clock of the programs may be behind, and rows may have ended while the packet ran. Returns
 * whether the packet changed a row.
 */
static bool check_model(struct world *world, const struct result *result)
{
	static struct forecast forecast;
	const uint64_t times[] = { now_ns(), run.start - COARSE_NS };

	for (unsigned int i = 0; i < 2 * MODEL_CHOICES; i++) {
		model_forecast(world, run.packet, times[i / MODEL_CHOICES], i % MODEL_CHOICES,
			       &forecast);
		if (!is_foretold(world, &forecast, result))
			continue;
		keep(world, &forecast);
		if (run.index % 16 || are_others_as_before(world))
			return forecast.n_changes;
		break;
	}
	model_forecast(world, run.packet, times[0], 0, &forecast);
	report("other than the model foretold", result, &forecast);
	exit(1);
}

/* What was asked, answered or learned now is not so again. */
static bool is_repeatable(const struct result *result)
{
	return !result->n_clones &&
	       !sound_is_reported(result) && /* there are so many errors in a second only */
	       !(counted(result) & (COUNT(introduce) | COUNT(here) | COUNT(here_limit) |
				    COUNT(stale) | COUNT(learn) | COUNT(heed_stale))) &&
	       (run.packet->hook != AGENT || !result->counters[MZ_COUNT_encapsulate].packets);
}

static void run_packet(struct world *world, const struct packet *packet)
{
	static struct result result, again;
	enum fate fate;
	bool has_changed;

	run.packet = packet;
	run.start = now_ns();
	plane_run_on(packet->hook, &packet->frame, packet->ifindex, packet->is_gso ? 100 : 0,
		     &result);
	fate = sound_fate(&result);
	if (fate == SENT)
		sound_check_sent(world, &result);
	has_changed = check_model(world, &result);
	run.n_packets++;
	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++)
		run.n_counted[i] += result.counters[i].packets;
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++)
		run.n_dropped[i] += result.drops[i].packets;
	if (run.index % 16 || has_changed || !is_repeatable(&result))
		return;
	plane_run_on(packet->hook, &packet->frame, packet->ifindex, packet->is_gso ? 100 : 0,
		     &again);
	if ((counted(&result) ^ counted(&again)) & COUNT(direct))
		return; /* now and then one goes by the bouncers, to ask */
	if (result.verdict != again.verdict || result.out.size != again.out.size ||
	    memcmp(result.out.bytes, again.out.bytes, result.out.size)) {
		report("another fate the second time", &again, NULL);
		exit(1);
	}
}

static void run_world(const uint32_t ifindexes[N_PORTS], uint64_t seed, uint64_t n_packets)
{
	static struct world world;
	static struct packet packet;

	run.seed = seed;
	random_seed(seed);
	world_random(&world, ifindexes);
	for (run.index = 0; run.index < n_packets; run.index++) {
		if (run.index % CHANGE_EVERY == CHANGE_EVERY - 1)
			world_change(&world);
		packet_random(&world, &packet);
		run_packet(&world, &packet);
	}
}

/* A fuzzer that does not reach a point of the pipeline says nothing about it. */
static int check_reached(void)
{
	int r = 0;

	/* Rates that are not reached here, and a table that does not get full. */
	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++)
		if (!run.n_counted[i] && i != MZ_COUNT_icmp_limit && i != MZ_COUNT_learn_full &&
		    i != MZ_COUNT_here_limit) {
			printf("FAILED: never counted: %s\n", mz_counter_name(i));
			r = 1;
		}
	for (unsigned int i = 1; i < MZ_DROP_CODES; i++)
		if (mz_drop_name(i) && !run.n_dropped[i] && i != MZ_DROP_new_limit) {
			printf("FAILED: never dropped for: %s\n", mz_drop_name(i));
			r = 1;
		}
	return r;
}

static void print_progress(void)
{
	printf("%" PRIu64 " packets, %" PRIu64 " s\n", run.n_packets, random_run_ms() / 1000);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	struct random_run todo = { .seed = 1, .count = COUNT_DEFAULT };
	uint32_t ifindexes[N_PORTS];
	uint64_t last = 0;
	int r;

	if (!random_run_start(argc, argv, &todo) || todo.is_ipv6) /* each world has a family */
		return 2;
	r = plane_open();
	if (r)
		return programs_excuse(r);
	programs_must(!programs_make_devices(N_PORTS, WORLD_MTU, ifindexes), "devices");
	while (random_run_goes_on(&todo, run.n_packets)) {
		uint64_t left = todo.count - run.n_packets;

		run_world(ifindexes, todo.seed++,
			  todo.seconds || left > PACKETS ? PACKETS : left);
		if (random_run_ms() - last >= PROGRESS_MS) {
			last = random_run_ms();
			print_progress();
		}
	}
	print_progress();
	r = todo.seconds || todo.count >= COUNT_DEFAULT ? check_reached() : 0;
	plane_close();
	return r;
}
