/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar host status|peers|set|unset|uninstall`: what mizard says, and what it is told by hand. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "cli/grid.h"
#include "cli/local.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"
#include "host/device.h"
#include "host/program.h"
#include "lab/lab.h"

static const char *addr_text(const ProtobufCBinaryData *field,
			     char buf[static MZ_ADDR_STRLEN])
{
	struct mz_addr addr;

	if (field->len != sizeof(addr))
		return "?";
	memcpy(&addr, field->data, sizeof(addr));
	return mz_addr_format(&addr, buf);
}

static size_t count_peers(const Mizar__V1__LocalStatus *s, const char *state)
{
	size_t i, n = 0;

	for (i = 0; i < s->n_peers; i++)
		n += !strcmp(s->peers[i]->state ?: "", state);
	return n;
}

static void print_status(const Mizar__V1__LocalStatus *s)
{
	char address[MZ_ADDR_STRLEN];

	printf("Droplet      %s\n", s->droplet ?: "?");
	printf("Version      %s, up %llu s\n", s->version ?: "?",
	       (unsigned long long)s->uptime_seconds);
	printf("Underlay     %s on %s, port %u, mtu %u\n", addr_text(&s->address, address),
	       s->device ?: "?", s->port, s->underlay_mtu);
	printf("Endpoints    %u attached, mtu %u\n", s->endpoints_attached, s->endpoint_mtu);
	printf("Programs     %s\n", s->attach ?: "?");
	printf("Transit      %s, %s\n", s->transit ?: "?", s->transit_reason ?: "?");
	printf("Offloads     %s\n", s->offloads ?: "?");
	printf("Tunnel GRO   %s\n", s->tunnel_gro ?: "?");
	if (!s->controller || !*s->controller)
		printf("Controller   none\n");
	else
		printf("Controller   %s, %s%s%s\n", s->controller,
		       s->connected ? "connected" : "not connected",
		       !s->connected && s->reason && *s->reason ? ": " : "",
		       !s->connected && s->reason ? s->reason : "");
	printf("Rows         %llu received in %zu scopes\n", (unsigned long long)s->rows_received,
	       s->n_scopes);
	printf("Peers        %zu: %zu alive, %zu dead, %zu unknown\n", s->n_peers,
	       count_peers(s, "alive"), count_peers(s, "dead"), count_peers(s, "unknown"));
}

/* ret_response carries a status. */
static enum mz_exit get_status(const struct mz_args *args, Mizar__V1__LocalResponse **ret_response)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalStatusRequest status = MIZAR__V1__LOCAL_STATUS_REQUEST__INIT;
	Mizar__V1__LocalResponse *response;
	enum mz_exit result;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
	request.status = &status;
	result = mz_local_call(args, &request, &response);
	if (result != MZ_DONE)
		return result;
	if (!response->status) {
		mz_error("mizard answered without its status");
		mizar__v1__local_response__free_unpacked(response, NULL);
		return MZ_FAILED;
	}
	*ret_response = response;
	return MZ_DONE;
}

enum mz_exit mz_verb_host_status(const struct mz_args *args)
{
	enum mz_form form = mz_form_of(args);
	Mizar__V1__LocalResponse *response;
	json_t *json = NULL;
	enum mz_exit result;
	int r = 0;

	result = get_status(args, &response);
	if (result != MZ_DONE)
		return result;
	if (form == MZ_FORM_JSON || form == MZ_FORM_YAML) {
		r = mz_message_to_json(mz_message_find(&mizar__v1__local_status__descriptor),
				       &response->status->base, &json);
		r = r ?: mz_print_json(form, json);
	} else if (form == MZ_FORM_NAME) {
		puts(response->status->droplet ?: "");
	} else {
		print_status(response->status);
	}
	json_decref(json);
	mizar__v1__local_response__free_unpacked(response, NULL);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

/* ---- peers ----------------------------------------------------------------------------------- */

static int add_peer(struct mz_grid *grid, const Mizar__V1__LocalPeer *peer)
{
	char address[MZ_ADDR_STRLEN], since[32], rtt[32] = "", misses[16];

	snprintf(since, sizeof(since), "%llu.%llu s", (unsigned long long)peer->state_ms / 1000,
		 (unsigned long long)peer->state_ms / 100 % 10);
	if (peer->has_rtt_us)
		snprintf(rtt, sizeof(rtt), "%llu us", (unsigned long long)peer->rtt_us);
	snprintf(misses, sizeof(misses), "%u", peer->misses);
	return mz_grid_add(grid, (const char *const[]){ addr_text(&peer->address, address),
							peer->state, peer->avoided ? "yes" : "no",
							since, rtt, misses });
}

static int print_peers(enum mz_form form, const Mizar__V1__LocalStatus *status)
{
	static const char *const headers[] = { "HOST",	"STATE", "AVOIDED",
					       "SINCE", "RTT",	 "MISSES" };
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	char address[MZ_ADDR_STRLEN];
	size_t i;
	int r;

	r = mz_grid_new(stdout, headers, ARRAY_SIZE(headers), &grid);
	for (i = 0; !r && i < status->n_peers; i++) {
		if (form == MZ_FORM_NAME)
			puts(addr_text(&status->peers[i]->address, address));
		else
			r = add_peer(grid, status->peers[i]);
	}
	if (!r)
		mz_grid_flush(grid);
	return r;
}

static int print_peers_json(enum mz_form form, const Mizar__V1__LocalStatus *status)
{
	const struct mz_message *info = mz_message_find(&mizar__v1__local_peer__descriptor);
	json_t *array = json_array(), *json;
	size_t i;
	int r = 0;

	for (i = 0; !r && i < status->n_peers; i++) {
		r = mz_message_to_json(info, &status->peers[i]->base, &json);
		if (!r && json_array_append_new(array, json) < 0)
			r = -ENOMEM;
	}
	r = r ?: mz_print_json(form, array);
	json_decref(array);
	return r;
}

enum mz_exit mz_verb_host_peers(const struct mz_args *args)
{
	enum mz_form form = mz_form_of(args);
	bool is_document = form == MZ_FORM_JSON || form == MZ_FORM_YAML;
	Mizar__V1__LocalResponse *response;
	enum mz_exit result;
	int r;

	result = get_status(args, &response);
	if (result != MZ_DONE)
		return result;
	r = is_document ? print_peers_json(form, response->status) :
			  print_peers(form, response->status);
	mizar__v1__local_response__free_unpacked(response, NULL);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

/* ---- rows by hand ---------------------------------------------------------------------------- */

static int parse_row(const char *text, Mizar__V1__Row **ret_row)
{
	struct mz_problems problems = {};
	ProtobufCMessage *message;
	json_error_t error;
	json_t *json;
	int r;

	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		mz_error("ROW: not JSON: %s (character %d)", error.text, error.position);
		return -EINVAL;
	}
	r = mz_message_from_json(mz_message_find(&mizar__v1__row__descriptor), json, "", &problems,
				 &message);
	json_decref(json);
	for (size_t i = 0; i < problems.n_items; i++)
		mz_error("ROW: %s: %s", problems.items[i].path, problems.items[i].message);
	mz_problems_fini(&problems);
	if (r < 0)
		return r;
	*ret_row = (Mizar__V1__Row *)message;
	return 0;
}

static enum mz_exit send_rows(const struct mz_args *args, bool unset,
			      Mizar__V1__LocalRowChange *change)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalResponse *response;
	enum mz_exit result;

	if (unset) {
		request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_UNSET;
		request.unset = change;
	} else {
		request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_SET;
		request.set = change;
	}
	result = mz_local_call(args, &request, &response);
	if (result == MZ_DONE)
		mizar__v1__local_response__free_unpacked(response, NULL);
	return result;
}

static enum mz_exit change_rows(const struct mz_args *args, bool unset)
{
	Mizar__V1__LocalRowChange change = MIZAR__V1__LOCAL_ROW_CHANGE__INIT;
	enum mz_exit result = MZ_DONE;

	change.rows = calloc(args->n_words, sizeof(*change.rows));
	if (!change.rows) {
		mz_error("out of memory");
		return MZ_FAILED;
	}
	for (; change.n_rows < args->n_words; change.n_rows++)
		if (parse_row(args->words[change.n_rows], &change.rows[change.n_rows]) < 0) {
			result = MZ_MISUSED;
			break;
		}
	if (result == MZ_DONE)
		result = send_rows(args, unset, &change);
	for (size_t i = 0; i < change.n_rows; i++)
		mizar__v1__row__free_unpacked(change.rows[i], NULL);
	free(change.rows);
	return result;
}

enum mz_exit mz_verb_host_set(const struct mz_args *args)
{
	return change_rows(args, false);
}

enum mz_exit mz_verb_host_unset(const struct mz_args *args)
{
	return change_rows(args, true);
}

/* Attachments are found by device: a host of a lab has them in its own network namespace. */
static int enter_host(const struct mz_args *args)
{
	const char *name = mz_target_lab(args), *host = args->values[MZ_OPT_HOST];
	struct mz_lab lab;
	unsigned int place;

	if (!host || !name)
		return 0;
	return mz_lab_load(name, &lab) ?: mz_lab_place_parse(&lab, host, &place) ?:
		mz_lab_enter(&lab, place);
}

static int delete_device(uint64_t uid, const struct mz_device *device, void *user)
{
	return mz_device_delete(uid);
}

enum mz_exit mz_verb_host_uninstall(const struct mz_args *args)
{
	char dir[PATH_MAX];
	int r;

	if (mz_target_dir(args, dir) < 0)
		return MZ_MISUSED;
	r = enter_host(args);
	if (!r)
		r = mz_programs_uninstall(dir);
	if (!r && mz_args_has(args, MZ_OPT_DEVICES))
		r = mz_device_each(delete_device, NULL);
	if (r == -EBUSY)
		mz_error("mizard is running on %s: stop it first", dir);
	else if (r < 0)
		mz_error("cannot remove the data plane of %s: %s", dir,
			 r == -EPERM || r == -EACCES ? "this needs root" : strerror(-r));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}
