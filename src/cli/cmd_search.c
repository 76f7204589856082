/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_search.c — `trident search`: queries encoded with the index's own model, the best k documents of each written as a run.
 *
 * The manifest says which model, rules and length made the documents; queries are encoded with the same, or refused: vectors of
 * two models side by side give scores that look like scores. Naming another model with --model is allowed and noted. Queries
 * pass in windows (encode_stream.h); the order of the output is the order of the queries, and each list is total (score, then
 * insertion order), so a run file is the same to the byte every time. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/number.h"
#include "cli/encode_stream.h"
#include "cli/hit_writer.h"
#include "cli/index_meta.h"
#include "cli/search_part.h"
#include "cli/search_rerank.h"
#include "cli/seen_ids.h"
#include "trident/search.h"

struct search_args {
    const char *output, *to, *weights, *model, *threshold, *rerank, *cache;
    size_t k, candidates, rerank_top;
    double rrf_k;
    int mode, role, fuse, rrf_base, rescore;
    bool explain, resume;
};

#define FIELD(name) offsetof(struct search_args, name)
static const flag flags[] = {
    {"output", 'o', FLAG_TEXT, "OUT", "-", "where the hits go: .trec or .jsonl; - is standard output", FIELD(output)},
    {"to", 0, FLAG_WORD, HIT_WRITER_NAMES, NULL, "format of the output, whatever its suffix says; jsonl on standard output",
     FIELD(to)},
    {"top", 'k', FLAG_COUNT, "K", "10", "hits of a query", FIELD(k)},
    {"mode", 0, FLAG_CHOICE, "hybrid|dense|sparse|multi", NULL,
     "one representation, or the fusion of all (hybrid, the default)", FIELD(mode)},
    {"role", 0, FLAG_CHOICE, ENCODE_STREAM_ROLES, "query", "put the model folder's prompt of this name before each query",
     FIELD(role)},
    {"model", 0, FLAG_TEXT, "MODEL", NULL, "encode queries with this model instead of the one the manifest names",
     FIELD(model)},
    {"fuse", 0, FLAG_CHOICE, "weighted|rrf|combsum|combmnz|dbsf", "weighted", "how the representations become one score",
     FIELD(fuse)},
    {"weights", 0, FLAG_TEXT, "mkqa|mldr|a,b,c", NULL, "weights of dense, sparse and multi; 0.4,0.2,0.4 by default",
     FIELD(weights)},
    {"rrf-k", 0, FLAG_NUMBER, "X", "60", "the constant of reciprocal rank fusion", FIELD(rrf_k)},
    {"rrf-base", 0, FLAG_CHOICE, "0|1", "0", "rank of the first in reciprocal rank fusion", FIELD(rrf_base)},
    {"candidates", 0, FLAG_COUNT, "N", "0", "look at the best N of each representation only; 0 is every document",
     FIELD(candidates)},
    {"threshold", 0, FLAG_TEXT, "meanstd:A|max:M", NULL,
     "keep hits from mean - A * std, or from max * (1 - M), of the query's fused scores", FIELD(threshold)},
    {"rescore", 0, FLAG_CHOICE, "multi", NULL, "order the candidates of the other representations by multi alone",
     FIELD(rescore)},
    {"rerank", 0, FLAG_TEXT, "MODEL", NULL, "order the best hits by a cross-encoder", FIELD(rerank)},
    {"rerank-top", 0, FLAG_COUNT, "N", "100", "how many hits the cross-encoder looks at", FIELD(rerank_top)},
    {"cache", 0, FLAG_TEXT, "FILE", NULL,
     "with --rerank: scores to take and to keep, an SQLite file or rerank_cache.json, as for trident rerank", FIELD(cache)},
    {"resume", 0, FLAG_SWITCH, NULL, NULL,
     "keep finished queries in OUT.part, and go on from there when a run of the same command was killed", FIELD(resume)},
    {"explain", 0, FLAG_SWITCH, NULL, NULL, "add the matching tokens to each hit (.jsonl)", FIELD(explain)},
    FLAG_END};

