// SPDX-License-Identifier: Apache-2.0
/*
 * The first message of a host: who it is, and what it holds. A droplet that nobody has heard of is
 * registered; of each scope that it should hold, what it has is compared with what there is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/field.h"
#include "base/log.h"
#include "controller/migrate.h"
#include "controller/operators.h"
#include "controller/session.h"
#include "controller/set.h"
#include "controller/watch.h"
#include "controller/write.h"

#define REPORT_INTERVAL_MS 5000
#define WINDOW_BYTES	   (1U << 20)
#define NAME_PREFIX	   "droplet:"
#define ATTACHED_MAX	   (1U << 16) /* each costs a look into the store */

struct held {
	struct mz_scope_id id;
	uint64_t epoch, revision, digest, n_rows;
};

struct ctl_hello {
	char *name, *version;
	struct mz_addr addr;
	struct held *held;
	size_t n_held;
	uint64_t *attached; /* uids */
	size_t n_attached;
};

void ctl_hello_free(struct ctl_hello *hello)
{
	if (!hello)
		return;
	free(hello->name);
	free(hello->version);
	free(hello->held);
	free(hello->attached);
	free(hello);
}
DEFINE_CLEANUP(struct ctl_hello *, ctl_hello_free)

/* ---- reading --------------------------------------------------------------------------------- */

const char *ctl_host_name(struct mz_rpc_call *call, const char *claimed)
{
	const char *name = mz_rpc_call_peer_name(call);

	if (!name)
		return claimed && *claimed ? claimed : NULL;
	if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)))
		return NULL;
	name += strlen(NAME_PREFIX);
	return !claimed || !*claimed || !strcmp(claimed, name) ? name : NULL;
}

static int by_scope(const void *a, const void *b)
{
	const struct held *left = a, *right = b;

	if (left->id.kind != right->id.kind)
		return left->id.kind < right->id.kind ? -1 : 1;
	return left->id.id < right->id.id ? -1 : left->id.id > right->id.id;
}

