/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status as it is now. Stored is only where things are placed; phases and conditions are made when
 * somebody reads.
 */
#pragma once

#include "controller/controller.h"

/* Replaces the status of an object read from the store. */
void ctl_status_fill(struct ctl_controller *c, struct mz_object *object);
