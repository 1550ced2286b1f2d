// SPDX-License-Identifier: Apache-2.0
/*
 * On which line of a manifest a path lies. JSON values know nothing of lines, and keeping one per
 * value would double what a large manifest costs; so only when there are problems, the text is read
 * once more, and every node is compared with the paths still in question.
 */
#include "api/yaml_load.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* A target, and the part of its path that lies below the present node. */
struct seeker {
	struct mz_yaml_target *target;
	const char *rest;
};

struct seekers {
	struct seeker items[MZ_YAML_TARGETS_MAX];
	size_t n;
};

static bool walk(yaml_parser_t *parser, const yaml_event_t *event, const struct seekers *seekers);

static bool is_end(yaml_event_type_t type)
{
	return type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
}

/* What follows step in rest, or NULL. */
static const char *after(const char *rest, const char *step)
{
	size_t size = strlen(step);

	if (strncmp(rest, step, size))
		return NULL;
	rest += size;
	return !*rest || *rest == '.' || *rest == '[' ? rest : NULL;
}

static const char *after_key(const char *rest, const char *key, bool is_first)
{
	char step[160];
	const char *p;

	snprintf(step, sizeof(step), "%s%.64s", is_first ? "" : ".", key);
	p = after(rest, step);
	if (p)
		return p;
	snprintf(step, sizeof(step), "[\"%.64s\"]", key);
	return after(rest, step);
}

static void seek_key(const struct seekers *above, const char *key, int line,
		     struct seekers *ret_below)
{
	size_t i;

	ret_below->n = 0;
	for (i = 0; i < above->n; i++) {
		struct seeker s = above->items[i];

		s.rest = after_key(s.rest, key, s.rest == s.target->path);
		if (!s.rest)
			continue;
		s.target->line = line;
		ret_below->items[ret_below->n++] = s;
	}
}

static void seek_index(const struct seekers *above, size_t index, int line,
		       struct seekers *ret_below)
{
	char step[32];
	size_t i;

	snprintf(step, sizeof(step), "[%zu]", index);
	ret_below->n = 0;
	for (i = 0; i < above->n; i++) {
		struct seeker s = above->items[i];

		s.rest = after(s.rest, step);
		if (!s.rest)
			continue;
		s.target->line = line;
		ret_below->items[ret_below->n++] = s;
	}
}

static bool walk_sequence(yaml_parser_t *parser, const struct seekers *above)
{
	struct seekers below;
	yaml_event_t event;
	bool ended, ok;
	size_t i;

	for (i = 0;; i++) {
		if (!yaml_parser_parse(parser, &event))
			return false;
		ended = is_end(event.type);
		seek_index(above, i, (int)event.start_mark.line + 1, &below);
		ok = ended || walk(parser, &event, &below);
		yaml_event_delete(&event);
		if (ended || !ok)
			return ok;
	}
}

static bool walk_mapping(yaml_parser_t *parser, const struct seekers *above)
{
	struct seekers below;
	yaml_event_t event;
	bool ended, ok;

	for (;;) {
		if (!yaml_parser_parse(parser, &event))
			return false;
		ended = event.type != YAML_SCALAR_EVENT; /* keys are scalars: it was loaded */
		if (!ended)
			seek_key(above, (const char *)event.data.scalar.value,
				 (int)event.start_mark.line + 1, &below);
		yaml_event_delete(&event);
		if (ended)
			return true;
		if (!yaml_parser_parse(parser, &event))
			return false;
		ok = walk(parser, &event, &below);
		yaml_event_delete(&event);
		if (!ok)
			return false;
	}
}

/* false: not as it was when it was loaded. The depth was checked then. */
static bool walk(yaml_parser_t *parser, const yaml_event_t *event, const struct seekers *seekers)
{
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return walk_sequence(parser, seekers);
	if (event->type == YAML_MAPPING_START_EVENT)
		return walk_mapping(parser, seekers);
	return event->type == YAML_SCALAR_EVENT;
}

static bool walk_document(yaml_parser_t *parser, struct mz_yaml_target *targets, size_t n,
			  size_t number)
{
	struct seekers seekers = {};
	yaml_event_t event;
	bool ok;
	size_t i;

	if (!yaml_parser_parse(parser, &event))
		return false;
	for (i = 0; i < n && i < MZ_YAML_TARGETS_MAX; i++) {
		if (targets[i].document != number)
			continue;
		targets[i].line = (int)event.start_mark.line + 1;
		seekers.items[seekers.n++] = (struct seeker){ &targets[i], targets[i].path };
	}
	ok = walk(parser, &event, &seekers);
	yaml_event_delete(&event);
	return ok;
}

void mz_yaml_find_lines(const char *text, size_t size, struct mz_yaml_target *targets, size_t n)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_parser_t parser;
	yaml_event_t event;
	size_t number = 0;

	if (!yaml_parser_initialize(&parser))
		return; /* no memory: the problems go without their lines */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	while (type != YAML_STREAM_END_EVENT && yaml_parser_parse(&parser, &event)) {
		type = event.type;
		yaml_event_delete(&event);
		if (type == YAML_DOCUMENT_START_EVENT &&
		    !walk_document(&parser, targets, n, number++))
			break;
	}
	yaml_parser_delete(&parser);
}
