/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar apply`: a manifest, checked whole here, then sent in one call. */
#include "cli/manifest.h"
#include "cli/say.h"
#include "cli/submit.h"
#include "cli/target.h"

static void on_problems(struct mz_problems *problems, const void *user)
{
	mz_source_say(user, problems);
}

enum mz_exit mz_verb_apply(const struct mz_args *args)
{
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct mz_source source;
	enum mz_exit result;

	if (!mz_args_has(args, MZ_OPT_FILE)) {
		mz_error("mizar apply wants -f FILE");
		return MZ_MISUSED;
	}
	if (mz_source_read(args->values[MZ_OPT_FILE], mz_target_namespace(args), &source) < 0)
		return MZ_FAILED;
	result = mz_server_open(args, &server);
	if (result == MZ_DONE)
		result = mz_submit(server, args, source.manifest.objects, source.manifest.n_objects,
				   false, on_problems, &source);
	mz_source_fini(&source);
	return result;
}
