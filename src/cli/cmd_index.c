/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_index.c — `trident index`: a corpus encoded into an index on disk; adding to it, deleting from it, checking it.
 *
 * A build can be stopped at any moment and run again:
 *
 *   corpus read once: broken lines, duplicate ids, how many     (nothing is encoded for a corpus that would fail at its end)
 *   DIR is new  -> made, its meta says model, rules, options, corpus
 *   DIR is ours -> meta compared; another model, option or corpus is refused, naming the difference
 *   documents that are there already are left out, the others encoded; committed every --commit-seconds
 *   build.json says "complete": the next run does nothing
 *
 * --add works the same way with build.json as its memory: an id that is there is refused, unless this very add was stopped
 * half-way. Whoever deletes a document after a build does not get it back by running the build again. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/encode_stream.h"
#include "cli/index_meta.h"
#include "cli/json_out.h"
#include "cli/seen_ids.h"

struct index_args {
    const char *output, *want, *model;
    double commit_seconds;
    int store_dense, store_multi, role;
    bool add, remove, check;
};

#define FIELD(name) offsetof(struct index_args, name)
static const flag flags[] = {
    {"output", 'o', FLAG_TEXT, "DIR", NULL, "the folder of the index", FIELD(output)},
    {"want", 0, FLAG_TEXT, "dense,sparse,multi", NULL, "what to store; by default everything that the model has heads for",
     FIELD(want)},
    {"store-dense", 0, FLAG_CHOICE, "f32|f16", "f32", "how dense vectors are stored", FIELD(store_dense)},
    {"store-multi", 0, FLAG_CHOICE, "f32|f16|int8", "f16", "how multi-vector rows are stored", FIELD(store_multi)},
    {"role", 0, FLAG_CHOICE, ENCODE_STREAM_ROLES, "passage", "put the model folder's prompt of this name before each text",
     FIELD(role)},
    {"commit-seconds", 0, FLAG_NUMBER, "S", "30",
     "a kill loses at most so many seconds of encoding; 0 keeps every batch of texts as soon as it is encoded",
     FIELD(commit_seconds)},
    {"add", 0, FLAG_SWITCH, NULL, NULL, "add the documents of CORPUS to the index DIR", FIELD(add)},
    {"delete", 0, FLAG_SWITCH, NULL, NULL, "delete the documents whose ids the file IDS lists", FIELD(remove)},
    {"check", 0, FLAG_SWITCH, NULL, NULL, "read every byte of the index DIR and compare checksums", FIELD(check)},
    {"model", 0, FLAG_TEXT, "MODEL", NULL, "with --add: where the index's model is now", FIELD(model)},
    FLAG_END};

typedef struct index_job {
    cli *c;
    setup_model model;
    tri_index *index;
    const char *dir, *corpus;
    index_meta meta;
    build_state state;
    seen_ids seen;     /* only when the corpus is standard input: a file was read before */
    tri_error refused; /* by reading on the way */
    uint64_t n_documents, n_added, n_there, n_deleted;
    bool refuses_present; /* an id that is there is an error, not work done before */
    double committed_at;
} index_job;

/* ---- the corpus, before anything is encoded ---------------------------------------------------------------------------- */

/* The index takes any id but the empty one and one with U+0000, which would end it in C. */
static tri_status check_id(const index_job *job, const record *doc, tri_error *err)
{
    if (doc->key.len && !memchr(doc->key.bytes, 0, doc->key.len)) return TRI_OK;
    return err_set(err, TRI_ERR_ARGUMENT, "%s line %" PRIu64 ": the id %s", job->corpus, doc->line,
                   doc->key.len ? "holds U+0000" : "is empty");
}

static tri_status refuse_present(const index_job *job, const record *doc, tri_error *err)
{
    if (!tri_index_has(job->index, doc->key)) return TRI_OK;
    err_set(err, TRI_ERR_ARGUMENT, "%s line %" PRIu64 ": a document \"%.*s\" is already in %s", job->corpus, doc->line,
            (int)(doc->key.len < 200 ? doc->key.len : 200), doc->key.bytes, job->dir);
    return err_hint(err, TRI_ERR_ARGUMENT, "delete it first (trident index --delete), or take it out of the file");
}

