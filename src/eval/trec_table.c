/* SPDX-License-Identifier: Apache-2.0 */
/* trec_table.c — how are rows of (query, document, value) kept so that two tables can be merged?
 *
 *   add, add, add ...     rows in the order of the file            q1 d7 | q2 d1 | q1 d3 | ...
 *   finish                1. counting sort by query (stable)       q1 d7 | q1 d3 | q2 d1 | ...
 *                         2. each query's rows by document id      q1 d3 | q1 d7 | q2 d1 | ...
 *                         3. equal neighbours are duplicates
 *
 * A file may come in any order and with its queries interleaved. Cost: n for grouping, n log n compares for the ids of one
 * query; memory: 32 bytes a row, the ids, and once more the rows while grouping. */
#include "eval/trec_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum {
    FIRST_ROWS = 1024, /* rows and queries grow by doubling from here */
    FIRST_QUERIES = 64,
    TEXT_CHUNK = 256 << 10,
};
#define ROWS_MAX UINT32_MAX /* a row's place fits the uint32_t ordinals of fusion */

void trec_table_init(trec_table *t)
{
    memset(t, 0, sizeof *t);
    arena_init(&t->text, TEXT_CHUNK);
    strmap_init(&t->by_id);
}

void trec_table_drop(trec_table *t)
{
    arena_drop(&t->text);
    strmap_drop(&t->by_id);
    mem_free(t->queries);
    mem_free(t->rows);
    memset(t, 0, sizeof *t);
}

static tri_status grow(void **items, size_t *cap, size_t first, size_t size, tri_error *err)
{
    size_t bigger, bytes;
    if (!mul_size(*cap ? *cap : first, *cap ? 2 : 1, &bigger) || !mul_size(bigger, size, &bytes))
        return err_memory(err, SIZE_MAX);
    void *block = mem_realloc(*items, bytes);
    if (!block) return err_memory(err, bytes);
    *items = block;
    *cap = bigger;
    return TRI_OK;
}

static tri_status intern_query(trec_table *t, tri_text id, uint32_t *out, tri_error *err)
{
    /* files keep a query's lines together nearly always */
    if (t->n_rows) {
        const trec_query *last = &t->queries[t->rows[t->n_rows - 1].query];
        if (last->id_len == id.len && !memcmp(last->id, id.bytes, id.len)) {
            *out = (uint32_t)(last - t->queries);
            return TRI_OK;
        }
    }
    if (strmap_find(&t->by_id, id.bytes, id.len, out)) return TRI_OK;
    if (t->n_queries == t->cap_queries)
        TRI_TRY(grow((void **)&t->queries, &t->cap_queries, FIRST_QUERIES, sizeof *t->queries, err));
    char *copy = arena_copy(&t->text, id.bytes, id.len);
    if (!copy) return err_memory(err, id.len + 1);
    uint32_t old;
    bool found;
    if (strmap_put(&t->by_id, id.bytes, id.len, (uint32_t)t->n_queries, &old, &found) != TRI_OK) return err_memory(err, id.len);
    t->queries[t->n_queries] = (trec_query){.id = copy, .id_len = id.len};
    *out = (uint32_t)t->n_queries++;
    return TRI_OK;
}

tri_status trec_table_add(trec_table *t, tri_text query, tri_text doc, double value, uint64_t line, tri_error *err)
{
    if (t->n_rows >= ROWS_MAX) return err_set(err, TRI_ERR_LIMIT, "more than %llu lines", (unsigned long long)ROWS_MAX);
    if (doc.len > UINT32_MAX) return err_set(err, TRI_ERR_LIMIT, "a document id of %zu bytes", doc.len);
    uint32_t q;
    TRI_TRY(intern_query(t, query, &q, err));
    if (t->n_rows == t->cap_rows) TRI_TRY(grow((void **)&t->rows, &t->cap_rows, FIRST_ROWS, sizeof *t->rows, err));
    char *copy = arena_copy(&t->text, doc.bytes, doc.len);
    if (!copy) return err_memory(err, doc.len + 1);
    t->rows[t->n_rows++] = (trec_row){.doc = copy, .doc_len = (uint32_t)doc.len, .query = q, .value = value, .line = line};
    t->queries[q].n++;
    return TRI_OK;
}

int trec_row_order(const trec_row *a, const trec_row *b)
{
    size_t shorter = a->doc_len < b->doc_len ? a->doc_len : b->doc_len;
    int order = memcmp(a->doc, b->doc, shorter);
    if (order) return order;
    return a->doc_len < b->doc_len ? -1 : a->doc_len > b->doc_len;
}

/* Duplicates in the order of their lines, so that the message does not depend on the sort. */
static int by_doc_then_line(const void *a, const void *b)
{
    const trec_row *x = a, *y = b;
    int order = trec_row_order(x, y);
    if (order) return order;
    return x->line < y->line ? -1 : x->line > y->line;
}

static tri_status group_by_query(trec_table *t, tri_error *err)
{
    trec_row *grouped = mem_array(t->n_rows, sizeof *grouped);
    if (!grouped) return err_memory(err, t->n_rows * sizeof *grouped);
    size_t at = 0;
    for (size_t q = 0; q < t->n_queries; q++) {
        t->queries[q].first = at;
        at += t->queries[q].n;
        t->queries[q].n = 0;
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        trec_query *q = &t->queries[t->rows[i].query];
        grouped[q->first + q->n++] = t->rows[i];
    }
    mem_free(t->rows);
    t->rows = grouped;
    t->cap_rows = t->n_rows;
    return TRI_OK;
}

tri_status trec_table_finish(trec_table *t, tri_error *err)
{
    if (!t->n_rows) return TRI_OK;
    TRI_TRY(group_by_query(t, err));
    for (size_t i = 0; i < t->n_queries; i++) {
        const trec_query *q = &t->queries[i];
        trec_row *rows = t->rows + q->first;
        qsort(rows, q->n, sizeof *rows, by_doc_then_line);
        for (size_t j = 1; j < q->n; j++)
            if (trec_row_order(&rows[j - 1], &rows[j]) == 0)
                return err_set(err, TRI_ERR_FORMAT, "lines %llu and %llu both give document \"%s\" for query \"%s\"",
                               (unsigned long long)rows[j - 1].line, (unsigned long long)rows[j].line, rows[j].doc, q->id);
    }
    return TRI_OK;
}

const trec_query *trec_table_find(const trec_table *t, const char *id, size_t id_len)
{
    uint32_t q;
    return strmap_find(&t->by_id, id, id_len, &q) ? &t->queries[q] : NULL;
}
