#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs one fuzz target over its seeds, and then RUNS inputs made of them; or, with MIZAR_FUZZ=SECONDS in the
# environment, for so long, with what was found kept beside the program for the next time.
# run.sh PROGRAM NAME RUNS MAX_LEN [OPTION...]
set -eu
program=$1 name=$2 runs=$3 max_len=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
found=$(dirname "$program")/corpus/$name
crashes=$(dirname "$program")/crash/$name
mkdir -p "$found" "$crashes"
args=(-max_len="$max_len" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$crashes/" -print_final_stats=1
	-error_exitcode=1 "$@") # its own, 77, is what a skipped test returns
[ ! -f "$here/dictionary/$name" ] || args+=(-dict="$here/dictionary/$name")
TMPDIR=$(mktemp -d /dev/shm/mizar-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
if [ -n "${MIZAR_FUZZ:-}" ]; then
	"$program" "${args[@]}" -max_total_time="$MIZAR_FUZZ" "$found" "$here/corpus/$name"
	exit
fi
# The same inputs each time: a failure of ./check can be repeated.
mkdir "$TMPDIR/found"
"$program" "${args[@]}" -seed=1 -runs="$runs" "$TMPDIR/found" "$here/corpus/$name"
