/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar get`: lists page by page, so that a million objects never sit in memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/say.h"
#include "cli/selector.h"
#include "cli/server.h"
#include "cli/target.h"

struct get {
	struct mz_selector selector;
	struct mz_output *output;
};

static int add(const struct mz_object *object, void *user)
{
	struct get *get = user;

	if (!mz_object_has_labels(object, get->selector.ptrs, get->selector.n))
		return 0; /* one that was named */
	return mz_output_add(get->output, object, NULL);
}

static enum mz_exit list(struct mz_server *server, const struct mz_args *args,
			 const struct mz_kind_info *kind, struct get *get)
{
	bool all = mz_args_has(args, MZ_OPT_ALL_NAMESPACES);
	const char *ns = mz_target_namespace(args);
	enum mz_form form = mz_form_of(args);
	int r;

	r = mz_server_list(server, kind, all ? NULL : ns, &get->selector, add, get);
	if (r == -ENOENT)
		mz_error("the controller knows no %s", kind->plural);
	if (r < 0)
		return MZ_FAILED;
	if (!mz_output_n_objects(get->output) && (form == MZ_FORM_TABLE || form == MZ_FORM_WIDE)) {
		if (all || !kind->namespaced)
			mz_note("no %s", kind->plural);
		else
			mz_note("no %s in namespace %s (-n NAMESPACE, -A for all)", kind->plural,
				ns);
	}
	return mz_output_end(get->output) < 0 ? MZ_FAILED : MZ_DONE;
}

/* The named ones. What is missing fails all but a table, which shows the others. */
static enum mz_exit get_named(struct mz_server *server, const struct mz_args *args,
			      const struct mz_kind_info *kind, struct get *get)
{
	const char *ns = mz_target_namespace(args);
	enum mz_form form = mz_form_of(args);
	bool is_missing = false;
	char ref[MZ_OBJECT_REF_SIZE];

	for (size_t i = 1; i < args->n_words; i++) {
		_cleanup_(mz_object_freep) struct mz_object *object = NULL;
		int r = mz_server_get(server, kind, ns, args->words[i], &object);

		if (r == -ENOENT) {
			mz_error("%s does not exist%s%s", mz_ref(kind, args->words[i], ref),
				 kind->namespaced ? " in namespace " : "",
				 kind->namespaced ? ns : "");
			is_missing = true;
			continue;
		}
		if (r < 0 || add(object, get) < 0)
			return MZ_FAILED;
	}
	if (is_missing && (form == MZ_FORM_JSON || form == MZ_FORM_YAML))
		return MZ_FAILED;
	if (mz_output_end(get->output) < 0)
		return MZ_FAILED;
	return is_missing ? MZ_FAILED : MZ_DONE;
}

enum mz_exit mz_verb_get(const struct mz_args *args)
{
	const struct mz_kind_info *kind = mz_kind_of_word(args->words[0]);
	bool all = mz_args_has(args, MZ_OPT_ALL_NAMESPACES);
	_cleanup_(mz_output_freep) struct mz_output *output = NULL;
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct get get = {};
	enum mz_exit result;

	if (!kind)
		return MZ_MISUSED;
	if (all && args->n_words > 1) {
		mz_error("--all-namespaces lists: it takes no NAME");
		return MZ_MISUSED;
	}
	if (mz_selector_parse(args->values[MZ_OPT_SELECTOR], "--selector", &get.selector) < 0)
		return MZ_MISUSED;
	result = mz_server_open(args, &server);
	if (result == MZ_DONE &&
	    mz_output_new(mz_form_of(args), kind, args->n_words != 2, all, NULL, &output) < 0)
		result = MZ_FAILED;
	get.output = output;
	if (result == MZ_DONE)
		result = args->n_words > 1 ? get_named(server, args, kind, &get)
					   : list(server, args, kind, &get);
	mz_selector_fini(&get.selector);
	return result;
}
