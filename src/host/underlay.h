/* SPDX-License-Identifier: Apache-2.0 */
/* The droplet: which device and address, and whether the tunnels' UDP port is free. */
#pragma once

#include "host/host.h"

/*
 * Sets host's self, underlay and port_fd from the options; logs why not. The port stays bound: no
 * other program can take it for a service that would never see a packet.
 */
int mz_underlay_open(struct mz_host *host);
/*
 * Reads the device again: its MTU may have changed, which endpoints that are attached from now on
 * get to know; or it was made anew, which wants transit attached again.
 */
int mz_underlay_refresh(struct mz_host *host);
