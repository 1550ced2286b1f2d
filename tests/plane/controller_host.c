// SPDX-License-Identifier: Apache-2.0
/*
 * A host of the controller's tests: holds rows in memory, by scope; applies updates strictly (a row
 * of another scope, an unknown mode or a malformed row fails the test), and answers with digests.
 */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "controller_common.h"

/* ---- rows ------------------------------------------------------------------------------------ */

static struct held_scope *find_scope(const struct host *host, struct mz_scope_id id, bool make)
{
	struct held_scope *scope, *scopes = host->scopes;
	char name[MZ_SCOPE_STRLEN];

	mz_scope_format(id, name);
	HASH_FIND_STR(scopes, name, scope);
	if (scope || !make)
		return scope;
	scope = calloc(1, sizeof(*scope));
	scope->id = id;
	strcpy(scope->name, name);
	HASH_ADD_STR(((struct host *)host)->scopes, name, scope);
	return scope;
}

static void row_key(const Mizar__V1__Row *row, char *ret_key)
{
	char key[MZ_ROW_KEY_STRLEN];

	sprintf(ret_key, "%.15s %s", mz_row_table_name(row), mz_row_key_format(row, key));
}

static void put_row(struct held_scope *scope, const Mizar__V1__Row *row)
{
	struct mz_scope_id id = mz_row_scope(row);
	struct held_row *held;
	const char *field;
	json_t *json;
	char *text, key[sizeof(held->key)];

	if (mz_row_check(row, false, &field) < 0)
		fail_msg("malformed row in %s: %s", scope->name, field);
	if (!mz_scope_id_equal(id, scope->id))
		fail_msg("%s has a row of another scope", scope->name);
	row_key(row, key);
	HASH_FIND_STR(scope->rows, key, held);
	if (!held) {
		held = calloc(1, sizeof(*held));
		strcpy(held->key, key);
		HASH_ADD_STR(scope->rows, key, held);
	}
	held->hash = mz_row_hash(row);
	held->marked = true;
	assert_int_equal(
		mz_message_to_json(mz_message_find(row->base.descriptor), &row->base, &json), 0);
	text = json_dumps(json, JSON_COMPACT);
	snprintf(held->text, sizeof(held->text), "%s", text);
	free(text);
	json_decref(json);
}

static void remove_row(struct held_scope *scope, struct held_row *held)
{
	HASH_DEL(scope->rows, held);
	free(held);
}

static void tell_device(struct host *host, uint64_t uid, bool is_there)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__Devices devices = MIZAR__V1__DEVICES__INIT;

	if (!host->stream)
		return;
	*(is_there ? &devices.n_added : &devices.n_removed) = 1;
	*(is_there ? &devices.added : &devices.removed) = &uid;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_DEVICES;
	message.devices = &devices;
	(void)mz_rpc_stream_send(host->stream, &message.base);
}

static void remove_device(struct host *host, uint64_t uid)
{
	size_t i;

	for (i = 0; i < host->n_devices; i++) {
		if (host->devices[i] != uid)
			continue;
		host->devices[i--] = host->devices[--host->n_devices];
		tell_device(host, uid, false);
	}
}

static void delete_row(struct held_scope *scope, const Mizar__V1__Row *row)
{
	struct held_row *held;
	const char *field;
	char key[sizeof(held->key)];

	if (mz_row_check(row, true, &field) < 0)
		fail_msg("malformed key in %s: %s", scope->name, field);
	row_key(row, key);
	HASH_FIND_STR(scope->rows, key, held);
	if (held)
		remove_row(scope, held);
}

static void sweep(struct held_scope *scope, bool marked_only)
{
	struct held_row *held, *next;

	HASH_ITER(hh, scope->rows, held, next)
		if (!marked_only || !held->marked)
			remove_row(scope, held);
}

static void drop_scope(struct host *host, struct held_scope *scope)
{
	sweep(scope, false);
	HASH_DEL(host->scopes, scope);
	free(scope);
}

