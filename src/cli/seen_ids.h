/* SPDX-License-Identifier: Apache-2.0 */
/* seen_ids.h — is an id used twice, and on which lines? An id that stands for two texts would make a run file, and every
 * figure drawn from it, wrong without a sign; so both lines are named and the work stops. */
#ifndef TRI_CLI_SEEN_IDS_H
#define TRI_CLI_SEEN_IDS_H

#include "base/strmap.h"
#include "cli/record.h"

typedef struct seen_ids {
    strmap lines; /* id -> line number */
    const char *path;
} seen_ids;

void seen_ids_init(seen_ids *s, const char *path);
/* TRI_ERR_ARGUMENT naming both lines when the id was there before. */
tri_status seen_ids_add(seen_ids *s, const record *r, tri_error *err);
void seen_ids_drop(seen_ids *s);

#endif
