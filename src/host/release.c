// SPDX-License-Identifier: Apache-2.0
#include "host/release.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/log.h"
#include "host/host.h"
#include "host/local_attach.h"
#include "host/stream.h"
#include "mizar/v1/host.pb-c.h"

#define TIMEOUT_MS 5000

struct release {
	struct mz_releases *releases;
	char key[2 * MZ_NAME_SIZE]; /* "NAMESPACE/NAME": neither has a '/' */
	bool is_under_way;
	UT_hash_handle hh;
};

struct mz_releases {
	struct mz_host *host;
	struct release *items;
};

int mz_releases_new(struct mz_host *host, struct mz_releases **ret_releases)
{
	struct mz_releases *releases = calloc(1, sizeof(*releases));

	if (!releases)
		return -ENOMEM;
	releases->host = host;
	*ret_releases = releases;
	return 0;
}

static void drop(struct release *item)
{
	HASH_DEL(item->releases->items, item);
	free(item);
}

void mz_releases_free(struct mz_releases *releases)
{
	struct release *item, *next;

	if (!releases)
		return;
	HASH_ITER(hh, releases->items, item, next)
	drop(item);
	free(releases);
}

static struct release *find(struct mz_releases *releases, const char *ns, const char *name)
{
	char key[2 * MZ_NAME_SIZE];
	struct release *item;

	snprintf(key, sizeof(key), "%s/%s", ns, name);
	HASH_FIND_STR(releases->items, key, item);
	return item;
}

static void on_done(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		    void *user)
{
	struct release *item = user;
	struct mz_host *host = item->releases->host;

	item->is_under_way = false;
	if (code == MZ_RPC_OK || code == MZ_RPC_NOT_FOUND) {
		mz_log_info("endpoint %s: given back, it has no device here", item->key);
		drop(item);
	} else {
		/* The next welcome tries again. */
		mz_log_debug("endpoint %s: not given back yet: %s", item->key, message);
	}
	mz_attach_resume(host);
}

static void send_one(struct release *item)
{
	Mizar__V1__DetachRequest request = MIZAR__V1__DETACH_REQUEST__INIT;
	struct mz_host *host = item->releases->host;
	char ns[2 * MZ_NAME_SIZE];
	char *slash;

	if (item->is_under_way)
		return;
	memcpy(ns, item->key, sizeof(ns));
	slash = strchr(ns, '/');
	*slash = 0;
	request.namespace_ = ns;
	request.name = slash + 1;
	request.droplet = (char *)host->options->droplet;
	item->is_under_way = mz_rpc_unary(host->client, "/mizar.v1.Host/Detach", &request.base,
					  &mizar__v1__detach_response__descriptor, TIMEOUT_MS,
					  on_done, item) >= 0;
}

int mz_release_add(struct mz_releases *releases, const char *ns, const char *name)
{
	struct release *item = find(releases, ns, name);

	if (!item) {
		item = calloc(1, sizeof(*item));
		if (!item)
			return -ENOMEM;
		item->releases = releases;
		snprintf(item->key, sizeof(item->key), "%s/%s", ns, name);
		HASH_ADD_STR(releases->items, key, item);
		if (!item->hh.tbl) { /* HASH_NONFATAL_OOM */
			free(item);
			return -ENOMEM;
		}
	}
	if (releases->host->stream && mz_stream_is_connected(releases->host->stream))
		send_one(item);
	return 0;
}

int mz_release_cancel(struct mz_releases *releases, const char *ns, const char *name)
{
	struct release *item = find(releases, ns, name);

	if (!item)
		return 0;
	if (item->is_under_way)
		return -EBUSY;
	drop(item);
	return 0;
}

void mz_releases_send(struct mz_releases *releases)
{
	struct release *item;

	/* No callback runs before the loop does: the list stays as it is. */
	for (item = releases->items; item; item = item->hh.next)
		send_one(item);
}
