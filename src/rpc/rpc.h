/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remote procedure calls: the only folder that includes gRPC's headers. One thread drains gRPC's
 * completion queue and wakes the libuv loop, on which every callback here runs; nothing here may be
 * called from another thread. Messages are protobuf-c messages; they are packed and unpacked here.
 * Methods are named as gRPC names them: "/mizar.v1.Management/Get".
 *
 * Transports: a Unix socket, or TCP with mutual TLS. There is no plain TCP.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>
#include <uv.h>

#include "base/cleanup.h"

/* Where a controller listens, and is looked for, unless told otherwise. */
#define MZ_CONTROLLER_SOCKET "/run/mizar-controller/controller.sock"

/* The codes of gRPC that Mizar uses (same numbers as grpc_status_code). */
enum mz_rpc_code {
	MZ_RPC_OK = 0,
	MZ_RPC_CANCELLED = 1,
	MZ_RPC_UNKNOWN = 2,
	MZ_RPC_INVALID_ARGUMENT = 3,
	MZ_RPC_DEADLINE_EXCEEDED = 4,
	MZ_RPC_NOT_FOUND = 5,
	MZ_RPC_ALREADY_EXISTS = 6,
	MZ_RPC_PERMISSION_DENIED = 7,
	MZ_RPC_RESOURCE_EXHAUSTED = 8,
	MZ_RPC_FAILED_PRECONDITION = 9,
	MZ_RPC_ABORTED = 10,
	MZ_RPC_OUT_OF_RANGE = 11,
	MZ_RPC_UNIMPLEMENTED = 12,
	MZ_RPC_INTERNAL = 13,
	MZ_RPC_UNAVAILABLE = 14,
	MZ_RPC_UNAUTHENTICATED = 16,
};
const char *mz_rpc_code_name(enum mz_rpc_code code);

/* PEM files of one side of mutual TLS. All three are needed. */
struct mz_rpc_tls {
	const char *ca;	  /* whom to trust */
	const char *cert; /* own certificate chain */
	const char *key;
};

/*
 * Whether the files can be used: 0, or -errno and a text for people in why (-ENOENT, -EACCES,
 * -EINVAL: no PEM, or key and certificate do not belong together; -EKEYEXPIRED; -EKEYREJECTED: not
 * valid yet). The functions below that take files check the same, and return the same errors.
 */
int mz_rpc_tls_check(const struct mz_rpc_tls *tls, char *why, size_t size);

/* The runtime: gRPC itself and its completion queue. One a process. */
struct mz_rpc;
int mz_rpc_new(uv_loop_t *loop, struct mz_rpc **ret_rpc);
/*
 * All servers and clients are freed first. Blocks until the queue is drained; runs no callbacks.
 * The memory goes when the loop has run once more: uv_run() before closing it.
 */
void mz_rpc_free(struct mz_rpc *rpc);
DEFINE_CLEANUP(struct mz_rpc *, mz_rpc_free)

/* ---- server ---------------------------------------------------------------------------------- */

struct mz_rpc_server;
struct mz_rpc_call; /* one call of a client; ends with reply, finish, or the client's going away */

/*
 * One method. A unary method has on_request; a streaming one has the other three. on_request and
 * on_message borrow the message for the time of the callback.
 */
