// SPDX-License-Identifier: Apache-2.0
/*
 * The world of the test. Sender and receiver are endpoints of one host with a tunnel between them:
 * what the host sends to another one, a small program at the far end of its wire turns round, with
 * the addresses exchanged.
 *
 *	sender 10.0.0.1 --- mzs: mz_agent          under0: mz_transit --- under1: the turn
 *	receiver 10.0.0.2 - mzr
 *
 * Twice: over a wire that takes super-packets whole, as virtual devices do, and over one that knows
 * nothing of segmentation and checksums.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "host/attach.h"
#include "host/offload.h"
#include "mizar/wire.h"
#include "netlink/feature.h"
#include "netlink/ip.h"
#include "netlink/link.h"
#include "netlink/namespace.h"

#define SENDER	    "10.0.0.1"
#define RECEIVER    "10.0.0.2"
#define SELF	    "192.0.2.1"
#define OTHER	    "192.0.2.2"
#define PORT	    4000
#define SEGMENT	    1000
#define N_SEGMENTS  4
#define TOTAL	    (SEGMENT * N_SEGMENTS)
#define PATIENCE_MS 200
#define UDP_SEGMENT 103 /* linux/udp.h */
#define VNI	    1
#define HEADERS	    (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr))

struct end {
	int netns_fd;
	struct mz_link link; /* endpoint's side */
	int ifindex;	     /* host's side */
	int udp_fd;
	int raw_fd; /* frames behind a struct virtio_net_hdr */
};

struct world {
	struct end sender, receiver;
	int under0, under1;
	struct bpf_object *object;
};

struct packet {
	struct virtio_net_hdr vnet;
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t data[TOTAL];
} __attribute__((packed));

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7);
}

static struct mz_addr address(const char *text)
{
	struct mz_addr addr = {};

	(void)mz_addr_parse(text, &addr); /* of the constants above */
	return addr;
}

/* ---- devices --------------------------------------------------------------------------------- */

static int enter_new_netns(int *ret_fd)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int open_sockets(void *user)
{
	static const int one = 1;
	struct end *end = user;

	end->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	end->raw_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (end->udp_fd < 0 || end->raw_fd < 0 ||
	    setsockopt(end->raw_fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

static int make_end(struct mz_netlink *nl, const char *name, const char *addr, struct end *end)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *peer_nl = NULL;
	const struct mz_link_change up = { .up = 1 };
	const struct mz_veth veth = {
		.name = name,
		.peer_name = "eth0",
		.peer_netns_fd = end->netns_fd,
	};
	struct mz_addr a = address(addr);
	int r = mz_link_add_veth(nl, &veth);

	end->ifindex = (int)if_nametoindex(name);
	if (r == 0)
		r = mz_link_change(nl, end->ifindex, &up);
	if (r == 0)
		r = mz_netlink_open_at(end->netns_fd, &peer_nl);
	if (r == 0)
		r = mz_link_by_name(peer_nl, "eth0", &end->link);
	if (r == 0)
		r = mz_ip_add_address(peer_nl, end->link.ifindex, &a, 120);
	if (r == 0)
		r = mz_link_change(peer_nl, end->link.ifindex, &up);
	return r == 0 ? mz_netns_call(end->netns_fd, open_sockets, end) : r;
}

static int bind_sockets(struct world *world)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct sockaddr_ll from = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = world->receiver.link.ifindex,
	};

	(void)inet_pton(AF_INET, RECEIVER, &to.sin_addr); /* a constant */
	if (bind(world->receiver.udp_fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    connect(world->sender.udp_fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    bind(world->receiver.raw_fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		return -errno;
	from.sll_ifindex = world->sender.link.ifindex;
	from.sll_protocol = 0;
	return bind(world->sender.raw_fd, (struct sockaddr *)&from, sizeof(from)) < 0 ? -errno : 0;
}

static int make_devices(struct world *world)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	const struct mz_veth wire = { "under0", "under1", .peer_netns_fd = -1 };
	const struct mz_link_change up = { .up = 1 };
	_cleanup_close_ int own = -1;
	int r = enter_new_netns(&world->sender.netns_fd);

	if (r == 0)
		r = enter_new_netns(&world->receiver.netns_fd);
	if (r == 0)
		r = enter_new_netns(&own);
	if (r == 0)
		r = mz_netlink_open(&nl);
	if (r == 0)
		r = mz_link_add_veth(nl, &wire);
	world->under0 = (int)if_nametoindex("under0");
	world->under1 = (int)if_nametoindex("under1");
	if (r == 0)
		r = mz_link_change(nl, world->under0, &up);
	if (r == 0)
		r = mz_link_change(nl, world->under1, &up);
	if (r == 0)
		r = make_end(nl, "mzs", SENDER, &world->sender);
	if (r == 0)
		r = make_end(nl, "mzr", RECEIVER, &world->receiver);
	return r == 0 ? bind_sockets(world) : r;
}

/* A wire as most are: the kernel cuts, and finishes checksums, before it. */
static int make_wire_plain(struct world *world)
{
	static const char *const features[] = {
		"tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-tcp-segmentation",
		"tx-udp-segmentation",	   "tx-checksum-ip-generic",
	};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(features); i++)
		r = mz_feature_set(fd, "under0", features[i], false);
	return r;
}

/* ---- programs and tables --------------------------------------------------------------------- */

static int put(struct world *world, const char *name, size_t key_size, size_t value_size,
	       const void *key, const void *value)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct bpf_map *outer = bpf_object__find_map_by_name(world->object, name);
	_cleanup_close_ int fd = -1;
	__u32 zero = 0;
	int r;

	if (!outer)
		return -ENOENT;
	if (bpf_map_lookup_elem(bpf_map__fd(outer), &zero, &r) == 0)
		fd = bpf_map_get_fd_by_id((__u32)r);
	else
		fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, (__u32)key_size, (__u32)value_size, 8,
				    &opts);
	r = fd < 0 ? fd : bpf_map_update_elem(bpf_map__fd(outer), &zero, &fd, BPF_ANY);
	return r < 0 ? r : bpf_map_update_elem(fd, key, value, BPF_ANY);
}

