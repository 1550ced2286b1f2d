/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a manifest. It is held in memory whole: src/api refuses more than 16 MiB anyway. */
#include "cli/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"

#define SIZE_MAX_READ (17U << 20) /* more than the parser takes: it then says so */

static int read_all(int fd, char **ret_text, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (size == room) {
			char *larger;

			if (room >= SIZE_MAX_READ)
				break;
			room = room ? room * 2 : 65536;
			larger = realloc(text, room);
			if (!larger)
				return -ENOMEM;
			text = larger;
		}
		n = read(fd, text + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		size += (size_t)n;
	}
	*ret_text = TAKE(text);
	*ret_size = size;
	return 0;
}

static int read_file(const char *file, char **ret_text, size_t *ret_size)
{
	_cleanup_close_ int fd = -1;

	if (!strcmp(file, "-"))
		return read_all(STDIN_FILENO, ret_text, ret_size);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return read_all(fd, ret_text, ret_size);
}

static void say(const struct mz_source *source, const struct mz_problem *p)
{
	const struct mz_manifest *m = &source->manifest;
	const char *colon = *p->path ? ": " : "";
	const struct mz_object *o;
	const char *ns;

	if (p->object >= m->n_objects && p->document) { /* it is no object yet */
		mz_error("%s: document %zu (line %d): %s%s%s", source->name, p->document, p->line,
			 p->path, colon, p->message);
		return;
	}
	if (p->object >= m->n_objects) {
		mz_error("%s: line %d: %s%s%s", source->name, p->line, p->path, colon, p->message);
		return;
	}
	o = m->objects[p->object];
	ns = mz_object_namespace(o);
	mz_error("%s: document %zu (line %d) %s %s%s%s: %s%s%s", source->name,
		 m->origins[p->object].document + 1, p->line ?: m->lines[p->object],
		 mz_kinds[o->kind].name, ns, *ns ? "/" : "", mz_object_name(o), p->path, colon,
		 p->message);
}

void mz_source_say(const struct mz_source *source, struct mz_problems *problems)
{
	if (source->manifest.n_objects)
		(void)mz_manifest_find_lines(source->text, source->size, &source->manifest,
					     problems); /* else the document's line must do */
	for (size_t i = 0; i < problems->n_items; i++)
		say(source, &problems->items[i]);
}

static void set_namespace(struct mz_manifest *manifest, const char *ns)
{
	for (size_t i = 0; ns && i < manifest->n_objects; i++) {
		struct mz_object *o = manifest->objects[i];

		if (mz_kinds[o->kind].namespaced && !*mz_object_namespace(o))
			(void)mz_string_set(&mz_object_metadata(o)->namespace_, ns);
	}
}

static int parse(struct mz_source *source, const char *ns, struct mz_problems *problems)
{
	int r, first = 0;

	r = mz_manifest_parse(source->text, source->size, problems, &source->manifest);
	if (r < 0)
		return r;
	set_namespace(&source->manifest, ns);
	for (size_t i = 0; i < source->manifest.n_objects; i++) {
		struct mz_object *o = source->manifest.objects[i];

		problems->object = (unsigned int)i;
		r = mz_object_clear_output(o) ?: mz_object_set_defaults(o) ?:
			mz_object_check(o, problems);
		first = first ?: r;
	}
	return first;
}

int mz_source_read(const char *file, const char *ns, struct mz_source *ret_source)
{
	struct mz_source source = { .name = strcmp(file, "-") ? file : "standard input" };
	struct mz_problems problems = {};
	int r;

	r = read_file(file, &source.text, &source.size);
	if (r < 0) {
		mz_error("cannot read %s: %s", source.name, strerror(-r));
		return r;
	}
	r = parse(&source, ns, &problems);
	mz_source_say(&source, &problems);
	if (!r && !source.manifest.n_objects) {
		mz_error("%s: no object in it", source.name);
		r = -EINVAL;
	} else if (r < 0 && !problems.n_items) {
		mz_error("%s: %s", source.name, strerror(-r));
	}
	mz_problems_fini(&problems);
	if (r < 0) {
		mz_source_fini(&source);
		return r;
	}
	*ret_source = source;
	return 0;
}

void mz_source_fini(struct mz_source *source)
{
	mz_manifest_fini(&source->manifest);
	free(source->text);
	source->text = NULL;
}
