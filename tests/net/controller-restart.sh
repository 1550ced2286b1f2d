#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The controller is killed with -9 in the middle of many applies and started again: what was acknowledged is there, traffic
# never stops, and what comes after works.
. "$(dirname "$0")/common.sh"

lab --hosts 3
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
within acme/web-1 ping -n -q -i 0.01 -c 500 -W 1 10.0.1.12 >/run/mizar-lab/$MIZAR_LAB/ping &
pinging=$!

acked=/run/mizar-lab/$MIZAR_LAB/acked
(
	for i in $(seq 200); do
		mizar -n acme create endpoint e$i --network db --droplet h3 >/dev/null 2>&1 && echo e$i >>$acked || exit 0
	done
) &
creating=$!
eventually test -s $acked
sleep 0.5
mizar lab kill ctl || fail "kill"
wait $creating
mizar lab up --name $MIZAR_LAB --hosts 3 >&2 || fail "lab up again"

mizar -n acme get endpoints -o name >/run/mizar-lab/$MIZAR_LAB/names || fail "get"
while read -r name; do
	grep -qx "endpoint/$name" /run/mizar-lab/$MIZAR_LAB/names || fail "$name was acknowledged and is lost"
done <$acked
[ "$(wc -l <$acked)" -gt 3 ] || fail "only $(wc -l <$acked) were acknowledged before the kill"
mizar -n acme wait endpoint "$(tail -1 $acked)" --for Provisioned --timeout 10 >/dev/null || fail "not provisioned again"
endpoint acme/db-1 h3
reaches acme/web-1 10.0.2.11
wait $pinging || fail "ping"
grep -q ' 0% packet loss' /run/mizar-lab/$MIZAR_LAB/ping || fail "lost: $(cat /run/mizar-lab/$MIZAR_LAB/ping)"
