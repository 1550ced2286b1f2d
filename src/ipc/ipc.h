/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mizard's local socket: on a Unix stream socket, each message is a 4-byte big-endian length (of
 * what follows, at most MZ_IPC_MAX) and a packed LocalRequest or LocalResponse (local.proto). One
 * response a request, in order. Links no gRPC.
 */
#pragma once

#include <stddef.h>

#include <uv.h>

#include "base/cleanup.h"
#include "mizar/v1/local.pb-c.h"

#define MZ_IPC_MAX (4U << 20)

struct mz_ipc_server;
struct mz_ipc_request; /* one request of a client: ends with mz_ipc_reply() */

/* request is borrowed until the reply. The reply may come later, never twice. */
typedef void (*mz_ipc_handler_fn)(struct mz_ipc_request *request,
				  const Mizar__V1__LocalRequest *message, void *user);

/*
 * The socket gets mode 0600; a stale one is replaced; -EADDRINUSE if somebody answers on it,
 * -EEXIST if there is something else. A client that takes longer than 10 s to send its request or
 * to take the response is cut off. SIGPIPE is ignored from here on, unless it is handled.
 */
int mz_ipc_server_new(uv_loop_t *loop, const char *path, mz_ipc_handler_fn handler, void *user,
		      struct mz_ipc_server **ret_server);
/* Removes the socket. The memory goes when the loop runs once more: uv_run() before closing it. */
void mz_ipc_server_free(struct mz_ipc_server *server);
DEFINE_CLEANUP(struct mz_ipc_server *, mz_ipc_server_free)

/* Works also when the client has gone meanwhile. */
void mz_ipc_reply(struct mz_ipc_request *request, const Mizar__V1__LocalResponse *response);

/*
 * One call, blocking, for clients. -ENOENT, -ECONNREFUSED: no mizard; -EACCES; -ETIMEDOUT;
 * -EMSGSIZE: the request is longer than MZ_IPC_MAX; -ECONNRESET: mizard went away before it had
 * answered; -EPROTO: what came back is not a response. The response may itself carry an error.
 */
int mz_ipc_call(const char *path, const Mizar__V1__LocalRequest *request, int timeout_ms,
		Mizar__V1__LocalResponse **ret_response);
