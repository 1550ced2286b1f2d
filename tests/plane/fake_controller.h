/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller's side of host.proto under a test's control: it says exactly what the test wants,
 * and keeps what mizard says. Its loop only runs inside the calls below.
 */
#pragma once

#include "mizard_common.h"
#include "mizar/v1/host.pb-c.h"
#include "rpc/rpc.h"

/* Listens on a socket in mizard_dir(). */
void fake_start(void);
/* Ends all calls. */
void fake_stop(void);
/* "unix:/…" */
const char *fake_target(void);

/* Waits for a stream and its hello, and welcomes it. Borrowed until the next. */
const Mizar__V1__HostHello *fake_expect_hello(void);
/* The next message that is neither Report nor Devices. Borrowed until the next. */
const Mizar__V1__HostMessage *fake_expect_message(void);
void fake_expect_ack(uint64_t revision, uint64_t digest);
/* Table, key and reason of the first refused row. Borrowed until the next. */
const Mizar__V1__Nack *fake_expect_nack(uint64_t revision, const char *table, const char *key,
					const char *reason);
void fake_expect_report(void);
/* That the stream ends. */
void fake_expect_close(void);

#define FAKE_EPOCH 1000
struct fake_update {
	Mizar__V1__Scope__Kind kind;
	uint64_t id;
	Mizar__V1__ScopeUpdate__Mode mode;
	uint64_t revision;
	const struct mz_table_row *rows, *deletes;
	size_t n_rows, n_deletes;
	bool more;
};
void fake_send(const struct fake_update *update);
void fake_send_message(const Mizar__V1__ControllerMessage *message);
void fake_run(unsigned int ms);

/* How Host.Attach is answered: with these rows, or (code is not OK) with an error. */
void fake_answer_attach(const struct mz_table_row *rows, size_t n_rows, enum mz_rpc_code code);
extern unsigned int fake_n_attached, fake_n_detached; /* calls since fake_start() */
void fake_expect_detached(unsigned int n);
/* The endpoint is said to have got a device. */
void fake_expect_device(uint64_t uid);
void fake_expect_no_device(uint64_t uid); /* or lost it */
/* The last that was said, and not expected; 0: none. */
extern uint64_t fake_device, fake_no_device;
/* Host.Detach is answered only after this; meanwhile there must be no Host.Attach. */
extern unsigned int fake_detach_ms;

/* mizard_attach() and mizard_detach(), with the controller answering meanwhile. */
Mizar__V1__LocalResponse *fake_attach(const char *name, const char *netns);
int fake_detach(const char *name);
