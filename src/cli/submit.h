/* SPDX-License-Identifier: Apache-2.0 */
/* One Apply call with its outcome on stdout and stderr: what apply and create share. */
#pragma once

#include "cli/output.h"
#include "cli/server.h"

/* Says what is wrong with one field of object number i of the call. */
typedef void (*mz_field_error_fn)(unsigned int i, const char *path, const char *message,
				  void *user);

/*
 * Sends the objects; all or none are applied. Prints "network/web created" for each, or, with a
 * form, the objects as stored; with --wait, when they are provisioned.
 */
enum mz_exit mz_submit(struct mz_server *server, const struct mz_args *args,
		       struct mz_object *const *objects, size_t n_objects, bool create_only,
		       mz_field_error_fn on_error, void *user);
