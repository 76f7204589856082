/* SPDX-License-Identifier: Apache-2.0 */
/* submission_write_queries.c — which queries stand in the file, in which order, and where the run has them. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/submission_write_int.h"

static int shown(tri_text t)
{
    return (int)(t.len < 60 ? t.len : 60);
}

typedef struct query_order {
    const known_ids *expected;
    uint32_t *run_place; /* [expected->n]; UINT32_MAX = not in the run */
    size_t n_unknown;
    uint32_t first_unknown;
} query_order;

/* Where the run's query lies among the expected: by id, else by text. */
static bool place_of(const write_job *job, const known_ids *expected, tri_text query, uint32_t *place)
{
    if (!job->o->queries) return known_ids_find(expected, query, place);
    if (job->run.by_text) return known_ids_find_text(expected, query, place);
    return known_ids_find(expected, query, place);
}

static void match_queries(write_job *job, query_order *order)
{
    uint32_t place;
    for (size_t i = 0; i < order->expected->n; i++) order->run_place[i] = UINT32_MAX;
    for (size_t q = 0; q < job->run.queries.n; q++) {
        if (place_of(job, order->expected, job->run.queries.ids[q], &place))
            order->run_place[place] = (uint32_t)q;
        else if (!order->n_unknown++)
            order->first_unknown = (uint32_t)q;
    }
}

static void add_query(write_job *job, const known_ids *from, size_t i, uint32_t run_place)
{
    planned_query *q = &job->plan[job->n_plan++];
    bool text = job->o->queries && job->sample.format.query_by_text;
    *q = (planned_query){.name = text ? from->texts[i] : from->ids[i], .in_run = run_place};
    if (from->texts) q->text = from->texts[i];
    if (run_place != UINT32_MAX) q->n = job->run.first[run_place + 1] - job->run.first[run_place];
}

/* The sample's order, when it holds every query. */
static bool add_in_sample_order(write_job *job, const query_order *order)
{
    const known_ids *sample = &job->sample.queries;
    uint32_t place;
    bool text = job->sample.format.query_by_text;
    if (!job->o->queries || sample->n != order->expected->n) return false;
    for (size_t i = 0; i < sample->n; i++)
        if (!(text ? known_ids_find_text(order->expected, sample->ids[i], &place)
                   : known_ids_find(order->expected, sample->ids[i], &place)))
            return false;
    for (size_t i = 0; i < sample->n; i++) {
        place = 0;
        if (text)
            known_ids_find_text(order->expected, sample->ids[i], &place);
        else
            known_ids_find(order->expected, sample->ids[i], &place);
        add_query(job, order->expected, place, order->run_place[place]);
    }
    return true;
}

static tri_status settle_queries(write_job *job, const query_order *order, tri_error *err)
{
    uint32_t place;
    size_t n_known = job->run.queries.n - order->n_unknown;
    bool excerpt = !job->o->queries && order->n_unknown > n_known;
    if (order->n_unknown && !excerpt) {
        tri_text id = job->run.queries.ids[order->first_unknown];
        tri_status st = err_set(err, TRI_ERR_MISMATCH, "%zu queries of the run are not known, as \"%.*s\"", order->n_unknown,
                                shown(id), id.bytes);
        return err_hint(
            err, st, job->o->queries ? "search with the organiser's query file" : "give the organiser's query file: --queries");
    }
    if (!add_in_sample_order(job, order))
        for (size_t i = 0; i < order->expected->n; i++) add_query(job, order->expected, i, order->run_place[i]);
    for (size_t q = 0; excerpt && q < job->run.queries.n; q++)
        if (!place_of(job, order->expected, job->run.queries.ids[q], &place)) add_query(job, &job->run.queries, q, (uint32_t)q);
    if (!excerpt) return TRI_OK;
    return submission_write_note(
        job, err, "the sample holds %zu of the run's %zu queries and is taken for an excerpt: --queries proves the others",
        n_known, job->run.queries.n);
}

static tri_status check_answered(write_job *job, tri_error *err)
{
    size_t n_missing = 0;
    tri_text first = {"", 0};
    for (size_t i = 0; i < job->n_plan; i++)
        if (!job->plan[i].n && !n_missing++) first = job->plan[i].name;
    const submission_format *f = &job->sample.format;
    bool empty_lists = f->list != LIST_NONE && f->n_queries && f->list_min == 0;
    if (!n_missing || empty_lists) return TRI_OK;
    tri_status st = err_set(err, TRI_ERR_MISMATCH, "the run has no documents for %zu of %zu queries, as \"%.*s\"", n_missing,
                            job->n_plan, shown(first), first.bytes);
    if (!job->o->queries && n_missing == job->sample.queries.n)
        return err_hint(err, st, "none of the sample's queries are in the run: if they are place-holders, give --queries");
    return err_hint(err, st, "search for them too; a submission without them is void");
}

tri_status submission_write_plan_queries(write_job *job, tri_error *err)
{
    query_order order = {.expected = job->o->queries ? &job->queries : &job->sample.queries};
    size_t most = order.expected->n + job->run.queries.n;
    order.run_place = mem_array(order.expected->n + 1, sizeof *order.run_place);
    job->plan = mem_array(most + 1, sizeof *job->plan);
    tri_status st = order.run_place && job->plan ? TRI_OK : err_memory(err, most * sizeof *job->plan);
    if (!st) {
        match_queries(job, &order);
        st = settle_queries(job, &order, err);
    }
    mem_free(order.run_place);
    return st ? st : check_answered(job, err);
}
