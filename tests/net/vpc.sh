#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	     h1               h2               h3
#	acme/web-1 .11   acme/web-2 .12   acme/db-1 (10.0.2.11)
#	acme/web-3 .13   globex/web-2
#	globex/web-1
#	      |                |                |
#	  ----+----------------+----------------+----  underlay
#
# Two tenants with the same addresses: each endpoint reaches those of its own VPC, on one host, across
# hosts and across networks, over both families, and nobody else's.
. "$(dirname "$0")/common.sh"

lab --hosts 3
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-3 h1
endpoint acme/web-2 h2
endpoint acme/db-1 h3
endpoint globex/web-1 h1
endpoint globex/web-2 h2

for address in 10.0.1.13 10.0.1.12 10.0.2.11 fd00:10:1::13 fd00:10:1::12 fd00:10:2::11; do
	reaches acme/web-1 $address
	transfer acme/web-1 "$(case $address in *13) echo acme/web-3 ;; *12) echo acme/web-2 ;; *) echo acme/db-1 ;; esac)" $address
done
for gateway in 10.0.1.1 fd00:10:1::1; do reaches acme/web-1 $gateway; done

# globex has the address of acme's web-1 too, and none of the others.
reaches globex/web-2 10.0.1.11
for address in 10.0.1.13 10.0.2.11 fd00:10:2::11; do reaches_not globex/web-2 $address; done
before=$(count h2 stats deliver)
reaches globex/web-1 10.0.1.12
[ "$(count h2 stats deliver)" -gt "$before" ] || fail "h2 delivered nothing"
