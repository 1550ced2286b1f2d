/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar version` and `mizar help`. A controller that is not there is no failure here. */
#include <stdio.h>

#include "cli/output.h"
#include "cli/say.h"
#include "cli/server.h"
#include "cli/usage.h"

#define TIMEOUT_MS 1000

static int take_info(const ProtobufCMessage *message, void *user)
{
	return mz_message_to_json(mz_message_find(&mizar__v1__info_response__descriptor), message,
				  user);
}

static void print_server(const char *name, const json_t *info)
{
	const char *version = json_string_value(json_object_get(info, "version"));

	if (version)
		printf("controller %s at %s\n", version, name);
	else
		printf("controller not reached at %s\n", name);
}

enum mz_exit mz_verb_version(const struct mz_args *args)
{
	Mizar__V1__InfoRequest request = MIZAR__V1__INFO_REQUEST__INIT;
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	enum mz_form form = mz_form_of(args);
	json_t *info = NULL, *json;
	enum mz_exit result;
	int r = 0;

	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	mz_server_set_quiet(server,
			    (unsigned int)mz_args_number(args, MZ_OPT_TIMEOUT, 1) * TIMEOUT_MS);
	(void)mz_server_call(server, "GetInfo", &request.base,
			     &mizar__v1__info_response__descriptor, take_info, &info);
	if (form == MZ_FORM_JSON || form == MZ_FORM_YAML) {
		json = json_pack("{s:s, s:s, s:O*}", "version", MIZAR_VERSION, "server",
				 mz_server_name(server), "controller", info);
		r = mz_print_json(form, json);
		json_decref(json);
	} else {
		printf("mizar %s\n", MIZAR_VERSION);
		print_server(mz_server_name(server), info);
	}
	json_decref(info);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

enum mz_exit mz_verb_help(const struct mz_args *args)
{
	const char *first = args->n_words ? args->words[0] : NULL;
	const char *second = args->n_words > 1 ? args->words[1] : NULL;
	const struct mz_verb *verb;
	size_t n;

	verb = first ? mz_verb_find(first, second, &n) : NULL;
	if (verb)
		mz_usage_verb(stdout, verb,
			      verb->has_fields && second ? mz_kind_find(second) : NULL);
	else if (!first || mz_verb_is_group(first))
		mz_usage_all(stdout, first);
	else
		mz_error("unknown verb '%s'; mizar help lists them", first);
	return verb || !first || mz_verb_is_group(first) ? MZ_DONE : MZ_MISUSED;
}
