/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lab: hosts as network namespaces, joined by an underlay of their own, each with its mizard, and
 * one controller. Everything that it makes is found again from MZ_LAB_ROOT/NAME/lab.json:
 *
 *	/run/mizar-lab/NAME/lab.json       what was asked for
 *	/run/mizar-lab/NAME/pki/           certificates of everyone, by a CA made for this lab
 *	/run/mizar-lab/NAME/ctl/           controller.sock, store.db, pid, mizar-controller.log
 *	/run/mizar-lab/NAME/h1/            mizard's directory, pid, mizard.log
 *	/run/netns/NAME-h1 -ctl -net       namespaces, seen by `ip netns` too
 *
 * On one segment (-net is a bridge):         Routed (-net is a router):
 *
 *	h1 under0 172.31.0.1/24 --+               h1 under0 172.31.1.2/24 -- 172.31.1.1
 *	h2 under0 172.31.0.2/24 --+ br0           h2 under0 172.31.2.2/24 -- 172.31.2.1
 *	ctl under0 172.31.0.250/24 +              ctl under0 172.31.250.2/24 -- 172.31.250.1
 *
 * With an underlay of IPv6, 172.31.0.1/24 is fd00:31::1/64, and 172.31.1.2/24 is fd00:31:1::2/64.
 *
 * A place is a host ("h1"), the controller's ("ctl") or the underlay's ("net"). Places are
 * numbered: hosts from 1, then these two.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MZ_LAB_ROOT	 "/run/mizar-lab"
#define MZ_LAB_NAME_MAX	 32
#define MZ_LAB_HOSTS_MAX 200
#define MZ_LAB_CTL	 (MZ_LAB_HOSTS_MAX + 1)
#define MZ_LAB_NET	 (MZ_LAB_HOSTS_MAX + 2)
#define MZ_LAB_DEVICE	 "under0"
#define MZ_LAB_PORT	 7700 /* of the controller, for hosts */

/* Room for any path below MZ_LAB_ROOT or /run/netns. */
#define MZ_LAB_PATH_SIZE 160

#define MZ_LAB_OPTIONS_SIZE 256

struct mz_lab {
	char name[MZ_LAB_NAME_MAX + 1];
	unsigned int n_hosts;
	unsigned int mtu;
	bool routed;
	bool ipv6; /* the underlay; else IPv4 */
	char transit[8]; /* of every mizard: "auto", "tc" or "xdp" */
	char mizard_options[MZ_LAB_OPTIONS_SIZE]; /* more of them, with blanks between */
};

/* Lower-case letters, digits and dashes, as in a host name. */
bool mz_lab_name_is_valid(const char *name);

/* What was recorded. -ENOENT: no such lab; -EINVAL: the name, or the record, is none. */
int mz_lab_load(const char *name, struct mz_lab *ret_lab);
/* Calls fn for each lab that there is a record of. Returns the first non-zero value of fn, or 0. */
int mz_lab_each(int (*fn)(const struct mz_lab *lab, void *user), void *user);

/* "h1", "ctl", "net" to its number. -EINVAL: the lab has no such place. */
int mz_lab_place_parse(const struct mz_lab *lab, const char *text, unsigned int *ret_place);
#define MZ_LAB_PLACE_SIZE 16
const char *mz_lab_place_name(unsigned int place, char buf[static MZ_LAB_PLACE_SIZE]);

/* MZ_LAB_ROOT/NAME, and a path below it: format and what follows may be NULL. Returns buf. */
const char *mz_lab_path(const char *name, char buf[static MZ_LAB_PATH_SIZE], const char *format,
			...) __attribute__((format(printf, 3, 4)));
const char *mz_lab_netns_path(const struct mz_lab *lab, unsigned int place,
			      char buf[static MZ_LAB_PATH_SIZE]);
/* Underlay address of a host or ctl as text, without a prefix length. */
const char *mz_lab_address(const struct mz_lab *lab, unsigned int place,
			   char buf[static MZ_LAB_PLACE_SIZE]);

/*
 * Makes the lab, or what is missing of it, and waits until all hosts are connected. Says what it
 * does on stderr, and what went wrong. Unless keep_going, a failed start of a new lab removes what
 * it made. timeout: for all of it. -EEXIST: there is a lab of this name with other options.
 */
int mz_lab_up(const struct mz_lab *wanted, bool keep_going, unsigned int timeout_s);
/* Removes all of it; absent is success. Says what could not be removed. */
int mz_lab_down(const char *name);

/* The process of a host or of ctl. */
struct mz_lab_process {
	pid_t pid; /* 0: none was started */
	bool is_running;
};
int mz_lab_process_get(const struct mz_lab *lab, unsigned int place,
		       struct mz_lab_process *ret_process);
/* SIGKILL, and waits for its end. Absent is success. */
int mz_lab_kill(const struct mz_lab *lab, unsigned int place);

/* Enters the place's network namespace: the calling thread from here on. */
int mz_lab_enter(const struct mz_lab *lab, unsigned int place);
