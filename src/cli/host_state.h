/* SPDX-License-Identifier: Apache-2.0 */
/* A host's state in one line, from its mizard. */
#pragma once

#define MZ_HOST_STATE_SIZE 160

/* "connected", or why not. Returns buf. */
const char *mz_host_state(const char *socket, char buf[static MZ_HOST_STATE_SIZE]);
