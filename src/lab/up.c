/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a lab. The record comes first: whatever happens behind it, `mizar lab down` finds all.
 * Each step takes what is there already, so that a repeated `lab up` only starts what does not run.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ipc/ipc.h"
#include "lab/internal.h"
#include "lab/pki.h"

#define POLL_MS 10
#define STATUS_TIMEOUT_MS 2000
#define ARGS_MAX	  (32 + MZ_LAB_OPTIONS_SIZE / 2)

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal)
{
	is_interrupted = 1;
}

/* Ctrl-C in the middle of it is a failure like any other: what was made is removed. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &action, NULL); /* known signals: these cannot fail */
	(void)sigaction(SIGTERM, &action, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct making {
	const struct mz_lab *lab;
	uint64_t deadline_ms;
};

static int make_folder(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_folders(const struct mz_lab *lab)
{
	char path[MZ_LAB_PATH_SIZE];
	int r;

	r = make_folder(mz_lab_path(lab->name, path, "%s", ""));
	if (!r)
		r = mz_lab_record(lab);
	if (!r)
		r = make_folder(mz_lab_path(lab->name, path, "pki"));
	for (unsigned int p = 1; !r && p <= lab->n_hosts; p++)
		r = make_folder(mz_lab_place_path(lab, p, "", path));
	if (!r)
		r = make_folder(mz_lab_place_path(lab, MZ_LAB_CTL, "", path));
	if (r < 0)
		mz_lab_say(lab, "cannot make %s: %s", path, strerror(-r));
	return r;
}

static int make_namespaces(const struct mz_lab *lab)
{
	char path[MZ_LAB_PATH_SIZE];
	int r = 0;

	for (unsigned int p = 1; !r && p <= MZ_LAB_NET; p++)
		if (p <= lab->n_hosts || p >= MZ_LAB_CTL)
			r = mz_lab_netns_add(mz_lab_netns_path(lab, p, path));
	if (r < 0)
		mz_lab_say(lab, "cannot make %s: %s", path, strerror(-r));
	return r;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Where a process finds who it is. */
struct identity {
	char ca[MZ_LAB_PATH_SIZE], cert[MZ_LAB_PATH_SIZE], key[MZ_LAB_PATH_SIZE];
};

/* name: of the files; address: one more name in the certificate, or NULL. */
static int make_identity(const struct mz_lab *lab, const char *name, const char *common_name,
			 const char *address, struct identity *ret_id)
{
	char pki[MZ_LAB_PATH_SIZE];
	struct mz_pki_owner owner = { .common_name = common_name,
				      .names = (const char *const[]){ address, NULL } };
	int r;

	mz_lab_path(lab->name, pki, "pki");
	mz_lab_path(lab->name, ret_id->ca, "pki/ca.pem");
	mz_lab_path(lab->name, ret_id->cert, "pki/%s.pem", name);
	mz_lab_path(lab->name, ret_id->key, "pki/%s.key", name);
	r = mz_pki_issue(pki, &owner, ret_id->cert, ret_id->key);
	if (r < 0)
		mz_lab_say(lab, "cannot make a certificate for %s: %s", common_name, strerror(-r));
	return r;
}

static int start(const struct mz_lab *lab, unsigned int place, const char *folder,
		 const char *const argv[])
{
	struct mz_lab_process process;
	char name[MZ_LAB_PLACE_SIZE];
	int r;

	r = mz_lab_process_get(lab, place, &process);
	if (r < 0 || process.is_running)
		return r;
	r = mz_lab_process_start(lab, place, folder, argv);
	if (r == -ENOENT)
		mz_lab_say(lab, "%s is neither beside mizar nor in $PATH", argv[0]);
	else if (r < 0)
		mz_lab_say(lab, "%s: cannot start %s: %s", mz_lab_place_name(place, name), argv[0],
			   strerror(-r));
	return r;
}

#define ENDPOINT_SIZE 64

/* Where the controller listens: "ADDRESS:PORT". */
static const char *controller_endpoint(const struct mz_lab *lab, char buf[static ENDPOINT_SIZE])
{
	char address[MZ_LAB_PLACE_SIZE];

	mz_lab_address(lab, MZ_LAB_CTL, address);
	snprintf(buf, ENDPOINT_SIZE, lab->ipv6 ? "[%s]:%d" : "%s:%d", address, MZ_LAB_PORT);
	return buf;
}

static int start_controller(const struct mz_lab *lab)
{
	char store[MZ_LAB_PATH_SIZE], socket[MZ_LAB_PATH_SIZE], listen[ENDPOINT_SIZE];
	char address[MZ_LAB_PLACE_SIZE];
	struct identity id;
	int r;

	mz_lab_address(lab, MZ_LAB_CTL, address);
	r = make_identity(lab, "admin", "admin:lab", NULL, &id); /* for people: mizar --server */
	if (!r)
		r = make_identity(lab, "controller", "controller", address, &id);
	if (r < 0)
		return r;
	controller_endpoint(lab, listen);
	mz_lab_place_path(lab, MZ_LAB_CTL, "store.db", store);
	mz_lab_place_path(lab, MZ_LAB_CTL, "controller.sock", socket);
	return start(lab, MZ_LAB_CTL, "controller", (const char *const[]){
		"mizar-controller",
		"--store", store,
		"--listen-unix", socket,
		"--listen", listen,
		"--ca", id.ca, "--cert", id.cert, "--key", id.key,
		NULL,
	});
}

/* Words of the lab's own behind args, which has room for ARGS_MAX; buf holds them. Returns args. */
static const char *const *with_options(const struct mz_lab *lab,
				       char buf[static MZ_LAB_OPTIONS_SIZE], const char **args)
{
	char *word, *rest = NULL;
	size_t n = 0;

	while (args[n])
		n++;
	snprintf(buf, MZ_LAB_OPTIONS_SIZE, "%s", lab->mizard_options);
	for (word = strtok_r(buf, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		args[n++] = word;
	return args;
}

static int start_host(const struct mz_lab *lab, unsigned int place)
{
	char dir[MZ_LAB_PATH_SIZE], name[MZ_LAB_PLACE_SIZE], address[MZ_LAB_PLACE_SIZE];
	char controller[ENDPOINT_SIZE], common_name[64], options[MZ_LAB_OPTIONS_SIZE];
	struct identity id;
	int r;

	mz_lab_place_name(place, name);
	snprintf(common_name, sizeof(common_name), "droplet:%s", name);
	r = make_identity(lab, name, common_name, mz_lab_address(lab, place, address), &id);
	if (r < 0)
		return r;
	controller_endpoint(lab, controller);
	mz_lab_path(lab->name, dir, "%s", name);
	return start(lab, place, "host", with_options(lab, options, (const char *[ARGS_MAX]){
		"mizard",
		"--droplet", name,
		"--address", address,
		"--controller", controller, "--server-name", "controller",
		"--ca", id.ca, "--cert", id.cert, "--key", id.key,
		"--dir", dir,
		"--transit", lab->transit,
		"--offload-test", "off", /* every host of a lab is of the same kernel */
	}));
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool controller_answers(const struct mz_lab *lab)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[MZ_LAB_PATH_SIZE];

	mz_lab_place_path(lab, MZ_LAB_CTL, "controller.sock", path);
	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* reason: why it is not connected, when mizard says so; else untouched. */
static bool is_connected(const struct mz_lab *lab, unsigned int place, char *reason, size_t size)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalStatusRequest status = MIZAR__V1__LOCAL_STATUS_REQUEST__INIT;
	Mizar__V1__LocalResponse *response = NULL;
	char path[MZ_LAB_PATH_SIZE];
	bool connected = false;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
	request.status = &status;
	if (mz_ipc_call(mz_lab_place_path(lab, place, "mizard.sock", path), &request,
			STATUS_TIMEOUT_MS, &response) < 0)
		return false;
	if (response->status) {
		connected = response->status->connected;
		if (!connected && response->status->reason)
			snprintf(reason, size, ": %s", response->status->reason);
	}
	mizar__v1__local_response__free_unpacked(response, NULL);
	return connected;
}

static bool is_ready(const struct mz_lab *lab, unsigned int place, char *reason, size_t size)
{
	return place == MZ_LAB_CTL ? controller_answers(lab)
				   : is_connected(lab, place, reason, size);
}

/* -ECHILD if the process of a place is gone; says how it ended. */
static int check_alive(const struct mz_lab *lab, unsigned int place)
{
	struct mz_lab_process process = {};
	char name[MZ_LAB_PLACE_SIZE];
	int r, status = 0;

	r = mz_lab_process_get(lab, place, &process);
	if (r < 0 || process.is_running)
		return r;
	mz_lab_place_name(place, name);
	/* Of an earlier run it is no child: how it ended is not known then. */
	if (waitpid(process.pid, &status, WNOHANG) == process.pid && WIFSIGNALED(status))
		mz_lab_say(lab, "%s: its process was ended by SIG%s", name,
			   sigabbrev_np(WTERMSIG(status)) ?: "?");
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		mz_lab_say(lab, "%s: its process ended with status %d", name, WEXITSTATUS(status));
	else
		mz_lab_say(lab, "%s: its process ended", name);
	mz_lab_process_show_log(lab, place);
	return -ECHILD;
}

/* Until a place does what it is there for; -EINTR, -ETIMEDOUT, -ECHILD are said. */
static int wait_ready(const struct making *m, unsigned int place)
{
	char name[MZ_LAB_PLACE_SIZE], address[MZ_LAB_PLACE_SIZE], reason[256] = "";
	int r = 0;

	mz_lab_place_name(place, name);
	while (!is_ready(m->lab, place, reason, sizeof(reason))) {
		/* Without its controller, no host ever connects. */
		r = check_alive(m->lab, place) ?: check_alive(m->lab, MZ_LAB_CTL);
		if (!r && is_interrupted)
			r = -EINTR;
		if (r < 0)
			return r;
		if (now_ms() > m->deadline_ms) {
			mz_lab_say(m->lab, "%s did not come up in time (--timeout)%s", name,
				   reason);
			mz_lab_process_show_log(m->lab, place);
			return -ETIMEDOUT;
		}
		(void)usleep(POLL_MS * 1000); /* cut short by a signal: looked at above */
	}
	mz_lab_say(m->lab, "%s at %s is %s", name, mz_lab_address(m->lab, place, address),
		   place == MZ_LAB_CTL ? "up" : "connected");
	return 0;
}

static int make(const struct making *m)
{
	const struct mz_lab *lab = m->lab;
	char path[MZ_LAB_PATH_SIZE];
	int r;

	r = make_folders(lab);
	if (!r)
		r = make_namespaces(lab);
	if (!r)
		r = mz_lab_underlay_add(lab);
	if (r < 0)
		return r;
	r = mz_pki_ca_new(mz_lab_path(lab->name, path, "pki"));
	if (r < 0) {
		mz_lab_say(lab, "cannot make %s: %s", path, strerror(-r));
		return r;
	}
	r = start_controller(lab);
	if (!r)
		r = wait_ready(m, MZ_LAB_CTL);
	for (unsigned int p = 1; !r && p <= lab->n_hosts; p++)
		r = is_interrupted ? -EINTR : start_host(lab, p);
	for (unsigned int p = 1; !r && p <= lab->n_hosts; p++)
		r = wait_ready(m, p);
	return r;
}

/* Namespaces of these names that the lab did not make are somebody else's. */
static int check_free(const struct mz_lab *lab)
{
	char path[MZ_LAB_PATH_SIZE];

	for (unsigned int p = 1; p <= MZ_LAB_NET; p++) {
		if (p > lab->n_hosts && p < MZ_LAB_CTL)
			continue;
		if (access(mz_lab_netns_path(lab, p, path), F_OK) < 0)
			continue;
		mz_lab_say(lab,
			   "%s exists and is not of this lab: choose another --name, or remove "
			   "it",
			   path);
		return -EEXIST;
	}
	return 0;
}

static int check_wanted(const struct mz_lab *wanted, bool *ret_exists)
{
	struct mz_lab present;
	int r;

	r = mz_lab_load(wanted->name, &present);
	*ret_exists = !r;
	if (r == -ENOENT)
		return check_free(wanted);
	if (r < 0)
		return r;
	if (present.n_hosts == wanted->n_hosts && present.mtu == wanted->mtu &&
	    present.routed == wanted->routed && present.ipv6 == wanted->ipv6 &&
	    !strcmp(present.transit, wanted->transit) &&
	    !strcmp(present.mizard_options, wanted->mizard_options))
		return 0;
	mz_lab_say(wanted,
		   "it exists with %u hosts, IPv%d, mtu %u, %s, transit %s%s%s: take it down first "
		   "(mizar lab down --name %s)",
		   present.n_hosts, present.ipv6 ? 6 : 4, present.mtu,
		   present.routed ? "routed" : "on one segment", present.transit,
		   *present.mizard_options ? ", mizard " : "", present.mizard_options,
		   wanted->name);
	return -EEXIST;
}

int mz_lab_up(const struct mz_lab *wanted, bool keep_going, unsigned int timeout_s)
{
	struct making m = { wanted, now_ms() + timeout_s * 1000ULL };
	_cleanup_close_ int lock = -1;
	bool exists;
	int r;

	r = make_folder(MZ_LAB_ROOT);
	if (!r)
		r = mz_lab_lock(wanted->name, &lock);
	if (r < 0) {
		mz_lab_say(wanted, "cannot use " MZ_LAB_ROOT ": %s", strerror(-r));
		return r;
	}
	r = check_wanted(wanted, &exists);
	if (r < 0 && !exists)
		mz_lab_lock_remove(wanted->name);
	if (r < 0)
		return r;
	catch_signals();
	r = make(&m);
	if (!r || exists)
		return r;
	if (keep_going) {
		mz_lab_say(wanted, "left as it is: mizar lab down --name %s", wanted->name);
		return r;
	}
	mz_lab_say(wanted, "%s: removing what was made", is_interrupted ? "interrupted" : "failed");
	if (mz_lab_remove(wanted->name) == 0)
		mz_lab_lock_remove(wanted->name);
	return r;
}
