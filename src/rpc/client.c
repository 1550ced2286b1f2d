// SPDX-License-Identifier: Apache-2.0
#include "rpc/client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc_security.h>

#include "rpc/address.h"
#include "rpc/tls.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
/* Of one attempt, handshake included: many hosts at once may keep a restarted controller busy. */
#define CONNECT_MS 5000

static grpc_channel *create_channel(const char *target, grpc_channel_credentials *credentials,
				    const char *server_name)
{
	grpc_arg args[] = {
		mz_rpc_int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, MZ_RPC_MESSAGE_MAX),
		mz_rpc_int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, MZ_RPC_KEEPALIVE_MS),
		mz_rpc_int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, MZ_RPC_KEEPALIVE_TIMEOUT_MS),
		mz_rpc_int_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
		mz_rpc_int_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_MIN_MS),
		mz_rpc_int_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS),
		mz_rpc_int_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MAX_MS),
		mz_rpc_int_arg(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, BACKOFF_MAX_MS),
		mz_rpc_int_arg(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX),
		/* Each client has a connection, and a back-off, of its own. */
		mz_rpc_int_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
		mz_rpc_int_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_RETRIES, 0),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
		mz_rpc_int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
		/* Last: left out without a name. */
		{ GRPC_ARG_STRING,
		  (char *)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
		  { .string = (char *)server_name } },
	};
	size_t n = ARRAY_SIZE(args) - (server_name ? 0 : 1);

	return grpc_channel_create(target, credentials, &(grpc_channel_args){ n, args });
}

int mz_rpc_client_new(struct mz_rpc *rpc, const char *target, const struct mz_rpc_tls *tls,
		      const char *server_name, struct mz_rpc_client **ret_client)
{
	bool is_unix = strncmp(target, MZ_RPC_UNIX, strlen(MZ_RPC_UNIX)) == 0;
	_cleanup_free_ char *grpc_target = NULL;
	grpc_channel_credentials *credentials;
	struct mz_rpc_client *client;
	int r;

	if (is_unix != !tls)
		return -EINVAL;
	r = mz_rpc_target(target, &grpc_target);
	if (r < 0)
		return r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;

	if (tls)
		r = mz_rpc_tls_client_credentials(tls, &credentials);
	else
		credentials = grpc_insecure_credentials_create();
	if (r < 0) {
		free(client);
		return r;
	}

	client->channel = create_channel(grpc_target, credentials, tls ? server_name : NULL);
	grpc_channel_credentials_release(credentials);
	client->rpc = rpc;
	client->is_tls = tls != NULL;
	LIST_INIT(&client->calls);
	mz_rpc_ref(rpc, 1);

	*ret_client = client;
	return 0;
}

void mz_rpc_client_free(struct mz_rpc_client *client)
{
	struct mz_rpc_client_call *call;

	if (!client)
		return;

	client->is_closing = true;
	LIST_FOREACH(call, &client->calls, entry)
		(void)grpc_call_cancel(call->call, NULL); /* one that has ended stays so */
	while (!LIST_EMPTY(&client->calls))
		mz_rpc_wait(client->rpc, client);

	grpc_channel_destroy(client->channel);
	mz_rpc_ref(client->rpc, -1);
	free(client);
}

int mz_rpc_client_call_init(struct mz_rpc_client_call *call, struct mz_rpc_client *client,
			    const char *method, unsigned int timeout_ms)
{
	grpc_slice name;
	gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);

	if (client->is_closing)
		return -ESHUTDOWN;

	if (timeout_ms > 0)
		deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
					gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
	name = grpc_slice_from_copied_string(method);
	call->call =
		grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
					 mz_rpc_queue(client->rpc), name, NULL, deadline, NULL);
	grpc_slice_unref(name);
	grpc_metadata_array_init(&call->initial_metadata);
	grpc_metadata_array_init(&call->trailing_metadata);
	call->status_text = grpc_empty_slice();
	call->is_tls = client->is_tls;
	LIST_INSERT_HEAD(&client->calls, call, entry);
	return 0;
}

void mz_rpc_client_call_detach(struct mz_rpc_client_call *call)
{
	LIST_REMOVE(call, entry);
}

void mz_rpc_client_call_fini(struct mz_rpc_client_call *call)
{
	grpc_metadata_array_destroy(&call->initial_metadata);
	grpc_metadata_array_destroy(&call->trailing_metadata);
	grpc_slice_unref(call->status_text);
	grpc_call_unref(call->call);
}

grpc_op mz_rpc_op_recv_metadata(struct mz_rpc_client_call *call)
{
	grpc_op op = { .op = GRPC_OP_RECV_INITIAL_METADATA };

	op.data.recv_initial_metadata.recv_initial_metadata = &call->initial_metadata;
	return op;
}

grpc_op mz_rpc_op_recv_status(struct mz_rpc_client_call *call)
{
	grpc_op op = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	op.data.recv_status_on_client.trailing_metadata = &call->trailing_metadata;
	op.data.recv_status_on_client.status = &call->status;
	op.data.recv_status_on_client.status_details = &call->status_text;
	return op;
}
