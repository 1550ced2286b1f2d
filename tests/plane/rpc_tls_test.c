// SPDX-License-Identifier: Apache-2.0
/* src/rpc over mutual TLS: who gets in, who is told what, and that there is no other way in. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "lab/pki.h"
#include "rpc_common.h"

static char pki[2][64]; /* two authorities */
static char files[32][128];

static const char *file(int ca, const char *name, const char *suffix)
{
	static unsigned int n;
	char *text = files[n++ % ARRAY_SIZE(files)];

	snprintf(text, sizeof(files[0]), "%s/%s.%s", pki[ca], name, suffix);
	return text;
}

static void issue(int ca, const char *name, const char *common_name, const char *const *names,
		  unsigned int lifetime_s)
{
	const struct mz_pki_owner owner = { common_name, names, lifetime_s };

	assert_int_equal(
		mz_pki_issue(pki[ca], &owner, file(ca, name, "pem"), file(ca, name, "key")), 0);
}

/* Trusting one authority, being known to another. */
static struct mz_rpc_tls tls(int trusted, int ca, const char *name)
{
	return (struct mz_rpc_tls){ file(trusted, "ca", "pem"), file(ca, name, "pem"),
				    file(ca, name, "key") };
}

static int setup(void **state)
{
	static const char *const names[] = { "127.0.0.1", "::1", NULL };

	rpc_setup(state);
	for (int ca = 0; ca < 2; ca++) {
		snprintf(pki[ca], sizeof(pki[ca]), "%s", rpc_path(ca ? "pki-1" : "pki-0"));
		assert_int_equal(mkdir(pki[ca], 0700), 0);
		assert_int_equal(mz_pki_ca_new(pki[ca]), 0);
		issue(ca, "controller", "controller", names, 0);
		issue(ca, "host", "droplet:host-1", NULL, 0);
	}
	return 0;
}

static int listen_tls(struct service *service, const char *address, int ca)
{
	struct mz_rpc_tls t = tls(ca, ca, "controller");
	int port = 0;

	service_new(service);
	assert_int_equal(mz_rpc_server_listen_tls(service->server, address, &t, &port), 0);
	assert_in_range(port, 1, 65535);
	assert_int_equal(mz_rpc_server_start(service->server), 0);
	return port;
}

static struct mz_rpc_client *client_of(const char *host, int port, struct mz_rpc_tls t,
				       const char *server_name)
{
	struct mz_rpc_client *client = NULL;
	char target[64];

	snprintf(target, sizeof(target), "%s:%d", host, port);
	assert_int_equal(mz_rpc_client_new(rpc, target, &t, server_name, &client), 0);
	return client;
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("\"%s\" does not say \"%s\"\n", text, part);
	assert_non_null(strstr(text, part));
}

/* The name by which the server knows a client. */
static void assert_who(int port, const char *host, struct mz_rpc_tls t, const char *server_name,
		       const char *who)
{
	struct mz_rpc_client *client = client_of(host, port, t, server_name);
	_cleanup_(result_fini) struct result result = echo_within(client, "/test/Who", "", 5000);

	if (result.code != MZ_RPC_OK)
		print_error("%s\n", result.message);
	assert_int_equal(result.code, MZ_RPC_OK);
	assert_string_equal(result.version, who);
	mz_rpc_client_free(client);
}

/* A connection that does not come about, and what the client is told. */
static void assert_refused(int port, const char *host, struct mz_rpc_tls t, const char *server_name,
			   const char *why)
{
	struct mz_rpc_client *client = client_of(host, port, t, server_name);
	_cleanup_(result_fini) struct result result = echo_within(client, "/test/Who", "", 5000);

	assert_int_equal(result.code, MZ_RPC_UNAVAILABLE);
	assert_contains(result.message, "cannot connect to ipv4:127.0.0.1:");
	assert_contains(result.message, why);
	mz_rpc_client_free(client);
}

static void test_good(void **state)
{
	struct service service;
	struct mz_rpc_client *client;
	struct result result;
	char target[120];
	int port = listen_tls(&service, "127.0.0.1:0", 0);

	assert_who(port, "127.0.0.1", tls(0, 0, "host"), NULL, "droplet:host-1");
	assert_who(port, "127.0.0.1", tls(0, 0, "host"), "controller", "droplet:host-1");
	service_fini(&service);

	port = listen_tls(&service, "[::1]:0", 0);
	assert_who(port, "[::1]", tls(0, 0, "host"), NULL, "droplet:host-1");
	service_fini(&service);

	/* On the Unix socket nobody has a name. */
	service_listen_unix(&service);
	snprintf(target, sizeof(target), "unix:%s", rpc_path("sock"));
	assert_int_equal(mz_rpc_client_new(rpc, target, NULL, NULL, &client), 0);
	result = echo_within(client, "/test/Who", "", 5000);
	assert_int_equal(result.code, MZ_RPC_OK);
	assert_string_equal(result.version, "(none)");
	result_fini(&result);
	mz_rpc_client_free(client);
	service_fini(&service);
}

