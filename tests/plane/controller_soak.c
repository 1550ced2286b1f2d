// SPDX-License-Identifier: Apache-2.0
/*
 * Anything at any time: endpoints made, migrated, attached, deleted; networks too; bouncers and
 * dividers deleted; hosts that go, come, stall and lose their rows; a controller that is killed.
 * Whenever it is quiet, every host holds exactly the rows that the objects ask for.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "controller_common.h"

#define N_HOSTS 4
#define N_NETWORKS 3
#define N_NAMES 12

struct soak {
	struct plane *plane;
	struct host h[N_HOSTS];
};

static unsigned int below(unsigned int n)
{
	return (unsigned int)random() % n;
}

static void up(struct soak *soak, unsigned int i)
{
	static const char *const names[N_HOSTS] = { "h1", "h2", "h3", "h4" };

	if (!soak->h[i].stream)
		host_up(&soak->h[i], soak->plane, names[i]);
}

/* ---- what is done ---------------------------------------------------------------------------- */

static void try_apply(struct soak *soak, const char *yaml)
{
	Mizar__V1__ApplyResponse *response = apply_request(soak->plane, yaml, false, false, NULL);

	mizar__v1__apply_response__free_unpacked(response, NULL); /* refused is fine, too */
}

static void make_network(struct soak *soak, unsigned int n)
{
	char yaml[512];

	snprintf(yaml, sizeof(yaml),
		 VPC "apiVersion: mizar.com/v1\nkind: Network\n"
		     "metadata: {namespace: a, name: n%u}\n"
		     "spec: {vpc: v, cidrs: [10.%u.0.0/24, 'fd00:%u::/64'], bouncers: %u}\n",
		 n, n + 1, n + 1, 1 + n);
	try_apply(soak, yaml);
}

static void make_endpoint(struct soak *soak, bool placed)
{
	char yaml[512];

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: e%u}\n"
		 "spec: {network: n%u%s%u}\n",
		 below(N_NAMES), below(N_NETWORKS), placed ? ", droplet: h" : "} #",
		 1 + below(N_HOSTS));
	try_apply(soak, yaml);
}

static void delete_replica(struct soak *soak, const char *kind, const char *parent)
{
	char name[32];

	snprintf(name, sizeof(name), "a-%s-h%u", parent, 1 + below(N_HOSTS));
	(void)delete (soak->plane, kind, "", name);
}

static void act(struct soak *soak)
{
	unsigned int h = below(N_HOSTS), what = below(100);
	struct host *host = &soak->h[h];
	char name[16];

	snprintf(name, sizeof(name), "e%u", below(N_NAMES));
	if (what < 30) {
		make_endpoint(soak, true);
	} else if (what < 45) {
		make_endpoint(soak, false);
	} else if (what < 60) {
		if (host->stream)
			(void)host_attach(host, "a", name, NULL, NULL);
	} else if (what < 65) {
		if (host->stream)
			(void)host_detach(host, "a", name);
	} else if (what < 78) {
		(void)delete (soak->plane, "Endpoint", "a", name);
	} else if (what < 84) {
		make_network(soak, below(N_NETWORKS));
	} else if (what < 86) {
		snprintf(name, sizeof(name), "n%u", below(N_NETWORKS));
		(void)delete (soak->plane, "Network", "a", name);
	} else if (what < 87) {
		(void)delete (soak->plane, "VPC", "a", "v");
	} else if (what < 90) {
		snprintf(name, sizeof(name), "n%u", below(N_NETWORKS));
		delete_replica(soak, "Bouncer", name);
	} else if (what < 92) {
		delete_replica(soak, "Divider", "v");
	} else if (what < 95) {
		host_down(host);
		if (below(4) == 0)
			host_forget(host);
	} else if (what < 98) {
		up(soak, h);
	} else {
		host->silent = true;
		plane_wait(soak->plane, 5);
		host_down(host); /* or nobody would know that it missed acks */
		host->silent = false;
	}
}

/* ---- what must be true ----------------------------------------------------------------------- */

static Mizar__V1__ListResponse *list(struct plane *plane, const char *kind)
{
	Mizar__V1__ListRequest request = MIZAR__V1__LIST_REQUEST__INIT;
	ProtobufCMessage *response;

	request.kind = (char *)kind;
	response = plane_ask(plane, "/mizar.v1.Management/List", &request.base,
			     &mizar__v1__list_response__descriptor, NULL, NULL);
	return (Mizar__V1__ListResponse *)response;
}

