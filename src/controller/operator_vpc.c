// SPDX-License-Identifier: Apache-2.0
/*
 * VPCs: a row in `vpc/VNI` with the dividers, which the set keeps; and what dividers hold,
 * `routes/VNI`, filled by networks and endpoints.
 */
#include <string.h>

#include "controller/operators.h"
#include "controller/remove.h"
#include "controller/set.h"
#include "controller/stage.h"
#include "controller/sub.h"
#include "controller/watch.h"

static struct ctl_vpc *vpc_new(struct ctl_controller *c, const struct mz_object *object)
{
	struct ctl_vpc *vpc = ctl_calloc(1, sizeof(*vpc));

	vpc->key = ctl_model_key(mz_object_namespace(object), mz_object_name(object));
	vpc->uid = mz_object_metadata(object)->uid;
	vpc->vni = object->vpc->spec->vni;
	vpc->work.run = ctl_operator_vpc;
	ctl_set_init(&vpc->set, c, MZ_KIND_DIVIDER, vpc, vpc->uid, object->vpc->spec->dividers,
		     &vpc->routes, &vpc->scope);
	ctl_scope_init(&vpc->scope, MIZAR__V1__SCOPE__KIND__VPC, vpc->vni, vpc, &vpc->set);
	ctl_scope_init(&vpc->routes, MIZAR__V1__SCOPE__KIND__ROUTES, vpc->vni, vpc, &vpc->set);
	HASH_ADD(hh, c->model.vpcs, uid, sizeof(vpc->uid), vpc);
	HASH_ADD_KEYPTR(hh_key, c->model.vpcs_by_key, vpc->key, strlen(vpc->key), vpc);
	return vpc;
}

void ctl_vpc_free(struct ctl_vpc *vpc)
{
	struct ctl_controller *c = vpc->set.controller;

	ctl_sub_drop_all(c, &vpc->scope);
	ctl_sub_drop_all(c, &vpc->routes);
	ctl_scope_fini(&vpc->scope);
	ctl_scope_fini(&vpc->routes);
	ctl_queue_cancel(&c->queue, &vpc->work);
	ctl_set_fini(&vpc->set);
	HASH_DELETE(hh, c->model.vpcs, vpc);
	HASH_DELETE(hh_key, c->model.vpcs_by_key, vpc);
	free(vpc->key);
	free(vpc);
}

void ctl_vpc_change(struct ctl_controller *c, const struct mz_object *old,
		    const struct mz_object *new)
{
	const struct mz_object *object = new ?: old;
	struct ctl_vpc *vpc =
		ctl_model_vpc(&c->model, mz_object_namespace(object), mz_object_name(object));

	if (!old)
		vpc = vpc_new(c, new);
	if (!new) {
		ctl_vpc_free(vpc);
		return;
	}
	vpc->flags = (struct ctl_vpc_flags){
		.divide = new->vpc->spec->divide,
		.direct = new->vpc->spec->direct_path,
	};
	vpc->set.want = new->vpc->spec->dividers;
	vpc->deleting = mz_object_metadata(new)->deletion_timestamp;
	if (vpc->deleting)
		ctl_queue_add(&c->queue, &vpc->work);
	ctl_set_publish(&vpc->set);
	ctl_set_look(&vpc->set);
}

/* A VPC that is to go does so when it has no networks. */
void ctl_operator_vpc(struct ctl_work *work)
{
	struct ctl_vpc *vpc = CTL_CONTAINER(work, struct ctl_vpc, work);

	if (vpc->deleting && !vpc->networks)
		ctl_remove_later(vpc->set.controller, MZ_KIND_VPC, vpc->uid);
}
