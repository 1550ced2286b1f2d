/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mizar path`: endpoints and the names of hosts come from the controller, if names are given; all
 * else from the tables of the hosts. Those of a lab can all be read; elsewhere only this host's
 * can, and the way ends where another host's would have to be asked.
 */
#include "cli/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "cli/grid.h"
#include "cli/host_tables.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/server.h"
#include "cli/target.h"
#include "lab/lab.h"

#define OPEN_MAX_HOSTS ((MZ_PATH_HOPS_MAX + 1) * MZ_REPLICAS_MAX)

struct name {
	struct mz_addr addr;
	char text[MZ_NAME_SIZE];
};

/* An end of the flow, as given and as found. */
struct end {
	const char *word;
	bool is_address;
	struct mz_addr addrs[2];
	size_t n_addrs;
	char network[MZ_NAME_SIZE];
	char droplet[MZ_NAME_SIZE]; /* "": not known */
};

struct asking {
	const struct mz_args *args;
	const char *ns;
	struct mz_server *server; /* NULL: nothing is asked of it */
	struct end src, dst;
	struct mz_path_flow flow;
	bool is_lab;
	struct mz_lab lab;
	struct mz_path_host first;
	struct mz_tables *opened[OPEN_MAX_HOSTS];
	size_t n_opened;
	struct name *names; /* of droplets */
	size_t n_names;
};

static void asking_fini(struct asking *a)
{
	for (size_t i = 0; i < a->n_opened; i++)
		mz_tables_free(a->opened[i]);
	mz_server_free(a->server);
	free(a->names);
}

/* ---- the controller -------------------------------------------------------------------------- */

static enum mz_exit find_end(struct asking *a, struct end *end)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	const Mizar__V1__Endpoint *endpoint;
	int r;

	if (end->is_address)
		return MZ_DONE;
	r = mz_server_get(a->server, &mz_kinds[MZ_KIND_ENDPOINT], a->ns, end->word, &object);
	if (r == -ENOENT)
		mz_error("endpoint/%s does not exist in namespace %s", end->word, a->ns);
	if (r < 0)
		return MZ_FAILED;
	endpoint = object->endpoint;
	for (size_t i = 0; i < endpoint->spec->n_addresses && end->n_addrs < 2; i++)
		if (mz_addr_parse(endpoint->spec->addresses[i], &end->addrs[end->n_addrs]) == 0)
			end->n_addrs++;
	snprintf(end->network, sizeof(end->network), "%s", endpoint->spec->network ?: "");
	if (endpoint->status && endpoint->status->droplet)
		snprintf(end->droplet, sizeof(end->droplet), "%s", endpoint->status->droplet);
	return MZ_DONE;
}

static enum mz_exit find_vni(struct asking *a)
{
	const struct end *end = a->src.is_address ? &a->dst : &a->src;
	_cleanup_(mz_object_freep) struct mz_object *network = NULL, *vpc = NULL;
	int r = mz_server_get(a->server, &mz_kinds[MZ_KIND_NETWORK], a->ns, end->network, &network);

	if (r == 0)
		r = mz_server_get(a->server, &mz_kinds[MZ_KIND_VPC], a->ns,
				  network->network->spec->vpc, &vpc);
	if (r == -ENOENT)
		mz_error("endpoint/%s: its network or VPC is gone", end->word);
	if (r < 0)
		return MZ_FAILED;
	a->flow.vni = vpc->vpc->spec->vni;
	return MZ_DONE;
}

static int add_name(const struct mz_object *object, void *user)
{
	struct asking *a = user;
	struct name *names = realloc(a->names, (a->n_names + 1) * sizeof(*names));

	if (!names)
		return -ENOMEM;
	a->names = names;
	if (mz_addr_parse(object->droplet->spec->address ?: "", &names[a->n_names].addr) < 0)
		return 0;
	snprintf(names[a->n_names++].text, MZ_NAME_SIZE, "%s", mz_object_name(object));
	return 0;
}

static enum mz_exit ask_controller(struct asking *a)
{
	enum mz_exit result = mz_server_open(a->args, &a->server);

	if (result == MZ_DONE)
		result = find_end(a, &a->src);
	if (result == MZ_DONE)
		result = find_end(a, &a->dst);
	if (result == MZ_DONE)
		result = find_vni(a);
	if (result == MZ_DONE && mz_server_list(a->server, &mz_kinds[MZ_KIND_DROPLET], NULL, NULL,
						add_name, a) < 0)
		result = MZ_FAILED;
	return result;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static enum mz_exit open_host(struct asking *a, const char *dir, struct mz_path_host *ret_host)
{
	struct mz_config config;
	enum mz_exit result = mz_host_config(dir, &config);

	if (result == MZ_DONE)
		result = mz_host_tables_open(dir, &ret_host->tables);
	if (result != MZ_DONE)
		return result;
	a->opened[a->n_opened++] = ret_host->tables;
	ret_host->self = config.self;
	ret_host->lease = config.lease;
	return MZ_DONE;
}

/* A host of the lab; 0 if there is none with this address. */
static unsigned int place_of(const struct asking *a, const struct mz_addr *addr)
{
	char text[MZ_ADDR_STRLEN], address[MZ_LAB_PLACE_SIZE];

	mz_addr_format(addr, text);
	for (unsigned int place = 1; a->is_lab && place <= a->lab.n_hosts; place++)
		if (!strcmp(mz_lab_address(&a->lab, place, address), text))
			return place;
	return 0;
}

static const char *lab_dir(const struct asking *a, unsigned int place,
			   char buf[static MZ_LAB_PATH_SIZE])
{
	char name[MZ_LAB_PLACE_SIZE];

	return mz_lab_path(a->lab.name, buf, "%s", mz_lab_place_name(place, name));
}

static int find_host(const struct mz_addr *addr, void *user, struct mz_path_host *ret_host)
{
	struct asking *a = user;
	char dir[MZ_LAB_PATH_SIZE];
	unsigned int place = place_of(a, addr);

	*ret_host = (struct mz_path_host){ .self = *addr };
	if (!mz_addr_compare(addr, &a->first.self))
		*ret_host = a->first;
	else if (place && a->n_opened < OPEN_MAX_HOSTS &&
		 open_host(a, lab_dir(a, place, dir), ret_host) != MZ_DONE)
		return -EIO;
	return 0;
}

static int has_source(const struct asking *a, struct mz_tables *tables)
{
	const struct mz_vni_addr key = { .vni = a->flow.vni, .addr = a->flow.src };
	struct mz_local local;
	int r = mz_table_get(tables, MZ_TABLE_local, &key, &local);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* In a lab, the host that has the source is looked for. */
static enum mz_exit search_lab(struct asking *a)
{
	char dir[MZ_LAB_PATH_SIZE];
	enum mz_exit result;

	for (unsigned int place = 1; place <= a->lab.n_hosts; place++) {
		result = open_host(a, lab_dir(a, place, dir), &a->first);
		if (result != MZ_DONE)
			return result;
		if (has_source(a, a->first.tables) > 0)
			return MZ_DONE;
		mz_tables_free(a->opened[--a->n_opened]);
	}
	mz_error("%s is on no host of lab %s: attach it first", a->src.word, a->lab.name);
	return MZ_FAILED;
}

static enum mz_exit find_first(struct asking *a)
{
	const char *lab = a->args->values[MZ_OPT_DIR] ? NULL : mz_target_lab(a->args);
	char dir[PATH_MAX];
	enum mz_exit result;

	a->is_lab = lab && mz_lab_load(lab, &a->lab) == 0;
	if (a->is_lab && !mz_args_has(a->args, MZ_OPT_HOST))
		return search_lab(a);
	if (mz_target_dir(a->args, dir) < 0)
		return MZ_MISUSED;
	result = open_host(a, dir, &a->first);
	if (result != MZ_DONE || has_source(a, a->first.tables) > 0)
		return result;
	if (a->src.droplet[0])
		mz_error("%s is on host %s: run this there", a->src.word, a->src.droplet);
	else
		mz_error("%s is not on this host: run this on the host that has it", a->src.word);
	return MZ_FAILED;
}

/* ---- output ---------------------------------------------------------------------------------- */

#define HOSTS_SIZE 320
#define END_SIZE   1024
#define ROLES_SIZE 64

static const char *const roles[] = { "source", "bouncer", "divider", "moved", "return",
				     "destination" };

static const char *roles_text(const struct mz_path_hop *hop, char buf[static ROLES_SIZE])
{
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (hop->roles & 1U << i)
			n += (size_t)snprintf(buf + n, ROLES_SIZE - n, "%s%s", n ? "," : "",
					      roles[i]);
	return buf;
}

/* "": it has none that is known. */
static const char *host_name(const struct asking *a, const struct mz_addr *addr,
			     char buf[static MZ_NAME_SIZE])
{
	char place[MZ_LAB_PLACE_SIZE];
	unsigned int n = place_of(a, addr);

	snprintf(buf, MZ_NAME_SIZE, "%s", n ? mz_lab_place_name(n, place) : "");
	for (size_t i = 0; !n && i < a->n_names; i++)
		if (!mz_addr_compare(&a->names[i].addr, addr))
			snprintf(buf, MZ_NAME_SIZE, "%s", a->names[i].text);
	return buf;
}

/* One text for each column; several hosts: any one of them. */
static void hosts_text(const struct asking *a, const struct mz_path_hop *hop,
		       char names[static HOSTS_SIZE], char addrs[static HOSTS_SIZE])
{
	char name[MZ_NAME_SIZE], addr[MZ_ADDR_STRLEN];
	size_t n = 0, m = 0;

	names[0] = addrs[0] = 0;
	for (__u32 i = 0; i < hop->hosts.n && i < MZ_REPLICAS_MAX; i++) {
		const char *gap = i ? "|" : "";

		n += (size_t)snprintf(names + n, HOSTS_SIZE - n, "%s%s", gap,
				      host_name(a, &hop->hosts.addrs[i], name));
		m += (size_t)snprintf(addrs + m, HOSTS_SIZE - m, "%s%s", gap,
				      mz_addr_format(&hop->hosts.addrs[i], addr));
	}
}

static const char *end_text(const struct asking *a, const struct mz_path *path,
			    char buf[static END_SIZE])
{
	char names[HOSTS_SIZE], addrs[HOSTS_SIZE];

	switch (path->end) {
	case MZ_PATH_ARRIVES:
		return "";
	case MZ_PATH_DROPPED:
		snprintf(buf, END_SIZE, "dropped there: %s: %s", mz_drop_name(path->drop),
			 mz_drop_doc(path->drop));
		return buf;
	case MZ_PATH_UNKNOWN:
		break;
	}
	hosts_text(a, &path->hops[path->n_hops - 1], names, addrs);
	snprintf(buf, END_SIZE,
		 "what %s does is in its tables, which cannot be read from here%s%s",
		 names[0] && names[0] != '|' ? names : addrs,
		 a->dst.droplet[0] ? "; the controller says that the destination is on " : "",
		 a->dst.droplet);
	return buf;
}

static int print_table(const struct asking *a, const struct mz_path *path)
{
	static const char *const headers[] = { "HOP", "HOST", "ADDRESS", "ROLE", "WHY" };
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	char number[24], names[HOSTS_SIZE], addrs[HOSTS_SIZE], role[ROLES_SIZE];
	int r = mz_grid_new(stdout, headers, ARRAY_SIZE(headers), &grid);

	for (size_t i = 0; !r && i < path->n_hops; i++) {
		const struct mz_path_hop *hop = &path->hops[i];

		snprintf(number, sizeof(number), "%zu", i + 1);
		hosts_text(a, hop, names, addrs);
		r = mz_grid_add(grid, (const char *const[]){ number, names, addrs,
							     roles_text(hop, role), hop->why });
	}
	if (!r)
		mz_grid_flush(grid);
	return r;
}

static json_t *hop_json(const struct asking *a, const struct mz_path_hop *hop)
{
	json_t *hosts = json_array(), *list = json_array();
	char name[MZ_NAME_SIZE], addr[MZ_ADDR_STRLEN];

	for (__u32 i = 0; i < hop->hosts.n && i < MZ_REPLICAS_MAX; i++)
		json_array_append_new(hosts,
				      json_pack("{s:s, s:s}", "name",
						host_name(a, &hop->hosts.addrs[i], name), "address",
						mz_addr_format(&hop->hosts.addrs[i], addr)));
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (hop->roles & 1U << i)
			json_array_append_new(list, json_string(roles[i]));
	return json_pack("{s:o, s:o, s:s}", "hosts", hosts, "roles", list, "why", hop->why);
}

static int print_document(const struct asking *a, const struct mz_path *path, enum mz_form form)
{
	static const char *const ends[] = {
		[MZ_PATH_ARRIVES] = "arrives",
		[MZ_PATH_DROPPED] = "dropped",
		[MZ_PATH_UNKNOWN] = "unknown",
	};
	char src[MZ_ADDR_STRLEN], dst[MZ_ADDR_STRLEN];
	json_t *hops = json_array(), *json;
	int r;

	for (size_t i = 0; i < path->n_hops; i++)
		json_array_append_new(hops, hop_json(a, &path->hops[i]));
	json = json_pack("{s:i, s:s, s:s, s:o, s:s}", "vni", (int)a->flow.vni, "source",
			 mz_addr_format(&a->flow.src, src), "destination",
			 mz_addr_format(&a->flow.dst, dst), "hops", hops, "end", ends[path->end]);
	if (path->end == MZ_PATH_DROPPED)
		json_object_set_new(json, "drop", json_string(mz_drop_name(path->drop)));
	r = mz_print_json(form, json);
	json_decref(json);
	return r;
}

static int print(const struct asking *a, const struct mz_path *path)
{
	enum mz_form form = mz_form_of(a->args);
	char text[END_SIZE], names[HOSTS_SIZE], addrs[HOSTS_SIZE];
	int r = 0;

	if (form == MZ_FORM_JSON || form == MZ_FORM_YAML)
		return print_document(a, path, form);
	for (size_t i = 0; form == MZ_FORM_NAME && i < path->n_hops; i++) {
		hosts_text(a, &path->hops[i], names, addrs);
		puts(names[0] && names[0] != '|' ? names : addrs);
	}
	if (form != MZ_FORM_NAME)
		r = print_table(a, path);
	if (!r && path->end != MZ_PATH_ARRIVES)
		mz_note("%s", end_text(a, path, text));
	return r;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static bool is_ipv4(const struct end *end, size_t i)
{
	return mz_addr_is_ipv4(&end->addrs[i]);
}

/* A family that both ends have. */
static enum mz_exit choose_addresses(struct asking *a)
{
	for (size_t i = 0; i < a->src.n_addrs; i++)
		for (size_t j = 0; j < a->dst.n_addrs; j++)
			if (is_ipv4(&a->src, i) == is_ipv4(&a->dst, j)) {
				a->flow.src = a->src.addrs[i];
				a->flow.dst = a->dst.addrs[j];
				return MZ_DONE;
			}
	mz_error("%s and %s have no addresses of one family", a->src.word, a->dst.word);
	return MZ_FAILED;
}

static void read_end(struct end *end, const char *word)
{
	end->word = word;
	end->is_address = mz_addr_parse(word, &end->addrs[0]) == 0;
	end->n_addrs = end->is_address;
}

static enum mz_exit find_flow(struct asking *a)
{
	enum mz_exit result = MZ_DONE;

	read_end(&a->src, a->args->words[0]);
	read_end(&a->dst, a->args->words[1]);
	a->flow.vni = (uint32_t)mz_args_number(a->args, MZ_OPT_VNI, 0);
	if (a->src.is_address && a->dst.is_address && !a->flow.vni) {
		mz_error("of two addresses, say the VPC with --vni VNI (mizar get vpcs)");
		return MZ_MISUSED;
	}
	if (a->flow.vni && !(a->src.is_address && a->dst.is_address)) {
		mz_error("--vni is for two addresses: endpoints have one");
		return MZ_MISUSED;
	}
	if (!a->flow.vni)
		result = ask_controller(a);
	return result == MZ_DONE ? choose_addresses(a) : result;
}

enum mz_exit mz_verb_path(const struct mz_args *args)
{
	_cleanup_(asking_fini) struct asking a = { .args = args, .ns = mz_target_namespace(args) };
	struct mz_path path;
	struct timespec ts;
	enum mz_exit result;
	int r;

	result = find_flow(&a);
	if (result == MZ_DONE)
		result = find_first(&a);
	if (result != MZ_DONE)
		return result;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* that of the programs: it cannot fail */
	r = mz_path_walk(&a.flow, &a.first, (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec,
			 find_host, &a, &path);
	if (r < 0) {
		mz_error("cannot read the tables: %s", strerror(-r));
		return MZ_FAILED;
	}
	r = print(&a, &path);
	return r < 0 || path.end == MZ_PATH_DROPPED ? MZ_FAILED : MZ_DONE;
}
