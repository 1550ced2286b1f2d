// SPDX-License-Identifier: Apache-2.0
/*
 * The hosts of a simulation: each has programs and tables of its own, loaded once. One runs at a
 * time, so they share the devices of the test's namespace: the first is the droplet of all, the
 * others are those of the endpoints.
 */
#include "simulate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "host/attach.h"
#include "mizar.skel.h"
#include "netlink/link.h"

#define MAX_CPUS     1024
#define MTU	     1500
#define VIRTUAL_MAC  "02:00:00:00:00:fe"
#define N_DEVICES    (SIM_ENDPOINTS + 1)
#define LEARNED_ROWS 1024

struct host {
	struct mizar_bpf *skeleton;
	int tables[MZ_N_TABLES];
	struct mz_counters counters; /* sums, when last read */
	uint64_t drops[MZ_DROP_CODES];
};

static struct host hosts[SIM_HOSTS];
static uint32_t devices[N_DEVICES];
static int clones = -1;
static int n_cpus;

/* IPv4 mapped; a host by its name of frame.h. */
struct mz_addr sim_addr(const char *text)
{
	struct mz_addr a = {};
	char buf[48];

	text = frame_host(text, buf);
	if (strchr(text, ':')) {
		put_ip(a.bytes, text);
	} else {
		a.words_be[2] = htonl(0xffff);
		put_ip(a.bytes + 12, text);
	}
	return a;
}

struct mz_addr sim_host_addr(unsigned int host)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "192.168.50.%u", host + 1);
	return sim_addr(text);
}

uint32_t sim_device(unsigned int endpoint)
{
	return devices[endpoint + 1];
}

static void must(bool is, const char *what)
{
	if (!is)
		sim_fail("%s: %s", what, strerror(errno));
}

/* A pair of devices each, both up: a copy must be able to leave. */
static int make_devices(void)
{
	struct mz_netlink *nl = NULL;
	int r = mz_netlink_open(&nl);

	for (unsigned int i = 0; !r && i < 2 * N_DEVICES; i++) {
		char names[2][IFNAMSIZ];
		struct mz_link link = {};

		(void)snprintf(names[0], IFNAMSIZ, "%s%u", i % 2 ? "peer" : "device", i / 2);
		(void)snprintf(names[1], IFNAMSIZ, "peer%u", i / 2);
		if (i % 2 == 0)
			r = mz_link_add_veth(nl, &(struct mz_veth){ .name = names[0],
								    .peer_name = names[1],
								    .peer_netns_fd = -1,
								    .mtu = MTU });
		r = r ? r : mz_link_by_name(nl, names[0], &link);
		r = r ? r : mz_link_change(nl, link.ifindex, &(struct mz_link_change){ .up = 1 });
		if (i % 2 == 0)
			devices[i / 2] = link.ifindex;
	}
	mz_netlink_free(nl);
	return r;
}

