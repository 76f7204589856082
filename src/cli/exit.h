/* SPDX-License-Identifier: Apache-2.0 */
/* exit.h — from what the library answered to what the shell sees. The only such table in the program. */
#ifndef TRI_CLI_EXIT_H
#define TRI_CLI_EXIT_H

#include "trident/status.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 /* 128 + SIGINT, as shells have it */ };

int exit_code(tri_status status);

#endif