typedef struct search_job {
    cli *c;
    tri_index *index;
    const char *dir;
    index_meta meta;
    tri_index_info info;
    tri_search_options options;
    setup_model model;
    unsigned want; /* of the queries */
    seen_ids seen;
    hit_writer *writer;
    search_rerank reranker; /* where --rerank names a model */
    search_part part;       /* under --resume */
    tri_error refused;      /* by an id seen twice, one of them in an earlier run */
} search_job;

/* Queries of a window under --resume, the most that a kill can cost; with a cross-encoder the cache keeps its passes too. */
enum { RESUME_QUERIES = 256, RESUME_QUERIES_RERANKED = 16 };

/* ---- what is asked ------------------------------------------------------------------------------------------------------ */

static tri_status parse_threshold(cli *c, const char *text, tri_search_options *o, tri_error *err)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"meanstd:", TRI_THRESHOLD_MEANSTD}, {"max:", TRI_THRESHOLD_MAX}};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(kinds[i].name);
        if (strncmp(text, kinds[i].name, n) != 0) continue;
        if (!number_parse_f64(text + n, strlen(text + n), &o->threshold_value)) break;
        o->threshold = kinds[i].kind;
        return TRI_OK;
    }
    return cli_usage(c, err, "--threshold takes meanstd:A or max:M with a number, such as meanstd:0.8, got \"%s\"", text);
}

static tri_status read_options(search_job *job, tri_error *err)
{
    static const int modes[] = {TRI_MODE_HYBRID, TRI_MODE_DENSE, TRI_MODE_SPARSE, TRI_MODE_MULTI}; /* ORDER --mode */
    const struct search_args *args = job->c->options;
    tri_search_options *o = &job->options;
    tri_search_options_init(o);
    if (!args->k) return cli_usage(job->c, err, "-k is 0: ask for one hit at least");
    o->k = args->k;
    o->mode = modes[args->mode < 0 ? 0 : args->mode];
    o->fuse = args->fuse;
    o->rrf_k = args->rrf_k;
    o->rrf_base = args->rrf_base;
    o->candidates = args->candidates;
    o->rescore_multi = args->rescore == 0;
    o->threads = (int)(job->c->shared.threads < 4096 ? job->c->shared.threads : 4096);
    if (args->threshold) TRI_TRY(parse_threshold(job->c, args->threshold, o, err));
    if (args->weights && setup_parse_weights(args->weights, o->weights, err) != TRI_OK) {
        job->c->wrong_usage = true;
        return TRI_ERR_ARGUMENT;
    }
    if (args->weights && args->fuse != TRI_FUSE_WEIGHTED && o->mode == TRI_MODE_HYBRID)
        cli_note(job->c, "--weights only say which representations take part in this fusion: those above 0");
    if (!args->rerank) return TRI_OK;
    if (!args->rerank_top) return cli_usage(job->c, err, "--rerank-top is 0: the cross-encoder would look at nothing");
    o->k = args->rerank_top; /* the first stage hands on so many, of which k are shown */
    if (args->k > args->rerank_top)
        cli_note(job->c, "--rerank-top %zu is less than -k %zu: there will be %zu hits of a query", args->rerank_top, args->k,
                 args->rerank_top);
    return TRI_OK;
}

/* An index of fewer representations is searched by those that it has, and says so, unless the flags ask for more. */
static void fit_to_index(search_job *job)
{
    static const unsigned bits[3] = {TRI_DENSE, TRI_SPARSE, TRI_MULTI};
    const struct search_args *args = job->c->options;
    tri_search_options *o = &job->options;
    unsigned has = job->info.want;
    if (args->mode >= 0 || args->weights || has == TRI_ALL) return;
    for (int i = 0; i < 3; i++)
        if (!(has & bits[i])) o->weights[i] = 0;
    if (has == TRI_DENSE || has == TRI_SPARSE || has == TRI_MULTI) o->mode = (int)has; /* TRI_MODE_* are these bits */
    cli_note(job->c, "%s keeps %s: searching by %s", job->dir, setup_want_words(has), setup_want_words(has));
}

