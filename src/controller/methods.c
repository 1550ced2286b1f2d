// SPDX-License-Identifier: Apache-2.0
/* See methods.h. */
#include "controller/methods.h"

#include <string.h>

#include "controller/remove.h"
#include "controller/reply.h"
#include "controller/session.h"
#include "controller/watch.h"

#define MANAGEMENT(method, ask, answer, function)                                                  \
	{                                                                                          \
		.name = "/mizar.v1.Management/" method,                                            \
		.request = &mizar__v1__##ask##__descriptor,                                        \
		.response = &mizar__v1__##answer##__descriptor, .on_request = function,            \
		.on_close = ctl_reply_close,                                                       \
	}
#define HOST(method, ask, answer, function)                                                        \
	{                                                                                          \
		.name = "/mizar.v1.Host/" method, .request = &mizar__v1__##ask##__descriptor,      \
		.response = &mizar__v1__##answer##__descriptor, .on_request = function,            \
		.on_close = ctl_reply_close,                                                       \
	}

void ctl_methods(struct ctl_controller *c,
		 struct mz_rpc_method ret_methods[static CTL_N_METHODS + 1])
{
	const struct mz_rpc_method methods[CTL_N_METHODS + 1] = {
		MANAGEMENT("Apply", apply_request, apply_response, ctl_apply_request),
		MANAGEMENT("Get", object_ref, object, ctl_get_request),
		MANAGEMENT("List", list_request, list_response, ctl_list_request),
		MANAGEMENT("Delete", delete_request, delete_response, ctl_delete_request),
		MANAGEMENT("GetInfo", info_request, info_response, ctl_info_request),
		{
			.name = "/mizar.v1.Management/Watch",
			.request = &mizar__v1__watch_request__descriptor,
			.response = &mizar__v1__watch_event__descriptor,
			.server_streams = true,
			.on_request = ctl_watch_request,
			.on_close = ctl_watch_close,
		},
		HOST("Attach", attach_request, attach_response, ctl_attach_request),
		HOST("Detach", detach_request, detach_response, ctl_detach_request),
		{
			.name = "/mizar.v1.Host/Connect",
			.request = &mizar__v1__host_message__descriptor,
			.response = &mizar__v1__controller_message__descriptor,
			.client_streams = true,
			.server_streams = true,
			.on_open = ctl_session_open,
			.on_message = ctl_session_message,
			.on_half_close = ctl_session_half_close,
			.on_close = ctl_session_close,
		},
	};
	size_t i;

	memcpy(ret_methods, methods, sizeof(methods));
	for (i = 0; i < CTL_N_METHODS; i++)
		ret_methods[i].user = c;
}
