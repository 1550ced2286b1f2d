// SPDX-License-Identifier: Apache-2.0
/*
 * Reading: Get, List, GetInfo. (Apply is admit.c, Delete remove.c, Watch watch.c.)
 */
#include <errno.h>
#include <string.h>

#include "api/field.h"
#include "controller/methods.h"
#include "controller/reply.h"
#include "controller/status.h"

#define PAGE_MAX 1000
#define SEEN_MAX 8192 /* objects that are looked at for a page: the loop has other work, too */

void ctl_get_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__ObjectRef *ref = (const Mizar__V1__ObjectRef *)request;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	Mizar__V1__Object message;
	struct ctl_controller *c = user;
	int r;

	if (!ctl_may_manage(call))
		return;
	r = ctl_find_object(c, call, ref, &object);
	if (r == -ENOENT)
		mz_rpc_call_finish(
			call, MZ_RPC_NOT_FOUND, "there is no %s %s%s%s",
			mz_kind_find(ref->kind)->name,
			mz_kind_find(ref->kind)->namespaced && ref->namespace_ ? ref->namespace_
									       : "",
			mz_kind_find(ref->kind)->namespaced && ref->namespace_ ? "/" : "",
			ref->name);
	if (r < 0)
		return;
	ctl_status_fill(c, object);
	mz_object_wrap(object, &message);
	mz_rpc_call_reply(call, &message.base);
}

struct page {
	struct ctl_controller *c;
	struct mz_object *objects[PAGE_MAX];
	Mizar__V1__Object messages[PAGE_MAX], *list[PAGE_MAX];
	Mizar__V1__Label **labels; /* the request's */
	size_t n_labels;
	size_t n, n_seen, limit;
	uint64_t after;
	bool more;
};

static int add_to_page(const struct mz_object *object, void *user)
{
	struct page *page = user;
	int r;

	if (page->n == page->limit || page->n_seen == SEEN_MAX) {
		page->more = true;
		return 1;
	}
	page->n_seen++;
	page->after = mz_object_metadata(object)->uid;
	if (!mz_object_has_labels(object, page->labels, page->n_labels))
		return 0;
	r = mz_object_copy(object, &page->objects[page->n]);
	if (r < 0)
		return r;
	ctl_status_fill(page->c, page->objects[page->n]);
	mz_object_wrap(page->objects[page->n], &page->messages[page->n]);
	page->list[page->n] = &page->messages[page->n];
	page->n++;
	return 0;
}

static void page_free(struct page *page)
{
	size_t i;

	for (i = 0; i < page->n; i++)
		mz_object_free(page->objects[i]);
	free(page);
}
DEFINE_CLEANUP(struct page *, page_free)

void ctl_list_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__ListRequest *list = (const Mizar__V1__ListRequest *)request;
	Mizar__V1__ListResponse response = MIZAR__V1__LIST_RESPONSE__INIT;
	_cleanup_(page_freep) struct page *page = NULL;
	const struct mz_kind_info *info;
	struct ctl_controller *c = user;
	int r;

	if (!ctl_may_manage(call))
		return;
	info = ctl_find_kind(call, list->kind);
	if (!info || !ctl_check_labels(call, list->n_labels))
		return;
	page = ctl_calloc(1, sizeof(*page));
	page->c = c;
	page->labels = list->labels;
	page->n_labels = list->n_labels;
	page->after = list->after_uid;
	page->limit = list->limit && list->limit < PAGE_MAX ? list->limit : PAGE_MAX;
	response.has_resource_version = response.has_more = response.has_after_uid = true;
	response.resource_version = mz_store_revision(c->store);
	r = mz_store_list(
		c->store, info->kind,
		info->namespaced && list->namespace_ && *list->namespace_ ? list->namespace_ : NULL,
		0, list->after_uid, add_to_page, page);
	if (r < 0) {
		mz_rpc_call_finish(call, MZ_RPC_INTERNAL, "the store cannot be read: %s",
				   strerror(-r));
		return;
	}
	response.n_objects = page->n;
	response.objects = page->list;
	response.more = page->more;
	response.after_uid = page->after;
	mz_rpc_call_reply(call, &response.base);
}

void ctl_info_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	Mizar__V1__InfoResponse response = MIZAR__V1__INFO_RESPONSE__INIT;
	struct ctl_controller *c = user;

	if (!ctl_may_manage(call))
		return;
	response.version = (char *)MIZAR_VERSION; /* packed at once, not kept */
	response.store = (char *)c->store_path;
	response.has_uptime_seconds = response.has_hosts_connected = response.has_endpoints = true;
	response.uptime_seconds = (uv_now(c->loop) - c->started) / 1000;
	response.hosts_connected = c->model.n_connected;
	response.endpoints = mz_store_count(c->store, MZ_KIND_ENDPOINT);
	mz_rpc_call_reply(call, &response.base);
}
