/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms: what a format means, for the reader, the writer and the checks alike. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/field.h"

/* Well-formed UTF-8 (RFC 3629). */
bool mz_text_is_utf8(const char *text);

/* "2026-11-21T07:43:04Z" (RFC 3339, UTC, whole seconds). -EINVAL. */
int mz_time_parse(const char *text, uint64_t *ret_seconds);
#define MZ_TIME_STRLEN 32
/* -EINVAL: later than the year 9999. */
int mz_time_format(uint64_t seconds, char buf[static MZ_TIME_STRLEN]);

/* How many bytes the bytes of the format are: 16 or 6. 0: no format for bytes. */
size_t mz_bytes_size(enum mz_format format);
/* data has mz_bytes_size(). -EINVAL. */
int mz_bytes_parse(enum mz_format format, const char *text, uint8_t *ret_data);
#define MZ_BYTES_STRLEN 48
const char *mz_bytes_format(enum mz_format format, const uint8_t *data,
			    char buf[static MZ_BYTES_STRLEN]);

/* What text of the format looks like: "an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2". */
const char *mz_format_describe(enum mz_format format);

/*
 * Whether text has the format. If not, *ret_hint is what would be right when it can be told, else
 * "". -EINVAL.
 */
#define MZ_HINT_SIZE 128
int mz_format_check(enum mz_format format, const char *text, char ret_hint[static MZ_HINT_SIZE]);

/*
 * The one way to write the address, prefix or MAC (RFC 5952). *ret_text is NULL when text is that
 * already, or of another format, or wrong. Caller frees. -ENOMEM.
 */
int mz_format_canonical(enum mz_format format, const char *text, char **ret_text);
