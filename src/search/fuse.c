/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c — how do several ranked lists become one?
 *
 *   entries   (document, list, place) of every list, radix-sorted by document; stable: a document's entries stay in list order
 *   terms     each list, once the size of the union is known, says what each of its places is worth (fuse_<name>.c)
 *   sweep     document by document: the sum over the lists, in their order, of what the place or the absence is worth
 *
 * Linear in the sum of the lists. The order of additions is fixed by the order of the lists alone: equal input, equal bits. */
#include "search/fuse.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

static const fuse_kind *const kinds[] = {
#define FUSE(name) &fuse_##name,
#include "search/list.h"
#undef FUSE
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

int fuse_by_name(const char *name)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i]->name, name)) return kinds[i]->method;
    return -1;
}

int fuse_norm_by_name(const char *name)
{
    static const char *const names[] = {[TRI_NORM_NONE] = "none", [TRI_NORM_MINMAX] = "minmax", [TRI_NORM_ZSCORE] = "zscore"};
    for (int i = TRI_NORM_NONE; i <= TRI_NORM_ZSCORE; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

static const fuse_kind *find_kind(int method)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (kinds[i]->method == method) return kinds[i];
    return NULL;
}

/* ---- the rules ----------------------------------------------------------------------------------------------------- */

static tri_status check_rules(const fuse_list *lists, size_t n_lists, const fuse_rules *r, tri_error *err)
{
    if (!find_kind(r->method)) return err_set(err, TRI_ERR_ARGUMENT, "unknown fusion method %d", r->method);
    if (r->norm < TRI_NORM_DEFAULT || r->norm > TRI_NORM_ZSCORE)
        return err_set(err, TRI_ERR_ARGUMENT, "unknown normalisation %d", r->norm);
    if (r->missing != TRI_MISSING_NONE && r->missing != TRI_MISSING_ZERO)
        return err_set(err, TRI_ERR_ARGUMENT, "unknown rule %d for missing documents", r->missing);
    if (r->method == TRI_FUSE_RRF) {
        if (r->rrf_base != 0 && r->rrf_base != 1)
            return err_set(err, TRI_ERR_ARGUMENT, "rrf counts ranks from 0 or 1, not from %d", r->rrf_base);
        if (!isfinite(r->rrf_k) || !(r->rrf_k + r->rrf_base > 0))
            return err_set(err, TRI_ERR_ARGUMENT, "rrf with k = %g divides by %g for the first rank", r->rrf_k,
                           r->rrf_k + r->rrf_base);
    }
    for (size_t i = 0; i < n_lists; i++)
        if (!isfinite(lists[i].weight))
            return err_set(err, TRI_ERR_ARGUMENT, "weight %zu of the fusion is not a finite number", i + 1);
    return TRI_OK;
}

/* ---- the union ----------------------------------------------------------------------------------------------------- */

typedef struct entry {
    uint32_t doc, list, place;
} entry;

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 }; /* 3 x 11 bits cover 32 */

/* Stable least-significant-digit radix sort by document; a digit that all share costs no pass. Returns where the result lies.
 */
