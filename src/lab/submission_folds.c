/* SPDX-License-Identifier: Apache-2.0 */
/* submission_folds.c — see submission_folds.h. The metric is ndcg@10 where there is one, else the first of the file. */
#include "lab/submission_folds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/json.h"

static const double odd_distance = 3.5;

typedef struct query_value {
    const char *id;
    double value;
} query_value;

static int by_id(const void *a, const void *b)
{
    return strcmp(((const query_value *)a)->id, ((const query_value *)b)->id);
}

void fold_figures_of(const double *values, size_t n, fold_figures *out)
{
    double sums[FOLDS] = {0}, sum = 0, squares = 0;
    size_t counts[FOLDS] = {0};
    *out = (fold_figures){0};
    for (size_t i = 0; i < n; i++) {
        sums[i % FOLDS] += values[i];
        counts[i % FOLDS]++;
        sum += values[i];
    }
    out->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (values[i] - out->mean) * (values[i] - out->mean);
    double sd = sqrt(squares / (double)(n - 1)), fold_squares = 0;
    for (size_t k = 0; k < FOLDS; k++) {
        double in = (double)counts[k], rest = (double)(n - counts[k]);
        out->folds[k] = sums[k] / in;
        double gap = fabs(out->folds[k] - (sum - sums[k]) / rest), error = sd * sqrt(1 / in + 1 / rest);
        double distance = error > 0 ? gap / error : 0;
        if (k == 0 || distance > out->distance) {
            out->distance = distance;
            out->odd = k + 1;
        }
        fold_squares += (out->folds[k] - out->mean) * (out->folds[k] - out->mean);
    }
    out->sd = sqrt(fold_squares / (FOLDS - 1));
}

bool fold_is_odd(const fold_figures *f)
{
    return f->distance > odd_distance;
}

/* ---- metrics.json --------------------------------------------------------------------------------------------------- */

static const json_t *queries_of(const json_t *root)
{
    const char *key;
    json_t *value;
    const json_t *direct = json_object_get(root, "per_query");
    if (direct) return direct;
    json_object_foreach((json_t *)(uintptr_t)root, key,
                        value) if (json_object_get(value, "per_query")) return json_object_get(value, "per_query");
    return NULL;
}

static const char *metric_of(const json_t *queries)
{
    json_t *first = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)queries));
    if (!json_is_object(first)) return NULL;
    return json_object_get(first, "ndcg@10") ? "ndcg@10" : json_object_iter_key(json_object_iter(first));
}

static tri_status judge_queries(const json_t *queries, const char *version, const char *path, fold_check *check, tri_error *err)
{
    size_t n = json_object_size(queries), i = 0;
    const char *metric = metric_of(queries), *key;
    json_t *one;
    fold_figures figures;
    if (!metric || n < FOLD_QUERIES_MIN) {
        check->n_small++;
        return TRI_OK;
    }
    query_value *rows = mem_array(n, sizeof *rows);
    double *values = mem_array(n, sizeof *values);
    tri_status st = rows && values ? TRI_OK : err_memory(err, n * sizeof *rows);
    json_object_foreach((json_t *)(uintptr_t)queries, key, one)
    {
        if (st) break;
        rows[i].id = key;
        st = json_get_f64(one, metric, path, 0, &rows[i++].value, err);
    }
    if (!st) {
        qsort(rows, n, sizeof *rows, by_id);
        for (i = 0; i < n; i++) values[i] = rows[i].value;
        fold_figures_of(values, n, &figures);
        check->n_versions++;
        snprintf(check->last, sizeof check->last, "%.60s: %.30s %.4f over %zu queries, %.4f between %d folds", version, metric,
                 figures.mean, n, figures.sd, FOLDS);
        if (fold_is_odd(&figures) && !check->n_odd++)
            snprintf(check->first_odd, sizeof check->first_odd,
                     "%.60s: %.30s is %.4f in fold %zu of %d and %.4f over all, %.1f standard errors from the others", version,
                     metric, figures.folds[figures.odd - 1], figures.odd, FOLDS, figures.mean, figures.distance);
    }
    mem_free(rows);
    mem_free(values);
    return st;
}

tri_status submission_folds_read(const char *path, const char *version, fold_check *check, tri_error *err)
{
    json_t *root;
    if (!file_exists(path)) {
        check->n_without++;
        return TRI_OK;
    }
    TRI_TRY(json_file_load(path, &root, err));
    const json_t *queries = queries_of(root);
    tri_status st = TRI_OK;
    if (json_is_object(queries))
        st = judge_queries(queries, version, path, check, err);
    else
        check->n_without++;
    json_decref(root);
    return st;
}

tri_status submission_folds_report(const fold_check *check, check_sheet *sheet, tri_error *err)
{
    if (check->n_odd) {
        check_sheet_add(sheet, "stability",
                        "look at that fold's queries (trident eval --per-query): a source that broke, another language, a leak",
                        "%s", check->first_odd);
        return TRI_OK;
    }
    if (check->n_versions) {
        check_sheet_add(sheet, "stability", NULL, "no fold stands apart in %zu versions; %s", check->n_versions, check->last);
        return TRI_OK;
    }
    if (check_sheet_note(
            sheet,
            "stability was not judged: no version has a metrics.json with %d queries or more (qrels in the plan make one)",
            FOLD_QUERIES_MIN))
        return err_memory(err, 200);
    return TRI_OK;
}
