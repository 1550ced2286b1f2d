// SPDX-License-Identifier: Apache-2.0
/*
 * The controller over TCP: certificates say who manages and who is which host.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "controller_common.h"
#include "lab/pki.h"

static char address[32];

static void choose_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(addr.sin_port));
	close(fd);
}

static const char *path(const struct plane *plane, const char *name)
{
	static char paths[64][128]; /* more than a test asks for */
	static unsigned int n;
	char *text = paths[n++ % 64];

	snprintf(text, sizeof(paths[0]), "%s/%s", plane->dir, name);
	return text;
}

static void issue(const struct plane *plane, const char *common_name, const char *file)
{
	static const char *const names[] = { "127.0.0.1", NULL };
	const struct mz_pki_owner owner = { common_name, names, 0 };
	char cert[128], key[128];

	snprintf(cert, sizeof(cert), "%s/%s.pem", plane->dir, file);
	snprintf(key, sizeof(key), "%s/%s.key", plane->dir, file);
	assert_int_equal(mz_pki_issue(plane->dir, &owner, cert, key), 0);
}

/* From now on the client is whose certificate this is. */
static void become(struct plane *plane, const char *file)
{
	char cert[128], key[128];
	struct mz_rpc_tls tls = { path(plane, "ca.pem"), cert, key };

	snprintf(cert, sizeof(cert), "%s/%s.pem", plane->dir, file);
	snprintf(key, sizeof(key), "%s/%s.key", plane->dir, file);
	mz_rpc_client_free(TAKE(plane->client));
	assert_int_equal(mz_rpc_client_new(plane->rpc, address, &tls, NULL, &plane->client), 0);
}

static void start_tls(struct plane *plane)
{
	assert_int_equal(mz_pki_ca_new(plane->dir), 0);
	issue(plane, "controller", "controller");
	issue(plane, "admin:ann", "admin");
	issue(plane, "droplet:h1", "h1");
	issue(plane, "somebody", "somebody");
	choose_port();
	memcpy(plane->options,
	       ((const char *[]){ "--listen", address, "--ca", path(plane, "ca.pem"), "--cert",
				  path(plane, "controller.pem"), "--key",
				  path(plane, "controller.key"), NULL }),
	       9 * sizeof(char *));
	plane_stop(plane, SIGTERM);
	plane_start(plane);
}

static enum mz_rpc_code ask_info(struct plane *plane)
{
	Mizar__V1__InfoRequest request = MIZAR__V1__INFO_REQUEST__INIT;
	ProtobufCMessage *response;
	enum mz_rpc_code code;

	response = plane_ask(plane, "/mizar.v1.Management/GetInfo", &request.base,
			     &mizar__v1__info_response__descriptor, &code, NULL);
	if (response)
		protobuf_c_message_free_unpacked(response, NULL);
	return code;
}

static void test_roles(void **state)
{
	struct plane *plane = *state;
	struct host host = {}, other = {};

	start_tls(plane);
	become(plane, "admin");
	plane_until(plane, ask_info(plane) == MZ_RPC_OK); /* it listens to TCP shortly after */
	host_connect(&host, plane, "h1");		  /* an administrator is no host */
	plane_until(plane, host.closed);
	assert_int_equal(host.code, MZ_RPC_PERMISSION_DENIED);

	become(plane, "somebody");
	assert_int_equal(ask_info(plane), MZ_RPC_PERMISSION_DENIED);

	become(plane, "h1");
	assert_int_equal(ask_info(plane), MZ_RPC_PERMISSION_DENIED);
	host_up(&host, plane, "h1");
	host_connect(&other, plane, "h2"); /* with the certificate of h1 */
	plane_until(plane, other.closed);
	assert_int_equal(other.code, MZ_RPC_PERMISSION_DENIED);
	assert_int_equal(host_attach(&other, "a", "e", NULL, NULL), MZ_RPC_PERMISSION_DENIED);
	assert_int_equal(host_attach(&host, "a", "e", NULL, NULL), MZ_RPC_NOT_FOUND);
	host_free(&host);
	host_free(&other);
}

/* Misuse ends with 2 and says which flag. */
static void expect_exit(struct plane *plane, int status, const char *part, const char *const *argv)
{
	char log[128], text[1024] = "";
	FILE *file;
	int result;
	pid_t pid;

	snprintf(log, sizeof(log), "%s", path(plane, "misuse"));
	pid = fork();
	if (!pid) {
		file = freopen(log, "w", stderr);
		execv(controller_program, (char *const *)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &result, 0), pid);
	assert_true(WIFEXITED(result));
	assert_int_equal(WEXITSTATUS(result), status);
	file = fopen(log, "r");
	(void)!fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void test_misuse(void **state)
{
	struct plane *plane = *state;
	const struct {
		int status;
		const char *part;
		const char *argv[12];
	} cases[] = {
		{ 2, "--listen is TCP", { "c", "--listen", "127.0.0.1:1" } },
		{ 2,
		  "--key is missing",
		  { "c", "--listen", "127.0.0.1:1", "--ca", "a", "--cert", "b" } },
		{ 2, "--listen ADDR:PORT is missing", { "c", "--ca", "a" } },
		{ 2, "unrecognized option '--nonsense'", { "c", "--nonsense" } },
		{ 2, "option '--store' requires an argument", { "c", "--store" } },
		{ 2, "x: mizar-controller takes options only", { "c", "x" } },
		{ 2, "--log-level loud", { "c", "--log-level", "loud" } },
		{ 2, "absolute", { "c", "--listen-unix", "socket" } },
		{ 1, "another mizar-controller", { "c", "--store", plane->store } },
		{ 1, "not a store", { "c", "--store", path(plane, "log") } },
		{ 1, "/proc/x/y", { "c", "--store", "/proc/x/y" } },
		{ 1,
		  "mutual TLS: ",
		  { "c", "--store", path(plane, "2.db"), "--listen-unix", path(plane, "2.socket"),
		    "--listen", "127.0.0.1:1", "--ca", "/a", "--cert", "/b", "--key" } },
	};
	const char *argv[14] = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(argv, cases[i].argv, sizeof(cases[i].argv));
		argv[12] = argv[11] ? "/c" : NULL; /* the longest case has one more */
		expect_exit(plane, cases[i].status, cases[i].part, argv);
	}
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_roles),
		TEST(test_misuse),
	};

	controller_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
