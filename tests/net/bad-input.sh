#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever is wrong in a command, a manifest or an attach is refused in words that name it, and changes nothing.
. "$(dirname "$0")/common.sh"

lab --hosts 2
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
no() { refused 1 "$1" mizar -n acme "${@:2}"; }
objects() { for kind in droplets vpcs networks endpoints; do mizar get $kind $([ $kind = droplets ] || echo -A) -o yaml; done | grep -E ' (name|uid|generation):'; }
before=$(objects)

# Flags.
refused 2 "a Network has no --cidr" mizar create network a --cidr 10.0.0.0/24
refused 2 "--hosts wants a number from 1 to 200, not 'many'" mizar lab up --hosts many
refused 2 "unknown verb 'fly'" mizar fly
refused 2 '--cidrs: ' mizar create network a --vpc prod --cidrs 10.0.0.1/24
refused 2 "lab $MIZAR_LAB has no host h9; its hosts are h1 to h2" mizar host drops --host h9
refused 2 "there is no table fish" mizar host tables fish --host h1

# Names, addresses and prefixes in use; references that lead nowhere.
no "NAME: an Endpoint of this name exists already; apply changes it" create endpoint web-1 --network web
no "NAME: a Network of this name exists already" create network web --vpc prod --cidrs 10.0.9.0/24
no "--addresses: 10.0.1.11 is in use by another endpoint of VPC prod" create endpoint x --network web --addresses 10.0.1.11
no "--addresses: 10.9.1.11 is not in network web" create endpoint x --network web --addresses 10.9.1.11
no "--addresses: 10.0.1.1 " create endpoint x --network web --addresses 10.0.1.1
no "--network: there is no Network acme/nope" create endpoint x --network nope
no "--droplet: there is no Droplet nope" create endpoint x --network web --droplet nope
no "--vpc: there is no VPC acme/nope" create network x --vpc nope --cidrs 10.0.7.0/24
no "--cidrs: 10.0.1.128/25 overlaps 10.0.1.0/24 of network web" create network x --vpc prod --cidrs 10.0.1.128/25
no "--cidrs: 10.7.1.0/24 lies outside of the cidrs of VPC prod" create network x --vpc prod --cidrs 10.7.1.0/24
no "--address: 172.31.0.1 is the address of another droplet" create droplet h9 --address 172.31.0.1
no "Droplet h1: cannot be deleted: its host is connected" delete droplet h1
no "endpoint/nope does not exist" delete endpoint nope

# A manifest: all that is wrong in it at once, and nothing of it is applied. First what is wrong by itself, then what the
# controller alone can know.
file=/run/mizar-lab/$MIZAR_LAB/bad.yaml
document() { printf -- '---\n{apiVersion: mizar.com/v1, kind: %s, metadata: {name: %s, namespace: acme}, spec: {%s}}\n' "$@"; }
good=$(document VPC fine "")
{ echo "$good"; document Network b 'vpc: fine, fish: 1'; document Endpoint c 'addresses: 7'; } >$file
refused 1 "$file: document 2 (line 4): spec.fish: unknown field" mizar apply -f $file
[[ $said == *"document 3 (line 6): spec.addresses: must be a list"* ]] || fail "not both: $said"
{ echo "$good"; document Network b 'vpc: fine, cidrs: [10.1.0.1/24]'; document Endpoint c 'addresses: [10.1.0.2]'; } >$file
refused 1 "$file: document 2 (line 4) Network acme/b: spec.cidrs[0]: " mizar apply -f $file
[[ $said == *"document 3 (line 6) Endpoint acme/c: spec.network: required"* ]] || fail "not both: $said"
{ echo "$good"; document Network b 'vpc: fine, cidrs: [10.1.0.0/24]'; document Network c 'vpc: fine, cidrs: [10.1.0.0/16]'; document Endpoint d 'network: nope'; } >$file
refused 1 "document 3 (line 6) Network acme/c: spec.cidrs[0]: 10.1.0.0/16 overlaps 10.1.0.0/24" mizar apply -f $file
[[ $said == *"document 4 (line 8) Endpoint acme/d: spec.network: there is no Network acme/nope"* ]] || fail "not both: $said"
refused 1 "/nope.yaml: No such file" mizar apply -f /nope.yaml
refused 1 "line 1" mizar apply -f - <<<'{['

# Attaches.
ip netns add $MIZAR_LAB-box && namespaces+=($MIZAR_LAB-box)
attach() { no "$1" attach "$2" --host h1 --netns "${3:-$MIZAR_LAB-box}" "${@:4}"; }
attach "there is no Endpoint acme/nope" nope
attach "netns: /run/netns/nope: No such file" web-1 nope
attach "netns: /etc/passwd: not a network namespace" web-1 /etc/passwd
attach "device lo in /run/netns/$MIZAR_LAB-box: the name is in use there" web-1 "" --ifname lo
attach "ifname: no name for a device: use 1 to 15 characters" web-1 "" --ifname a/b
[ "$(objects)" = "$before" ] || fail "something was changed: $(objects)"
endpoint acme/web-2 h2
attach "endpoint acme/web-2 is on droplet h2; detach it there first" web-2
[ "$(ip -n $MIZAR_LAB-box -br link | wc -l)" = 1 ] || fail "a device is left"
