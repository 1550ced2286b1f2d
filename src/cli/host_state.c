/* SPDX-License-Identifier: Apache-2.0 */
/* A host's state in one line. */
#include "cli/host_state.h"

#include <stdio.h>
#include <string.h>

#include "ipc/ipc.h"

#define TIMEOUT_MS 1000

const char *mz_host_state(const char *socket, char buf[static MZ_HOST_STATE_SIZE])
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalStatusRequest status = MIZAR__V1__LOCAL_STATUS_REQUEST__INIT;
	Mizar__V1__LocalResponse *response = NULL;
	int r;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
	request.status = &status;
	r = mz_ipc_call(socket, &request, TIMEOUT_MS, &response);
	if (r < 0)
		snprintf(buf, MZ_HOST_STATE_SIZE, "does not answer: %s", strerror(-r));
	else if (response->status && response->status->connected)
		snprintf(buf, MZ_HOST_STATE_SIZE, "connected");
	else
		snprintf(buf, MZ_HOST_STATE_SIZE, "not connected: %s",
			 response->status && response->status->reason ? response->status->reason
								      : "");
	if (!r)
		mizar__v1__local_response__free_unpacked(response, NULL);
	return buf;
}
