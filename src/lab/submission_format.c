/* SPDX-License-Identifier: Apache-2.0 */
/* submission_format.c — see submission_format.h: the memory of a format, and questions to it that both reader and writer ask.
 * */
#include "lab/submission_format.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "formats/csv.h"

void submission_format_init(submission_format *f)
{
    memset(f, 0, sizeof *f);
    arena_init(&f->memory, 0);
    buf_init(&f->notes, 1 << 20);
    f->score_min = f->score_max = (double)NAN;
    f->rank_base = 1;
    f->list_separator = f->indent_by = ' ';
}

void submission_format_drop(submission_format *f)
{
    arena_drop(&f->memory);
    buf_drop(&f->notes);
    submission_format_init(f);
}

const submission_field *submission_field_find(const submission_field *fields, size_t n, submission_role role)
{
    for (size_t i = 0; i < n; i++)
        if (fields[i].role == role) return &fields[i];
    return NULL;
}

bool submission_has(const submission_format *f, submission_role role)
{
    if (role == ROLE_SCORE && f->list == LIST_JSON && f->items_form == ITEMS_MAP) return true;
    return submission_field_find(f->fields, f->n_fields, role) || submission_field_find(f->items, f->n_items, role);
}

tri_status submission_note(submission_format *f, const char *fmt, ...)
{
    char line[512];
    va_list list;
    va_start(list, fmt);
    vsnprintf(line, sizeof line, fmt, list);
    va_end(list);
    tri_status st = buf_str(&f->notes, line);
    return st ? st : buf_byte(&f->notes, '\n');
}

const char *submission_role_name(submission_role role)
{
    static const char *const names[ROLES] = {[ROLE_OTHER] = "other",
                                             [ROLE_QUERY] = "query",
                                             [ROLE_QUERY_TEXT] = "query text",
                                             [ROLE_DOC] = "document",
                                             [ROLE_DOC_TEXT] = "document text",
                                             [ROLE_LIST] = "list",
                                             [ROLE_SCORE] = "score",
                                             [ROLE_SCORES] = "scores",
                                             [ROLE_RANK] = "rank",
                                             [ROLE_ROW] = "row",
                                             [ROLE_CONSTANT] = "constant"};
    return names[role];
}

const char *submission_kind_name(const submission_format *f)
{
    if (f->kind == SUBMISSION_JSON) return "JSON";
    if (f->kind == SUBMISSION_JSONL) return "JSONL";
    return f->separator == CSV_BLANKS ? "TREC" : f->separator == '\t' ? "TSV" : "CSV";
}
