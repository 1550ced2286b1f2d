// SPDX-License-Identifier: Apache-2.0
/* Text forms of fields: see text.h. All pure; everything that is read here may be hostile. */
#include "api/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"

/* Length of the character at p, 0 if it is not well-formed. Table 3-7 of the Unicode standard. */
static size_t utf8_length(const unsigned char *p)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n, i;

	if (*p < 0x80)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (*p == 0xe0)
		low = 0xa0; /* shorter forms exist */
	else if (*p == 0xed)
		high = 0x9f; /* surrogates */
	else if (*p == 0xf0)
		low = 0x90; /* shorter forms exist */
	else if (*p == 0xf4)
		high = 0x8f; /* behind U+10FFFF */
	for (i = 1; i < n; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool mz_text_is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		size_t n = utf8_length(p);

		if (!n)
			return false;
		p += n;
	}
	return true;
}

int mz_time_parse(const char *text, uint64_t *ret_seconds)
{
	char again[MZ_TIME_STRLEN];
	struct tm tm = {};
	const char *end;
	time_t t;

	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -EINVAL;
	t = timegm(&tm);
	/* strptime takes single digits and the 31st of February: it must come out again. */
	if (t < 0 || mz_time_format((uint64_t)t, again) < 0 || strcmp(text, again))
		return -EINVAL;
	*ret_seconds = (uint64_t)t;
	return 0;
}

int mz_time_format(uint64_t seconds, char buf[static MZ_TIME_STRLEN])
{
	const uint64_t year_10000 = 253402300800;
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds >= year_10000 || !gmtime_r(&t, &tm))
		return -EINVAL;
	(void)strftime(buf, MZ_TIME_STRLEN, "%Y-%m-%dT%H:%M:%SZ", &tm); /* always 20 characters */
	return 0;
}

size_t mz_bytes_size(enum mz_format format)
{
	return format == MZ_FORMAT_IP ? sizeof(struct mz_addr) : format == MZ_FORMAT_MAC ? 6 : 0;
}

int mz_bytes_parse(enum mz_format format, const char *text, uint8_t *ret_data)
{
	struct mz_addr addr;
	int r;

	if (format == MZ_FORMAT_MAC)
		return mz_mac_parse(text, ret_data);
	r = mz_addr_parse(text, &addr);
	if (r < 0)
		return r;
	memcpy(ret_data, addr.bytes, sizeof(addr.bytes));
	return 0;
}

const char *mz_bytes_format(enum mz_format format, const uint8_t *data,
			    char buf[static MZ_BYTES_STRLEN])
{
	struct mz_addr addr;

	if (format == MZ_FORMAT_MAC)
		return mz_mac_format(data, buf);
	memcpy(addr.bytes, data, sizeof(addr.bytes));
	return mz_addr_format(&addr, buf);
}

const char *mz_format_describe(enum mz_format format)
{
	switch (format) {
	case MZ_FORMAT_ANY:
		return "text";
	case MZ_FORMAT_DNS_LABEL:
		return "a name of 1 to 63 lower case letters, digits and '-', with a letter or "
		       "digit at both ends";
	case MZ_FORMAT_IP:
		return "an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2";
	case MZ_FORMAT_PREFIX:
		return "an IPv4 or IPv6 prefix, as 10.0.0.0/24 or fd00::/64";
	case MZ_FORMAT_MAC:
		return "a unicast MAC address, as 02:00:00:00:00:01";
	case MZ_FORMAT_LABEL_KEY:
		return "a label key: at most 63 letters, digits, '-', '_' and '.', with a letter "
		       "or digit at both ends, and if wanted a DNS name and '/' before it";
	case MZ_FORMAT_LABEL_VALUE:
		return "a label value: at most 63 letters, digits, '-', '_' and '.', with a letter "
		       "or digit at both ends, or empty";
	case MZ_FORMAT_IFNAME:
		return "a device name of 1 to 15 characters, without '/', ':' and white space";
	case MZ_FORMAT_TIMESTAMP:
		return "a time in UTC, as 2026-11-21T07:43:04Z";
	}
	return "text";
}

/* 1 to 63 of [a-z0-9-] with [a-z0-9] at both ends (RFC 1123). */
static bool is_dns_label(const char *text, size_t size)
{
	size_t i;

	if (!size || size > 63 || text[0] == '-' || text[size - 1] == '-')
		return false;
	for (i = 0; i < size; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
		    text[i] != '-')
			return false;
	return true;
}

static bool is_dns_name(const char *text, size_t size)
{
	const char *end = text + size, *dot;

	if (size > 253)
		return false;
	for (; (dot = memchr(text, '.', end - text)); text = dot + 1)
		if (!is_dns_label(text, dot - text))
			return false;
	return is_dns_label(text, end - text);
}

/* Kubernetes' "qualified name" without its prefix. */
static bool is_label_name(const char *text)
{
	size_t size = strlen(text), i;

	if (!size || size > 63 || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[size - 1]))
		return false;
	for (i = 0; i < size; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return false;
	return true;
}

