/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mizar endpoint migrate NAME --to HOST`: nothing but spec.droplet, changed in the stored object.
 * How it gets there is the controller's affair.
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

enum mz_exit mz_verb_endpoint_migrate(const struct mz_args *args)
{
	const struct mz_kind_info *kind = &mz_kinds[MZ_KIND_ENDPOINT];
	const char *ns = mz_target_namespace(args), *to = args->values[MZ_OPT_TO];
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	char ref[MZ_OBJECT_REF_SIZE];
	enum mz_exit result;
	int r;

	if (!to) {
		mz_error("mizar endpoint migrate wants --to HOST (mizar get droplets lists them)");
		return MZ_MISUSED;
	}
	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	r = mz_server_get(server, kind, ns, args->words[0], &object);
	if (r == -ENOENT)
		mz_error("%s does not exist in namespace %s", mz_ref(kind, args->words[0], ref),
			 ns);
	/* Its status changes all the time, and is no reason to refuse. */
	if (!r) {
		mz_object_metadata(object)->has_resource_version = false;
		mz_object_metadata(object)->resource_version = 0;
		r = mz_string_set(&object->endpoint->spec->droplet, to);
	}
	if (r < 0)
		return MZ_FAILED;
	return mz_submit(server, args, &object, 1, false, on_problems, args);
}
