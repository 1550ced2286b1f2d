// SPDX-License-Identifier: Apache-2.0
/*
 * Keys and values of pinned tables, with any bytes: an older version, another program, or an
 * administrator may have written them.
 */
#include "fuzz.h"

#include "host/convert.h"
#include "tables/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	enum mz_table_id table = take_byte(&input) % MZ_N_TABLES;
	const struct mz_table_info *info = &mz_table_infos[table];
	_cleanup_free_ uint8_t *key = malloc(info->key_size), *value = malloc(info->value_size);
	struct mz_row_buffer buffer;
	const Mizar__V1__Row *row;
	const char *field = NULL;
	json_t *json = NULL;
	bool is_valid;

	REQUIRE(key && value);
	take_struct(&input, key, info->key_size);
	take_struct(&input, value, info->value_size);
	mz_table_end_texts(table, value); /* as every read does */
	is_valid = mz_table_check_row(table, key, value) == 0;
	if (mz_table_row_to_json(table, key, value, &json) == 0) {
		char *text = json_dumps(json, 0);

		REQUIRE(text);
		free(text);
		json_decref(json);
	} else {
		REQUIRE(!is_valid);
	}
	row = mz_row_from_table(table, key, value, &buffer);
	if (!row)
		return 0;
	(void)mz_row_hash(row);
	if (is_valid && mz_row_check(row, false, &field) == 0) {
		struct mz_table_row back;

		mz_row_to_table(row, false, &back);
		REQUIRE(back.table == table && !memcmp(&back.key, key, info->key_size));
	}
	return 0;
}
