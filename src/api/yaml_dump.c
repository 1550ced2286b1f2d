// SPDX-License-Identifier: Apache-2.0
/* Writing YAML: block style, text quoted where some reader would take it for something else. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "api/scalar.h"
#include "api/yaml_load.h"

struct buffer {
	char *text;
	size_t size, room;
};

static int emit_node(yaml_emitter_t *emitter, const json_t *json);

/* libyaml's write handler: 1, or 0 on failure. */
static int append(void *data, unsigned char *text, size_t size)
{
	struct buffer *buffer = data;
	size_t room = buffer->room;
	char *larger;

	while (room < buffer->size + size + 1)
		room = room ? room * 2 : 1024;
	if (room > buffer->room) {
		larger = realloc(buffer->text, room);
		if (!larger)
			return 0;
		buffer->text = larger;
		buffer->room = room;
	}
	memcpy(buffer->text + buffer->size, text, size);
	buffer->size += size;
	buffer->text[buffer->size] = 0;
	return 1;
}

/* Emits and gives the event away, also on failure. */
static int emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized)
{
	return initialized && yaml_emitter_emit(emitter, event) ? 0 : -ENOMEM;
}

static int emit_scalar(yaml_emitter_t *emitter, const char *text, size_t size, bool is_text)
{
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
	yaml_event_t event;

	if (is_text && mz_scalar_needs_quotes(text))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	else if (is_text && memchr(text, '\n', size))
		style = YAML_LITERAL_SCALAR_STYLE; /* libyaml quotes what it cannot write so */
	return emit(emitter, &event,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						 (int)size, 1, 1, style));
}

static int emit_number(yaml_emitter_t *emitter, const json_t *json)
{
	char buf[64];
	size_t size = json_dumpb(json, buf, sizeof(buf), JSON_ENCODE_ANY);

	return emit_scalar(emitter, buf, size, false);
}

static int emit_list(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	size_t i;
	int r;

	r = emit(emitter, &event,
		 yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						      YAML_BLOCK_SEQUENCE_STYLE));
	for (i = 0; !r && i < json_array_size(json); i++)
		r = emit_node(emitter, json_array_get(json, i));
	if (r < 0)
		return r;
	return emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static int emit_map(yaml_emitter_t *emitter, const json_t *json)
{
	json_t *map = (json_t *)json, *value; /* iteration wants it not const */
	yaml_event_t event;
	const char *key;
	int r;

	r = emit(emitter, &event,
		 yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						     YAML_BLOCK_MAPPING_STYLE));
	if (r < 0)
		return r;
	json_object_foreach(map, key, value) {
		r = emit_scalar(emitter, key, strlen(key), true);
		if (r < 0)
			return r;
		r = emit_node(emitter, value);
		if (r < 0)
			return r;
	}
	return emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static int emit_node(yaml_emitter_t *emitter, const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return emit_map(emitter, json);
	case JSON_ARRAY:
		return emit_list(emitter, json);
	case JSON_STRING:
		return emit_scalar(emitter, json_string_value(json), json_string_length(json),
				   true);
	case JSON_INTEGER:
	case JSON_REAL:
		return emit_number(emitter, json);
	case JSON_TRUE:
		return emit_scalar(emitter, "true", 4, false);
	case JSON_FALSE:
		return emit_scalar(emitter, "false", 5, false);
	case JSON_NULL:
		return emit_scalar(emitter, "null", 4, false);
	}
	return -EINVAL;
}

static int emit_document(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	int r;

	r = emit(emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	if (r < 0)
		return r;
	r = emit(emitter, &event,
		 yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	if (r < 0)
		return r;
	r = emit_node(emitter, json);
	if (r < 0)
		return r;
	r = emit(emitter, &event, yaml_document_end_event_initialize(&event, 1));
	if (r < 0)
		return r;
	return emit(emitter, &event, yaml_stream_end_event_initialize(&event));
}

int mz_yaml_dump(const json_t *json, char **ret_text)
{
	struct buffer buffer = {};
	yaml_emitter_t emitter;
	int r;

	if (!yaml_emitter_initialize(&emitter))
		return -ENOMEM;
	yaml_emitter_set_output(&emitter, append, &buffer);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	r = emit_document(&emitter, json);
	yaml_emitter_delete(&emitter);
	if (r < 0) {
		free(buffer.text);
		return r;
	}
	*ret_text = buffer.text;
	return 0;
}
