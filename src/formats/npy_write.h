/* SPDX-License-Identifier: Apache-2.0 */
/* npy_write.h — a float32 matrix [n, dim] as a NumPy .npy file, written row by row; n need not be known beforehand.
 *
 *   npy_writer *w;
 *   st = npy_write_open(path, dim, &w, err);
 *   ... npy_write_rows(w, rows, n_rows, err) ...
 *   st = npy_write_commit(w, err);      the file appears under its name, whole; or npy_write_discard(w) */
#ifndef TRI_FORMATS_NPY_WRITE_H
#define TRI_FORMATS_NPY_WRITE_H

#include <stddef.h>

#include "trident/status.h"

typedef struct npy_writer npy_writer;

/* "-" (standard output) is refused: the header is written last. */
tri_status npy_write_open(const char *path, size_t dim, npy_writer **out, tri_error *err);
tri_status npy_write_rows(npy_writer *w, const float *rows /* [n_rows, dim] */, size_t n_rows, tri_error *err);
tri_status npy_write_commit(npy_writer *w, tri_error *err); /* w is gone, on success and on failure */
void npy_write_discard(npy_writer *w);                      /* nothing is left behind; NULL is fine */

#endif
