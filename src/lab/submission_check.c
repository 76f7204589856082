/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check.c — learns the sample, compares the file's shape with it, and lets the judges go over the file. A file in
 * another shape is red there, and its other items are judged by the shape that it has, so that one fault does not hide the
 * rest. */
#include "lab/submission_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/csv.h"
#include "lab/submission_check_int.h"
#include "lab/submission_runs.h"

/* ---- the sheet ------------------------------------------------------------------------------------------------------ */

void check_sheet_add(check_sheet *s, const char *name, const char *fix, const char *detail, ...)
{
    va_list list;
    if (s->n_items == CHECK_ITEMS_MAX) return; /* there are fewer names */
    check_item *item = &s->items[s->n_items++];
    *item = (check_item){.name = name, .ok = !fix};
    va_start(list, detail);
    vsnprintf(item->detail, sizeof item->detail, detail, list);
    va_end(list);
    if (fix) snprintf(item->fix, sizeof item->fix, "%s", fix);
}

tri_status check_sheet_note(check_sheet *s, const char *fmt, ...)
{
    char line[512];
    va_list list;
    va_start(list, fmt);
    vsnprintf(line, sizeof line, fmt, list);
    va_end(list);
    return buf_printf(&s->notes, "%s\n", line);
}

bool check_sheet_ok(const check_sheet *s)
{
    for (size_t i = 0; i < s->n_items; i++)
        if (!s->items[i].ok) return false;
    return s->n_items > 0;
}

void check_sheet_drop(check_sheet *s)
{
    submission_sample_drop(&s->sample);
    buf_drop(&s->notes);
}

/* ---- the shape ------------------------------------------------------------------------------------------------------ */

/* Two names that headers have, where the sample begins with a record. */
static bool adds_header(const submission_format *s, const submission_format *mine)
{
    size_t n = 0;
    if (s->header || !mine->header) return false;
    for (size_t i = 0; i < mine->n_fields; i++) n += submission_role_of_name(mine->fields[i].name) != ROLE_OTHER;
    return n > 1;
}

static tri_status compare_header(judge *j, const submission_source *file, bool *equal, tri_error *err)
{
    const submission_format *s = &j->sample->format;
    csv_reader r;
    bool found;
    *equal = true;
    if (!s->header) return TRI_OK;
    csv_init(&r, file->bytes.bytes, file->bytes.len, s->separator, file->what);
    tri_status st = csv_next(&r, &found, err);
    for (size_t i = 0; !st && found && *equal && (i < r.n || i < s->n_fields); i++) {
        tri_text want = i < s->n_fields ? s->fields[i].name : (tri_text){"", 0};
        tri_text got = i < r.n ? (tri_text){r.fields[i].bytes, r.fields[i].len} : (tri_text){"", 0};
        *equal = i < r.n && i < s->n_fields && want.len == got.len && (!got.len || !memcmp(want.bytes, got.bytes, got.len));
        if (!*equal)
            judge_find(j, JUDGED_COLUMNS, 1, "column %zu is \"%.*s\", in the sample \"%.*s\"", i + 1,
                       (int)(got.len < 60 ? got.len : 60), got.len ? got.bytes : "", (int)(want.len < 60 ? want.len : 60),
                       want.bytes);
    }
    csv_drop(&r);
    return st;
}

/* "tabs", or the character itself as a text. */
static const char *separator_name(const char *separator)
{
    static const char *const commas[] = {",", ";", "|"};
    for (size_t i = 0; i < 3; i++)
        if (*separator == *commas[i]) return commas[i];
    return *separator == '\t' ? "tabs" : *separator == ' ' ? "spaces" : "blanks";
}

/* Do most of the first rows have the sample's columns? Then one that has not does not make the file another format. */
static tri_status rows_fit(const submission_format *s, const submission_source *file, bool *fit, tri_error *err)
{
    enum { ROWS = 200 };
    csv_reader r;
    bool found = true;
    size_t n = 0, n_fit = 0;
    csv_init(&r, file->bytes.bytes, file->bytes.len, s->separator, file->what);
    tri_status st = TRI_OK;
    while (n < ROWS && !(st = csv_next(&r, &found, err)) && found) {
        n++;
        n_fit += r.n == s->n_fields;
    }
    csv_drop(&r);
    *fit = n_fit * 2 > n;
    return st == TRI_ERR_FORMAT || st == TRI_ERR_LIMIT ? TRI_OK : st;
}

