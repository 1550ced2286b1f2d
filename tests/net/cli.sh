#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What people get wrong, on a real lab: certificates, privilege, names, places, addresses. Each is refused with the right
# exit status, in words that say what to do, and changes nothing.
. "$(dirname "$0")/common.sh"

lab --hosts 2
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
pki=/run/mizar-lab/$MIZAR_LAB/pki
tcp() { mizar lab exec h1 -- env -u MIZAR_LAB mizar --server 172.31.0.250:7700 "$@"; }
as() { tcp --ca $pki/ca.pem --cert $pki/$1.pem --key $pki/$1.key "${@:2}"; }
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# Certificates.
[ "$(as admin get vpcs -A -o name | wc -l)" = 2 ] || fail "an administrator's certificate"
refused 1 "must begin with admin:" as h1 get vpcs -A
refused 2 "--ca, --cert and --key" tcp get vpcs
refused 1 "No such file" tcp --ca /none --cert $pki/admin.pem --key $pki/admin.key get vpcs
refused 1 "does not belong to certificate" tcp --ca $pki/ca.pem --cert $pki/admin.pem --key $pki/h1.key get vpcs
refused 1 "no controller answers" as admin --server-name elsewhere --timeout 3 get vpcs
other=/run/mizar-lab/${MIZAR_LAB}b/pki # another authority
mizar lab up --name ${MIZAR_LAB}b --hosts 1 2>/dev/null || fail "a second lab beside the first"
refused 1 "no controller answers" tcp --ca $pki/ca.pem --cert $other/admin.pem --key $other/admin.key --timeout 3 get vpcs
refused 1 "no controller answers" tcp --ca $other/ca.pem --cert $pki/admin.pem --key $pki/admin.key --timeout 3 get vpcs
mizar lab down --name ${MIZAR_LAB}b || fail "down of the second lab"

# Privilege.
refused 1 "root" nobody mizar get vpcs
refused 1 "root" nobody mizar host status --host h1
refused 1 "root" nobody mizar host drops --host h1
refused 1 "root" nobody mizar lab down
refused 1 "root" nobody mizar lab up --name x

# Names and places.
refused 2 "'fish' is no kind" mizar get fish
refused 1 "vpc/none does not exist in namespace acme" mizar -n acme describe vpc none
refused 2 "h1 to h2" mizar host status --host h3
refused 2 "--host" mizar host status
refused 2 "no table fish" mizar host tables fish --host h1
refused 2 "h1 to h2, ctl and net" mizar lab exec h9 -- true
refused 2 "exclude" mizar get vpcs --lab x --server unix:/y
refused 1 "no lab none" mizar lab status --name none
refused 1 "no mizard answers" mizar host status --dir /nowhere
refused 1 "no tables" mizar host drops --dir /nowhere
refused 1 "no controller answers" mizar get vpcs --server unix:/nowhere
refused 1 "Permission denied" mizar lab exec h1 -- /etc/passwd

# What is there, and what is in use.
refused 1 "NAME: " mizar -n acme create vpc prod
refused 1 "--addresses: " mizar -n acme create endpoint x --network web --addresses 10.0.1.11
refused 1 "--network: " mizar -n acme create endpoint x --network none
refused 1 "--cidrs: " mizar -n acme create network x --vpc prod --cidrs 10.0.1.0/25
refused 2 "did you mean 10.0.3.0/24?" mizar -n acme create network x --vpc prod --cidrs 10.0.3.1/24
[ "$(mizar -n acme get networks -o name | wc -l)" = 2 ] || fail "a refused network is there"

# Attaching.
refused 1 "No such file" mizar -n acme attach web-1 --host h1 --netns $MIZAR_LAB-none
refused 1 "not a network namespace" mizar -n acme attach web-1 --host h1 --netns /etc/passwd
ip netns add $MIZAR_LAB-a
namespaces+=($MIZAR_LAB-a)
refused 1 "none" mizar -n acme attach none --host h1 --netns $MIZAR_LAB-a
refused 1 "1 to 15 characters" mizar -n acme attach web-1 --host h1 --netns $MIZAR_LAB-a --ifname a-name-that-is-too-long
endpoint acme/web-1 h1
refused 1 "h1" mizar -n acme attach web-1 --host h2 --netns $MIZAR_LAB-a

# Output that nobody takes is a failure.
mizar get vpcs -A >/dev/full 2>/dev/null
[ $? = 1 ] || fail "a full disk is not noticed"
mizar get vpcs -A -o json >/dev/full 2>/dev/null
[ $? = 1 ] || fail "a full disk is not noticed with JSON"

# The data plane is shown without mizard, and removed only then.
refused 1 "mizard is running" mizar host uninstall --host h2
mizar lab kill h2
[ "$(rows h2 droplet)" = 2 ] || fail "tables without mizard"
mizar host uninstall --host h2 || fail "uninstall"
refused 1 "no tables" mizar host tables --host h2
mizar host uninstall --host h2 || fail "uninstall again"

# No controller.
mizar lab kill ctl
refused 1 "no controller answers" mizar get vpcs
refused 1 "no controller answers" mizar wait vpc prod -n acme
