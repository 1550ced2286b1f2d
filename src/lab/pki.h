/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's throw-away certificate authority: EC P-256, for mutual TLS between the programs of one
 * lab. A certificate says who its owner is by its common name: "controller", "droplet:NAME",
 * "admin:NAME". All calls can be repeated: what is there and still good is kept.
 */
#pragma once

#define MZ_PKI_LIFETIME_S (30U * 24 * 3600)

/*
 * DIR/ca.pem and DIR/ca.key (mode 0600). A CA that does not last another day, or whose files do not
 * belong together, is replaced. The directory must exist; who made it removes it.
 */
int mz_pki_ca_new(const char *dir);

struct mz_pki_owner {
	const char *common_name;
	/*
	 * Host names and addresses that clients may know it by, ends with NULL; NULL: none. A
	 * common name that can be a host's is added: clients look at the common name only if there
	 * is no other.
	 */
	const char *const *names;
	unsigned int lifetime_s; /* 0: MZ_PKI_LIFETIME_S */
};

/*
 * A certificate for server and client, and its key (mode 0600), signed by the CA in dir. Kept if it
 * says the same and lasts another day (or, if it was made for less, half of that). -ENOENT: no CA;
 * -EINVAL: a name is neither a host's nor an address; -ENAMETOOLONG: the common name is longer
 * than 64.
 */
int mz_pki_issue(const char *dir, const struct mz_pki_owner *owner, const char *cert_path,
		 const char *key_path);
