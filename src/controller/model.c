// SPDX-License-Identifier: Apache-2.0
/* See model.h. */
#include "controller/model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "controller/hold.h"
#include "controller/migrate.h"
#include "controller/operators.h"
#include "controller/provision.h"
#include "controller/session.h"
#include "controller/set.h"
#include "controller/watch.h"

#define KEY_SIZE 160 /* two DNS labels */

char *ctl_model_key(const char *ns, const char *name)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "%s/%s", ns, name);
	return ctl_strdup(key);
}

struct ctl_droplet *ctl_model_other_family(const struct ctl_model *model,
					   const struct mz_addr *addr)
{
	struct ctl_droplet *first = model->droplets; /* the others are of its family */

	return first && mz_addr_is_ipv4(&first->addr) != mz_addr_is_ipv4(addr) ? first : NULL;
}

struct ctl_droplet *ctl_model_droplet(const struct ctl_model *model, const char *name)
{
	struct ctl_droplet *droplet;

	HASH_FIND(hh_name, model->droplets_by_name, name, strlen(name), droplet);
	return droplet;
}

struct ctl_vpc *ctl_model_vpc(const struct ctl_model *model, const char *ns, const char *name)
{
	char key[KEY_SIZE];
	struct ctl_vpc *vpc;

	snprintf(key, sizeof(key), "%s/%s", ns, name);
	HASH_FIND(hh_key, model->vpcs_by_key, key, strlen(key), vpc);
	return vpc;
}

struct ctl_network *ctl_model_network(const struct ctl_model *model, const char *ns,
				      const char *name)
{
	struct ctl_network *network;
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "%s/%s", ns, name);
	HASH_FIND(hh_key, model->networks_by_key, key, strlen(key), network);
	return network;
}

struct ctl_network *ctl_model_network_by_uid(const struct ctl_model *model, uint64_t uid)
{
	struct ctl_network *network;

	HASH_FIND(hh, model->networks, &uid, sizeof(uid), network);
	return network;
}

struct ctl_replica *ctl_model_replica(const struct ctl_model *model, uint64_t uid)
{
	struct ctl_replica *replica;

	HASH_FIND(hh, model->replicas, &uid, sizeof(uid), replica);
	return replica;
}

void ctl_model_change(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *old,
		      const struct mz_object *new)
{
	switch (kind) {
	case MZ_KIND_DROPLET:
		ctl_droplet_change(c, old, new);
		break;
	case MZ_KIND_VPC:
		ctl_vpc_change(c, old, new);
		break;
	case MZ_KIND_NETWORK:
		ctl_network_change(c, old, new);
		break;
	case MZ_KIND_ENDPOINT:
		ctl_endpoint_change(c, old, new);
		break;
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		ctl_replica_change(c, kind, old, new);
		break;
	}
}

static int load_object(const struct mz_object *object, void *user)
{
	ctl_model_change(user, object->kind, NULL, object);
	return 0;
}

int ctl_model_load(struct ctl_controller *c)
{
	/* Parents before children. */
	static const enum mz_kind kinds[] = {
		MZ_KIND_DROPLET, MZ_KIND_VPC,	  MZ_KIND_NETWORK,
		MZ_KIND_BOUNCER, MZ_KIND_DIVIDER, MZ_KIND_ENDPOINT,
	};
	size_t i;
	int r;

	c->model = (struct ctl_model){};
	ctl_scope_init(&c->model.hosts, MIZAR__V1__SCOPE__KIND__DROPLETS, 0, NULL, NULL);
	c->loading = true;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		r = mz_store_list(c->store, kinds[i], NULL, 0, 0, load_object, c);
		if (r < 0)
			return r;
	}
	c->loading = false;
	return 0;
}

void ctl_model_fini(struct ctl_controller *c)
{
	struct ctl_model *model = &c->model;
	struct ctl_droplet *droplet, *next_droplet;
	struct ctl_replica *replica, *next_replica;
	struct ctl_usage *usage, *next_usage;

	HASH_ITER(hh, model->droplets, droplet, next_droplet)
		ctl_session_end(droplet, MZ_RPC_UNAVAILABLE, "the controller ends");
	ctl_migrations_fini(c);
	ctl_holds_fini(c);
	while (model->pending)
		ctl_provision_end(c, model->pending->uid);
	HASH_ITER(hh, model->replicas, replica, next_replica) {
		HASH_DEL(model->replicas, replica);
		ctl_replica_fini(replica);
		free(replica->name);
		free(replica);
	}
	while (model->networks) {
		HASH_ITER(hh, model->networks->usages, usage, next_usage) {
			HASH_DEL(model->networks->usages, usage);
			DL_DELETE(usage->droplet->usages, usage);
			free(usage);
		}
		ctl_network_free(model->networks);
	}
	while (model->vpcs) {
		HASH_ITER(hh, model->vpcs->usages, usage, next_usage) {
			HASH_DEL(model->vpcs->usages, usage);
			free(usage);
		}
		ctl_vpc_free(model->vpcs);
	}
	while (model->droplets)
		ctl_droplet_free(model->droplets);
	ctl_scope_fini(&model->hosts);
}
