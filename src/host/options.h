/* SPDX-License-Identifier: Apache-2.0 */
/* mizard's options. Text is borrowed from argv and from what mz_options_fini() frees. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "host/gro.h"
#include "host/program.h"
#include "mizar/tables.h"
#include "rpc/rpc.h"

struct mz_options {
	char droplet[MZ_NAME_SIZE];
	bool has_address;
	struct mz_addr address;
	const char *device;	/* or NULL */
	const char *controller; /* or NULL: standalone */
	struct mz_rpc_tls tls;
	const char *server_name;
	const char *dir;
	uint16_t port;
	enum mz_attach_mode attach;
	enum mz_transit_mode transit;
	enum mz_gro_mode tunnel_gro;
	uint32_t table_limit;	  /* rows that a table may grow to */
	uint32_t learned_limit;	  /* the same, of the table that the programs write */
	uint64_t lease_ns;	  /* of a learned location */
	uint64_t new_interval_ns; /* per new destination of an endpoint; 0: no limit */
	uint32_t probe_interval;  /* ms between ECHOs to a host; 0: none */
	bool standalone;
	bool offload_test;
	enum mz_log_level log_level;
	bool journal;
	char *text; /* of the --config file */
};

/* True if the target is reached over TCP, and so needs TLS. */
bool mz_options_is_tcp(const struct mz_options *options);

/*
 * 0: go on; 1: --help or --version was answered; -EINVAL: what is wrong, and the fix, was printed
 * to stderr.
 */
int mz_options_parse(int argc, char **argv, struct mz_options *ret_options);
void mz_options_fini(struct mz_options *options);
