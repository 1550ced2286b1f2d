/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators. Each makes its own kind true: ctl_KIND_change() takes an object as it was and as
 * it is (either may be NULL) into the model and into rows; ctl_operator_KIND() looks at the model
 * and writes objects where something is to be done. All of it can be repeated at any time.
 */
#pragma once

#include "controller/controller.h"

void ctl_droplet_change(struct ctl_controller *c, const struct mz_object *old,
			const struct mz_object *new);
void ctl_vpc_change(struct ctl_controller *c, const struct mz_object *old,
		    const struct mz_object *new);
void ctl_network_change(struct ctl_controller *c, const struct mz_object *old,
			const struct mz_object *new);
void ctl_endpoint_change(struct ctl_controller *c, const struct mz_object *old,
			 const struct mz_object *new);
/* Bouncers and dividers. */
void ctl_replica_change(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *old,
			const struct mz_object *new);

void ctl_operator_droplet(struct ctl_work *work);
void ctl_operator_vpc(struct ctl_work *work);
void ctl_operator_network(struct ctl_work *work);
void ctl_operator_replica(struct ctl_work *work);

/* Looks at the sets of all replicas on the droplet; and at all that have too few. */
void ctl_droplet_look(struct ctl_droplet *droplet);
void ctl_short_sets_look(struct ctl_controller *c);
/* Its stream is up; it is down. */
void ctl_droplet_up(struct ctl_droplet *droplet);
void ctl_droplet_down(struct ctl_droplet *droplet);
void ctl_droplet_free(struct ctl_droplet *droplet);
void ctl_vpc_free(struct ctl_vpc *vpc);
void ctl_network_free(struct ctl_network *network);

/* Stores the stage of the replica: what a restarted controller begins with. */
void ctl_operator_replica_store(const struct ctl_replica *replica);
/* Deletes its object. */
void ctl_operator_replica_delete(struct ctl_replica *replica);
