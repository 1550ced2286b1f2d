/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unary methods share: who may call, which object is meant, and answers that come after a
 * commit, when the client may have gone.
 */
#pragma once

#include "controller/controller.h"
#include "mizar/v1/management.pb-c.h"

/* Else the call has been finished. Over TCP the certificate must be an administrator's. */
bool ctl_may_manage(struct mz_rpc_call *call);

/* -ENOENT: there is none; another error: the call has been finished. */
int ctl_find_object(struct ctl_controller *c, struct mz_rpc_call *call,
		    const Mizar__V1__ObjectRef *ref, struct mz_object **ret_object);
/* The kind of a request; NULL: the call has been finished. */
const struct mz_kind_info *ctl_find_kind(struct mz_rpc_call *call, const char *kind);
/* Of a request's labels; false: the call has been finished. */
bool ctl_check_labels(struct mz_rpc_call *call, size_t n_labels);
/* Uid of the object that the store lists it under. */
int ctl_owner_of(struct ctl_controller *c, const struct mz_object *object, uint64_t *ret_owner);

/* An answer to come. The call may end before it: then the answer goes nowhere. */
struct ctl_reply;
struct ctl_reply *ctl_reply_new(struct mz_rpc_call *call);
/* r < 0: a status that says what failed; else the response. Frees reply. */
void ctl_reply_finish(struct ctl_reply *reply, int r, const ProtobufCMessage *response);
/* With a status of one's own. */
struct mz_rpc_call *ctl_reply_take_call(struct ctl_reply *reply);
/* on_close of all unary methods. */
void ctl_reply_close(struct mz_rpc_call *call, void *user);
