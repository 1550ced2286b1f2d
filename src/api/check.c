// SPDX-License-Identifier: Apache-2.0
/*
 * What the field table cannot say: rules between the fields of one object, kind by kind. Text that
 * has the wrong format was reported by check_fields.c and is passed over here.
 */
#include "api/check.h"

#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "mizar/wire.h"

/* The fewest addresses that make a subnet: network, gateway, one endpoint, broadcast. */
#define SUBNET_MAX_LEN 126
#define NOT_PARSED     255 /* as a prefix length */
#define LIST_MAX       16  /* the most max_items of the lists below */

#define IPV4(a, b, c, d)                                                                           \
	{                                                                                          \
		.bytes = { [10] = 0xff, [11] = 0xff, a, b, c, d }                                  \
	}

/* What neither an endpoint nor a host can have. RFC 1122, 3.2.1.3; RFC 4291, 2.4. */
static const struct {
	struct mz_addr addr;
	unsigned int len;
	const char *what;
} reserved[] = {
	{ IPV4(0, 0, 0, 0), 96 + 8, "0.0.0.0/8, which means \"this network\"" },
	{ IPV4(127, 0, 0, 0), 96 + 8, "127.0.0.0/8, the loopback range" },
	{ IPV4(169, 254, 0, 0), 96 + 16, "169.254.0.0/16, the link-local range" },
	{ IPV4(224, 0, 0, 0), 96 + 4, "224.0.0.0/4, the multicast range" },
	{ IPV4(255, 255, 255, 255), 128, "255.255.255.255, the broadcast address" },
	{ { .bytes = { 0 } }, 128, "::, the unspecified address" },
	{ { .bytes = { [15] = 1 } }, 128, "::1, the loopback address" },
	{ { .bytes = { 0xfe, 0x80 } }, 10, "fe80::/10, the link-local range" },
	{ { .bytes = { 0xff } }, 8, "ff00::/8, the multicast range" },
};

struct prefix {
	struct mz_addr addr;
	unsigned int len; /* NOT_PARSED: wrong */
};

static const struct mz_path spec_path = { .name = "spec" };

static const char *family_name(bool is_ipv4)
{
	return is_ipv4 ? "IPv4" : "IPv6";
}

/* NULL: the prefix touches nothing reserved. */
static const char *find_reserved(const struct mz_addr *addr, unsigned int len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reserved); i++)
		if (mz_prefix_overlaps(&reserved[i].addr, reserved[i].len, addr, len))
			return reserved[i].what;
	return NULL;
}

static int check_address(const char *text, const struct mz_path *path, struct mz_problems *problems)
{
	struct mz_addr addr;
	const char *what;

	if (!text || mz_addr_parse(text, &addr) < 0)
		return 0;
	what = find_reserved(&addr, 128);
	if (!what)
		return 0;
	return mz_path_problem(problems, path, "%s lies in %s: give a unicast address", text, what);
}

/* Longer lists were reported: no work here that grows with their square. */
static size_t bounded(size_t n)
{
	return n < LIST_MAX ? n : LIST_MAX;
}

static struct prefix parse_prefix(const char *text)
{
	struct prefix prefix;

	if (mz_prefix_parse(text, &prefix.addr, &prefix.len) < 0)
		return (struct prefix){ .len = NOT_PARSED };
	return prefix;
}

/* Each alone, and none overlapping one before it. */
static int check_cidrs(char *const *cidrs, size_t n, const struct mz_path *path,
		       struct mz_problems *problems)
{
	size_t i, j;
	int r = 0;

	for (i = 0; i < bounded(n); i++) {
		const struct mz_path item = { .parent = path, .index = i };
		struct prefix a = parse_prefix(cidrs[i]);
		const char *what;

		if (a.len == NOT_PARSED)
			continue;
		what = find_reserved(&a.addr, a.len);
		if (what)
			r = mz_worse(r, mz_path_problem(problems, &item, "%s overlaps %s", cidrs[i],
							what));
		for (j = 0; j < i; j++) {
			struct prefix b = parse_prefix(cidrs[j]);

			/* The same prefix twice was reported as such. */
			if (b.len == NOT_PARSED ||
			    (b.len == a.len && !mz_addr_compare(&a.addr, &b.addr)))
				continue;
			if (mz_prefix_overlaps(&a.addr, a.len, &b.addr, b.len))
				r = mz_worse(r, mz_path_problem(problems, &item, "%s overlaps %s",
								cidrs[i], cidrs[j]));
		}
	}
	return r;
}

