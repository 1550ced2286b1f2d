/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the controller's tests share: the real mizar-controller as a process with a directory of its
 * own, a client that asks it, and hosts that hold rows in memory and answer as mizard does.
 *
 *	this process                            mizar-controller
 *	  manage_...() ---- Unix socket ---------> Management
 *	  struct host ----- Unix socket ---------> Host
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uthash.h>

#include "api/field.h"
#include "mizar/v1/host.pb-c.h"
#include "mizar/v1/management.pb-c.h"
#include "row/row.h"
#include "rpc/rpc.h"

/* Path of mizar-controller, from the command line. */
extern const char *controller_program;

struct plane {
	uv_loop_t loop;
	struct mz_rpc *rpc;
	struct mz_rpc_client *client;
	char dir[64], socket[96], store[96], target[112];
	pid_t pid; /* of the controller; 0: it does not run */
	/* More options for it, of the next start; ends with NULL. */
	const char *options[16];
};

/* Fixtures: a fresh store and a running controller; everything gone. */
int plane_setup(void **state);
int plane_teardown(void **state);
void plane_start(struct plane *plane);
/* The two halves of that: the process; a client once it serves. */
void plane_spawn(struct plane *plane);
void plane_connect(struct plane *plane);
/* By signal; waits for its end and returns its wait status. */
int plane_stop(struct plane *plane, int signal);
/* Runs the loop until the condition holds; fails the test after 10 s. */
#define plane_until(plane, condition)                                                              \
	do {                                                                                       \
		uint64_t end_ = uv_hrtime() + 10000000000ULL;                                      \
		while (!(condition)) {                                                             \
			if (uv_hrtime() > end_)                                                    \
				fail_msg("%s:%d: never came true: %s", __FILE__, __LINE__,         \
					 #condition);                                              \
			plane_turn(plane);                                                         \
		}                                                                                  \
	} while (0)
/* Lets the loop run once, for at most 10 ms; or for some time. */
void plane_turn(struct plane *plane);
void plane_wait(struct plane *plane, unsigned int ms);

/* ---- asking ---------------------------------------------------------------------------------- */

/* The answer is the caller's; NULL with another code than OK, and *ret_text if that is wanted. */
ProtobufCMessage *plane_ask(struct plane *plane, const char *method,
			    const ProtobufCMessage *request,
			    const ProtobufCMessageDescriptor *response, enum mz_rpc_code *ret_code,
			    char **ret_text);
/* A manifest in YAML, applied; must be admitted. Returns the number of changes. */
unsigned int apply(struct plane *plane, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, must be refused: the first problem as "path: message" (to be freed). */
char *apply_refused(struct plane *plane, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
Mizar__V1__ApplyResponse *apply_request(struct plane *plane, const char *yaml, bool dry_run,
					bool create_only, enum mz_rpc_code *ret_code);
/* NULL: there is none. To be freed with mz_object_free(). */
struct mz_object *get(struct plane *plane, const char *kind, const char *ns, const char *name);
/* An object's field as text: get_field(plane, "Endpoint", "a", "e1", "status.phase"); static. */
const char *get_field(struct plane *plane, const char *kind, const char *ns, const char *name,
		      const char *path);
/* Network a/n is sent to by two. */
bool has_two_bouncers(struct plane *plane);
unsigned int count(struct plane *plane, const char *kind);
/* OK, or the code that it was refused with. */
enum mz_rpc_code delete (struct plane *plane, const char *kind, const char *ns, const char *name);
bool is(struct plane *plane, const char *kind, const char *ns, const char *name, const char *path,
	const char *value);

/* ---- hosts ----------------------------------------------------------------------------------- */

struct held_row {
	char key[MZ_ROW_KEY_STRLEN + 16];
	uint64_t hash;
	char text[256]; /* JSON, cut */
	bool marked;
	UT_hash_handle hh;
};

struct held_scope {
	char name[MZ_SCOPE_STRLEN];
	struct mz_scope_id id;
	uint64_t epoch, revision;
	struct held_row *rows;
	bool in_full;
	UT_hash_handle hh;
};

struct host {
	struct plane *plane;
	struct mz_rpc_stream *stream;
	char name[32], address[32];
	struct held_scope *scopes;
	bool welcome, closed;
	enum mz_rpc_code code; /* of a closed stream */
	char why[512];
	bool silent;		  /* applies, but acknowledges nothing */
	const char *refuses;	  /* nacks updates with rows of this table */
	const char *refuses_name; /* of those, only with names that begin so; or NULL */
	bool hides;		  /* and names only the first of them */
	char refused[8][MZ_ROW_KEY_STRLEN]; /* keys of those, of the update that is coming in */
	size_t n_refused;
	bool slow_devices;	  /* an attach makes none: host_device() does */
	bool stuck;		  /* looks at no update, until host_go_on() */
	ProtobufCMessage *late[8]; /* those */
	size_t n_late;
	uint64_t devices[64];	  /* uids of endpoints with one */
	size_t n_devices;
	unsigned int n_equal, n_delta, n_full, n_drop, n_rows, n_deletes;
};

/* Connects; name "h1" gets 172.31.0.1. What it held stays held. */
void host_connect(struct host *host, struct plane *plane, const char *name);
/* Waits for the welcome. */
void host_up(struct host *host, struct plane *plane, const char *name);
void host_down(struct host *host);
void host_forget(struct host *host); /* its rows */
void host_free(struct host *host);
void host_zero(struct host *host); /* counters */
/* Number of rows in a scope ("locations/7"), or in all whose names begin so; -1: none is held. */
int host_rows(const struct host *host, const char *scope);
/* Whether it holds a row of which the JSON text has this part. */
bool host_has(const struct host *host, const char *scope, const char *part);
enum mz_rpc_code host_attach(struct host *host, const char *ns, const char *name,
			     unsigned int *ret_rows, char **ret_text);
/* The endpoint has a device from now on; is told, if the stream is up. */
void host_device(struct host *host, uint64_t uid);
void host_no_device(struct host *host, uint64_t uid); /* the same the other way round */
void host_go_on(struct host *host);
enum mz_rpc_code host_detach(struct host *host, const char *ns, const char *name);

/* Two VPCs' worth of text. */
#define VPC                                                                                        \
	"apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {namespace: a, name: v}\nspec: {cidrs: "   \
	"[10.0.0.0/8, 'fd00::/16'], dividers: 1}\n---\n"
#define NET                                                                                        \
	"apiVersion: mizar.com/v1\nkind: Network\nmetadata: {namespace: a, name: n}\nspec: {vpc: " \
	"v, cidrs: [10.1.0.0/16], bouncers: 2}\n---\n"
#define EP                                                                                         \
	"apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: %s}\nspec: "     \
	"{network: n, droplet: %s}\n---\n"