static int make_tables(struct host *host)
{
	uint32_t zero = 0;
	int r;

#define X(name, kind, key_type, value_type, rows, doc)                                             \
	{                                                                                          \
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);            \
		r = bpf_map_create(BPF_MAP_TYPE_##kind, #name, sizeof(key_type),                   \
				   sizeof(value_type),                                             \
				   MZ_TABLE_##name == MZ_TABLE_learned ? LEARNED_ROWS : rows,      \
				   &opts);                                                         \
		if (r < 0)                                                                         \
			return r;                                                                  \
		host->tables[MZ_TABLE_##name] = r;                                                 \
		r = bpf_map_update_elem(bpf_map__fd(host->skeleton->maps.name), &zero,             \
					&host->tables[MZ_TABLE_##name], BPF_ANY);                  \
		if (r < 0)                                                                         \
			return r;                                                                  \
	}
	MZ_BPF_TABLES(X)
#undef X
	return 0;
}

static int open_host(unsigned int i, bool decap_flags_ok, uint64_t lease)
{
	struct mz_config config = { .self = sim_host_addr(i),
				    .port_be = htons(6081),
				    .decap_flags_ok = decap_flags_ok,
				    .ifindex = devices[0],
				    .lease = lease,
				    .secret = { 0x5ec2e7 + i, 0x7e2ce5 } };
	struct host *host = &hosts[i];
	int r;

	host->skeleton = mizar_bpf__open();
	if (!host->skeleton)
		return -errno;
	put_mac(config.virtual_mac, VIRTUAL_MAC);
	memcpy((void *)&host->skeleton->rodata->mz_config, &config, sizeof(config));
	r = mizar_bpf__load(host->skeleton);
	return r ? r : make_tables(host);
}

int sim_hosts_open(bool is_ipv6, uint64_t lease)
{
	int r = unshare(CLONE_NEWNET) < 0 ? -errno : 0, decap_flags;

	frame_underlay(is_ipv6);
	n_cpus = libbpf_num_possible_cpus();
	r = r ? r : make_devices();
	decap_flags = r ? r : mz_probe_decap_flags();
	r = decap_flags < 0 ? decap_flags : 0;
	clones = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (clones < 0 || n_cpus > MAX_CPUS)
		return -errno;
	for (unsigned int i = 0; !r && i < SIM_HOSTS; i++)
		r = open_host(i, decap_flags, lease);
	return r;
}

void sim_hosts_close(void)
{
	for (unsigned int i = 0; i < SIM_HOSTS; i++) {
		mizar_bpf__destroy(hosts[i].skeleton);
		for (unsigned int table = 0; table < MZ_N_TABLES; table++)
			if (hosts[i].tables[table] > 0)
				close(hosts[i].tables[table]);
	}
	if (clones >= 0)
		close(clones);
}

static void raise_epoch(struct host *host)
{
	int fd = bpf_map__fd(host->skeleton->maps.epoch);
	uint32_t slot = 0, now;

	must(!bpf_map_lookup_elem(fd, &slot, &now), "epoch");
	now++;
	must(!bpf_map_update_elem(fd, &slot, &now, BPF_ANY), "epoch");
}

void sim_put(unsigned int host, enum mz_table_id table, const void *key, const void *value)
{
	must(!bpf_map_update_elem(hosts[host].tables[table], key, value, BPF_ANY), "put a row");
	raise_epoch(&hosts[host]);
}

void sim_delete(unsigned int host, enum mz_table_id table, const void *key)
{
	(void)bpf_map_delete_elem(hosts[host].tables[table], key); /* absent is well */
	raise_epoch(&hosts[host]);
}

bool sim_find(unsigned int host, enum mz_table_id table, const void *key, void *ret_value)
{
	return !bpf_map_lookup_elem(hosts[host].tables[table], key, ret_value);
}

static void empty_map(int fd)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		must(!bpf_map_delete_elem(fd, key), "delete a row");
}

/* What the programs keep for themselves, and a boot forgets: hashes, but no tables. */
static void empty_notes(struct host *host)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, host->skeleton->obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH ||
		    bpf_map__type(map) == BPF_MAP_TYPE_HASH)
			empty_map(bpf_map__fd(map));
}

void sim_empty(unsigned int host)
{
	for (unsigned int table = 0; table < MZ_N_TABLES; table++)
		if (hosts[host].tables[table] > 0)
			empty_map(hosts[host].tables[table]);
	empty_notes(&hosts[host]);
	raise_epoch(&hosts[host]);
}

/* Next hops to all others, by MACs that tell who sends to whom. */
void sim_put_droplets(unsigned int host)
{
	for (unsigned int i = 0; i < SIM_HOSTS; i++) {
		struct mz_nexthop nexthop = { .ways[0] = { .ifindex = devices[0],
							   .dst_mac = { 2, 0xaa, 0, 0, 0, i + 1 },
							   .src_mac = { 2, 0xaa, 0, 0, 0,
									host + 1 } } };
		struct mz_droplet droplet = {};
		struct mz_addr key = sim_host_addr(i);

		sim_put(host, MZ_TABLE_droplet, &key, &droplet);
		if (i != host)
			sim_put(host, MZ_TABLE_nexthop, &key, &nexthop);
	}
}