/* Texts of one family twice: lists with "one per family". */
static int check_families(char *const *texts, size_t n, bool are_prefixes,
			  const struct mz_path *path, struct mz_problems *problems)
{
	bool seen[2] = {};
	size_t i;
	int r = 0;

	for (i = 0; i < n; i++) {
		const struct mz_path item = { .parent = path, .index = i };
		struct prefix p = { .len = 0 };
		bool is_ipv4;

		if (are_prefixes)
			p = parse_prefix(texts[i]);
		else if (mz_addr_parse(texts[i], &p.addr) < 0)
			p.len = NOT_PARSED;
		if (p.len == NOT_PARSED)
			continue;
		is_ipv4 = mz_addr_is_ipv4(&p.addr);
		if (seen[is_ipv4])
			r = mz_worse(r, mz_path_problem(problems, &item,
							"a second %s %s: give at most "
							"one per family",
							family_name(is_ipv4),
							are_prefixes ? "prefix" : "address"));
		seen[is_ipv4] = true;
	}
	return r;
}

static int check_subnet_sizes(char *const *cidrs, size_t n, const struct mz_path *path,
			      struct mz_problems *problems)
{
	size_t i;
	int r = 0;

	for (i = 0; i < n; i++) {
		const struct mz_path item = { .parent = path, .index = i };
		struct prefix p = parse_prefix(cidrs[i]);

		if (p.len != NOT_PARSED && p.len > SUBNET_MAX_LEN)
			r = mz_worse(r, mz_path_problem(problems, &item,
							"%s is too small: a subnet has "
							"at least 4 addresses (%s)",
							cidrs[i],
							mz_addr_is_ipv4(&p.addr) ? "/30" : "/126"));
	}
	return r;
}

/* First and, in IPv4, last address of a prefix belong to nobody (RFC 1122; RFC 4291, 2.6.1). */
static const char *gateway_conflict(const struct prefix *p, const struct mz_addr *addr)
{
	struct mz_addr next = mz_addr_add(addr, 1);

	if (!mz_addr_compare(addr, &p->addr))
		return "the address of the network itself";
	if (mz_addr_is_ipv4(addr) && !mz_prefix_contains(&p->addr, p->len, &next))
		return "the broadcast address";
	return NULL;
}

static int check_gateway(const Mizar__V1__NetworkSpec *spec, const char *gateway,
			 const struct mz_path *path, struct mz_problems *problems)
{
	struct mz_addr addr;
	bool all_parsed = true;
	const char *conflict;
	size_t i;

	if (mz_addr_parse(gateway, &addr) < 0)
		return 0;
	for (i = 0; i < bounded(spec->n_cidrs); i++) {
		struct prefix p = parse_prefix(spec->cidrs[i]);

		if (p.len == NOT_PARSED) {
			all_parsed = false;
			continue;
		}
		if (!mz_prefix_contains(&p.addr, p.len, &addr))
			continue;
		conflict = gateway_conflict(&p, &addr);
		if (!conflict)
			return 0;
		return mz_path_problem(problems, path, "%s is %s of %s", gateway, conflict,
				       spec->cidrs[i]);
	}
	if (!all_parsed)
		return 0;
	return mz_path_problem(problems, path, "%s lies in none of spec.cidrs", gateway);
}

static int check_subnet(const Mizar__V1__NetworkSpec *spec, struct mz_problems *problems)
{
	const struct mz_path cidrs = { .parent = &spec_path, .name = "cidrs" };
	const struct mz_path gateways = { .parent = &spec_path, .name = "gateways" };
	size_t i;
	int r = 0;

	if (!spec->n_cidrs)
		return mz_path_problem(problems, &cidrs,
				       "required for a subnet: one prefix per family, "
				       "as [10.0.0.0/24, \"fd00::/64\"]");
	r = mz_worse(r, check_cidrs(spec->cidrs, spec->n_cidrs, &cidrs, problems));
	r = mz_worse(r, check_families(spec->cidrs, spec->n_cidrs, true, &cidrs, problems));
	r = mz_worse(r, check_subnet_sizes(spec->cidrs, spec->n_cidrs, &cidrs, problems));
	r = mz_worse(r,
		     check_families(spec->gateways, spec->n_gateways, false, &gateways, problems));
	for (i = 0; i < spec->n_gateways; i++) {
		const struct mz_path item = { .parent = &gateways, .index = i };

		r = mz_worse(r, check_gateway(spec, spec->gateways[i], &item, problems));
	}
	return r;
}

