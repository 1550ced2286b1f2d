/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller, one call after the other: each runs the libuv loop until it is answered. What
 * goes wrong is said on stderr here, with what to do about it.
 */
#pragma once

#include "api/object.h"
#include "base/cleanup.h"
#include "cli/args.h"
#include "cli/selector.h"
#include "mizar/v1/management.pb-c.h"

struct mz_server;

/* Does not connect yet. Not MZ_DONE: what the verb should return; said. */
enum mz_exit mz_server_open(const struct mz_args *args, struct mz_server **ret_server);
void mz_server_free(struct mz_server *server);
DEFINE_CLEANUP(struct mz_server *, mz_server_free)

/* Says nothing on stderr from here on; every call waits at most this long. For completion. */
void mz_server_set_quiet(struct mz_server *server, unsigned int timeout_ms);
/* As "unix:/PATH". */
const char *mz_server_name(const struct mz_server *server);

/*
 * fn has the response, borrowed, and its result is the call's. -ENOENT: not found (not said: the
 * caller knows what); -ESTALE: somebody has changed it meanwhile (not said: who asks again need not
 * say it; mz_server_why()); -EHOSTUNREACH: no controller; -ETIMEDOUT; -EPERM; -EIO all else.
 */
typedef int (*mz_response_fn)(const ProtobufCMessage *response, void *user);
int mz_server_call(struct mz_server *server, const char *method, const ProtobufCMessage *request,
		   const ProtobufCMessageDescriptor *response, mz_response_fn fn, void *user);

/* What the controller said when a call was -ESTALE. */
const char *mz_server_why(const struct mz_server *server);

/* All objects of a kind, page by page. ns, selector NULL: all. fn: non-zero stops. */
typedef int (*mz_object_fn)(const struct mz_object *object, void *user);
int mz_server_list(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		   const struct mz_selector *selector, mz_object_fn fn, void *user);
int mz_server_get(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		  const char *name, struct mz_object **ret_object);

/*
 * Events until fn returns non-zero (the result), the stream ends, or timeout_ms have passed
 * (-ETIMEDOUT, not said; 0: no limit).
 */
typedef int (*mz_event_fn)(const Mizar__V1__WatchEvent *event, void *user);
int mz_server_watch(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		    const char *name, const struct mz_selector *selector, unsigned int timeout_ms,
		    mz_event_fn fn, void *user);

/* The kind that a word on the command line names; says so if there is none. */
const struct mz_kind_info *mz_kind_of_word(const char *word);
