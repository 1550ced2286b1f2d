// SPDX-License-Identifier: Apache-2.0
/* See controller_common.h. */
#include "controller_common.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/addr.h"
#include "base/cleanup.h"

const char *controller_program;

/* ---- the process ----------------------------------------------------------------------------- */

void plane_spawn(struct plane *plane)
{
	char *argv[32] = { (char *)controller_program, "--store", plane->store, "--listen-unix",
			   plane->socket };

	memcpy(argv + 5, plane->options, sizeof(plane->options));
	plane->pid = fork();
	assert_true(plane->pid >= 0);
	if (!plane->pid) {
		char log[112];
		int fd;

		snprintf(log, sizeof(log), "%s/log", plane->dir);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
		(void)dup2(fd, STDERR_FILENO);
		execv(controller_program, argv);
		_exit(127);
	}
}

/* Whether somebody listens; that the socket is there is not enough. */
static bool listens(const struct plane *plane)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", plane->socket);
	return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
}

void plane_connect(struct plane *plane)
{
	int tries;

	for (tries = 0; !listens(plane) && tries < 2000; tries++)
		uv_sleep(5);
	assert_in_range(tries, 0, 1999);
	assert_int_equal(mz_rpc_client_new(plane->rpc, plane->target, NULL, NULL, &plane->client),
			 0);
}

void plane_start(struct plane *plane)
{
	plane_spawn(plane);
	plane_connect(plane);
}

int plane_stop(struct plane *plane, int signal)
{
	int status = 0;

	mz_rpc_client_free(TAKE(plane->client));
	assert_int_equal(kill(plane->pid, signal), 0);
	assert_int_equal(waitpid(plane->pid, &status, 0), plane->pid);
	plane->pid = 0;
	(void)unlink(plane->socket); /* of a killed one */
	return status;
}

