/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mizar endpoint migrate NAME --to HOST`: nothing but spec.droplet, changed in the stored object.
 * How it gets there is the controller's affair. What others change or delete meanwhile stays so.
 */
#include <errno.h>
#include <string.h>

#include "cli/say.h"
#include "cli/submit.h"
#include "cli/target.h"

static void on_problems(struct mz_problems *problems, const void *user)
{
	for (size_t i = 0; i < problems->n_items; i++) {
		const char *path = problems->items[i].path;

		mz_error("%s: %s", strcmp(path, "spec.droplet") ? path : "--to",
			 problems->items[i].message);
	}
}

/* Its status changes while it goes somewhere, which is no reason to refuse. */
#define TRIES 5

/* -ESTALE, not said: it has changed since it was read. */
static int migrate(struct mz_server *server, const struct mz_args *args, const char *to)
{
	const struct mz_kind_info *kind = &mz_kinds[MZ_KIND_ENDPOINT];
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	const char *ns = mz_target_namespace(args);
	char ref[MZ_OBJECT_REF_SIZE];
	int r;

	r = mz_server_get(server, kind, ns, args->words[0], &object);
	if (r == -ENOENT)
		mz_error("%s does not exist in namespace %s", mz_ref(kind, args->words[0], ref),
			 ns);
	r = r ?: mz_string_set(&object->endpoint->spec->droplet, to);
	return r ?: mz_submit_try(server, args, &object, 1, false, on_problems, args);
}

enum mz_exit mz_verb_endpoint_migrate(const struct mz_args *args)
{
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	const char *to = args->values[MZ_OPT_TO];
	int i, r = -ESTALE;
	enum mz_exit result;

	if (!to) {
		mz_error("mizar endpoint migrate wants --to HOST (mizar get droplets lists them)");
		return MZ_MISUSED;
	}
	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	for (i = 0; i < TRIES && r == -ESTALE; i++)
		r = migrate(server, args, to);
	if (r == -ESTALE)
		mz_error("%s", mz_server_why(server));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}
