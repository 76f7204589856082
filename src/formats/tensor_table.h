/* SPDX-License-Identifier: Apache-2.0 */
/* tensor_table.h — the growing table of named tensors that the file readers fill and weights.h hands out.
 *
 * The table owns the names, and through `store` anything else a tensor points to that is not in a mapped file: file names, type
 * names, copies of tensors that were not contiguous. Tensor data in the file stays where it is. */
#ifndef TRI_FORMATS_TENSOR_TABLE_H
#define TRI_FORMATS_TENSOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "trident/status.h"
#include "base/arena.h"
#include "base/strmap.h"
#include "formats/weights.h"

enum { TENSOR_NAME_CAP = 256 };

typedef struct tensor_table {
    weight *items;
    size_t count, cap;
    strmap names; /* name -> place in items */
    arena store;
} tensor_table;

void tensor_table_init(tensor_table *t);
void tensor_table_drop(tensor_table *t);
/* Adds a copy of `tensor` under a copy of the name. A name that is there already, is empty or holds U+0000 is TRI_ERR_FORMAT;
 * more than LIMIT_TENSORS is TRI_ERR_LIMIT. */
tri_status tensor_table_add(tensor_table *t, const char *name, size_t name_len, const weight *tensor, tri_error *err);
const weight *tensor_table_find(const tensor_table *t, const char *name, size_t name_len); /* NULL = absent */

/* Other names for the tensors. `new_name` writes a tensor's name to `out`; false drops it from the table. Two of the same name
 * are TRI_ERR_FORMAT. */
typedef bool (*tensor_rename_fn)(const void *ctx, const char *name, char out[TENSOR_NAME_CAP]);
tri_status tensor_table_rename(tensor_table *t, tensor_rename_fn new_name, const void *ctx, tri_error *err);
/* The matrix gets rows before its first: those of `first` [n, columns], or zeros where it is NULL; it becomes f32. A name that
 * is not there is fine. */
tri_status tensor_table_put_rows_before(tensor_table *t, const char *name, size_t n, const float *first, tri_error *err);
/* A vector becomes a matrix of one row; what is neither there nor a vector is left alone. */
void tensor_table_make_row(tensor_table *t, const char *name);
/* A matrix or vector of several stacked ones is there in its parts too: views of the same bytes, of equal numbers
 * of rows. A name that is not there is fine. */
tri_status tensor_table_split(tensor_table *t, const char *name, const char *const *parts, size_t n_parts, tri_error *err);

/* How much of an outside name goes into a message: `"%.*s", tensor_name_width(len), name`. */
int tensor_name_width(size_t name_len);

#endif