/* The differences in kind, told under "format"; true when there is one. */
static bool differs(judge *j, const submission_format *mine)
{
    const submission_format *s = &j->sample->format;
    finding *f = &j->findings[JUDGED_FORMAT];
    uint64_t before = f->n;
    if (mine->kind != s->kind)
        judge_find(j, JUDGED_FORMAT, 0, "the file is %s, the sample %s", submission_kind_name(mine), submission_kind_name(s));
    else if (s->kind == SUBMISSION_TABLE && mine->separator != s->separator)
        judge_find(j, JUDGED_FORMAT, 0, "the file is %s with columns between %s, the sample %s with %s",
                   submission_kind_name(mine), separator_name(&mine->separator), submission_kind_name(s),
                   separator_name(&s->separator));
    else if (mine->keyed != s->keyed || mine->root_object != s->root_object)
        judge_find(j, JUDGED_FORMAT, 0, "the records of the JSON are %s, in the sample %s",
                   mine->keyed ? "under the query as a key" : "objects", s->keyed ? "under the query as a key" : "objects");
    else if (mine->list != s->list && (mine->list == LIST_NONE) != (s->list == LIST_NONE))
        judge_find(j, JUDGED_FORMAT, 0, "a record is a %s, in the sample a %s",
                   mine->list == LIST_NONE ? "pair" : "query with a list", s->list == LIST_NONE ? "pair" : "query with a list");
    else if (mine->list != LIST_NONE && mine->list_max > 1 && s->list_max > 1 &&
             (mine->list != s->list || (mine->list == LIST_SPLIT && mine->list_separator != s->list_separator) ||
              (mine->list == LIST_JSON && mine->items_form != s->items_form)))
        judge_find(j, JUDGED_FORMAT, 0, "the list of documents is not written as the sample's");
    return f->n > before;
}

static void restart(judge *j)
{
    finding kept[2] = {j->findings[JUDGED_FORMAT], j->findings[JUDGED_COLUMNS]};
    known_ids_drop(&j->found);
    strmap_drop(&j->docs);
    memset(j->findings, 0, sizeof j->findings);
    memcpy(j->findings, kept, sizeof kept);
    j->n_entries = j->n_records = 0;
    j->scattered = false;
}

