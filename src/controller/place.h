/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an endpoint is: part of its stored status, with the location generation of its addresses.
 */
#pragma once

#include "controller/controller.h"

/*
 * Places the endpoint on the droplet, or nowhere (""). A new place is a new generation, the same
 * one for all of its addresses and later than all that any of them had.
 */
int ctl_place_endpoint(struct ctl_controller *c, struct mz_txn *txn, Mizar__V1__Endpoint *endpoint,
		       const char *droplet);
/* The location generation of its next place. */
int ctl_place_next_generation(struct mz_txn *txn, uint32_t vni, const Mizar__V1__Endpoint *endpoint,
			      uint32_t *ret_generation);
/* It is no longer on its way to or from another droplet. Returns whether it was. */
bool ctl_place_forget_other(Mizar__V1__EndpointStatus *status);
/* As ctl_place_endpoint() with the VNI at hand. */
int ctl_place_endpoint_in(struct mz_txn *txn, uint32_t vni, Mizar__V1__Endpoint *endpoint,
			  const char *droplet);
/* Of a stored endpoint. */
int ctl_endpoint_vni(struct ctl_controller *c, const Mizar__V1__Endpoint *endpoint,
		     uint32_t *ret_vni);
