/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When is an endpoint provisioned: its host has acknowledged its row, and every active bouncer of
 * its network its location. Only those that are not yet there are kept.
 */
#pragma once

#include "controller/controller.h"

/* Its rows have changed just now: waits for the acks that have not come. */
void ctl_provision_begin(struct ctl_controller *c, uint64_t uid, struct ctl_network *network,
			 struct ctl_droplet *droplet);
/* It is gone, or placed nowhere. */
void ctl_provision_end(struct ctl_controller *c, uint64_t uid);
/* Acks have come: of the host's own rows; of the network's locations, or its set has changed. */
void ctl_provision_host(struct ctl_controller *c, struct ctl_droplet *droplet);
/*
 * It acknowledged only the changes after one revision, up to another one: rows of an earlier update
 * it has refused.
 */
void ctl_provision_host_part(struct ctl_controller *c, struct ctl_droplet *droplet, uint64_t after,
			     uint64_t revision);
void ctl_provision_network(struct ctl_controller *c, struct ctl_network *network);
/* The host refused the endpoint's row, of that revision or before. It may name any endpoint. */
void ctl_provision_failed(struct ctl_droplet *droplet, uint64_t uid, uint64_t revision,
			  const char *problem);
/* Of changes after one revision, up to another one, a host refused the rows of these endpoints. */
struct ctl_refused {
	uint64_t after, revision; /* after 0: it was sent whole */
	const uint64_t *uids;
	size_t n;
};
/* So it has the others. problem: or not, it named not all; if none, any may be meant. */
void ctl_provision_refused(struct ctl_droplet *droplet, const struct ctl_refused *refused,
			   const char *problem);
const struct ctl_pending *ctl_provision_pending(const struct ctl_controller *c, uint64_t uid);
