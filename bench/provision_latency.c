// SPDX-License-Identifier: Apache-2.0
/*
 * How long one endpoint takes from the request to create it until the controller says that its host
 * and every bouncer have it. One at a time, over one connection; prints a line per endpoint, in ms:
 *
 *	provision_latency TARGET NAMESPACE NETWORK N DROPLET...
 *
 * The endpoints are spread over the droplets and deleted in the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mizar/v1/management.pb-c.h"
#include "rpc/rpc.h"

struct bench {
	uv_loop_t loop;
	struct mz_rpc_client *client;
	struct mz_rpc_stream *watch;
	const char *namespace_, *network;
	char **droplets;
	int n_droplets, n, i; /* endpoint i of n is under way */
	bool deleting, failed;
	double begin;
	char name[32];
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void finish(struct bench *b, const char *error)
{
	if (error) {
		fprintf(stderr, "provision_latency: %s\n", error);
		b->failed = true;
	}
	uv_stop(&b->loop);
}

static void delete_next(struct bench *b);

static void on_deleted(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		       void *user)
{
	struct bench *b = user;

	if (code != MZ_RPC_OK)
		finish(b, message);
	else
		delete_next(b);
}

static void delete_next(struct bench *b)
{
	Mizar__V1__DeleteRequest request = MIZAR__V1__DELETE_REQUEST__INIT;
	Mizar__V1__ObjectRef ref = MIZAR__V1__OBJECT_REF__INIT;

	if (b->i-- == 0) {
		finish(b, NULL);
		return;
	}
	snprintf(b->name, sizeof(b->name), "bench-%d", b->i);
	ref.kind = (char *)"Endpoint";
	ref.namespace_ = (char *)b->namespace_;
	ref.name = b->name;
	request.object = &ref;
	(void)mz_rpc_unary(b->client, "/mizar.v1.Management/Delete", &request.base,
			   &mizar__v1__delete_response__descriptor, 10000, on_deleted, b);
}

static void on_applied(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		       void *user)
{
	const Mizar__V1__ApplyResponse *applied = (const void *)response;

	if (code != MZ_RPC_OK)
		finish(user, message);
	else if (applied->n_errors)
		finish(user, applied->errors[0]->message);
}

static void create_next(struct bench *b)
{
	Mizar__V1__ApplyRequest request = MIZAR__V1__APPLY_REQUEST__INIT;
	Mizar__V1__Object object = MIZAR__V1__OBJECT__INIT, *objects[] = { &object };
	Mizar__V1__Endpoint endpoint = MIZAR__V1__ENDPOINT__INIT;
	Mizar__V1__Metadata metadata = MIZAR__V1__METADATA__INIT;
	Mizar__V1__EndpointSpec spec = MIZAR__V1__ENDPOINT_SPEC__INIT;

	if (b->i == b->n) {
		b->deleting = true;
		delete_next(b);
		return;
	}
	snprintf(b->name, sizeof(b->name), "bench-%d", b->i);
	metadata.name = b->name;
	metadata.namespace_ = (char *)b->namespace_;
	spec.network = (char *)b->network;
	spec.droplet = b->droplets[b->i % b->n_droplets];
	endpoint.metadata = &metadata;
	endpoint.spec = &spec;
	object.kind_case = MIZAR__V1__OBJECT__KIND_ENDPOINT;
	object.endpoint = &endpoint;
	request.objects = objects;
	request.n_objects = 1;
	request.has_create_only = request.create_only = true;
	b->begin = now_ms();
	if (mz_rpc_unary(b->client, "/mizar.v1.Management/Apply", &request.base,
			 &mizar__v1__apply_response__descriptor, 10000, on_applied, b) < 0)
		finish(b, "cannot send");
}

static void on_event(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__WatchEvent *event = (const void *)message;
	const Mizar__V1__Endpoint *endpoint = event->object ? event->object->endpoint : NULL;
	struct bench *b = user;

	if (event->type == MIZAR__V1__WATCH_EVENT__TYPE__SYNC) {
		create_next(b);
		return;
	}
	if (b->deleting || !endpoint || !endpoint->metadata || !endpoint->status ||
	    strcmp(endpoint->metadata->name, b->name) ||
	    endpoint->status->phase != MIZAR__V1__PHASE__PHASE_PROVISIONED)
		return;
	printf("%.3f\n", now_ms() - b->begin);
	b->i++;
	create_next(b);
}

static void on_watch_closed(struct mz_rpc_stream *stream, enum mz_rpc_code code,
			    const char *message, void *user)
{
	struct bench *b = user;

	b->watch = NULL;
	if (code != MZ_RPC_CANCELLED)
		finish(b, message);
}

static const struct mz_rpc_stream_ops watch_ops = {
	.on_message = on_event,
	.on_close = on_watch_closed,
};

int main(int argc, char **argv)
{
	Mizar__V1__WatchRequest request = MIZAR__V1__WATCH_REQUEST__INIT;
	struct mz_rpc *rpc = NULL;
	struct bench b = {};

	if (argc < 6) {
		fprintf(stderr, "usage: provision_latency TARGET NAMESPACE NETWORK N DROPLET...\n");
		return 2;
	}
	b.namespace_ = argv[2];
	b.network = argv[3];
	b.n = atoi(argv[4]);
	b.droplets = argv + 5;
	b.n_droplets = argc - 5;
	uv_loop_init(&b.loop);
	if (mz_rpc_new(&b.loop, &rpc) < 0 ||
	    mz_rpc_client_new(rpc, argv[1], NULL, NULL, &b.client) < 0)
		return 1;

	request.kind = (char *)"Endpoint";
	request.namespace_ = (char *)b.namespace_;
	if (mz_rpc_stream_open(b.client, "/mizar.v1.Management/Watch", &request.base,
			       &mizar__v1__watch_event__descriptor, &watch_ops, &b, &b.watch) < 0)
		return 1;
	uv_run(&b.loop, UV_RUN_DEFAULT);
	mz_rpc_client_free(b.client);
	mz_rpc_free(rpc);
	return b.failed;
}
