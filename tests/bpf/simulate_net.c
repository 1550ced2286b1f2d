// SPDX-License-Identifier: Apache-2.0
/* The net between the hosts of a simulation, and what is checked of each packet on its way. */
#include "simulate_net.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mizar/wire.h"
#include "tables/tables.h"

#define FLYING_SIZE 512
#define HOPS_MAX    16

/* A tunnel packet on its way; its number, if it is data. */
struct flying {
	unsigned int to;
	bool is_control, is_divided;
	bool saw_boot; /* a host that boots */
	uint64_t number;
	unsigned int n_hops;
	uint8_t path[HOPS_MAX];
	size_t size;
	uint8_t bytes[FLYING_SIZE];
};

struct sent sent[PACKETS_MAX];
unsigned int n_flying;
uint64_t sim_next_packet, sim_oldest_packet;

static struct flying flying[FLYING_MAX];

/* What may become of packets in a world that loses some. */
static const unsigned int fair_drops[] = {
	MZ_DROP_no_port,    MZ_DROP_unknown_host, MZ_DROP_no_vpc,	MZ_DROP_no_network,
	MZ_DROP_no_divider, MZ_DROP_no_route,	  MZ_DROP_no_endpoint,	MZ_DROP_not_here,
	MZ_DROP_no_nexthop, MZ_DROP_not_divided,  MZ_DROP_stale_sender, MZ_DROP_nobody,
};

static const uint8_t *geneve_of(const uint8_t *bytes)
{
	return bytes + ETH + frame_outer_size() + 8;
}

static bool is_returned(const uint8_t *geneve)
{
	return (geneve[2] << 8 | geneve[3]) == MZ_GENEVE_RETURNED;
}

static const uint8_t *inner_of(const uint8_t *geneve)
{
	return geneve + 8 + (geneve[0] & 63) * 4 + ETH;
}

/* For which network the sender has judged it: in the source's MAC. */
static uint64_t judged_of(const uint8_t *geneve)
{
	const uint8_t *mac = inner_of(geneve) - 8;
	uint64_t network = 0;

	for (unsigned int i = 1; i < 6; i++)
		network = network << 8 | mac[i];
	return network;
}

static bool is_endpoint_mac(const uint8_t *mac)
{
	return mac[0] == 2 && mac[1] == 0xe0;
}

/* The number that an inner packet carries behind its UDP header. */
static uint64_t number_of(const uint8_t *ip)
{
	const uint8_t *payload = ip + (ip[0] >> 4 == 6 ? 40 : 20) + 8;
	uint64_t number;

	if (memcmp(payload, "number: ", 8))
		sim_fail("a packet has changed");
	memcpy(&number, payload + 8, 8);
	if (number >= sim_next_packet)
		sim_fail("a packet that was not sent");
	return number;
}

void net_find_oldest(void)
{
	sim_oldest_packet = sim_next_packet;
	for (unsigned int i = 0; i < n_flying; i++)
		if (flying[i].number < sim_oldest_packet) /* or an answer to it */
			sim_oldest_packet = flying[i].number;
}

static const char *path_text(const struct flying *f, char ret[static 4 * HOPS_MAX])
{
	char *end = ret;

	*end = 0;
	for (unsigned int i = 0; i < f->n_hops && i < HOPS_MAX; i++)
		end += sprintf(end, i ? "-%u" : "%u", f->path[i]);
	return ret;
}

/* A tunnel packet leaves a host. before: as it came, or was made. */
static void fly(const struct flying *before, const struct frame *frame)
{
	const uint8_t *geneve = geneve_of(frame->bytes);
	struct flying *f = &flying[n_flying];
	uint32_t vni = geneve[4] << 16 | geneve[5] << 8 | geneve[6];

	if (n_flying == FLYING_MAX || frame->size > FLYING_SIZE)
		sim_fail("too many packets, or too big: %zu", frame->size);
	*f = *before;
	f->is_control = geneve[1] & MZ_GENEVE_F_CONTROL;
	f->size = frame->size;
	memcpy(f->bytes, frame->bytes, frame->size);
	f->to = geneve[-9] - 1; /* the last byte of the outer destination */
	if (f->to >= SIM_HOSTS)
		sim_fail("a packet to no host");
	if (!f->is_control && vni != sim_vni(sim_endpoints[sent[f->number].src].vpc))
		sim_fail("packet %" PRIu64 " has changed its VPC", f->number);
	if (f->is_control)
		f->n_hops = 0;
	n_flying++;
}

