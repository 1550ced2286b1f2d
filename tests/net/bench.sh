#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The benchmarks of the data path, of its programs and of healing measure what they say, on an underlay of MTU-sized frames
# too, and leave nothing, also when interrupted. What the figures are does not matter here.
. "$(dirname "$0")/common.sh"

bench=$(dirname "$0")/../../bench/datapath
chart=$(mktemp -d)
trap '(result=$?; rm -r "$chart"; exit $result); tidy' EXIT
datapath() { exec "$bench" --build "$programs/../.." --svg "$chart/chart.svg" --rounds 1 --mtu 1500 --transit tc --json "$@"; }
making() { [ -e "/run/mizar-lab/bench$bench_pid/h1" ]; }
nothing_left() {
	! ip netns list | grep "^bench$bench_pid-" || fail "namespaces are left"
	[ ! -e "/run/mizar-lab/bench$bench_pid" ] || fail "a lab is left"
}

datapath --only 'gso/samehost/tcp1|seg/(direct|bouncer|divider|direct-divider)/rr_p50' >"$chart/json" &
bench_pid=$!
wait $bench_pid || fail "the benchmark failed"
python3 - "$chart/json" <<-'PYTHON' || fail "$(cat "$chart/json")"
	import json, sys
	names = {r["name"]: r["ratio"] for r in map(json.loads, open(sys.argv[1]))}
	assert list(names) == [f"datapath/tc/1500/{n}" for n in (
	    "gso/samehost/tcp1", *(f"seg/{path}/rr_p50" for path in ("direct", "bouncer", "divider", "direct-divider")))], names
	assert all(ratio > 0 for ratio in names.values()), names
PYTHON
grep -q '</svg>' "$chart/chart.svg" || fail "no chart"
nothing_left

"${bench%datapath}programs" --build "$programs/../.." --svg "$chart/programs.svg" --rounds 1 --runs 1000 --endpoints 1k --json \
	>"$chart/json" || fail "programs"
for name in agent bounce bounce-tc divide deliver; do
	grep -q "\"programs/$name/1k/random\".*\"ratio\"" "$chart/json" || fail "no figure of $name: $(cat "$chart/json")"
done
grep -q '"programs/live/bounce".*"ratio"' "$chart/json" || fail "no live frames"

"${bench%datapath}heal" --build "$programs/../.." --svg "$chart/heal.svg" --rounds 1 --scenario first,switch,scan,move,replace --json \
	>"$chart/json" || fail "heal"
for name in first/second switch/reordered scan/learned move/reached move/lost replace/lost; do
	grep -q "\"heal/$name\"" "$chart/json" || fail "no figure of $name: $(cat "$chart/json")"
done

(datapath --only no-such-name >"$chart/json") && fail "nothing to measure, and it succeeds"
datapath >"$chart/json" &
bench_pid=$!
processes+=($bench_pid)
eventually making
kill $bench_pid
wait $bench_pid && fail "interrupted, and it succeeds"
nothing_left