static int check_group(const Mizar__V1__NetworkSpec *spec, struct mz_problems *problems)
{
	const struct mz_path cidrs = { .parent = &spec_path, .name = "cidrs" };
	const struct mz_path gateways = { .parent = &spec_path, .name = "gateways" };
	int r = 0;

	if (spec->n_cidrs)
		r = mz_path_problem(problems, &cidrs,
				    "a group has none: its endpoints give their "
				    "addresses; for a network with a prefix, say kind: subnet");
	if (spec->n_gateways)
		r = mz_worse(r, mz_path_problem(problems, &gateways, "a group has none"));
	return r;
}

static int check_network(const struct mz_object *object, struct mz_problems *problems)
{
	const Mizar__V1__NetworkSpec *spec = object->network->spec;

	if (spec->kind == MIZAR__V1__NETWORK_KIND__NETWORK_KIND_GROUP)
		return check_group(spec, problems);
	return check_subnet(spec, problems);
}

static int check_droplet(const struct mz_object *object, struct mz_problems *problems)
{
	const struct mz_path path = { .parent = &spec_path, .name = "address" };

	const char *text = object->droplet->spec->address;
	struct mz_addr addr;
	int r;

	r = check_address(text, &path, problems);
	if (r || !text || mz_addr_parse(text, &addr) < 0 || mz_addr_is_tunnel(&addr))
		return r;
	return mz_path_problem(problems, &path,
			       "%s lies in ::/32, of which nobody has an address: give another",
			       text);
}

static int check_vpc(const struct mz_object *object, struct mz_problems *problems)
{
	const struct mz_path path = { .parent = &spec_path, .name = "cidrs" };
	const Mizar__V1__VPCSpec *spec = object->vpc->spec;

	return check_cidrs(spec->cidrs, spec->n_cidrs, &path, problems);
}

static int check_mac(const char *text, struct mz_problems *problems)
{
	static const uint8_t virtual_mac[6] = MZ_VIRTUAL_MAC;
	const struct mz_path path = { .parent = &spec_path, .name = "mac" };
	uint8_t mac[6];

	if (!text || mz_mac_parse(text, mac) < 0 || memcmp(mac, virtual_mac, sizeof(mac)))
		return 0;
	return mz_path_problem(problems, &path,
			       "%s is what endpoints see as their gateway's: give another", text);
}

static int check_endpoint(const struct mz_object *object, struct mz_problems *problems)
{
	const struct mz_path path = { .parent = &spec_path, .name = "addresses" };
	const Mizar__V1__EndpointSpec *spec = object->endpoint->spec;
	size_t i;
	int r;

	r = check_families(spec->addresses, spec->n_addresses, false, &path, problems);
	for (i = 0; i < spec->n_addresses; i++) {
		const struct mz_path item = { .parent = &path, .index = i };

		r = mz_worse(r, check_address(spec->addresses[i], &item, problems));
	}
	return mz_worse(r, check_mac(spec->mac, problems));
}

static int check_nothing(const struct mz_object *object, struct mz_problems *problems)
{
	return 0;
}

static int (*const rules[MZ_N_KINDS])(const struct mz_object *object,
				      struct mz_problems *problems) = {
	[MZ_KIND_DROPLET] = check_droplet,
	[MZ_KIND_VPC] = check_vpc,
	[MZ_KIND_NETWORK] = check_network,
	[MZ_KIND_ENDPOINT] = check_endpoint,
	[MZ_KIND_BOUNCER] = check_nothing,
	[MZ_KIND_DIVIDER] = check_nothing,
};

static int check_namespace(const struct mz_object *object, struct mz_problems *problems)
{
	const struct mz_kind_info *kind = &mz_kinds[object->kind];

	if (kind->namespaced || !mz_object_metadata(object)->namespace_)
		return 0;
	return mz_problem_add(problems, "metadata.namespace",
			      "a %s belongs to the whole cluster: leave the namespace out",
			      kind->name);
}

int mz_object_check(const struct mz_object *object, struct mz_problems *problems)
{
	int r;

	r = mz_check_message(mz_kinds[object->kind].message, object->msg, NULL, problems);
	r = mz_worse(r, check_namespace(object, problems));
	return mz_worse(r, rules[object->kind](object, problems));
}