/* Can this document come into the index? */
static tri_status admit(index_job *job, seen_ids *seen, const record *doc, tri_error *err)
{
    job->n_documents++;
    TRI_TRY(check_id(job, doc, err));
    TRI_TRY(seen_ids_add(seen, doc, err));
    return job->refuses_present ? refuse_present(job, doc, err) : TRI_OK;
}

/* Reads the corpus through: ids, broken lines. Standard input cannot be read twice: there ids are watched on the way. */
static tri_status survey(index_job *job, tri_error *err)
{
    record_reader r;
    seen_ids seen;
    if (strcmp(job->corpus, "-") == 0) return TRI_OK;
    TRI_TRY(record_reader_open(&r, job->corpus, &job->c->shared, job->model.info.vocab, err));
    seen_ids_init(&seen, job->corpus);
    progress_begin(&job->c->bar, "read", "documents", object_lines_extent(job->corpus), job->c->shared.quiet);
    tri_status st = TRI_OK;
    for (uint64_t from = 0; st == TRI_OK;) {
        st = record_reader_fill(&r, 4096, 1 << 20, err); /* as encoding reads it: encode_stream.c */
        if (st || !r.n) break;
        progress_span(&job->c->bar, from, record_reader_bytes(&r), r.n);
        from = record_reader_bytes(&r);
        for (size_t i = 0; i < r.n && st == TRI_OK; i++) st = admit(job, &seen, &r.records[i], err);
    }
    if (st == TRI_OK) st = cli_check_stop(err);
    progress_hide(&job->c->bar);
    seen_ids_drop(&seen);
    record_reader_close(&r);
    return st;
}

/* ---- encoding into the index --------------------------------------------------------------------------------------------- */

static bool is_wanted(void *ctx, const record *r)
{
    index_job *job = ctx;
    if (strcmp(job->corpus, "-") == 0 && job->refused.status == TRI_OK) admit(job, &job->seen, r, &job->refused);
    if (!tri_index_has(job->index, r->key)) return true;
    job->n_there++;
    return false;
}

static tri_status commit(index_job *job, tri_error *err)
{
    job->committed_at = progress_seconds(&job->c->bar);
    return tri_index_commit(job->index, err);
}

static tri_status add_documents(void *ctx, const record *records, size_t n, const tri_embeddings *e, tri_error *err)
{
    index_job *job = ctx;
    if (job->refused.status) {
        if (err) *err = job->refused;
        return job->refused.status;
    }
    tri_document *documents = mem_calloc(n, sizeof *documents);
    if (!documents) return err_memory(err, n * sizeof *documents);
    for (size_t i = 0; i < n; i++) {
        size_t n_ids;
        const uint32_t *ids = tri_embeddings_ids(e, i, &n_ids);
        documents[i] = (tri_document){.key = records[i].key,
                                      .text = records[i].input.text,
                                      .dense = tri_embeddings_dense(e, i),
                                      .sparse = tri_embeddings_sparse(e, i),
                                      .multi = tri_embeddings_multi(e, i)};
        if (ids && documents[i].multi.n_rows + 1 == n_ids) documents[i].multi_ids = ids + 1;
    }
    tri_status st = tri_index_add(job->index, documents, n, err);
    mem_free(documents);
    if (st) return st;
    job->n_added += n;
    const struct index_args *args = job->c->options; /* a commit costs a segment and some milliseconds */
    return progress_seconds(&job->c->bar) - job->committed_at < args->commit_seconds ? TRI_OK : commit(job, err);
}

/* What was encoded before Ctrl-C is kept. */
static tri_status keep_interrupted(index_job *job, tri_status st, tri_error *err)
{
    if (st != TRI_ERR_CANCELLED || commit(job, NULL) != TRI_OK) return st;
    cli_note(job->c, "%" PRIu64 " documents are in %s; the same command goes on from there", job->n_added + job->n_there,
             job->dir);
    return err_set(err, st, "interrupted");
}

