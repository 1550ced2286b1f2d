/* SPDX-License-Identifier: Apache-2.0 */
/* The row of a set, and the stages of its replicas: see stage.c. */
#pragma once

#include "controller/controller.h"

/* Puts the row right. */
void ctl_set_publish(struct ctl_set *set);
/* Each replica goes on to the next stage, if it is to and may. */
void ctl_set_step(struct ctl_set *set);
void ctl_replica_step(struct ctl_replica *replica);
void ctl_replica_on_step(struct ctl_work *work);
/* It does not act any more, whatever others have heard. */
void ctl_replica_cut(struct ctl_replica *replica);
/* Its stage, as the row says it now, is to be heard of. */
void ctl_replica_told(struct ctl_replica *replica);
