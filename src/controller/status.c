// SPDX-License-Identifier: Apache-2.0
/* See status.h. */
#include "controller/status.h"

#include <stdio.h>
#include <string.h>

#include "api/field.h"
#include "controller/provision.h"
#include "controller/set.h"
#include "controller/sub.h"

#define PHASE(name) MIZAR__V1__PHASE__PHASE_##name
#define TEXT_MAX    1280

/* What all kinds' statuses have. */
struct common {
	Mizar__V1__Phase *phase;
	protobuf_c_boolean *has_phase, *has_observed;
	uint64_t *observed;
	size_t *n_conditions;
	Mizar__V1__Condition ***conditions;
};

#define COMMON(object, name, type)                                                                 \
	({                                                                                         \
		if (!(object)->name->status) {                                                     \
			(object)->name->status = ctl_calloc(1, sizeof(*(object)->name->status));   \
			mizar__v1__##type##__init((object)->name->status);                         \
		}                                                                                  \
		(struct common){                                                                   \
			.phase = &(object)->name->status->phase,                                   \
			.has_phase = &(object)->name->status->has_phase,                           \
			.has_observed = &(object)->name->status->has_observed_generation,          \
			.observed = &(object)->name->status->observed_generation,                  \
			.n_conditions = &(object)->name->status->n_conditions,                     \
			.conditions = &(object)->name->status->conditions,                         \
		};                                                                                 \
	})

static struct common common_of(struct mz_object *object)
{
	switch (object->kind) {
	case MZ_KIND_DROPLET:
		return COMMON(object, droplet, droplet_status);
	case MZ_KIND_VPC:
		return COMMON(object, vpc, vpcstatus);
	case MZ_KIND_NETWORK:
		return COMMON(object, network, network_status);
	case MZ_KIND_ENDPOINT:
		return COMMON(object, endpoint, endpoint_status);
	case MZ_KIND_BOUNCER:
		return COMMON(object, bouncer, bouncer_status);
	case MZ_KIND_DIVIDER:
		return COMMON(object, divider, divider_status);
	}
	return (struct common){};
}

static void set_phase(const struct common *common, Mizar__V1__Phase phase)
{
	*common->has_phase = true;
	*common->phase = phase;
}

__attribute__((format(printf, 5, 6))) static void add_condition(const struct common *common,
								const char *type, bool is_true,
								const char *reason,
								const char *format, ...)
{
	size_t n = *common->n_conditions;
	Mizar__V1__Condition **conditions = ctl_calloc(n + 1, sizeof(*conditions));
	Mizar__V1__Condition *condition = ctl_calloc(1, sizeof(*condition));
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap); /* a cut text is still a text */
	va_end(ap);
	mizar__v1__condition__init(condition);
	condition->type = ctl_strdup(type);
	condition->status = ctl_strdup(is_true ? "True" : "False");
	condition->reason = ctl_strdup(reason);
	condition->message = ctl_strdup(text);
	if (n)
		memcpy(conditions, *common->conditions, n * sizeof(*conditions));
	conditions[n] = condition;
	free(*common->conditions);
	*common->conditions = conditions;
	*common->n_conditions = n + 1;
}

/* ---- droplets -------------------------------------------------------------------------------- */

static void fill_droplet(struct ctl_controller *c, struct mz_object *object,
			 const struct common *common)
{
	Mizar__V1__DropletStatus *status = object->droplet->status;
	const struct ctl_droplet *droplet = ctl_model_droplet(&c->model, mz_object_name(object));
	const struct ctl_sub *hosts, *host;
	const char *problem;

	set_phase(common, PHASE(INIT));
	if (!droplet)
		return; /* not yet durable */
	status->has_connected = status->has_endpoints = true;
	status->has_bouncers = status->has_dividers = true;
	status->connected = !!droplet->session;
	status->endpoints = (uint32_t)droplet->n_endpoints;
	status->bouncers = droplet->n_bouncers;
	status->dividers = droplet->n_dividers;
	if (droplet->version && *droplet->version) {
		free(status->version);
		status->version = ctl_strdup(droplet->version);
	}
	hosts = ctl_sub_find(droplet, c->model.hosts.id);
	host = ctl_sub_find(droplet, droplet->host.id);
	problem = ctl_sub_problem(droplet);
	if (!droplet->session) {
		set_phase(common, PHASE(UNKNOWN));
		add_condition(common, "Connected", false, "NoStream",
			      "the host's mizard is not connected; its data plane goes on%s",
			      droplet->dead ? "; its bouncers and dividers are placed elsewhere"
					    : "");
	} else if (problem) {
		set_phase(common, PHASE(FAILED));
		add_condition(common, "RowsAccepted", false, "Refused", "%s", problem);
	} else if (hosts->acked && host->acked) {
		set_phase(common, PHASE(PROVISIONED));
	}
	if (droplet->drops)
		add_condition(common, "Dropping", true, "PacketsDropped",
			      "packets dropped since mizard was installed: %s", droplet->drops);
}

