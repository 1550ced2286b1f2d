/* SPDX-License-Identifier: Apache-2.0 */
/* Checks inside src/api. All collect problems: -EINVAL with problems, -ENOMEM. */
#pragma once

#include "api/field.h"
#include "api/problem.h"
#include "api/table.h"

/* What the field table says of the message and of those that it holds. */
int mz_check_message(const struct mz_message *message, const ProtobufCMessage *msg,
		     const struct mz_path *path, struct mz_problems *problems);
