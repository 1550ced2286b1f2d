/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LocalAttach and LocalDetach: an endpoint gets its device in a network namespace, or loses it.
 * Both can be repeated. They answer the request themselves, at once or when the controller has.
 */
#pragma once

#include "host/host.h"

#define MZ_LOCAL_NAMESPACE  "default"
#define MZ_LOCAL_TIMEOUT_MS 5000 /* of the controller */

/*
 * A request that waits for the controller, or an attach that waits for a detach. The text is the
 * request's, which lives until the reply.
 */
struct mz_operation {
	struct mz_host *host;
	struct mz_ipc_request *request;
	const char *ns, *name, *client_uid;
	/* Of an attach; NULL of a detach: */
	const char *netns, *ifname;
	bool had_device; /* it repeats an earlier one */
	bool is_waiting; /* for mz_attach_resume() */
	struct mz_operation *prev, *next;
};

void mz_attach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalAttach *attach);
/* Goes on with attaches that waited for a release (release.h), or a detach. */
void mz_attach_resume(struct mz_host *host);
/* Whether an attach waits for the controller. */
bool mz_attach_is_under_way(const struct mz_host *host, const char *ns, const char *name);
void mz_detach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalDetach *detach);
