/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership that the compiler ends: a local that owns something carries one of these attributes,
 * starts as NULL or -1, and gives its value away only through TAKE() or TAKE_FD().
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE(ptr)                        \
	({                               \
		__typeof__(ptr) *p_ = &(ptr); \
		__typeof__(ptr) v_ = *p_; \
		*p_ = NULL;              \
		v_;                      \
	})

#define TAKE_FD(fd)             \
	({                      \
		int *p_ = &(fd); \
		int v_ = *p_;   \
		*p_ = -1;       \
		v_;             \
	})

/* Defines f##p(T *), which calls f(*p): the function that _cleanup_() wants. */
#define DEFINE_CLEANUP(type, f)           \
	static inline void f##p(type *p)  \
	{                                 \
		if (*p)                   \
			f(*p);            \
	}

static inline void mz_freep(void *p)
{
	free(*(void **)p);
}

static inline void mz_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing to do about it in a destructor */
}

#define _cleanup_free_ _cleanup_(mz_freep)
#define _cleanup_close_ _cleanup_(mz_closep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
