/* SPDX-License-Identifier: Apache-2.0 */
/* pip.h — fetching one wheel with the user's own pip, which knows his index, proxy and certificates. */
#ifndef TRI_HUB_PIP_H
#define TRI_HUB_PIP_H

#include <stdint.h>

#include "trident/types.h"
#include "base/limits.h"

typedef struct pip_job {
    const char *package, *version;
    const char *folder;       /* where to; absolute or relative, exists, holds nothing else */
    uint64_t expected;        /* bytes of the wheel, for progress */
    tri_progress_fn progress; /* may be NULL */
    void *progress_ctx;
} pip_job;

/* Downloads package==version into the folder and answers the wheel's path. Nothing is installed and no code of the package is
 * run. No pip: TRI_ERR_NOT_FOUND with the remedy. */
tri_status pip_download(const pip_job *job, char wheel[LIMIT_PATH], tri_error *err);

#endif
