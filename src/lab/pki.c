// SPDX-License-Identifier: Apache-2.0
#include "lab/pki.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"

#define CLOCK_SKEW_S	300
#define DAY_S		(24 * 3600)
#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 A.1 */

DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
DEFINE_CLEANUP(GENERAL_NAME *, GENERAL_NAME_free)
DEFINE_CLEANUP(FILE *, fclose)

struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

static void identity_fini(struct identity *identity)
{
	X509_free(identity->cert);
	EVP_PKEY_free(identity->key);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int load(const char *cert_path, const char *key_path, struct identity *ret_identity)
{
	_cleanup_(fclosep) FILE *cert_file = fopen(cert_path, "re");
	_cleanup_(fclosep) FILE *key_file = cert_file ? fopen(key_path, "re") : NULL;
	_cleanup_(identity_fini) struct identity identity = { 0 };

	if (!key_file)
		return -errno;

	/* The empty password: never asks on the terminal. */
	identity.cert = PEM_read_X509(cert_file, NULL, NULL, (void *)"");
	identity.key = PEM_read_PrivateKey(key_file, NULL, NULL, (void *)"");
	if (!identity.cert || !identity.key ||
	    X509_check_private_key(identity.cert, identity.key) != 1) {
		ERR_clear_error();
		return -EBADMSG;
	}

	*ret_identity = identity;
	identity = (struct identity){ 0 };
	return 0;
}

/* A new file beside path, which takes its place once it is whole. */
static int write_file(const char *path, mode_t mode, const X509 *cert, const EVP_PKEY *key)
{
	_cleanup_free_ char *temporary = NULL;
	FILE *file;
	bool ok;
	int fd;

	if (asprintf(&temporary, "%s.new", path) < 0)
		return -ENOMEM;
	if (unlink(temporary) < 0 && errno != ENOENT)
		return -errno;

	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		(void)close(fd); /* nothing was written */
		return -ENOMEM;
	}

	ok = cert ? PEM_write_X509(file, cert)
		  : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	ok = fclose(file) == 0 && ok;
	if (!ok || rename(temporary, path) < 0) {
		int r = ok ? -errno : -EIO;

		(void)unlink(temporary); /* the first error counts */
		return r;
	}

	return 0;
}

/* The key first: a certificate on disk always has its key. */
static int store(const struct identity *identity, const char *cert_path, const char *key_path)
{
	int r = write_file(key_path, 0600, NULL, identity->key);

	return r < 0 ? r : write_file(cert_path, 0644, identity->cert, NULL);
}

/* ---- certificates ---------------------------------------------------------------------------- */

static int add_extension(X509 *cert, const X509 *issuer, int nid, const char *value)
{
	_cleanup_(X509_EXTENSION_freep) X509_EXTENSION *extension = NULL;
	X509V3_CTX context;

	X509V3_set_ctx(&context, (X509 *)issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);

	return extension && X509_add_ext(cert, extension, -1) == 1 ? 0 : -ENOMEM;
}

/* Everything but the extensions and the signature, and a new key. */
static int make(const char *common_name, const X509 *issuer, unsigned int lifetime_s,
		struct identity *ret_identity)
{
	_cleanup_(identity_fini) struct identity identity = { 0 };
	_cleanup_(BN_freep) BIGNUM *serial = BN_new();
	X509_NAME *subject;

	identity.cert = X509_new();
	identity.key = EVP_EC_gen("P-256");
	if (!identity.cert || !identity.key || !serial)
		return -ENOMEM;

	subject = X509_get_subject_name(identity.cert);
	if (X509_set_version(identity.cert, X509_VERSION_3) != 1 ||
	    BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
	    !BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(identity.cert)) ||
	    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
				       (const unsigned char *)common_name, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(identity.cert, X509_get_subject_name(issuer ?: identity.cert)) !=
		    1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(identity.cert), -CLOCK_SKEW_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(identity.cert), (long)lifetime_s) ||
	    X509_set_pubkey(identity.cert, identity.key) != 1)
		return -ENOMEM;

	*ret_identity = identity;
	identity = (struct identity){ 0 };
	return 0;
}

static int sign(X509 *cert, EVP_PKEY *key)
{
	return X509_sign(cert, key, EVP_sha256()) > 0 ? 0 : -ENOMEM;
}

static bool lasts(const X509 *cert, long seconds)
{
	time_t then = time(NULL) + seconds;

	return X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;
}

/* ---- the authority --------------------------------------------------------------------------- */

static int ca_paths(const char *dir, char **ret_cert, char **ret_key)
{
	_cleanup_free_ char *cert = NULL;

	if (asprintf(&cert, "%s/ca.pem", dir) < 0)
		return -ENOMEM;
	if (asprintf(ret_key, "%s/ca.key", dir) < 0)
		return -ENOMEM;

	*ret_cert = TAKE(cert);
	return 0;
}

int mz_pki_ca_new(const char *dir)
{
	_cleanup_(identity_fini) struct identity ca = { 0 };
	_cleanup_free_ char *cert_path = NULL, *key_path = NULL;
	int r;

	r = ca_paths(dir, &cert_path, &key_path);
	if (r < 0)
		return r;

	if (load(cert_path, key_path, &ca) == 0) {
		if (X509_check_ca(ca.cert) == 1 && lasts(ca.cert, DAY_S))
			return 0;
		identity_fini(&ca);
		ca = (struct identity){ 0 };
	}

	r = make("mizar lab CA", NULL, MZ_PKI_LIFETIME_S, &ca);
	if (r == 0)
		r = add_extension(ca.cert, ca.cert, NID_basic_constraints,
				  "critical,CA:TRUE,pathlen:0");
	if (r == 0)
		r = add_extension(ca.cert, ca.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	if (r == 0)
		r = add_extension(ca.cert, ca.cert, NID_subject_key_identifier, "hash");
	if (r == 0)
		r = sign(ca.cert, ca.key);
	if (r == 0)
		r = store(&ca, cert_path, key_path);

	return r;
}

/* ---- what it issues -------------------------------------------------------------------------- */

static bool is_host_name(const char *name)
{
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
			return false;
	}

	return *name && strlen(name) <= 253;
}