#define PUT(world, table, key, value) \
	put(world, #table, sizeof(key), sizeof(value), &(key), &(value))

/*
 * The receiver is in another network, behind a divider, the other host: so the agent sends what it
 * could deliver here. It comes back unjudged; but transit has the sender in the receiver's network.
 */
static int fill_tables(struct world *world)
{
	const struct mz_replicas other = { .n = 1, .addrs = { address(OTHER) } };
	struct mz_port port = { .network = 1, .vni = VNI, .ip4 = address(SENDER) };
	__u32 to = (__u32)world->receiver.ifindex;
	struct mz_local local = { .network = 2, .ifindex = to, .flags = MZ_PORT_PEER };
	struct mz_nexthop nexthop = { .ways = { { .ifindex = (__u32)world->under0,
						  .dst_mac = { 2 }, .src_mac = { 2 } } } };
	const struct mz_vni_addr key = { VNI, address(RECEIVER) };
	const struct mz_vni_addr sender = { VNI, address(SENDER) };
	const struct mz_location location = { .network = 2 };
	const struct mz_network_key network_key = { .network = 1 };
	const struct mz_network network = { .vni = VNI, .bouncers = other };
	const struct mz_vpc vpc = { .flags = MZ_VPC_DIVIDE, .dividers = other };
	const struct mz_droplet droplet = {};
	__u32 ifindex = (__u32)world->sender.ifindex, vni = VNI;

	memcpy(port.mac, world->sender.link.mac, sizeof(port.mac));
	memcpy(local.mac, world->receiver.link.mac, sizeof(local.mac));
	return PUT(world, droplet, other.addrs[0], droplet) ?:
	       PUT(world, nexthop, other.addrs[0], nexthop) ?:
	       PUT(world, vpc, vni, vpc) ?:
	       PUT(world, network, network_key, network) ?:
	       PUT(world, port, ifindex, port) ?:
	       PUT(world, location, sender, location) ?:
	       PUT(world, local, key, local);
}

/* Exchanges the IPv4 addresses and sends the packet back. */
static int load_turn(void)
{
#define HELPER(id) { .code = BPF_JMP | BPF_CALL, .imm = (id) }
#define MOV(to, from) { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) }
#define SET(to, value) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value) }
#define STACK(to, off) \
	MOV(to, 10), { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (to), .imm = (off) }
#define STORE(at, off) \
	MOV(1, 6), SET(2, at), STACK(3, off), SET(4, 4), SET(5, 0), HELPER(BPF_FUNC_skb_store_bytes)
	const struct bpf_insn insns[] = {
		MOV(6, 1), SET(2, 26), STACK(3, -8), SET(4, 8),
		HELPER(BPF_FUNC_skb_load_bytes),
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 0, .off = 18 },
		STORE(26, -4),
		STORE(30, -8),
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 1, .src_reg = 6,
		  .off = offsetof(struct __sk_buff, ifindex) },
		SET(2, 0),
		HELPER(BPF_FUNC_redirect),
		{ .code = BPF_JMP | BPF_EXIT },
		SET(0, 2), /* TC_ACT_SHOT */
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "mz_turn", "GPL", insns, ARRAY_SIZE(insns),
			     NULL);
}

