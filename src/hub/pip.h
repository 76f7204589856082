/* SPDX-License-Identifier: Apache-2.0 */
/* pip.h — fetching one wheel with the user's own pip, which knows his index, proxy and certificates. */
#ifndef TRI_HUB_PIP_H
#define TRI_HUB_PIP_H

#include "trident/types.h"
#include "base/limits.h"

/* Downloads package==version into `folder` (which holds nothing else) and answers the wheel's path. Nothing is installed and no
 * code of the package is run. progress may be NULL; total is not known. No pip: TRI_ERR_NOT_FOUND with the remedy. */
tri_status pip_download(const char *package, const char *version, const char *folder, tri_progress_fn progress, void *ctx,
                        char wheel[LIMIT_PATH], tri_error *err);

#endif