static void arrive(const struct flying *f, unsigned int host, const struct frame *frame)
{
	struct sent *packet = &sent[f->number];
	const struct sim_endpoint *src = &sim_endpoints[packet->src],
				  *dst = &sim_endpoints[packet->dst];
	char path[4 * HOPS_MAX];
	uint8_t mac[6];

	sim_note("packet %" PRIu64 " arrives on host %u, %s", f->number, host, path_text(f, path));
	put_mac(mac, dst->mac);
	if (memcmp(frame->bytes, mac, 6))
		sim_fail("packet %" PRIu64 " reaches another than its destination", f->number);
	if (!(dst->placed & 1U << host))
		sim_fail("packet %" PRIu64 " arrives on host %u, which has not got %u", f->number,
			 host, packet->dst);
	if (sim_divides(src->vpc) && src->network != dst->network && !f->is_divided)
		sim_fail("packet %" PRIu64 " came round the divider: %s", f->number, path);
	if (packet->n_arrived++ && !is_lossy)
		sim_fail("packet %" PRIu64 " arrives twice", f->number);
	packet->n_hops = f->n_hops;
	total.n_arrived++;
}

static void check_drop(const struct flying *f, unsigned int host, unsigned int reason)
{
	bool is_fair = is_lossy;
	char path[4 * HOPS_MAX];
	unsigned int i = 0;

	sim_note("host %u drops %s%" PRIu64 ", %s: %s", host, f->is_control ? "control " : "",
		 f->number, path_text(f, path), mz_drop_name(reason));
	while (i < sizeof(fair_drops) / sizeof(*fair_drops) && fair_drops[i] != reason)
		i++;
	is_fair &= i < sizeof(fair_drops) / sizeof(*fair_drops);
	if (!is_fair && !f->is_control)
		sim_fail("packet %" PRIu64 " of endpoint %u to %u is dropped: %s", f->number,
			 sent[f->number].src, sent[f->number].dst, mz_drop_name(reason));
}

/* Whatever left the host; how many of them were the packet that came. */
static unsigned int sort_out(const struct flying *f, unsigned int host, const struct frame *out)
{
	const uint8_t *geneve = geneve_of(out->bytes);

	if (is_endpoint_mac(out->bytes)) {
		if (number_of(out->bytes + ETH) != f->number)
			sim_fail("a packet became another");
		arrive(f, host, out);
		return 1;
	}
	if (!(geneve[1] & MZ_GENEVE_F_CONTROL) &&
	    number_of(inner_of(geneve)) != f->number)
		sim_fail("a packet became another");
	fly(f, out);
	return !flying[n_flying - 1].is_control;
}

static void note_run(const struct flying *f, unsigned int host, const struct sim_result *result)
{
	char text[NOTE_SIZE] = "", *end = text;

	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++) {
		total.n_counted[i] += result->counts.counters[i].packets;
		if (result->counts.counters[i].packets && end - text < NOTE_SIZE - 20)
			end += sprintf(end, " %s", mz_counter_name(i));
	}
	sim_note("host %u, %s%" PRIu64 ":%s", host, f->is_control ? "control of " : "", f->number,
		 text);
}

/* Does the copy of the packet that leaves the host go where it was said to go? */
static bool compare_frame(const struct sim_guess *guess, const struct frame *out,
			  const struct sim_result *result)
{
	const uint8_t *geneve = geneve_of(out->bytes);
	struct sim_came came;

	if (is_endpoint_mac(out->bytes))
		return sim_compare(guess, SIM_NOWHERE, NULL, result);
	came.judged = judged_of(geneve);
	came.is_returned = is_returned(geneve);
	return !(geneve[1] & MZ_GENEVE_F_CONTROL) &&
	       sim_compare(guess, geneve[-9] - 1, &came, result);
}

static void compare(const struct sim_guess *guess, const struct sim_result *result)
{
	bool is_compared = result->n_drops && sim_compare(guess, SIM_NOWHERE, NULL, result);

	for (unsigned int i = 0; !result->n_drops && i < result->n_clones; i++)
		is_compared |= compare_frame(guess, &result->clones[i], result);
	if (!result->n_drops && result->is_sent)
		is_compared |= compare_frame(guess, &result->out, result);
	total.n_compared += is_compared;
}

/* What a host made of a packet. */
static void judge(struct flying *f, unsigned int host, const struct sim_result *result)
{
	unsigned int n = 0;

	total.n_runs++;
	note_run(f, host, result);
	f->is_divided |= result->counts.counters[MZ_COUNT_divide].packets > 0;
	/* A host that has roles again, but not its endpoints yet, asks others for them. */
	f->saw_boot |= sim_control_is_booting();
	if (f->n_hops == HOPS_MAX && !f->saw_boot)
		sim_fail("packet %" PRIu64 " is sent round", f->number);
	if (f->n_hops == HOPS_MAX)
		return; /* the outer TTL would end it */
	f->path[f->n_hops++] = host;
	for (unsigned int i = 0; i < result->n_clones; i++)
		n += sort_out(f, host, &result->clones[i]);
	if (result->is_sent)
		n += sort_out(f, host, &result->out);
	if (result->n_drops) {
		total.n_dropped[result->reason] += result->n_drops;
		check_drop(f, host, result->reason);
	}
	if (n + result->n_drops != !f->is_control && (!f->is_control || n))
		sim_fail("packet %" PRIu64 " leaves host %u %u times, and is dropped %u times",
			 f->number, host, n, result->n_drops);
}