static bool is_label_key(const char *text)
{
	const char *slash = strchr(text, '/');

	if (slash && !is_dns_name(text, slash - text))
		return false;
	return is_label_name(slash ? slash + 1 : text);
}

/* What the kernel's dev_valid_name() accepts. */
static bool is_ifname(const char *text)
{
	size_t size = strlen(text), i;

	if (!size || size > 15 || !strcmp(text, ".") || !strcmp(text, ".."))
		return false;
	for (i = 0; i < size; i++)
		if (text[i] == '/' || text[i] == ':' || isspace((unsigned char)text[i]))
			return false;
	return true;
}

static int check_name(const char *text, char hint[static MZ_HINT_SIZE])
{
	size_t size = strlen(text), i;
	char lower[64];

	if (is_dns_label(text, size))
		return 0;
	if (size < sizeof(lower)) {
		for (i = 0; i <= size; i++) {
			char c = (char)tolower((unsigned char)text[i]);

			lower[i] = c == '_' || c == '.' ? '-' : c;
		}
		if (is_dns_label(lower, size))
			snprintf(hint, MZ_HINT_SIZE, "%s", lower);
	}
	return -EINVAL;
}

static int check_prefix(const char *text, char hint[static MZ_HINT_SIZE])
{
	char buf[MZ_PREFIX_STRLEN];
	struct mz_addr addr;
	unsigned int len;
	int r;

	r = mz_prefix_parse(text, &addr, &len);
	if (r == -ERANGE) {
		addr = mz_addr_mask(&addr, len);
		snprintf(hint, MZ_HINT_SIZE, "%s", mz_prefix_format(&addr, len, buf));
		return -EINVAL;
	}
	return r;
}

static int check_ip(const char *text, char hint[static MZ_HINT_SIZE])
{
	const char *slash = strchr(text, '/');
	struct mz_addr addr;
	char buf[MZ_ADDR_STRLEN];

	if (!mz_addr_parse(text, &addr))
		return 0;
	if (slash && (size_t)(slash - text) < sizeof(buf)) {
		memcpy(buf, text, slash - text);
		buf[slash - text] = 0;
		if (!mz_addr_parse(buf, &addr))
			snprintf(hint, MZ_HINT_SIZE, "%s", buf);
	}
	return -EINVAL;
}

static int check_mac(const char *text, char hint[static MZ_HINT_SIZE])
{
	static const uint8_t zero[6];
	uint8_t mac[6];
	char *p;

	if (mz_mac_parse(text, mac) < 0) {
		if (strlen(text) != MZ_MAC_STRLEN - 1)
			return -EINVAL;
		snprintf(hint, MZ_HINT_SIZE, "%s", text);
		for (p = hint; *p; p++)
			if (*p == '-')
				*p = ':';
		if (mz_mac_parse(hint, mac) < 0)
			*hint = 0;
		return -EINVAL;
	}
	return (mac[0] & 1) || !memcmp(mac, zero, sizeof(mac)) ? -EINVAL : 0;
}

int mz_format_check(enum mz_format format, const char *text, char ret_hint[static MZ_HINT_SIZE])
{
	*ret_hint = 0;
	switch (format) {
	case MZ_FORMAT_ANY:
	case MZ_FORMAT_TIMESTAMP: /* of integers, not of text */
		return mz_text_is_utf8(text) ? 0 : -EINVAL;
	case MZ_FORMAT_DNS_LABEL:
		return check_name(text, ret_hint);
	case MZ_FORMAT_IP:
		return check_ip(text, ret_hint);
	case MZ_FORMAT_PREFIX:
		return check_prefix(text, ret_hint);
	case MZ_FORMAT_MAC:
		return check_mac(text, ret_hint);
	case MZ_FORMAT_LABEL_KEY:
		return is_label_key(text) ? 0 : -EINVAL;
	case MZ_FORMAT_LABEL_VALUE:
		return !*text || is_label_name(text) ? 0 : -EINVAL;
	case MZ_FORMAT_IFNAME:
		return is_ifname(text) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int mz_format_canonical(enum mz_format format, const char *text, char **ret_text)
{
	char buf[MZ_PREFIX_STRLEN] = "";
	struct mz_addr addr;
	unsigned int len;
	uint8_t mac[6];
	char *copy;

	if (format == MZ_FORMAT_IP && !mz_addr_parse(text, &addr))
		(void)mz_addr_format(&addr, buf);
	else if (format == MZ_FORMAT_PREFIX && !mz_prefix_parse(text, &addr, &len))
		(void)mz_prefix_format(&addr, len, buf);
	else if (format == MZ_FORMAT_MAC && !mz_mac_parse(text, mac))
		(void)mz_mac_format(mac, buf);
	if (!*buf || !strcmp(buf, text)) {
		*ret_text = NULL;
		return 0;
	}
	copy = strdup(buf);
	if (!copy)
		return -ENOMEM;
	*ret_text = copy;
	return 0;
}
