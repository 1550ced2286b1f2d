/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging tunnel packets before they are decapsulated (GRO): the kernel does it where a tunnel
 * device of its own has the UDP port. mizard makes one, "mzgro" and the port. It gets no packet
 * that is for our tunnel address, as transit takes these first; the agent is on it, and drops what
 * came to another address (`no_port`).
 *
 * Datagrams that were merged inside are cut again (bpf/cut.h) by a veth pair, "mzcut" and the port,
 * which does no tunnels; they come in by its other end, "in", where transit is.
 *
 * All have the alias "mizar tunnels of DIR". They stay when mizard stops, and hold the port
 * meanwhile; mizard finds them again, and uninstalling removes them.
 */
#pragma once

#include <stdbool.h>
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
	int ifindex;	 /* 0: off */
	int cut_ifindex; /* and of the end where its pieces come in; 0: none */
	int in_ifindex;
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
/* The pair that cuts, found or made; down then. */
int mz_gro_add_cut(const char *dir, uint16_t port, int *ret_cut, int *ret_in);
/* All of DIR but those for a port; 0: all. */
int mz_gro_delete(const char *dir, uint16_t except);

/* Sets host's gro.cut_ifindex, which the programs must know, if there is to be a pair. */
int mz_gro_prepare(struct mz_host *host);
/*
 * What the options ask for, in place of the socket that holds the port, or that in place of the
 * device: sets host's gro and port_fd. Needs programs and the test of offloads. Fails, and says
 * why, only if the option is `on`, or if the port is held by neither.
 */
int mz_gro_open(struct mz_host *host);
/* Is it as it should be? Somebody may have taken a device away. */
bool mz_gro_is_whole(const struct mz_host *host);