static uint64_t digest_of(const struct held_scope *scope)
{
	struct held_row *held, *next;
	uint64_t digest = 0;

	HASH_ITER(hh, scope->rows, held, next)
		digest += held->hash;
	return digest;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void answer(struct host *host, const Mizar__V1__ScopeUpdate *update, uint64_t digest)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__Ack ack = MIZAR__V1__ACK__INIT;

	if (host->silent)
		return;
	ack.scope = update->scope;
	ack.has_epoch = ack.has_revision = ack.has_digest = true;
	ack.epoch = update->epoch;
	ack.revision = update->revision;
	ack.digest = digest;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_ACK;
	message.ack = &ack;
	(void)mz_rpc_stream_send(host->stream, &message.base);
}

static bool is_refused(const struct host *host, const Mizar__V1__Row *row)
{
	return host->refuses && !strcmp(host->refuses, mz_row_table_name(row)) &&
	       (!host->refuses_name || !strncmp(host->refuses_name, row->endpoint->name,
						   strlen(host->refuses_name)));
}

/* What is left of an update without its refused rows is applied, as mizard does. */
static void take_refused(struct host *host, Mizar__V1__ScopeUpdate *update)
{
	size_t i, n = 0;

	for (i = 0; i < update->n_rows; i++) {
		Mizar__V1__Row *row = update->rows[i];

		if (!is_refused(host, row)) {
			update->rows[n++] = row;
			continue;
		}
		if (host->n_refused < ARRAY_SIZE(host->refused))
			mz_row_key_format(row, host->refused[host->n_refused]);
		host->n_refused++;
		mizar__v1__row__free_unpacked(row, NULL);
	}
	update->n_rows = n;
}

static void refuse(struct host *host, const Mizar__V1__ScopeUpdate *update)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__Nack__Refused items[ARRAY_SIZE(host->refused)];
	Mizar__V1__Nack__Refused *ptrs[ARRAY_SIZE(host->refused)];
	Mizar__V1__Nack nack = MIZAR__V1__NACK__INIT;

	nack.scope = update->scope;
	nack.has_epoch = nack.has_revision = nack.has_total = true;
	nack.epoch = update->epoch;
	nack.revision = update->revision;
	nack.total = (uint32_t)host->n_refused;
	for (; nack.n_refused < host->n_refused && nack.n_refused < ARRAY_SIZE(items);
	     nack.n_refused++) {
		mizar__v1__nack__refused__init(&items[nack.n_refused]);
		items[nack.n_refused].table = (char *)host->refuses;
		items[nack.n_refused].key = host->refused[nack.n_refused];
		items[nack.n_refused].reason = (char *)"the table is full";
		ptrs[nack.n_refused] = &items[nack.n_refused];
	}
	nack.refused = ptrs;
	if (host->hides)
		nack.n_refused = 1;
	host->n_refused = 0;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_NACK;
	message.nack = &nack;
	(void)mz_rpc_stream_send(host->stream, &message.base);
}

/* Devices whose endpoints do not belong here. */
static void remove_orphans(struct host *host)
{
	char part[40];
	size_t i;

	for (i = host->n_devices; i-- > 0;) {
		snprintf(part, sizeof(part), "\"uid\":\"%lu\"", (unsigned long)host->devices[i]);
		if (!host_has(host, "host", part))
			remove_device(host, host->devices[i]);
	}
}

static void on_update(struct host *host, Mizar__V1__ScopeUpdate *update)
{
	struct mz_scope_id id = { .kind = update->scope->kind, .id = update->scope->id };
	struct held_scope *scope = find_scope(host, id, true);
	struct held_row *held, *next;
	size_t i;

	host->n_rows += update->n_rows;
	host->n_deletes += update->n_deletes;
	host->n_full += update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL && !update->more;
	host->n_delta += update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DELTA;
	host->n_equal += update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__EQUAL;
	if (update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DROP) {
		host->n_drop++;
		drop_scope(host, scope);
		answer(host, update, 0);
		return;
	}
	take_refused(host, update);
	if (update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL && !scope->in_full)
		HASH_ITER(hh, scope->rows, held, next)
			held->marked = false;
	scope->in_full = update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL && update->more;
	for (i = 0; i < update->n_rows; i++)
		put_row(scope, update->rows[i]);
	for (i = 0; i < update->n_deletes; i++) {
		delete_row(scope, update->deletes[i]);
		if (update->deletes[i]->row_case == MIZAR__V1__ROW__ROW_ENDPOINT)
			remove_device(host, update->deletes[i]->endpoint->uid);
	}
	if (update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL && !update->more) {
		sweep(scope, true);
		if (id.kind == MIZAR__V1__SCOPE__KIND__HOST)
			remove_orphans(host);
	}
	if (update->more)
		return;
	if (host->n_refused) {
		refuse(host, update);
		return;
	}
	scope->epoch = update->epoch;
	scope->revision = update->revision;
	answer(host, update, digest_of(scope));
}

