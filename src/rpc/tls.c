// SPDX-License-Identifier: Apache-2.0
/*
 * gRPC says nothing about PEM files that it cannot use: connections just fail. So they are read and
 * checked here first, with an explanation for people, and gRPC gets the very bytes that were
 * checked.
 */
#include "rpc/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_SIZE_MAX (1 << 20)

struct pems {
	char *ca, *cert, *key;
};

static void pems_fini(struct pems *pems)
{
	free(pems->ca);
	free(pems->cert);
	if (pems->key)
		OPENSSL_cleanse(pems->key, strlen(pems->key));
	free(pems->key);
}

static inline void x509_freep(X509 **cert)
{
	X509_free(*cert);
}

static inline void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static inline void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

struct why {
	char *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct why *why, int error,
						      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why->text, why->size, format, ap); /* a cut text is still a text */
	va_end(ap);
	ERR_clear_error();
	return -error;
}

static int fail_file(const struct why *why, int error, const char *what, const char *path)
{
	return fail(why, error, "%s %s: %s", what, path, strerror(error));
}

static int read_file(const char *what, const char *path, const struct why *why, char **ret_text)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_file(why, errno, what, path);
	if (!S_ISREG(st.st_mode))
		return fail(why, EINVAL, "%s %s is not a regular file", what, path);
	if (st.st_size > PEM_SIZE_MAX)
		return fail(why, EFBIG, "%s %s is longer than 1 MiB", what, path);

	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return fail_file(why, ENOMEM, what, path);

	n = read(fd, text, (size_t)st.st_size);
	if (n < 0)
		return fail_file(why, errno, what, path);
	text[n] = '\0';

	*ret_text = TAKE(text);
	return 0;
}

static int check_time(const char *what, const char *path, const X509 *cert, const struct why *why)
{
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return fail(why, EKEYEXPIRED, "%s %s has expired: issue a new one", what, path);
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return fail(why, EKEYREJECTED, "%s %s is not valid yet: check the clock", what,
			    path);

	return 0;
}

/*
 * All of the text must parse. Of a chain, the first certificate must be valid now; of a bundle of
 * CAs, one of them: old and new ones stand together while they are changed.
 */
static int check_certs(const char *what, const char *path, const char *text, bool is_bundle,
		       const struct why *why, X509 **ret_first)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(text, -1);
	_cleanup_(x509_freep) X509 *first = NULL;
	int r = 0;

	if (!bio)
		return fail_file(why, ENOMEM, what, path);

	ERR_clear_error();
	for (;;) {
		_cleanup_(x509_freep) X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

		if (!cert)
			break;
		if (!first || (is_bundle && r < 0))
			r = check_time(what, path, cert, why);
		if (!first)
			first = TAKE(cert);
	}

	/* The normal end of a file is an error, too: no further PEM start line. */
	if (!first || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return fail(why, EINVAL, "%s %s is not a certificate in PEM form", what, path);

	ERR_clear_error();
	if (r == 0)
		*ret_first = TAKE(first);
	return r;
}

/* Instead of asking on the terminal. */
static int no_password(char *buf, int size, int is_writing, void *user)
{
	return -1;
}

static int check_key(const struct mz_rpc_tls *tls, const char *text, X509 *cert,
		     const struct why *why)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(text, -1);
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;

	if (!bio)
		return fail_file(why, ENOMEM, "key", tls->key);

	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!key && strstr(text, "ENCRYPTED"))
		return fail(why, EINVAL, "key %s is encrypted: store it without a password",
			    tls->key);
	if (!key)
		return fail(why, EINVAL, "key %s is not a private key in PEM form", tls->key);
	if (X509_check_private_key(cert, key) != 1)
		return fail(why, EINVAL, "key %s does not belong to certificate %s", tls->key,
			    tls->cert);

	return 0;
}