static entry *sort_by_doc(entry *from, entry *to, size_t n)
{
    static const int shifts[PASSES] = {0, DIGIT_BITS, 2 * DIGIT_BITS};
    for (int p = 0; p < PASSES; p++) {
        size_t start[DIGITS] = {0}, at = 0;
        for (size_t i = 0; i < n; i++) start[from[i].doc >> shifts[p] & (DIGITS - 1)]++;
        if (start[from[0].doc >> shifts[p] & (DIGITS - 1)] == n) continue;
        for (size_t d = 0; d < DIGITS; d++) {
            size_t count = start[d];
            start[d] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++) to[start[from[i].doc >> shifts[p] & (DIGITS - 1)]++] = from[i];
        entry *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

typedef struct workspace {
    entry *entries, *spare; /* [total] each */
    double *terms;          /* [total] list after list */
    double *absent;         /* [n_lists] */
    size_t *offset;         /* [n_lists] of a list's terms */
} workspace;

static tri_status workspace_reset(workspace *w, size_t total, size_t n_lists, tri_error *err)
{
    w->entries = mem_array(total, sizeof *w->entries);
    w->spare = mem_array(total, sizeof *w->spare);
    w->terms = mem_array(total, sizeof *w->terms);
    w->absent = mem_calloc(n_lists, sizeof *w->absent);
    w->offset = mem_calloc(n_lists, sizeof *w->offset);
    return w->entries && w->spare && w->terms && w->absent && w->offset ? TRI_OK : err_memory(err, total * 2 * sizeof(entry));
}

static void workspace_drop(workspace *w)
{
    mem_free(w->entries);
    mem_free(w->spare);
    mem_free(w->terms);
    mem_free(w->absent);
    mem_free(w->offset);
}

static tri_status count_union(const entry *e, size_t n, size_t *n_union, tri_error *err)
{
    *n_union = n > 0;
    for (size_t i = 1; i < n; i++) {
        if (e[i].doc == e[i - 1].doc && e[i].list == e[i - 1].list)
            return err_set(err, TRI_ERR_ARGUMENT, "list %u of the fusion holds a document twice", e[i].list + 1);
        *n_union += e[i].doc != e[i - 1].doc;
    }
    return TRI_OK;
}

/* ---- the sum ------------------------------------------------------------------------------------------------------- */

/* One document: e[0..n) are its entries, in list order. */
static tri_status sum_document(const fuse_kind *kind, const workspace *w, size_t n_lists, const entry *e, size_t n,
                               double *score, tri_error *err)
{
    double sum = 0;
    size_t at = 0;
    for (size_t list = 0; list < n_lists; list++) {
        if (at < n && e[at].list == list) {
            sum += w->terms[w->offset[list] + e[at].place];
            at++;
        } else {
            sum += w->absent[list];
        }
    }
    *score = kind->times_lists ? sum * (double)n : sum;
    if (!isfinite(*score)) return err_set(err, TRI_ERR_NUMERIC, "a fused score is not a finite number");
    return TRI_OK;
}

static tri_status fuse_sorted(const fuse_list *lists, size_t n_lists, const fuse_rules *rules, workspace *w, const entry *e,
                              size_t total, fuse_hit *out, size_t *n_out, tri_error *err)
{
    const fuse_kind *kind = find_kind(rules->method);
    fuse_rules settled = *rules;
    if (settled.norm == TRI_NORM_DEFAULT) settled.norm = kind->norm;
    size_t n_union;
    TRI_TRY(count_union(e, total, &n_union, err));
    for (size_t i = 0; i < n_lists; i++)
        if (lists[i].n) kind->add(&lists[i], n_union - lists[i].n, &settled, w->terms + w->offset[i], &w->absent[i]);
    size_t n = 0;
    for (size_t i = 0; i < total;) {
        size_t end = i + 1;
        while (end < total && e[end].doc == e[i].doc) end++;
        out[n].doc = e[i].doc;
        TRI_TRY(sum_document(kind, w, n_lists, e + i, end - i, &out[n].score, err));
        n++;
        i = end;
    }
    *n_out = n;
    return TRI_OK;
}

tri_status fuse_run(const fuse_list *lists, size_t n_lists, const fuse_rules *rules, fuse_hit *out, size_t *n_out,
                    tri_error *err)
{
    size_t total = 0;
    workspace w = {0};
    TRI_TRY(check_rules(lists, n_lists, rules, err));
    for (size_t i = 0; i < n_lists; i++) total += lists[i].n;
    *n_out = 0;
    if (!total) return TRI_OK;
    tri_status st = workspace_reset(&w, total, n_lists, err);
    if (!st) {
        size_t at = 0;
        for (size_t i = 0; i < n_lists; i++) {
            w.offset[i] = at;
            for (size_t j = 0; j < lists[i].n; j++) w.entries[at++] = (entry){lists[i].docs[j], (uint32_t)i, (uint32_t)j};
        }
        const entry *sorted = sort_by_doc(w.entries, w.spare, total);
        st = fuse_sorted(lists, n_lists, rules, &w, sorted, total, out, n_out, err);
    }
    workspace_drop(&w);
    return st;
}

/* ---- one list alone ------------------------------------------------------------------------------------------------ */

tri_status fuse_terms(const fuse_list *list, const fuse_rules *rules, double *terms, tri_error *err)
{
    double absent;
    TRI_TRY(check_rules(list, 1, rules, err));
    if (rules->missing != TRI_MISSING_NONE)
        return err_set(err, TRI_ERR_ARGUMENT, "what a list adds alone is not known where missing documents count as 0");
    const fuse_kind *kind = find_kind(rules->method);
    fuse_rules settled = *rules;
    if (settled.norm == TRI_NORM_DEFAULT) settled.norm = kind->norm;
    if (list->n) kind->add(list, 0, &settled, terms, &absent);
    return TRI_OK;
}

bool fuse_times_lists(int method)
{
    const fuse_kind *kind = find_kind(method);
    return kind && kind->times_lists;
}
