/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people, on stderr. */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *prefix, const char *format, va_list ap)
{
	fflush(stdout); /* in the order in which things happened, on a terminal */
	fputs(prefix, stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

void mz_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say("mizar: error: ", format, ap);
	va_end(ap);
}

void mz_note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say("mizar: ", format, ap);
	va_end(ap);
}