static void test_strangers(void **state)
{
	struct service service;
	int port = listen_tls(&service, "127.0.0.1:0", 0);

	/* A client of another authority; a server of another one; not the server that was meant. */
	assert_refused(port, "127.0.0.1", tls(0, 1, "host"), NULL, "may not trust our certificate");
	assert_refused(port, "127.0.0.1", tls(1, 0, "host"), NULL, "not issued by the CA");
	assert_refused(port, "127.0.0.1", tls(0, 0, "host"), "other",
		       "Peer name other is not in peer certificate");
	assert_int_equal(service.n_received, 0);
	assert_who(port, "127.0.0.1", tls(0, 0, "host"), NULL, "droplet:host-1");
	service_fini(&service);
}

/* A certificate that was good when the client started, and has run out since. */
static void test_expired(void **state)
{
	struct service service;
	struct mz_rpc_client *client;
	struct result result;
	struct mz_rpc_tls t;
	char why[300];
	int port = listen_tls(&service, "127.0.0.1:0", 0);

	issue(0, "short", "droplet:short", NULL, 1);
	t = tls(0, 0, "short");
	client = client_of("127.0.0.1", port, t, NULL);
	run_for(2100);
	result = echo_within(client, "/test/Who", "", 5000);
	assert_int_equal(result.code, MZ_RPC_UNAVAILABLE);
	assert_contains(result.message, "or expired");
	result_fini(&result);
	mz_rpc_client_free(client);
	service_fini(&service);

	assert_int_equal(mz_rpc_tls_check(&t, why, sizeof(why)), -EKEYEXPIRED);
	assert_non_null(strstr(why, "short.pem has expired"));
	assert_int_equal(mz_rpc_client_new(rpc, "127.0.0.1:1", &t, NULL, &client), -EKEYEXPIRED);
}

/* The certificate again with another subject (or none), signed by the same authority. */
static void rename_subject(const char *name, const unsigned char *common_name, int size)
{
	FILE *in = fopen(file(0, name, "pem"), "r"), *out;
	FILE *ca_file = fopen(file(0, "ca", "key"), "r");
	X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);
	EVP_PKEY *ca = PEM_read_PrivateKey(ca_file, NULL, NULL, NULL);
	X509_NAME *subject = X509_NAME_new();

	if (common_name)
		X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, common_name,
					   size, -1, 0);
	assert_int_equal(X509_set_subject_name(cert, subject), 1);
	assert_true(X509_sign(cert, ca, EVP_sha256()) > 0);
	out = fopen(file(0, name, "pem"), "w");
	PEM_write_X509(out, cert);
	fclose(out);
	fclose(in);
	fclose(ca_file);
	X509_NAME_free(subject);
	X509_free(cert);
	EVP_PKEY_free(ca);
}

/* Nobody is taken for the administrator on the Unix socket for having no name. */
static void test_nameless(void **state)
{
	static const unsigned char zero[] = "admin:root\0.example";
	struct service service;
	int port = listen_tls(&service, "127.0.0.1:0", 0);

	rename_subject("host", NULL, 0);
	assert_who(port, "127.0.0.1", tls(0, 0, "host"), NULL, "");
	rename_subject("host", zero, sizeof(zero) - 1);
	assert_who(port, "127.0.0.1", tls(0, 0, "host"), NULL, "");
	rename_subject("host", (const unsigned char *)"admin:me", -1);
	assert_who(port, "127.0.0.1", tls(0, 0, "host"), NULL, "admin:me");
	service_fini(&service);
}

static int tcp_connect(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Handshakes run in gRPC's own thread: the test may block meanwhile. */
static void test_no_certificate(void **state)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	static const unsigned char h2[] = "\2h2";
	struct service service;
	int port = listen_tls(&service, "127.0.0.1:0", 0);
	int fd = tcp_connect(port);
	SSL *ssl = SSL_new(context);
	char byte;

	SSL_set_alpn_protos(ssl, h2, sizeof(h2) - 1);
	SSL_set_fd(ssl, fd);
	/* In TLS 1.3 the client has finished when the server refuses it: at the latest now. */
	if (SSL_connect(ssl) == 1)
		assert_true(SSL_read(ssl, &byte, 1) <= 0);
	assert_int_equal(service.n_received, 0);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);

	assert_who(port, "127.0.0.1", tls(0, 0, "host"), NULL, "droplet:host-1");
	service_fini(&service);
}

