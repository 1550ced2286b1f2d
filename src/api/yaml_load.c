// SPDX-License-Identifier: Apache-2.0
/*
 * Reading YAML. libyaml tells documents as events; here they become jansson's values, so that one
 * reader (from_json.c) serves both forms. What makes YAML dangerous or surprising is refused:
 * aliases (they multiply), tags, duplicate keys, keys that are not text, deep nesting.
 */
#include "api/yaml_load.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <yaml.h>

#include "api/scalar.h"

struct loader {
	yaml_parser_t parser;
	struct mz_problems *problems;
};

static int load_node(struct loader *loader, const yaml_event_t *event, int depth,
		     json_t **ret_json);

__attribute__((format(printf, 3, 4))) static int refuse(struct loader *loader, yaml_mark_t mark,
							const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return mz_problem_add(loader->problems, "", "line %zu, column %zu: %s", mark.line + 1,
			      mark.column + 1, what);
}

static int next_event(struct loader *loader, yaml_event_t *ret_event)
{
	const yaml_parser_t *parser = &loader->parser;

	if (yaml_parser_parse(&loader->parser, ret_event))
		return 0;
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return mz_problem_add(loader->problems, "", "byte %zu: %s",
				      parser->problem_offset + 1, parser->problem);
	return refuse(loader, parser->problem_mark, "%s%s%s", parser->context ?: "",
		      parser->context ? ": " : "", parser->problem ?: "not YAML");
}

static int load_scalar(struct loader *loader, const yaml_event_t *event, json_t **ret_json)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t size = event->data.scalar.length;
	json_t *json;
	int r;

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
		json = json_stringn(text, size);
		if (!json) /* libyaml made sure that it is UTF-8 */
			return -ENOMEM;
		*ret_json = json;
		return 0;
	}
	r = mz_scalar_resolve(text, &json);
	if (r == -ERANGE)
		return refuse(loader, event->start_mark,
			      "the number %.32s is out of range; if it is text, put it in quotes",
			      text);
	if (r < 0)
		return r;
	*ret_json = json;
	return 0;
}

static int load_sequence(struct loader *loader, int depth, json_t **ret_json)
{
	json_auto_t *list = json_array();
	bool is_end = false;
	int r;

	if (!list)
		return -ENOMEM;
	while (!is_end) {
		yaml_event_t event;
		json_t *item = NULL;

		r = next_event(loader, &event);
		if (r < 0)
			return r;
		is_end = event.type == YAML_SEQUENCE_END_EVENT;
		if (!is_end)
			r = load_node(loader, &event, depth, &item);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
		if (item && json_array_append_new(list, item) < 0)
			return -ENOMEM;
	}
	*ret_json = TAKE(list);
	return 0;
}

/* The key as text that the caller frees. */
static int load_key(struct loader *loader, const yaml_event_t *event, const json_t *map,
		    char **ret_key)
{
	json_auto_t *json = NULL;
	char *key;
	int r;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(loader, event->start_mark, "a key must be text");
	r = load_node(loader, event, MZ_YAML_DEPTH_MAX, &json);
	if (r < 0)
		return r;
	if (!json_is_string(json))
		return refuse(loader, event->start_mark,
			      "the key %.64s must be text: put it in quotes",
			      (const char *)event->data.scalar.value);
	if (strlen(json_string_value(json)) != json_string_length(json))
		return refuse(loader, event->start_mark, "a key must not contain a NUL character");
	if (json_object_get(map, json_string_value(json)))
		return refuse(loader, event->start_mark, "the key %.64s is here twice",
			      json_string_value(json));
	key = strdup(json_string_value(json));
	if (!key)
		return -ENOMEM;
	*ret_key = key;
	return 0;
}

static int load_value(struct loader *loader, int depth, json_t **ret_json)
{
	yaml_event_t event;
	int r;

	r = next_event(loader, &event);
	if (r < 0)
		return r;
	r = load_node(loader, &event, depth, ret_json);
	yaml_event_delete(&event);
	return r;
}

