/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network devices, by netlink. mizard owns the veth pairs that it makes for endpoints: named "mz"
 * and the uid in hex on the host's side, with the alias "mizar NAMESPACE/NAME CLIENT", the client
 * only if it said who it is. It changes no other device.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mizar/tables.h"

#define MZ_CLIENT_SIZE 121

struct mz_device {
	int ifindex;	     /* host's side */
	char ifname[16];
	unsigned int mtu;    /* of an endpoint's device: on the endpoint's side */
	bool peer_elsewhere; /* the other end is in another network namespace */
	char client[MZ_CLIENT_SIZE]; /* who attached it last, or "" */
};

/*
 * Makes the veth pair of an endpoint for a client (or ""), or finds it as it should be: peer in
 * the namespace of netns_path, named ifname, with the endpoint's MAC, addresses (no DAD), on-link
 * routes, default routes by its gateways (on-link even if outside the prefix; one that the
 * namespace has already is left alone), lo and the endpoint's end up, mtu, and segmentation
 * offload off for tunnels, SCTP and what is not among `holds` (MZ_OFFLOAD_*): such super-packets
 * would be lost. The host's end stays down, so that nothing gets past before the agent is
 * attached: then mz_device_up(). On failure nothing is left behind. -ENOENT: no such namespace;
 * -EEXIST: another device there has the name, or the endpoint's device is in another namespace;
 * -ENOTTY: not a network namespace.
 */
int mz_device_add(uint64_t uid, const struct mz_endpoint *endpoint, const char *client,
		  const char *netns_path, const char *ifname, unsigned int mtu, unsigned int holds,
		  struct mz_device *ret_device);
/* The host's end. -ENODEV. */
int mz_device_up(int ifindex);
int mz_device_down(int ifindex);
/* Both ends. Absent is success. */
int mz_device_delete(uint64_t uid);
/* -ENODEV. */
int mz_device_find(uint64_t uid, struct mz_device *ret_device);
/* All endpoint devices of mizard in this namespace. */
int mz_device_each(int (*fn)(uint64_t uid, const struct mz_device *device, void *user), void *user);

/* The device that has a tunnel address (the droplet's). -EADDRNOTAVAIL. */
int mz_device_by_address(const struct mz_addr *addr, struct mz_device *ret_device);
/* -ENODEV. */
int mz_device_by_name(const char *ifname, struct mz_device *ret_device);