/* What a gRPC client without TLS sends first; the server has nothing to say to it. */
static void test_plain_tcp(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct service service;
	int port = listen_tls(&service, "127.0.0.1:0", 0);
	int fd = tcp_connect(port);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char data[64];
	ssize_t n;

	assert_int_equal(send(fd, preface, sizeof(preface) - 1, 0), sizeof(preface) - 1);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	n = recv(fd, data, sizeof(data), 0);
	assert_true(n <= 0 || data[0] == 0x15); /* at most a TLS alert */
	close(fd);
	service_fini(&service);
}

/* A web server, say. */
static void answer_plainly(void *arg)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	int fd = accept(*(int *)arg, NULL, NULL);

	assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL), sizeof(text) - 1);
	close(fd);
}

static void test_not_tls(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uv_thread_t thread;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	uv_thread_create(&thread, answer_plainly, &fd);
	assert_refused(ntohs(address.sin_port), "127.0.0.1", tls(0, 0, "host"), NULL,
		       "the server does not speak TLS on this port");
	uv_thread_join(&thread);
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	fputs(text, out);
	fclose(out);
}

static void encrypt_key(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);

	fclose(f);
	f = fopen(path, "w");
	PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)"secret");
	fclose(f);
	EVP_PKEY_free(key);
}

static void assert_check(struct mz_rpc_tls t, int r, const char *part)
{
	struct mz_rpc_client *client = NULL;
	char why[400] = "";
	char tiny[2];

	assert_int_equal(mz_rpc_tls_check(&t, why, sizeof(why)), r);
	assert_contains(why, part);
	assert_int_equal(mz_rpc_tls_check(&t, tiny, sizeof(tiny)), r);
	if (r < 0)
		assert_int_equal(mz_rpc_client_new(rpc, "127.0.0.1:1", &t, NULL, &client), r);
}

static void test_files(void **state)
{
	struct mz_rpc_tls t = tls(0, 0, "host");

	assert_check(t, 0, "");
	assert_check((struct mz_rpc_tls){ t.ca, t.cert, NULL }, -EINVAL, "the key is missing");
	assert_check((struct mz_rpc_tls){ NULL, t.cert, t.key }, -EINVAL, "the CA is missing");
	assert_check((struct mz_rpc_tls){ "/none.pem", t.cert, t.key }, -ENOENT,
		     "CA /none.pem: No such file");
	assert_check((struct mz_rpc_tls){ t.ca, "/", t.key }, -EINVAL, "not a regular file");
	assert_check((struct mz_rpc_tls){ t.ca, "/dev/zero", t.key }, -EINVAL,
		     "not a regular file");
	assert_check((struct mz_rpc_tls){ t.ca, t.key, t.key }, -EINVAL, "not a certificate");
	assert_check((struct mz_rpc_tls){ t.ca, t.cert, t.cert }, -EINVAL, "not a private key");
	assert_check((struct mz_rpc_tls){ t.ca, t.cert, file(0, "controller", "key") }, -EINVAL,
		     "does not belong to certificate");

	write_text(rpc_path("empty"), "");
	assert_check((struct mz_rpc_tls){ rpc_path("empty"), t.cert, t.key }, -EINVAL,
		     "not a certificate");
	write_text(rpc_path("cut"), "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmg\n");
	assert_check((struct mz_rpc_tls){ rpc_path("cut"), t.cert, t.key }, -EINVAL,
		     "not a certificate");
	encrypt_key(t.key);
	assert_check(t, -EINVAL, "is encrypted");
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {
		"",	  "127.0.0.1", "localhost:80", "127.0.0.1:x", ":80", "127.0.0.1:70000",
		"::1:80", "[::1]",     "unix:/x",      "1.2.3:99 "
	};
	struct mz_rpc_tls t = tls(0, 0, "controller");
	struct service first, second;
	char address[32];
	int port = listen_tls(&first, "127.0.0.1:0", 0);
	int other = 0;

	service_new(&second);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mz_rpc_server_listen_tls(second.server, bad[i], &t, &other),
				 -EINVAL);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	assert_int_equal(mz_rpc_server_listen_tls(second.server, address, &t, &other), -EADDRINUSE);
	assert_int_equal(mz_rpc_server_listen_tls(second.server, "192.0.2.1:0", &t, &other),
			 -EADDRNOTAVAIL);
	t.key = "/none";
	assert_int_equal(mz_rpc_server_listen_tls(second.server, "127.0.0.1:0", &t, &other),
			 -ENOENT);
	assert_int_equal(other, 0);
	service_fini(&second);
	service_fini(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_strangers, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_nameless, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_no_certificate, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_plain_tcp, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_not_tls, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, rpc_teardown),
	};

	signal(SIGPIPE, SIG_IGN); /* of OpenSSL's own write */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