static int attach(int ifindex, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd);
	int r = bpf_tc_hook_create(&hook);

	return r < 0 ? r : bpf_tc_attach(&hook, &opts);
}

static int attach_named(struct world *world, int ifindex, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(world->object, name);

	return program ? attach(ifindex, bpf_program__fd(program)) : -ENOENT;
}

static int load(struct world *world, const void *elf, size_t size)
{
	struct mz_config config = {
		.self = address(SELF),
		.port_be = htons(MZ_GENEVE_PORT),
		.virtual_mac = MZ_VIRTUAL_MAC,
		.ifindex = (__u32)world->under0,
		.lease = MZ_LEASE_NS,
		.new_interval = MZ_NEW_INTERVAL_NS,
		.secret = { 1, 2 }, /* nobody else is in this world */
	};
	struct bpf_map *rodata;
	_cleanup_close_ int turn = load_turn();
	int r = mz_probe_decap_flags();

	if (r < 0 || turn < 0)
		return r < 0 ? r : turn;
	config.decap_flags_ok = (__u32)r;
	world->object = bpf_object__open_mem(elf, size, NULL);
	rodata = world->object ? bpf_object__find_map_by_name(world->object, ".rodata") : NULL;
	if (!rodata)
		return -ENOENT;
	r = bpf_map__set_initial_value(rodata, &config, sizeof(config));
	r = r ?: bpf_object__load(world->object);
	r = r ?: fill_tables(world);
	r = r ?: attach_named(world, world->sender.ifindex, "mz_agent");
	r = r ?: attach_named(world, world->under0, "mz_transit");
	return r ?: attach(world->under1, turn);
}

/* ---- packets --------------------------------------------------------------------------------- */

static uint32_t add_up(uint32_t sum, const void *p, size_t size)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < size; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t pseudo_sum(const struct packet *packet, size_t size)
{
	return add_up((uint32_t)(IPPROTO_TCP + size),
		      (const char *)packet + offsetof(struct packet, ip.saddr), 8);
}

/* 1: a datagram of the size, with the right bytes, 0: another one, or none in time. */
static int receive_datagram(int fd, size_t size)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	uint8_t data[TOTAL];
	ssize_t n = poll(&poll_fd, 1, PATIENCE_MS) > 0 ? recv(fd, data, sizeof(data), 0) : -1;

	if (n != (ssize_t)size)
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (data[i] != byte_at(i))
			return 0;
	}
	return 1;
}

static bool plain_passes(struct world *world)
{
	uint8_t data[64];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = byte_at(i);
	return send(world->sender.udp_fd, data, sizeof(data), 0) == sizeof(data) &&
	       receive_datagram(world->receiver.udp_fd, sizeof(data));
}

/* What comes behind it tells whether it was lost, without a wait. */
static bool udp_passes(struct world *world)
{
	static const int off, segment = SEGMENT;
	int fd = world->sender.udp_fd, n = 0;
	uint8_t data[TOTAL];

	for (size_t i = 0; i < TOTAL; i++)
		data[i] = byte_at(i % SEGMENT);
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) < 0 ||
	    send(fd, data, sizeof(data), 0) != sizeof(data) ||
	    setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof(off)) < 0 ||
	    send(fd, data, 1, 0) != 1)
		return false;
	while (n < N_SEGMENTS && receive_datagram(world->receiver.udp_fd, SEGMENT))
		n++;
	return n == N_SEGMENTS && receive_datagram(world->receiver.udp_fd, 1);
}

