#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Objects are deleted in every order (endpoints, networks, VPC; reversed; all at once) and made again: in the end no host has a
# row of them, and no device.
. "$(dirname "$0")/common.sh"

example=$(dirname "$0")/../../examples/two-tenants.yaml

# clean HOST: none of the tables that come from tenants' objects has a row.
clean() {
	local table
	for table in vpc prefix member network location port local endpoint; do
		[ "$(rows "$1" $table)" = 0 ] || return 1
	done
	[ -z "$(mizar lab exec "$1" -- ip -br link show type veth | grep '^mz' | grep -v '^mzcut')" ]
}
gone() { [ -z "$(mizar get "$1" -A -o name)" ]; }

lab --hosts 3
for order in "endpoints networks vpcs" "vpcs networks endpoints" "networks endpoints vpcs" file; do
	mizar apply -f "$example" >/dev/null || fail "apply"
	endpoint acme/web-1 h1
	endpoint acme/web-2 h2
	endpoint acme/db-1 h3
	endpoint globex/web-1 h1
	reaches acme/web-1 10.0.1.12
	reaches acme/web-1 10.0.2.11
	if [ "$order" = file ]; then
		mizar delete -f "$example" --wait >/dev/null || fail "delete -f"
	else
		for kind in $order; do
			for tenant in acme globex; do
				mizar -n $tenant delete "$kind" $(mizar -n $tenant get "$kind" -o name | sed 's#.*/##') >/dev/null || fail "delete $kind"
			done
		done
	fi
	for kind in endpoints networks vpcs bouncers dividers; do eventually gone $kind; done
	for host in h1 h2 h3; do eventually clean $host; done
done
