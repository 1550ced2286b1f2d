// SPDX-License-Identifier: Apache-2.0
#include "tables/fields.h"

#define FIELD(struct_, member_, type_, name_)                                                      \
	{ .type = FIELD_##type_,                                                                   \
	  .name = name_,                                                                           \
	  .offset = offsetof(struct struct_, member_),                                             \
	  .size = sizeof(((struct struct_ *)0)->member_) }
#define FLAGS(struct_, member_, names_)                                                            \
	{ .type = FIELD_FLAGS,                                                                     \
	  .offset = offsetof(struct struct_, member_),                                             \
	  .size = sizeof(__u32),                                                                   \
	  .flags = names_ }
#define PAD(struct_, member_) FIELD(struct_, member_, PAD, NULL)
#define WHOLE(type_, name_, size_) { .type = FIELD_##type_, .name = name_, .size = size_ }

static const char *const no_flags[] = { NULL };
static const char *const vpc_flags[] = { "divide", "direct", NULL };
static const char *const learned_flags[] = { "stale", "rts", "here", "byDivider",
					     NULL };
static const char *const port_flags[] = { "peer", NULL };

static const struct field addr_key[] = {
	WHOLE(ADDR, "address", sizeof(struct mz_addr)),
	{},
};
static const struct field vni_key[] = {
	WHOLE(VNI, "vni", sizeof(__u32)),
	{},
};
static const struct field ifindex_key[] = {
	WHOLE(IFINDEX, "ifindex", sizeof(__u32)),
	{},
};
static const struct field uid_key[] = {
	WHOLE(U64, "uid", sizeof(__u64)),
	{},
};
static const struct field prefix_key[] = {
	WHOLE(PREFIX, NULL, sizeof(struct mz_prefix_key)),
	{},
};
static const struct field vni_addr_key[] = {
	FIELD(mz_vni_addr, vni, VNI, "vni"),
	FIELD(mz_vni_addr, addr, ADDR, "address"),
	{},
};
static const struct field network_key[] = {
	FIELD(mz_network_key, network, U64, "network"),
	FIELD(mz_network_key, slot, U32, "slot"),
	PAD(mz_network_key, pad),
	{},
};
static const struct field scope_key[] = {
	FIELD(mz_scope_key, kind, U32, "kind"),
	FIELD(mz_scope_key, id, U64, "id"),
	PAD(mz_scope_key, pad),
	{},
};