static void keep(struct host *host, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	_cleanup_free_ uint8_t *data = malloc(size + 1);

	assert_true(host->n_late < ARRAY_SIZE(host->late));
	protobuf_c_message_pack(message, data);
	host->late[host->n_late++] =
		protobuf_c_message_unpack(message->descriptor, NULL, size, data);
}

static void on_message(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ControllerMessage *from = (const Mizar__V1__ControllerMessage *)message;
	struct host *host = user;

	if (from->message_case == MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_WELCOME)
		host->welcome = true;
	else if (from->message_case == MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE &&
		 !host->stuck)
		on_update(host, from->update);
	else if (from->message_case == MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE)
		keep(host, message);
}

void host_go_on(struct host *host)
{
	size_t i;

	host->stuck = false;
	for (i = 0; i < host->n_late; i++) {
		on_message(host->stream, host->late[i], host);
		protobuf_c_message_free_unpacked(host->late[i], NULL);
	}
	host->n_late = 0;
}

static void on_close(struct mz_rpc_stream *stream, enum mz_rpc_code code, const char *message,
		     void *user)
{
	struct host *host = user;

	host->stream = NULL;
	host->closed = true;
	host->welcome = false;
	host->code = code;
	snprintf(host->why, sizeof(host->why), "%s", message ?: "");
}

static void say_hello(struct host *host)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__HostHello hello = MIZAR__V1__HOST_HELLO__INIT;
	unsigned int n = HASH_COUNT(host->scopes), i = 0;
	_cleanup_free_ Mizar__V1__ScopeState *states = calloc(n + 1, sizeof(*states));
	_cleanup_free_ Mizar__V1__ScopeState **list = calloc(n + 1, sizeof(*list));
	_cleanup_free_ Mizar__V1__Scope *ids = calloc(n + 1, sizeof(*ids));
	struct held_scope *scope, *next;
	struct mz_addr addr;

	HASH_ITER(hh, host->scopes, scope, next) {
		mizar__v1__scope_state__init(&states[i]);
		mizar__v1__scope__init(&ids[i]);
		ids[i].has_kind = ids[i].has_id = true;
		ids[i].kind = scope->id.kind;
		ids[i].id = scope->id.id;
		states[i].scope = &ids[i];
		states[i].has_epoch = states[i].has_revision = states[i].has_digest = true;
		states[i].epoch = scope->epoch;
		states[i].revision = scope->revision;
		states[i].digest = digest_of(scope);
		states[i].has_n_rows = true;
		states[i].n_rows = HASH_COUNT(scope->rows);
		scope->in_full = false;
		list[i] = &states[i];
		i++;
	}
	hello.n_scopes = n;
	hello.scopes = list;
	hello.droplet = host->name;
	hello.n_attached = host->n_devices;
	hello.attached = host->devices;
	assert_int_equal(mz_addr_parse(host->address, &addr), 0);
	hello.has_address = true;
	mz_row_set_addr(&hello.address, &addr);
	hello.version = (char *)"test";
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_HELLO;
	message.hello = &hello;
	assert_int_equal(mz_rpc_stream_send(host->stream, &message.base), 0);
}

