/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar wait`, and the waiting of --wait. Nothing here polls: the controller tells. */
#include "cli/wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"

#define DEFAULT_WAIT_S 60
#define REACHED	       1 /* from a callback: stop, all is well */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct mz_deadline mz_deadline_of(const struct mz_args *args)
{
	unsigned int seconds = (unsigned int)mz_args_number(args, MZ_OPT_TIMEOUT, DEFAULT_WAIT_S);

	return (struct mz_deadline){ now_ms() + seconds * 1000ULL, seconds };
}

struct waiting {
	const char *state;
	bool is_there;
	char phase[32];
	char message[256]; /* of the first condition that is not True */
};

/* Takes over phase and reason. Returns whether the status speaks of the present spec. */
static bool read_status(struct waiting *w, const json_t *json)
{
	const json_t *status = json_object_get(json, "status");
	const char *generation =
		json_string_value(json_object_get(json_object_get(json, "metadata"), "generation"));
	const char *observed = json_string_value(json_object_get(status, "observedGeneration"));
	const json_t *condition;
	size_t i;

	snprintf(w->phase, sizeof(w->phase), "%s",
		 json_string_value(json_object_get(status, "phase")) ?: "Init");
	w->message[0] = 0;
	json_array_foreach(json_object_get(status, "conditions"), i, condition) {
		const char *is = json_string_value(json_object_get(condition, "status"));
		const char *text = json_string_value(json_object_get(condition, "message"));

		if (is && strcmp(is, "True") && text && !w->message[0])
			snprintf(w->message, sizeof(w->message), ": %s", text);
	}
	return !generation || !observed || !strcmp(generation, observed);
}

static int read_object(struct waiting *w, const Mizar__V1__Object *message)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	json_t *json = NULL;
	bool is_current;
	int r;

	r = mz_object_unwrap(message, &object);
	if (!r)
		r = mz_object_to_json(object, &json);
	if (r < 0)
		return r;
	w->is_there = true;
	is_current = read_status(w, json);
	json_decref(json);
	return is_current && !strcmp(w->phase, w->state) ? REACHED : 0;
}

static int on_event(const Mizar__V1__WatchEvent *event, void *user)
{
	struct waiting *w = user;
	bool for_gone = !strcmp(w->state, "gone");

	switch (event->type) {
	case MIZAR__V1__WATCH_EVENT__TYPE__ADDED:
	case MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED:
		return event->object ? read_object(w, event->object) : 0;
	case MIZAR__V1__WATCH_EVENT__TYPE__DELETED:
		return for_gone ? REACHED : -ENOENT;
	case MIZAR__V1__WATCH_EVENT__TYPE__SYNC:
		if (!w->is_there)
			return for_gone ? REACHED : -ENOENT;
		return 0;
	case _MIZAR__V1__WATCH_EVENT__TYPE_IS_INT_SIZE:
		break;
	}
	return 0;
}

int mz_wait_for(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		const char *name, const char *state, const struct mz_deadline *deadline)
{
	struct waiting w = { .state = state };
	char ref[MZ_OBJECT_REF_SIZE];
	uint64_t now = now_ms();
	int r = -ETIMEDOUT;

	mz_ref(kind, name, ref);
	if (now < deadline->at_ms)
		r = mz_server_watch(server, kind, ns, name, NULL,
				    (unsigned int)(deadline->at_ms - now), on_event, &w);
	if (r == REACHED)
		return 0;
	if (r == -ENOENT)
		mz_error("%s %s", ref, w.is_there ? "was deleted meanwhile" : "does not exist");
	else if (r == -ETIMEDOUT)
		mz_error("%s is not %s after %u s; its phase is %s%s", ref, state,
			 deadline->seconds, w.phase[0] ? w.phase : "not known yet", w.message);
	else if (!r)
		mz_error("the controller ended the watch of %s: try again", ref);
	return r ?: -EIO;
}

enum mz_exit mz_verb_wait(const struct mz_args *args)
{
	const struct mz_kind_info *kind = mz_kind_of_word(args->words[0]);
	const char *state = args->values[MZ_OPT_FOR] ?: "Provisioned";
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct mz_deadline deadline = mz_deadline_of(args);
	char ref[MZ_OBJECT_REF_SIZE];
	enum mz_exit result;
	int r;

	if (!kind)
		return MZ_MISUSED;
	result = mz_server_open(args, &server);
	if (result != MZ_DONE)
		return result;
	for (size_t i = 1; i < args->n_words; i++) {
		r = mz_wait_for(server, kind, mz_target_namespace(args), args->words[i], state,
				&deadline);
		if (r < 0)
			return MZ_FAILED;
		printf("%s is %s\n", mz_ref(kind, args->words[i], ref), state);
	}
	return MZ_DONE;
}
