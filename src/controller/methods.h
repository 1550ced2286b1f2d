/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the services Management and Host; methods.c has the table of all of them.
 */
#pragma once

#include "controller/controller.h"

void ctl_apply_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
void ctl_get_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
void ctl_list_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
void ctl_info_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
void ctl_attach_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);
void ctl_detach_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user);

#define CTL_N_METHODS 9
/* Fills the table, which ends with a row without a name. */
void ctl_methods(struct ctl_controller *c,
		 struct mz_rpc_method ret_methods[static CTL_N_METHODS + 1]);