/* Returns what is wrong with the message, or NULL. */
static const char *read_hello(const Mizar__V1__HostHello *message, struct ctl_hello *hello)
{
	size_t i;

	if (message->address.len != sizeof(hello->addr))
		return "address: must be 16 bytes";
	memcpy(hello->addr.bytes, message->address.data, sizeof(hello->addr));
	hello->version = ctl_strdup(message->version ?: "");
	hello->held = ctl_calloc(message->n_scopes + 1, sizeof(*hello->held));
	for (i = 0; i < message->n_scopes; i++) {
		const Mizar__V1__ScopeState *state = message->scopes[i];

		if (!state->scope || !state->scope->has_kind)
			return "scopes: one has no kind";
		hello->held[hello->n_held++] = (struct held){
			.id = { .kind = state->scope->kind, .id = state->scope->id },
			.epoch = state->epoch,
			.revision = state->revision,
			.digest = state->digest,
			.n_rows = state->n_rows,
		};
	}
	qsort(hello->held, hello->n_held, sizeof(*hello->held), by_scope);
	for (i = 1; i < hello->n_held; i++)
		if (!by_scope(&hello->held[i - 1], &hello->held[i]))
			return "scopes: one is named twice";
	if (message->n_attached > ATTACHED_MAX)
		return "attached: too many";
	hello->attached = ctl_calloc(message->n_attached + 1, sizeof(*hello->attached));
	for (i = 0; i < message->n_attached; i++)
		hello->attached[hello->n_attached++] = message->attached[i];
	return NULL;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void send_welcome(struct ctl_session *session)
{
	Mizar__V1__ControllerMessage message = MIZAR__V1__CONTROLLER_MESSAGE__INIT;
	Mizar__V1__HostWelcome welcome = MIZAR__V1__HOST_WELCOME__INIT;

	welcome.version = (char *)MIZAR_VERSION; /* packed at once, not kept */
	welcome.has_report_interval_ms = welcome.has_window_bytes = true;
	welcome.report_interval_ms = REPORT_INTERVAL_MS;
	welcome.window_bytes = WINDOW_BYTES;
	message.message_case = MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_WELCOME;
	message.welcome = &welcome;
	(void)mz_rpc_call_send(session->call, &message.base); /* else the stream is going down */
}

static void compare(struct ctl_session *session, struct ctl_sub *sub, const struct held *held)
{
	Mizar__V1__ScopeUpdate update = MIZAR__V1__SCOPE_UPDATE__INIT;
	const struct ctl_scope *scope = sub->scope;
	bool is_same_epoch = held && held->epoch == session->c->epoch;

	sub->sent = sub->acked = 0;
	sub->known = false;
	sub->wants_full = true;
	if (held && held->digest == scope->digest) {
		sub->sent = sub->acked = scope->revision;
		sub->wants_full = false;
		ctl_queue_cancel(&session->c->queue, &sub->retry);
		free(TAKE(sub->problem));
		update.has_mode = true;
		update.mode = MIZAR__V1__SCOPE_UPDATE__MODE__EQUAL;
		update.revision = scope->revision;
		(void)ctl_send_update(session, scope->id, &update);
	} else if (is_same_epoch && held->revision && held->revision < scope->revision &&
		   ctl_scope_covers(scope, held->revision)) {
		sub->sent = sub->acked = held->revision;
		sub->wants_full = false;
	}
	if (ctl_sub_is_current(sub))
		return;
	ctl_session_kick(sub);
	/* A host that was made anew: what is sent there ends there. */
	if (scope->set && scope == scope->set->warm && scope->n_rows && !(held && held->n_rows))
		ctl_set_lost(scope->set, session->droplet);
}

static void compare_all(struct ctl_session *session, const struct ctl_hello *hello)
{
	struct ctl_droplet *droplet = session->droplet;
	struct ctl_sub *sub, *next;
	size_t i;

	for (i = 0; i < hello->n_held; i++)
		if (!ctl_sub_find(droplet, hello->held[i].id))
			ctl_session_drop(droplet, hello->held[i].id);
	HASH_ITER(hh, droplet->subs, sub, next) {
		struct held key = { .id = sub->scope->id };

		compare(session, sub,
			bsearch(&key, hello->held, hello->n_held, sizeof(key), by_scope));
	}
	/* What waits for this host may go on, and may end subs: each is looked up again. */
	for (i = 0; i < hello->n_held; i++) {
		sub = ctl_sub_find(droplet, hello->held[i].id);
		if (sub && sub->acked)
			ctl_sub_acked(session->c, sub);
	}
	ctl_watch_touch_endpoints(session->c);
}

/* ---- taking the host in ---------------------------------------------------------------------- */

static void begin(struct ctl_session *session, struct ctl_droplet *droplet)
{
	_cleanup_(ctl_hello_freep) struct ctl_hello *hello = TAKE(session->hello);
	size_t i;

	ctl_session_end(droplet, MZ_RPC_ABORTED, "another stream of this host took over");
	session->droplet = droplet;
	droplet->session = session;
	free(droplet->version);
	droplet->version = TAKE(hello->version);
	ctl_uidset_fini(&droplet->attached);
	for (i = 0; i < hello->n_attached; i++)
		ctl_session_note_device(session, hello->attached[i]);
	mz_log_info("droplet %s: stream is up (%s)", droplet->name,
		    mz_rpc_call_peer(session->call));

	send_welcome(session);
	ctl_droplet_up(droplet);
	compare_all(session, hello);
	ctl_migrations_look(droplet);
}

/* Refuses, or begins if the droplet is as the host says. */
static void take_in(struct ctl_session *session)
{
	struct ctl_hello *hello = session->hello;
	struct ctl_droplet *droplet = ctl_model_droplet(&session->c->model, hello->name);
	char is[MZ_ADDR_STRLEN], says[MZ_ADDR_STRLEN];

	if (!droplet) {
		mz_rpc_call_finish(session->call, MZ_RPC_UNAVAILABLE,
				   "droplet %s: could not be registered, try again", hello->name);
	} else if (mz_addr_compare(&droplet->addr, &hello->addr)) {
		mz_rpc_call_finish(
			session->call, MZ_RPC_FAILED_PRECONDITION,
			"droplet %s: has the address %s, and its host says %s; delete the "
			"droplet, or start mizard with --address %s",
			droplet->name, mz_addr_format(&droplet->addr, is),
			mz_addr_format(&hello->addr, says), is);
	} else if (droplet->deleting) {
		mz_rpc_call_finish(session->call, MZ_RPC_FAILED_PRECONDITION,
				   "droplet %s: is being deleted; try again when it is gone",
				   droplet->name);
	} else {
		begin(session, droplet);
	}
}

static void on_registered(int r, void *user)
{
	struct ctl_session *session = user;

	session->registering = false;
	if (!session->call) {
		ctl_hello_free(session->hello);
		free(session);
		return;
	}
	take_in(session);
}

static int make_droplet(const struct ctl_hello *hello, struct mz_object **ret_object)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_problems problems = {};
	char addr[MZ_ADDR_STRLEN];
	int r;

	r = mz_object_new(MZ_KIND_DROPLET, &object);
	r = r ?: mz_string_set(&object->droplet->metadata->name, hello->name);
	r = r ?: mz_string_set(&object->droplet->spec->address, mz_addr_format(&hello->addr, addr));
	r = r ?: mz_object_set_defaults(object);
	r = r ?: mz_object_check(object, &problems);
	mz_problems_fini(&problems);
	if (r >= 0)
		*ret_object = TAKE(object);
	return r;
}