/* -EINVAL: neither a host's name nor an address. */
static int push_name(GENERAL_NAMES *names, const char *text)
{
	_cleanup_(GENERAL_NAME_freep) GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
	ASN1_IA5STRING *host = NULL;

	if (address && name) {
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
	} else if (name && is_host_name(text)) {
		host = ASN1_IA5STRING_new();
		if (!host || ASN1_STRING_set(host, text, -1) != 1) {
			ASN1_IA5STRING_free(host);
			return -ENOMEM;
		}
		GENERAL_NAME_set0_value(name, GEN_DNS, host);
	} else {
		ASN1_OCTET_STRING_free(address);
		ERR_clear_error();
		return name ? -EINVAL : -ENOMEM;
	}

	ERR_clear_error(); /* a host's name is no address */
	if (sk_GENERAL_NAME_push(names, name) <= 0)
		return -ENOMEM;
	(void)TAKE(name);
	return 0;
}

static int make_names(const struct mz_pki_owner *owner, GENERAL_NAMES **ret_names)
{
	_cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int r;

	if (!names)
		return -ENOMEM;

	if (is_host_name(owner->common_name)) {
		r = push_name(names, owner->common_name);
		if (r < 0)
			return r;
	}
	for (const char *const *name = owner->names; name && *name; name++) {
		r = push_name(names, *name);
		if (r < 0)
			return r;
	}

	*ret_names = TAKE(names);
	return 0;
}

static bool same_names(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	int n_a = a ? sk_GENERAL_NAME_num(a) : 0;
	int n_b = b ? sk_GENERAL_NAME_num(b) : 0;

	if (n_a != n_b)
		return false;
	for (int i = 0; i < n_a; i++) {
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, i)) != 0)
			return false;
	}

	return true;
}

/* Whether a certificate says the same, is this CA's, and lasts. */
static bool is_good(const X509 *cert, const struct mz_pki_owner *owner, const GENERAL_NAMES *names,
		    unsigned int lifetime_s, EVP_PKEY *ca_key)
{
	_cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *has =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char common_name[COMMON_NAME_MAX + 1] = "";

	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, common_name,
					sizeof(common_name)); /* none: stays empty */
	return strcmp(common_name, owner->common_name) == 0 && same_names(has, names) &&
	       lasts(cert, lifetime_s / 2 < DAY_S ? lifetime_s / 2 : DAY_S) &&
	       X509_verify((X509 *)cert, ca_key) == 1;
}

static int issue(const struct identity *ca, const struct mz_pki_owner *owner,
		 const GENERAL_NAMES *names, unsigned int lifetime_s, struct identity *ret_identity)
{
	_cleanup_(identity_fini) struct identity identity = { 0 };
	int r;

	r = make(owner->common_name, ca->cert, lifetime_s, &identity);
	if (r == 0)
		r = add_extension(identity.cert, ca->cert, NID_basic_constraints,
				  "critical,CA:FALSE");
	if (r == 0)
		r = add_extension(identity.cert, ca->cert, NID_key_usage,
				  "critical,digitalSignature");
	if (r == 0)
		r = add_extension(identity.cert, ca->cert, NID_ext_key_usage,
				  "serverAuth,clientAuth");
	if (r == 0)
		r = add_extension(identity.cert, ca->cert, NID_authority_key_identifier, "keyid");
	if (r == 0 && sk_GENERAL_NAME_num(names) > 0 &&
	    X509_add1_ext_i2d(identity.cert, NID_subject_alt_name, (void *)names, 0,
			      X509V3_ADD_DEFAULT) != 1)
		r = -ENOMEM;
	if (r == 0)
		r = sign(identity.cert, ca->key);
	if (r < 0)
		return r;

	*ret_identity = identity;
	identity = (struct identity){ 0 };
	return 0;
}

int mz_pki_issue(const char *dir, const struct mz_pki_owner *owner, const char *cert_path,
		 const char *key_path)
{
	_cleanup_(identity_fini) struct identity ca = { 0 }, old = { 0 }, new = { 0 };
	_cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names = NULL;
	_cleanup_free_ char *ca_cert_path = NULL, *ca_key_path = NULL;
	unsigned int lifetime_s = owner->lifetime_s ?: MZ_PKI_LIFETIME_S;
	int r;

	if (strlen(owner->common_name) > COMMON_NAME_MAX)
		return -ENAMETOOLONG;
	if (!*owner->common_name)
		return -EINVAL;

	r = make_names(owner, &names);
	if (r == 0)
		r = ca_paths(dir, &ca_cert_path, &ca_key_path);
	if (r == 0)
		r = load(ca_cert_path, ca_key_path, &ca);
	if (r < 0)
		return r;

	if (load(cert_path, key_path, &old) == 0 &&
	    is_good(old.cert, owner, names, lifetime_s, ca.key))
		return 0;

	r = issue(&ca, owner, names, lifetime_s, &new);
	return r < 0 ? r : store(&new, cert_path, key_path);
}
