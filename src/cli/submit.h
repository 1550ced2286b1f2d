/* SPDX-License-Identifier: Apache-2.0 */
/* One Apply call with its outcome on stdout and stderr: what apply and create share. */
#pragma once

#include "cli/output.h"
#include "cli/server.h"

/* Says what is wrong; a problem's object is the number of an object of the call. */
typedef void (*mz_problems_fn)(struct mz_problems *problems, const void *user);

/*
 * Sends the objects; all or none are applied. Prints "network/web created" for each, or, with a
 * form, the objects as stored; with --wait, when they are provisioned.
 */
/* 0 or -errno; -ESTALE: an object is not as it was read, and nothing was said (server.h). */
int mz_submit_try(struct mz_server *server, const struct mz_args *args,
		  struct mz_object *const *objects, size_t n_objects, bool create_only,
		  mz_problems_fn on_problems, const void *user);
/* That, with all that goes wrong said. */
enum mz_exit mz_submit(struct mz_server *server, const struct mz_args *args,
		       struct mz_object *const *objects, size_t n_objects, bool create_only,
		       mz_problems_fn on_problems, const void *user);
