/* SPDX-License-Identifier: Apache-2.0 */
/* tensor_table.h — the growing table of named tensors that the file readers fill and weights.h hands out.
 *
 * The table owns the names, and through `store` anything else a tensor points to that is not in a mapped file: file names, type
 * names, copies of tensors that were not contiguous. Tensor data in the file stays where it is. */
#ifndef TRI_FORMATS_TENSOR_TABLE_H
#define TRI_FORMATS_TENSOR_TABLE_H

#include <stddef.h>

#include "trident/status.h"
#include "base/arena.h"
#include "base/strmap.h"
#include "formats/weights.h"

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

/* How much of an outside name goes into a message: `"%.*s", tensor_name_width(len), name`. */
int tensor_name_width(size_t name_len);

#endif
