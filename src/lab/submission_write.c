/* SPDX-License-Identifier: Apache-2.0 */
/* submission_write.c — which queries, how many documents, which scores: settled before the first byte is written, so that what
 * cannot be right is refused whole. */
#include "lab/submission_write.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"
#include "lab/backup.h"
#include "lab/submission_count.h"
#include "lab/submission_number.h"
#include "lab/submission_text.h"
#include "lab/submission_write_int.h"

tri_status submission_write_note(write_job *job, tri_error *err, const char *fmt, ...)
{
    char line[512];
    va_list list;
    va_start(list, fmt);
    vsnprintf(line, sizeof line, fmt, list);
    va_end(list);
    return buf_printf(&job->result->notes, "%s\n", line) ? err_memory(err, sizeof line) : TRI_OK;
}

static int shown(tri_text t)
{
    return (int)(t.len < 60 ? t.len : 60);
}

static const known_ids *given(const known_ids *known, const char *path)
{
    return path ? known : NULL;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static tri_status learn_sample(write_job *job, const submission_hints *hints, tri_error *err)
{
    mapped_file mapped;
    TRI_TRY(mapped_file_open(job->o->sample, &mapped, err));
    submission_source source = {.what = job->o->sample, .bytes = {(const char *)mapped.data, mapped.len}, .file = &mapped};
    if (!mapped.len) source.bytes.bytes = "";
    tri_status st = submission_learn(&source, hints, &job->sample, err);
    mapped_file_close(&mapped);
    if (st) { /* for the drop at the end */
        submission_format_init(&job->sample.format);
        known_ids_init(&job->sample.queries, false);
    }
    return st;
}

static tri_status lacks(const char *what, const char *option, tri_error *err)
{
    tri_status st = err_set(err, TRI_ERR_ARGUMENT, "the sample holds the text of each %s, which the run does not", what);
    return err_hint(err, st, "give %s", option);
}

static tri_status check_fields(const submission_field *fields, size_t n, const write_options *o, tri_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].role == ROLE_QUERY_TEXT && !o->queries) return lacks("query", "--queries", err);
        if (fields[i].role == ROLE_DOC_TEXT && !o->corpus) return lacks("document", "--corpus", err);
        if (fields[i].role != ROLE_OTHER) continue;
        tri_status st =
            err_set(err, TRI_ERR_UNSUPPORTED,
                    "could not write \"%.*s\" (%zu of the sample's columns or keys): what it holds is not understood",
                    shown(fields[i].name), fields[i].name.bytes ? fields[i].name.bytes : "", i + 1);
        return err_hint(
            err, st,
            "give it a known name (query_id, document_id, score, rank) in a copy of the sample, or one constant value");
    }
    return TRI_OK;
}

static tri_status read_files(write_job *job, tri_error *err)
{
    const write_options *o = job->o;
    if (o->queries) TRI_TRY(known_ids_load(&job->queries, o->queries, err));
    if (o->corpus) TRI_TRY(known_ids_load(&job->corpus, o->corpus, err));
    submission_hints hints = {.queries = given(&job->queries, o->queries), .corpus = given(&job->corpus, o->corpus)};
    TRI_TRY(learn_sample(job, &hints, err));
    const submission_format *f = &job->sample.format;
    if (f->notes.len && buf_append(&job->result->notes, f->notes.data, f->notes.len)) return err_memory(err, f->notes.len);
    TRI_TRY(check_fields(f->fields, f->n_fields, o, err));
    TRI_TRY(check_fields(f->items, f->n_items, o, err));
    if (submission_has(f, ROLE_DOC_TEXT)) {
        known_ids_drop(&job->corpus);
        known_ids_init(&job->corpus, true);
        TRI_TRY(known_ids_load(&job->corpus, o->corpus, err));
    }
    TRI_TRY(submission_run_load(o->run, &hints, &job->run, err));
    bool scores = submission_has(f, ROLE_SCORE) || submission_has(f, ROLE_SCORES);
    if (!scores || job->run.scored) return TRI_OK;
    tri_status st = err_set(err, TRI_ERR_MISMATCH, "the sample asks for scores and %s has none", o->run);
    return err_hint(err, st, "write the run with its scores: .trec, or .jsonl from trident search");
}

/* ---- how many documents --------------------------------------------------------------------------------------------- */