static const struct field droplet[] = {
	FLAGS(mz_droplet, flags, no_flags),
	{},
};
static const struct field nexthop[] = {
	WHOLE(WAYS, "ways", sizeof(struct mz_nexthop)),
	FIELD(mz_nexthop, path_mtu, U32, "pathMtu"),
	FIELD(mz_nexthop, path_mtu_until, U32, "pathMtuUntil"),
	{},
};
static const struct field vpc[] = {
	FLAGS(mz_vpc, flags, vpc_flags),
	FIELD(mz_vpc, dividers, REPLICAS, "dividers"),
	{},
};
static const struct field route[] = {
	FIELD(mz_route, network, U64, "network"),
	{},
};
static const struct field network[] = {
	FIELD(mz_network, vni, VNI, "vni"),
	FIELD(mz_network, slot_bits, U32, "slotBits"),
	FIELD(mz_network, bouncers, REPLICAS, "bouncers"),
	PAD(mz_network, pad),
	{},
};
static const struct field location[] = {
	FIELD(mz_location, network, U64, "network"),
	FIELD(mz_location, host, ADDR, "host"),
	FIELD(mz_location, generation, U32, "generation"),
	PAD(mz_location, pad),
	{},
};
static const struct field port[] = {
	FIELD(mz_port, uid, U64, "uid"),
	FIELD(mz_port, vni, VNI, "vni"),
	FIELD(mz_port, network, U64, "network"),
	FLAGS(mz_port, flags, port_flags),
	FIELD(mz_port, ip4, ADDR_OR_NONE, "ip4"),
	FIELD(mz_port, ip6, ADDR_OR_NONE, "ip6"),
	FIELD(mz_port, gateway4, ADDR_OR_NONE, "gateway4"),
	FIELD(mz_port, gateway6, ADDR_OR_NONE, "gateway6"),
	FIELD(mz_port, mac, MAC, "mac"),
	FIELD(mz_port, prefix_len4, PREFIX_LEN4, "prefixLength4"),
	FIELD(mz_port, prefix_len6, PREFIX_LEN6, "prefixLength6"),
	{},
};
static const struct field local[] = {
	FIELD(mz_local, network, U64, "network"),
	FIELD(mz_local, ifindex, IFINDEX, "ifindex"),
	FIELD(mz_local, generation, U32, "generation"),
	FIELD(mz_local, mac, MAC, "mac"),
	FIELD(mz_local, mtu, U16, "mtu"),
	FLAGS(mz_local, flags, port_flags),
	{},
};
static const struct field learned[] = {
	FIELD(mz_learned, host, ADDR, "host"),
	FIELD(mz_learned, before, ADDR_OR_NONE, "before"),
	FIELD(mz_learned, network, U64, "network"),
	FIELD(mz_learned, generation, U32, "generation"),
	FIELD(mz_learned, group, U32, "group"),
	FLAGS(mz_learned, flags, learned_flags),
	FIELD(mz_learned, confirmed, U64, "confirmed"),
	FIELD(mz_learned, used, U64, "used"),
	FIELD(mz_learned, asked, U64, "asked"),
	FIELD(mz_learned, hits, U64, "hits"),
	FIELD(mz_learned, asked_bouncers, U32, "askedBouncers"),
	{},
};
static const struct field moved[] = {
	FIELD(mz_moved, host, ADDR, "host"),
	FIELD(mz_moved, generation, U32, "generation"),
	PAD(mz_moved, pad),
	{},
};
static const struct field dead[] = {
	FIELD(mz_dead, until, U64, "until"),
	FIELD(mz_dead, misses, U32, "misses"),
	PAD(mz_dead, pad),
	{},
};
static const struct field endpoint[] = {
	FIELD(mz_endpoint, namespace_, TEXT, "namespace"),
	FIELD(mz_endpoint, name, TEXT, "name"),
	FIELD(mz_endpoint, vni, VNI, "vni"),
	FIELD(mz_endpoint, network, U64, "network"),
	FIELD(mz_endpoint, generation, U32, "generation"),
	FIELD(mz_endpoint, mac, MAC, "mac"),
	WHOLE(ENDPOINT_ADDRS, "addresses", sizeof(struct mz_endpoint)),
	PAD(mz_endpoint, pad),
	{},
};
static const struct field scope[] = {
	FIELD(mz_scope, epoch, U64, "epoch"),
	FIELD(mz_scope, revision, U64, "revision"),
	{},
};

const struct fields mz_table_fields[MZ_N_TABLES] = {
	[MZ_TABLE_droplet] = { addr_key, droplet },
	[MZ_TABLE_nexthop] = { addr_key, nexthop },
	[MZ_TABLE_vpc] = { vni_key, vpc },
	[MZ_TABLE_prefix] = { prefix_key, route },
	[MZ_TABLE_member] = { vni_addr_key, route },
	[MZ_TABLE_network] = { network_key, network },
	[MZ_TABLE_location] = { vni_addr_key, location },
	[MZ_TABLE_port] = { ifindex_key, port },
	[MZ_TABLE_local] = { vni_addr_key, local },
	[MZ_TABLE_learned] = { vni_addr_key, learned },
	[MZ_TABLE_moved] = { vni_addr_key, moved },
	[MZ_TABLE_dead] = { addr_key, dead },
	[MZ_TABLE_endpoint] = { uid_key, endpoint },
	[MZ_TABLE_scope] = { scope_key, scope },
};
