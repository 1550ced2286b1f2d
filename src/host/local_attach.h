/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LocalAttach and LocalDetach: an endpoint gets its device in a network namespace, or loses it.
 * Both can be repeated. They answer the request themselves, at once or when the controller has.
 */
#pragma once

#include "host/host.h"

void mz_attach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalAttach *attach);
void mz_detach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalDetach *detach);
