/* SPDX-License-Identifier: Apache-2.0 */
/* writer_lock.h — one writer at a time per directory; and what a killed writer left is swept away under that lock. */
#ifndef TRI_INDEX_WRITER_LOCK_H
#define TRI_INDEX_WRITER_LOCK_H

#include "base/lock_file.h"
#include "index/manifest.h"

/* Does not wait: TRI_ERR_STATE names the process that holds it. */
tri_status writer_lock_take(const char *dir, lock_file *out, tri_error *err);
/* Removes temporary and numbered files that `m` does not name. Other files are left alone. Hold the lock. */
tri_status writer_lock_sweep(const char *dir, const manifest *m, tri_error *err);

#endif
