/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar watch`: events as they come, each printed at once. */
#include <errno.h>
#include <stdio.h>

#include "cli/output.h"
#include "cli/say.h"
#include "cli/server.h"
#include "cli/target.h"

struct watching {
	struct mz_selector selector;
	struct mz_output *output; /* of a table or names */
	bool is_synced;
};

static const char *event_name(Mizar__V1__WatchEvent__Type type)
{
	switch (type) {
	case MIZAR__V1__WATCH_EVENT__TYPE__ADDED:
		return "ADDED";
	case MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED:
		return "MODIFIED";
	case MIZAR__V1__WATCH_EVENT__TYPE__DELETED:
		return "DELETED";
	case MIZAR__V1__WATCH_EVENT__TYPE__SYNC:
	case _MIZAR__V1__WATCH_EVENT__TYPE_IS_INT_SIZE:
		break;
	}
	return "";
}

static int print_line(const struct mz_object *object, const char *event)
{
	json_t *json, *line;
	int r;

	r = mz_object_to_json(object, &json);
	if (r < 0)
		return r;
	line = json_pack("{s:s, s:o}", "type", event, "object", json);
	if (!line)
		return -ENOMEM;
	r = json_dumpf(line, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) < 0 ? -EIO : 0;
	putchar('\n');
	json_decref(line);
	return r;
}

static int on_event(const Mizar__V1__WatchEvent *event, void *user)
{
	struct watching *w = user;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	int r = 0;

	if (event->type == MIZAR__V1__WATCH_EVENT__TYPE__SYNC)
		w->is_synced = true;
	if (event->object)
		r = mz_object_unwrap(event->object, &object);
	if (r < 0)
		return r;
	if (object && w->output)
		r = mz_output_add(w->output, object, event_name(event->type));
	else if (object)
		r = print_line(object, event_name(event->type));
	/* The objects that are there come in one burst: columns fit them all. */
	if (w->output && w->is_synced)
		mz_output_flush(w->output);
	fflush(stdout);
	return ferror(stdout) ? -EPIPE : r;
}

enum mz_exit mz_verb_watch(const struct mz_args *args)
{
	const struct mz_kind_info *kind = mz_kind_of_word(args->words[0]);
	const char *name = args->n_words > 1 ? args->words[1] : NULL;
	bool all = mz_args_has(args, MZ_OPT_ALL_NAMESPACES);
	unsigned int timeout_s = (unsigned int)mz_args_number(args, MZ_OPT_TIMEOUT, 0);
	enum mz_form form = mz_form_of(args);
	_cleanup_(mz_output_freep) struct mz_output *output = NULL;
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct watching w = {};
	enum mz_exit result;
	int r;

	if (!kind)
		return MZ_MISUSED;
	if (form == MZ_FORM_YAML) {
		mz_error("--output: a watch prints table, wide, json or name");
		return MZ_MISUSED;
	}
	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	if (form != MZ_FORM_JSON && mz_output_new(form, kind, true, all, "EVENT", &output) < 0)
		return MZ_FAILED;
	w.output = output;
	if (mz_selector_parse(args->values[MZ_OPT_SELECTOR], "--selector", &w.selector) < 0)
		return MZ_MISUSED;
	r = mz_server_watch(server, kind, all ? NULL : mz_target_namespace(args), name,
			    &w.selector, timeout_s * 1000, on_event, &w);
	mz_selector_fini(&w.selector);
	if (r == -ETIMEDOUT) /* as long as was asked for */
		return MZ_DONE;
	if (!r)
		mz_error("the controller ended the watch");
	return MZ_FAILED;
}
