/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small service and its clients, for the tests of src/rpc: server and client share one loop and
 * one runtime, and talk over real sockets.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mizar/v1/host.pb-c.h"
#include "mizar/v1/management.pb-c.h"
#include "rpc/rpc.h"

#define TIMEOUT_MS 10000

/*
 * Echo (unary, ObjectRef -> InfoResponse): the name comes back as version; "fail": NOT_FOUND;
 *	"later": after 50 ms; "never"; "big": more than may be sent; "wrong": of another type.
 * Who (unary): the peer's name, "(none)" if that is NULL.
 * Count (server streams): as many InfoResponses as the name says, at most 64 KiB queued.
 * Chat (both stream, Ack -> Nack): every revision comes back; 0 ends it with ABORTED. A half-close
 *	is answered with OK.
 */
struct service {
	struct mz_rpc_server *server;
	uv_timer_t timer;
	struct mz_rpc_call *later;
	uint64_t n_open, n_half_closed, n_closed, n_received;
	size_t queued_max;
};

extern struct mz_rpc *rpc;
extern uv_loop_t *loop;

/* The runtime and a directory for each test. */
int rpc_setup(void **state);
int rpc_teardown(void **state);
const char *rpc_path(const char *name);

void service_new(struct service *service);
void service_listen_unix(struct service *service);
void service_fini(struct service *service);

/* Runs the loop until *flag is set, at most TIMEOUT_MS. */
void run_until(const bool *flag);
void run_for(unsigned int ms);

struct result {
	bool is_done;
	enum mz_rpc_code code;
	char *message, *version;
};
void result_fini(struct result *result);

/* Calls a unary method and waits for its result. */
struct result echo_within(struct mz_rpc_client *client, const char *method, const char *name,
			  unsigned int timeout_ms);
void assert_echo(struct mz_rpc_client *client, const char *name);
void assert_code(struct mz_rpc_client *client, const char *name, enum mz_rpc_code code);
struct mz_rpc_client *unix_client(void);
