// SPDX-License-Identifier: Apache-2.0
/*
 * What must be true of every packet, whatever the model foretells: it has one fate, an endpoint
 * gets only its own, and a tunnel packet goes to a host of the same VPC.
 */
#include "fuzz_sound.h"

#include <stdlib.h>
#include <string.h>

#include <linux/pkt_cls.h>

bool sound_is_reported(const struct result *result)
{
	return run.packet->hook != XDP &&
	       (result->drops[MZ_DROP_too_big].packets || result->drops[MZ_DROP_inner_ttl].packets);
}

/* Then the verdict is that of the message. The copy of a super-packet is not seen. */
static bool may_leave_message(const struct result *result)
{
	bool is_copied = result->n_clones ||
			 (run.packet->is_gso && result->verdict == TC_ACT_SHOT);

	return is_copied || result->counters[MZ_COUNT_here].packets ||
	       result->counters[MZ_COUNT_stale].packets;
}

/* Sent in how many ways, dropped how often, and so on: there is one fate, and it is counted. */
enum fate sound_fate(const struct result *result)
{
	static const enum mz_counter ways[] = { MZ_COUNT_reply, MZ_COUNT_deliver,
						MZ_COUNT_encapsulate, MZ_COUNT_forward,
						MZ_COUNT_echo };
	uint64_t n[4] = { [PASSED] = result->counters[MZ_COUNT_pass].packets,
			  [ABSORBED] = result->counters[MZ_COUNT_absorb].packets };
	enum fate fate = PASSED;

	if (sound_is_reported(result))
		return DROPPED; /* and its sender told, perhaps: check_model() */
	/* Whoever comes after XDP counts what it passes. */
	if (run.packet->hook == XDP && result->verdict == hooks[XDP].verdicts[PASSED])
		n[PASSED] += !counted(result);
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++)
		n[DROPPED] += result->drops[i].packets;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		n[SENT] += result->counters[ways[i]].packets;
	/* A control packet that was heeded. */
	if (run.packet->hook == TRANSIT && !n[PASSED] && !n[DROPPED] && !n[SENT])
		n[ABSORBED] = 1;
	while (fate < SENT && !n[fate])
		fate++;
	if (n[PASSED] + n[DROPPED] + n[ABSORBED] + n[SENT] != 1 ||
	    (!may_leave_message(result) &&
	     result->verdict != hooks[run.packet->hook].verdicts[fate])) {
		report("not one fate, counted once", result, NULL);
		exit(1);
	}
	return fate;
}

/* The address at the place of an inner packet's destination (or source). */
static struct mz_addr ip_at(const uint8_t *ip, bool is_dst)
{
	struct mz_addr a = addr("0.0.0.0");

	if (ip[0] >> 4 == 4)
		memcpy(a.bytes + 12, ip + (is_dst ? 16 : 12), 4);
	else
		memcpy(a.bytes, ip + (is_dst ? 24 : 8), 16);
	return a;
}

static uint32_t vni_at(const uint8_t *geneve)
{
	return (uint32_t)geneve[4] << 16 | geneve[5] << 8 | geneve[6];
}

static const uint8_t *geneve_of(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + ETH;

	return ip + (ip[0] >> 4 == 6 ? 40 : (ip[0] & 15) * 4) + 8;
}

/* In which VPC the packet came. */
static uint32_t vni_of(const struct world *world)
{
	if (run.packet->hook != AGENT)
		return vni_at(geneve_of(&run.packet->frame));
	for (unsigned int i = 0; i < N_PORTS; i++)
		if (world->ports[i].ifindex == run.packet->ifindex && world->ports[i].exists)
			return world->ports[i].row.vni;
	return 0;
}

/* The MAC, which no other endpoint has, proves the addressee. */
static bool is_addressee(const struct world *world, const struct frame *out)
{
	struct mz_addr dst = ip_at(out->bytes + ETH, true);

	for (unsigned int i = 0; i < N_ADDRS; i++) {
		const struct world_addr *a = &world->addrs[i];

		if (a->is_local && a->vni == vni_of(world) && !memcmp(&a->addr, &dst, 16))
			return !memcmp(a->local.mac, out->bytes, 6);
	}
	return false;
}

static bool is_own_address(const struct world *world, const struct mz_addr *src)
{
	for (unsigned int i = 0; i < N_PORTS; i++)
		if (world->ports[i].ifindex == run.packet->ifindex)
			return !memcmp(src, &world->ports[i].row.ip4, 16) ||
			       !memcmp(src, &world->ports[i].row.ip6, 16);
	return false;
}

/* Whether an outer address is a host's. */
static bool is_host(const struct world *world, unsigned int i, const struct mz_addr *addr)
{
	return !memcmp(&world->hosts[i].addr, addr, sizeof(*addr));
}