static int load(const struct mz_rpc_tls *tls, const struct why *why, struct pems *ret_pems)
{
	_cleanup_(pems_fini) struct pems pems = { 0 };
	_cleanup_(x509_freep) X509 *ca = NULL, *cert = NULL;
	int r;

	if (!tls->ca || !tls->cert || !tls->key)
		return fail(why, EINVAL,
			    "%s is missing: mutual TLS needs a CA, a certificate and a key",
			    !tls->ca	 ? "the CA"
			    : !tls->cert ? "the certificate"
					 : "the key");

	r = read_file("CA", tls->ca, why, &pems.ca);
	if (r == 0)
		r = read_file("certificate", tls->cert, why, &pems.cert);
	if (r == 0)
		r = read_file("key", tls->key, why, &pems.key);
	if (r == 0)
		r = check_certs("CA", tls->ca, pems.ca, true, why, &ca);
	if (r == 0)
		r = check_certs("certificate", tls->cert, pems.cert, false, why, &cert);
	if (r == 0)
		r = check_key(tls, pems.key, cert, why);
	if (r < 0)
		return r;

	*ret_pems = pems;
	pems = (struct pems){ 0 };
	return 0;
}

int mz_rpc_tls_check(const struct mz_rpc_tls *tls, char *why, size_t size)
{
	_cleanup_(pems_fini) struct pems pems = { 0 };

	return load(tls, &(struct why){ why, size }, &pems);
}

int mz_rpc_tls_server_credentials(const struct mz_rpc_tls *tls,
				  grpc_server_credentials **ret_credentials)
{
	_cleanup_(pems_fini) struct pems pems = { 0 };
	grpc_server_credentials *credentials;
	grpc_ssl_pem_key_cert_pair pair;
	int r;

	r = load(tls, &(struct why){ NULL, 0 }, &pems);
	if (r < 0)
		return r;

	pair.private_key = pems.key;
	pair.cert_chain = pems.cert;
	credentials = grpc_ssl_server_credentials_create_ex(
		pems.ca, &pair, 1, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
		NULL);
	if (!credentials)
		return -EINVAL;

	*ret_credentials = credentials;
	return 0;
}

int mz_rpc_tls_client_credentials(const struct mz_rpc_tls *tls,
				  grpc_channel_credentials **ret_credentials)
{
	_cleanup_(pems_fini) struct pems pems = { 0 };
	grpc_channel_credentials *credentials;
	grpc_ssl_pem_key_cert_pair pair;
	int r;

	r = load(tls, &(struct why){ NULL, 0 }, &pems);
	if (r < 0)
		return r;

	pair.private_key = pems.key;
	pair.cert_chain = pems.cert;
	credentials = grpc_ssl_credentials_create_ex(pems.ca, &pair, NULL, NULL);
	if (!credentials)
		return -EINVAL;

	*ret_credentials = credentials;
	return 0;
}

/* The one value of a property, as a string; NULL: none, several, or with a zero inside. */
static const char *find_property(const grpc_auth_context *context, const char *name)
{
	grpc_auth_property_iterator it = grpc_auth_context_find_properties_by_name(context, name);
	const grpc_auth_property *property = grpc_auth_property_iterator_next(&it);

	if (!property || grpc_auth_property_iterator_next(&it) ||
	    strlen(property->value) != property->value_length)
		return NULL;

	return property->value;
}

int mz_rpc_peer_name(grpc_call *call, const char *peer, char **ret_name)
{
	grpc_auth_context *context = grpc_call_auth_context(call);
	const char *transport = NULL, *common_name = NULL;
	char *name = NULL;
	bool is_named;

	if (context) {
		transport = find_property(context, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
		common_name = find_property(context, GRPC_X509_CN_PROPERTY_NAME);
	}
	if (!transport || strcmp(transport, GRPC_SSL_TRANSPORT_SECURITY_TYPE) != 0)
		common_name = NULL;

	is_named = common_name || strncmp(peer, "unix:", 5) != 0;
	if (is_named)
		name = strdup(common_name ?: "");
	grpc_auth_context_release(context);
	if (is_named && !name)
		return -ENOMEM;

	*ret_name = name;
	return 0;
}