static int load_mapping(struct loader *loader, int depth, json_t **ret_json)
{
	json_auto_t *map = json_object();
	int r;

	if (!map)
		return -ENOMEM;
	for (;;) {
		_cleanup_free_ char *key = NULL;
		json_t *value = NULL;
		yaml_event_t event;
		bool is_end;

		r = next_event(loader, &event);
		if (r < 0)
			return r;
		is_end = event.type == YAML_MAPPING_END_EVENT;
		if (!is_end)
			r = load_key(loader, &event, map, &key);
		yaml_event_delete(&event);
		if (is_end)
			break;
		if (r < 0)
			return r;
		r = load_value(loader, depth, &value);
		if (r < 0)
			return r;
		if (json_object_set_new(map, key, value) < 0)
			return -ENOMEM;
	}
	*ret_json = TAKE(map);
	return 0;
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return event->data.scalar.anchor || event->data.scalar.tag;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return event->data.sequence_start.anchor || event->data.sequence_start.tag;
	return event->data.mapping_start.anchor || event->data.mapping_start.tag;
}

/* depth: of the value around. */
static int load_node(struct loader *loader, const yaml_event_t *event, int depth, json_t **ret_json)
{
	if (event->type == YAML_ALIAS_EVENT)
		return refuse(loader, event->start_mark,
			      "aliases (*name) are not taken: write the "
			      "value out");
	if (has_anchor_or_tag(event))
		return refuse(loader, event->start_mark,
			      "anchors (&name) and tags (!name) are not "
			      "taken");
	if (event->type == YAML_SCALAR_EVENT)
		return load_scalar(loader, event, ret_json);
	if (depth >= MZ_YAML_DEPTH_MAX)
		return refuse(loader, event->start_mark, "nested too deep");
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return load_sequence(loader, depth + 1, ret_json);
	return load_mapping(loader, depth + 1, ret_json);
}

/* Takes json unless it fails. */
static int add_document(struct mz_yaml *yaml, json_t *json, size_t number, int line)
{
	size_t n = yaml->n_documents;
	struct mz_yaml_document *documents = yaml->documents;

	/* Doubled at powers of two: a manifest may have a million of them. */
	if (!(n & (n - 1))) {
		documents = reallocarray(documents, n ? n * 2 : 1, sizeof(*documents));
		if (!documents)
			return -ENOMEM;
		yaml->documents = documents;
	}
	documents[yaml->n_documents++] = (struct mz_yaml_document){
		.json = json,
		.number = number,
		.line = line,
	};
	return 0;
}

/* Behind a document's start event: its value. Its end and the next start follow. */
static int load_document(struct loader *loader, size_t number, struct mz_yaml *yaml)
{
	json_auto_t *json = NULL;
	yaml_event_t event;
	int line, r;

	r = next_event(loader, &event);
	if (r < 0)
		return r;
	line = (int)event.start_mark.line + 1;
	r = load_node(loader, &event, 0, &json);
	yaml_event_delete(&event);
	if (r < 0)
		return r;
	if (json_is_null(json))
		return 0;
	r = add_document(yaml, json, number, line);
	if (r < 0)
		return r;
	json = NULL; /* yaml has it */
	return 0;
}

static int load_stream(struct loader *loader, struct mz_yaml *yaml)
{
	yaml_event_type_t type;
	yaml_event_t event;
	size_t number = 0;
	int r;

	do {
		r = next_event(loader, &event);
		if (r < 0)
			return r;
		type = event.type;
		yaml_event_delete(&event);
		if (type == YAML_DOCUMENT_START_EVENT)
			r = load_document(loader, number++, yaml);
		if (r < 0)
			return r;
	} while (type != YAML_STREAM_END_EVENT);
	return 0;
}

int mz_yaml_load(const char *text, size_t size, struct mz_problems *problems,
		 struct mz_yaml *ret_yaml)
{
	struct loader loader = { .problems = problems };
	struct mz_yaml yaml = {};
	int r;

	if (size > MZ_YAML_SIZE_MAX)
		return mz_problem_add(problems, "", "more than %u MiB: split the manifest",
				      MZ_YAML_SIZE_MAX >> 20);
	if (!yaml_parser_initialize(&loader.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&loader.parser, (const unsigned char *)text, size);
	r = load_stream(&loader, &yaml);
	yaml_parser_delete(&loader.parser);
	if (r < 0) {
		mz_yaml_fini(&yaml);
		return r;
	}
	*ret_yaml = yaml;
	return 0;
}

void mz_yaml_fini(struct mz_yaml *yaml)
{
	size_t i;

	for (i = 0; i < yaml->n_documents; i++)
		json_decref(yaml->documents[i].json);
	free(yaml->documents);
	*yaml = (struct mz_yaml){};
}
