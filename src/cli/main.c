/* SPDX-License-Identifier: Apache-2.0 */
/* mizar: parses, and runs the verb. */
#include <stdio.h>

#include "cli/args.h"
#include "cli/say.h"
#include "cli/usage.h"

static enum mz_exit run(const struct mz_args *args)
{
	if (!mz_args_has(args, MZ_OPT_HELP))
		return args->verb->run(args);
	if (args->verb)
		mz_usage_verb(stdout, args->verb, args->kind);
	else
		mz_usage_all(stdout, args->group);
	return MZ_DONE;
}

int main(int argc, char *argv[])
{
	char misuse[MZ_MISUSE_SIZE];
	struct mz_args args;
	enum mz_exit result;

	if (argc == 1) {
		mz_usage_all(stderr, NULL);
		return MZ_MISUSED;
	}
	if (mz_args_parse(argc, argv, &args, misuse) < 0) {
		mz_error("%s", misuse);
		return MZ_MISUSED;
	}
	result = run(&args);
	mz_args_fini(&args);
	/* A full disk behind stdout is a failure, whatever the verb did. */
	if ((fflush(stdout) < 0 || ferror(stdout)) && result == MZ_DONE) {
		mz_error("cannot write the output");
		result = MZ_FAILED;
	}
	return result;
}
