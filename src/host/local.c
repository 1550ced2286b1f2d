// SPDX-License-Identifier: Apache-2.0
#include "host/local.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/apply.h"
#include "host/local_attach.h"

void mz_local_reply_error(struct mz_ipc_request *request, int error, const char *format, ...)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;
	char text[1024];
	va_list ap;

	if (error) {
		va_start(ap, format);
		(void)vsnprintf(text, sizeof(text), format, ap); /* a cut message is still one */
		va_end(ap);
		response.has_error = 1;
		response.error = (uint32_t)error;
		response.message = text;
	}
	mz_ipc_reply(request, &response);
}

int mz_local_code_errno(enum mz_rpc_code code)
{
	switch (code) {
	case MZ_RPC_OK:
		return 0;
	case MZ_RPC_INVALID_ARGUMENT:
	case MZ_RPC_OUT_OF_RANGE:
		return EINVAL;
	case MZ_RPC_DEADLINE_EXCEEDED:
		return ETIMEDOUT;
	case MZ_RPC_NOT_FOUND:
		return ENOENT;
	case MZ_RPC_ALREADY_EXISTS:
		return EEXIST;
	case MZ_RPC_PERMISSION_DENIED:
	case MZ_RPC_UNAUTHENTICATED:
		return EACCES;
	case MZ_RPC_RESOURCE_EXHAUSTED:
		return ENOSPC;
	case MZ_RPC_FAILED_PRECONDITION:
	case MZ_RPC_ABORTED:
		return EBUSY;
	case MZ_RPC_UNAVAILABLE:
		return EHOSTUNREACH;
	case MZ_RPC_CANCELLED:
		return ECANCELED;
	case MZ_RPC_UNIMPLEMENTED:
		return EOPNOTSUPP;
	case MZ_RPC_UNKNOWN:
	case MZ_RPC_INTERNAL:
		break;
	}
	return EIO;
}

static void refuse(struct mz_ipc_request *request, size_t i, const struct mz_refusal *refusal,
		   int r)
{
	mz_local_reply_error(request, -r, "rows[%zu]: %s %s: %s", i, refusal->table, refusal->key,
			     refusal->reason);
}

/* Writes by hand: all rows are well-formed, or none is applied. */
static void change(struct mz_host *host, struct mz_ipc_request *request,
		   const Mizar__V1__LocalRowChange *change, bool is_set)
{
	struct mz_refusal refusal;
	const char *field;
	size_t i;
	int r;

	for (i = 0; i < change->n_rows; i++) {
		const Mizar__V1__Row *row = change->rows[i];
		char key[MZ_ROW_KEY_STRLEN];

		r = mz_row_check(row, !is_set, &field);
		if (r < 0) {
			mz_local_reply_error(
				request, -r,
				"rows[%zu]: %s %s: field %s is missing or out of range", i,
				mz_row_table_name(row), mz_row_key_format(row, key), field);
			return;
		}
	}
	for (i = 0; i < change->n_rows; i++) {
		if (is_set)
			r = mz_apply_set(host, change->rows[i], NULL, &refusal);
		else
			r = mz_apply_unset(host, change->rows[i], NULL, &refusal);
		if (r < 0) {
			refuse(request, i, &refusal, r);
			return;
		}
	}
	mz_local_reply_error(request, 0, "%s", "");
}

void mz_local_request(struct mz_ipc_request *request, const Mizar__V1__LocalRequest *message,
		      void *user)
{
	struct mz_host *host = user;

	switch (message->request_case) {
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH:
		mz_attach(host, request, message->attach);
		return;
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_DETACH:
		mz_detach(host, request, message->detach);
		return;
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS:
		mz_status(host, request);
		return;
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_SET:
		change(host, request, message->set, true);
		return;
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_UNSET:
		change(host, request, message->unset, false);
		return;
	case MIZAR__V1__LOCAL_REQUEST__REQUEST__NOT_SET:
	case _MIZAR__V1__LOCAL_REQUEST__REQUEST__CASE_IS_INT_SIZE:
		break;
	}
	mz_local_reply_error(request, EOPNOTSUPP,
			     "this mizard (" MIZAR_VERSION
			     ") does not know the request: use a mizar of its version");
}
