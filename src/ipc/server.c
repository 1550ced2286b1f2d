// SPDX-License-Identifier: Apache-2.0
/*
 * The server's side. A client is in one of three states: we read its request, the handler has it,
 * or we write the response; it is never read from in the other two, so what it can make us hold is
 * one request. Three limits keep clients from starving others: their number (more wait in the
 * kernel's backlog), the memory of all that is half received, and the time in which a request must
 * arrive and a response be taken.
 */
#include "ipc/ipc.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include "ipc/frame.h"
#include "ipc/socket.h"
#include "ipc/unpack.h"

#define N_CLIENTS_MAX 64
#define BUFFERED_MAX  (16U << 20) /* of all clients */
#define PATIENCE_MS   10000
#define READ_SIZE     4096U

struct mz_ipc_client {
	struct mz_ipc_server *server; /* NULL once it is closing */
	LIST_ENTRY(mz_ipc_client) entry;
	uv_pipe_t pipe;
	uv_timer_t patience;
	unsigned int n_handles; /* not yet closed */
	struct mz_ipc_request *request;
	bool is_last; /* closed after the response that is being written */
	uint8_t *data;
	size_t size, capacity;
};

struct mz_ipc_request {
	struct mz_ipc_client *client; /* NULL: went away */
	Mizar__V1__LocalRequest *message;
};

struct mz_ipc_server {
	uv_loop_t *loop;
	uv_pipe_t listener;
	mz_ipc_handler_fn handler;
	void *user;
	LIST_HEAD(, mz_ipc_client) clients;
	unsigned int n_clients;
	size_t buffered;
	bool is_accept_due; /* a connection waits for a free place */
	bool is_closing;
};

struct response_write {
	uv_write_t req;
	uint8_t *data;
};

static void client_accept(struct mz_ipc_server *server);
static void client_next(struct mz_ipc_client *client);

static void client_on_closed(uv_handle_t *handle)
{
	struct mz_ipc_client *client = handle->data;

	if (--client->n_handles > 0)
		return;

	free(client->data);
	free(client);
}

static void client_close(struct mz_ipc_client *client)
{
	struct mz_ipc_server *server = client->server;

	if (!server)
		return;

	client->server = NULL;
	LIST_REMOVE(client, entry);
	server->n_clients--;
	server->buffered -= client->capacity;
	if (client->request)
		client->request->client = NULL;

	uv_close((uv_handle_t *)&client->pipe, client_on_closed);
	uv_close((uv_handle_t *)&client->patience, client_on_closed);

	if (server->is_accept_due && !server->is_closing) {
		server->is_accept_due = false;
		client_accept(server);
	}
}

static void on_impatient(uv_timer_t *timer)
{
	client_close(timer->data);
}

static void on_written(uv_write_t *req, int status)
{
	struct response_write *write = (struct response_write *)req;
	struct mz_ipc_client *client = req->handle->data;

	free(write->data);
	free(write);

	if (status < 0 || client->is_last)
		client_close(client);
	else if (client->server)
		client_next(client);
}

static int client_write(struct mz_ipc_client *client, const Mizar__V1__LocalResponse *response)
{
	struct response_write *write;
	uv_buf_t buf;
	size_t size;
	int r;

	write = calloc(1, sizeof(*write));
	if (!write)
		return -ENOMEM;

	r = mz_ipc_frame_pack(&response->base, &write->data, &size);
	if (r < 0) {
		free(write);
		return r;
	}

	buf = uv_buf_init((char *)write->data, (unsigned int)size);
	r = uv_write(&write->req, (uv_stream_t *)&client->pipe, &buf, 1, on_written);
	if (r < 0) {
		free(write->data);
		free(write);
		return r;
	}

	/* Fails when closing only. */
	(void)uv_timer_start(&client->patience, on_impatient, PATIENCE_MS, 0);
	return 0;
}

static int client_write_error(struct mz_ipc_client *client, int error, const char *text)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;

	response.has_error = true;
	response.error = (uint32_t)error;
	response.message = (char *)text;
	return client_write(client, &response);
}

/* Says what is wrong and hangs up: where the next request would begin is not known any more. */
static void client_refuse(struct mz_ipc_client *client, int error, const char *text)
{
	(void)uv_read_stop((uv_stream_t *)&client->pipe); /* always 0 */
	client->is_last = true;
	if (client_write_error(client, error, text) < 0)
		client_close(client);
}

static void client_handle(struct mz_ipc_client *client, size_t frame_size)
{
	struct mz_ipc_server *server = client->server;
	struct mz_ipc_request *request;
	ProtobufCMessage *message;

	message = mz_message_unpack(&mizar__v1__local_request__descriptor,
				    client->data + MZ_IPC_HEADER_SIZE,
				    frame_size - MZ_IPC_HEADER_SIZE);
	if (!message) {
		client_refuse(client, EPROTO, "the request is not a mizar.v1.LocalRequest");
		return;
	}

	client->size -= frame_size;
	memmove(client->data, client->data + frame_size, client->size);

	request = calloc(1, sizeof(*request));
	if (!request) {
		protobuf_c_message_free_unpacked(message, NULL);
		client_refuse(client, ENOMEM, "out of memory");
		return;
	}

	(void)uv_read_stop((uv_stream_t *)&client->pipe); /* always 0 */
	(void)uv_timer_stop(&client->patience);		  /* always 0 */
	request->client = client;
	request->message = (Mizar__V1__LocalRequest *)message;
	client->request = request;
	server->handler(request, request->message, server->user);
}

