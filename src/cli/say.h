/* SPDX-License-Identifier: Apache-2.0 */
/* What mizar says on stderr: "mizar: " and one line. Output proper goes to stdout. */
#pragma once

void mz_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mz_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
