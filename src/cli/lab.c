/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar lab …`: the lab itself is made in src/lab. */
#include "lab/lab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/host_state.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"

#define UP_TIMEOUT_S 30

static const char *lab_name(const struct mz_args *args)
{
	return mz_target_lab(args) ?: "mizar";
}

/* Not MZ_DONE: what the verb should return; said. */
static enum mz_exit check(const struct mz_args *args)
{
	if (!mz_lab_name_is_valid(lab_name(args))) {
		mz_error("'%s' is no name of a lab: lower-case letters, digits and dashes, at most "
			 "%d",
			 lab_name(args), MZ_LAB_NAME_MAX);
		return MZ_MISUSED;
	}
	if (geteuid() != 0) {
		mz_error("mizar %s needs root: run it with sudo", args->verb->name);
		return MZ_FAILED;
	}
	return MZ_DONE;
}

static enum mz_exit load(const struct mz_args *args, struct mz_lab *ret_lab)
{
	enum mz_exit result = check(args);
	int r;

	if (result != MZ_DONE)
		return result;
	r = mz_lab_load(lab_name(args), ret_lab);
	if (r == -ENOENT)
		mz_error("there is no lab %s: mizar lab up --name %s", lab_name(args),
			 lab_name(args));
	else if (r < 0)
		mz_error("lab %s: its record is damaged: mizar lab down --name %s", lab_name(args),
			 lab_name(args));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

enum mz_exit mz_verb_lab_up(const struct mz_args *args)
{
	struct mz_lab lab = { .n_hosts = 3, .mtu = 1500, .transit = "auto" };
	enum mz_exit result = check(args);

	if (result != MZ_DONE)
		return result;
	/* What is not said is as it was, or as by default. */
	(void)mz_lab_load(lab_name(args), &lab);
	snprintf(lab.name, sizeof(lab.name), "%s", lab_name(args));
	lab.n_hosts = (unsigned int)mz_args_number(args, MZ_OPT_HOSTS, lab.n_hosts);
	lab.mtu = (unsigned int)mz_args_number(args, MZ_OPT_MTU, lab.mtu);
	if (mz_args_has(args, MZ_OPT_UNDERLAY))
		lab.ipv6 = !strcmp(args->values[MZ_OPT_UNDERLAY], "ipv6");
	lab.routed = lab.routed || mz_args_has(args, MZ_OPT_ROUTED);
	if (mz_args_has(args, MZ_OPT_TRANSIT))
		snprintf(lab.transit, sizeof(lab.transit), "%s", args->values[MZ_OPT_TRANSIT]);
	if (mz_args_has(args, MZ_OPT_MIZARD_OPTIONS)) {
		const char *options = args->values[MZ_OPT_MIZARD_OPTIONS];

		if (strlen(options) >= sizeof(lab.mizard_options)) {
			mz_error("--mizard-options: at most %zu characters",
				 sizeof(lab.mizard_options) - 1);
			return MZ_MISUSED;
		}
		memcpy(lab.mizard_options, options, strlen(options) + 1);
	}
	if (mz_lab_up(&lab, mz_args_has(args, MZ_OPT_KEEP_GOING),
		      (unsigned int)mz_args_number(args, MZ_OPT_TIMEOUT, UP_TIMEOUT_S)) < 0)
		return MZ_FAILED;
	mz_note("lab %s is up: export MIZAR_LAB=%s", lab.name, lab.name);
	return MZ_DONE;
}

enum mz_exit mz_verb_lab_down(const struct mz_args *args)
{
	enum mz_exit result = check(args);
	int r;

	if (result != MZ_DONE)
		return result;
	r = mz_lab_down(lab_name(args));
	if (r < 0)
		mz_error("lab %s is not down: %s", lab_name(args), strerror(-r));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

static enum mz_exit find_place(const struct mz_args *args, const struct mz_lab *lab,
			       unsigned int *ret_place)
{
	if (mz_lab_place_parse(lab, args->words[0], ret_place) == 0)
		return MZ_DONE;
	mz_error("lab %s has no place '%s': it has h1 to h%u, ctl and net", lab->name,
		 args->words[0], lab->n_hosts);
	return MZ_MISUSED;
}

enum mz_exit mz_verb_lab_exec(const struct mz_args *args)
{
	struct mz_lab lab;
	unsigned int place;
	enum mz_exit result;
	int r;

	result = load(args, &lab);
	if (result == MZ_DONE)
		result = find_place(args, &lab, &place);
	if (result != MZ_DONE)
		return result;
	r = mz_lab_enter(&lab, place);
	if (r < 0) {
		mz_error("cannot enter %s of lab %s: %s", args->words[0], lab.name, strerror(-r));
		return MZ_FAILED;
	}
	execvp(args->command[0], args->command);
	mz_error("%s: %s", args->command[0], strerror(errno));
	return MZ_FAILED;
}

enum mz_exit mz_verb_lab_kill(const struct mz_args *args)
{
	struct mz_lab lab;
	unsigned int place;
	enum mz_exit result;
	int r;

	result = load(args, &lab);
	if (result == MZ_DONE)
		result = find_place(args, &lab, &place);
	if (result != MZ_DONE)
		return result;
	if (place == MZ_LAB_NET) {
		mz_error("net has no process");
		return MZ_MISUSED;
	}
	r = mz_lab_kill(&lab, place);
	if (r < 0)
		mz_error("cannot kill the process of %s: %s", args->words[0], strerror(-r));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

enum mz_exit mz_verb_lab_env(const struct mz_args *args)
{
	if (!mz_lab_name_is_valid(lab_name(args))) {
		mz_error("'%s' is no name of a lab", lab_name(args));
		return MZ_MISUSED;
	}
	printf("export MIZAR_LAB=%s\n", lab_name(args));
	return MZ_DONE;
}

/* ---- status ---------------------------------------------------------------------------------- */

struct status {
	const struct mz_lab *lab;
	enum mz_form form;
	struct mz_grid *grid;
	json_t *places;
};

/* What a place's process is doing, in a word or two. */
static const char *state_of(const struct mz_lab *lab, unsigned int place,
			    const struct mz_lab_process *process,
			    char buf[static MZ_HOST_STATE_SIZE])
{
	char socket[MZ_LAB_PATH_SIZE], name[MZ_LAB_PLACE_SIZE];

	if (!process->is_running)
		return process->pid ? "dead" : "not started";
	if (place == MZ_LAB_CTL)
		return "running";
	mz_lab_path(lab->name, socket, "%s/mizard.sock", mz_lab_place_name(place, name));
	return mz_host_state(socket, buf);
}

static int add_place(struct status *s, unsigned int place)
{
	char name[MZ_LAB_PLACE_SIZE], address[MZ_LAB_PLACE_SIZE], netns[MZ_LAB_PATH_SIZE];
	char state[MZ_HOST_STATE_SIZE], pid[16] = "";
	struct mz_lab_process process;
	const char *state_text;
	int r;

	r = mz_lab_process_get(s->lab, place, &process);
	if (r < 0)
		return r;
	mz_lab_place_name(place, name);
	if (s->form == MZ_FORM_NAME)
		return puts(name) < 0 ? -EIO : 0;
	mz_lab_address(s->lab, place, address);
	mz_lab_netns_path(s->lab, place, netns);
	state_text = state_of(s->lab, place, &process, state);
	if (process.is_running)
		snprintf(pid, sizeof(pid), "%d", (int)process.pid);
	json_array_append_new(s->places,
			      json_pack("{s:s, s:s, s:s, s:i, s:b, s:s}", "name", name, "address",
					address, "netns", netns, "pid",
					process.is_running ? (int)process.pid : 0, "running",
					(int)process.is_running, "state", state_text));
	return mz_grid_add(s->grid, (const char *const[]){ name, address, strrchr(netns, '/') + 1,
							   pid, state_text });
}

enum mz_exit mz_verb_lab_status(const struct mz_args *args)
{
	static const char *const headers[] = { "PLACE", "ADDRESS", "NETNS", "PID", "STATE" };
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	struct mz_lab lab;
	struct status s = { .lab = &lab, .form = mz_form_of(args) };
	enum mz_exit result;
	json_t *json;
	int r;

	result = load(args, &lab);
	if (result != MZ_DONE)
		return result;
	r = mz_grid_new(stdout, headers, ARRAY_SIZE(headers), &grid);
	s.grid = grid;
	s.places = json_array();
	if (!r)
		r = add_place(&s, MZ_LAB_CTL);
	for (unsigned int p = 1; !r && p <= lab.n_hosts; p++)
		r = add_place(&s, p);
	json = json_pack("{s:s, s:i, s:s, s:b, s:i, s:s, s:s, s:o}", "name", lab.name, "hosts",
			 (int)lab.n_hosts, "underlay", lab.ipv6 ? "ipv6" : "ipv4", "routed",
			 (int)lab.routed, "mtu", (int)lab.mtu, "transit", lab.transit,
			 "mizardOptions", lab.mizard_options, "places", s.places);
	if (r < 0)
		mz_error("lab %s: %s", lab.name, strerror(-r));
	else if (s.form == MZ_FORM_JSON || s.form == MZ_FORM_YAML)
		r = mz_print_json(s.form, json);
	else if (s.form != MZ_FORM_NAME)
		mz_grid_flush(grid);
	json_decref(json);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}