static unsigned wanted_of_queries(const search_job *job)
{
    const tri_search_options *o = &job->options;
    unsigned want = o->mode == TRI_MODE_HYBRID ? (o->weights[0] > 0 ? TRI_DENSE : 0u) | (o->weights[1] > 0 ? TRI_SPARSE : 0u) |
                                                     (o->weights[2] > 0 ? TRI_MULTI : 0u)
                                               : (unsigned)o->mode;
    return want | (o->rescore_multi ? TRI_MULTI : 0u);
}

/* ---- the model ------------------------------------------------------------------------------------------------------------
 */

static tri_status open_model(search_job *job, tri_error *err)
{
    const struct search_args *args = job->c->options;
    setup_args shared = job->c->shared;
    if (shared.rules < 0) shared.rules = job->meta.rules;
    const char *name = args->model ? args->model : job->meta.path;
    tri_status st = setup_open(&shared, name, job->info.want, &job->model, err);
    if (st == TRI_ERR_NOT_FOUND && !args->model)
        return err_hint(err, st, "the model was %s when the index was built: say where it is with --model", job->meta.model);
    TRI_TRY(st);
    if (job->model.info.fingerprint == job->meta.fingerprint) return TRI_OK;
    if (args->model) {
        cli_note(job->c, "%s is not the model that %s was built with: scores mean something only if it was made to match it",
                 args->model, job->dir);
        return TRI_OK;
    }
    err_set(err, TRI_ERR_MISMATCH,
            "the model in %s has changed since %s was built (fingerprint %016" PRIx64 ", was %016" PRIx64 ")", job->model.path,
            job->dir, job->model.info.fingerprint, job->meta.fingerprint);
    return err_hint(err, TRI_ERR_MISMATCH, "build the index again, or name the model with --model to search all the same");
}

/* ---- searching ------------------------------------------------------------------------------------------------------------
 */

static tri_status write_hits(search_job *job, const record *records, size_t n, const tri_query *queries,
                             const tri_embeddings *e, const tri_hits *hits, tri_error *err)
{
    const struct search_args *args = job->c->options;
    for (size_t q = 0; q < n; q++) {
        size_t n_hits, n_ids;
        const tri_hit *list = tri_hits_get(hits, q, &n_hits);
        if (args->rerank) {
            list = job->reranker.hits + job->reranker.start[q];
            n_hits = job->reranker.start[q + 1] - job->reranker.start[q];
        }
        const uint32_t *ids = tri_embeddings_ids(e, q, &n_ids);
        hit_writer_query query = {&records[q], &queries[q], ids, n_ids};
        TRI_TRY(cli_check_stop(err));
        for (size_t i = 0, rank = 0; i < n_hits && rank < args->k; i++)
            if (list[i].kept) TRI_TRY(hit_writer_put(job->writer, &query, ++rank, &list[i], err));
    }
    return TRI_OK;
}

static tri_status search_window(void *ctx, const record *records, size_t n, const tri_embeddings *e, tri_error *err)
{
    search_job *job = ctx;
    const struct search_args *args = job->c->options;
    tri_hits *hits = NULL;
    if (job->refused.status) {
        if (err) *err = job->refused;
        return job->refused.status;
    }
    for (size_t i = 0; i < n; i++) TRI_TRY(seen_ids_add(&job->seen, &records[i], err));
    tri_query *queries = mem_calloc(n, sizeof *queries);
    if (!queries) return err_memory(err, n * sizeof *queries);
    for (size_t i = 0; i < n; i++) {
        if (job->want & TRI_DENSE) queries[i].dense = tri_embeddings_dense(e, i);
        if (job->want & TRI_SPARSE) queries[i].sparse = tri_embeddings_sparse(e, i);
        if (job->want & TRI_MULTI) queries[i].multi = tri_embeddings_multi(e, i);
    }
    tri_status st = tri_search(job->index, &job->options, queries, n, &hits, err);
    if (st == TRI_OK && args->rerank) st = search_rerank_run(&job->reranker, records, n, hits, err);
    if (st == TRI_OK) st = write_hits(job, records, n, queries, e, hits, err);
    if (st == TRI_OK && args->resume) st = search_part_end_window(&job->part, records[n - 1].line, err);
    tri_hits_free(hits);
    mem_free(queries);
    return st;
}