static int send_tcp(struct world *world)
{
	struct packet packet = {
		.vnet = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			  .hdr_len = HEADERS,
			  .gso_size = SEGMENT,
			  .csum_start = sizeof(struct ethhdr) + sizeof(struct iphdr),
			  .csum_offset = offsetof(struct tcphdr, check) },
		.eth = { .h_dest = MZ_VIRTUAL_MAC, .h_proto = htons(ETH_P_IP) },
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(packet) - offsetof(struct packet, ip)) },
		.tcp = { .source = htons(PORT), .dest = htons(PORT), .doff = 5, .ack = 1 },
	};

	memcpy(packet.eth.h_source, world->sender.link.mac, ETH_ALEN);
	(void)inet_pton(AF_INET, SENDER, &packet.ip.saddr); /* constants */
	(void)inet_pton(AF_INET, RECEIVER, &packet.ip.daddr);
	packet.ip.check = htons((uint16_t)~add_up(0, &packet.ip, sizeof(packet.ip)));
	packet.tcp.check = htons((uint16_t)pseudo_sum(&packet, sizeof(packet.tcp) + TOTAL));
	for (size_t i = 0; i < TOTAL; i++)
		packet.data[i] = byte_at(i);
	return write(world->sender.raw_fd, &packet, sizeof(packet)) == sizeof(packet) ? 0 : -EIO;
}

/* Bytes of a segment that is right; 0: it is wrong. */
static size_t check_tcp(const struct packet *packet, size_t n, size_t seen)
{
	size_t size = n - HEADERS - sizeof(packet->vnet), off = ntohl(packet->tcp.seq);
	bool is_super = packet->vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE;

	if (off != seen || off + size > TOTAL || (!is_super && size > SEGMENT) ||
	    (is_super && packet->vnet.gso_size != SEGMENT) ||
	    ntohs(packet->ip.tot_len) != n - offsetof(struct packet, ip))
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (packet->data[i] != byte_at(off + i))
			return 0;
	}
	if (packet->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return packet->vnet.csum_start == sizeof(struct ethhdr) + sizeof(struct iphdr) ?
			       size :
			       0;
	return add_up(pseudo_sum(packet, sizeof(packet->tcp) + size), &packet->tcp,
		      sizeof(packet->tcp) + size) == 0xffff ?
		       size :
		       0;
}

static bool tcp_passes(struct world *world)
{
	struct pollfd fd = { .fd = world->receiver.raw_fd, .events = POLLIN };
	struct packet packet;
	size_t seen = 0, size;
	ssize_t n;

	if (send_tcp(world) < 0)
		return false;
	while (seen < TOTAL && poll(&fd, 1, PATIENCE_MS) > 0) {
		n = recv(fd.fd, &packet, sizeof(packet), MSG_TRUNC);
		if (n < 0 || n > (ssize_t)sizeof(packet))
			return false;
		if (n <= (ssize_t)(HEADERS + sizeof(packet.vnet)) ||
		    packet.ip.protocol != IPPROTO_TCP)
			continue;
		size = check_tcp(&packet, (size_t)n, seen);
		if (!size)
			return false;
		seen += size;
	}
	return seen == TOTAL;
}

int mz_offload_try(const void *elf, size_t size, unsigned int *ret_holds)
{
	unsigned int holds = MZ_OFFLOAD_TCP | MZ_OFFLOAD_UDP;
	struct world world = {};
	int r = make_devices(&world);

	r = r ?: load(&world, elf, size);
	for (int round = 0; r == 0 && round < 2; round++) {
		if (round)
			r = make_wire_plain(&world);
		if (r < 0)
			break;
		if (!plain_passes(&world))
			return -EPROTO;
		if (!tcp_passes(&world))
			holds &= ~MZ_OFFLOAD_TCP;
		if (!udp_passes(&world))
			holds &= ~MZ_OFFLOAD_UDP;
	}
	if (r == 0)
		*ret_holds = holds;
	return r;
}
