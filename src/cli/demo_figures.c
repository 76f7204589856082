/* SPDX-License-Identifier: Apache-2.0 */
/* demo_figures.c — what do the figures say? See demo_figures.h.
 *
 * A pair's ranking is those hits that are in its language, by one way's score, the first RUN_DEPTH of them. It is written as a
 * run file and measured by tri_eval, so that `trident eval` on the same files prints the same figures. Sparse hits that share
 * no token with the question are no answer and are left out of the sparse run (ways.h). */
#include "cli/demo_figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/number.h"
#include "cli/ways.h"

enum { RUN_DEPTH = 100 }; /* recall@100 needs as many */

static const char *const metrics[] = {"ndcg@10", "recall@100", "mrr"};
enum { METRICS = 3 };
static const char *const metric_titles[METRICS] = {"nDCG@10", "Recall@100", "MRR"};

static tri_status write_ranking(out_file *file, tri_text question, const tri_hit *const *ranked, size_t n, way w,
                                tri_error *err)
{
    buf line;
    buf_init(&line, 0);
    tri_status st = TRI_OK;
    for (size_t i = 0; st == TRI_OK && i < n && i < RUN_DEPTH; i++) {
        char score[32];
        tri_text id = ways_bare_id(ranked[i]->key);
        number_format_f32(score, sizeof score, ways_score(ranked[i], w));
        st = buf_printf(&line, "%.*s Q0 %.*s %zu %s %s\n", (int)question.len, question.bytes, (int)id.len, id.bytes, i + 1,
                        score, ways_name(w));
    }
    st = st == TRI_OK ? out_file_write(file, line.data, line.len, err) : err_set(err, st, "could not write a ranking");
    buf_drop(&line);
    return st;
}

/* One run file: the questions of `from` against the documents of `to`, one way. */
static tri_status write_run(const char *path, const demo_language *from, const char *to, way w, const tri_hits *hits,
                            tri_error *err)
{
    out_file *file;
    size_t most = 1;
    for (size_t q = 0, n; q < from->reader.n; q++) {
        tri_hits_get(hits, q, &n);
        if (n > most) most = n;
    }
    const tri_hit **ranked = mem_array(most, sizeof *ranked);
    if (!ranked) return err_memory(err, most * sizeof *ranked);
    tri_status st = out_file_open(path, &file, err);
    bool open = st == TRI_OK;
    for (size_t q = 0; st == TRI_OK && q < from->reader.n; q++) {
        size_t n_hits;
        const tri_hit *all = tri_hits_get(hits, q, &n_hits);
        size_t n = ways_rank(all, n_hits, w, to, ranked);
        st = write_ranking(file, from->reader.records[q].key, (const tri_hit *const *)ranked, n, w, err);
    }
    if (st == TRI_OK)
        st = out_file_commit(file, err);
    else if (open)
        out_file_discard(file);
    mem_free(ranked);
    return st;
}

static tri_status measure_run(const char *path, const tri_qrels *qrels, double values[METRICS], tri_error *err)
{
    tri_run *ranking;
    tri_report *report = NULL;
    tri_eval_options options;
    tri_eval_options_init(&options);
    options.metrics = metrics;
    options.n_metrics = METRICS;
    options.only_present = 1; /* the demonstration asks some of the judged questions only */
    TRI_TRY(tri_run_load(path, &ranking, err));
    tri_status st = tri_eval(qrels, ranking, &options, &report, err);
    for (size_t i = 0; st == TRI_OK && i < METRICS; i++) values[i] = tri_report_overall(report, i);
    tri_report_free(report);
    tri_run_free(ranking);
    return st;
}

static tri_status draw_row(const view *v, const char *from, const char *to, double values[WAYS][METRICS])
{
    TRI_TRY(view_printf(v, strcmp(from, to) == 0 ? VIEW_BOLD : VIEW_PLAIN, "  %-3s \xe2\x86\x92 %-3s ", from, to));
    for (size_t m = 0; m < METRICS; m++) {
        double best = 0;
        for (way w = 0; w < WAYS; w++) best = fmax(best, values[w][m]);
        TRI_TRY(buf_str(v->out, "  "));
        for (way w = 0; w < WAYS; w++)
            TRI_TRY(view_printf(v, values[w][m] == best ? VIEW_GOOD : VIEW_PLAIN, " %6.3f", values[w][m]));
    }
    return buf_str(v->out, "\n");
}

tri_status demo_figures_head(const view *v)
{
    TRI_TRY(buf_str(v->out, "\n           "));
    for (size_t m = 0; m < METRICS; m++)
        TRI_TRY(view_printf(v, VIEW_TITLE, "   %-*s", m + 1 < METRICS ? 27 : 0, metric_titles[m]));
    TRI_TRY(buf_str(v->out, "\n            "));
    for (size_t m = 0; m < METRICS; m++) {
        TRI_TRY(buf_str(v->out, "  "));
        for (way w = 0; w < WAYS; w++) TRI_TRY(view_printf(v, VIEW_DIM, " %6s", ways_name(w)));
    }
    return buf_str(v->out, "\n");
}

tri_status demo_figures_rows(const view *v, const tri_qrels *qrels, const char *runs_dir, const demo_language *from,
                             const demo_language *languages, size_t n_languages, const tri_hits *hits, tri_error *err)
{
    for (size_t i = 0; i < n_languages; i++) {
        const char *to = languages[i].name;
        double values[WAYS][METRICS] = {{0}};
        for (way w = 0; w < WAYS; w++) {
            char name[3 * DEMO_LANGUAGE_CAP], path[LIMIT_PATH];
            snprintf(name, sizeof name, "%s-%s.%s.trec", from->name, to, ways_name(w));
            if (file_join(path, sizeof path, runs_dir, name) != TRI_OK)
                return err_set(err, TRI_ERR_LIMIT, "path too long: %s", runs_dir);
            TRI_TRY(write_run(path, from, to, w, hits, err));
            TRI_TRY(measure_run(path, qrels, values[w], err));
        }
        if (draw_row(v, from->name, to, values) != TRI_OK) return err_set(err, TRI_ERR_MEMORY, "could not draw the table");
    }
    return TRI_OK;
}
