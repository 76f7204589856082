/* SPDX-License-Identifier: Apache-2.0 */
/* model_mark.h — is a model still the one that results were made with? */
#ifndef TRI_LAB_MODEL_MARK_H
#define TRI_LAB_MODEL_MARK_H

#include <stdint.h>

#include "trident/status.h"

/* One number for what the files of a model hold, wherever they lie and whenever they were written: small ones whole, of large
 * ones the size and samples. path: a folder, with its modules (1_Pooling), or a file. */
tri_status model_mark(const char *path, uint64_t *mark, tri_error *err);

#endif
