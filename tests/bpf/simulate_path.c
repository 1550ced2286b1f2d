// SPDX-License-Identifier: Apache-2.0
/*
 * `mizar path` is asked of every packet what the host will do with it, before the programs are. It
 * does not know what is checked before and after the way is chosen, nor the moment of a lease's
 * renewal.
 */
#include "simulate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "cli/path.h"
#include "mizar/wire.h"

#define TICK_NS	  10000000ULL	 /* of the programs' clock, and some */
#define MINUTE_NS 58000000000ULL /* about: then the bouncers are asked again: bpf/direct.h */

static const unsigned int unasked[] = {
	MZ_DROP_unknown_host,
	MZ_DROP_no_nexthop,
	MZ_DROP_nobody,
};

/* As the programs: exact to a tick. */
static uint64_t clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* May the row be renewed by the bouncers, or will it end before the packet is through? */
static bool is_renewed(unsigned int host, const struct mz_path_flow *flow, uint64_t lease,
		       uint64_t now)
{
	struct mz_vni_addr key = { .vni = flow->vni, .addr = flow->dst };
	struct mz_learned row;

	return sim_find(host, MZ_TABLE_learned, &key, &row) &&
	       (now + TICK_NS - row.confirmed > lease / 2 ||
		(row.flags & MZ_LEARNED_BY && now + TICK_NS - row.asked > lease / 2) ||
		now - ((uint64_t)row.asked_bouncers << MZ_LEARNED_SHIFT) > MINUTE_NS);
}

static struct mz_addr addr_of(const uint8_t *ip, unsigned int at6, unsigned int at4)
{
	struct mz_addr a = { .bytes = { [10] = 0xff, [11] = 0xff } };

	if (ip[0] >> 4 == 6)
		memcpy(a.bytes, ip + at6, 16);
	else
		memcpy(a.bytes + 12, ip + at4, 4);
	return a;
}

/* Would a bouncer that is on its way in or out deliver it, if the flow's hash did not choose? */
static bool is_open(unsigned int host, const struct mz_path_flow *flow)
{
	struct mz_vni_addr key = { .vni = flow->vni, .addr = flow->dst };
	struct mz_addr self = sim_host_addr(host);
	struct mz_location row;

	return sim_find(host, MZ_TABLE_location, &key, &row) &&
	       !memcmp(&row.host, &self, sizeof(self));
}

static void add(struct sim_guess *guess, const struct mz_path_flow *flow,
		const struct mz_path_host *host, const struct sim_came *came, uint64_t now)
{
	struct mz_path_step *step = &guess->steps[guess->n++];

	programs_must(!mz_path_step(flow, host, came ? &came->from : NULL, came ? came->judged : 0,
				    came && came->is_returned, now, step),
		      "read tables");
}

void sim_foretell(unsigned int host, uint32_t vni, const uint8_t *ip, const struct sim_came *came,
		  struct sim_guess *ret)
{
	const struct mz_path_host path_host = sim_path_host(host);
	const struct mz_path_flow flow = { .vni = vni,
					   .src = addr_of(ip, 8, 12),
					   .dst = addr_of(ip, 24, 16) };

	*ret = (struct sim_guess){ .began = clock_ns(), .is_open = came && is_open(host, &flow) };
	for (unsigned int vpc = 0; vpc < SIM_VPCS; vpc++)
		ret->divides |= sim_divides(vpc) && sim_vni(vpc) == vni;
	add(ret, &flow, &path_host, came, ret->began);
	add(ret, &flow, &path_host, came, ret->began + TICK_NS);
	if ((!came || came->is_returned) && is_renewed(host, &flow, path_host.lease, ret->began))
		add(ret, &flow, &path_host, came, ret->began + path_host.lease);
}

/* Is it so, that a packet leaves for a host, or (SIM_NOWHERE) into an endpoint, or is dropped? */
static bool agrees(const struct mz_path_step *step, unsigned int to, const struct sim_came *sends,
		   const struct sim_result *result)
{
	if (result->n_drops)
		return step->end == MZ_PATH_DROPPED && step->drop == result->reason;
	if (to == SIM_NOWHERE)
		return step->end == MZ_PATH_ARRIVES;
	for (uint32_t i = 0; i < step->next.n; i++) {
		struct mz_addr next = sim_host_addr(to);

		if (!memcmp(&step->next.addrs[i], &next, sizeof(next)))
			return step->gives_back == sends->is_returned &&
			       step->judged == sends->judged;
	}
	return false;
}

static void step_text(const struct mz_path_step *step, char ret[static 256])
{
	int size = snprintf(ret, 256, "%s%s", step->gives_back ? "gives back, " : "",
			    step->end == MZ_PATH_DROPPED ? mz_drop_name(step->drop) :
			    step->end == MZ_PATH_ARRIVES ? "arrives" :
							   "goes to");

	for (uint32_t i = 0; i < step->next.n; i++)
		size += snprintf(ret + size, 256 - size, " %u", step->next.addrs[i].bytes[15] - 1U);
	(void)snprintf(ret + size, 256 - size, ": %s", step->why);
}

static bool is_unasked(const struct sim_result *result)
{
	for (size_t i = 0; i < sizeof(unasked) / sizeof(*unasked); i++)
		if (result->reason == unasked[i])
			return true;
	return false;
}

bool sim_compare(const struct sim_guess *guess, unsigned int to, const struct sim_came *sends,
		 const struct sim_result *result)
{
	char text[256];

	if (result->n_drops && is_unasked(result))
		return false;
	if (clock_ns() - guess->began > TICK_NS || (guess->is_open && guess->divides))
		return false;
	for (unsigned int i = 0; i < guess->n; i++)
		if (agrees(&guess->steps[i], to, sends, result))
			return true;
	step_text(&guess->steps[0], text);
	sim_fail("mizar path says otherwise: %s; but it %s %u", text,
		 result->n_drops   ? mz_drop_name(result->reason) :
		 to == SIM_NOWHERE ? "arrives" :
		 sends->is_returned ? "is given back to" :
				      "goes to",
		 to);
}
