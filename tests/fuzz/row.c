// SPDX-License-Identifier: Apache-2.0
/*
 * Rows off a stream, and the messages around them. A row that passes the check goes into the form
 * of a table and comes back as it was, and the table takes it.
 */
#include "fuzz.h"

#include "host/convert.h"
#include "ipc/unpack.h"
#include "mizar/v1/host.pb-c.h"
#include "row/row.h"
#include "tables/internal.h"

/* Bytes that a later version knows of are not kept. */
static void require_same(const Mizar__V1__Row *row, const Mizar__V1__Row *back)
{
	_cleanup_free_ uint8_t *a = malloc(mizar__v1__row__get_packed_size(row));
	_cleanup_free_ uint8_t *b = malloc(mizar__v1__row__get_packed_size(back));
	_cleanup_message_ ProtobufCMessage *again = NULL;
	struct mz_table_row table_row, table_again;
	size_t b_size;

	REQUIRE(a && b);
	b_size = mizar__v1__row__pack(back, b);
	again = mz_message_unpack(&mizar__v1__row__descriptor, b, b_size);
	REQUIRE(again);
	mz_row_to_table(row, false, &table_row);
	mz_row_to_table((Mizar__V1__Row *)again, false, &table_again);
	REQUIRE(!memcmp(&table_row, &table_again, sizeof(table_row)));
	REQUIRE(mz_row_hash(back) == mz_row_hash((Mizar__V1__Row *)again));
}

static void use_row(const Mizar__V1__Row *row, bool key_only)
{
	char key[MZ_ROW_KEY_STRLEN], scope[MZ_SCOPE_STRLEN];
	struct mz_table_row table_row;
	struct mz_row_buffer buffer;
	const Mizar__V1__Row *back;
	const char *field = NULL;
	json_t *json = NULL;
	int r = mz_row_check(row, key_only, &field);

	REQUIRE(r == 0 || (r == -EINVAL && field));
	if (r < 0)
		return;
	(void)mz_row_key_format(row, key);
	REQUIRE(*mz_row_table_name(row));
	mz_row_to_table(row, key_only, &table_row);
	if (key_only)
		return;
	(void)mz_scope_format(mz_row_scope(row), scope);
	REQUIRE(mz_table_check_row(table_row.table, &table_row.key, &table_row.value) == 0);
	REQUIRE(mz_table_row_to_json(table_row.table, &table_row.key, &table_row.value, &json) ==
		0);
	json_decref(json);
	back = mz_row_from_table(table_row.table, &table_row.key, &table_row.value, &buffer);
	REQUIRE(back && mz_row_check(back, false, &field) == 0);
	require_same(row, back);
}

static void use_update(const Mizar__V1__ControllerMessage *message)
{
	if (message->message_case != MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE)
		return;
	for (size_t i = 0; i < message->update->n_rows; i++)
		use_row(message->update->rows[i], false);
	for (size_t i = 0; i < message->update->n_deletes; i++)
		use_row(message->update->deletes[i], true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_message_ ProtobufCMessage *row = NULL, *update = NULL;

	row = mz_message_unpack(&mizar__v1__row__descriptor, data, size);
	if (row) {
		use_row((Mizar__V1__Row *)row, false);
		use_row((Mizar__V1__Row *)row, true);
		(void)mz_row_hash((Mizar__V1__Row *)row);
	}
	update = mz_message_unpack(&mizar__v1__controller_message__descriptor, data, size);
	if (update)
		use_update((Mizar__V1__ControllerMessage *)update);
	return 0;
}
