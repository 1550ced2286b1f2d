/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line a record on stderr, for the programs (libraries return errors): subject, what, why.
 * err: an operation is lost; warn: carried on; info: state changed; debug: everything else.
 */
#pragma once

enum mz_log_level {
	MZ_LOG_ERR,
	MZ_LOG_WARN,
	MZ_LOG_INFO,
	MZ_LOG_DEBUG,
};

/* What is logged at all; MZ_LOG_INFO at first. journal: lines carry sd-daemon(3) prefixes. */
void mz_log_setup(enum mz_log_level max, int journal);

void mz_log(enum mz_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define mz_log_err(...) mz_log(MZ_LOG_ERR, __VA_ARGS__)
#define mz_log_warn(...) mz_log(MZ_LOG_WARN, __VA_ARGS__)
#define mz_log_info(...) mz_log(MZ_LOG_INFO, __VA_ARGS__)
#define mz_log_debug(...) mz_log(MZ_LOG_DEBUG, __VA_ARGS__)
