/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_demo.c — what do three representations give that one does not? Shown on a corpus in several languages.
 *
 *   INDEX   documents with keys LANG:ID (`en:p0042`), the same ID in every language being the same document translated
 *   DATA    a folder with queries.LANG.jsonl and one qrels.tsv that judges ID without a language (tools/demo.sh makes both)
 *
 * First some questions, each answered four ways side by side (demo_answer.c); then the figures for every pair of languages
 * (demo_figures.c). Each question is encoded once and searched once over every document, exactly; all rankings come out of that
 * one search (ways.c). */
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/demo_answer.h"
#include "cli/demo_figures.h"
#include "cli/demo_view.h"
#include "cli/ways.h"

enum { MAX_LANGUAGES = 16 };

struct demo_args {
    const char *languages, *show, *ask, *runs;
    size_t questions, top;
    int color;
};

typedef struct demo {
    cli *c;
    setup_model m;
    tri_index *index;
    tri_qrels *qrels;
    demo_language languages[MAX_LANGUAGES];
    size_t n_languages;
    char qrels_path[LIMIT_PATH];
    buf out;
    view view;
    demo_source source;
    uint64_t n_documents;
    size_t n_questions, n_tokens;
    double encode_seconds, search_seconds;
} demo;

static tri_status flush(demo *d, tri_error *err)
{
    TRI_TRY(cli_print(&d->out, err));
    buf_clear(&d->out);
    return cli_check_stop(err);
}

static tri_status drawn(tri_status st, tri_error *err)
{
    return st == TRI_OK ? TRI_OK : err_set(err, st, "could not draw the page");
}

/* ---- the questions ------------------------------------------------------------------------------------------------- */

static tri_status embed_questions(demo *d, const tri_input *inputs, size_t n, tri_embeddings **out, tri_error *err)
{
    tri_embed_options options;
    tri_embed_options_init(&options);
    options.role = TRI_ROLE_QUERY;
    options.on_long = d->c->shared.on_long;
    double begin = progress_seconds(&d->c->bar);
    TRI_TRY(tri_embed(d->m.session, &options, inputs, n, out, err));
    d->encode_seconds += progress_seconds(&d->c->bar) - begin;
    d->n_questions += n;
    for (size_t i = 0; i < n; i++) d->n_tokens += tri_embeddings_tokens(*out, i);
    return cli_check_stop(err);
}

