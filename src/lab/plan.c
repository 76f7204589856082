/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c — the keys of a version, and what must hold between the lines of a plan: every reference is to something that is
 * there, and nothing waits for itself. */
#include "lab/plan.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"

enum { ANY = PLAN_SEARCH | PLAN_GIVEN | PLAN_BLEND, FUSED = PLAN_SEARCH | PLAN_BLEND };

const plan_key plan_keys[PLAN_SETTINGS] = {
    /* ORDER plan_setting */
    {"model", PLAN_TEXT, NULL, PLAN_SEARCH, true, NULL},
    {"heads", PLAN_TEXT, NULL, PLAN_SEARCH, true, NULL},
    {"fuse", PLAN_CHOICE, "weighted|rrf|combsum|combmnz|dbsf", FUSED, true, "--fuse"},
    {"weights", PLAN_LIST, NULL, FUSED, false, NULL},
    {"rrf_k", PLAN_NUMBER, NULL, FUSED, true, "--rrf-k"},
    {"rrf_base", PLAN_CHOICE, "0|1", FUSED, true, "--rrf-base"},
    {"candidates", PLAN_COUNT, NULL, PLAN_SEARCH, true, "--candidates"},
    {"threshold", PLAN_TEXT, NULL, PLAN_SEARCH, true, "--threshold"},
    {"rescore", PLAN_CHOICE, "multi", PLAN_SEARCH, true, "--rescore"},
    {"rerank", PLAN_TEXT, NULL, PLAN_SEARCH, true, NULL},
    {"rerank_top", PLAN_COUNT, NULL, PLAN_SEARCH, true, NULL},
    {"precision", PLAN_CHOICE, "auto|f32|bf16|f16|int8|fp8", PLAN_SEARCH, true, "--precision"},
    {"max_length", PLAN_COUNT, NULL, PLAN_SEARCH, true, "--max-length"},
    {"top", PLAN_COUNT, NULL, PLAN_SEARCH, true, "--top"},
    {"threads", PLAN_COUNT, NULL, PLAN_SEARCH, true, NULL},
    {"batch_tokens", PLAN_COUNT, NULL, PLAN_SEARCH, true, "--batch-tokens"},
    {"memory_limit", PLAN_BYTES, NULL, PLAN_SEARCH, true, "--memory-limit"},
    {"run", PLAN_FILE, NULL, PLAN_GIVEN, false, NULL},
    {"sha256", PLAN_TEXT, NULL, PLAN_GIVEN, false, NULL},
    {"method", PLAN_CHOICE, "rrf|weighted|combsum|combmnz|dbsf", PLAN_BLEND, false, "--method"},
    {"norm", PLAN_CHOICE, "none|minmax|zscore", PLAN_BLEND, false, "--norm"},
    {"missing", PLAN_CHOICE, "none|zero", PLAN_BLEND, false, "--missing"},
    {"allow_truncation", PLAN_CHOICE, "true|false", ANY, true, NULL},
    {"port", PLAN_COUNT, NULL, ANY, false, NULL},
    {"force", PLAN_TEXT, NULL, ANY, false, NULL},
};

const plan_version *plan_find(const plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_versions; i++)
        if (strcmp(p->versions[i].name, name) == 0) return &p->versions[i];
    return NULL;
}

static tri_status fail(const plan *p, const plan_version *v, const char *what, const char *word, tri_error *err)
{
    return err_set(err, TRI_ERR_FORMAT, "%s:%zu: version %s %s%s%s%s", p->path, v->line, v->name, what, word ? " \"" : "",
                   word ? word : "", word ? "\"" : "");
}

static tri_status check_search(const plan *p, const plan_version *v, tri_error *err)
{
    char weights[256];
    bool needed;
    if (v->refused) return TRI_OK;
    if (!v->value[PLAN_MODEL]) {
        fail(p, v, "has no model", NULL, err);
        return err_hint(err, TRI_ERR_FORMAT, "say `model: NAME` in it or at the top level, or name a run with `run: FILE`");
    }
    if (!p->corpus || !p->queries) {
        fail(p, v, "searches, but the plan has no data", NULL, err);
        return err_hint(err, TRI_ERR_FORMAT, "add `data: {corpus: FILE, queries: FILE}`");
    }
    if (!plan_weights(v, weights, sizeof weights, &needed)) {
        fail(p, v, "has weights that do not fit its heads:", v->value[PLAN_WEIGHTS], err);
        return err_hint(err, TRI_ERR_FORMAT,
                        "give one for each of its heads, or for dense, sparse and multi; one head has none");
    }
    if (!v->value[PLAN_RERANK] && v->value[PLAN_RERANK_TOP] && v->value[PLAN_RERANK_TOP][0] == '0')
        return fail(p, v, "has rerank_top 0", NULL, err);
    return TRI_OK;
}

static bool has_device(const plan *p, const char *name)
{
    for (size_t i = 0; i < p->devices.n; i++)
        if (strcmp(p->devices.items[i], name) == 0) return true;
    return false;
}

