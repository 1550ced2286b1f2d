/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tells the service manager, if there is one that listens: "READY=1", "STOPPING=1", as in
 * sd_notify(3). A manager that cannot be told finds out by itself.
 */
void mz_notify(const char *state);
