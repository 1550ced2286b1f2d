/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints that lost their device without a detach that the controller heard of: their namespace
 * went, or the controller was away. They are given back by Host.Detach as soon as it can be
 * reached, so that they can be attached on another host.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

struct mz_host;
struct mz_releases;

int mz_releases_new(struct mz_host *host, struct mz_releases **ret_releases);
/* When host->client is gone. */
void mz_releases_free(struct mz_releases *releases);
DEFINE_CLEANUP(struct mz_releases *, mz_releases_free)

/* Now, or at the next welcome. Repeatable. */
int mz_release_add(struct mz_releases *releases, const char *ns, const char *name);
/* The endpoint is being attached again. -EBUSY: too late, the controller is being told. */
int mz_release_cancel(struct mz_releases *releases, const char *ns, const char *name);
/* The controller can be reached. */
void mz_releases_send(struct mz_releases *releases);
