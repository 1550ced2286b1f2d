/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging tunnel packets before they are decapsulated (GRO): the kernel does it where a tunnel
 * device of its own has the UDP port. mizard makes one, "mzgro" and the port, with the alias
 * "mizar tunnels of DIR". It gets no packet that is for our tunnel address, as transit takes these
 * first; the agent is on it, and drops what came to another address (`no_port`). It stays when
 * mizard stops, and holds the port meanwhile; mizard finds it again, and uninstalling removes it.
 */
#pragma once

#include <stdint.h>

#include "netlink/link.h"

struct mz_host;

enum mz_gro_mode {
	MZ_GRO_AUTO, /* on if the kernel can */
	MZ_GRO_ON,   /* mizard does not start without */
	MZ_GRO_OFF,
};
extern const char *const mz_gro_names[];

struct mz_gro {
	int ifindex;	/* 0: off */
	char text[160]; /* for operators: the device, or why there is none */
};

/* -ENODEV; -EEXIST: a device of somebody else has the name. */
int mz_gro_find(const char *dir, uint16_t port, struct mz_link *ret_link);
/*
 * Finds it, or makes it: then it is down. Type geneve, or, where the kernel has none, vxlan, whose
 * header is as long: then packets with options are not merged. -EOPNOTSUPP: the kernel has neither;
 * -EEXIST, -EPERM: a device of somebody else has the name or the port.
 */
int mz_gro_add(const char *dir, uint16_t port, struct mz_link *ret_link);
/* Those of DIR for other ports; except: 0: of all ports. */
int mz_gro_delete(const char *dir, uint16_t except);

/*
 * What the options ask for, in place of the socket that holds the port, or that in place of the
 * device: sets host's gro and port_fd. Needs programs and the test of offloads. Fails, and says
 * why, only if the option is `on`, or if the port is held by neither.
 */
int mz_gro_open(struct mz_host *host);
/* The same, if somebody took the device away. */
void mz_gro_follow(struct mz_host *host);