/* A bouncer may introduce any host it likes (docs/security.md), also by the packet itself. */
static bool is_learned_host(const struct world *world, const struct mz_addr *addr)
{
	const struct frame *in = &run.packet->frame;

	if (memmem(in->bytes, in->size, addr, sizeof(*addr)))
		return true;
	for (unsigned int i = 0; i < world->n_addrs; i++)
		if (world->addrs[i].is_learned && world->addrs[i].vni == vni_of(world) &&
		    !memcmp(&world->addrs[i].learned.host, addr, sizeof(*addr)))
			return true;
	return false;
}

static bool is_tunnel_sound(const struct world *world, const struct frame *out)
{
	const uint8_t *ip = out->bytes + ETH, *geneve = geneve_of(out), *udp = geneve - 8;
	struct mz_addr src = ip_at(ip, false), dst = ip_at(ip, true);
	size_t udp_size = udp[4] << 8 | udp[5], ip_size = ip[2] << 8 | ip[3];
	bool is_to_a_host = is_learned_host(world, &dst);

	if (ip[0] >> 4 == 6)
		ip_size = 40 + (ip[4] << 8 | ip[5]);
	for (unsigned int i = 1; i < N_HOSTS; i++)
		is_to_a_host |= is_host(world, i, &dst);
	return vni_at(geneve) == vni_of(world) && is_host(world, 0, &src) && is_to_a_host &&
	       (run.packet->is_gso ||
		(ip_size + ETH <= out->size && udp_size + (udp - ip) <= ip_size));
}

/* Where the inner IP header of a packet stands that came, or goes, in a tunnel. */
static const uint8_t *tunneled_ip(const struct frame *frame)
{
	const uint8_t *geneve = geneve_of(frame);

	return geneve + 8 + (geneve[0] & 63) * 4 + ETH;
}

void sound_check_sent(const struct world *world, const struct result *result)
{
	const struct frame *out = result->n_clones ? &result->clone : &result->out;
	struct mz_addr src;

	if (result->counters[MZ_COUNT_reply].packets)
		return; /* back to who asked */
	if (result->counters[MZ_COUNT_deliver].packets) {
		src = ip_at(out->bytes + ETH, false);
		if (!is_addressee(world, out)) {
			report("delivered to another than the addressee", result, NULL);
			exit(1);
		}
	} else {
		src = ip_at(tunneled_ip(out), false);
		if (!is_tunnel_sound(world, out)) {
			report("wrong VNI, hosts or lengths of a tunnel", result, NULL);
			exit(1);
		}
	}
	if (run.packet->hook == AGENT && !is_own_address(world, &src)) {
		report("an endpoint sent from an address that is not its own", result, NULL);
		exit(1);
	}
}

/*
 * An ICMP error: to who sent the packet, as from its destination or the gateway, with the start of
 * the packet, but for its TTL.
 */
static bool is_error_of(const uint8_t *error, const uint8_t *ip)
{
	bool is_ipv6 = ip[0] >> 4 == 6;
	size_t header = is_ipv6 ? 40 : 20,
	       size = is_ipv6 ? 40 + (error[4] << 8 | error[5]) : error[2] << 8 | error[3];
	struct mz_addr to = ip_at(error, true), src = ip_at(ip, false);
	const uint8_t *icmp = error + header, *quote = icmp + 8;
	uint8_t type = icmp[0];

	return error[0] >> 4 == ip[0] >> 4 && error[is_ipv6 ? 6 : 9] == (is_ipv6 ? 58 : 1) &&
	       (is_ipv6 ? type == 2 || type == 3 : type == 3 || type == 11) && size >= header + 8 &&
	       size <= (is_ipv6 ? 1280U : 576U) && !memcmp(&to, &src, sizeof(to)) &&
	       (is_ipv6 ? !memcmp(quote, ip, 7) && !memcmp(quote + 8, ip + 8, size - header - 16)
			: !memcmp(quote, ip, 8) &&
				  !memcmp(quote + 12, ip + 12, size - header - 20));
}

bool sound_is_report(const struct world *world, const struct result *result)
{
	bool is_agents = run.packet->hook == AGENT;
	const struct frame *in = &run.packet->frame, *out = &result->out;
	bool is_tunneled = result->counters[MZ_COUNT_encapsulate].packets;
	bool is_sent = result->counters[MZ_COUNT_icmp_error].packets &&
		       (is_agents || is_tunneled || result->counters[MZ_COUNT_deliver].packets);

	if (result->verdict != (is_sent ? TC_ACT_REDIRECT : TC_ACT_SHOT))
		return false;
	if (!is_sent)
		return true;
	if (is_tunneled ? !is_tunnel_sound(world, out) : !is_agents && !is_addressee(world, out))
		return false;
	return is_error_of(is_tunneled ? tunneled_ip(out) : out->bytes + ETH,
			   is_agents ? in->bytes + ETH : tunneled_ip(in));
}
