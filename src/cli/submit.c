/* SPDX-License-Identifier: Apache-2.0 */
/* Sending objects, and what came of each. */
#include "cli/submit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/wait.h"

struct submit {
	const struct mz_args *args;
	struct mz_object *const *objects;
	size_t n_objects;
	mz_problems_fn on_problems;
	const void *user;
};

static const char *result_text(Mizar__V1__ApplyResponse__Result result)
{
	switch (result) {
	case MIZAR__V1__APPLY_RESPONSE__RESULT__UNCHANGED:
		return "unchanged";
	case MIZAR__V1__APPLY_RESPONSE__RESULT__CREATED:
		return "created";
	case MIZAR__V1__APPLY_RESPONSE__RESULT__CONFIGURED:
		return "configured";
	case _MIZAR__V1__APPLY_RESPONSE__RESULT_IS_INT_SIZE:
		break;
	}
	return "applied"; /* a newer controller's word that this mizar does not know */
}

/* Whether names alone would leave open whose they are. */
static bool has_many_namespaces(const struct submit *s)
{
	const char *first = NULL;

	for (size_t i = 0; i < s->n_objects; i++) {
		const char *ns = mz_object_namespace(s->objects[i]);

		if (first && *ns && strcmp(first, ns))
			return true;
		first = *ns ? ns : first;
	}
	return false;
}

static void print_results(const struct submit *s, const Mizar__V1__ApplyResponse *response)
{
	bool with_namespace = has_many_namespaces(s);
	char ref[MZ_OBJECT_REF_SIZE];

	for (size_t i = 0; i < s->n_objects && i < response->n_results; i++) {
		const char *ns = with_namespace ? mz_object_namespace(s->objects[i]) : "";

		printf("%s %s%s%s%s\n", mz_object_ref(s->objects[i], ref),
		       result_text(response->results[i]), *ns ? " in " : "", ns,
		       mz_args_has(s->args, MZ_OPT_DRY_RUN) ? " (dry run)" : "");
	}
}

/* Documents and names only: they may be of different kinds, which a table could not show. */
static int print_objects(const struct submit *s, const Mizar__V1__ApplyResponse *response)
{
	enum mz_form form = mz_form_of(s->args);
	bool is_list = response->n_objects != 1;
	_cleanup_(mz_output_freep) struct mz_output *output = NULL;
	int r;

	r = mz_output_new(form, &mz_kinds[s->objects[0]->kind], is_list, true, NULL, &output);
	for (size_t i = 0; !r && i < response->n_objects; i++) {
		_cleanup_(mz_object_freep) struct mz_object *object = NULL;

		r = mz_object_unwrap(response->objects[i], &object);
		if (!r)
			r = mz_output_add(output, object, NULL);
	}
	return r ?: mz_output_end(output);
}

static int refuse(const struct submit *s, const Mizar__V1__ApplyResponse *response)
{
	struct mz_problems problems = {};

	for (size_t i = 0; i < response->n_errors; i++) {
		const Mizar__V1__FieldError *error = response->errors[i];

		problems.object = error->object;
		(void)mz_problem_add(&problems, error->path ?: "", "%s", error->message ?: "");
	}
	s->on_problems(&problems, s->user);
	mz_problems_fini(&problems);
	return -EINVAL;
}

static int on_response(const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ApplyResponse *response = (const Mizar__V1__ApplyResponse *)message;
	const struct submit *s = user;
	enum mz_form form = mz_form_of(s->args);

	if (response->n_errors)
		return refuse(s, response);
	if (form == MZ_FORM_JSON || form == MZ_FORM_YAML || form == MZ_FORM_NAME)
		return print_objects(s, response);
	print_results(s, response);
	return 0;
}

static int wait_for_all(struct mz_server *server, const struct submit *s)
{
	struct mz_deadline deadline = mz_deadline_of(s->args);
	int r;

	for (size_t i = 0; i < s->n_objects; i++) {
		const struct mz_object *o = s->objects[i];

		r = mz_wait_for(server, &mz_kinds[o->kind], mz_object_namespace(o),
				mz_object_name(o), "Provisioned", &deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

int mz_submit_try(struct mz_server *server, const struct mz_args *args,
		  struct mz_object *const *objects, size_t n_objects, bool create_only,
		  mz_problems_fn on_problems, const void *user)
{
	struct submit s = { args, objects, n_objects, on_problems, user };
	Mizar__V1__ApplyRequest request = MIZAR__V1__APPLY_REQUEST__INIT;
	_cleanup_free_ Mizar__V1__Object *wrapped = calloc(n_objects, sizeof(*wrapped));
	_cleanup_free_ Mizar__V1__Object **pointers = calloc(n_objects, sizeof(*pointers));
	int r;

	if (!wrapped || !pointers) {
		mz_error("out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_objects; i++) {
		mz_object_wrap(objects[i], &wrapped[i]);
		pointers[i] = &wrapped[i];
	}
	request.n_objects = n_objects;
	request.objects = pointers;
	request.has_dry_run = request.has_create_only = true;
	request.dry_run = mz_args_has(args, MZ_OPT_DRY_RUN);
	request.create_only = create_only;
	r = mz_server_call(server, "Apply", &request.base, &mizar__v1__apply_response__descriptor,
			   on_response, &s);
	if (r == -ENOENT)
		mz_error("what the objects refer to was not found");
	if (!r && mz_args_has(args, MZ_OPT_WAIT) && !request.dry_run)
		r = wait_for_all(server, &s);
	return r;
}

enum mz_exit mz_submit(struct mz_server *server, const struct mz_args *args,
		       struct mz_object *const *objects, size_t n_objects, bool create_only,
		       mz_problems_fn on_problems, const void *user)
{
	int r = mz_submit_try(server, args, objects, n_objects, create_only, on_problems, user);

	if (r == -ESTALE)
		mz_error("%s", mz_server_why(server));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}
