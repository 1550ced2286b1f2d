/* SPDX-License-Identifier: Apache-2.0 */
/* The droplet: which device and address, and whether the tunnels' UDP port is free. */
#pragma once

#include "host/host.h"

/*
 * Sets host's self, underlay and port_fd from the options; logs why not. The port stays bound: no
 * other program can take it for a service that would never see a packet. Not bound: a device that
 * an earlier mizard left has the port (host/gro.h).
 */
int mz_underlay_open(struct mz_host *host);

/* Binds the port to the tunnel address; logs why not. */
int mz_underlay_hold_port(struct mz_host *host);
