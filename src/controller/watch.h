/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watchers of Management.Watch. They see what is durable, with the status that it has in memory.
 */
#pragma once

#include "controller/controller.h"

/* An object has changed in the store. */
void ctl_watch_change(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *old,
		      const struct mz_object *new);
/* Its status may have changed in memory. */
void ctl_watch_touch(struct ctl_controller *c, enum mz_kind kind, uint64_t uid);
/* The status of many endpoints may have changed at once. */
void ctl_watch_touch_endpoints(struct ctl_controller *c);

/* Management.Watch */
void ctl_watch_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
void ctl_watch_close(struct mz_rpc_call *call, void *user);
