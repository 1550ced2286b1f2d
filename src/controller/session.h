/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's stream (Host.Connect). What a host still needs is a list of subs; each time there is
 * room the first of them is read and sent. Per sub one update is on its way at a time: what changes
 * meanwhile goes with the next one, once.
 */
#pragma once

#include "controller/sub.h"
#include "mizar/v1/host.pb-c.h"

struct ctl_hello; /* what the host said, until its droplet is registered */

struct ctl_session {
	struct ctl_controller *c;
	struct mz_rpc_call *call;    /* NULL: ended */
	struct ctl_droplet *droplet; /* NULL: before the hello, or replaced by another stream */
	struct ctl_hello *hello;
	bool registering; /* a commit is under way that comes back here */
	struct ctl_sub *ready;
	size_t unacked; /* bytes */
	struct ctl_work pump;
	struct ctl_work patience; /* ends a stream that never says hello */
};

/* The sub has something to send, perhaps. */
void ctl_session_kick(struct ctl_sub *sub);
/* The sub is about to go. */
void ctl_session_forget(struct ctl_sub *sub);
/* The host is to remove the scope's rows. */
void ctl_session_drop(struct ctl_droplet *droplet, struct mz_scope_id id);
/* Ends the droplet's stream, if it has one. */
void ctl_session_end(struct ctl_droplet *droplet, enum mz_rpc_code code, const char *why);

/* Host.Connect */
void ctl_session_open(struct mz_rpc_call *call, void *user);
void ctl_session_message(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user);
void ctl_session_half_close(struct mz_rpc_call *call, void *user);
void ctl_session_close(struct mz_rpc_call *call, void *user);

/* The host says that the endpoint has a device there. Returns whether that is of interest. */
bool ctl_session_note_device(struct ctl_session *session, uint64_t uid);
/* hello.c: the first message. */
void ctl_hello_message(struct ctl_session *session, const Mizar__V1__HostHello *hello);
void ctl_hello_free(struct ctl_hello *hello);
/* send.c */
void ctl_send(struct ctl_session *session);
int ctl_send_update(struct ctl_session *session, struct mz_scope_id id,
		    Mizar__V1__ScopeUpdate *update);
/* The name in the client's certificate after "droplet:", or as claimed on a Unix socket. */
const char *ctl_host_name(struct mz_rpc_call *call, const char *claimed);