static tri_status encode_documents(index_job *job, tri_error *err)
{
    encode_stream s = {.c = job->c,
                       .model = &job->model,
                       .path = job->corpus,
                       .what = "index",
                       .unit = "documents",
                       .wanted = is_wanted,
                       .put = add_documents,
                       .ctx = job};
    tri_index_info info = {.struct_size = sizeof info};
    tri_index_info_get(job->index, &info);
    tri_embed_options_init(&s.options);
    s.options.want = info.want;
    s.options.role = job->meta.role;
    seen_ids_init(&job->seen, job->corpus);
    job->committed_at = 0;
    tri_status st = encode_stream_run(&s, err);
    seen_ids_drop(&job->seen);
    if (st == TRI_OK && job->refused.status) {
        if (err) *err = job->refused;
        st = job->refused.status;
    }
    return st == TRI_OK ? commit(job, err) : keep_interrupted(job, st, err);
}

/* What the index holds now: a note, or under --json an object on standard output. */
static tri_status tell(index_job *job, tri_error *err)
{
    buf text;
    tri_index_info info = {.struct_size = sizeof info};
    tri_index_info_get(job->index, &info);
    if (!job->c->shared.json) {
        cli_note(job->c, "%" PRIu64 " documents added, %" PRIu64 " were there; %s holds %" PRIu64 " in %" PRIu64 " bytes",
                 job->n_added, job->n_there, job->dir, info.n_live, info.bytes);
        return TRI_OK;
    }
    buf_init(&text, 0);
    tri_status st = buf_printf(
        &text, "{\"added\": %" PRIu64 ", \"deleted\": %" PRIu64 ", \"documents\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n",
        job->n_added, job->n_deleted, info.n_live, info.bytes);
    st = st == TRI_OK ? cli_print(&text, err) : err_memory(err, text.len);
    buf_drop(&text);
    return st;
}

