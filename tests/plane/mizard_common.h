/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real mizard for tests: as a process, in a network and a mount namespace of the test's own, so
 * that nothing is left of it.
 *
 *	the test's namespace                  another one (box)
 *	  mizard --address 192.0.2.1            endpoints get their device here
 *	  under0 192.0.2.1/24 --- under1
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "host/convert.h"
#include "mizar/v1/local.pb-c.h"

/* Makes the namespaces; exits with 77 where that is not allowed. mizard: path of the program. */
void mizard_init(const char *mizard);
/* A new directory for each test; ends what the test started. */
int mizard_setup(void **state);
int mizard_teardown(void **state);

const char *mizard_dir(void);
/* /proc/PID/ns/net of a namespace without anything in it. */
const char *mizard_box(void);
/* Ends the namespace and waits until the devices in it are gone. */
void mizard_end_box(void);
void mizard_new_box(void);
/* The droplet's device goes, and comes again with the same name and address. */
void mizard_new_underlay(void);

/* Options of a mizard on under0 that has no controller. */
#define STANDALONE "--droplet", "h1", "--standalone", "--offload-test", "off"
/* Starts mizard with --dir and these arguments (the last is NULL) and waits until it answers. */
void mizard_start(const char *const *args);
/* The same, but it must exit by itself: returns the status, and its stderr in text. */
int mizard_run(const char *const *args, char *text, size_t size);
/*
 * The mizards started from now on find a kernel whose bpf(2) answers this command with this error;
 * every command if it is -1. error 0: the kernel as it is. mizard_teardown() takes it back.
 */
void mizard_lacks(int bpf_command, int error);
uint64_t now_ns(void); /* of CLOCK_MONOTONIC, as programs have it */
void mizard_kill(int signal);
pid_t mizard_pid(void);

/* One local call. The caller frees the response. */
Mizar__V1__LocalResponse *mizard_call(const Mizar__V1__LocalRequest *request);
Mizar__V1__LocalResponse *mizard_status(void);
/* Returns the error, 0 if none; its text in message if that is not NULL. */
int mizard_set(const Mizar__V1__Row *const *rows, size_t n_rows, bool unset, char *message,
	       size_t size);
extern const char *mizard_client; /* of the next two; NULL: nobody */
Mizar__V1__LocalResponse *mizard_attach(const char *name, const char *netns);
int mizard_detach(const char *name);

/* ---- rows ------------------------------------------------------------------------------------ */

struct mz_addr test_addr(const char *text);
/* All rows of namespace "red", VNI 7. */
struct mz_table_row droplet_row(const char *addr);
struct mz_table_row endpoint_row(uint64_t uid, const char *name, const char *addr,
				 uint32_t generation);
struct mz_table_row location_row(const char *addr, uint64_t network, const char *host,
				 uint32_t generation);
struct mz_table_row network_row(uint64_t network, const char *bouncer);
struct mz_table_row vpc_row(const char *divider);
struct mz_table_row prefix_row(const char *prefix, unsigned int len, uint64_t network);
struct mz_table_row member_row(const char *addr, uint64_t network);
struct mz_table_row moved_row(const char *addr, const char *host, uint32_t generation);
uint64_t test_row_hash(const struct mz_table_row *row);
/* mizard_set() of table rows, which must succeed. */
void set_rows(const struct mz_table_row *rows, size_t n_rows);
void unset_rows(const struct mz_table_row *rows, size_t n_rows);
/* That the row is in mizard's table with this value, or (absent) that there is none. */
void assert_row(const struct mz_table_row *row);
void assert_no_row(const struct mz_table_row *row);
uint64_t count_rows(enum mz_table_id table);
/* Reads one row of any table. -ENOENT. */
int get_row(enum mz_table_id table, const void *key, void *ret_value);
