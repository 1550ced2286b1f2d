/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar delete`: objects by name, or those of a manifest, in the reverse of its order. */
#include <errno.h>
#include <stdio.h>

#include "cli/manifest.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"
#include "cli/wait.h"

struct deleting {
	struct mz_server *server;
	const struct mz_args *args;
	struct mz_deadline deadline;
};

struct outcome {
	bool found, gone;
};

static int on_response(const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__DeleteResponse *response = (const Mizar__V1__DeleteResponse *)message;
	struct outcome *outcome = user;

	*outcome = (struct outcome){ response->found, response->gone };
	return 0;
}

static int delete_one(const struct deleting *d, const struct mz_kind_info *kind, const char *ns,
		      const char *name)
{
	Mizar__V1__DeleteRequest request = MIZAR__V1__DELETE_REQUEST__INIT;
	Mizar__V1__ObjectRef ref = MIZAR__V1__OBJECT_REF__INIT;
	char text[MZ_OBJECT_REF_SIZE];
	struct outcome outcome = {};
	int r;

	ref.kind = (char *)kind->name;
	ref.namespace_ = kind->namespaced ? (char *)ns : NULL;
	ref.name = (char *)name;
	request.object = &ref;
	mz_ref(kind, name, text);
	r = mz_server_call(d->server, "Delete", &request.base,
			   &mizar__v1__delete_response__descriptor, on_response, &outcome);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!outcome.found) {
		if (mz_args_has(d->args, MZ_OPT_IGNORE_NOT_FOUND))
			return 0;
		mz_error("%s does not exist%s%s", text, kind->namespaced ? " in namespace " : "",
			 kind->namespaced ? ns : "");
		return -ENOENT;
	}
	printf("%s %s\n", text, outcome.gone ? "deleted" : "deleting");
	return 0;
}

static int wait_one(const struct deleting *d, const struct mz_kind_info *kind, const char *ns,
		    const char *name)
{
	if (!mz_args_has(d->args, MZ_OPT_WAIT))
		return 0;
	return mz_wait_for(d->server, kind, ns, name, "gone", &d->deadline);
}

/* All are asked for before any is waited for; what fails does not stop the others. */
static int delete_named(const struct deleting *d)
{
	const struct mz_args *args = d->args;
	const struct mz_kind_info *kind = mz_kind_of_word(args->words[0]);
	const char *ns = mz_target_namespace(args);
	int r, first = 0;

	for (size_t i = 1; i < args->n_words; i++) {
		r = delete_one(d, kind, ns, args->words[i]);
		if (r == -EHOSTUNREACH || r == -ETIMEDOUT)
			return r;
		first = first ?: r;
	}
	for (size_t i = 1; !first && i < args->n_words; i++)
		first = wait_one(d, kind, ns, args->words[i]);
	return first;
}

static int delete_source(const struct deleting *d, const struct mz_manifest *m)
{
	int r, first = 0;

	for (size_t i = m->n_objects; i-- > 0;) {
		const struct mz_object *o = m->objects[i];

		r = delete_one(d, &mz_kinds[o->kind], mz_object_namespace(o), mz_object_name(o));
		if (r == -EHOSTUNREACH || r == -ETIMEDOUT)
			return r;
		first = first ?: r;
	}
	for (size_t i = m->n_objects; !first && i-- > 0;) {
		const struct mz_object *o = m->objects[i];

		first = wait_one(d, &mz_kinds[o->kind], mz_object_namespace(o), mz_object_name(o));
	}
	return first;
}

enum mz_exit mz_verb_delete(const struct mz_args *args)
{
	const char *file = args->values[MZ_OPT_FILE];
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct mz_source source = {};
	struct deleting d = { .args = args, .deadline = mz_deadline_of(args) };
	enum mz_exit result;
	int r;

	if (file ? args->n_words : args->n_words < 2) {
		mz_error("mizar delete wants KIND NAME... or -f FILE");
		return MZ_MISUSED;
	}
	if (!file && !mz_kind_of_word(args->words[0]))
		return MZ_MISUSED;
	if (file && mz_source_read(file, mz_target_namespace(args), &source) < 0)
		return MZ_FAILED;
	result = mz_server_open(args, &server);
	d.server = server;
	if (result == MZ_DONE) {
		r = file ? delete_source(&d, &source.manifest) : delete_named(&d);
		result = r < 0 ? MZ_FAILED : MZ_DONE;
	}
	mz_source_fini(&source);
	return result;
}