int plane_setup(void **state)
{
	struct plane *plane = calloc(1, sizeof(*plane));

	strcpy(plane->dir, "/tmp/mizar-controller-test-XXXXXX");
	assert_non_null(mkdtemp(plane->dir));
	snprintf(plane->socket, sizeof(plane->socket), "%s/socket", plane->dir);
	snprintf(plane->store, sizeof(plane->store), "%s/store.db", plane->dir);
	snprintf(plane->target, sizeof(plane->target), "unix:%s", plane->socket);
	assert_int_equal(uv_loop_init(&plane->loop), 0);
	assert_int_equal(mz_rpc_new(&plane->loop, &plane->rpc), 0);
	plane_start(plane);
	*state = plane;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void print_log(const struct plane *plane)
{
	char path[112], line[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", plane->dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		print_message("    %s", line);
	if (file)
		fclose(file);
}

int plane_teardown(void **state)
{
	struct plane *plane = *state;
	int status = plane->pid ? plane_stop(plane, SIGTERM) : 0;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (!good || getenv("MIZAR_TEST_LOG"))
		print_log(plane);
	mz_rpc_free(plane->rpc);
	(void)uv_run(&plane->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&plane->loop), 0);
	(void)nftw(plane->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(plane);
	return good ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
}

void plane_turn(struct plane *plane)
{
	uv_timer_t timer;

	(void)uv_timer_init(&plane->loop, &timer);
	(void)uv_timer_start(&timer, on_timer, 10, 0);
	(void)uv_run(&plane->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&plane->loop, UV_RUN_NOWAIT);
}

void plane_wait(struct plane *plane, unsigned int ms)
{
	uint64_t end = uv_hrtime() + ms * 1000000ULL;

	while (uv_hrtime() < end)
		plane_turn(plane);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct answer {
	bool done;
	enum mz_rpc_code code;
	ProtobufCMessage *message;
	char *text;
};

static void on_answer(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		      void *user)
{
	struct answer *answer = user;

	answer->done = true;
	answer->code = code;
	answer->text = strdup(message ?: "");
	if (response) {
		size_t size = protobuf_c_message_get_packed_size(response);
		uint8_t *data = malloc(size + 1);

		protobuf_c_message_pack(response, data);
		answer->message = protobuf_c_message_unpack(response->descriptor, NULL, size, data);
		free(data);
	}
}

ProtobufCMessage *plane_ask(struct plane *plane, const char *method,
			    const ProtobufCMessage *request,
			    const ProtobufCMessageDescriptor *response, enum mz_rpc_code *ret_code,
			    char **ret_text)
{
	struct answer answer = {};

	assert_int_equal(
		mz_rpc_unary(plane->client, method, request, response, 10000, on_answer, &answer),
		0);
	plane_until(plane, answer.done);
	if (ret_code)
		*ret_code = answer.code;
	else if (answer.code != MZ_RPC_OK)
		fail_msg("%s: %s", method, answer.text);
	if (ret_text)
		*ret_text = answer.text;
	else
		free(answer.text);
	return answer.message;
}

Mizar__V1__ApplyResponse *apply_request(struct plane *plane, const char *yaml, bool dry_run,
					bool create_only, enum mz_rpc_code *ret_code)
{
	Mizar__V1__ApplyRequest request = MIZAR__V1__APPLY_REQUEST__INIT;
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	Mizar__V1__Object *objects, **list;
	ProtobufCMessage *response;
	size_t i;

	if (mz_manifest_parse(yaml, strlen(yaml), &problems, &manifest) < 0)
		fail_msg("%s: %s in: %s", problems.items[0].path, problems.items[0].message, yaml);
	objects = calloc(manifest.n_objects + 1, sizeof(*objects));
	list = calloc(manifest.n_objects + 1, sizeof(*list));
	for (i = 0; i < manifest.n_objects; i++) {
		mz_object_wrap(manifest.objects[i], &objects[i]);
		list[i] = &objects[i];
	}
	request.n_objects = manifest.n_objects;
	request.objects = list;
	request.has_dry_run = request.has_create_only = true;
	request.dry_run = dry_run;
	request.create_only = create_only;
	response = plane_ask(plane, "/mizar.v1.Management/Apply", &request.base,
			     &mizar__v1__apply_response__descriptor, ret_code, NULL);
	free(objects);
	free(list);
	mz_manifest_fini(&manifest);
	return (Mizar__V1__ApplyResponse *)response;
}

static char *format_text(const char *format, va_list ap)
{
	char *text;

	assert_true(vasprintf(&text, format, ap) >= 0);
	return text;
}

unsigned int apply(struct plane *plane, const char *format, ...)
{
	Mizar__V1__ApplyResponse *response;
	unsigned int n = 0;
	va_list ap;
	char *yaml;
	size_t i;

	va_start(ap, format);
	yaml = format_text(format, ap);
	va_end(ap);
	response = apply_request(plane, yaml, false, false, NULL);
	free(yaml);
	if (response->n_errors)
		fail_msg("%s: %s", response->errors[0]->path, response->errors[0]->message);
	for (i = 0; i < response->n_results; i++)
		n += response->results[i] != MIZAR__V1__APPLY_RESPONSE__RESULT__UNCHANGED;
	mizar__v1__apply_response__free_unpacked(response, NULL);
	return n;
}

char *apply_refused(struct plane *plane, const char *format, ...)
{
	Mizar__V1__ApplyResponse *response;
	char *yaml, *text;
	va_list ap;

	va_start(ap, format);
	yaml = format_text(format, ap);
	va_end(ap);
	response = apply_request(plane, yaml, false, false, NULL);
	free(yaml);
	if (!response->n_errors)
		fail_msg("admitted: %s", format);
	assert_int_equal(response->n_results, 0);
	assert_true(asprintf(&text, "%s: %s", response->errors[0]->path,
			     response->errors[0]->message) >= 0);
	mizar__v1__apply_response__free_unpacked(response, NULL);
	return text;
}

struct mz_object *get(struct plane *plane, const char *kind, const char *ns, const char *name)
{
	Mizar__V1__ObjectRef ref = MIZAR__V1__OBJECT_REF__INIT;
	struct mz_object *object = NULL;
	enum mz_rpc_code code;
	ProtobufCMessage *message;

	ref.kind = (char *)kind;
	ref.namespace_ = (char *)ns;
	ref.name = (char *)name;
	message = plane_ask(plane, "/mizar.v1.Management/Get", &ref.base,
			    &mizar__v1__object__descriptor, &code, NULL);
	if (code == MZ_RPC_NOT_FOUND)
		return NULL;
	assert_int_equal(code, MZ_RPC_OK);
	assert_int_equal(mz_object_unwrap((Mizar__V1__Object *)message, &object), 0);
	protobuf_c_message_free_unpacked(message, NULL);
	return object;
}

const char *get_field(struct plane *plane, const char *kind, const char *ns, const char *name,
		      const char *path)
{
	_cleanup_(mz_object_freep) struct mz_object *object = get(plane, kind, ns, name);
	static char text[2048];
	char *copy, *part, *rest;
	json_t *json, *at;

	if (!object)
		return "";
	assert_int_equal(mz_object_to_json(object, &json), 0);
	at = json;
	copy = strdup(path);
	for (part = strtok_r(copy, ".", &rest); part; part = strtok_r(NULL, ".", &rest))
		at = json_object_get(at, part);
	free(copy);
	text[0] = 0;
	if (json_is_string(at)) {
		snprintf(text, sizeof(text), "%s", json_string_value(at));
	} else if (at) {
		char *dump = json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT);

		snprintf(text, sizeof(text), "%s", dump);
		free(dump);
	}
	json_decref(json);
	return text;
}

bool is(struct plane *plane, const char *kind, const char *ns, const char *name, const char *path,
	const char *value)
{
	return !strcmp(get_field(plane, kind, ns, name, path), value);
}

bool has_two_bouncers(struct plane *plane)
{
	return strchr(get_field(plane, "Network", "a", "n", "status.bouncers"), ',');
}

unsigned int count(struct plane *plane, const char *kind)
{
	Mizar__V1__ListRequest request = MIZAR__V1__LIST_REQUEST__INIT;
	Mizar__V1__ListResponse *response;
	unsigned int n = 0;
	bool more = true;

	request.kind = (char *)kind;
	request.has_after_uid = true;
	while (more) {
		response = (Mizar__V1__ListResponse *)plane_ask(
			plane, "/mizar.v1.Management/List", &request.base,
			&mizar__v1__list_response__descriptor, NULL, NULL);
		n += response->n_objects;
		more = response->more;
		if (more) {
			struct mz_object *last;

			assert_int_equal(
				mz_object_unwrap(response->objects[response->n_objects - 1], &last),
				0);
			request.after_uid = mz_object_metadata(last)->uid;
			mz_object_free(last);
		}
		mizar__v1__list_response__free_unpacked(response, NULL);
	}
	return n;
}

enum mz_rpc_code delete (struct plane *plane, const char *kind, const char *ns, const char *name) {
	Mizar__V1__DeleteRequest request = MIZAR__V1__DELETE_REQUEST__INIT;
	Mizar__V1__ObjectRef ref = MIZAR__V1__OBJECT_REF__INIT;
	ProtobufCMessage * response;
	enum mz_rpc_code code;

	ref.kind = (char *)kind;
	ref.namespace_ = (char *)ns;
	ref.name = (char *)name;
	request.object = &ref;
	response = plane_ask(plane, "/mizar.v1.Management/Delete", &request.base,
			     &mizar__v1__delete_response__descriptor, &code, NULL);
	if (response) protobuf_c_message_free_unpacked(response, NULL);
	return code;
}
