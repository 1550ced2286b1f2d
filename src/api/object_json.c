// SPDX-License-Identifier: Apache-2.0
/* Objects as JSON: the message of the kind, with apiVersion and kind beside its parts. */
#include "api/field.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "api/table.h"

static int check_api_version(const json_t *json, struct mz_problems *problems)
{
	const json_t *version = json_object_get(json, "apiVersion");

	if (!version)
		return mz_problem_add(problems, "apiVersion", "required: " MZ_API_VERSION);
	if (!json_is_string(version))
		return mz_problem_add(problems, "apiVersion", "must be " MZ_API_VERSION);
	if (strcmp(json_string_value(version), MZ_API_VERSION))
		return mz_problem_add(problems, "apiVersion",
				      "must be " MZ_API_VERSION ", not \"%.64s\"",
				      json_string_value(version));
	return 0;
}

/* "Droplet, VPC, ... or List": what a user may write. */
static const char *list_kinds(char *buf, size_t size)
{
	size_t used = 0, i;

	for (i = 1; i < MZ_N_KINDS && used < size; i++)
		if (!mz_kinds[i].managed)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 mz_kinds[i].name);
	if (used < size)
		snprintf(buf + used, size - used, " or List");
	return buf;
}

static int read_kind(const json_t *json, struct mz_problems *problems,
		     const struct mz_kind_info **ret_kind)
{
	const json_t *kind = json_object_get(json, "kind");
	struct mz_nearest nearest = {};
	char kinds[256];
	size_t i;

	if (!json_is_string(kind))
		return mz_problem_add(problems, "kind", "required: %s",
				      list_kinds(kinds, sizeof(kinds)));
	nearest.text = json_string_value(kind);
	for (i = 1; i < MZ_N_KINDS; i++) {
		if (!strcmp(mz_kinds[i].name, nearest.text)) {
			*ret_kind = &mz_kinds[i];
			return 0;
		}
		mz_nearest_try(&nearest, mz_kinds[i].name);
	}
	if (nearest.best)
		return mz_problem_add(problems, "kind", "unknown kind; did you mean %s?",
				      nearest.best);
	return mz_problem_add(problems, "kind", "must be %s, not \"%.64s\"",
			      list_kinds(kinds, sizeof(kinds)), nearest.text);
}

int mz_object_from_json(const json_t *json, struct mz_problems *problems,
			struct mz_object **ret_object)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(mz_message_freep) ProtobufCMessage *msg = NULL;
	const struct mz_kind_info *kind = NULL;
	json_auto_t *parts = NULL;
	int r, q;

	if (!json_is_object(json))
		return mz_problem_add(problems, "",
				      "an object must be a map with apiVersion, kind, "
				      "metadata and spec");
	q = check_api_version(json, problems);
	r = read_kind(json, problems, &kind);
	if (r < 0)
		return mz_worse(r, q);
	parts = json_copy((json_t *)json);
	if (!parts)
		return -ENOMEM;
	(void)json_object_del(parts, "apiVersion"); /* absent was reported above */
	(void)json_object_del(parts, "kind");
	r = mz_message_from_json(kind->message, parts, "", problems, &msg);
	if (r < 0 || q < 0)
		return mz_worse(r, q);
	r = mz_object_take(kind->kind, TAKE(msg), &object);
	if (r < 0)
		return r;
	r = mz_object_clear_output(object);
	if (r < 0)
		return r;
	*ret_object = TAKE(object);
	return 0;
}

int mz_object_to_json(const struct mz_object *object, json_t **ret_json)
{
	const struct mz_kind_info *kind = &mz_kinds[object->kind];
	json_auto_t *json = json_object();
	json_auto_t *parts = NULL;
	int r;

	r = mz_message_to_json(kind->message, object->msg, &parts);
	if (r < 0)
		return r;
	if (json_object_set_new(json, "apiVersion", json_string(MZ_API_VERSION)) < 0 ||
	    json_object_set_new(json, "kind", json_string(kind->name)) < 0 ||
	    json_object_update(json, parts) < 0)
		return -ENOMEM;
	*ret_json = TAKE(json);
	return 0;
}
