/* SPDX-License-Identifier: Apache-2.0 */
/* What mizard says of itself: the first message of a stream, and reports. */
#pragma once

#include "host/host.h"
#include "mizar/v1/host.pb-c.h"

/* A scope as it travels. */
struct mz_scope_message {
	Mizar__V1__ScopeState state;
	Mizar__V1__Scope scope;
};

/* All scopes that are held, for HostHello and LocalStatus. */
struct mz_scope_messages {
	struct mz_scope_message *items;
	Mizar__V1__ScopeState **ptrs;
	size_t n;
};
int mz_scope_messages_init(struct mz_scopes *scopes, struct mz_scope_messages *ret_messages);
void mz_scope_messages_fini(struct mz_scope_messages *messages);

typedef int (*mz_send_fn)(const Mizar__V1__HostMessage *message, void *user);
/* Calls send with the packed parts in place; returns what it returned. */
int mz_hello_send(struct mz_host *host, mz_send_fn send, void *user);
int mz_report_send(struct mz_host *host, mz_send_fn send, void *user);