static void read_counters(struct host *host, struct sim_result *result)
{
	static struct mz_counters values[MAX_CPUS];
	uint32_t row = 0;

	must(!bpf_map_lookup_elem(bpf_map__fd(host->skeleton->maps.counter), &row, values),
	     "counters");
	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++) {
		uint64_t sum = 0;

		for (int cpu = 0; cpu < n_cpus; cpu++)
			sum += values[cpu].counts[i].packets;
		result->counters[i] = sum - host->counters.counts[i].packets;
		host->counters.counts[i].packets = sum;
	}
}

static void read_drops(struct host *host, struct sim_result *result)
{
	static struct mz_count values[MZ_DROP_CODES * MAX_CPUS];
	static uint32_t keys[MZ_DROP_CODES];
	uint32_t next, n = MZ_DROP_CODES;

	/* All at once; ends with ENOENT. */
	(void)bpf_map_lookup_batch(bpf_map__fd(host->skeleton->maps.drop), NULL, &next, keys,
				   values, &n, NULL);
	must(n == MZ_DROP_CODES, "drops");
	for (unsigned int i = 0; i < n; i++) {
		uint64_t sum = 0;

		for (int cpu = 0; cpu < n_cpus; cpu++)
			sum += values[i * n_cpus + cpu].packets;
		result->n_drops += sum - host->drops[keys[i]];
		if (sum != host->drops[keys[i]])
			result->reason = keys[i];
		host->drops[keys[i]] = sum;
	}
}

/* The packet itself comes out of the test run; a copy left by a device, and was seen there. */
static void read_clones(struct sim_result *result)
{
	static const uint8_t virtual_mac[] = { 2, 0, 0, 0, 0, 0xfe }, host_mac[] = { 2, 0xaa };
	struct frame frame;
	struct sockaddr_ll from = {};
	socklen_t from_size = sizeof(from);
	ssize_t size;

	while ((size = recvfrom(clones, frame.bytes, sizeof(frame.bytes), 0, (void *)&from,
				&from_size)) >= 0) {
		bool is_ours = !memcmp(frame.bytes + 6, virtual_mac, 6) ||
			       !memcmp(frame.bytes + 6, host_mac, 2);

		from_size = sizeof(from);
		if (from.sll_pkttype != PACKET_OUTGOING || !is_ours)
			continue; /* the kernel's own, or the other end of the wire */
		if (result->n_clones == SIM_CLONES)
			sim_fail("too many copies");
		frame.size = size;
		result->clones[result->n_clones++] = frame;
	}
	must(errno == EAGAIN, "copies");
}

static void run(struct host *host, struct bpf_program *program, uint32_t ifindex,
		const struct frame *in, struct sim_result *result)
{
	struct __sk_buff ctx = { .ifindex = ifindex };

	memset(result, 0, sizeof(*result));
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = result->out.bytes, .data_size_out = sizeof(result->out.bytes),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	must(!bpf_prog_test_run_opts(bpf_program__fd(program), &opts), "run a program");
	result->is_sent = opts.retval == TC_ACT_REDIRECT;
	if (!result->is_sent && opts.retval != TC_ACT_SHOT)
		sim_fail("a program said %d", (int)opts.retval);
	result->out.size = opts.data_size_out;
	read_clones(result);
	read_counters(host, result);
	read_drops(host, result);
}

void sim_agent(unsigned int host, unsigned int endpoint, const struct frame *in,
	       struct sim_result *ret_result)
{
	run(&hosts[host], hosts[host].skeleton->progs.mz_agent, sim_device(endpoint), in,
	    ret_result);
}

void sim_transit(unsigned int host, const struct frame *in, struct sim_result *ret_result)
{
	run(&hosts[host], hosts[host].skeleton->progs.mz_transit, devices[0], in, ret_result);
}
