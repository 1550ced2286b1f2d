/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting objects. What others depend on is marked, refuses new dependents, and goes with the last
 * of them; what operators made goes with what they made it for.
 */
#pragma once

#include "controller/write.h"

/* Whether there are networks of the VPC, or endpoints of the network, also undurable ones. */
bool ctl_has_dependents(struct ctl_controller *c, const struct mz_object *object);
/* Deletes an object without dependents, and all that it had taken. */
int ctl_remove(struct ctl_write *write, const struct mz_object *object);
/*
 * For operators: deletes the object unless it is gone, or has dependents again. If that fails all
 * operators look again, after a while.
 */
void ctl_remove_later(struct ctl_controller *c, enum mz_kind kind, uint64_t uid);

/* Management.Delete */
void ctl_delete_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
