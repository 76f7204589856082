/* SPDX-License-Identifier: Apache-2.0 */
/* text_table.h — aligned columns on standard output: the first to the left, the others, numbers, to the right.
 *
 *   text_table t; text_table_init(&t, 3);
 *   st = text_table_cell(&t, "run"); ... row after row ...
 *   if (!st) st = text_table_print(&t, &out);
 *   text_table_drop(&t);
 */
#ifndef TRI_CLI_TEXT_TABLE_H
#define TRI_CLI_TEXT_TABLE_H

#include <stddef.h>

#include "base/buf.h"

typedef struct text_table {
    buf cells; /* each followed by NUL */
    size_t n_columns;
    size_t n_left; /* columns aligned to the left; 1 by _init */
    size_t n_cells;
} text_table;

void text_table_init(text_table *t, size_t n_columns);
void text_table_drop(text_table *t);
/* Statuses come without words, as buf's do. Control characters and invalid UTF-8 show as '?'. */
tri_status text_table_cell(text_table *t, const char *text);
tri_status text_table_format(text_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends the table's lines; the last row may be short. */
tri_status text_table_print(const text_table *t, buf *out);

#endif
