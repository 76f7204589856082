/* SPDX-License-Identifier: Apache-2.0 */
/* report_texts.c — the words of the queries, for the page and for their languages. JSONL, or .tsv with id and text as BEIR
 * and MS MARCO write them; of a run folder what `trident search` read. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/record.h"
#include "cli/report_data.h"
#include "cli/report_language.h"
#include "formats/jsonl.h"

enum { WINDOW = 1024, WINDOW_BYTES = 4 << 20, LANGUAGES_MAX = 64 };

static tri_status keep(report_data *d, tri_text id, tri_text text, tri_error *err)
{
    bool found;
    if (d->n_texts == d->cap_texts) {
        size_t cap = d->cap_texts ? d->cap_texts * 2 : 256;
        tri_text *more = mem_realloc(d->texts, cap * sizeof *more);
        if (!more) return err_memory(err, cap * sizeof *more);
        d->texts = more;
        d->cap_texts = cap;
    }
    char *copy = arena_copy(&d->memory, text.bytes, text.len);
    if (!copy) return err_memory(err, text.len);
    d->texts[d->n_texts] = (tri_text){copy, text.len};
    if (strmap_put(&d->query_at, id.bytes, id.len, (uint32_t)d->n_texts, NULL, &found) != TRI_OK)
        return err_memory(err, id.len);
    d->n_texts++;
    return TRI_OK;
}

static tri_status read_tsv(report_data *d, tri_error *err)
{
    line_reader *reader;
    const char *line;
    size_t len;
    uint64_t number;
    TRI_TRY(line_reader_open(d->queries_path, 0, &reader, err));
    tri_status st;
    while (!(st = line_reader_next(reader, &line, &len, &number, err)) && line) {
        const char *tab = memchr(line, '\t', len);
        if (!tab) {
            st = err_set(err, TRI_ERR_FORMAT, "%s line %llu: no tab between id and text", d->queries_path,
                         (unsigned long long)number);
            break;
        }
        size_t id = (size_t)(tab - line);
        st = keep(d, (tri_text){line, id}, (tri_text){tab + 1, len - id - 1}, err);
        if (st) break;
    }
    line_reader_close(reader);
    return st;
}

/* JSONL; what a run folder names as `trident search` reads it: in a file of any other name a text a line. */
static tri_status read_records(report_data *d, tri_error *err)
{
    record_reader r;
    setup_args args = d->c->shared;
    args.format = d->has_own_queries ? SETUP_FORMAT_JSONL : SETUP_FORMAT_BY_NAME;
    TRI_TRY(record_reader_open(&r, d->queries_path, &args, 0, err));
    tri_status st = TRI_OK;
    do {
        st = record_reader_fill(&r, WINDOW, WINDOW_BYTES, err);
        for (size_t i = 0; !st && i < r.n; i++) st = keep(d, r.records[i].key, r.records[i].input.text, err);
    } while (!st && r.n);
    record_reader_close(&r);
    return st;
}

static tri_status count_corpus(report_data *d, tri_error *err)
{
    line_reader *reader;
    const char *line;
    size_t len;
    uint64_t number;
    TRI_TRY(line_reader_open(d->corpus_path, 0, &reader, err));
    tri_status st;
    while (!(st = line_reader_next(reader, &line, &len, &number, err)) && line) d->n_corpus += len > 0;
    line_reader_close(reader);
    return st;
}

tri_status report_texts_read(report_data *d, tri_error *err)
{
    if (d->corpus_path) TRI_TRY(count_corpus(d, err));
    if (!d->queries_path) return TRI_OK;
    size_t len = strlen(d->queries_path);
    bool has_ids = d->has_own_queries && len > 4 && strcmp(d->queries_path + len - 4, ".tsv") == 0;
    return has_ids ? read_tsv(d, err) : read_records(d, err);
}

/* ---- languages ----------------------------------------------------------------------------------------------------- */

static tri_status put_language(report_data *d, size_t query, const char *name, size_t len, tri_error *err)
{
    size_t at = 0;
    while (at < d->n_languages && (strncmp(d->languages[at], name, len) != 0 || d->languages[at][len])) at++;
    if (at == d->n_languages && at == LANGUAGES_MAX) at--; /* the last takes the rest */
    if (at == d->n_languages) {
        d->languages[at] = at + 1 < LANGUAGES_MAX ? arena_copy(&d->memory, name, len) : "others";
        if (!d->languages[at]) return err_memory(err, len);
        d->n_languages++;
    }
    d->language_of[query] = (uint32_t)at;
    return TRI_OK;
}

tri_status report_texts_languages(report_data *d, tri_error *err)
{
    if (d->base == SIZE_MAX || !d->n_queries) return TRI_OK;
    const tri_report *r = d->versions[d->base].scores;
    d->languages = arena_calloc(&d->memory, LANGUAGES_MAX, sizeof *d->languages);
    d->language_of = arena_calloc(&d->memory, d->n_queries, sizeof *d->language_of);
    if (!d->languages || !d->language_of) return err_memory(err, d->n_queries * sizeof *d->language_of);
    d->by_prefix = true;
    for (size_t q = 0; q < d->n_queries; q++) d->by_prefix = d->by_prefix && report_language_prefix(tri_report_query_id(r, q));
    if (!d->by_prefix && !d->n_texts) return TRI_OK;
    for (size_t q = 0; q < d->n_queries; q++) {
        const char *id = tri_report_query_id(r, q), *name = id;
        size_t len = report_language_prefix(id);
        if (!d->by_prefix) {
            uint32_t at;
            name = strmap_find(&d->query_at, id, strlen(id), &at) ? report_language_script(d->texts[at].bytes, d->texts[at].len)
                                                                  : "text not given";
            len = strlen(name);
        }
        TRI_TRY(put_language(d, q, name, len, err));
    }
    return TRI_OK;
}
