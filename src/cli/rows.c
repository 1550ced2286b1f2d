/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of verb.h: all options and all verbs of mizar. */
#include "cli/verb.h"

#define SERVER_OPTIONS                                                                             \
	(MZ_OPT_BIT(HELP) | MZ_OPT_BIT(SERVER) | MZ_OPT_BIT(CA) | MZ_OPT_BIT(CERT) |               \
	 MZ_OPT_BIT(KEY) | MZ_OPT_BIT(SERVER_NAME) | MZ_OPT_BIT(LAB) | MZ_OPT_BIT(TIMEOUT))
#define OBJECT_OPTIONS (SERVER_OPTIONS | MZ_OPT_BIT(NAMESPACE))
#define HOST_OPTIONS                                                                               \
	(MZ_OPT_BIT(HELP) | MZ_OPT_BIT(LAB) | MZ_OPT_BIT(HOST) | MZ_OPT_BIT(DIR) |                 \
	 MZ_OPT_BIT(TIMEOUT))
#define LAB_OPTIONS (MZ_OPT_BIT(HELP) | MZ_OPT_BIT(LAB) | MZ_OPT_BIT(NAME))

#define PHASES "Init|Provisioned|Failed|Deleting|Unknown"

const struct mz_option mz_options[MZ_N_OPTIONS] = {
	[MZ_OPT_HELP] = { "help", 'h', .doc = "print this help" },
	[MZ_OPT_SERVER] = { "server", 's', "TARGET",
			    .doc = "the controller: unix:PATH, or HOST:PORT with --ca, --cert and "
				   "--key; else $MIZAR_SERVER" },
	[MZ_OPT_CA] = { "ca", 0, "FILE", .offer = MZ_OFFER_FILE,
			.doc = "certificates to trust the controller by; else $MIZAR_CA" },
	[MZ_OPT_CERT] = { "cert", 0, "FILE", .offer = MZ_OFFER_FILE,
			  .doc = "own certificate; else $MIZAR_CERT" },
	[MZ_OPT_KEY] = { "key", 0, "FILE", .offer = MZ_OFFER_FILE,
			 .doc = "own private key; else $MIZAR_KEY" },
	[MZ_OPT_SERVER_NAME] = { "server-name", 0, "NAME",
				 .doc = "the name in the controller's certificate, when it is not "
					"the host of TARGET" },
	[MZ_OPT_LAB] = { "lab", 0, "NAME", .offer = MZ_OFFER_LAB,
			 .doc = "speak to the controller and the hosts of this lab; else "
				"$MIZAR_LAB" },
	[MZ_OPT_TIMEOUT] = { "timeout", 0, "SECONDS", .min = 1, .max = 86400,
			     .doc = "how long to wait for an answer (default 10), or, where "
				    "something is waited for, for all of it (default 60)" },
	[MZ_OPT_NAMESPACE] = { "namespace", 'n', "NAME", .offer = MZ_OFFER_NAMESPACE,
			       .doc = "the tenant (default \"default\")" },
	[MZ_OPT_ALL_NAMESPACES] = { "all-namespaces", 'A', .doc = "those of all tenants" },
	[MZ_OPT_OUTPUT] = { "output", 'o', "FORMAT", "table|wide|json|yaml|name",
			    .doc = "form of the output (default table)" },
	[MZ_OPT_FILE] = { "file", 'f', "FILE", .offer = MZ_OFFER_FILE,
			  .doc = "a manifest, YAML or JSON; - is standard input" },
	[MZ_OPT_DRY_RUN] = { "dry-run", 0, .doc = "let the controller check it, change nothing" },
	[MZ_OPT_WAIT] = { "wait", 0, .doc = "return when it has come true on the hosts" },
	[MZ_OPT_SELECTOR] = { "selector", 'l', "KEY=VALUE,...",
			      .doc = "only objects with these labels" },
	[MZ_OPT_LABELS] = { "labels", 0, "KEY=VALUE,...", .doc = "labels of the object" },
	[MZ_OPT_IGNORE_NOT_FOUND] = { "ignore-not-found", 0,
				      .doc = "deleting what does not exist is success" },
	[MZ_OPT_FOR] = { "for", 0, "STATE", PHASES "|gone",
			 .doc = "the phase to wait for (default Provisioned), or gone" },
	[MZ_OPT_HOST] = { "host", 0, "HOST", .offer = MZ_OFFER_HOST, .doc = "a host of the lab" },
	[MZ_OPT_DIR] = { "dir", 0, "DIR", .offer = MZ_OFFER_FILE,
			 .doc = "mizard's directory (default /run/mizar)" },
	[MZ_OPT_NETNS] = { "netns", 0, "NAME|PATH", .offer = MZ_OFFER_NETNS,
			   .doc = "the network namespace: its name below /run/netns, or its path" },
	[MZ_OPT_IFNAME] = { "ifname", 0, "NAME",
			    .doc = "name of the device inside (default eth0)" },
	[MZ_OPT_ALL] = { "all", 0,
			 .doc = "also what is zero; also locations that were not learned" },
	[MZ_OPT_VNI] = { "vni", 0, "VNI", .min = 1, .max = 16777215,
			 .doc = "the VPC, by its number" },
	[MZ_OPT_NAME] = { "name", 0, "NAME", .offer = MZ_OFFER_LAB,
			  .doc = "the lab; else --lab, $MIZAR_LAB, \"mizar\"" },
	[MZ_OPT_HOSTS] = { "hosts", 0, "N", .min = 1, .max = 200,
			   .doc = "how many hosts (default 3): h1, h2, ..." },
	[MZ_OPT_UNDERLAY] = { "underlay", 0, "FAMILY", "ipv4|ipv6",
			      .doc = "family of the tunnels' addresses (default ipv4)" },
	[MZ_OPT_ROUTED] = { "routed", 0,
			    .doc = "each host in a subnet of its own, joined by a router; else all "
				   "on one bridge" },
	[MZ_OPT_MTU] = { "mtu", 0, "BYTES", .min = 1370, .max = 65535,
			 .doc = "of the underlay (default 1500)" },
	[MZ_OPT_TRANSIT] = { "transit", 0, "MODE", "auto|tc|xdp",
			     .doc = "of every mizard; xdp also sets the underlay's devices up for "
				    "it (default auto, which is tc here)" },
	[MZ_OPT_MIZARD_OPTIONS] = { "mizard-options", 0, "TEXT",
				    .doc = "more options of every mizard, with blanks between: "
					   "\"--lease 1 --new-destinations 10\"" },
	[MZ_OPT_KEEP_GOING] = { "keep-going", 0,
				.doc = "when something fails, leave what was made, to look at it" },
	[MZ_OPT_TO] = { "to", 0, "HOST", .offer = MZ_OFFER_DROPLET, .doc = "the droplet to go to" },
	[MZ_OPT_DEVICES] = { "devices", 0, .doc = "also remove the devices of endpoints" },
};