static tri_status plan_counts(write_job *job, tri_error *err)
{
    const submission_format *f = &job->sample.format;
    bool uniform = submission_count_uniform(f),
         whole = submission_count_whole(&job->sample, given(&job->queries, job->o->queries));
    size_t top = job->o->top ? job->o->top : uniform ? f->list_max : SIZE_MAX, n_cut = 0, n_equal = 0;
    if (whole && job->o->top && job->o->top != f->list_max) {
        tri_status st =
            err_set(err, TRI_ERR_MISMATCH, "--top %zu, and the sample has %zu documents for each of its %zu queries",
                    job->o->top, f->list_max, f->n_queries);
        return err_hint(err, st, "leave --top out");
    }
    size_t n_columns = 0;
    for (size_t i = 0; i < f->n_fields && f->list == LIST_COLUMNS; i++) n_columns += f->fields[i].role == ROLE_DOC;
    if (n_columns && top > n_columns) top = n_columns;
    for (size_t i = 0; i < job->n_plan; i++) {
        n_cut += job->plan[i].n > top;
        if (job->plan[i].n > top) job->plan[i].n = top;
        n_equal += job->plan[i].n == f->list_max;
    }
    if (n_cut && !job->o->top)
        TRI_TRY(submission_write_note(
            job, err, "the best %zu documents of each query are written, as the sample has them; --top says otherwise", top));
    if (!uniform || (n_equal * 2 < job->n_plan && !whole)) return TRI_OK;
    for (size_t i = 0; i < job->n_plan; i++) {
        size_t n = job->plan[i].n;
        if (n == f->list_max || (job->o->corpus && n == job->corpus.n)) continue;
        tri_status st =
            err_set(err, TRI_ERR_MISMATCH, "the run has %zu documents for the query \"%.*s\", and the sample %zu for each", n,
                    shown(job->plan[i].name), job->plan[i].name.bytes, f->list_max);
        return err_hint(err, st, "search deeper: trident search -k %zu", f->list_max);
    }
    return TRI_OK;
}

/* ---- ids and scores ------------------------------------------------------------------------------------------------- */

/* What no submission should carry into another program. */
static const char *odd_id(const submission_format *f, tri_text id)
{
    if (utf8_count_bad((const uint8_t *)id.bytes, id.len)) return "is no UTF-8";
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.bytes[i] < 0x20) return "holds a tab, a line end or another control character";
    return !f->doc_padded && submission_trim(id).len != id.len ? "has blanks around it" : NULL;
}

static tri_status check_names(const write_job *job, tri_error *err)
{
    bool texts = submission_has(&job->sample.format, ROLE_QUERY_TEXT);
    for (size_t i = 0; i < job->n_plan; i++) {
        tri_text name = job->plan[i].name, text = texts ? job->plan[i].text : (tri_text){NULL, 0};
        bool bom = name.len >= 3 && !memcmp(name.bytes, "\xEF\xBB\xBF", 3);
        if (bom || utf8_count_bad((const uint8_t *)name.bytes, name.len) ||
            utf8_count_bad((const uint8_t *)text.bytes, text.len))
            return err_set(err, TRI_ERR_MISMATCH, "the query \"%.*s\" %s", shown(name), name.bytes,
                           bom ? "begins with a BOM" : "is no UTF-8");
    }
    return TRI_OK;
}

static tri_status check_documents(write_job *job, tri_error *err)
{
    uint32_t place;
    for (size_t i = 0; i < job->run.docs.n; i++) {
        tri_text id = job->run.docs.ids[i];
        const char *why = odd_id(&job->sample.format, id);
        if (why && !(job->o->corpus && known_ids_find(&job->corpus, id, &place)))
            return err_set(err, TRI_ERR_MISMATCH, "the run's document \"%.*s\" %s", shown(id), id.bytes, why);
    }
    for (size_t i = 0; job->o->corpus && i < job->run.docs.n; i++) {
        tri_text id = job->run.docs.ids[i];
        if (known_ids_find(&job->corpus, id, &place)) continue;
        tri_status st =
            err_set(err, TRI_ERR_MISMATCH, "the run's document \"%.*s\" is not in %s", shown(id), id.bytes, job->o->corpus);
        return err_hint(err, st, "was the run made with another corpus?");
    }
    for (size_t i = 0; !job->o->corpus && job->sample.format.doc_integer && i < job->run.docs.n; i++) {
        tri_text id = job->run.docs.ids[i];
        bool digits = submission_is_digits(id);
        if (digits && (!job->sample.format.doc_width || id.len == job->sample.format.doc_width)) continue;
        tri_status st = err_set(err, TRI_ERR_MISMATCH, "the run's document \"%.*s\" %s, as the sample's ids are", shown(id),
                                id.bytes, digits ? "has not as many digits" : "is no whole number");
        return err_hint(err, st, "if the corpus has other ids too, give it: --corpus");
    }
    return TRI_OK;
}

