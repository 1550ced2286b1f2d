// SPDX-License-Identifier: Apache-2.0
/*
 * The test of offloads: what it says of the programs as they are, that it notices programs that get
 * it wrong, and that nothing is left of it, also if its parent is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/offload.h"
#include "host/attach.h"
#include "mizar/tables.h"
#include "mizar_cut.skel.h"
#include "own_namespaces.h"

static void test_own(void **state)
{
	struct mz_offload_test test;
	struct mz_offload offload;

	assert_int_equal(mz_offload_start_own(&test), 0);
	assert_int_equal(mz_offload_finish(&test, &offload), 0);
	print_message("%s (%u ms)\n", offload.text, offload.ms);
	assert_true(offload.ms > 0);
	assert_true(offload.holds & MZ_OFFLOAD_TCP);
}

/* Programs that let the kernel cut off a part of each segment. */
static void test_wrong_segments(void **state)
{
	struct mz_offload_test test;
	struct mz_offload offload;
	size_t size;
	const void *elf = mizar_cut_bpf__elf_bytes(&size);

	assert_int_equal(mz_offload_start(elf, size, &test), 0);
	assert_int_equal(mz_offload_finish(&test, &offload), 0);
	print_message("%s\n", offload.text);
	assert_true(offload.ms > 0);
	assert_false(offload.holds & MZ_OFFLOAD_TCP);
}

/* No programs at all: said, and the safe choice taken. */
static void test_no_object(void **state)
{
	struct mz_offload_test test;
	struct mz_offload offload;

	assert_int_equal(mz_offload_start("nothing", 7, &test), 0);
	assert_int_equal(mz_offload_finish(&test, &offload), 0);
	assert_int_equal(offload.holds, MZ_OFFLOAD_SAFE);
	assert_non_null(strstr(offload.text, "not tested"));
}

/* The pipe's end closes with the last process that has it: the child goes with its parent. */
static void test_parent_is_killed(void **state)
{
	int fds[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct mz_offload_test test;

		if (mz_offload_start_own(&test) < 0)
			_exit(1);
		(void)kill(getpid(), SIGKILL); /* does not return */
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_wrong_segments),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_parent_is_killed),
	};

	own_namespaces();
	mz_libbpf_to_debug();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