static tri_status check_devices(const plan *p, const plan_version *v, tri_error *err)
{
    for (size_t i = 0; i < v->devices.n && p->devices.n; i++)
        if (!has_device(p, v->devices.items[i])) {
            fail(p, v, "asks for a device that the plan does not have:", v->devices.items[i], err);
            return err_hint(err, TRI_ERR_FORMAT, "add it to the plan's devices");
        }
    return TRI_OK;
}

static tri_status check_blend(const plan *p, const plan_version *v, tri_error *err)
{
    if (v->blend.n < 2) return fail(p, v, "blends fewer than two versions", NULL, err);
    for (size_t i = 0; i < v->blend.n; i++) {
        if (!plan_find(p, v->blend.items[i]))
            return fail(p, v, "blends a version that the plan does not have:", v->blend.items[i], err);
        for (size_t k = 0; k < i; k++)
            if (strcmp(v->blend.items[i], v->blend.items[k]) == 0)
                return fail(p, v, "blends one version twice:", v->blend.items[i], err);
    }
    if (v->value[PLAN_FUSE] && v->value[PLAN_METHOD]) return fail(p, v, "says both fuse and method", NULL, err);
    return TRI_OK;
}

/* Can this one be made of those that are? */
static bool is_ready(const plan *p, const plan_version *v, const bool *made)
{
    for (size_t i = 0; i < v->blend.n; i++)
        if (!made[plan_find(p, v->blend.items[i]) - p->versions]) return false;
    return true;
}

/* Makes one after the other in thought; those that can never be made blend themselves. */
static tri_status check_order(plan *p, tri_error *err)
{
    bool *made = arena_calloc(&p->memory, p->n_versions, sizeof *made);
    if (!made) return err_memory(err, p->n_versions);
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < p->n_versions; i++) {
            if (made[i] || !is_ready(p, &p->versions[i], made)) continue;
            made[i] = moved = true;
        }
    }
    for (size_t i = 0; i < p->n_versions; i++)
        if (!made[i]) return fail(p, &p->versions[i], "blends itself", NULL, err);
    return TRI_OK;
}

tri_status plan_settle_money(plan *p, tri_error *err)
{
    plan_bill bill = PLAN_BILL_MINUTE, by = PLAN_BILL_MINUTE;
    if (p->bill_said && !plan_parse_bill(p->bill_said, &bill))
        return err_set(err, TRI_ERR_ARGUMENT, "bill is one of second|minute|hour|submission, got \"%s\"", p->bill_said);
    if (p->price_said && !plan_parse_price(p->price_said, &p->price, &by))
        return err_set(err, TRI_ERR_ARGUMENT, "price takes money for a time or a submission, such as 12/h, got \"%s\"",
                       p->price_said);
    bool has_unit = p->price_said && strchr(p->price_said, '/');
    if (has_unit && p->bill_said && (by == PLAN_BILL_SUBMISSION) != (bill == PLAN_BILL_SUBMISSION)) {
        err_set(err, TRI_ERR_ARGUMENT, "price %s and bill %s contradict each other", p->price_said, p->bill_said);
        return err_hint(err, TRI_ERR_ARGUMENT, "say N/h billed by the second, minute or hour, or N/submission");
    }
    p->bill = by == PLAN_BILL_SUBMISSION ? by : bill;
    return TRI_OK;
}

tri_status plan_check(plan *p, tri_error *err)
{
    tri_error said = {0};
    if (plan_settle_money(p, &said) != TRI_OK) {
        err_set(err, TRI_ERR_FORMAT, "%s: %s", p->path, said.text);
        return err_hint(err, TRI_ERR_FORMAT, "%s", said.hint);
    }
    if (p->n_versions > PLAN_VERSIONS_MAX)
        return err_set(err, TRI_ERR_LIMIT, "%s: %zu versions, at most %d", p->path, p->n_versions, PLAN_VERSIONS_MAX);
    if (!p->n_versions) return err_set(err, TRI_ERR_FORMAT, "%s: the plan has no versions", p->path);
    for (size_t i = 0; i < p->n_versions; i++) {
        const plan_version *v = &p->versions[i];
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(p->versions[k].name, v->name) == 0) /* their names are folders */
                return fail(p, v, "has the name of another:", p->versions[k].name, err);
        TRI_TRY(check_devices(p, v, err));
        if (v->kind == PLAN_SEARCH) TRI_TRY(check_search(p, v, err));
        if (v->kind == PLAN_BLEND) TRI_TRY(check_blend(p, v, err));
    }
    TRI_TRY(check_order(p, err));
    if (p->sample && (!p->corpus || !p->queries))
        return err_set(err, TRI_ERR_FORMAT, "%s: a sample needs data.corpus and data.queries beside it", p->path);
    return TRI_OK;
}

void plan_drop(plan *p)
{
    arena_drop(&p->memory);
    buf_drop(&p->text);
    *p = (plan){0};
}