/* Not yet in the model: registers it, or waits until somebody else's registration is durable. */
static int register_droplet(struct ctl_session *session)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	struct ctl_controller *c = session->c;
	struct ctl_hello *hello = session->hello;
	uint64_t uid;
	int r;

	r = ctl_write_new(c, &write);
	if (r < 0)
		return r;
	if (mz_store_find(c->store, MZ_KIND_DROPLET, "", hello->name, &uid) < 0) {
		r = make_droplet(hello, &object);
		if (r < 0)
			return r;
		uid = mz_txn_new_uid(ctl_write_txn(write));
		object->droplet->metadata->has_uid = true;
		object->droplet->metadata->uid = uid;
		r = mz_txn_take_address(ctl_write_txn(write), CTL_VNI_DROPLETS, &hello->addr, uid);
		r = r ?: ctl_write_create(write, TAKE(object), 0);
		if (r < 0)
			return r;
		mz_log_info("droplet %s: registered", hello->name);
	}
	session->registering = true;
	ctl_write_commit(TAKE(write), on_registered, session);
	return 0;
}

static void refuse_registration(struct ctl_session *session, int r)
{
	struct ctl_controller *c = session->c;
	const struct ctl_hello *hello = session->hello;
	_cleanup_(mz_object_freep) struct mz_object *other = NULL;
	char addr[MZ_ADDR_STRLEN];
	uint64_t uid;

	mz_addr_format(&hello->addr, addr);
	if (r == -EADDRINUSE) {
		uid = mz_store_address_owner(c->store, CTL_VNI_DROPLETS, &hello->addr);
		/* Without it the message only names it less well. */
		(void)mz_store_get(c->store, MZ_KIND_DROPLET, uid, &other);
		mz_rpc_call_finish(session->call, MZ_RPC_FAILED_PRECONDITION,
				   "droplet %s: the address %s is that of droplet %s; delete that "
				   "one, or start mizard with another --address",
				   hello->name, addr, other ? mz_object_name(other) : "?");
	} else if (r == -EINVAL) {
		mz_rpc_call_finish(session->call, MZ_RPC_INVALID_ARGUMENT,
				   "droplet '%.64s' with address %s: the name must be a DNS label, "
				   "and the address a unicast one",
				   hello->name, addr);
	} else {
		mz_rpc_call_finish(session->call, MZ_RPC_INTERNAL, "droplet %s: not registered: %s",
				   hello->name, strerror(-r));
	}
}

void ctl_hello_message(struct ctl_session *session, const Mizar__V1__HostHello *message)
{
	const char *name = ctl_host_name(session->call, message->droplet), *problem;
	const struct ctl_droplet *other;
	char addr[MZ_ADDR_STRLEN];
	int r;

	if (session->hello || session->droplet) {
		mz_rpc_call_finish(session->call, MZ_RPC_FAILED_PRECONDITION, "a second hello");
		return;
	}
	if (!name) {
		mz_rpc_call_finish(
			session->call, MZ_RPC_PERMISSION_DENIED,
			"droplet '%.64s': the certificate's common name is '%s', and must "
			"be '" NAME_PREFIX "%.64s'",
			message->droplet ?: "", mz_rpc_call_peer_name(session->call) ?: "(none)",
			message->droplet && *message->droplet ? message->droplet : "NAME");
		return;
	}
	session->hello = ctl_calloc(1, sizeof(*session->hello));
	session->hello->name = ctl_strdup(name);
	problem = read_hello(message, session->hello);
	if (problem) {
		mz_rpc_call_finish(session->call, MZ_RPC_INVALID_ARGUMENT, "hello: %s", problem);
		return;
	}
	if (ctl_model_droplet(&session->c->model, name)) {
		take_in(session);
		return;
	}
	other = ctl_model_other_family(&session->c->model, &session->hello->addr);
	if (other) {
		mz_rpc_call_finish(session->call, MZ_RPC_FAILED_PRECONDITION,
				   "droplet %s: its address %s is not of the family of droplet %s; "
				   "start mizard with an --address of that family",
				   name, mz_addr_format(&session->hello->addr, addr), other->name);
		return;
	}
	r = register_droplet(session);
	if (r < 0)
		refuse_registration(session, r);
}
