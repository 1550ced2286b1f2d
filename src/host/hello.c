// SPDX-License-Identifier: Apache-2.0
#include "host/hello.h"

#include <errno.h>
#include <stdlib.h>

#include "row/row.h"

#define SET(message, field, value) ((message)->has_##field = 1, (message)->field = (value))

/* ---- scopes ---------------------------------------------------------------------------------- */

static int add_scope(struct mz_scope_state *scope, void *user)
{
	struct mz_scope_messages *messages = user;
	struct mz_scope_message *item = &messages->items[messages->n];

	item->state = (Mizar__V1__ScopeState)MIZAR__V1__SCOPE_STATE__INIT;
	item->scope = (Mizar__V1__Scope)MIZAR__V1__SCOPE__INIT;
	SET(&item->scope, kind, scope->id.kind);
	SET(&item->scope, id, scope->id.id);
	item->state.scope = &item->scope;
	SET(&item->state, epoch, scope->epoch);
	SET(&item->state, revision, scope->revision);
	SET(&item->state, digest, scope->digest);
	SET(&item->state, n_rows, scope->n_rows);
	messages->ptrs[messages->n++] = &item->state;
	return 0;
}

int mz_scope_messages_init(struct mz_scopes *scopes, struct mz_scope_messages *ret_messages)
{
	size_t n = mz_scopes_count(scopes);
	struct mz_scope_messages messages = {
		.items = calloc(n + 1, sizeof(*messages.items)),
		.ptrs = calloc(n + 1, sizeof(*messages.ptrs)),
	};

	if (!messages.items || !messages.ptrs) {
		mz_scope_messages_fini(&messages);
		return -ENOMEM;
	}
	/* Never stops early: add_scope() returns 0. */
	(void)mz_scopes_each(scopes, add_scope, &messages);
	*ret_messages = messages;
	return 0;
}

void mz_scope_messages_fini(struct mz_scope_messages *messages)
{
	free(messages->items);
	free(messages->ptrs);
	*messages = (struct mz_scope_messages){};
}

/* ---- hello ----------------------------------------------------------------------------------- */

struct uids {
	uint64_t *items;
	size_t n;
};

static int add_uid(uint64_t uid, const struct mz_device *device, void *user)
{
	struct uids *uids = user;
	uint64_t *items;

	items = reallocarray(uids->items, uids->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	items[uids->n++] = uid;
	uids->items = items;
	return 0;
}

int mz_hello_send(struct mz_host *host, mz_send_fn send, void *user)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__HostHello hello = MIZAR__V1__HOST_HELLO__INIT;
	_cleanup_(mz_scope_messages_fini) struct mz_scope_messages scopes = {};
	struct uids uids = {};
	int r;

	r = mz_scope_messages_init(host->scopes, &scopes);
	if (r < 0)
		return r;
	r = mz_device_each(add_uid, &uids);
	if (r >= 0) {
		hello.droplet = (char *)host->options->droplet;
		hello.has_address = 1;
		mz_row_set_addr(&hello.address, &host->self);
		hello.version = MIZAR_VERSION;
		SET(&hello, layout, MZ_LAYOUT_VERSION);
		hello.scopes = scopes.ptrs;
		hello.n_scopes = scopes.n;
		hello.attached = uids.items;
		hello.n_attached = uids.n;
		message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_HELLO;
		message.hello = &hello;
		r = send(&message, user);
	}
	free(uids.items);
	return r;
}

/* ---- report ---------------------------------------------------------------------------------- */

struct counts {
	Mizar__V1__Report__Count items[MZ_DROP_CODES], *ptrs[MZ_DROP_CODES];
	size_t n;
};
_Static_assert((int)MZ_N_COUNTERS <= MZ_DROP_CODES, "one struct serves counters and drops");

static void add_count(struct counts *counts, const char *name, const struct mz_count *count)
{
	Mizar__V1__Report__Count *item = &counts->items[counts->n];

	if (!name || !count->packets)
		return;
	*item = (Mizar__V1__Report__Count)MIZAR__V1__REPORT__COUNT__INIT;
	item->name = (char *)name;
	SET(item, packets, count->packets);
	SET(item, bytes, count->bytes);
	counts->ptrs[counts->n++] = item;
}

int mz_report_send(struct mz_host *host, mz_send_fn send, void *user)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__Report report = MIZAR__V1__REPORT__INIT;
	struct mz_count passed[MZ_N_COUNTERS], dropped[MZ_DROP_CODES];
	struct counts counters = {}, drops = {};
	unsigned int i;
	int r;

	r = mz_tables_counters(host->tables, passed);
	if (r >= 0)
		r = mz_tables_drops(host->tables, dropped);
	if (r < 0)
		return r;
	for (i = 0; i < MZ_N_COUNTERS; i++)
		add_count(&counters, mz_counter_name(i), &passed[i]);
	for (i = 0; i < MZ_DROP_CODES; i++)
		add_count(&drops, mz_drop_name(i), &dropped[i]);
	report.counters = counters.ptrs;
	report.n_counters = counters.n;
	report.drops = drops.ptrs;
	report.n_drops = drops.n;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_REPORT;
	message.report = &report;
	return send(&message, user);
}
