/* SPDX-License-Identifier: Apache-2.0 */
/* checkup.h — is every byte of an index what was written? */
#ifndef TRI_INDEX_CHECKUP_H
#define TRI_INDEX_CHECKUP_H

#include "trident/index.h"

/* Reports each damaged file through `bad` (may be NULL); TRI_ERR_FORMAT when there was one. */
tri_status checkup_run(const char *dir, tri_index_bad_fn bad, void *ctx, tri_error *err);

#endif
