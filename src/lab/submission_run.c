/* SPDX-License-Identifier: Apache-2.0 */
/* submission_run.c — see submission_run.h. Ids are kept once; a pair takes 32 bytes. */
#include "lab/submission_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/submission_number.h"

typedef struct run_reader {
    submission_run *run;
    const char *path;
    bool lower_is_better;
} run_reader;

static tri_status bad(const run_reader *r, const submission_entry *e, tri_text value, const char *why, tri_error *err)
{
    return err_set(err, TRI_ERR_FORMAT, "could not read run %s line %llu: \"%.*s\" %s", r->path, (unsigned long long)e->line,
                   (int)(value.len < 60 ? value.len : 60), value.bytes ? value.bytes : "", why);
}

static tri_status on_query(void *ctx, const submission_entry *e, tri_error *err)
{
    run_reader *r = ctx;
    bool added;
    return known_ids_add(&r->run->queries, e->query, (tri_text){NULL, 0}, NULL, &added, err);
}

static tri_status score_of(run_reader *r, const submission_entry *e, double *out, tri_error *err)
{
    submission_run *run = r->run;
    submission_number n;
    tri_text text = e->score.bytes ? e->score : e->rank;
    *out = -(double)run->n;
    if (!text.bytes) return TRI_OK;
    if (!submission_number_parse(text, &n) || !isfinite(n.value)) return bad(r, e, text, "is no finite score", err);
    *out = e->score.bytes && !r->lower_is_better ? n.value : -n.value;
    if (!e->score.bytes) return TRI_OK;
    run->whole = run->whole && n.whole;
    if (!run->scored || *out < run->least) run->least = *out;
    if (!run->scored || *out > run->most) run->most = *out;
    run->scored = true;
    return TRI_OK;
}

static tri_status on_entry(void *ctx, const submission_entry *e, tri_error *err)
{
    run_reader *r = ctx;
    submission_run *run = r->run;
    run_pair pair = {.place = run->n};
    bool added;
    if (!e->doc.len) return bad(r, e, e->query, "has an empty document id", err);
    if (run->n == run->cap) {
        size_t cap = run->cap ? 2 * run->cap : 1024;
        run_pair *pairs = mem_realloc(run->pairs, cap * sizeof *pairs);
        if (!pairs) return err_memory(err, cap * sizeof *pairs);
        run->pairs = pairs;
        run->cap = cap;
    }
    TRI_TRY(known_ids_add(&run->queries, e->query, (tri_text){NULL, 0}, &pair.query, &added, err));
    TRI_TRY(known_ids_add(&run->docs, e->doc, (tri_text){NULL, 0}, &pair.doc, &added, err));
    TRI_TRY(score_of(r, e, &pair.score, err));
    run->pairs[run->n++] = pair;
    return TRI_OK;
}

static int by_query_then_score(const void *a, const void *b)
{
    const run_pair *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static int by_pair(const void *a, const void *b)
{
    const run_pair *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static tri_status sort_pairs(submission_run *run, const char *path, tri_error *err)
{
    qsort(run->pairs, run->n, sizeof *run->pairs, by_pair);
    for (size_t i = 1; i < run->n; i++) {
        const run_pair *p = &run->pairs[i];
        if (by_pair(p, p - 1)) continue;
        tri_text doc = run->docs.ids[p->doc], query = run->queries.ids[p->query];
        tri_status st =
            err_set(err, TRI_ERR_FORMAT, "could not use run %s: the document \"%.*s\" is there twice for the query \"%.*s\"",
                    path, (int)(doc.len < 60 ? doc.len : 60), doc.bytes, (int)(query.len < 60 ? query.len : 60), query.bytes);
        return err_hint(err, st, "keep the best of the two lines");
    }
    qsort(run->pairs, run->n, sizeof *run->pairs, by_query_then_score);
    run->first = mem_calloc(run->queries.n + 1, sizeof *run->first);
    if (!run->first) return err_memory(err, run->queries.n * sizeof *run->first);
    for (size_t i = 0; i < run->n; i++) run->first[run->pairs[i].query + 1] = i + 1;
    for (size_t q = 0; q < run->queries.n; q++)
        if (run->first[q + 1] < run->first[q]) run->first[q + 1] = run->first[q];
    return TRI_OK;
}

static tri_status load(const submission_source *source, const submission_hints *hints, submission_run *out, tri_error *err)
{
    submission_sample sample;
    run_reader r = {.run = out, .path = source->what};
    submission_sink sink = {.ctx = &r, .query = on_query, .entry = on_entry};
    TRI_TRY(submission_learn(source, hints, &sample, err));
    out->by_text = sample.format.query_by_text;
    r.lower_is_better = sample.format.lower_is_better;
    tri_status st = submission_read(&sample.format, source, &sink, err);
    submission_sample_drop(&sample);
    if (!st && !out->n) st = err_set(err, TRI_ERR_FORMAT, "could not read run %s: no documents in it", source->what);
    return st ? st : sort_pairs(out, source->what, err);
}

tri_status submission_run_load(const char *path, const submission_hints *hints, submission_run *out, tri_error *err)
{
    mapped_file mapped;
    submission_hints lenient = *hints;
    lenient.lenient = true;
    memset(out, 0, sizeof *out);
    known_ids_init(&out->queries, false);
    known_ids_init(&out->docs, false);
    out->whole = true;
    TRI_TRY(mapped_file_open(path, &mapped, err));
    submission_source source = {.what = path, .bytes = {(const char *)mapped.data, mapped.len}, .file = &mapped};
    if (!mapped.len) source.bytes.bytes = "";
    tri_status st = load(&source, &lenient, out, err);
    mapped_file_close(&mapped);
    if (st) submission_run_drop(out);
    return st;
}

void submission_run_drop(submission_run *run)
{
    known_ids_drop(&run->queries);
    known_ids_drop(&run->docs);
    mem_free(run->pairs);
    mem_free(run->first);
    run->pairs = NULL;
    run->first = NULL;
}
