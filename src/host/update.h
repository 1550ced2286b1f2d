/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One update of a scope, from its first chunk to its last. What of a row could not be applied is
 * remembered and refused at the end; the rest stays applied.
 */
#pragma once

#include "host/apply.h"
#include "mizar/v1/host.pb-c.h"

struct mz_update_result {
	struct mz_scope_id scope;
	uint64_t epoch, revision;
	uint64_t digest; /* of what is held now */
	size_t n_refused;
	struct mz_refusal *refusals; /* of those the first, to be freed; NULL: no memory for them */
};
#define MZ_REFUSALS_MAX 64 /* as in a Nack */

/* 0: more chunks follow; 1: answer with the result; -EBADMSG: this is no update. */
int mz_update_chunk(struct mz_host *host, const Mizar__V1__ScopeUpdate *message,
		    struct mz_update_result *ret_result);
/* The stream is gone: chunks that were begun will not be completed. */
void mz_update_abandon_all(struct mz_host *host);
