/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mizar describe`: an object's JSON form, laid out for people; its conditions; and what belongs to
 * it, by the rows of relations[].
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/say.h"
#include "cli/server.h"
#include "cli/target.h"

#define NAME_WIDTH 22

static void print_value(const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		fputs(json_string_value(value), stdout);
		break;
	case JSON_INTEGER:
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		printf("%g", json_real_value(value));
		break;
	case JSON_TRUE:
		fputs("yes", stdout);
		break;
	case JSON_FALSE:
		fputs("no", stdout);
		break;
	case JSON_NULL:
		break;
	case JSON_ARRAY:
		json_array_foreach(value, i, item) {
			fputs(i ? ", " : "", stdout);
			print_value(item);
		}
		break;
	case JSON_OBJECT:
		json_object_foreach((json_t *)value, key, item) {
			printf("%s=", key);
			print_value(item);
			putchar(' ');
		}
		break;
	}
}

static void print_fields(const char *title, json_t *object)
{
	const char *key;
	json_t *value;

	if (!json_object_size(object))
		return;
	printf("%s\n", title);
	json_object_foreach(object, key, value) {
		if (!strcmp(key, "conditions"))
			continue;
		printf("  %-*s ", NAME_WIDTH, key);
		print_value(value);
		putchar('\n');
	}
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static void print_conditions(const json_t *conditions)
{
	const json_t *condition;
	size_t i;

	if (!json_array_size(conditions))
		return;
	printf("Conditions\n");
	json_array_foreach(conditions, i, condition) {
		printf("  %-*s %-8s %s\n", NAME_WIDTH, text_of(condition, "type"),
		       text_of(condition, "status"), text_of(condition, "reason"));
		if (*text_of(condition, "message"))
			printf("  %-*s %s\n", NAME_WIDTH, "", text_of(condition, "message"));
	}
}

/* Objects of another kind whose spec field names this one. */
static const struct relation {
	enum mz_kind of, kind;
	const char *title, *field;
	bool by_namespace_field; /* cluster-wide, with a spec.namespace */
} relations[] = {
	{ MZ_KIND_VPC, MZ_KIND_NETWORK, "Networks", "vpc", false },
	{ MZ_KIND_VPC, MZ_KIND_DIVIDER, "Dividers", "vpc", true },
	{ MZ_KIND_NETWORK, MZ_KIND_BOUNCER, "Bouncers", "network", true },
	{ MZ_KIND_DROPLET, MZ_KIND_BOUNCER, "Bouncers", "droplet", false },
	{ MZ_KIND_DROPLET, MZ_KIND_DIVIDER, "Dividers", "droplet", false },
};

struct related {
	const struct relation *relation;
	const struct mz_object *of;
	size_t n;
};

static int print_related(const struct mz_object *object, void *user)
{
	struct related *related = user;
	const struct relation *relation = related->relation;
	json_t *json = NULL;
	const json_t *spec;
	int r;

	r = mz_object_to_json(object, &json);
	if (r < 0)
		return r;
	spec = json_object_get(json, "spec");
	if (!strcmp(text_of(spec, relation->field), mz_object_name(related->of)) &&
	    (!relation->by_namespace_field ||
	     !strcmp(text_of(spec, "namespace"), mz_object_namespace(related->of)))) {
		if (!related->n++)
			printf("%s\n", relation->title);
		printf("  %-*s %s\n", NAME_WIDTH, mz_object_name(object),
		       text_of(json_object_get(json, "status"), "phase"));
	}
	json_decref(json);
	return 0;
}

static int print_relations(struct mz_server *server, const struct mz_object *object)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(relations); i++) {
		struct related related = { &relations[i], object, 0 };
		const struct mz_kind_info *kind = &mz_kinds[relations[i].kind];

		if (relations[i].of != object->kind)
			continue;
		r = mz_server_list(server, kind, mz_object_namespace(object), NULL, print_related,
				   &related);
	}
	return r;
}

static int print_object(const struct mz_object *object)
{
	json_t *json = NULL;
	int r;

	r = mz_object_to_json(object, &json);
	if (r < 0)
		return r;
	print_fields(mz_kinds[object->kind].name, json_object_get(json, "metadata"));
	print_fields("Spec", json_object_get(json, "spec"));
	print_fields("Status", json_object_get(json, "status"));
	print_conditions(json_object_get(json_object_get(json, "status"), "conditions"));
	json_decref(json);
	return 0;
}

enum mz_exit mz_verb_describe(const struct mz_args *args)
{
	const struct mz_kind_info *kind = mz_kind_of_word(args->words[0]);
	const char *ns = mz_target_namespace(args);
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	char ref[MZ_OBJECT_REF_SIZE];
	enum mz_exit result;
	int r;

	if (!kind)
		return MZ_MISUSED;
	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	r = mz_server_get(server, kind, ns, args->words[1], &object);
	if (r == -ENOENT)
		mz_error("%s does not exist%s%s", mz_ref(kind, args->words[1], ref),
			 kind->namespaced ? " in namespace " : "", kind->namespaced ? ns : "");
	if (!r)
		r = print_object(object);
	if (!r)
		r = print_relations(server, object);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}