static unsigned int home_of(const struct sim_endpoint *e)
{
	unsigned int host = random_below(SIM_HOSTS);

	while (e->placed && !(e->placed & 1U << host))
		host = (host + 1) % SIM_HOSTS;
	return e->placed ? host : SIM_NOWHERE;
}

uint64_t net_send(unsigned int src, unsigned int dst, bool is_ipv6)
{
	const struct sim_endpoint *from = &sim_endpoints[src], *to = &sim_endpoints[dst];
	uint8_t payload[24] = { 0x30, 0x39, 0, 80, 0, 24, 0xbe, 0xef, 'n', 'u',
				'm',  'b',  'e', 'r', ':', ' ' };
	struct flying f = { .number = sim_next_packet };
	unsigned int host = home_of(from);
	struct sim_result result;
	struct sim_guess guess;
	struct frame frame;

	if (sim_next_packet == PACKETS_MAX)
		sim_fail("too many packets for one world");
	memcpy(payload + 16, &f.number, 8);
	payload[1] = src * SIM_ENDPOINTS + dst;
	frame_ip(&frame, &(struct ip_spec){ .dst_mac = "02:00:00:00:00:fe",
					    .src_mac = from->mac,
					    .src = is_ipv6 ? from->ip6 : from->ip4,
					    .dst = is_ipv6 ? to->ip6 : to->ip4,
					    .payload = payload,
					    .payload_size = sizeof(payload) });
	sent[sim_next_packet++] = (struct sent){ .src = src, .dst = dst };
	total.n_packets++;
	sim_note("packet %" PRIu64 " of endpoint %u (host %u) to %u (host %u), IPv%d", f.number,
		 src, host, dst, to->home, is_ipv6 ? 6 : 4);
	sim_foretell(host, sim_vni(from->vpc), frame.bytes + ETH, NULL, &guess);
	sim_agent(host, src, &frame, &result);
	compare(&guess, &result);
	judge(&f, host, &result);
	net_find_oldest();
	return f.number;
}

void net_send_random(void)
{
	unsigned int src = random_below(SIM_ENDPOINTS), of_vpc = SIM_ENDPOINTS / SIM_VPCS;
	unsigned int dst = src / of_vpc * of_vpc + random_below(of_vpc);

	/* More of some pairs than of others, so that leases are confirmed here and over there. */
	if (random_chance(60))
		src &= ~1U;
	if (src != dst && sim_endpoints[src].placed && (sim_endpoints[dst].placed || is_lossy))
		net_send(src, dst, random_chance(50));
}

void net_land(unsigned int i)
{
	struct flying f = flying[i];
	struct frame frame = { .size = f.size };
	const uint8_t *geneve = geneve_of(f.bytes);
	/* The last byte of the outer source is before the destination. */
	struct sim_came came = {
		.from = sim_host_addr(geneve[frame_underlay_is_ipv6() ? -25 : -13] - 1),
		.is_returned = is_returned(geneve),
	};
	struct sim_result result;
	struct sim_guess guess;

	memcpy(frame.bytes, f.bytes, f.size);
	memmove(flying + i, flying + i + 1, (--n_flying - i) * sizeof(*flying));
	if (!f.is_control) {
		came.judged = judged_of(geneve);
		sim_foretell(f.to, geneve[4] << 16 | geneve[5] << 8 | geneve[6], inner_of(geneve),
			     &came, &guess);
	}
	sim_transit(f.to, &frame, &result);
	if (!f.is_control)
		compare(&guess, &result);
	judge(&f, f.to, &result);
	net_find_oldest();
}

void net_step(void)
{
	unsigned int i = n_flying ? random_below(n_flying) : 0;

	if (!n_flying)
		return;
	if (random_chance(50))
		i = 0;
	if (is_lossy && random_chance(4)) {
		sim_note("%s%" PRIu64 " is lost", flying[i].is_control ? "control of " : "",
			 flying[i].number);
		memmove(flying + i, flying + i + 1, (--n_flying - i) * sizeof(*flying));
		net_find_oldest();
		return;
	}
	if (is_lossy && random_chance(3) && n_flying < FLYING_MAX / 2)
		flying[n_flying++] = flying[i];
	net_land(i);
}
