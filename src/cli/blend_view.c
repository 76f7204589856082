/* SPDX-License-Identifier: Apache-2.0 */
/* blend_view.c — what does somebody who has to choose need to see? Every single run, the winner with its tests, and the score
 * on queries that the choice did not see; then the command that makes the same file. */
#include "cli/blend_view.h"

#include <string.h>

#include "base/err.h"
#include "cli/json_out.h"
#include "cli/text_table.h"

static const double proof = 0.05; /* the usual level; every p is printed beside it */

static const blend_recipe *recipe_at(const blend_view *v, size_t i)
{
    return &v->b->space.recipes[i];
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static tri_status words_cell(const blend_view *v, text_table *t, size_t recipe)
{
    buf words;
    buf_init(&words, 0);
    tri_status st = blend_recipe_words(recipe_at(v, recipe), v->names, &words);
    if (!st) st = buf_byte(&words, 0);
    if (!st) st = text_table_cell(t, (const char *)words.data);
    buf_drop(&words);
    return st;
}

static tri_status runs_table(const blend_view *v, text_table *t)
{
    text_table_init(t, 2);
    TRI_TRY(text_table_cell(t, "fusion"));
    TRI_TRY(text_table_cell(t, v->metric));
    for (size_t i = 0; i < v->b->n_runs; i++) {
        TRI_TRY(words_cell(v, t, v->b->singles[i]));
        TRI_TRY(text_table_format(t, "%.4f", blend_mean(v->b, v->b->singles[i])));
    }
    if (v->b->highest != v->b->winner) {
        TRI_TRY(words_cell(v, t, v->b->highest));
        TRI_TRY(text_table_format(t, "%.4f", v->b->highest_score));
    }
    TRI_TRY(words_cell(v, t, v->b->winner));
    return text_table_format(t, "%.4f", v->b->winner_score);
}

static tri_status folds_table(const blend_view *v, text_table *t)
{
    static const char *const heads[] = {"fold", "chosen on the other folds", "queries", "its score", "best single"};
    text_table_init(t, sizeof heads / sizeof *heads);
    t->n_left = 2;
    for (size_t i = 0; i < t->n_columns; i++) TRI_TRY(text_table_cell(t, heads[i]));
    for (size_t f = 0; f < v->b->n_folds; f++) {
        const blend_fold *fold = &v->b->folds[f];
        TRI_TRY(text_table_format(t, "%zu", f + 1));
        TRI_TRY(words_cell(v, t, fold->winner));
        TRI_TRY(text_table_format(t, "%zu", fold->queries));
        TRI_TRY(text_table_format(t, "%.4f", fold->score));
        TRI_TRY(text_table_format(t, "%.4f", fold->single_score));
    }
    return TRI_OK;
}

static tri_status show(const blend_view *v, buf *out, tri_status (*fill)(const blend_view *v, text_table *t))
{
    text_table t;
    tri_status st = fill(v, &t);
    if (!st) st = text_table_print(&t, out);
    text_table_drop(&t);
    return st;
}

static tri_status show_test(buf *out, const tri_paired_test *t)
{
    return buf_printf(out, "%+.4f (p %.4g by t, %.4g randomised, %zu queries)", t->difference, t->p_t, t->p_random, t->n);
}

static tri_status show_verdict(const blend_view *v, buf *out)
{
    const blend *b = v->b;
    if (b->winner == b->best_single)
        return buf_str(out, "no fusion is better than the best single run by more than chance allows: it is taken\n");
    bool proven = b->unseen_test.difference > 0 && b->unseen_test.p_random <= proof;
    return buf_printf(out, "the gain is %s on queries that the choice did not see\n", proven ? "proven" : "not proven");
}

/* `trident fuse` with the same options writes the same bytes. */
static tri_status put_command(const blend_view *v, buf *out)
{
    const blend_recipe *r = recipe_at(v, v->b->winner);
    if (r->n < 2) return buf_printf(out, "the run itself: %s", v->paths[r->members[0]]);
    TRI_TRY(buf_str(out, "trident fuse"));
    for (size_t i = 0; i < r->n; i++) {
        TRI_TRY(buf_byte(out, ' '));
        TRI_TRY(buf_shell_word(out, v->paths[r->members[i]]));
    }
    TRI_TRY(buf_printf(out, " --method %s", blend_recipe_method(r)));
    if (blend_recipe_norm(r)) TRI_TRY(buf_printf(out, " --norm %s", blend_recipe_norm(r)));
    if (r->method == TRI_FUSE_RRF) TRI_TRY(buf_printf(out, " --rrf-k %g", r->rrf_k));
    for (size_t i = 0; r->weighted && i < r->n; i++) TRI_TRY(buf_printf(out, "%s%g", i ? "," : " --weights ", r->weights[i]));
    return TRI_OK;
}

tri_status blend_view_tables(const blend_view *v, buf *out)
{
    const blend *b = v->b;
    TRI_TRY(buf_printf(out, "%zu fusions of %zu runs, %s, on %zu judged queries", b->space.n, b->n_runs,
                       b->exhaustive ? "exhaustive" : "greedy", b->n_queries));
    if (v->n_answered < b->n_queries)
        TRI_TRY(buf_printf(out, " (%zu of them in no run: they count as 0)", b->n_queries - v->n_answered));
    TRI_TRY(buf_str(out, "\n\n"));
    TRI_TRY(show(v, out, runs_table));
    TRI_TRY(buf_str(out, "\nthe last line is taken"));
    if (b->highest != b->winner)
        TRI_TRY(buf_str(out, ": simplest within one standard error of the highest, the line above it"));
    TRI_TRY(
        buf_printf(out, "\nagainst %s, on the queries it was chosen by: ", v->names[recipe_at(v, b->best_single)->members[0]]));
    TRI_TRY(show_test(out, &b->test));
    TRI_TRY(buf_printf(out, "\n\n%zu folds, each scored by what the others chose\n", b->n_folds));
    TRI_TRY(show(v, out, folds_table));
    TRI_TRY(buf_printf(out, "\nout of fold: %.4f +- %.4f; the best single run by fold: %.4f; against %s: ", b->unseen_score,
                       b->unseen_error, b->unseen_single, v->names[recipe_at(v, b->best_single)->members[0]]));
    TRI_TRY(show_test(out, &b->unseen_test));
    TRI_TRY(buf_byte(out, '\n'));
    TRI_TRY(show_verdict(v, out));
    if (recipe_at(v, b->winner)->n > 1) TRI_TRY(buf_str(out, "the same again: "));
    TRI_TRY(put_command(v, out));
    return buf_byte(out, '\n');
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static tri_status number(buf *b, const char *key, double value)
{
    TRI_TRY(buf_printf(b, ",\"%s\":", key));
    return json_out_f64(b, value);
}

static tri_status put_test(buf *b, const char *key, const tri_paired_test *t)
{
    TRI_TRY(buf_printf(b, ",\"%s\":{\"n\":%zu", key, t->n));
    TRI_TRY(number(b, "diff", t->difference));
    TRI_TRY(number(b, "effect", t->effect));
    TRI_TRY(number(b, "p_t", t->p_t));
    TRI_TRY(number(b, "p_rand", t->p_random));
    return buf_byte(b, '}');
}

static tri_status put_recipe(const blend_view *v, buf *b, size_t recipe)
{
    const blend_recipe *r = recipe_at(v, recipe);
    TRI_TRY(buf_str(b, "{\"members\":["));
    for (size_t i = 0; i < r->n; i++) {
        if (i) TRI_TRY(buf_byte(b, ','));
        TRI_TRY(json_out_str(b, v->paths[r->members[i]]));
    }
    TRI_TRY(buf_printf(b, "],\"method\":\"%s\",\"norm\":", blend_recipe_method(r)));
    TRI_TRY(json_out_str(b, blend_recipe_norm(r)));
    TRI_TRY(buf_str(b, ",\"weights\":["));
    for (size_t i = 0; i < r->n; i++) TRI_TRY(buf_printf(b, "%s%g", i ? "," : "", r->weights[i]));
    TRI_TRY(buf_byte(b, ']'));
    if (r->method == TRI_FUSE_RRF) TRI_TRY(buf_printf(b, ",\"rrf_k\":%g,\"rrf_base\":0", r->rrf_k));
    TRI_TRY(number(b, "score", blend_mean(v->b, recipe)));
    return buf_byte(b, '}');
}

static tri_status put_folds(const blend_view *v, buf *b)
{
    TRI_TRY(buf_str(b, ",\"folds\":["));
    for (size_t f = 0; f < v->b->n_folds; f++) {
        const blend_fold *fold = &v->b->folds[f];
        TRI_TRY(buf_printf(b, "%s{\"queries\":%zu,\"chosen\":", f ? "," : "", fold->queries));
        TRI_TRY(put_recipe(v, b, fold->winner));
        TRI_TRY(number(b, "score", fold->score));
        TRI_TRY(number(b, "single_score", fold->single_score));
        TRI_TRY(buf_byte(b, '}'));
    }
    return buf_byte(b, ']');
}

tri_status blend_view_json(const blend_view *v, buf *out)
{
    const blend *b = v->b;
    TRI_TRY(buf_str(out, "{\"metric\":"));
    TRI_TRY(json_out_str(out, v->metric));
    TRI_TRY(buf_printf(out, ",\"queries\":%zu,\"answered\":%zu,\"search\":\"%s\",\"fusions\":%zu,\"runs\":{", b->n_queries,
                       v->n_answered, b->exhaustive ? "exhaustive" : "greedy", b->space.n));
    for (size_t i = 0; i < b->n_runs; i++) {
        if (i) TRI_TRY(buf_byte(out, ','));
        TRI_TRY(json_out_str(out, v->paths[i]));
        TRI_TRY(buf_byte(out, ':'));
        TRI_TRY(json_out_f64(out, blend_mean(b, b->singles[i])));
    }
    TRI_TRY(buf_str(out, "},\"best_single\":"));
    TRI_TRY(json_out_str(out, v->paths[recipe_at(v, b->best_single)->members[0]]));
    TRI_TRY(buf_str(out, ",\"winner\":"));
    TRI_TRY(put_recipe(v, out, b->winner));
    TRI_TRY(buf_str(out, ",\"highest\":"));
    TRI_TRY(put_recipe(v, out, b->highest));
    TRI_TRY(put_test(out, "test", &b->test));
    TRI_TRY(number(out, "out_of_fold", b->unseen_score));
    TRI_TRY(number(out, "out_of_fold_error", b->unseen_error));
    TRI_TRY(number(out, "out_of_fold_single", b->unseen_single));
    TRI_TRY(put_test(out, "out_of_fold_test", &b->unseen_test));
    TRI_TRY(put_folds(v, out));
    TRI_TRY(buf_str(out, ",\"output\":"));
    TRI_TRY(json_out_str(out, v->output));
    TRI_TRY(buf_str(out, ",\"recipe\":"));
    TRI_TRY(json_out_str(out, v->plan));
    return buf_str(out, "}\n");
}
