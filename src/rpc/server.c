// SPDX-License-Identifier: Apache-2.0
#include "rpc/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <grpc/grpc_security.h>

#include "ipc/socket.h"
#include "rpc/address.h"
#include "rpc/tls.h"

/* New calls that gRPC can hand over before the loop has taken the last ones. */
#define N_SLOTS	      8
#define N_STREAMS_MAX 1024 /* of one connection */
#define HANDSHAKE_MS  10000
/* A client's ping every 5 s is no abuse. */
#define MIN_PING_MS 1000

struct mz_rpc_slot {
	struct mz_rpc_server *server;
	struct mz_rpc_op op;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;
};

static void slot_request(struct mz_rpc_slot *slot)
{
	struct mz_rpc_server *server = slot->server;
	grpc_completion_queue *queue = mz_rpc_queue(server->rpc);

	slot->call = NULL;
	grpc_call_details_init(&slot->details);
	grpc_metadata_array_init(&slot->metadata);
	server->n_slots_pending++;
	/* After a shutdown, too, this completes (without success). */
	(void)grpc_server_request_call(server->server, &slot->call, &slot->details, &slot->metadata,
				       queue, queue, mz_rpc_tag(&slot->op));
}

static void slot_on_complete(struct mz_rpc_op *op, bool ok)
{
	struct mz_rpc_slot *slot = container_of(op, struct mz_rpc_slot, op);
	struct mz_rpc_server *server = slot->server;

	server->n_slots_pending--;
	if (ok && !server->is_closing)
		mz_rpc_call_start(server, TAKE(slot->call), slot->details.method);
	else if (slot->call)
		grpc_call_unref(slot->call);
	grpc_call_details_destroy(&slot->details);
	grpc_metadata_array_destroy(&slot->metadata);
	if (ok && !server->is_closing)
		slot_request(slot);
}

static void shutdown_on_complete(struct mz_rpc_op *op, bool ok)
{
	/* mz_rpc_server_free() looks at op->is_pending */
}

static grpc_server *create_server(void)
{
	grpc_arg args[] = {
		mz_rpc_int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, MZ_RPC_MESSAGE_MAX),
		mz_rpc_int_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, N_STREAMS_MAX),
		mz_rpc_int_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
		mz_rpc_int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, MZ_RPC_KEEPALIVE_MS),
		mz_rpc_int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, MZ_RPC_KEEPALIVE_TIMEOUT_MS),
		mz_rpc_int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		mz_rpc_int_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
		mz_rpc_int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, MIN_PING_MS),
		/* Two controllers on one port would each get half of the hosts. */
		mz_rpc_int_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
		/* Nobody's zeros become a thousand times as many here: see mz_rpc_unpack(). */
		mz_rpc_int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
	};

	return grpc_server_create(&(grpc_channel_args){ ARRAY_SIZE(args), args }, NULL);
}

int mz_rpc_server_new(struct mz_rpc *rpc, const struct mz_rpc_method *methods,
		      struct mz_rpc_server **ret_server)
{
	struct mz_rpc_server *server;

	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;

	server->slots = calloc(N_SLOTS, sizeof(*server->slots));
	if (!server->slots) {
		free(server);
		return -ENOMEM;
	}

	for (size_t i = 0; i < N_SLOTS; i++) {
		server->slots[i].server = server;
		server->slots[i].op.owner = server;
		server->slots[i].op.on_complete = slot_on_complete;
	}
	LIST_INIT(&server->calls);
	server->rpc = rpc;
	server->methods = methods;
	server->shutdown.owner = server;
	server->shutdown.on_complete = shutdown_on_complete;
	server->server = create_server();
	grpc_server_register_completion_queue(server->server, mz_rpc_queue(rpc), NULL);
	mz_rpc_ref(rpc, 1);

	*ret_server = server;
	return 0;
}

int mz_rpc_server_listen_unix(struct mz_rpc_server *server, const char *path)
{
	grpc_server_credentials *credentials;
	_cleanup_free_ char *address = NULL;
	mode_t saved;
	int r, port;

	if (path[0] != '/')
		return -EINVAL;

	r = mz_socket_claim(path);
	if (r < 0)
		return r;
	if (asprintf(&address, MZ_RPC_UNIX "%s", path) < 0)
		return -ENOMEM;

	credentials = grpc_insecure_server_credentials_create();
	saved = mz_socket_private_begin();
	port = grpc_server_add_http2_port(server->server, address, credentials);
	mz_socket_private_end(saved);
	grpc_server_credentials_release(credentials);

	return port > 0 ? 0 : -EADDRINUSE; /* taken since it was claimed */
}

int mz_rpc_server_listen_tls(struct mz_rpc_server *server, const char *address,
			     const struct mz_rpc_tls *tls, int *ret_port)
{
	grpc_server_credentials *credentials;
	int r, port;

	r = mz_rpc_try_listen(address);
	if (r < 0)
		return r;
	r = mz_rpc_tls_server_credentials(tls, &credentials);
	if (r < 0)
		return r;

	port = grpc_server_add_http2_port(server->server, address, credentials);
	grpc_server_credentials_release(credentials);
	if (port <= 0)
		return -EADDRINUSE; /* taken since it was tried */

	if (ret_port)
		*ret_port = port;
	return 0;
}

int mz_rpc_server_start(struct mz_rpc_server *server)
{
	grpc_server_start(server->server);
	for (size_t i = 0; i < N_SLOTS; i++)
		slot_request(&server->slots[i]);

	return 0;
}

void mz_rpc_server_free(struct mz_rpc_server *server)
{
	if (!server)
		return;

	server->is_closing = true;
	grpc_server_shutdown_and_notify(server->server, mz_rpc_queue(server->rpc),
					mz_rpc_tag(&server->shutdown));
	grpc_server_cancel_all_calls(server->server);
	while (server->shutdown.is_pending || server->n_slots_pending > 0 ||
	       !LIST_EMPTY(&server->calls))
		mz_rpc_wait(server->rpc, server);

	grpc_server_destroy(server->server);
	mz_rpc_ref(server->rpc, -1);
	free(server->slots);
	free(server);
}
