/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lab that nobody named is taken only for a person at a terminal, only when nothing is in the
 * default place, only if it is the one lab that is up, and aloud: a script never guesses.
 */
#include "cli/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "lab/lab.h"
#include "rpc/rpc.h"

#define DEFAULT_DIR "/run/mizar"

static const char *option_or_env(const struct mz_args *args, enum mz_option_id id, const char *name)
{
	const char *value = args->values[id] ?: getenv(name);

	return value && *value ? value : NULL;
}

const char *mz_target_lab(const struct mz_args *args)
{
	return args->values[MZ_OPT_NAME] ?: option_or_env(args, MZ_OPT_LAB, "MIZAR_LAB");
}

const char *mz_target_namespace(const struct mz_args *args)
{
	return args->values[MZ_OPT_NAMESPACE] ?: "default";
}

struct labs {
	size_t n;
	char name[MZ_LAB_NAME_MAX + 1];
};

static int count_lab(const struct mz_lab *lab, void *user)
{
	struct labs *labs = user;

	labs->n++;
	memcpy(labs->name, lab->name, sizeof(labs->name));
	return 0;
}

/* The one lab that is up, when `what` is absent; empty when there is none to take. */
static void guess_lab(const char *what, char ret_lab[static MZ_LAB_NAME_MAX + 1])
{
	struct labs labs = {};
	struct stat st;

	ret_lab[0] = 0;
	if (stat(what, &st) == 0 || !isatty(STDERR_FILENO))
		return;
	(void)mz_lab_each(count_lab, &labs); /* no labs, or none readable: nothing to guess from */
	if (labs.n != 1)
		return;
	mz_note("using lab %s, the only one that is up (--lab, MIZAR_LAB)", labs.name);
	memcpy(ret_lab, labs.name, sizeof(labs.name));
}

static int find_tls(const struct mz_args *args, struct mz_target *target)
{
	target->tls = (struct mz_rpc_tls){
		.ca = option_or_env(args, MZ_OPT_CA, "MIZAR_CA"),
		.cert = option_or_env(args, MZ_OPT_CERT, "MIZAR_CERT"),
		.key = option_or_env(args, MZ_OPT_KEY, "MIZAR_KEY"),
	};
	target->server_name = args->values[MZ_OPT_SERVER_NAME];
	if (target->tls.ca && target->tls.cert && target->tls.key)
		return 0;
	mz_error("%s is reached by mutual TLS only: give --ca, --cert and --key (MIZAR_CA, "
		 "MIZAR_CERT, MIZAR_KEY)",
		 target->server);
	return -EINVAL;
}

int mz_target_server(const struct mz_args *args, struct mz_target *ret_target)
{
	const char *server = args->values[MZ_OPT_SERVER], *lab = args->values[MZ_OPT_LAB];
	struct mz_target target = {};
	char path[MZ_LAB_PATH_SIZE], guess[MZ_LAB_NAME_MAX + 1];
	int n;

	if (server && lab) {
		mz_error("--server and --lab exclude each other");
		return -EINVAL;
	}
	if (!server && !lab) {
		server = getenv("MIZAR_SERVER");
		lab = server && *server ? NULL : mz_target_lab(args);
	}
	if (!lab && !(server && *server)) {
		guess_lab(MZ_CONTROLLER_SOCKET, guess);
		lab = guess[0] ? guess : NULL;
		server = "unix:" MZ_CONTROLLER_SOCKET;
	}
	if (lab && !mz_lab_name_is_valid(lab)) {
		mz_error("'%s' is no name of a lab", lab);
		return -EINVAL;
	}
	if (lab)
		snprintf(target.lab, sizeof(target.lab), "%s", lab);
	if (lab)
		n = snprintf(target.server, sizeof(target.server), "unix:%s",
			     mz_lab_path(lab, path, "ctl/controller.sock"));
	else
		n = snprintf(target.server, sizeof(target.server), "%s", server);
	if (n < 0 || (size_t)n >= sizeof(target.server)) {
		mz_error("--server: the target is too long");
		return -EINVAL;
	}
	if (strncmp(target.server, "unix:", 5)) {
		int r = find_tls(args, &target);

		if (r < 0)
			return r;
	}
	*ret_target = target;
	return 0;
}

static int lab_dir(const char *name, const char *host, char ret_dir[static PATH_MAX])
{
	char path[MZ_LAB_PATH_SIZE];
	struct mz_lab lab;
	unsigned int place;
	int r;

	r = mz_lab_load(name, &lab);
	if (r < 0) {
		mz_error("there is no lab %s: mizar lab up --name %s", name, name);
		return r;
	}
	if (!host) {
		mz_error("lab %s has %u hosts: say which with --host", name, lab.n_hosts);
		return -EINVAL;
	}
	r = mz_lab_place_parse(&lab, host, &place);
	if (r < 0 || place > lab.n_hosts) {
		mz_error("--host: lab %s has no host %s; its hosts are h1 to h%u", name, host,
			 lab.n_hosts);
		return -EINVAL;
	}
	snprintf(ret_dir, PATH_MAX, "%s", mz_lab_path(name, path, "%s", host));
	return 0;
}

int mz_target_dir(const struct mz_args *args, char ret_dir[static PATH_MAX])
{
	const char *host = args->values[MZ_OPT_HOST], *dir = args->values[MZ_OPT_DIR];
	const char *lab = dir ? NULL : mz_target_lab(args);
	char guess[MZ_LAB_NAME_MAX + 1];

	if (dir && (host || args->values[MZ_OPT_LAB])) {
		mz_error("--dir excludes --host and --lab");
		return -EINVAL;
	}
	if (dir && strlen(dir) >= PATH_MAX) {
		mz_error("--dir: the path is too long");
		return -EINVAL;
	}
	if (!dir && !lab) {
		guess_lab(DEFAULT_DIR, guess);
		lab = guess[0] ? guess : NULL;
	}
	if (lab)
		return lab_dir(lab, host, ret_dir);
	if (host) {
		mz_error("--host is a host of a lab: name the lab with --lab or MIZAR_LAB");
		return -EINVAL;
	}
	snprintf(ret_dir, PATH_MAX, "%s", dir ?: DEFAULT_DIR);
	return 0;
}