/* ---- sets and replicas ----------------------------------------------------------------------- */

static char **used_names(const struct ctl_set *set, size_t *ret_n)
{
	char **names = ctl_calloc(ctl_set_n_used(set) + 1, sizeof(*names));
	const struct ctl_replica *replica;
	size_t n = 0;

	DL_FOREACH(set->replicas, replica)
		if (replica->stage == CTL_USED)
			names[n++] = ctl_strdup(replica->droplet->name);
	*ret_n = n;
	return names;
}

static void fill_set(const struct ctl_set *set, const struct common *common)
{
	const char *what = set->kind == MZ_KIND_BOUNCER ? "bouncers" : "dividers";
	unsigned int n = ctl_set_n_used(set);

	set_phase(common, n ? PHASE(PROVISIONED) : PHASE(INIT));
	if (n >= set->want)
		return;
	add_condition(common, "Placed", false, set->is_short ? "TooFewDroplets" : "InProgress",
		      set->is_short ? "%u of %u %s: there are not enough schedulable droplets that "
				      "are connected"
				    : "%u of %u %s so far",
		      n, set->want, what);
}

static void fill_vpc(struct ctl_controller *c, struct mz_object *object,
		     const struct common *common)
{
	Mizar__V1__VPCStatus *status = object->vpc->status;
	const struct ctl_vpc *vpc =
		ctl_model_vpc(&c->model, mz_object_namespace(object), mz_object_name(object));

	set_phase(common, PHASE(INIT));
	if (!vpc)
		return;
	fill_set(&vpc->set, common);
	status->dividers = used_names(&vpc->set, &status->n_dividers);
}

static void fill_network(struct ctl_controller *c, struct mz_object *object,
			 const struct common *common)
{
	Mizar__V1__NetworkStatus *status = object->network->status;
	const struct ctl_network *network =
		ctl_model_network(&c->model, mz_object_namespace(object), mz_object_name(object));

	set_phase(common, PHASE(INIT));
	if (!network)
		return;
	fill_set(&network->set, common);
	status->bouncers = used_names(&network->set, &status->n_bouncers);
	status->has_endpoints = true;
	status->endpoints = network->n_endpoints;
}

/* Of one that is not used: why. */
static void add_inactive(const struct ctl_replica *replica, const struct common *common)
{
	if (replica->leaving)
		add_condition(common, "Active", false, "Leaving",
			      "hosts are told to use the others");
	else if (!replica->active)
		add_condition(common, "Active", false, "Warming",
			      "waits until its host has all rows");
	else
		add_condition(common, "Active", false, "Joining",
			      "all hosts are told of it before any uses it");
}

static void fill_replica(struct ctl_controller *c, struct mz_object *object,
			 const struct common *common, protobuf_c_boolean *has_active,
			 protobuf_c_boolean *active)
{
	const struct ctl_replica *replica =
		ctl_model_replica(&c->model, mz_object_metadata(object)->uid);
	const struct ctl_sub *sub;

	set_phase(common, PHASE(INIT));
	*has_active = true;
	*active = replica && replica->stage == CTL_USED;
	if (!replica)
		return;
	sub = ctl_sub_find(replica->droplet, replica->set->warm->id);
	if (replica->stage == CTL_USED)
		set_phase(common, PHASE(PROVISIONED));
	if (sub && sub->problem) {
		set_phase(common, PHASE(FAILED));
		add_condition(common, "RowsAccepted", false, "Refused", "%s", sub->problem);
	} else if (!replica->droplet->session) {
		add_condition(common, "Connected", false, "NoStream", "droplet %s is not connected",
			      replica->droplet->name);
	} else if (replica->stage != CTL_USED) {
		add_inactive(replica, common);
	}
}

/* ---- endpoints ------------------------------------------------------------------------------- */