/* Records in the sample's format first; where most of them do not fit, in the file's own. */
static tri_status judge_file(judge *j, const submission_source *file, submission_sample *own, bool *readable, tri_error *err)
{
    submission_hints hints = {.queries = j->queries, .corpus = j->corpus, .lenient = true};
    tri_error why = {0};
    bool equal = true;
    *readable = true;
    tri_status st = submission_learn(file, &hints, own, &why);
    if (st && st != TRI_ERR_FORMAT && st != TRI_ERR_LIMIT) return err_set(err, st, "%s", why.text);
    bool learnt = st == TRI_OK, table = learnt && own->format.kind == SUBMISSION_TABLE, fit = false;
    if (table && j->sample->format.kind == SUBMISSION_TABLE && own->format.separator != j->sample->format.separator)
        TRI_TRY(rows_fit(&j->sample->format, file, &fit, err));
    bool other = learnt && !fit && differs(j, &own->format);
    if (!other && table && adds_header(&j->sample->format, &own->format)) {
        judge_find(j, JUDGED_COLUMNS, 1, "a header; the sample has none");
        equal = false;
    } else if (!other && j->sample->format.kind == SUBMISSION_TABLE) {
        st = compare_header(j, file, &equal, &why);
        if (st && st != TRI_ERR_FORMAT && st != TRI_ERR_LIMIT) return err_set(err, st, "%s", why.text);
    }
    if (learnt && (other || !equal)) {
        j->f = &own->format;
        finding columns = j->findings[JUDGED_COLUMNS];
        st = judge_records(j, file, &why);
        if (other) j->findings[JUDGED_COLUMNS] = columns;
    } else {
        st = judge_records(j, file, &why);
        uint64_t n_misfit = j->findings[JUDGED_COLUMNS].n + j->findings[JUDGED_FORMAT].n;
        if (!st && learnt && !fit && n_misfit && n_misfit * 2 > j->n_records) {
            restart(j);
            j->f = &own->format;
            st = judge_records(j, file, &why);
        }
    }
    if (!learnt) submission_format_init(&own->format);
    if (st && st != TRI_ERR_FORMAT && st != TRI_ERR_LIMIT) return err_set(err, st, "%s", why.text);
    if (!st && !learnt && !j->n_entries) {
        st = TRI_ERR_FORMAT;
        submission_sample again;
        if (!submission_learn(file, &hints, &again, &why)) submission_sample_drop(&again);
    }
    if (st) {
        judge_find(j, JUDGED_FORMAT, 0, "%s", why.text);
        *readable = false;
        return TRI_OK;
    }
    if (!other) TRI_TRY(judge_outer(j, file, err));
    return judge_scattered(j, file, err);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static tri_status judge_all(judge *j, const submission_source *file, check_sheet *sheet, tri_error *err)
{
    submission_sample own;
    bool readable;
    submission_format_init(&own.format);
    known_ids_init(&own.queries, false);
    bool utf16 =
        file->bytes.len >= 2 && (!memcmp(file->bytes.bytes, "\xFF\xFE", 2) || !memcmp(file->bytes.bytes, "\xFE\xFF", 2));
    if (utf16) judge_find(j, JUDGED_FORMAT, 0, "UTF-16 cannot be read as %s", submission_kind_name(&j->sample->format));
    readable = !utf16;
    tri_status st = utf16 ? TRI_OK : judge_file(j, file, &own, &readable, err);
    if (!st && readable) {
        if (j->queries && !j->sample->format.query_by_text) {
            /* a sample of place-holders does not say whether queries stand under their texts: the file does */
            uint32_t place;
            bool placed = false;
            for (size_t i = 0; i < j->sample->queries.n && !placed; i++)
                placed = known_ids_find(j->queries, j->sample->queries.ids[i], &place);
            j->by_text = !placed && own.format.query_by_text;
        }
        st = judge_queries(j, sheet, err);
        if (!st) judge_counts(j);
        if (!st) judge_report(j, sheet);
        if (!st && j->queries) st = submission_check_scripts(j, sheet, err);
    } else if (!st) {
        check_sheet_add(sheet, "format", "write it as the sample is: trident submit-format RUN --sample SAMPLE -o OUT", "%s",
                        j->findings[JUDGED_FORMAT].first);
        if (check_sheet_note(sheet,
                             "the file cannot be read to its end: columns, queries, ids, scores and order were not judged"))
            st = err_memory(err, 100);
    }
    submission_sample_drop(&own);
    return st;
}

static tri_status judge_mapped(const check_options *o, const mapped_file *mapped, const known_ids *queries,
                               const known_ids *corpus, check_sheet *sheet, tri_error *err)
{
    submission_source file = {.what = o->file, .bytes = {(const char *)mapped->data, mapped->len}, .file = mapped};
    judge j = {.options = o, .sample = &sheet->sample, .f = &sheet->sample.format, .queries = queries, .corpus = corpus};
    j.by_text = queries && sheet->sample.format.query_by_text;
    j.current = UINT32_MAX;
    known_ids_init(&j.found, false);
    strmap_init(&j.docs);
    if (!mapped->len) file.bytes.bytes = "";
    submission_check_bytes(&sheet->sample.format, &file, sheet);
    tri_status st = judge_all(&j, &file, sheet, err);
    known_ids_drop(&j.found);
    strmap_drop(&j.docs);
    mem_free(j.states);
    return st;
}

static tri_status note_options(const check_options *o, check_sheet *sheet, tri_error *err)
{
    tri_status st = TRI_OK;
    if (!o->queries)
        st = check_sheet_note(sheet, "--queries F proves the queries against the organiser's list, and the languages");
    if (!st && !o->corpus) st = check_sheet_note(sheet, "--corpus F proves that every document id exists");
    if (!st && !o->runs)
        st = check_sheet_note(sheet, "--runs DIR proves that all versions are finished, nothing was cut, the metric is stable, "
                                     "and the raw runs are kept");
    return st ? err_memory(err, 256) : TRI_OK;
}

static tri_status learn_sample(const check_options *o, const known_ids *queries, const known_ids *corpus,
                               submission_sample *out, tri_error *err)
{
    mapped_file mapped;
    submission_hints hints = {.queries = queries, .corpus = corpus};
    TRI_TRY(mapped_file_open(o->sample, &mapped, err));
    submission_source source = {.what = o->sample, .bytes = {(const char *)mapped.data, mapped.len}, .file = &mapped};
    if (!mapped.len) source.bytes.bytes = "";
    tri_status st = submission_learn(&source, &hints, out, err);
    mapped_file_close(&mapped);
    return st;
}

tri_status submission_check(const check_options *o, check_sheet *out, tri_error *err)
{
    known_ids queries, corpus;
    mapped_file mapped;
    known_ids_init(&queries, true);
    known_ids_init(&corpus, false);
    memset(out, 0, sizeof *out);
    buf_init(&out->notes, 1 << 20);
    submission_format_init(&out->sample.format);
    known_ids_init(&out->sample.queries, false);
    tri_status st = o->queries ? known_ids_load(&queries, o->queries, err) : TRI_OK;
    if (!st && o->corpus) st = known_ids_load(&corpus, o->corpus, err);
    const known_ids *q = o->queries ? &queries : NULL, *c = o->corpus ? &corpus : NULL;
    if (!st) st = learn_sample(o, q, c, &out->sample, err);
    if (!st) st = mapped_file_open(o->file, &mapped, err);
    if (!st) {
        st = judge_mapped(o, &mapped, q, c, out, err);
        mapped_file_close(&mapped);
    }
    if (!st && o->runs) st = submission_check_runs(o, out, err);
    if (!st) st = note_options(o, out, err);
    if (st) check_sheet_drop(out);
    known_ids_drop(&queries);
    known_ids_drop(&corpus);
    return st;
}
