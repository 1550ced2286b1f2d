/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that the data plane counts. Both lists are append-only: a code, once given, keeps its
 * meaning. `mizar host stats`, `mizar host drops` and docs/drop-reasons.md come from these rows.
 */
#ifndef MIZAR_COUNTERS_H
#define MIZAR_COUNTERS_H

/* X(name, doc): packets that passed a point of the pipeline. */
#define MZ_COUNTERS(X)                                                                            \
	X(agent, "from an endpoint, into the agent")                                              \
	X(transit, "tunnel packets for this host, into transit")                                  \
	X(pass, "not ours, passed to the host's stack")                                           \
	X(reply, "answered by the agent: ARP, ND, gateway ping")                                  \
	X(encapsulate, "put into a tunnel here")                                                  \
	X(bounce, "location found in this host's table of a network")                             \
	X(divide, "network found in this host's table of a VPC")                                  \
	X(forward, "tunnel packet turned round to another host")                                  \
	X(deliver, "handed to an endpoint of this host")                                          \
	X(resolve, "sent by way of the kernel's neighbour resolution")                            \
	X(absorb, "ARP and ND probes and announcements that need no answer")                      \
	X(turn, "of those forwarded: turned round in the NIC's driver, by XDP")                   \
	X(icmp_error, "ICMP errors made: too big, out of hops")                                   \
	X(icmp_limit, "ICMP errors not made: the sender has had too many")                        \
	X(path_mtu, "passed to the host's stack: a router's word of a smaller MTU, heeded")       \
	X(direct, "of those put into a tunnel: sent to a learned location")                       \
	X(introduce, "of those put into a tunnel: with an RTS, which asks where to send the next") \
	X(learn, "locations learned or renewed, from an RTS or a HERE")                           \
	X(here, "HERE sent: an answer to an RTS")                                                 \
	X(here_limit, "HERE or STALE not sent: too many for the same source and destination")      \
	X(give_back, "given back to the host that sent it: the destination is not here")          \
	X(send_again, "came back from a host that has not got the destination, and sent on")      \
	X(moved, "for an endpoint that moved from here, sent after it")                           \
	X(stale, "STALE sent: the destination moved from here")                                   \
	X(heed_stale, "STALE heeded: a location is not used any more")                            \
	X(rts_source, "RTS not believed: its sender neither bounces nor divides for the source")   \
	X(rts_host, "RTS not believed: the source is on another host")                            \
	X(rts_generation, "RTS not believed: its generation is not that of the source")           \
	X(rts_old, "RTS not heeded: a newer location is known")                                   \
	X(learn_full, "locations not learned: the table is full")                                 \
	X(echo, "echo requests of other hosts sent back")

/* X(code, name, what an operator should read); code 30 was never released */
#define MZ_DROPS(X)                                                                               \
	X(1, inner_malformed, "inner packet is cut short or has lying lengths")                   \
	X(2, inner_protocol, "inner packet is neither IPv4 nor IPv6 (nor ARP, from an endpoint)")  \
	X(3, spoofed_mac, "endpoint sent from a MAC that is not its own")                         \
	X(4, spoofed_ip, "endpoint sent from an address that is not its own")                     \
	X(5, spoofed_neighbour, "endpoint sent ARP or ND with a sender that is not itself")       \
	X(6, multicast, "broadcast and multicast are not carried")                                \
	X(7, link_local, "link-local and loopback addresses stay with the agent")                 \
	X(8, no_port, "no endpoint is known on this device")                                      \
	X(9, outer_malformed, "tunnel packet is cut short or has lying lengths")                  \
	X(10, outer_fragment, "tunnel packet arrived in fragments; raise the underlay's MTU")     \
	X(11, unknown_host, "tunnel packet from an address that is no droplet")                   \
	X(12, geneve_version, "Geneve version is not 0")                                          \
	X(13, geneve_protocol, "Geneve payload is not Ethernet")                                  \
	X(14, geneve_control, "Geneve control packet of an unknown kind")                         \
	X(15, geneve_options, "Geneve options are malformed")                                     \
	X(16, geneve_critical, "Geneve option is critical and unknown")                           \
	X(17, hop_limit, "outer TTL ran out: a loop between hosts")                               \
	X(18, no_vpc, "this host has no role in the packet's VPC")                                \
	X(19, no_network, "no bouncers are known for the network")                                \
	X(20, no_divider, "no dividers are known for the VPC")                                    \
	X(21, no_route, "no network of the VPC has the destination")                              \
	X(22, no_endpoint, "no endpoint has the destination address")                             \
	X(23, not_here, "a bouncer says that the endpoint is on this host, but it is not")        \
	X(24, not_divided, "packet between networks came round the divider that its VPC asks for") \
	X(25, inner_ttl, "inner TTL or hop limit ran out between networks")                       \
	X(26, ecn, "congestion marked on a packet whose sender does not know ECN (RFC 6040)")     \
	X(27, no_nexthop, "the kernel has no route or neighbour for the host")                    \
	X(28, encapsulate, "the kernel could not make room for the tunnel headers")               \
	X(29, decapsulate, "the kernel could not remove the tunnel headers")                      \
	X(31, extension, "IPv6 extension headers are cut short, too many, or hide ND")            \
	X(32, own_address, "endpoint sent to its own address")                                    \
	X(33, gateway, "the gateway's address answers nothing but ping")                          \
	X(34, too_big, "packet is bigger than the MTU of the way out; its sender is told")        \
	X(35, outer_extension, "tunnel packet over IPv6 has extension headers")                    \
	X(36, here_cookie, "HERE without the cookie that this host gave for it, or too late")     \
	X(37, here_generation, "HERE of an older generation than the location that is known")     \
	X(38, stale_sender, "STALE, or a packet given back, by a host where nothing was sent to") \
	X(39, stale_generation, "STALE about an older location than the one that is known")       \
	X(40, new_limit, "endpoint sends to too many new destinations at once")                   \
	X(41, nobody, "nobody has the destination, as a bouncer or divider said a moment ago")

enum mz_counter {
#define X(name, doc) MZ_COUNT_##name,
	MZ_COUNTERS(X)
#undef X
	MZ_N_COUNTERS
};

enum mz_drop {
#define X(code, name, doc) MZ_DROP_##name = code,
	MZ_DROPS(X)
#undef X
};

#define MZ_DROP_CODES 64 /* entries of the array `drop`; entry 0 is not used */

#endif