/* Is this query still to be done? */
static bool is_wanted(void *ctx, const record *r)
{
    search_job *job = ctx;
    if (r->line > job->part.done_line) return true;
    if (!job->refused.status) seen_ids_add(&job->seen, r, &job->refused);
    return false;
}

/* ---- resuming ----------------------------------------------------------------------------------------------------------- */

/* Everything that the bytes of the output depend on, as one number. */
static tri_status hash_terms(search_job *job, uint64_t *out, tri_error *err)
{
    const struct search_args *args = job->c->options;
    const tri_search_options *o = &job->options;
    const tri_index_info *i = &job->info;
    uint64_t queries;
    buf b;
    TRI_TRY(index_meta_hash_file(job->c->args[1], &queries, err));
    buf_init(&b, 0);
    tri_status st = buf_printf(&b, "%016" PRIx64 " %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", queries, i->meta_json, i->n_live,
                               i->n_deleted, i->n_multi_rows);
    if (!st)
        st = buf_printf(&b, "%zu %zu %d %d %a %a %a %a %d %zu %d %a %d %d %d\n", args->k, o->k, o->mode, o->fuse, o->weights[0],
                        o->weights[1], o->weights[2], o->rrf_k, o->rrf_base, o->candidates, o->threshold, o->threshold_value,
                        o->rescore_multi, args->role, args->explain);
    if (!st)
        st = buf_printf(&b, "%016" PRIx64 " %s %zu %d %d\n", job->model.info.fingerprint, job->model.info.precision,
                        job->c->shared.max_length, job->c->shared.on_long, hit_writer_find(args->to, args->output));
    if (!st && args->rerank)
        st = buf_printf(&b, "%016" PRIx64 " %s\n", job->reranker.model.info.fingerprint, job->reranker.model.info.precision);
    *out = hash64(b.data, b.len);
    buf_drop(&b);
    return st ? err_memory(err, 256) : TRI_OK;
}

static tri_status open_part(search_job *job, tri_error *err)
{
    const struct search_args *args = job->c->options;
    uint64_t terms;
    TRI_TRY(hash_terms(job, &terms, err));
    TRI_TRY(search_part_open(&job->part, args->output, terms, err));
    if (job->part.done_line)
        cli_note(job->c, "going on: the queries up to line %" PRIu64 " are in %s already", job->part.done_line, job->part.path);
    return TRI_OK;
}

static tri_status run_queries(search_job *job, tri_error *err)
{
    const struct search_args *args = job->c->options;
    encode_stream s = {.c = job->c,
                       .model = &job->model,
                       .path = job->c->args[1],
                       .what = "search",
                       .unit = "queries",
                       .put = search_window,
                       .ctx = job};
    tri_embed_options_init(&s.options);
    s.options.want = job->want;
    s.options.role = args->role;
    hit_writer_plan plan = {.path = args->output,
                            .format = hit_writer_find(args->to, args->output),
                            .explain = args->explain,
                            .index = job->index,
                            .tokenizer = tri_model_tokenizer(job->model.model)};
    if (args->resume) {
        TRI_TRY(open_part(job, err));
        plan.into = &job->part.block;
        s.wanted = is_wanted;
        s.window_records = args->rerank ? RESUME_QUERIES_RERANKED : RESUME_QUERIES;
    }
    TRI_TRY(hit_writer_open(&plan, &job->writer, err));
    seen_ids_init(&job->seen, s.path);
    tri_status st = encode_stream_run(&s, err);
    seen_ids_drop(&job->seen);
    if (st == TRI_OK && job->refused.status) {
        if (err) *err = job->refused;
        st = job->refused.status;
    }
    if (st) {
        hit_writer_discard(job->writer);
        return st;
    }
    TRI_TRY(hit_writer_commit(job->writer, err));
    return args->resume ? search_part_commit(&job->part, err) : TRI_OK;
}

