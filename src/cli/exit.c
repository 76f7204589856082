/* SPDX-License-Identifier: Apache-2.0 */
/* exit.c — status to exit code. The table is made from TRI_STATUS_MAP: a status without a line below does not compile.
 *
 * Wrong usage (2) is decided by the command line alone, before the library is asked (cli_usage); an argument that the library
 * refuses later, on seeing the data, is a failure (1). */
#include "cli/exit.h"

enum { /* ORDER status */
       CODE_OK = EXIT_DONE,
       CODE_ERR_ARGUMENT = EXIT_FAILED,
       CODE_ERR_MEMORY = EXIT_FAILED,
       CODE_ERR_IO = EXIT_FAILED,
       CODE_ERR_FORMAT = EXIT_FAILED,
       CODE_ERR_NOT_FOUND = EXIT_FAILED,
       CODE_ERR_UNSUPPORTED = EXIT_FAILED,
       CODE_ERR_LIMIT = EXIT_FAILED,
       CODE_ERR_NUMERIC = EXIT_FAILED,
       CODE_ERR_CANCELLED = EXIT_INTERRUPTED,
       CODE_ERR_STATE = EXIT_FAILED,
       CODE_ERR_MISMATCH = EXIT_FAILED,
       CODE_ERR_NETWORK = EXIT_FAILED
};

int exit_code(tri_status status)
{
    switch (status) {
#define CODE(number, name, meaning)                                                                                            \
    case TRI_##name:                                                                                                           \
        return CODE_##name;
        TRI_STATUS_MAP(CODE)
#undef CODE
    }
    return EXIT_FAILED;
}
