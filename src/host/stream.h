/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream to the controller (Host.Connect): hello, updates and their answers, reports. It is
 * dialled for as long as mizard runs; everything on the host goes on without it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct mz_host;
struct mz_stream;

/* Begins to dial host->client. */
int mz_stream_new(struct mz_host *host, struct mz_stream **ret_stream);
/* Ends the call. The object itself goes when the loop has run once more. */
void mz_stream_free(struct mz_stream *stream);
DEFINE_CLEANUP(struct mz_stream *, mz_stream_free)

/* The endpoint has got a device, or lost it: tells the controller, unless the next hello does. */
void mz_stream_tell_device(struct mz_stream *stream, uint64_t uid, bool is_there);

bool mz_stream_is_connected(const struct mz_stream *stream);
/* Why it is not; "" if it is. */
const char *mz_stream_reason(const struct mz_stream *stream);