/* Room for more, growing with what has really come and never beyond the frame. */
static int client_reserve(struct mz_ipc_client *client)
{
	size_t wanted = 2 * client->capacity + READ_SIZE;
	size_t frame_size;
	uint8_t *data;

	if (client->size < client->capacity)
		return 0;
	if (mz_ipc_frame_size(client->data, client->size, &frame_size) > 0 && wanted > frame_size)
		wanted = frame_size;
	if (client->server->buffered + wanted - client->capacity > BUFFERED_MAX)
		return -ENOBUFS;

	data = realloc(client->data, wanted);
	if (!data)
		return -ENOMEM;

	client->server->buffered += wanted - client->capacity;
	client->data = data;
	client->capacity = wanted;
	return 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct mz_ipc_client *client = handle->data;

	*ret_buf = uv_buf_init(NULL, 0);
	if (client_reserve(client) < 0)
		return;

	*ret_buf = uv_buf_init((char *)client->data + client->size,
			       (unsigned int)(client->capacity - client->size));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct mz_ipc_client *client = stream->data;

	if (n == UV_ENOBUFS) {
		client_refuse(client, ENOBUFS, "too many large requests at once, try again");
	} else if (n < 0) {
		client_close(client);
	} else if (n > 0) {
		client->size += (size_t)n;
		client_next(client);
	}
}

/* Handles the next request, if it has arrived whole, else reads on. */
static void client_next(struct mz_ipc_client *client)
{
	size_t frame_size;
	int r;

	r = mz_ipc_frame_size(client->data, client->size, &frame_size);
	if (r < 0) {
		client_refuse(client, -r, "the request is longer than 4 MiB");
		return;
	}
	if (r > 0 && client->size >= frame_size) {
		client_handle(client, frame_size);
		return;
	}

	r = uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read);
	if (r < 0 && r != UV_EALREADY)
		client_close(client);
}

static void client_accept(struct mz_ipc_server *server)
{
	struct mz_ipc_client *client;

	client = calloc(1, sizeof(*client));
	if (!client) {
		server->is_accept_due = true;
		return;
	}

	(void)uv_pipe_init(server->loop, &client->pipe, 0);   /* always 0 */
	(void)uv_timer_init(server->loop, &client->patience); /* always 0 */
	client->n_handles = 2;
	client->pipe.data = client;
	client->patience.data = client;
	client->server = server;
	LIST_INSERT_HEAD(&server->clients, client, entry);
	server->n_clients++;

	if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&client->pipe) < 0) {
		client_close(client);
		return;
	}

	(void)uv_timer_start(&client->patience, on_impatient, PATIENCE_MS, 0); /* has a callback */
	client_next(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct mz_ipc_server *server = listener->data;

	if (status < 0) /* libuv goes on listening */
		return;

	/* libuv accepts no more until this one is taken from it. */
	if (server->n_clients >= N_CLIENTS_MAX)
		server->is_accept_due = true;
	else
		client_accept(server);
}

static void server_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* A client that hangs up while we write must not end the process; a handler of its own stays. */
static void ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
}

int mz_ipc_server_new(uv_loop_t *loop, const char *path, mz_ipc_handler_fn handler, void *user,
		      struct mz_ipc_server **ret_server)
{
	struct mz_ipc_server *server;
	mode_t saved;
	int r;

	r = mz_socket_claim(path);
	if (r < 0)
		return r;

	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;

	ignore_sigpipe();
	LIST_INIT(&server->clients);
	server->loop = loop;
	server->handler = handler;
	server->user = user;
	(void)uv_pipe_init(loop, &server->listener, 0); /* always 0 */
	server->listener.data = server;

	saved = mz_socket_private_begin();
	r = uv_pipe_bind(&server->listener, path);
	mz_socket_private_end(saved);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&server->listener, N_CLIENTS_MAX, on_connection);
	if (r < 0) {
		mz_ipc_server_free(server);
		return r;
	}

	*ret_server = server;
	return 0;
}

void mz_ipc_server_free(struct mz_ipc_server *server)
{
	if (!server)
		return;

	server->is_closing = true;
	while (!LIST_EMPTY(&server->clients))
		client_close(LIST_FIRST(&server->clients));
	uv_close((uv_handle_t *)&server->listener, server_on_closed);
}

static void client_reply(struct mz_ipc_client *client, const Mizar__V1__LocalResponse *response)
{
	int r;

	client->request = NULL;
	r = client_write(client, response);
	if (r == -EMSGSIZE)
		r = client_write_error(client, EMSGSIZE, "the response is longer than 4 MiB");
	if (r < 0)
		client_close(client);
}

void mz_ipc_reply(struct mz_ipc_request *request, const Mizar__V1__LocalResponse *response)
{
	if (request->client)
		client_reply(request->client, response);

	/* Only now: the response may borrow from the request. */
	mizar__v1__local_request__free_unpacked(request->message, NULL);
	free(request);
}
