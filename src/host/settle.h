/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once after mizard's start, when the controller has said what belongs on this host: endpoint
 * devices without a row are removed (the tables were lost while they stayed), and rows without a
 * device are given back, unless an attach is under way.
 */
#pragma once

struct mz_host;

int mz_settle(struct mz_host *host);
