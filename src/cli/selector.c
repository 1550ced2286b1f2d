/* SPDX-License-Identifier: Apache-2.0 */
/* Labels on the command line. Whether keys and values are well-formed is the field table's affair.
 */
#include "cli/selector.h"

#include <errno.h>
#include <string.h>

#include "cli/say.h"

static int add(struct mz_selector *selector, const char *text, size_t size)
{
	char *copy, *equals;

	if (selector->n == MZ_SELECTOR_MAX)
		return -E2BIG;
	copy = strndup(text, size);
	if (!copy)
		return -ENOMEM;
	equals = strchr(copy, '=');
	if (!equals || equals == copy) {
		free(copy);
		return -EINVAL;
	}
	*equals = 0;
	mizar__v1__label__init(&selector->labels[selector->n]);
	selector->labels[selector->n].key = copy;
	selector->labels[selector->n++].value = equals + 1;
	return 0;
}

int mz_selector_parse(const char *text, const char *option, struct mz_selector *ret_selector)
{
	struct mz_selector selector = {};
	int r;

	for (const char *at = text; at && *at;) {
		size_t size = strcspn(at, ",");

		r = add(&selector, at, size);
		if (r < 0) {
			mz_error("%s: '%.*s' is not KEY=VALUE%s", option, (int)size, at,
				 r == -E2BIG ? " (too many)" : "");
			mz_selector_fini(&selector);
			return r;
		}
		at += size;
		at += *at == ',';
	}
	*ret_selector = selector;
	for (size_t i = 0; i < selector.n; i++)
		ret_selector->ptrs[i] = &ret_selector->labels[i];
	return 0;
}

void mz_selector_fini(struct mz_selector *selector)
{
	for (size_t i = 0; i < selector->n; i++)
		free(selector->labels[i].key);
	selector->n = 0;
}