static tri_status run_job(search_job *job, tri_error *err)
{
    build_state state;
    TRI_TRY(tri_index_open(job->dir, TRI_INDEX_READ, &job->index, err));
    job->info.struct_size = sizeof job->info;
    tri_index_info_get(job->index, &job->info);
    TRI_TRY(index_meta_parse(job->dir, job->info.meta_json, &job->meta, err));
    TRI_TRY(build_state_load(job->dir, &state, err));
    if (!state.complete)
        cli_note(job->c, "the %s of %s is not finished: searching the %" PRIu64 " documents that are there",
                 state.is_add ? "last --add" : "build", job->dir, job->info.n_live);
    fit_to_index(job);
    job->want = wanted_of_queries(job);
    TRI_TRY(open_model(job, err));
    const struct search_args *args = job->c->options;
    if (args->rerank) TRI_TRY(search_rerank_open(&job->reranker, job->c, args->rerank, args->rerank_top, args->cache, err));
    return run_queries(job, err);
}

static tri_status run(cli *c, tri_error *err)
{
    const struct search_args *args = c->options;
    int format = hit_writer_find(args->to, args->output);
    if (format < 0)
        return cli_usage(c, err, "the suffix of %s tells no format: name it .trec or .jsonl, or add --to", args->output);
    if (args->explain && format != HIT_WRITER_JSONL)
        return cli_usage(c, err, "--explain needs .jsonl: a run file has no place for tokens");
    if (args->cache && !args->rerank) return cli_usage(c, err, "--cache keeps the scores of --rerank, which is not given");
    if (args->resume && (strcmp(args->output, "-") == 0 || strcmp(c->args[1], "-") == 0))
        return cli_usage(c, err, "--resume needs files: queries that can be read again, and -o FILE");
    search_job *job = mem_calloc(1, sizeof *job);
    if (!job) return err_memory(err, sizeof *job);
    job->c = c;
    job->dir = c->args[0];
    tri_status st = read_options(job, err);
    if (st == TRI_OK) st = run_job(job, err);
    tri_status closed = search_rerank_close(&job->reranker, st ? NULL : err);
    search_part_close(&job->part);
    tri_index_close(job->index);
    setup_close(&job->model);
    mem_free(job);
    return st ? st : closed;
}

const cli_command cmd_search = {
    .name = "search",
    .summary = "the best documents of an index for each query",
    .usage = "DIR QUERIES [-k 10] [--mode hybrid|dense|sparse|multi] [--fuse ...] [--weights ...] [-o OUT]",
    .notes = "QUERIES holds the lines of `trident encode`.\n"
             "out  .trec   qid Q0 docid rank score trident\n"
             "     .jsonl  {\"qid\", \"rank\", \"id\", \"score\", \"dense\", \"sparse\", \"multi\", \"text\"}; a score that "
             "was not computed is null;\n"
             "             with --explain \"tokens\": [{\"query\", \"passage\", \"weight\", \"leg\"}]\n"
             "With --rerank the score is the cross-encoder's, and -k of the --rerank-top hits are shown. "
             "With --resume the output's bytes are the same, killed or not. Equal scores are in insertion order. Presets of "
             "weights: mkqa is 1,0.3,1 and mldr 0.15,0.5,0.35.",
    .examples = {"trident search corpus.index queries.jsonl -k 100 -o run.trec",
                 "echo '{\"text\": \"what is M3\"}' | trident search corpus.index - --explain"},
    .flags = flags,
    .options_size = sizeof(struct search_args),
    .shared = SETUP_MODEL | SETUP_LINES,
    .run = run,
    .min_args = 2,
    .max_args = 2,
};