/* Returns what is not yet so, or NULL. */
static const char *check_endpoints(struct soak *soak, unsigned int *per_host, uint64_t *placed)
{
	Mizar__V1__ListResponse *response = list(soak->plane, "Endpoint");
	const char *problem = NULL;
	size_t i;

	for (i = 0; i < response->n_objects && !problem; i++) {
		const Mizar__V1__Endpoint *endpoint = response->objects[i]->endpoint;
		const char *droplet = endpoint->status->droplet;
		char part[64];
		struct host *host;

		if (!droplet)
			continue;
		host = &soak->h[droplet[1] - '1'];
		per_host[droplet[1] - '1']++;
		/* What waits for a device gets one. */
		if (endpoint->status->migrating_to)
			(void)host_attach(&soak->h[endpoint->status->migrating_to[1] - '1'], "a",
					  endpoint->metadata->name, NULL, NULL);
		placed[endpoint->spec->network[1] - '0']++;
		snprintf(part, sizeof(part), "\"uid\":\"%lu\"",
			 (unsigned long)endpoint->metadata->uid);
		if (!host_has(host, "host", part))
			problem = "a host lacks the row of its endpoint";
		if (endpoint->status->phase != MIZAR__V1__PHASE__PHASE_PROVISIONED)
			problem = "an endpoint is not provisioned";
	}
	mizar__v1__list_response__free_unpacked(response, NULL);
	return problem;
}

static const char *check_networks(struct soak *soak, const uint64_t *placed,
				  unsigned int *ret_bouncers)
{
	Mizar__V1__ListResponse *response = list(soak->plane, "Network");
	const char *problem = NULL;
	size_t i, j;

	*ret_bouncers = 0;
	for (i = 0; i < response->n_objects && !problem; i++) {
		const Mizar__V1__Network *network = response->objects[i]->network;
		char scope[MZ_SCOPE_STRLEN];

		snprintf(scope, sizeof(scope), "locations/%lu",
			 (unsigned long)network->metadata->uid);
		if (network->status->n_bouncers != network->spec->bouncers)
			problem = "a network has not its bouncers";
		for (j = 0; j < network->status->n_bouncers; j++) {
			struct host *host = &soak->h[network->status->bouncers[j][1] - '1'];

			(*ret_bouncers)++;
			/* Two addresses each, IPv4 and IPv6. */
			if (host_rows(host, scope) !=
			    (int)placed[network->metadata->name[1] - '0'] * 2)
				problem = "a bouncer has other rows than its network's";
		}
	}
	mizar__v1__list_response__free_unpacked(response, NULL);
	return problem;
}

static unsigned int n_scopes(const struct soak *soak, Mizar__V1__Scope__Kind kind)
{
	struct held_scope *scope, *next;
	unsigned int i, n = 0;

	for (i = 0; i < N_HOSTS; i++)
		HASH_ITER(hh, soak->h[i].scopes, scope, next)
			n += scope->id.kind == kind;
	return n;
}

static const char *check(struct soak *soak)
{
	unsigned int per_host[N_HOSTS] = {}, bouncers, i;
	uint64_t placed[N_NETWORKS] = {};
	const char *problem;

	problem = check_endpoints(soak, per_host, placed);
	for (i = 0; i < N_HOSTS && !problem; i++)
		if (host_rows(&soak->h[i], "host") != (int)per_host[i])
			problem = "a host has rows of endpoints that are not there";
	if (!problem)
		problem = check_networks(soak, placed, &bouncers);
	if (!problem && n_scopes(soak, MIZAR__V1__SCOPE__KIND__LOCATIONS) != bouncers)
		problem = "somebody holds locations who is no bouncer";
	if (!problem &&
	    n_scopes(soak, MIZAR__V1__SCOPE__KIND__ROUTES) != count(soak->plane, "Divider"))
		problem = "somebody holds routes who is no divider";
	return problem;
}

static void settle(struct soak *soak, unsigned int round)
{
	uint64_t end = uv_hrtime() + 15000000000ULL;
	const char *problem;
	unsigned int i;

	for (i = 0; i < N_HOSTS; i++)
		up(soak, i);
	while ((problem = check(soak))) {
		if (uv_hrtime() > end)
			fail_msg("round %u: %s", round, problem);
		plane_wait(soak->plane, 20);
	}
}

static void test_soak(void **state)
{
	struct soak soak = { .plane = *state };
	const char *seed = getenv("MIZAR_TEST_SEED"), *rounds = getenv("MIZAR_TEST_ROUNDS");
	unsigned int round, i, n = rounds ? (unsigned int)atoi(rounds) : 25;

	srandom(seed ? (unsigned int)atoi(seed) : 1);
	plane_stop(soak.plane, SIGTERM);
	soak.plane->options[0] = "--tombstones";
	soak.plane->options[1] = "0.5"; /* none are left when it is quiet */
	plane_start(soak.plane);
	for (i = 0; i < N_HOSTS; i++)
		up(&soak, i);
	for (round = 0; round < n; round++) {
		for (i = 0; i < N_NETWORKS; i++)
			make_network(&soak, i);
		for (i = 0; i < 60; i++)
			act(&soak);
		if (round % 3 == 2) {
			plane_stop(soak.plane, SIGKILL);
			plane_start(soak.plane);
			for (i = 0; i < N_HOSTS; i++)
				plane_until(soak.plane, !soak.h[i].stream);
		}
		settle(&soak, round);
	}
	for (i = 0; i < N_HOSTS; i++)
		host_free(&soak.h[i]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_soak, plane_setup, plane_teardown),
	};

	controller_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