const struct mz_verb mz_verbs[] = {
	{ "apply", "-f FILE", "create or change the objects of a manifest",
	  "The manifest is checked whole, then applied whole or not at all. A FILE holds any "
	  "number "
	  "of YAML documents, or JSON.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(FILE) | MZ_OPT_BIT(DRY_RUN) | MZ_OPT_BIT(WAIT) |
		  MZ_OPT_BIT(OUTPUT),
	  .run = mz_verb_apply },
	{ "get",
	  "KIND [NAME...]",
	  "list objects",
	  "Kinds may be written as kind, plural or short name: Network, networks, net.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(ALL_NAMESPACES) | MZ_OPT_BIT(SELECTOR) | MZ_OPT_BIT(OUTPUT),
	  1,
	  1000,
	  { MZ_OFFER_KIND, MZ_OFFER_OBJECT },
	  .run = mz_verb_get },
	{ "describe",
	  "KIND NAME",
	  "one object: fields, conditions, what belongs to it",
	  NULL,
	  OBJECT_OPTIONS,
	  2,
	  2,
	  { MZ_OFFER_KIND, MZ_OFFER_OBJECT },
	  .run = mz_verb_describe },
	{ "create",
	  "KIND NAME --FIELD VALUE...",
	  "create one object from flags",
	  "The flags are the fields of the kind's spec; mizar create KIND --help lists them. Lists "
	  "are written with commas.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(LABELS) | MZ_OPT_BIT(DRY_RUN) | MZ_OPT_BIT(WAIT) |
		  MZ_OPT_BIT(OUTPUT),
	  2,
	  2,
	  { MZ_OFFER_MADE_KIND, MZ_OFFER_NOTHING },
	  .has_fields = true,
	  .run = mz_verb_create },
	{ "delete",
	  "KIND NAME... | -f FILE",
	  "delete objects",
	  "What others depend on is Deleting until they are gone.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(FILE) | MZ_OPT_BIT(WAIT) | MZ_OPT_BIT(IGNORE_NOT_FOUND),
	  0,
	  1000,
	  { MZ_OFFER_KIND, MZ_OFFER_OBJECT },
	  .run = mz_verb_delete },
	{ "watch",
	  "KIND [NAME]",
	  "print objects as they change, until interrupted",
	  "With -o json, one event a line.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(ALL_NAMESPACES) | MZ_OPT_BIT(SELECTOR) | MZ_OPT_BIT(OUTPUT),
	  1,
	  2,
	  { MZ_OFFER_KIND, MZ_OFFER_OBJECT },
	  .run = mz_verb_watch },
	{ "wait",
	  "KIND NAME...",
	  "wait until objects have reached a phase, or are gone",
	  NULL,
	  OBJECT_OPTIONS | MZ_OPT_BIT(FOR),
	  2,
	  1000,
	  { MZ_OFFER_KIND, MZ_OFFER_OBJECT },
	  .run = mz_verb_wait },
	{ "attach",
	  "ENDPOINT --netns NAME|PATH",
	  "make an endpoint's device in a network namespace",
	  "Asks the mizard of this host (or, with --host, of a host of the lab). May be repeated.",
	  HOST_OPTIONS | MZ_OPT_BIT(NAMESPACE) | MZ_OPT_BIT(NETNS) | MZ_OPT_BIT(IFNAME) |
		  MZ_OPT_BIT(OUTPUT),
	  1,
	  1,
	  { MZ_OFFER_ENDPOINT, MZ_OFFER_NOTHING },
	  .run = mz_verb_attach },
	{ "detach",
	  "ENDPOINT",
	  "remove an endpoint's device",
	  NULL,
	  HOST_OPTIONS | MZ_OPT_BIT(NAMESPACE),
	  1,
	  1,
	  { MZ_OFFER_ENDPOINT, MZ_OFFER_NOTHING },
	  .run = mz_verb_detach },
	{ "path",
	  "SRC DST",
	  "the hosts that packets pass now, from one endpoint to another, and why",
	  "SRC and DST are endpoints of the namespace, or addresses; of two addresses --vni says "
	  "the VPC, and no controller is asked. The ways are read from the tables of the hosts: of "
	  "a lab all are read, elsewhere those of this host, which must have SRC. Several hosts in "
	  "one hop: each flow takes one of them, by its hash. Fails if the packets would be "
	  "dropped.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(HOST) | MZ_OPT_BIT(DIR) | MZ_OPT_BIT(OUTPUT) |
		  MZ_OPT_BIT(VNI),
	  2,
	  2,
	  { MZ_OFFER_ENDPOINT, MZ_OFFER_ENDPOINT },
	  .run = mz_verb_path },
	{ "endpoint migrate",
	  "ENDPOINT --to HOST",
	  "move an endpoint to another host while it works",
	  "It keeps addresses, MAC and uid. The old host serves it until it is attached on HOST "
	  "(mizar attach there), and forwards for a while what still comes to it. One that is "
	  "attached nowhere moves at once. --to the host where it is cancels.",
	  OBJECT_OPTIONS | MZ_OPT_BIT(TO) | MZ_OPT_BIT(DRY_RUN) | MZ_OPT_BIT(WAIT) |
		  MZ_OPT_BIT(OUTPUT),
	  1,
	  1,
	  { MZ_OFFER_ENDPOINT, MZ_OFFER_NOTHING },
	  .run = mz_verb_endpoint_migrate },
	{ "host status", "", "what a host's mizard is doing", NULL,
	  HOST_OPTIONS | MZ_OPT_BIT(OUTPUT), .run = mz_verb_host_status },
	{ "host peers", "", "the hosts that a host bounces and divides by, and whether they live",
	  "STATE is by their answers to the ECHOs of mizard. Those that are AVOIDED are used only "
	  "when no other of their set is left.",
	  HOST_OPTIONS | MZ_OPT_BIT(OUTPUT), .run = mz_verb_host_peers },
	{ "host tables",
	  "[TABLE]",
	  "rows of the data plane's tables",
	  "Without TABLE, all tables and how many rows they have. Reads the tables themselves: "
	  "works "
	  "without mizard.",
	  HOST_OPTIONS | MZ_OPT_BIT(OUTPUT),
	  0,
	  1,
	  { MZ_OFFER_TABLE, MZ_OFFER_NOTHING },
	  .run = mz_verb_host_tables },
	{ "host stats", "", "packets that passed each point of the pipeline", NULL,
	  HOST_OPTIONS | MZ_OPT_BIT(OUTPUT) | MZ_OPT_BIT(ALL), .run = mz_verb_host_stats },
	{ "host drops", "", "packets that were dropped, and why", NULL,
	  HOST_OPTIONS | MZ_OPT_BIT(OUTPUT) | MZ_OPT_BIT(ALL), .run = mz_verb_host_drops },
	{ "host locations", "", "where endpoints are, as this host learned from traffic",
	  "SOURCE is what said so last: rts, a data packet that a bouncer or divider passed on, or "
	  "here, an answer. LEASE is how long it holds without another word from HOST, AGE how "
	  "long ago the last one came. Of what is expired or stale, packets take a bouncer; so "
	  "they do where HOST is dead: it answers no echo (mizar host peers). Where this host is a "
	  "bouncer and its own row says otherwise, that row counts (overruled). mizar path tells "
	  "the way of one flow. With --all also what was not learned: endpoints of this host "
	  "(local), those that went from here (moved), and what this host knows as a bouncer "
	  "(bouncer). Works without mizard.",
	  HOST_OPTIONS | MZ_OPT_BIT(OUTPUT) | MZ_OPT_BIT(ALL) | MZ_OPT_BIT(VNI),
	  .run = mz_verb_host_locations },
	{ "host set", "ROW...", "write rows by hand",
	  "A ROW is JSON: '{\"location\": {\"vni\": 7, \"address\": \"10.0.0.2\", \"network\": "
	  "\"5\", "
	  "\"host\": \"172.31.0.3\", \"generation\": 1}}'. Rows of a scope that a controller also "
	  "writes last until its next update.",
	  HOST_OPTIONS, 1, 1000, .run = mz_verb_host_set },
	{ "host unset", "ROW...", "remove rows by hand", "Of a ROW, only the key is needed.",
	  HOST_OPTIONS, 1, 1000, .run = mz_verb_host_unset },
	{ "host uninstall", "", "remove the data plane that a stopped mizard left in place",
	  "Its endpoints' devices go down.", HOST_OPTIONS | MZ_OPT_BIT(DEVICES),
	  .run = mz_verb_host_uninstall },
	{ "lab up", "", "make a lab: hosts as network namespaces, with their own underlay",
	  "Namespaces NAME-h1, NAME-h2, ... for hosts, NAME-ctl for the controller, NAME-net for "
	  "the "
	  "underlay; everything else is below /run/mizar-lab/NAME. Repeated, it starts what does "
	  "not "
	  "run.",
	  LAB_OPTIONS | MZ_OPT_BIT(HOSTS) | MZ_OPT_BIT(UNDERLAY) | MZ_OPT_BIT(ROUTED) |
		  MZ_OPT_BIT(MTU) | MZ_OPT_BIT(TRANSIT) | MZ_OPT_BIT(MIZARD_OPTIONS) |
		  MZ_OPT_BIT(KEEP_GOING) | MZ_OPT_BIT(TIMEOUT),
	  .run = mz_verb_lab_up },
	{ "lab down", "", "remove a lab and all that it made",
	  "Ends only processes that the lab recorded when it started them.", LAB_OPTIONS,
	  .run = mz_verb_lab_down },
	{ "lab status", "", "processes and hosts of a lab", NULL, LAB_OPTIONS | MZ_OPT_BIT(OUTPUT),
	  .run = mz_verb_lab_status },
	{ "lab exec",
	  "PLACE -- COMMAND...",
	  "run a command in a host's network namespace",
	  "PLACE is a host, ctl or net. Only the network is the host's: mounts stay as they are.",
	  LAB_OPTIONS,
	  1,
	  1,
	  { MZ_OFFER_PLACE, MZ_OFFER_NOTHING },
	  .has_command = true,
	  .run = mz_verb_lab_exec },
	{ "lab kill",
	  "PLACE",
	  "kill the process of a host, or of ctl, as a crash would",
	  "mizar lab up starts it again.",
	  LAB_OPTIONS,
	  1,
	  1,
	  { MZ_OFFER_PLACE, MZ_OFFER_NOTHING },
	  .run = mz_verb_lab_kill },
	{ "lab env", "", "print what makes a shell use the lab", "eval \"$(mizar lab env)\"",
	  LAB_OPTIONS, .run = mz_verb_lab_env },
	{ "version", "", "versions of mizar and of the controller", NULL,
	  SERVER_OPTIONS | MZ_OPT_BIT(OUTPUT), .run = mz_verb_version },
	{ "completion",
	  "bash",
	  "print completion for a shell",
	  "eval \"$(mizar completion bash)\"",
	  MZ_OPT_BIT(HELP),
	  1,
	  1,
	  { MZ_OFFER_SHELL, MZ_OFFER_NOTHING },
	  .run = mz_verb_completion },
	{ "help", "[VERB...]", "print help", NULL, MZ_OPT_BIT(HELP), 0, 2, .run = mz_verb_help },
	{ "man", "", "print the manual page, in roff", NULL, MZ_OPT_BIT(HELP), .is_hidden = true,
	  .run = mz_verb_man },
	{ "complete", "-- [WORD...]", "what may stand in place of the last word", NULL,
	  SERVER_OPTIONS, .has_command = true, .is_hidden = true, .run = mz_verb_complete },
	{},
};
