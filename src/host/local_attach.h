/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LocalAttach and LocalDetach: an endpoint gets its device in a network namespace, or loses it.
 * Both can be repeated. They answer the request themselves, at once or when the controller has.
 */
#pragma once

#include "host/host.h"

void mz_attach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalAttach *attach);
/* Goes on with attaches that waited for a release (release.h). */
void mz_attach_resume(struct mz_host *host);
/* Whether an attach waits for the controller. */
bool mz_attach_is_under_way(const struct mz_host *host, const char *ns, const char *name);
void mz_detach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalDetach *detach);
