#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The programs on the kernel that Debian ships (6.1 in Debian 12), in an emulated machine: no tcx, a verifier that sees less,
# and a geneve module, which is a peer. Others by name: debian-kernel.sh BUILD/src/cli vpc program nexthop tables.
build=$(realpath "$1/../..")
top=$(realpath "$(dirname "$0")/../..")
take=()
for path in src/cli/mizar src/host/mizard src/controller/mizar-controller tests/bpf/test-dataplane \
	tests/net/test-net-{device,nexthop,program,tables}; do take+=(--take "$build/$path"); done
for path in tests/net tests/vm tests/lsan.supp examples; do take+=(--take "$top/$path"); done
tests=("${@:2}")
[ ${#tests[@]} -gt 0 ] || tests=(dataplane device kernel-geneve tunnel-gro)
options=() # of the sanitizers
for name in ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS; do options+=("$name=${!name:-}"); done
exec "$top/tests/vm/run" --timeout 580 "${take[@]}" -- env "${options[@]}" "$top/tests/vm/suite" "$build" "${tests[@]}"
