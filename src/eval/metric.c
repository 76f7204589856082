/* SPDX-License-Identifier: Apache-2.0 */
/* metric.c — which metric does this name mean?
 *
 * A name is a family and perhaps a cut-off: family, then '@', '.' or '_', then a number. Families have digits and underscores
 * of their own ("11pt_avg", "num_rel_ret"), so a name that is a family as it stands is one, and only the last separator can
 * begin a cut-off. "ndcg", "map" and "mrr" are different rows with and without a cut-off. */
#include "eval/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"

const double metric_rank_cuts[] = {1, 3, 5, 10, 15, 20, 30, 50, 100, 200, 500, 1000, -1};

static const metric_kind *const files[] = {
#define METRIC(name) metric_##name,
#include "eval/list.h"
#undef METRIC
};
enum { N_FILES = sizeof files / sizeof *files };

#define RANK_CUT_MAX 1e9 /* a rank fits size_t on every machine, and no list is longer */

size_t ranking_relevant(const ranking *r, size_t depth)
{
    size_t n = 0;
    if (depth >= r->n_ret) return r->n_rel_ret;
    for (size_t i = 0; i < depth; i++) n += grade_relevant(r->grades[i]);
    return n;
}

double metric_log(double value)
{
    return log(fmax(value, 1e-5));
}

/* ---- one name ------------------------------------------------------------------------------------------------------ */

static bool same_word(const char *word, const char *name, size_t len)
{
    return strlen(word) == len && !strncasecmp(word, name, len);
}

/* `words` separated by single spaces */
static bool word_among(const char *words, const char *name, size_t len)
{
    while (words) {
        const char *space = strchr(words, ' ');
        size_t n = space ? (size_t)(space - words) : strlen(words);
        if (n == len && !strncasecmp(words, name, len)) return true;
        words = space ? space + 1 : NULL;
    }
    return false;
}

/* A row by its own name first: "ndcg_cut" must not stop at a row that has it as another name. */
static const metric_kind *find_family(const char *name, size_t len, bool with_cut)
{
    const metric_kind *second = NULL;
    for (size_t i = 0; i < N_FILES; i++)
        for (const metric_kind *k = files[i]; k->name; k++) {
            if ((k->cut != CUT_NONE) != with_cut) continue;
            if (same_word(k->name, name, len)) return k;
            if (!second && word_among(k->also, name, len)) second = k;
        }
    return second;
}

static bool cut_allowed(const metric_kind *k, double cut)
{
    if (k->cut == CUT_RANK) return cut >= 1 && cut <= RANK_CUT_MAX && cut == floor(cut);
    return cut >= 0 && cut <= RANK_CUT_MAX;
}

static const metric_kind *find_with_cut(const char *name, double *cut)
{
    for (size_t i = strlen(name); i-- > 1;) {
        /* iprec_at_recall@0.1: the '.' belongs to the number, the '@' before it separates */
        if (name[i] != '@' && name[i] != '_' && name[i] != '.') continue;
        const metric_kind *k = find_family(name, i, true);
        if (k && number_parse_f64(name + i + 1, strlen(name + i + 1), cut) && cut_allowed(k, *cut)) return k;
    }
    return NULL;
}

static tri_status refuse_unknown(const char *name, tri_error *err)
{
    char known[sizeof err->hint];
    size_t at = 0;
    for (size_t i = 0; i < N_FILES; i++)
        for (const metric_kind *k = files[i]; k->name && at < sizeof known; k++) {
            int n = snprintf(known + at, sizeof known - at, "%s%s%s", at ? ", " : "", k->name,
                             k->cut == CUT_RANK       ? "@k"
                             : k->cut == CUT_FRACTION ? "@x"
                                                      : "");
            at += n > 0 ? (size_t)n : 0;
        }
    tri_status st = err_set(err, TRI_ERR_ARGUMENT, "unknown metric \"%.*s\"", METRIC_NAME_MAX, name);
    return err_hint(err, st, "known: all, mrr, mrr@k, ndcg@k, map@k, %s", known);
}

/* ---- lists of names ------------------------------------------------------------------------------------------------ */

typedef struct uses {
    metric_use *items;
    size_t n, cap;
} uses;

static tri_status add_use(uses *u, const metric_kind *kind, double cut, const char *name, tri_error *err)
{
    for (size_t i = 0; i < u->n; i++)
        if (!strcmp(u->items[i].name, name)) return TRI_OK;
    if (u->n == u->cap) {
        size_t cap = u->cap ? 2 * u->cap : 32;
        metric_use *bigger = mem_realloc(u->items, cap * sizeof *bigger);
        if (!bigger) return err_memory(err, cap * sizeof *bigger);
        u->items = bigger;
        u->cap = cap;
    }
    metric_use *use = &u->items[u->n++];
    *use = (metric_use){.kind = kind, .cut = cut};
    snprintf(use->name, sizeof use->name, "%s", name);
    return TRI_OK;
}

/* Every default cut-off of a family under trec_eval's names; the metric itself where it has no cut-off. */
static tri_status add_family(uses *u, const metric_kind *k, tri_error *err)
{
    char name[METRIC_NAME_MAX];
    if (k->cut == CUT_NONE) return add_use(u, k, 0, k->name, err);
    for (const double *cut = k->cuts; cut && *cut >= 0; cut++) {
        snprintf(name, sizeof name, k->cut == CUT_RANK ? "%s_%.0f" : "%s_%.2f", k->name, *cut);
        TRI_TRY(add_use(u, k, *cut, name, err));
    }
    return TRI_OK;
}

static tri_status add_all(uses *u, tri_error *err)
{
    for (size_t i = 0; i < N_FILES; i++)
        for (const metric_kind *k = files[i]; k->name; k++) TRI_TRY(add_family(u, k, err));
    return TRI_OK;
}

static tri_status add_name(uses *u, const char *name, tri_error *err)
{
    double cut = 0;
    if (!strcasecmp(name, "all")) return add_all(u, err);
    if (strlen(name) >= METRIC_NAME_MAX) return refuse_unknown(name, err);
    const metric_kind *k = find_family(name, strlen(name), false);
    if (k) return add_use(u, k, 0, name, err);
    k = find_family(name, strlen(name), true);
    if (k) return add_family(u, k, err);
    k = find_with_cut(name, &cut);
    return k ? add_use(u, k, cut, name, err) : refuse_unknown(name, err);
}

tri_status metric_resolve(const char *const *names, size_t n, metric_use **out, size_t *n_out, tri_error *err)
{
    uses u = {0};
    tri_status st = n ? TRI_OK : add_all(&u, err);
    for (size_t i = 0; !st && i < n; i++) st = add_name(&u, names[i], err);
    if (st) {
        mem_free(u.items);
        return st;
    }
    *out = u.items;
    *n_out = u.n;
    return TRI_OK;
}
