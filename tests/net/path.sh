#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Which hosts a flow passes, asked of a lab: by names and by addresses, in every form; and where it cannot be told.
#
#	h1: web-1    h2: web-2    h3: db-1          who bounces and divides is Mizar's choice
. "$(dirname "$0")/common.sh"

lab --hosts 3 --mizard-options "--lease 1000"
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1; endpoint acme/web-2 h2; endpoint acme/db-1 h3
dir=/run/mizar-lab/$MIZAR_LAB
here() { env -u MIZAR_LAB mizar "$@" --dir $dir/h1; } # as on a host that is in no lab
ends() { [ "$(mizar -n acme path "$1" "$2" -o name | tail -1)" = "$3" ] || fail "from $1 to $2 not to $3"; }
field() { python3 -c 'import json, sys; print(eval("d" + sys.argv[1], {"d": json.load(sys.stdin)}))' "$1"; }
vni=$(mizar -n acme get vpc prod -o json | field '["spec"]["vni"]')

# One of the hosts is the last one, or all that it may be have it: the bouncer of web may be h2 itself.
eventually ends web-1 web-2 h2
ends db-1 web-1 h1
ends web-1 fd00:10:2::11 h3
[ "$(mizar -n acme path web-1 db-1 -o json | field '["end"]')" = arrives ] || fail "web-1 does not arrive at db-1"
[ "$(mizar path 10.0.1.11 10.0.2.11 --vni $vni -o json | field '["hops"][0]["hosts"][0]["name"]')" = h1 ] || fail "does not begin at h1"
mizar -n acme path web-1 10.0.1.99 >/dev/null 2>&1 && fail "a way to nobody"

# What cannot be read is said, and what is known of it.
refused 1 "web-3 is on no host" mizar -n acme path web-3 web-1
refused 2 "say the VPC with --vni" mizar path 10.0.1.11 10.0.2.11
refused 2 "--vni is for two addresses" mizar -n acme path web-1 10.0.2.11 --vni $vni
refused 1 "endpoint/none does not exist" mizar -n acme path none web-1
refused 1 "not on this host" here path 10.0.1.12 10.0.1.11 --vni $vni
[[ $(here path 10.0.1.11 10.0.1.12 --vni $vni 2>&1) == *172.31.0.1*source* ]] || fail "without a controller"
said=$(here -n acme path web-1 db-1 --server unix:$dir/ctl/controller.sock 2>&1); [[ $said == *"destination is on h3"* ]] || fail "$said"

# What traffic taught, also without mizard.
reaches acme/web-1 10.0.1.12; mizar lab kill h1
mizar -n acme path web-1 web-2 | grep -E "^2 +h2 .* destination +learned \(here\)" >/dev/null || fail "no direct path"
mizar host locations --host h1 | grep -E "^$vni +10.0.1.12 +172.31.0.2 +host +here +fresh" >/dev/null || fail "not learned"
mizar host locations --host h1 --all --vni $vni | grep -E "^$vni +10.0.1.11 +172.31.0.1 .* local" >/dev/null || fail "no mizard"