struct mz_rpc_method {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response; /* checked against what is sent */
	bool client_streams;
	bool server_streams;
	/* Unary request (unary or server-streaming method): answer now or later. */
	void (*on_request)(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
	/* Client-streaming methods: the call has begun; each message; the client sends no more. */
	void (*on_open)(struct mz_rpc_call *call, void *user);
	void (*on_message)(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user);
	void (*on_half_close)(struct mz_rpc_call *call, void *user);
	/*
	 * Any call that was not yet answered or finished: the client went away. Also called, once,
	 * after mz_rpc_call_finish() of a stream. The call is gone when this returns. May be NULL
	 * only if on_request always answers at once.
	 */
	void (*on_close)(struct mz_rpc_call *call, void *user);
	void *user;
};

/* methods is borrowed and ends with a row without a name. */
int mz_rpc_server_new(struct mz_rpc *rpc, const struct mz_rpc_method *methods,
		      struct mz_rpc_server **ret_server);
/*
 * Before start. path is absolute. The socket gets mode 0600; a stale one is replaced, and it is
 * removed at the end. -EADDRINUSE, -EEXIST (no socket), -ENOENT (no directory), -EACCES, …
 */
int mz_rpc_server_listen_unix(struct mz_rpc_server *server, const char *path);
/*
 * address "10.0.0.1:7700" or "[::1]:7700"; port 0 picks one. -EINVAL: not such an address;
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES; those of mz_rpc_tls_check(). ret_port may be NULL.
 */
int mz_rpc_server_listen_tls(struct mz_rpc_server *server, const char *address,
			     const struct mz_rpc_tls *tls, int *ret_port);
int mz_rpc_server_start(struct mz_rpc_server *server);
/* Ends all calls (on_close runs for each), stops listening. Blocks shortly. Never in a callback. */
void mz_rpc_server_free(struct mz_rpc_server *server);
DEFINE_CLEANUP(struct mz_rpc_server *, mz_rpc_server_free)

/*
 * Common name of the client's certificate, "" if it has none that can be used; NULL on the Unix
 * socket. Borrowed, as long as the call.
 */
const char *mz_rpc_call_peer_name(const struct mz_rpc_call *call);
/* "ipv4:127.0.0.1:4242", for logs. */
const char *mz_rpc_call_peer(const struct mz_rpc_call *call);
void mz_rpc_call_set_data(struct mz_rpc_call *call, void *data);
void *mz_rpc_call_data(const struct mz_rpc_call *call);

/* Ends a unary call. The call is gone after this; on_close is not called. */
void mz_rpc_call_reply(struct mz_rpc_call *call, const ProtobufCMessage *response);
/* Ends a unary call or a stream with a status. On a stream, what is queued is sent first. */
void mz_rpc_call_finish(struct mz_rpc_call *call, enum mz_rpc_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Queues one message on a stream (packed at once). One send is outstanding at a time; the rest
 * waits in our queue. The caller bounds it: see mz_rpc_call_queued(). -EPIPE: finished, or the
 * client is gone (on_close follows); -EMSGSIZE: longer than 16 MiB; -EINVAL: not of the method's
 * type.
 */
int mz_rpc_call_send(struct mz_rpc_call *call, const ProtobufCMessage *message);
/* Bytes that are queued and not yet handed to the transport. */
size_t mz_rpc_call_queued(const struct mz_rpc_call *call);
/* Called whenever the queue has become empty, and the transport asks for more. */
void mz_rpc_call_on_drain(struct mz_rpc_call *call, void (*on_drain)(struct mz_rpc_call *, void *));

/* ---- client ---------------------------------------------------------------------------------- */

struct mz_rpc_client;
struct mz_rpc_stream;

/*
 * target: "unix:/path" (tls NULL) or "host:port" (tls needed). server_name: the common or
 * alternative name that the server's certificate must have, or NULL for the host in the target.
 * Does not wait for a connection; gRPC reconnects by itself, at least every 2 s. -EINVAL: not such
 * a target, or tls where there is none and the reverse; -ENAMETOOLONG; those of
 * mz_rpc_tls_check().
 */
int mz_rpc_client_new(struct mz_rpc *rpc, const char *target, const struct mz_rpc_tls *tls,
		      const char *server_name, struct mz_rpc_client **ret_client);
/* Cancels its calls; their last callbacks run. May be called in one of them. */
void mz_rpc_client_free(struct mz_rpc_client *client);
DEFINE_CLEANUP(struct mz_rpc_client *, mz_rpc_client_free)

/*
 * response is NULL unless code is MZ_RPC_OK; borrowed for the time of the callback. timeout_ms 0:
 * no limit. on_done is called once, never before this has returned, and not at all if it fails:
 * -EMSGSIZE (request longer than 16 MiB), -ESHUTDOWN (the client is being freed).
 */
typedef void (*mz_rpc_done_fn)(enum mz_rpc_code code, const char *message,
			       const ProtobufCMessage *response, void *user);
int mz_rpc_unary(struct mz_rpc_client *client, const char *method, const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *response, unsigned int timeout_ms,
		 mz_rpc_done_fn on_done, void *user);

struct mz_rpc_stream_ops {
	void (*on_message)(struct mz_rpc_stream *stream, const ProtobufCMessage *message,
			   void *user);
	/* Always called once, last; the stream is gone when it returns. */
	void (*on_close)(struct mz_rpc_stream *stream, enum mz_rpc_code code, const char *message,
			 void *user);
};

/* request: the one message of a server-streaming method, or NULL for a stream both ways. */
int mz_rpc_stream_open(struct mz_rpc_client *client, const char *method,
		       const ProtobufCMessage *request, const ProtobufCMessageDescriptor *response,
		       const struct mz_rpc_stream_ops *ops, void *user,
		       struct mz_rpc_stream **ret_stream);
int mz_rpc_stream_send(struct mz_rpc_stream *stream, const ProtobufCMessage *message);
/* No more will be sent: what is queued goes first. */
void mz_rpc_stream_half_close(struct mz_rpc_stream *stream);
size_t mz_rpc_stream_queued(const struct mz_rpc_stream *stream);
void mz_rpc_stream_cancel(struct mz_rpc_stream *stream); /* on_close follows */
