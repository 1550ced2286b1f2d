/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar attach` and `mizar detach`: an endpoint's device in a network namespace of a host. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/local.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"

/*
 * mizard opens the path: it must mean the same there. So links on the way (/proc/self) are resolved
 * here; the last part is kept, since a link in /proc/PID/ns leads to no path.
 */
static int netns_path(const char *netns, char ret_path[static PATH_MAX])
{
	char head[PATH_MAX], tail[PATH_MAX], real[PATH_MAX];

	if (!strchr(netns, '/'))
		return snprintf(ret_path, PATH_MAX, "/run/netns/%s", netns) < PATH_MAX
			       ? 0
			       : -ENAMETOOLONG;
	if (strlen(netns) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(head, netns, strlen(netns) + 1);
	memcpy(tail, netns, strlen(netns) + 1);
	if (!realpath(dirname(head), real))
		return -errno;
	return snprintf(ret_path, PATH_MAX, "%s/%s", real, basename(tail)) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static enum mz_exit print_attached(const struct mz_args *args,
				   const Mizar__V1__LocalAttached *attached)
{
	enum mz_form form = mz_form_of(args);
	json_t *json = NULL;
	int r;

	if (form == MZ_FORM_JSON || form == MZ_FORM_YAML) {
		r = mz_message_to_json(mz_message_find(&mizar__v1__local_attached__descriptor),
				       &attached->base, &json);
		if (!r)
			r = mz_print_json(form, json);
		json_decref(json);
		return r < 0 ? MZ_FAILED : MZ_DONE;
	}
	if (form == MZ_FORM_NAME)
		printf("endpoint/%s\n", args->words[0]);
	else
		printf("endpoint/%s attached: %s here, %s there, mtu %u\n", args->words[0],
		       attached->host_ifname ?: "?", attached->ifname ?: "?", attached->mtu);
	return MZ_DONE;
}

enum mz_exit mz_verb_attach(const struct mz_args *args)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalAttach attach = MIZAR__V1__LOCAL_ATTACH__INIT;
	Mizar__V1__LocalResponse *response;
	const char *netns = args->values[MZ_OPT_NETNS];
	char path[PATH_MAX];
	enum mz_exit result;
	int r;

	if (!netns) {
		mz_error("mizar attach wants --netns NAME|PATH (ip netns add NAME makes one)");
		return MZ_MISUSED;
	}
	r = netns_path(netns, path);
	if (r < 0) {
		mz_error("--netns: %s: %s", netns, strerror(-r));
		return MZ_FAILED;
	}
	attach.namespace_ = (char *)mz_target_namespace(args);
	attach.name = (char *)args->words[0];
	attach.netns = path;
	attach.ifname = (char *)args->values[MZ_OPT_IFNAME];
	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH;
	request.attach = &attach;
	result = mz_local_call(args, &request, &response);
	if (result != MZ_DONE)
		return result;
	if (response->attached) {
		result = print_attached(args, response->attached);
	} else {
		mz_error("mizard answered without saying what it attached");
		result = MZ_FAILED;
	}
	mizar__v1__local_response__free_unpacked(response, NULL);
	return result;
}

enum mz_exit mz_verb_detach(const struct mz_args *args)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalDetach detach = MIZAR__V1__LOCAL_DETACH__INIT;
	Mizar__V1__LocalResponse *response;
	enum mz_exit result;

	detach.namespace_ = (char *)mz_target_namespace(args);
	detach.name = (char *)args->words[0];
	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_DETACH;
	request.detach = &detach;
	result = mz_local_call(args, &request, &response);
	if (result != MZ_DONE)
		return result;
	printf("endpoint/%s detached\n", args->words[0]);
	mizar__v1__local_response__free_unpacked(response, NULL);
	return MZ_DONE;
}
