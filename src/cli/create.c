/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mizar create KIND NAME --FIELD VALUE`: flags become the JSON that a manifest would hold, so that
 * both are read by the same code and refused in the same words.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/selector.h"
#include "cli/submit.h"
#include "cli/target.h"

/* One value of a field, as JSON would have it. What does not fit is left to the reader to refuse.
 */
static json_t *scalar_json(const struct mz_field *field, const char *text, size_t size)
{
	char number[24];

	switch (field->pbc->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (size == 4 && !strncmp(text, "true", 4))
			return json_true();
		if (size == 5 && !strncmp(text, "false", 5))
			return json_false();
		break;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	default: /* numbers */
		if (size && size < 19 && strspn(text, "0123456789") >= size) {
			snprintf(number, sizeof(number), "%.*s", (int)size, text);
			return json_integer(strtoll(number, NULL, 10));
		}
	}
	return json_stringn(text, size);
}

static json_t *field_json(const struct mz_field *field, const char *text)
{
	json_t *array;

	if (field->pbc->label != PROTOBUF_C_LABEL_REPEATED)
		return scalar_json(field, text, strlen(text));
	array = json_array();
	while (*text) {
		size_t size = strcspn(text, ",");

		json_array_append_new(array, scalar_json(field, text, size));
		text += size;
		text += *text == ',';
	}
	return array;
}

static json_t *object_json(const struct mz_args *args, const struct mz_selector *labels)
{
	json_t *metadata = json_pack("{s:s}", "name", args->words[1]), *spec = json_object();
	json_t *map = json_object();

	if (args->kind->namespaced)
		json_object_set_new(metadata, "namespace", json_string(mz_target_namespace(args)));
	for (size_t i = 0; i < labels->n; i++)
		json_object_set_new(map, labels->labels[i].key,
				    json_string(labels->labels[i].value));
	json_object_set_new(metadata, "labels", map);
	for (size_t i = 0; i < args->n_fields; i++)
		json_object_set_new(spec, args->fields[i].field->json,
				    field_json(args->fields[i].field, args->fields[i].value));
	return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "mizar.com/v1", "kind",
			 args->kind->name, "metadata", metadata, "spec", spec);
}

/* "spec.cidrs[0]" was typed as --cidrs. */
static void say(const struct mz_args *args, const char *path, const char *message)
{
	const char *name = strncmp(path, "spec.", 5) ? path : path + 5;
	size_t size = strcspn(name, ".[");

	for (const struct mz_field *f = mz_spec_fields(args->kind); name != path && f->pbc; f++) {
		char flag[MZ_FLAG_SIZE];

		if (strlen(f->json) != size || strncmp(f->json, name, size))
			continue;
		mz_error("--%s: %s", mz_field_flag(f, flag), message);
		return;
	}
	mz_error("%s: %s", !strcmp(path, "metadata.name") ? "NAME" : path, message);
}

static void on_problems(struct mz_problems *problems, const void *user)
{
	for (size_t i = 0; i < problems->n_items; i++)
		say(user, problems->items[i].path, problems->items[i].message);
}

static int parse_object(const struct mz_args *args, const struct mz_selector *labels,
			struct mz_object **ret_object)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_problems problems = {};
	json_t *json = object_json(args, labels);
	int r;

	r = json ? mz_object_from_json(json, &problems, &object) : -EINVAL;
	json_decref(json);
	if (!r)
		r = mz_object_set_defaults(object) ?: mz_object_check(object, &problems);
	on_problems(&problems, args);
	if (r < 0 && !problems.n_items)
		mz_error("the arguments are not UTF-8, or memory is short");
	mz_problems_fini(&problems);
	if (!r)
		*ret_object = TAKE(object);
	return r;
}

enum mz_exit mz_verb_create(const struct mz_args *args)
{
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_selector labels;
	enum mz_exit result;
	int r;

	if (mz_selector_parse(args->values[MZ_OPT_LABELS], "--labels", &labels) < 0)
		return MZ_MISUSED;
	r = parse_object(args, &labels, &object);
	mz_selector_fini(&labels);
	if (r < 0)
		return MZ_MISUSED;
	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	return mz_submit(server, args, &object, 1, true, on_problems, args);
}
