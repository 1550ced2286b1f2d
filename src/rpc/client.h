/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/rpc: what a client and its calls know of each other. */
#pragma once

#include <grpc/grpc.h>

#include "rpc/runtime.h"

/* What unary calls and streams have in common: part of each. */
struct mz_rpc_client_call {
	LIST_ENTRY(mz_rpc_client_call) entry;
	bool is_tls;
	grpc_call *call;
	grpc_metadata_array initial_metadata, trailing_metadata;
	grpc_status_code status;
	grpc_slice status_text;
};

struct mz_rpc_client {
	struct mz_rpc *rpc;
	grpc_channel *channel;
	LIST_HEAD(, mz_rpc_client_call) calls;
	bool is_tls;
	bool is_closing;
};

/* timeout_ms 0: no deadline. -ESHUTDOWN: the client is being freed. */
int mz_rpc_client_call_init(struct mz_rpc_client_call *call, struct mz_rpc_client *client,
			    const char *method, unsigned int timeout_ms);
/* Takes it off the client: mz_rpc_client_free() does not wait for it any more. */
void mz_rpc_client_call_detach(struct mz_rpc_client_call *call);
void mz_rpc_client_call_fini(struct mz_rpc_client_call *call);

/* The operations that end a call; how it ended is in the call then. */
grpc_op mz_rpc_op_recv_metadata(struct mz_rpc_client_call *call);
grpc_op mz_rpc_op_recv_status(struct mz_rpc_client_call *call);