static tri_status open_language(demo *d, const char *name, size_t len, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    if (d->n_languages == MAX_LANGUAGES || len == 0 || len >= DEMO_LANGUAGE_CAP)
        return cli_usage(d->c, err, "--languages takes up to %d names such as zh,en,ar, got \"%s\"", MAX_LANGUAGES,
                         args->languages);
    demo_language *l = &d->languages[d->n_languages++];
    char file[DEMO_LANGUAGE_CAP + 32], path[LIMIT_PATH];
    memcpy(l->name, name, len);
    snprintf(file, sizeof file, "queries.%s.jsonl", l->name);
    if (file_join(path, sizeof path, d->c->args[2], file) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path too long: %s", d->c->args[2]);
    TRI_TRY(record_reader_open(&l->reader, path, &d->c->shared, 0, err));
    l->open = true;
    TRI_TRY(record_reader_fill(&l->reader, args->questions, SIZE_MAX, err));
    if (l->reader.n == 0) return err_set(err, TRI_ERR_FORMAT, "%s has no questions", path);
    tri_input *inputs = mem_array(l->reader.n, sizeof *inputs);
    if (!inputs) return err_memory(err, l->reader.n * sizeof *inputs);
    for (size_t i = 0; i < l->reader.n; i++) inputs[i] = l->reader.records[i].input;
    tri_status st = embed_questions(d, inputs, l->reader.n, &l->embeddings, err);
    mem_free(inputs);
    return st;
}

static tri_status open_languages(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    for (const char *p = args->languages; *p;) {
        size_t len = strcspn(p, ",");
        TRI_TRY(open_language(d, p, len, err));
        p += len + (p[len] == ',');
    }
    return d->n_languages ? TRI_OK : cli_usage(d->c, err, "--languages is empty");
}

/* The question LANG:ID; false when it is not among those read. */
static bool find_question(const demo *d, tri_text wanted, const demo_language **language, size_t *question)
{
    tri_text id = ways_bare_id(wanted);
    for (size_t i = 0; i < d->n_languages; i++) {
        const demo_language *l = &d->languages[i];
        for (size_t q = 0; ways_in_language(wanted, l->name) && q < l->reader.n; q++) {
            tri_text key = l->reader.records[q].key;
            if (key.len != id.len || memcmp(key.bytes, id.bytes, id.len) != 0) continue;
            *language = l;
            *question = q;
            return true;
        }
    }
    return false;
}

/* How many tokens after the first are those of the query prompt. */
static size_t prompt_tokens(const demo *d, const uint32_t *ids, size_t n_ids)
{
    tri_tokenize_options options;
    tri_tokens prompt = {0};
    size_t n = 0;
    tri_tokenize_options_init(&options);
    options.no_specials = 1;
    tri_text text = {d->m.info.prompt_query, strlen(d->m.info.prompt_query)};
    if (tri_tokenize(tri_model_tokenizer(d->m.model), &options, text, NULL, &prompt, NULL) != TRI_OK) return 0;
    while (n < prompt.count && n + 1 < n_ids && ids[n + 1] == prompt.ids[n]) n++;
    return n;
}

static tri_status show_question(demo *d, const char *label, tri_text text, tri_text id, const tri_embeddings *e, size_t i,
                                tri_error *err)
{
    demo_question question = {.label = label, .text = text, .id = id, .query = ways_query(e, i)};
    question.ids = tri_embeddings_ids(e, i, &question.n_ids);
    question.n_before = 1 + prompt_tokens(d, question.ids, question.n_ids);
    return demo_answer_show(&d->view, &d->source, &question, err);
}

static tri_status show_questions(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    for (const char *p = args->show; p && *p;) {
        size_t len = strcspn(p, ","), q = 0;
        const demo_language *l = NULL;
        if (!find_question(d, (tri_text){p, len}, &l, &q))
            return err_set(err, TRI_ERR_NOT_FOUND, "--show: no question \"%.*s\" among the first %zu", (int)len, p,
                           args->questions);
        const record *r = &l->reader.records[q];
        TRI_TRY(show_question(d, l->name, r->input.text, r->key, l->embeddings, q, err));
        TRI_TRY(flush(d, err));
        p += len + (p[len] == ',');
    }
    return TRI_OK;
}

static tri_status ask(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    tri_input input = {.text = {args->ask, strlen(args->ask)}};
    tri_embeddings *e;
    TRI_TRY(embed_questions(d, &input, 1, &e, err));
    tri_status st = show_question(d, "?", input.text, (tri_text){NULL, 0}, e, 0, err);
    tri_embeddings_free(e);
    return st == TRI_OK ? flush(d, err) : st;
}

/* ---- the figures ---------------------------------------------------------------------------------------------------- */

static tri_status measure_language(demo *d, const demo_language *from, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    tri_hits *hits;
    tri_query *queries = mem_array(from->reader.n, sizeof *queries);
    if (!queries) return err_memory(err, from->reader.n * sizeof *queries);
    for (size_t q = 0; q < from->reader.n; q++) queries[q] = ways_query(from->embeddings, q);
    double begin = progress_seconds(&d->c->bar);
    tri_status st = ways_search(d->index, d->source.threads, queries, from->reader.n, &hits, err);
    d->search_seconds += progress_seconds(&d->c->bar) - begin;
    mem_free(queries);
    TRI_TRY(st);
    st = demo_figures_rows(&d->view, d->qrels, args->runs, from, d->languages, d->n_languages, hits, err);
    tri_hits_free(hits);
    return st == TRI_OK ? flush(d, err) : st;
}

static tri_status show_figures(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    TRI_TRY(file_make_dirs(args->runs, err));
    TRI_TRY(drawn(demo_figures_head(&d->view), err));
    for (size_t i = 0; i < d->n_languages; i++) TRI_TRY(measure_language(d, &d->languages[i], err));
    tri_status st = view_printf(&d->view, VIEW_DIM,
                                "\n  %zu questions encoded in %.1f s (%.0f tokens/s); each against %llu documents, exactly, in "
                                "%.1f ms\n  runs in %s; trident eval %s RUN... --no-complete prints the same figures\n",
                                d->n_questions, d->encode_seconds, (double)d->n_tokens / fmax(d->encode_seconds, 1e-9),
                                (unsigned long long)d->n_documents, d->search_seconds * 1e3 / (double)d->n_questions,
                                args->runs, d->qrels_path);
    TRI_TRY(drawn(st, err));
    return flush(d, err);
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */

static tri_status open_all(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    tri_index_info info = {.struct_size = sizeof info};
    if (args->questions == 0) return cli_usage(d->c, err, "--questions is 1 or more");
    if (file_join(d->qrels_path, sizeof d->qrels_path, d->c->args[2], "qrels.tsv") != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path too long: %s", d->c->args[2]);
    TRI_TRY(setup_open(&d->c->shared, d->c->args[0], TRI_ALL, &d->m, err));
    TRI_TRY(tri_index_open(d->c->args[1], TRI_INDEX_READ, &d->index, err));
    tri_index_info_get(d->index, &info);
    d->n_documents = info.n_live;
    d->source = (demo_source){.index = d->index,
                              .tokenizer = tri_model_tokenizer(d->m.model),
                              .qrels_path = d->qrels_path,
                              .threads = (int)d->c->shared.threads,
                              .top = args->top};
    tri_status st = view_printf(&d->view, VIEW_BOLD, "\n %llu documents", (unsigned long long)info.n_live);
    if (st == TRI_OK)
        st = view_printf(&d->view, VIEW_DIM, "   %s   %s   \xe2\x97\x8f judged right\n", d->c->args[0],
                         tri_engine_describe(d->m.engine));
    return drawn(st, err);
}

static tri_status show_all(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    TRI_TRY(open_all(d, err));
    if (args->ask) return ask(d, err);
    TRI_TRY(tri_qrels_load(d->qrels_path, &d->qrels, err));
    TRI_TRY(open_languages(d, err));
    TRI_TRY(show_questions(d, err));
    return show_figures(d, err);
}

static tri_status run(cli *c, tri_error *err)
{
    const struct demo_args *args = c->options;
    demo d = {.c = c};
    buf_init(&d.out, 0);
    view_init(&d.view, &d.out, args->color);
    progress_begin(&c->bar, "demo", "questions", 0, true); /* for its clock; the demonstration is its own progress */
    tri_status st = show_all(&d, err);
    for (size_t i = 0; i < MAX_LANGUAGES; i++) {
        tri_embeddings_free(d.languages[i].embeddings);
        if (d.languages[i].open) record_reader_close(&d.languages[i].reader);
    }
    tri_qrels_free(d.qrels);
    tri_index_close(d.index);
    setup_close(&d.m);
    buf_drop(&d.out);
    return st;
}

#define FIELD(name) offsetof(struct demo_args, name)
static const flag flags[] = {
    {"languages", 0, FLAG_TEXT, "LIST", "zh,en,ar", "languages of the questions and the documents", FIELD(languages)},
    {"questions", 0, FLAG_COUNT, "N", "200", "the first N questions of each language", FIELD(questions)},
    {"show", 0, FLAG_TEXT, "LIST", NULL, "questions to show side by side, LANG:ID, comma between", FIELD(show)},
    {"top", 0, FLAG_COUNT, "N", "3", "hits of a shown question", FIELD(top)},
    {"ask", 0, FLAG_TEXT, "TEXT", NULL, "answer this question instead of those of the data", FIELD(ask)},
    {"runs", 0, FLAG_TEXT, "DIR", "demo-runs", "where the run files go", FIELD(runs)},
    {"color", 0, FLAG_CHOICE, "auto|always|never", "auto", "colours; auto: when standard output is a terminal", FIELD(color)},
    FLAG_END};

const cli_command cmd_demo = {
    .name = "demo",
    .summary = "show three-way retrieval on a corpus in several languages",
    .usage = "MODEL INDEX DATA [--show LANG:ID,...]\nMODEL INDEX DATA --ask TEXT",
    .notes = "INDEX holds documents with keys LANG:ID; DATA has queries.LANG.jsonl and qrels.tsv. `make demo` prepares both.",
    .examples = {"trident demo small-m3 build/demo/index data/xquad-demo",
                 "trident demo small-m3 build/demo/index data/xquad-demo --ask \"Who won the Super Bowl?\""},
    .flags = flags,
    .options_size = sizeof(struct demo_args),
    .shared = SETUP_MACHINE | SETUP_LENGTH | SETUP_RULES,
    .min_args = 3,
    .max_args = 3,
    .run = run,
};