static tri_status finish(index_job *job, tri_error *err)
{
    job->state.complete = true;
    TRI_TRY(build_state_save(job->dir, &job->state, err));
    if (!job->n_documents) cli_note(job->c, "the corpus is empty: %s", job->corpus);
    return tell(job, err);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static tri_status describe_build(index_job *job, tri_error *err)
{
    const struct index_args *args = job->c->options;
    const char *model = job->c->args[0];
    index_meta *m = &job->meta;
    char absolute[LIMIT_PATH];
    if (!realpath(job->model.path, absolute) || strlen(model) >= LIMIT_PATH || strlen(job->corpus) >= LIMIT_PATH)
        return err_set(err, TRI_ERR_IO, "could not find the absolute path of model %s", job->model.path);
    memcpy(m->model, model, strlen(model) + 1);
    memcpy(m->path, absolute, strlen(absolute) + 1);
    memcpy(m->corpus, job->corpus, strlen(job->corpus) + 1);
    m->fingerprint = job->model.info.fingerprint;
    m->rules = job->c->shared.rules < 0 ? TRI_RULES_FILE : job->c->shared.rules;
    m->role = args->role;
    m->max_length = job->c->shared.max_length ? job->c->shared.max_length : job->model.info.max_tokens;
    return index_meta_hash_file(job->corpus, &m->corpus_hash, err);
}

static tri_status create(index_job *job, tri_error *err)
{
    static const int multi_stores[] = {TRI_STORE_F32, TRI_STORE_F16, TRI_STORE_INT8}; /* ORDER --store-multi */
    const struct index_args *args = job->c->options;
    tri_index_options o;
    buf meta;
    buf_init(&meta, 0);
    tri_index_options_init(&o);
    o.want = job->model.info.want;
    o.dense_dim = job->model.info.dense_dim;
    o.multi_dim = job->model.info.multi_dim;
    o.store_dense = args->store_dense ? TRI_STORE_F16 : TRI_STORE_F32;
    o.store_multi = multi_stores[args->store_multi];
    tri_status st = index_meta_render(&job->meta, &meta, err);
    o.meta_json = (const char *)meta.data;
    if (st == TRI_OK) st = tri_index_create(job->dir, &o, &job->index, err);
    buf_drop(&meta);
    return st ? st : build_state_save(job->dir, &job->state, err);
}

static tri_status refuse(const index_job *job, const char *what, tri_error *err)
{
    err_set(err, TRI_ERR_MISMATCH, "%s holds an index of something else: another %s", job->dir, what);
    return err_hint(err, TRI_ERR_MISMATCH, "name another folder with -o, or add documents with trident index --add %s CORPUS",
                    job->dir);
}

/* Is what lies in DIR the work that is asked for now? */
static tri_status compare(const index_job *job, const index_meta *there, tri_error *err)
{
    const struct index_args *args = job->c->options;
    const index_meta *now = &job->meta;
    tri_index_info info = {.struct_size = sizeof info};
    tri_index_info_get(job->index, &info);
    if (there->corpus_hash != now->corpus_hash) return refuse(job, "corpus (or this one, changed since)", err);
    if (info.want != job->model.info.want) return refuse(job, "--want", err);
    if (there->fingerprint != now->fingerprint) return refuse(job, "model", err);
    if (there->rules != now->rules) return refuse(job, "--tokenizer-rules", err);
    if (there->role != now->role) return refuse(job, "--role", err);
    if (there->max_length != now->max_length) return refuse(job, "--max-length", err);
    if ((info.want & TRI_DENSE) && (info.store_dense == TRI_STORE_F16) != (args->store_dense == 1))
        return refuse(job, "--store-dense", err);
    static const int multi_stores[] = {TRI_STORE_F32, TRI_STORE_F16, TRI_STORE_INT8}; /* ORDER --store-multi */
    if ((info.want & TRI_MULTI) && info.store_multi != multi_stores[args->store_multi])
        return refuse(job, "--store-multi", err);
    return TRI_OK;
}

static tri_status resume(index_job *job, bool *complete, tri_error *err)
{
    tri_index_info info = {.struct_size = sizeof info};
    index_meta there;
    build_state state;
    TRI_TRY(tri_index_open(job->dir, TRI_INDEX_WRITE, &job->index, err));
    tri_index_info_get(job->index, &info);
    TRI_TRY(index_meta_parse(job->dir, info.meta_json, &there, err));
    TRI_TRY(compare(job, &there, err));
    TRI_TRY(build_state_load(job->dir, &state, err));
    *complete = state.complete || state.is_add; /* an add begins only when the build is done */
    if (*complete)
        cli_note(job->c, "nothing to do: %s is complete, %" PRIu64 " documents", job->dir, info.n_live);
    else if (info.n_live)
        cli_note(job->c, "going on: %" PRIu64 " documents are in %s already", info.n_live, job->dir);
    return TRI_OK;
}

static bool holds_index(const char *dir)
{
    tri_index *index;
    tri_error err;
    tri_status st = tri_index_open(dir, TRI_INDEX_READ, &index, &err);
    tri_index_close(index);
    return st != TRI_ERR_NOT_FOUND;
}

static tri_status build(index_job *job, tri_error *err)
{
    bool complete = false;
    TRI_TRY(describe_build(job, err));
    job->state = (build_state){.corpus_hash = job->meta.corpus_hash};
    if (holds_index(job->dir)) {
        TRI_TRY(resume(job, &complete, err));
        if (complete) return job->c->shared.json ? tell(job, err) : TRI_OK;
        TRI_TRY(survey(job, err));
    } else {
        TRI_TRY(survey(job, err));
        TRI_TRY(create(job, err));
    }
    TRI_TRY(encode_documents(job, err));
    return finish(job, err);
}

static tri_status run_build(index_job *job, tri_error *err)
{
    const struct index_args *args = job->c->options;
    unsigned want;
    if (setup_parse_want(args->want, &want, err) != TRI_OK) {
        job->c->wrong_usage = true;
        return TRI_ERR_ARGUMENT;
    }
    job->dir = args->output;
    job->corpus = job->c->args[1];
    TRI_TRY(setup_open(&job->c->shared, job->c->args[0], want, &job->model, err));
    return build(job, err);
}

/* ---- adding, deleting, checking ---------------------------------------------------------------------------------- */

static tri_status open_recorded_model(index_job *job, unsigned want, tri_error *err)
{
    const struct index_args *args = job->c->options;
    setup_args shared = job->c->shared;
    shared.rules = job->meta.rules;
    shared.max_length = job->meta.max_length;
    job->c->shared.max_length = job->meta.max_length;
    TRI_TRY(setup_open(&shared, args->model ? args->model : job->meta.path, want, &job->model, err));
    if (job->model.info.fingerprint == job->meta.fingerprint) return TRI_OK;
    err_set(err, TRI_ERR_MISMATCH,
            "the model in %s is not the one that %s was built with (fingerprint %016" PRIx64 ", not %016" PRIx64 ")",
            job->model.path, job->dir, job->model.info.fingerprint, job->meta.fingerprint);
    return err_hint(err, TRI_ERR_MISMATCH, "name the right one with --model, or build the index again");
}

static tri_status run_add(index_job *job, tri_error *err)
{
    tri_index_info info = {.struct_size = sizeof info};
    build_state before;
    job->dir = job->c->args[0];
    job->corpus = job->c->args[1];
    TRI_TRY(tri_index_open(job->dir, TRI_INDEX_WRITE, &job->index, err));
    tri_index_info_get(job->index, &info);
    TRI_TRY(index_meta_parse(job->dir, info.meta_json, &job->meta, err));
    TRI_TRY(build_state_load(job->dir, &before, err));
    if (!before.is_add && !before.complete) {
        err_set(err, TRI_ERR_STATE, "the build of %s is not finished", job->dir);
        return err_hint(err, TRI_ERR_STATE, "run its trident index command again first");
    }
    TRI_TRY(open_recorded_model(job, info.want, err));
    job->state = (build_state){.is_add = true};
    TRI_TRY(index_meta_hash_file(job->corpus, &job->state.corpus_hash, err));
    bool goes_on = before.is_add && !before.complete && before.corpus_hash && before.corpus_hash == job->state.corpus_hash;
    job->refuses_present = !goes_on;
    TRI_TRY(survey(job, err));
    TRI_TRY(build_state_save(job->dir, &job->state, err));
    TRI_TRY(encode_documents(job, err));
    return finish(job, err);
}

static tri_status delete_listed(index_job *job, object_lines *lines, uint64_t *n_listed, uint64_t *n_missing, tri_error *err)
{
    for (;;) {
        object_line line;
        buf text;
        size_t missing = 0;
        tri_status st = object_lines_next(lines, &line, err);
        if (st == TRI_OK && !line.number) return TRI_OK;
        const json_t *id = json_object_get(line.object, "_id");
        if (!id) id = json_object_get(line.object, "id");
        if (st == TRI_OK && line.object && !json_is_string(id) && !json_is_number(id))
            st = object_lines_bad(lines, line.number, err, "there is no \"_id\"");
        if (st) {
            TRI_TRY(object_lines_refuse(lines, st, err));
            continue;
        }
        buf_init(&text, 0);
        tri_text key = line.text;
        if (json_is_string(id)) {
            key = (tri_text){json_string_value(id), json_string_length(id)};
        } else if (id) {
            st = json_out_scalar(&text, id) == TRI_OK ? TRI_OK : err_memory(err, text.len);
            key = (tri_text){(const char *)text.data, text.len};
        }
        if (st == TRI_OK) st = tri_index_delete(job->index, &key, 1, &missing, err);
        buf_drop(&text);
        TRI_TRY(st);
        *n_listed += 1;
        *n_missing += missing;
        TRI_TRY(cli_check_stop(err));
    }
}

static tri_status run_delete(index_job *job, tri_error *err)
{
    object_lines lines;
    uint64_t n_listed = 0, n_missing = 0;
    job->dir = job->c->args[0];
    TRI_TRY(tri_index_open(job->dir, TRI_INDEX_WRITE, &job->index, err));
    TRI_TRY(object_lines_open(&lines, job->c->args[1], &job->c->shared, err));
    tri_status st = delete_listed(job, &lines, &n_listed, &n_missing, err);
    if (st == TRI_OK) st = tri_index_commit(job->index, err);
    if (st == TRI_OK) object_lines_report(&lines, job->c);
    object_lines_close(&lines);
    TRI_TRY(st);
    job->n_deleted = n_listed - n_missing;
    if (n_missing) cli_note(job->c, "%" PRIu64 " ids were not there", n_missing);
    if (job->c->shared.json) return tell(job, err);
    cli_note(job->c, "%" PRIu64 " documents deleted", job->n_deleted);
    return TRI_OK;
}

typedef struct check_report {
    buf text;
    bool json;
    size_t n_bad;
} check_report;

static void note_bad(void *ctx, const char *file, const char *why)
{
    check_report *report = ctx; /* a row lost for lack of memory is still counted, and the status tells */
    buf *b = &report->text;
    if (report->json) {
        buf_str(b, report->n_bad ? ", {\"file\": " : "{\"file\": ");
        json_out_str(b, file);
        buf_str(b, ", \"why\": ");
        json_out_str(b, why);
        buf_byte(b, '}');
    } else {
        buf_printf(b, "%s: %s\n", file, why);
    }
    report->n_bad++;
}

static tri_status run_check(index_job *job, tri_error *err)
{
    check_report report = {.json = job->c->shared.json};
    tri_error said = {0};
    buf_init(&report.text, 0);
    job->dir = job->c->args[0];
    if (report.json) buf_str(&report.text, "{\"bad\": [");
    tri_status st = tri_index_check(job->dir, note_bad, &report, &said);
    if (st && !report.n_bad) { /* it could not be looked at */
        buf_drop(&report.text);
        if (err) *err = said;
        return st;
    }
    if (report.json)
        buf_str(&report.text, report.n_bad ? "], \"ok\": false}\n" : "], \"ok\": true}\n");
    else if (!report.n_bad)
        buf_printf(&report.text, "%s: every file is as it was written\n", job->dir);
    tri_status printed = cli_print(&report.text, err);
    buf_drop(&report.text);
    if (st && err) *err = said;
    return st ? st : printed;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static tri_status choose(index_job *job, tri_error *err)
{
    cli *c = job->c;
    const struct index_args *args = c->options;
    int n_modes = args->add + args->remove + args->check;
    size_t n_args = args->check ? 1 : 2;
    if (n_modes > 1) return cli_usage(c, err, "--add, --delete and --check are three different things: name one");
    if (c->n_args != n_args)
        return cli_usage(c, err, "%zu argument%s given, %zu needed: trident index %s", c->n_args, c->n_args == 1 ? "" : "s",
                         n_args,
                         args->add      ? "--add DIR CORPUS"
                         : args->remove ? "--delete DIR IDS"
                         : args->check  ? "--check DIR"
                                        : "MODEL CORPUS -o DIR");
    if (n_modes && args->output) return cli_usage(c, err, "-o is for building; here the folder is the first argument");
    if (!n_modes && !args->output) return cli_usage(c, err, "where to? trident index MODEL CORPUS -o DIR");
    if (args->add) return run_add(job, err);
    if (args->remove) return run_delete(job, err);
    return args->check ? run_check(job, err) : run_build(job, err);
}

static tri_status run(cli *c, tri_error *err)
{
    index_job *job = mem_calloc(1, sizeof *job);
    if (!job) return err_memory(err, sizeof *job);
    job->c = c;
    tri_status st = choose(job, err);
    tri_index_close(job->index);
    setup_close(&job->model);
    mem_free(job);
    return st;
}

const cli_command cmd_index = {
    .name = "index",
    .summary = "encode a corpus into an index on disk; add, delete, check",
    .usage = "MODEL CORPUS -o DIR [--want ...] [--store-dense f32|f16] [--store-multi f16|int8|f32]\n"
             "--add DIR CORPUS\n"
             "--delete DIR IDS\n"
             "--check DIR",
    .notes = "CORPUS holds the lines of `trident encode`; IDS an id a line, or {\"_id\": ...} lines in a .jsonl file. A build "
             "that was\n"
             "stopped goes on when the command is run again; a finished one does nothing. The manifest records the model, its "
             "hash,\n"
             "the rules and the options; the texts are stored.",
    .examples = {"trident index small-m3 corpus.jsonl -o corpus.index --max-length 512", "trident index --check corpus.index"},
    .flags = flags,
    .options_size = sizeof(struct index_args),
    .shared = SETUP_MODEL | SETUP_LINES | SETUP_JSON,
    .run = run,
    .min_args = 1,
    .max_args = 2,
};
