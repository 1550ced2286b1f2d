// SPDX-License-Identifier: Apache-2.0
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ipv4_mapped[12] = { [10] = 0xff, [11] = 0xff };

bool mz_addr_is_ipv4(const struct mz_addr *addr)
{
	return !memcmp(addr->bytes, ipv4_mapped, sizeof(ipv4_mapped));
}

bool mz_addr_is_tunnel(const struct mz_addr *addr)
{
	const uint8_t *bytes = addr->bytes;

	if (mz_addr_is_ipv4(addr))
		return bytes[12] != 0 && bytes[12] != 127 && bytes[12] < 224 &&
		       !(bytes[12] == 169 && bytes[13] == 254);
	return addr->words_be[0] && bytes[0] != 0xff &&
	       !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

bool mz_addr_is_zero(const struct mz_addr *addr)
{
	const struct mz_addr zero = {};

	return !memcmp(addr, &zero, sizeof(zero));
}

int mz_addr_compare(const struct mz_addr *a, const struct mz_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int mz_addr_parse(const char *text, struct mz_addr *ret_addr)
{
	struct mz_addr addr = {};

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, addr.bytes) != 1 || mz_addr_is_ipv4(&addr))
			return -EINVAL;
	} else {
		memcpy(addr.bytes, ipv4_mapped, sizeof(ipv4_mapped));
		if (inet_pton(AF_INET, text, addr.bytes + 12) != 1)
			return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

const char *mz_addr_format(const struct mz_addr *addr, char buf[static MZ_ADDR_STRLEN])
{
	/* Cannot fail: both families fit into MZ_ADDR_STRLEN. */
	if (mz_addr_is_ipv4(addr))
		(void)inet_ntop(AF_INET, addr->bytes + 12, buf, MZ_ADDR_STRLEN);
	else
		(void)inet_ntop(AF_INET6, addr->bytes, buf, MZ_ADDR_STRLEN);
	return buf;
}

int mz_prefix_parse(const char *text, struct mz_addr *ret_addr, unsigned int *ret_len)
{
	const char *slash = strchr(text, '/');
	char host[MZ_ADDR_STRLEN];
	unsigned int len = 0, max;
	struct mz_addr addr, masked;
	const char *p;
	int r;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, slash - text);
	host[slash - text] = 0;
	r = mz_addr_parse(host, &addr);
	if (r < 0)
		return r;

	max = mz_addr_is_ipv4(&addr) ? 32 : 128;
	p = slash + 1;
	if (!*p || (p[0] == '0' && p[1]))
		return -EINVAL;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		len = len * 10 + (*p - '0');
		if (len > max)
			return -EINVAL;
	}
	len += 128 - max;

	masked = mz_addr_mask(&addr, len);
	*ret_addr = addr;
	*ret_len = len;
	return mz_addr_compare(&masked, &addr) ? -ERANGE : 0;
}

const char *mz_prefix_format(const struct mz_addr *addr, unsigned int len,
			     char buf[static MZ_PREFIX_STRLEN])
{
	char host[MZ_ADDR_STRLEN];

	if (mz_addr_is_ipv4(addr))
		len -= 96;
	snprintf(buf, MZ_PREFIX_STRLEN, "%s/%u", mz_addr_format(addr, host), len);
	return buf;
}

struct mz_addr mz_addr_mask(const struct mz_addr *addr, unsigned int len)
{
	struct mz_addr masked = *addr;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		unsigned int bits = len > i * 8 ? len - i * 8 : 0;

		if (bits < 8)
			masked.bytes[i] &= (uint8_t)(0xff << (8 - bits));
	}
	return masked;
}

bool mz_prefix_contains(const struct mz_addr *prefix, unsigned int len, const struct mz_addr *addr)
{
	struct mz_addr a = mz_addr_mask(prefix, len), b = mz_addr_mask(addr, len);

	return !mz_addr_compare(&a, &b);
}

bool mz_prefix_overlaps(const struct mz_addr *a, unsigned int a_len, const struct mz_addr *b,
			unsigned int b_len)
{
	return mz_prefix_contains(a, a_len < b_len ? a_len : b_len, b);
}

struct mz_addr mz_addr_add(const struct mz_addr *addr, uint64_t offset)
{
	struct mz_addr sum = *addr;
	unsigned int carry = 0;
	int i;

	for (i = 15; i >= 0; i--) {
		unsigned int v = sum.bytes[i] + (offset & 0xff) + carry;

		sum.bytes[i] = (uint8_t)v;
		carry = v >> 8;
		offset >>= 8;
	}
	return sum;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

int mz_mac_parse(const char *text, uint8_t ret_mac[static 6])
{
	uint8_t mac[6];
	int i;

	if (strlen(text) != MZ_MAC_STRLEN - 1)
		return -EINVAL;
	for (i = 0; i < 6; i++) {
		int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);

		if (high < 0 || low < 0 || text[i * 3 + 2] != (i < 5 ? ':' : 0))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

const char *mz_mac_format(const uint8_t mac[static 6], char buf[static MZ_MAC_STRLEN])
{
	snprintf(buf, MZ_MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}
