// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes of a batch: what differs from what is stored is written, and the answer says which
 * objects those were; or it says what is wrong with which field.
 */
#include <errno.h>
#include <string.h>

#include "controller/admit.h"
#include "controller/status.h"

/* ---- storing --------------------------------------------------------------------------------- */

/* Of what users write: spec and labels. */
static int pack_wish(const struct mz_object *object, bool with_labels, uint8_t **ret_data,
		     size_t *ret_size)
{
	_cleanup_(mz_object_freep) struct mz_object *copy = NULL;
	Mizar__V1__Metadata *metadata;
	int r;

	r = mz_object_copy(object, &copy);
	if (r < 0)
		return r;
	r = ctl_admit_set_status(copy, NULL);
	if (r < 0)
		return r;
	metadata = mz_object_metadata(copy);
	metadata->has_resource_version = metadata->has_generation = false;
	if (!with_labels)
		while (metadata->n_labels)
			mizar__v1__label__free_unpacked(metadata->labels[--metadata->n_labels],
							NULL);
	return mz_object_pack(copy, ret_data, ret_size);
}

static int is_same_wish(const struct mz_object *a, const struct mz_object *b, bool with_labels)
{
	_cleanup_free_ uint8_t *a_data = NULL, *b_data = NULL;
	size_t a_size, b_size;
	int r;

	r = pack_wish(a, with_labels, &a_data, &a_size);
	r = r ?: pack_wish(b, with_labels, &b_data, &b_size);
	if (r < 0)
		return r;
	return a_size == b_size && !memcmp(a_data, b_data, a_size);
}

int ctl_admit_store(struct ctl_admission *a, struct ctl_admitted *item)
{
	_cleanup_(mz_object_freep) struct mz_object *copy = NULL;
	uint64_t expect = mz_object_metadata(item->object)->resource_version;
	int r, same;

	r = mz_object_copy(item->object, &copy);
	if (r < 0)
		return r;
	if (!item->old) {
		item->result = MIZAR__V1__APPLY_RESPONSE__RESULT__CREATED;
		return ctl_write_create(a->write, TAKE(copy), item->owner);
	}
	same = is_same_wish(item->old, item->object, true);
	if (same) {
		item->result = MIZAR__V1__APPLY_RESPONSE__RESULT__UNCHANGED;
		return same < 0 ? same : 0;
	}
	item->result = MIZAR__V1__APPLY_RESPONSE__RESULT__CONFIGURED;
	same = is_same_wish(item->old, item->object, false);
	if (same < 0)
		return same;
	mz_object_metadata(copy)->generation += !same;
	return ctl_write_put(a->write, item->old, TAKE(copy), item->owner, expect);
}

/* ---- answering ------------------------------------------------------------------------------- */

void ctl_admit_reply_problems(struct ctl_admission *a, struct mz_rpc_call *call)
{
	Mizar__V1__ApplyResponse response = MIZAR__V1__APPLY_RESPONSE__INIT;
	size_t i, n = a->problems.n_items;
	_cleanup_free_ Mizar__V1__FieldError *errors = ctl_calloc(n, sizeof(*errors));
	_cleanup_free_ Mizar__V1__FieldError **list = ctl_calloc(n, sizeof(*list));

	for (i = 0; i < n; i++) {
		mizar__v1__field_error__init(&errors[i]);
		errors[i].has_object = true;
		errors[i].object = a->problems.items[i].object;
		errors[i].path = a->problems.items[i].path;
		errors[i].message = a->problems.items[i].message;
		list[i] = &errors[i];
	}
	response.n_errors = n;
	response.errors = list;
	mz_rpc_call_reply(call, &response.base);
}

/* What a dry run answers are the objects as they would be; else they are read back. */
void ctl_admit_reply_results(struct ctl_admission *a, struct mz_rpc_call *call)
{
	Mizar__V1__ApplyResponse response = MIZAR__V1__APPLY_RESPONSE__INIT;
	size_t i, n = a->n_items;
	_cleanup_free_ Mizar__V1__ApplyResponse__Result *results =
		ctl_calloc(n + 1, sizeof(*results));
	_cleanup_free_ Mizar__V1__Object *objects = ctl_calloc(n + 1, sizeof(*objects));
	_cleanup_free_ Mizar__V1__Object **list = ctl_calloc(n + 1, sizeof(*list));

	for (i = 0; i < n; i++) {
		struct ctl_admitted *item = a->items[i];
		struct mz_object *stored = NULL;

		if (mz_store_get(a->c->store, item->object->kind,
				 mz_object_metadata(item->object)->uid, &stored) >= 0) {
			mz_object_free(item->object);
			item->object = stored;
		}
		ctl_status_fill(a->c, item->object);
		mz_object_wrap(item->object, &objects[i]);
		list[i] = &objects[i];
		results[i] = item->result;
	}
	response.n_results = response.n_objects = n;
	response.results = results;
	response.objects = list;
	mz_rpc_call_reply(call, &response.base);
}
