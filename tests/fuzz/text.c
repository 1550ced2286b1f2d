// SPDX-License-Identifier: Apache-2.0
/* Texts of fields: what is understood is written back in one way, which means the same. */
#include "fuzz.h"

#include "api/scalar.h"
#include "api/text.h"
#include "base/addr.h"

static void addresses(const char *text)
{
	char buf[MZ_ADDR_STRLEN], prefix_buf[MZ_PREFIX_STRLEN], mac_buf[MZ_MAC_STRLEN];
	struct mz_addr addr, again;
	unsigned int len, len_again;
	uint8_t mac[6], mac_again[6];

	if (mz_addr_parse(text, &addr) == 0) {
		REQUIRE(mz_addr_parse(mz_addr_format(&addr, buf), &again) == 0);
		REQUIRE(mz_addr_compare(&addr, &again) == 0);
	}
	if (mz_prefix_parse(text, &addr, &len) == 0) {
		REQUIRE(len <= 128);
		REQUIRE(mz_prefix_parse(mz_prefix_format(&addr, len, prefix_buf), &again,
					&len_again) == 0);
		REQUIRE(mz_addr_compare(&addr, &again) == 0 && len == len_again);
		REQUIRE(mz_prefix_contains(&addr, len, &addr));
	}
	if (mz_mac_parse(text, mac) == 0) {
		REQUIRE(mz_mac_parse(mz_mac_format(mac, mac_buf), mac_again) == 0);
		REQUIRE(!memcmp(mac, mac_again, 6));
	}
}

static void formats(const char *text)
{
	for (enum mz_format format = 0; format <= MZ_FORMAT_TIMESTAMP; format++) {
		char hint[MZ_HINT_SIZE], buf[MZ_BYTES_STRLEN], *canonical = NULL, *again = NULL;
		int r = mz_format_check(format, text, hint);
		uint8_t bytes[16], bytes_again[16];
		size_t size = mz_bytes_size(format);

		REQUIRE(r == 0 || r == -EINVAL);
		REQUIRE(mz_format_canonical(format, text, &canonical) == 0);
		if (canonical) {
			REQUIRE(mz_format_canonical(format, canonical, &again) == 0 && !again);
			REQUIRE(mz_format_check(format, canonical, hint) == r);
		}
		if (size && mz_bytes_parse(format, text, bytes) == 0) {
			REQUIRE(mz_bytes_parse(format, mz_bytes_format(format, bytes, buf),
					       bytes_again) == 0);
			REQUIRE(!memcmp(bytes, bytes_again, size));
		}
		free(canonical);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	_cleanup_free_ char *text = take_text(&input);
	char buf[MZ_TIME_STRLEN];
	json_t *json = NULL;
	uint64_t seconds, again;

	addresses(text);
	formats(text);
	if (mz_time_parse(text, &seconds) == 0) {
		REQUIRE(mz_time_format(seconds, buf) == 0);
		REQUIRE(mz_time_parse(buf, &again) == 0 && again == seconds);
	}
	(void)mz_text_is_utf8(text);
	/* What is no text must be quoted to be one. */
	if (mz_scalar_resolve(text, &json) == 0 && !json_is_string(json))
		REQUIRE(mz_scalar_needs_quotes(text));
	json_decref(json);
	return 0;
}
