/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/rpc: what a server and its calls know of each other. */
#pragma once

#include <grpc/grpc.h>

#include "rpc/runtime.h"

struct mz_rpc_server {
	struct mz_rpc *rpc;
	grpc_server *server;
	const struct mz_rpc_method *methods;
	LIST_HEAD(, mz_rpc_call) calls;
	struct mz_rpc_slot *slots; /* calls that gRPC may give us */
	unsigned int n_slots_pending;
	struct mz_rpc_op shutdown;
	bool is_closing;
};

/* Takes over the call, looks up its method and starts it. */
void mz_rpc_call_start(struct mz_rpc_server *server, grpc_call *call, grpc_slice method);
