/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mizard as one object: what its parts share. Everything runs on one thread, the loop's. Rows are
 * in the tables and nowhere else; what is here is what can be computed from them again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "host/device.h"
#include "host/gro.h"
#include "host/nexthop.h"
#include "host/offload.h"
#include "host/options.h"
#include "host/peers.h"
#include "host/program.h"
#include "host/scope.h"
#include "ipc/ipc.h"
#include "mizar/wire.h"
#include "rpc/rpc.h"
#include "tables/tables.h"

struct mz_aging;
struct mz_operation;
struct mz_releases;
struct mz_stream;

struct mz_host {
	uv_loop_t *loop;
	const struct mz_options *options;
	uint64_t started_ns;	   /* uv_hrtime() */
	struct mz_addr self;	   /* tunnel address */
	struct mz_device underlay; /* the droplet's device */
	bool is_underlay_gone;	   /* and that was said */
	struct mz_offload_test offload_test; /* under way */
	struct mz_offload offload; /* and what came of it */
	int port_fd;		   /* holds the tunnels' UDP port; -1: gro's device does */
	struct mz_gro gro;
	struct mz_tables *tables;
	struct mz_programs *programs;
	struct mz_transit transit;
	struct mz_nexthops *nexthops;
	struct mz_peers *peers;
	struct mz_aging *aging;
	struct mz_scopes *scopes;
	struct mz_ipc_server *ipc;
	struct mz_rpc *rpc; /* this and the next two: NULL when standalone */
	struct mz_rpc_client *client;
	struct mz_stream *stream;
	struct mz_releases *releases;	 /* the same */
	struct mz_operation *operations; /* what waits for the controller */
	uint64_t rows_received;		 /* over the stream */
	/*
	 * Rows (mz_apply_key_hash) that came by Host.Attach and that the stream has not named
	 * since: the sweep of an update that was compiled before must spare them.
	 */
	struct mz_keyset fresh;
};

unsigned int mz_host_endpoint_mtu(const struct mz_host *host);
