// SPDX-License-Identifier: Apache-2.0
/*
 * The hosts of a simulation: each has programs and tables of its own, loaded once. One runs at a
 * time, so they share the devices of the test's namespace: the first is the droplet of all, the
 * others are those of the endpoints.
 */
#include "simulate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "mizar.skel.h"
#include "tables/internal.h"

#define MTU	  1500
#define N_DEVICES (SIM_ENDPOINTS + 1)

struct host {
	struct mizar_bpf *skeleton;
	int tables[MZ_N_TABLES];
	uint64_t lease;
	struct mz_tables shown; /* the same to src/, which knows them by their pins */
};

static struct host hosts[SIM_HOSTS];
static uint32_t devices[N_DEVICES];

static const char *host_name(unsigned int host, char ret[static 32])
{
	(void)snprintf(ret, 32, "192.168.50.%u", host + 1);
	return ret;
}

struct mz_addr sim_host_addr(unsigned int host)
{
	char name[32];

	return addr(host_name(host, name));
}

uint32_t sim_device(unsigned int endpoint)
{
	return devices[endpoint + 1];
}

static int open_host(unsigned int i, bool decap_flags_ok, uint64_t lease)
{
	char name[32];
	struct mz_config config = programs_config(host_name(i, name), decap_flags_ok);
	int r;

	config.ifindex = devices[0];
	config.lease = lease;
	config.secret[0] = 0x5ec2e7 + i;
	r = programs_load(&config, &hosts[i].skeleton);
	r = r ? r : programs_use_tables(hosts[i].skeleton, hosts[i].tables);
	hosts[i].lease = lease;
	hosts[i].shown.is_writer = true;
	for (unsigned int table = 0; table < MZ_N_TABLES; table++)
		hosts[i].shown.tables[table].inner_fd = hosts[i].tables[table];
	return r;
}

struct mz_path_host sim_path_host(unsigned int host)
{
	return (struct mz_path_host){ .self = sim_host_addr(host),
				      .tables = &hosts[host].shown,
				      .lease = hosts[host].lease };
}

int sim_hosts_open(bool is_ipv6, uint64_t lease)
{
	int decap_flags = programs_open(), r = decap_flags < 0 ? decap_flags : 0;

	frame_underlay(is_ipv6);
	r = r ? r : programs_make_devices(N_DEVICES, MTU, devices);
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
	programs_close();
}

void sim_put(unsigned int host, enum mz_table_id table, const void *key, const void *value)
{
	programs_must(!bpf_map_update_elem(hosts[host].tables[table], key, value, BPF_ANY),
		      "put a row");
	programs_raise_epoch(hosts[host].skeleton);
}

void sim_delete(unsigned int host, enum mz_table_id table, const void *key)
{
	(void)bpf_map_delete_elem(hosts[host].tables[table], key); /* absent is well */
	programs_raise_epoch(hosts[host].skeleton);
}

bool sim_find(unsigned int host, enum mz_table_id table, const void *key, void *ret_value)
{
	return !bpf_map_lookup_elem(hosts[host].tables[table], key, ret_value);
}

/* What the programs keep for themselves, and a boot forgets: hashes, but no tables. */
static void empty_notes(struct host *host)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, host->skeleton->obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH ||
		    bpf_map__type(map) == BPF_MAP_TYPE_HASH)
			programs_empty_map(bpf_map__fd(map));
}

void sim_empty(unsigned int host)
{
	for (unsigned int table = 0; table < MZ_N_TABLES; table++)
		if (hosts[host].tables[table] > 0)
			programs_empty_map(hosts[host].tables[table]);
	empty_notes(&hosts[host]);
	programs_raise_epoch(hosts[host].skeleton);
}

/* Next hops to all others, by MACs that tell who sends to whom. */
void sim_put_droplets(unsigned int host)
{
	for (unsigned int i = 0; i < SIM_HOSTS; i++) {
		struct mz_nexthop nexthop = { .ways[0] = {
						      .ifindex = devices[0],
						      .dst_mac = { 2, 0xaa, 0, 0, 0, i + 1 },
						      .src_mac = { 2, 0xaa, 0, 0, 0, host + 1 } } };
		struct mz_droplet droplet = {};
		struct mz_addr key = sim_host_addr(i);

		sim_put(host, MZ_TABLE_droplet, &key, &droplet);
		if (i != host)
			sim_put(host, MZ_TABLE_nexthop, &key, &nexthop);
	}
}

static void take_copies(struct sim_result *result)
{
	struct frame frame;

	while (programs_take_copy(&frame)) {
		if (result->n_clones == SIM_CLONES)
			sim_fail("too many copies");
		result->clones[result->n_clones++] = frame;
	}
}

/* The packet itself went on, as a copy does elsewhere; `out` is what came of the copy. */
static void run_again(struct host *host, const struct frame *in, uint32_t mark,
		      struct sim_result *result)
{
	struct __sk_buff ctx = { .ifindex = devices[0], .mark = mark };

	if (!result->is_sent || result->n_clones)
		sim_fail("a packet that is to be answered was not delivered");
	result->clones[result->n_clones++] = result->out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = result->out.bytes, .data_size_out = sizeof(result->out.bytes),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	programs_must(!bpf_prog_test_run_opts(
			      bpf_program__fd(host->skeleton->progs.mz_transit), &opts),
		      "run a program");
	result->is_sent = opts.retval == TC_ACT_REDIRECT;
	result->out.size = opts.data_size_out;
}

static void run(struct host *host, struct bpf_program *program, uint32_t ifindex,
		const struct frame *in, struct sim_result *result)
{
	struct __sk_buff ctx = { .ifindex = ifindex };
	static struct frame again;
	uint32_t mark;

	memset(result, 0, sizeof(*result));
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = result->out.bytes, .data_size_out = sizeof(result->out.bytes),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	programs_must(!bpf_prog_test_run_opts(bpf_program__fd(program), &opts), "run a program");
	result->is_sent = opts.retval == TC_ACT_REDIRECT;
	if (!result->is_sent && opts.retval != TC_ACT_SHOT)
		sim_fail("a program said %d", (int)opts.retval);
	result->out.size = opts.data_size_out;
	take_copies(result);
	if (programs_take_again(&again, &mark))
		run_again(host, &again, mark, result);
	programs_take_counts(host->skeleton, &result->counts);
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++) {
		result->n_drops += result->counts.drops[i].packets;
		if (result->counts.drops[i].packets)
			result->reason = i;
	}
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