static tri_status plan_scores(write_job *job, tri_error *err)
{
    const submission_format *f = &job->sample.format;
    const submission_run *run = &job->run;
    submission_writer *w = &job->writer;
    bool has = submission_has(f, ROLE_SCORE) || submission_has(f, ROLE_SCORES);
    double sign = f->lower_is_better ? -1 : 1, least = sign * run->least, most = sign * run->most;
    w->scale = sign;
    w->shift = 0;
    if (!has || !run->scored) return TRI_OK;
    if (least > most) {
        double swap = least;
        least = most;
        most = swap;
    }
    w->by_place = f->score_integer && !run->whole;
    if (w->by_place)
        return submission_write_note(
            job, err, "the sample's scores are whole numbers, the run's are not: places from the end are written");
    if (isnan(f->score_min) || (least >= f->score_min && most <= f->score_max && !(f->score_max > 1 && most <= 1)))
        return TRI_OK;
    double width = f->score_max - f->score_min, from = least, to = most;
    if (least >= 0 && most <= 1) {
        from = 0;
        to = 1;
    }
    double factor = to > from ? width / (to - from) : 0;
    w->scale = sign * factor;
    w->is_mapped = true;
    w->shift = to > from ? f->score_min - from * factor : f->score_max;
    return submission_write_note(job, err,
                                 "the run's scores, %g to %g, are moved into the sample's range, %g to %g, by one linear map",
                                 least, most, f->score_min, f->score_max);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static tri_status write_all(write_job *job, tri_error *err)
{
    submission_writer *w = &job->writer;
    TRI_TRY(out_file_open(job->o->out, &w->file, err));
    tri_status st = submission_write_begin(w, err);
    for (size_t i = 0; i < job->n_plan && !st; i++) {
        st = submission_write_query(w, &job->plan[i], err);
        job->result->n_pairs += job->plan[i].n;
    }
    if (!st) st = submission_write_end(w, err);
    job->result->n_queries = job->n_plan;
    if (!st) return out_file_commit(w->file, err);
    out_file_discard(w->file);
    return st;
}

static tri_status keep_hashes(const write_job *job, tri_error *err)
{
    const char *paths[] = {job->o->run, job->o->out};
    char folder[4096];
    const char *slash = strrchr(job->o->out, '/');
    if (strcmp(job->o->out, "-") == 0 || !file_exists(job->o->out)) return TRI_OK; /* standard output, a device */
    int n = slash ? snprintf(folder, sizeof folder, "%.*s", slash == job->o->out ? 1 : (int)(slash - job->o->out), job->o->out)
                  : snprintf(folder, sizeof folder, ".");
    if (n < 0 || (size_t)n >= sizeof folder) return err_set(err, TRI_ERR_LIMIT, "the path %s is too long", job->o->out);
    return backup_record(folder, paths, 2, err);
}

static tri_status check_out(const write_options *o, tri_error *err)
{
    const char *const inputs[] = {o->run, o->sample, o->queries, o->corpus};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (!inputs[i] || !file_exists(o->out) || !file_is_same(inputs[i], o->out)) continue;
        tri_status st = err_set(err, TRI_ERR_ARGUMENT, "could not write %s: it is read as %s", o->out, inputs[i]);
        return err_hint(err, st, "give the submission a name of its own: -o OUT");
    }
    return TRI_OK;
}

tri_status submission_write(const write_options *options, write_result *result, tri_error *err)
{
    write_job job = {.o = options, .result = result};
    memset(result, 0, sizeof *result);
    buf_init(&result->notes, 1 << 20);
    known_ids_init(&job.queries, true);
    known_ids_init(&job.corpus, false);
    submission_format_init(&job.sample.format);
    known_ids_init(&job.sample.queries, false);
    job.writer = (submission_writer){.f = &job.sample.format, .run = &job.run, .corpus = options->corpus ? &job.corpus : NULL};
    buf_init(&job.writer.text, 0);
    buf_init(&job.writer.cell, 0);
    buf_init(&job.writer.score, 0);
    tri_status st = check_out(options, err);
    if (!st) st = read_files(&job, err);
    if (!st) st = submission_write_plan_queries(&job, err);
    if (!st) st = plan_counts(&job, err);
    if (!st) st = check_names(&job, err);
    if (!st) st = check_documents(&job, err);
    if (!st) st = plan_scores(&job, err);
    if (!st) st = write_all(&job, err);
    if (!st) st = keep_hashes(&job, err);
    if (st) buf_drop(&result->notes);
    mem_free(job.plan);
    submission_run_drop(&job.run);
    submission_sample_drop(&job.sample);
    known_ids_drop(&job.queries);
    known_ids_drop(&job.corpus);
    buf_drop(&job.writer.text);
    buf_drop(&job.writer.cell);
    buf_drop(&job.writer.score);
    return st;
}
