// SPDX-License-Identifier: Apache-2.0
/*
 * Rows as text. Key and value become one flat object: no table has a name in both with different
 * meanings.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/replicas.h"
#include "tables/fields.h"
#include "tables/internal.h"

/* 0 if the value could be made and set: jansson's functions take NULL, and steal the value. */
static int set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) < 0 ? -ENOMEM : 0;
}

static json_t *addr_text(const struct mz_addr *addr)
{
	char text[MZ_ADDR_STRLEN];

	return json_string(mz_addr_format(addr, text));
}

static json_t *u64_text(const void *p)
{
	char text[24];
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	snprintf(text, sizeof(text), "%" PRIu64, v);
	return json_string(text);
}

static json_t *mac_text(const void *p)
{
	char text[MZ_MAC_STRLEN];

	return json_string(mz_mac_format(p, text));
}

static unsigned int family_len(const struct mz_addr *addr, unsigned int len)
{
	return mz_addr_is_ipv4(addr) && len >= 96 ? len - 96 : len;
}

static json_t *addr_array(const struct mz_addr *addrs, unsigned int n)
{
	_cleanup_(json_decrefp) json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (json_array_append_new(array, addr_text(&addrs[i])) < 0)
			return NULL;
	}
	return TAKE(array);
}

/* Those that are used have the field's name. */
static int set_replicas(json_t *json, const char *name, const struct mz_replicas *replicas)
{
	unsigned int size = mz_replicas_size(replicas);
	unsigned int n = replicas->n < size ? replicas->n : size;
	unsigned int n_ready = replicas->n_ready < size - n ? replicas->n_ready : size - n;
	int r;

	r = set(json, name, addr_array(replicas->addrs, n));
	if (r == 0)
		r = set(json, "ready", addr_array(replicas->addrs + n, n_ready));
	if (r == 0)
		r = set(json, "known",
			addr_array(replicas->addrs + n + n_ready, size - n - n_ready));
	return r;
}

static json_t *endpoint_addrs(const struct mz_endpoint *endpoint)
{
	_cleanup_(json_decrefp) json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < endpoint->n_addrs && i < ARRAY_SIZE(endpoint->addrs); i++) {
		const struct mz_addr *addr = &endpoint->addrs[i].addr;
		const struct mz_addr *gateway = &endpoint->addrs[i].gateway;
		unsigned int len = family_len(addr, endpoint->addrs[i].prefix_len);
		json_t *object = json_object();
		int r;

		r = set(object, "address", addr_text(addr));
		if (r == 0)
			r = set(object, "prefixLength", json_integer(len));
		if (r == 0 && !mz_addr_is_zero(gateway))
			r = set(object, "gateway", addr_text(gateway));
		if (json_array_append_new(array, object) < 0 || r < 0)
			return NULL;
	}
	return TAKE(array);
}

static json_t *ways(const struct mz_nexthop *nexthop)
{
	_cleanup_(json_decrefp) json_t *array = json_array();
	unsigned int i, slot, n_slots;

	for (i = 0; i < MZ_WAYS_MAX && nexthop->ways[i].ifindex; i++) {
		const struct mz_way *way = &nexthop->ways[i];
		json_t *object = json_object();
		int r;

		for (n_slots = slot = 0; slot < MZ_WAY_SLOTS; slot++)
			n_slots += mz_way_of_slot(nexthop, slot) == i;
		r = set(object, "ifindex", json_integer(way->ifindex));
		if (r == 0)
			r = set(object, "destinationMac", mac_text(way->dst_mac));
		if (r == 0)
			r = set(object, "sourceMac", mac_text(way->src_mac));
		if (r == 0)
			r = set(object, "slots", json_integer(n_slots));
		if (json_array_append_new(array, object) < 0 || r < 0)
			return NULL;
	}
	return TAKE(array);
}

static int set_prefix(json_t *json, const struct mz_prefix_key *key)
{
	unsigned int len = key->prefixlen >= 32 ? key->prefixlen - 32 : 0;
	char text[MZ_PREFIX_STRLEN];
	int r;

	r = set(json, "vni", json_integer(ntohl(key->vni_be)));
	if (r < 0)
		return r;
	return set(json, "prefix", json_string(mz_prefix_format(&key->prefix, len, text)));
}

static int set_flags(json_t *json, const struct field *field, uint32_t flags)
{
	unsigned int i;
	int r = 0;

	for (i = 0; r == 0 && field->flags[i]; i++)
		r = set(json, field->flags[i], json_boolean(flags >> i & 1));
	return r;
}

static int set_field(json_t *json, const struct field *field, const void *p)
{
	uint8_t u8 = *(const uint8_t *)p;
	uint16_t u16 = 0;
	uint32_t u32 = 0;

	if (field->size == sizeof(u16))
		memcpy(&u16, p, sizeof(u16));
	if (field->size == sizeof(u32))
		memcpy(&u32, p, sizeof(u32));
	switch (field->type) {
	case FIELD_ADDR:
		return set(json, field->name, addr_text(p));
	case FIELD_ADDR_OR_NONE:
		return mz_addr_is_zero(p) ? 0 : set(json, field->name, addr_text(p));
	case FIELD_PREFIX:
		return set_prefix(json, p);
	case FIELD_MAC:
		return set(json, field->name, mac_text(p));
	case FIELD_U16:
		return set(json, field->name, json_integer(u16));
	case FIELD_VNI:
	case FIELD_IFINDEX:
	case FIELD_U32:
		return set(json, field->name, json_integer(u32));
	case FIELD_U64:
		return set(json, field->name, u64_text(p));
	case FIELD_FLAGS:
		return set_flags(json, field, u32);
	case FIELD_REPLICAS:
		return set_replicas(json, field->name, p);
	case FIELD_PREFIX_LEN4:
		return set(json, field->name, json_integer(u8 >= 96 ? u8 - 96 : u8));
	case FIELD_PREFIX_LEN6:
		return set(json, field->name, json_integer(u8));
	case FIELD_TEXT:
		return set(json, field->name, json_stringn(p, strnlen(p, field->size)));
	case FIELD_WAYS:
		return set(json, field->name, ways(p));
	case FIELD_ENDPOINT_ADDRS:
		return set(json, field->name, endpoint_addrs(p));
	case FIELD_PAD:
	case FIELD_END:
		break;
	}
	return 0;
}

static int set_fields(json_t *json, const struct field *field, const void *object)
{
	int r = 0;

	for (; r == 0 && field->type != FIELD_END; field++)
		r = set_field(json, field, (const char *)object + field->offset);
	return r;
}

int mz_table_row_to_json(enum mz_table_id id, const void *key, const void *value, json_t **ret_json)
{
	_cleanup_(json_decrefp) json_t *json = json_object();
	int r;

	if (!json)
		return -ENOMEM;
	r = set_fields(json, mz_table_fields[id].key, key);
	if (r == 0)
		r = set_fields(json, mz_table_fields[id].value, value);
	if (r < 0)
		return r;
	*ret_json = TAKE(json);
	return 0;
}
