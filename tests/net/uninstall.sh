#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: acme/web-1        h2: acme/web-2
#
# `mizar host uninstall` under an attached endpoint: no way is left from the endpoint to the host's
# own stack, and nothing of ours works on the host. A mizard that comes later serves it again.
. "$(dirname "$0")/common.sh"

lab --hosts 2
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
reaches acme/web-1 10.0.1.12

mizar lab kill h1 || fail "kill"
mizar host uninstall --host h1 || fail "uninstall"
up=$(ip -n $MIZAR_LAB-h1 -o link show up type veth | grep -v under0)
[ -z "$up" ] || fail "devices are up without an agent: $up"
left=$(ip -n $MIZAR_LAB-h1 neigh show | grep managed)
[ -z "$left" ] || fail "neighbours are left: $left"
[ ! -e /run/mizar-lab/$MIZAR_LAB/h1/bpf ] || fail "pins are left"
left=$(ip -n $MIZAR_LAB-h1 -o link | grep "mizar tunnels")
[ -z "$left" ] || fail "devices that merge tunnel packets are left: $left"
mizar host uninstall --host h1 || fail "uninstall again"
ip -n $MIZAR_LAB-h2 -o link show up type veth | grep -q "mizar acme" || fail "another host lost its devices"

mizar lab up --name $MIZAR_LAB --hosts 2 >&2 || fail "lab up again"
reaches acme/web-1 10.0.1.12 # the same device, with a new agent

mizar lab kill h1 && mizar host uninstall --devices --host h1 || fail "uninstall --devices"
left=$(ip -n $MIZAR_LAB-h1 -o link show type veth | grep -v under0)
[ -z "$left" ] || fail "devices are left: $left"
