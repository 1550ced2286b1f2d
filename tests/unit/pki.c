// SPDX-License-Identifier: Apache-2.0
/* The lab's certificate authority: what it signs is what verifiers accept, and is made once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "lab/pki.h"

static char dir[64];

static const char *path(const char *name)
{
	static char paths[8][100];
	static unsigned int n;
	char *text = paths[n++ % 8];

	snprintf(text, sizeof(paths[0]), "%s/%s", dir, name);
	return text;
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/mizar-pki-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {
		"ca.pem", "ca.key", "a.pem", "a.key", "b.pem", "b.key"
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlink(path(files[i])); /* most tests have a few of them */
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static X509 *load(const char *name)
{
	FILE *file = fopen(path(name), "r");
	X509 *cert;

	assert_non_null(file);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	assert_non_null(cert);
	return cert;
}

static int issue(const char *name, const char *common_name, const char *const *names)
{
	const struct mz_pki_owner owner = { .common_name = common_name, .names = names };
	char cert[20], key[20];

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	return mz_pki_issue(dir, &owner, path(cert), path(key));
}

/* X509_V_OK, or why a verifier refuses the certificate for this purpose. */
static int verify(X509 *cert, X509 *ca, int purpose)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_STORE *trusted = X509_STORE_new();
	int error;

	assert_int_equal(X509_STORE_add_cert(trusted, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(context, trusted, cert, NULL), 1);
	assert_int_equal(X509_STORE_CTX_set_purpose(context, purpose), 1);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
	(void)X509_verify_cert(context); /* the error says it all */
	error = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(trusted);
	return error;
}

static void test_chain(void **state)
{
	static const char *const names[] = { "10.0.0.1", "2001:db8::1", "host-1.example", NULL };
	X509 *ca, *cert;
	struct stat st;
	char text[100];

	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(issue("a", "droplet:host-1", names), 0);
	ca = load("ca.pem");
	cert = load("a.pem");
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
	assert_int_equal(verify(cert, ca, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	assert_int_equal(verify(cert, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_check_ca(cert), 0);

	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text, sizeof(text));
	assert_string_equal(text, "droplet:host-1");
	assert_int_equal(X509_check_ip_asc(cert, "10.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "2001:db8::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "10.0.0.2", 0), 0);
	assert_int_equal(X509_check_host(cert, "host-1.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "host-2.example", 0, 0, NULL), 0);

	assert_int_equal(stat(path("ca.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(path("a.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	X509_free(cert);
	X509_free(ca);
}

/* A common name that can be a host's is one of the names, too. */
static void test_common_name(void **state)
{
	static const char *const names[] = { "10.0.0.1", NULL };
	X509 *cert;

	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(issue("a", "controller", names), 0);
	cert = load("a.pem");
	assert_int_equal(X509_check_host(cert, "controller", 0, 0, NULL), 1);
	X509_free(cert);
}

static void test_other_ca(void **state)
{
	X509 *cert, *ca;

	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(issue("a", "admin:me", NULL), 0);
	cert = load("a.pem");
	assert_int_equal(unlink(path("ca.key")), 0);
	assert_int_equal(mz_pki_ca_new(dir), 0); /* without its key it is useless: a new one */
	ca = load("ca.pem");
	assert_int_not_equal(verify(cert, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	X509_free(cert);

	/* What the old one signed is issued again. */
	assert_int_equal(issue("a", "admin:me", NULL), 0);
	cert = load("a.pem");
	assert_int_equal(verify(cert, ca, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	X509_free(cert);
	X509_free(ca);
}

static int compare(X509 *old, const char *name)
{
	X509 *new = load(name);
	int r = X509_cmp(old, new);

	X509_free(new);
	return r;
}

static void test_repeated(void **state)
{
	static const char *const names[] = { "10.0.0.1", "b.example", NULL };
	static const char *const others[] = { "10.0.0.1", "c.example", NULL };
	X509 *ca, *a, *b;

	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(issue("a", "droplet:a", NULL), 0);
	assert_int_equal(issue("b", "droplet:b", names), 0);
	ca = load("ca.pem");
	a = load("a.pem");
	b = load("b.pem");

	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(issue("a", "droplet:a", NULL), 0);
	assert_int_equal(issue("b", "droplet:b", names), 0);
	assert_int_equal(compare(ca, "ca.pem"), 0);
	assert_int_equal(compare(a, "a.pem"), 0);
	assert_int_equal(compare(b, "b.pem"), 0);

	assert_int_equal(issue("b", "droplet:b", others), 0);
	assert_int_not_equal(compare(b, "b.pem"), 0);
	assert_int_equal(issue("a", "droplet:aa", NULL), 0);
	assert_int_not_equal(compare(a, "a.pem"), 0);
	X509_free(ca);
	X509_free(a);
	X509_free(b);
}

/* Half of a lifetime is over: time for a new one. */
static void test_renewed(void **state)
{
	const struct mz_pki_owner owner = { .common_name = "admin:me", .lifetime_s = 2 };
	X509 *old;

	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(mz_pki_issue(dir, &owner, path("a.pem"), path("a.key")), 0);
	old = load("a.pem");
	assert_true(X509_cmp_current_time(X509_get0_notAfter(old)) > 0);
	sleep(2);
	assert_int_equal(mz_pki_issue(dir, &owner, path("a.pem"), path("a.key")), 0);
	assert_int_not_equal(compare(old, "a.pem"), 0);
	X509_free(old);
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(path(name), "w");

	fputs(text, file);
	fclose(file);
}

static void test_bad(void **state)
{
	static const char *const bad[][2] = {
		{ "", NULL },	 { "a b", NULL },	 { "*.example", NULL },	  { "DNS:a", NULL },
		{ "a,b", NULL }, { "10.0.0.1/8", NULL }, { "h\303\266st", NULL },
	};
	char name[66];

	assert_int_equal(issue("a", "admin:me", NULL), -ENOENT);
	assert_int_equal(mz_pki_ca_new(path("none")), -ENOENT);
	assert_int_equal(mz_pki_ca_new(dir), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(issue("a", "admin:me", bad[i]), -EINVAL);
	assert_int_equal(issue("a", "", NULL), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[65] = '\0';
	assert_int_equal(issue("a", name, NULL), -ENAMETOOLONG);
	assert_int_equal(access(path("a.pem"), F_OK), -1);

	/* Files of others, or cut off: replaced. */
	name[64] = '\0';
	write_text("a.pem", "no certificate");
	write_text("a.key", "");
	assert_int_equal(issue("a", name, NULL), 0);
	X509_free(load("a.pem"));
	write_text("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
	assert_int_equal(issue("b", "admin:me", NULL), -EBADMSG);
	assert_int_equal(mz_pki_ca_new(dir), 0);
	assert_int_equal(issue("b", "admin:me", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_common_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_ca, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renewed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
