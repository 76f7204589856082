/* SPDX-License-Identifier: Apache-2.0 */
/* text_table.c — how are facts shown in columns?
 *
 * Cells are kept as text and laid out at the end, when the widest of each column is known. Widths are those of a terminal (wide
 * characters count two), so that names in any script line up. Two spaces between columns, none at the end of a line. */
#include "cli/text_table.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"
#include "cli/demo_view.h"

enum { GAP = 2, CELL_MAX = 512 };

void text_table_init(text_table *t, size_t n_columns)
{
    memset(t, 0, sizeof *t);
    buf_init(&t->cells, 0);
    t->n_columns = n_columns;
    t->n_left = 1;
}

void text_table_drop(text_table *t)
{
    buf_drop(&t->cells);
}

tri_status text_table_cell(text_table *t, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        bool bad = false;
        size_t n = utf8_next((const uint8_t *)text + i, len - i, &cp, &bad);
        if (bad || cp < 0x20 || cp == 0x7F)
            TRI_TRY(buf_byte(&t->cells, '?'));
        else
            TRI_TRY(buf_append(&t->cells, text + i, n));
        i += n;
    }
    TRI_TRY(buf_byte(&t->cells, 0));
    t->n_cells++;
    return TRI_OK;
}

tri_status text_table_format(text_table *t, const char *fmt, ...)
{
    char text[CELL_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return text_table_cell(t, text);
}

static tri_status pad(buf *out, size_t n)
{
    while (n--) TRI_TRY(buf_byte(out, ' '));
    return TRI_OK;
}

static tri_status lay_out(const text_table *t, const size_t *widths, buf *out)
{
    const char *cell = (const char *)t->cells.data;
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t column = i % t->n_columns, len = strlen(cell), width = view_width(cell, len);
        bool last = column + 1 == t->n_columns || i + 1 == t->n_cells;
        if (column >= t->n_left) TRI_TRY(pad(out, widths[column] - width));
        TRI_TRY(buf_append(out, cell, len));
        if (column < t->n_left && !last) TRI_TRY(pad(out, widths[column] - width));
        TRI_TRY(last ? buf_byte(out, '\n') : pad(out, GAP));
        cell += len + 1;
    }
    return TRI_OK;
}

tri_status text_table_print(const text_table *t, buf *out)
{
    size_t *widths = mem_calloc(t->n_columns, sizeof *widths);
    if (!widths) return TRI_ERR_MEMORY;
    const char *cell = (const char *)t->cells.data;
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t len = strlen(cell), width = view_width(cell, len);
        if (width > widths[i % t->n_columns]) widths[i % t->n_columns] = width;
        cell += len + 1;
    }
    tri_status st = lay_out(t, widths, out);
    mem_free(widths);
    return st;
}
