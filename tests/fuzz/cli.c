// SPDX-License-Identifier: Apache-2.0
/* The command line, a word a line; its words as selectors, names of labs and of places, too. */
#include "fuzz.h"

#include "cli/args.h"
#include "cli/selector.h"
#include "lab/lab.h"

#define WORDS_MAX 24

static void use_args(int argc, char **argv)
{
	char misuse[MZ_MISUSE_SIZE] = "";
	struct mz_args args;
	int r = mz_args_parse(argc, argv, &args, misuse);

	REQUIRE(r == 0 || (r == -EINVAL && *misuse));
	REQUIRE(!strchr(misuse, '\n'));
	if (r < 0)
		return;
	for (enum mz_option_id id = 0; id < MZ_N_OPTIONS; id++) {
		const struct mz_option *option = &mz_options[id];
		uint64_t number;

		if (!option->max || !mz_args_has(&args, id))
			continue;
		number = mz_args_number(&args, id, 0);
		REQUIRE(number >= option->min && number <= option->max);
	}
	mz_args_fini(&args);
}

static void use_word(const char *word, const struct mz_object *object)
{
	struct mz_lab lab = { .n_hosts = 3 };
	struct mz_selector selector;
	unsigned int place;

	if (mz_selector_parse(word, "--selector", &selector) == 0) {
		(void)mz_object_has_labels(object, selector.ptrs, selector.n);
		mz_selector_fini(&selector);
	}
	if (mz_lab_name_is_valid(word))
		REQUIRE(!strchr(word, '/') && !strchr(word, '.'));
	(void)mz_lab_place_parse(&lab, word, &place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct input input = { data, size };
	char *argv[WORDS_MAX + 2] = { strdup("mizar") };
	int argc = 1;

	REQUIRE(mz_object_new(MZ_KIND_VPC, &object) == 0);
	while (input.size && argc < WORDS_MAX) {
		const uint8_t *end = memchr(input.data, '\n', input.size);
		struct input line = take(&input, end ? (size_t)(end - input.data) : input.size);

		(void)take_byte(&input);
		argv[argc++] = take_text(&line);
	}
	use_args(argc, argv);
	for (int i = 1; i < argc; i++)
		use_word(argv[i], object);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return 0;
}
