/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on the local socket: who answers what; changes by hand; the status. */
#pragma once

#include "host/host.h"

/* error: positive errno, or 0. */
void mz_local_reply_error(struct mz_ipc_request *request, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The controller's codes as positive errno, for clients that want to tell them apart. */
int mz_local_code_errno(enum mz_rpc_code code);

/* The handler of mz_ipc_server_new(); user is the host. */
void mz_local_request(struct mz_ipc_request *request, const Mizar__V1__LocalRequest *message,
		      void *user);

/* status.c */
void mz_status(struct mz_host *host, struct mz_ipc_request *request);
