// SPDX-License-Identifier: Apache-2.0
/*
 * The last check before the kernel: the BPF programs index arrays by these values and rely on zero
 * padding, whatever way a row came here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "tables/fields.h"
#include "tables/internal.h"

#define VNI_MAX 0xffffffU
#define SLOT_BITS_MAX 16

static uint32_t get_u32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool is_zero(const void *p, size_t size)
{
	const char *bytes = p;
	size_t i;

	for (i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static bool prefix_ok(const struct mz_addr *addr, unsigned int len)
{
	struct mz_addr masked;

	if (len > 128 || (mz_addr_is_ipv4(addr) && len < 96))
		return false;
	masked = mz_addr_mask(addr, len);
	return !mz_addr_compare(&masked, addr);
}

static bool prefix_key_ok(const void *p)
{
	struct mz_prefix_key key;

	memcpy(&key, p, sizeof(key));
	return key.prefixlen >= 32 && ntohl(key.vni_be) <= VNI_MAX &&
	       prefix_ok(&key.prefix, key.prefixlen - 32);
}

static bool replicas_ok(const void *p)
{
	struct mz_replicas replicas;
	unsigned int i, n;

	memcpy(&replicas, p, sizeof(replicas));
	n = (unsigned int)replicas.n + replicas.n_ready + replicas.n_known;
	if (n > MZ_REPLICAS_MAX)
		return false;
	for (i = 0; i < MZ_REPLICAS_MAX; i++) {
		if (mz_addr_is_zero(&replicas.addrs[i]) != (i >= n))
			return false;
	}
	return true;
}

static bool mac_ok(const uint8_t *mac)
{
	return !(mac[0] & 1) && !is_zero(mac, 6);
}

static bool flags_ok(const struct field *field, const void *p)
{
	unsigned int n = 0;

	while (field->flags[n])
		n++;
	return !(get_u32(p) >> n);
}

/* Printable, as it goes into messages and aliases of devices. */
static bool text_ok(const char *text)
{
	size_t i;

	for (i = 0; i < MZ_NAME_SIZE && text[i]; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return i > 0 && i < MZ_NAME_SIZE;
}

static bool way_ok(const struct mz_way *way)
{
	return way->ifindex && way->ifindex <= INT32_MAX && mac_ok(way->dst_mac) &&
	       mac_ok(way->src_mac);
}

/* Some ways, nothing behind them, and no slot without a way. */
static bool ways_ok(const void *p)
{
	struct mz_nexthop nexthop;
	unsigned int i, n = 0;

	memcpy(&nexthop, p, sizeof(nexthop));
	while (n < MZ_WAYS_MAX && way_ok(&nexthop.ways[n]))
		n++;
	for (i = 0; i < MZ_WAY_SLOTS; i++) {
		if (mz_way_of_slot(&nexthop, i) >= n)
			return false;
	}
	return is_zero(&nexthop.ways[n], (MZ_WAYS_MAX - n) * sizeof(*nexthop.ways));
}

static bool endpoint_addrs_ok(const void *p)
{
	struct mz_endpoint endpoint;
	unsigned int i;

	memcpy(&endpoint, p, sizeof(endpoint));
	if (endpoint.n_addrs > ARRAY_SIZE(endpoint.addrs))
		return false;
	for (i = 0; i < endpoint.n_addrs; i++) {
		const struct mz_addr *addr = &endpoint.addrs[i].addr;
		const struct mz_addr *gateway = &endpoint.addrs[i].gateway;
		unsigned int len = endpoint.addrs[i].prefix_len;

		if (mz_addr_is_zero(addr) || len > 128 || (mz_addr_is_ipv4(addr) && len < 96) ||
		    (!mz_addr_is_zero(gateway) &&
		     mz_addr_is_ipv4(gateway) != mz_addr_is_ipv4(addr)))
			return false;
	}
	return true;
}

static bool field_ok(const struct field *field, const void *p)
{
	const uint8_t *bytes = p;

	switch (field->type) {
	case FIELD_ADDR:
		return !is_zero(p, sizeof(struct mz_addr));
	case FIELD_PREFIX:
		return prefix_key_ok(p);
	case FIELD_MAC:
		return mac_ok(p);
	case FIELD_VNI:
		return get_u32(p) <= VNI_MAX;
	case FIELD_IFINDEX:
		return get_u32(p) > 0 && get_u32(p) <= INT32_MAX;
	case FIELD_FLAGS:
		return flags_ok(field, p);
	case FIELD_REPLICAS:
		return replicas_ok(p);
	case FIELD_PREFIX_LEN4:
		return !bytes[0] || (bytes[0] >= 96 && bytes[0] <= 128);
	case FIELD_PREFIX_LEN6:
		return bytes[0] <= 128;
	case FIELD_TEXT:
		return text_ok(p);
	case FIELD_WAYS:
		return ways_ok(p);
	case FIELD_ENDPOINT_ADDRS:
		return endpoint_addrs_ok(p);
	case FIELD_PAD:
		return is_zero(p, field->size);
	case FIELD_ADDR_OR_NONE:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_END:
		break;
	}
	return true;
}

static bool fields_ok(const struct field *field, const void *object)
{
	for (; field->type != FIELD_END; field++) {
		if (!field_ok(field, (const char *)object + field->offset))
			return false;
	}
	return true;
}

/* What key and value must say together. */
static bool pair_ok(enum mz_table_id id, const void *key, const void *value)
{
	struct mz_network_key network_key;
	struct mz_network network;

	if (id == MZ_TABLE_network) {
		memcpy(&network_key, key, sizeof(network_key));
		memcpy(&network, value, sizeof(network));
		return network.slot_bits <= SLOT_BITS_MAX &&
		       network_key.slot < 1U << network.slot_bits;
	}
	return true;
}

int mz_table_check_row(enum mz_table_id id, const void *key, const void *value)
{
	if (!fields_ok(mz_table_fields[id].key, key) ||
	    !fields_ok(mz_table_fields[id].value, value) || !pair_ok(id, key, value))
		return -EINVAL;
	return 0;
}

void mz_table_end_texts(enum mz_table_id id, void *value)
{
	const struct field *field;

	for (field = mz_table_fields[id].value; field->type != FIELD_END; field++)
		if (field->type == FIELD_TEXT)
			((char *)value)[field->offset + field->size - 1] = '\0';
}