/* Of one that waits for nothing: it is there, unless that is from before a restart. */
static void fill_settled(const struct ctl_network *network, const struct ctl_droplet *droplet,
			 const struct common *common)
{
	const struct ctl_sub *host = ctl_sub_find(droplet, droplet->host.id);

	bool is_known = host->acked || host->known;

	if (is_known && ctl_set_settled(&network->set)) {
		set_phase(common, PHASE(PROVISIONED));
		return;
	}
	set_phase(common, PHASE(UNKNOWN));
	if (!is_known && host->problem) {
		add_condition(common, "Acknowledged", false, "HostRefuses",
			      "not known, this or another endpoint: %s", host->problem);
		return;
	}
	add_condition(common, "Acknowledged", false, "NotReported",
		      !is_known ? "host %s has not reported since the controller started"
				   : "the bouncers of network %s have not reported since the "
				     "controller started",
		      !is_known ? droplet->name : strchr(network->key, '/') + 1);
}

/* Until it has arrived it is not what its spec says, however well it works where it is. */
static void fill_migration(struct ctl_controller *c, const struct mz_object *object,
			   const struct common *common)
{
	const Mizar__V1__EndpointStatus *status = object->endpoint->status;
	const char *to = status->migrating_to;
	const struct ctl_droplet *target = to ? ctl_model_droplet(&c->model, to) : NULL;
	const struct ctl_sub *host = target ? ctl_sub_find(target, target->host.id) : NULL;

	if (!to && !status->migrating_from)
		return;
	if (*common->phase == PHASE(PROVISIONED))
		set_phase(common, PHASE(INIT));
	if (!to)
		add_condition(common, "Migrated", false, "WaitsForBouncers",
			      "the bouncers of network %s have not all acknowledged that it is on "
			      "%s; until then %s has it as well",
			      object->endpoint->spec->network, status->droplet,
			      status->migrating_from);
	else if (!target || !target->session)
		add_condition(common, "Migrated", false, "NoStream",
			      "%s is not connected: it stays on %s until %s has a device for it; "
			      "mizar endpoint migrate %s --to %s cancels",
			      to, status->droplet, to, mz_object_name(object), status->droplet);
	else if (host && host->problem)
		add_condition(common, "Migrated", false, "HostRefuses", "it stays on %s: %s",
			      status->droplet, host->problem);
	else
		add_condition(common, "Migrated", false, "WaitsForDevice",
			      "waits for a device on %s (mizar attach there); until then it is on "
			      "%s",
			      to, status->droplet);
}

static void fill_endpoint(struct ctl_controller *c, struct mz_object *object,
			  const struct common *common)
{
	Mizar__V1__EndpointStatus *status = object->endpoint->status;
	uint64_t uid = mz_object_metadata(object)->uid;
	const struct ctl_network *network = ctl_model_network(
		&c->model, mz_object_namespace(object), object->endpoint->spec->network);
	const char *name = ctl_endpoint_droplet(object->endpoint);
	const struct ctl_droplet *droplet = name ? ctl_model_droplet(&c->model, name) : NULL;
	const struct ctl_pending *pending = ctl_provision_pending(c, uid);

	set_phase(common, PHASE(INIT));
	status->has_attached = true;
	status->attached = droplet && ctl_uidset_has(&droplet->attached, uid);
	if (!droplet || !network) {
		add_condition(common, "Placed", false, "NotAttached",
			      "no host has attached it, and spec.droplet names none");
	} else if (!pending) {
		fill_settled(network, droplet, common);
	} else if (pending->failed) {
		set_phase(common, PHASE(FAILED));
		add_condition(common, "Acknowledged", false, "Refused", "%s", pending->failed);
	} else {
		add_condition(common, "Acknowledged", false, "Waiting",
			      !pending->host_done ? "host %s has not acknowledged it yet"
						  : "the bouncers of network %s have not "
						    "acknowledged it yet",
			      !pending->host_done ? droplet->name : strchr(network->key, '/') + 1);
	}
	fill_migration(c, object, common);
}

void ctl_status_fill(struct ctl_controller *c, struct mz_object *object)
{
	struct common common = common_of(object);
	const Mizar__V1__Metadata *metadata = mz_object_metadata(object);

	*common.has_observed = true;
	*common.observed = metadata->generation;
	switch (object->kind) {
	case MZ_KIND_DROPLET:
		fill_droplet(c, object, &common);
		break;
	case MZ_KIND_VPC:
		fill_vpc(c, object, &common);
		break;
	case MZ_KIND_NETWORK:
		fill_network(c, object, &common);
		break;
	case MZ_KIND_ENDPOINT:
		fill_endpoint(c, object, &common);
		break;
	case MZ_KIND_BOUNCER:
		fill_replica(c, object, &common, &object->bouncer->status->has_active,
			     &object->bouncer->status->active);
		break;
	case MZ_KIND_DIVIDER:
		fill_replica(c, object, &common, &object->divider->status->has_active,
			     &object->divider->status->active);
		break;
	}
	if (metadata->deletion_timestamp)
		set_phase(&common, PHASE(DELETING));
}