void host_connect(struct host *host, struct plane *plane, const char *name)
{
	static const struct mz_rpc_stream_ops ops = { .on_message = on_message,
						      .on_close = on_close };

	host->plane = plane;
	host->closed = false;
	if (name != host->name)
		snprintf(host->name, sizeof(host->name), "%s", name);
	if (!host->address[0])
		snprintf(host->address, sizeof(host->address), "172.31.0.%s", name + 1);
	assert_int_equal(mz_rpc_stream_open(plane->client, "/mizar.v1.Host/Connect", NULL,
					    &mizar__v1__controller_message__descriptor, &ops, host,
					    &host->stream),
			 0);
	say_hello(host);
}

void host_up(struct host *host, struct plane *plane, const char *name)
{
	host_connect(host, plane, name);
	plane_until(plane, host->welcome || host->closed);
	if (host->closed)
		fail_msg("%s: %s", name, host->why);
}

void host_down(struct host *host)
{
	if (!host->stream)
		return;
	mz_rpc_stream_cancel(host->stream);
	plane_until(host->plane, host->closed);
}

void host_forget(struct host *host)
{
	struct held_scope *scope, *next;

	HASH_ITER(hh, host->scopes, scope, next)
		drop_scope(host, scope);
}

void host_free(struct host *host)
{
	host_down(host);
	host_forget(host);
}

void host_zero(struct host *host)
{
	host->n_equal = host->n_delta = host->n_full = host->n_drop = 0;
	host->n_rows = host->n_deletes = 0;
}

int host_rows(const struct host *host, const char *prefix)
{
	struct held_scope *scope, *next;
	int n = -1;

	HASH_ITER(hh, host->scopes, scope, next)
		if (!strncmp(scope->name, prefix, strlen(prefix)))
			n = (n < 0 ? 0 : n) + (int)HASH_COUNT(scope->rows);
	return n;
}

bool host_has(const struct host *host, const char *prefix, const char *part)
{
	struct held_scope *scope, *next;
	struct held_row *held, *next_held;

	HASH_ITER(hh, host->scopes, scope, next)
		if (!strncmp(scope->name, prefix, strlen(prefix)))
			HASH_ITER(hh, scope->rows, held, next_held)
				if (strstr(held->text, part))
					return true;
	return false;
}

void host_device(struct host *host, uint64_t uid)
{
	remove_device(host, uid);
	assert_true(host->n_devices < ARRAY_SIZE(host->devices));
	host->devices[host->n_devices++] = uid;
	tell_device(host, uid, true);
}

void host_no_device(struct host *host, uint64_t uid)
{
	remove_device(host, uid);
}

enum mz_rpc_code host_attach(struct host *host, const char *ns, const char *name,
			     unsigned int *ret_rows, char **ret_text)
{
	Mizar__V1__AttachRequest request = MIZAR__V1__ATTACH_REQUEST__INIT;
	Mizar__V1__AttachResponse *response;
	enum mz_rpc_code code;

	request.namespace_ = (char *)ns;
	request.name = (char *)name;
	request.droplet = host->name;
	response = (Mizar__V1__AttachResponse *)plane_ask(
		host->plane, "/mizar.v1.Host/Attach", &request.base,
		&mizar__v1__attach_response__descriptor, &code, ret_text);
	if (ret_rows)
		*ret_rows = response ? (unsigned int)response->n_rows : 0;
	if (response && response->n_rows && !host->slow_devices)
		host_device(host, response->rows[0]->endpoint->uid);
	if (response)
		mizar__v1__attach_response__free_unpacked(response, NULL);
	return code;
}

enum mz_rpc_code host_detach(struct host *host, const char *ns, const char *name)
{
	Mizar__V1__DetachRequest request = MIZAR__V1__DETACH_REQUEST__INIT;
	ProtobufCMessage *response;
	struct mz_object *object = get(host->plane, "Endpoint", ns, name);
	enum mz_rpc_code code;

	if (object)
		remove_device(host, mz_object_metadata(object)->uid);
	mz_object_free(object);
	request.namespace_ = (char *)ns;
	request.name = (char *)name;
	request.droplet = host->name;
	response = plane_ask(host->plane, "/mizar.v1.Host/Detach", &request.base,
			     &mizar__v1__detach_response__descriptor, &code, NULL);
	if (response)
		protobuf_c_message_free_unpacked(response, NULL);
	return code;
}
