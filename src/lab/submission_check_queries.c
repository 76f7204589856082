/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check_queries.c — after the pass: which queries are missing or unknown, do the counts agree, and the lines of the
 * items.
 *
 * Without --queries the sample's own queries are the known ones. A file that has more unknown ones than known ones shows that
 * the sample is an excerpt: then a note says so, and only the sample's own are asked for.
 * A count binds when the sample has the same for every query, and either most queries of the file keep to it, or the sample is
 * a whole one: every query is in it, three at least, with five documents or more. Else it is an example. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/submission_check_int.h"
#include "lab/submission_count.h"

static int shown(tri_text t)
{
    return (int)(t.len < 60 ? t.len : 60);
}

tri_status judge_queries(judge *j, check_sheet *sheet, tri_error *err)
{
    const known_ids *expected = j->queries ? j->queries : &j->sample->queries;
    uint32_t place;
    size_t n_unknown = 0, n_missing = 0;
    bool *seen = mem_calloc(expected->n + 1, sizeof *seen);
    if (!seen) return err_memory(err, expected->n);
    for (size_t i = 0; i < j->found.n; i++) {
        if (judge_expected(j, j->found.ids[i], &place))
            seen[place] = true;
        else
            n_unknown++;
    }
    bool excerpt = !j->queries && n_unknown > j->found.n - n_unknown;
    for (size_t i = 0; i < j->found.n && !excerpt; i++)
        if (!judge_expected(j, j->found.ids[i], &place))
            judge_find(j, JUDGED_QUERIES, j->states[i].line, "the query \"%.*s\" is not known", shown(j->found.ids[i]),
                       j->found.ids[i].bytes);
    for (size_t i = 0; i < expected->n; i++) {
        /* a text that two queries share is one line of the file */
        uint32_t same = (uint32_t)i;
        if (j->queries && j->by_text) known_ids_find_text(expected, expected->texts[i], &same);
        if (seen[same]) continue;
        tri_text id = j->queries && j->by_text ? expected->texts[i] : expected->ids[i];
        if (!n_missing++) judge_find(j, JUDGED_QUERIES, 0, "the query \"%.*s\" is missing", shown(id), id.bytes);
    }
    if (n_missing > 1) j->findings[JUDGED_QUERIES].n += n_missing - 1;
    mem_free(seen);
    tri_status st = TRI_OK;
    if (excerpt)
        st = check_sheet_note(
            sheet, "the sample holds %zu of the file's %zu queries and is taken for an excerpt: --queries proves the others",
            j->found.n - n_unknown, j->found.n);
    return st ? err_memory(err, 256) : TRI_OK;
}

/* ---- counts --------------------------------------------------------------------------------------------------------- */

void judge_counts(judge *j)
{
    const submission_format *s = &j->sample->format;
    size_t n_equal = 0, most = 0;
    for (size_t i = 0; i < j->found.n; i++) {
        n_equal += j->states[i].n == s->list_max;
        if (j->states[i].n > most) most = j->states[i].n;
    }
    bool uniform = submission_count_uniform(s);
    bool binds = uniform && (n_equal * 2 >= j->found.n || submission_count_whole(j->sample, j->queries));
    for (size_t i = 0; i < j->found.n; i++) {
        size_t n = j->states[i].n;
        tri_text id = j->found.ids[i];
        if (!n && s->list_min > 0)
            judge_find(j, JUDGED_COUNTS, j->states[i].line, "the query \"%.*s\" has no documents", shown(id), id.bytes);
        else if (binds && n != s->list_max && !(j->corpus && n == j->corpus->n && n < s->list_max))
            judge_find(j, JUDGED_COUNTS, j->states[i].line, "the query \"%.*s\" has %zu documents, the sample %zu for each",
                       shown(id), id.bytes, n, s->list_max);
    }
    if (j->findings[JUDGED_COUNTS].n) return;
    if (binds)
        snprintf(j->findings[JUDGED_COUNTS].first, sizeof j->findings[0].first, "%zu for each query, as in the sample",
                 s->list_max);
    else
        snprintf(j->findings[JUDGED_COUNTS].first, sizeof j->findings[0].first,
                 "up to %zu for a query; the sample, with %zu to %zu, gives no fixed number", most, s->list_min, s->list_max);
}

/* ---- lines ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *fix;
} lines[JUDGED] = {
    [JUDGED_FORMAT] = {"format", "write it as the sample is: trident submit-format RUN --sample SAMPLE -o OUT"},
    [JUDGED_COLUMNS] = {"columns", "use the sample's names, order and number of columns in every record"},
    [JUDGED_QUERIES] = {"queries", "every known query exactly once, under the id that the sample uses"},
    [JUDGED_IDS] = {"ids", "use the corpus's own ids, in the sample's type"},
    [JUDGED_DUPLICATES] = {"duplicates", "keep the best place of a document and drop the others"},
    [JUDGED_SCORES] = {"scores", "write finite scores in the sample's range and notation"},
    [JUDGED_ORDER] = {"order", "sort each query's documents by score, best first, and count ranks from the sample's first"},
    [JUDGED_COUNTS] = {"counts", "give each query the sample's number of documents (search -k, submit-format --top)"},
};

static void green(const judge *j, judged_item item, char *out, size_t cap)
{
    const submission_format *s = &j->sample->format;
    bool scored = submission_has(s, ROLE_SCORE) || submission_has(s, ROLE_SCORES), ranked = submission_has(s, ROLE_RANK);
    switch (item) {
    case JUDGED_FORMAT:
        snprintf(out, cap, "%s, as the sample", submission_kind_name(s));
        break;
    case JUDGED_COLUMNS:
        snprintf(out, cap, "as in the sample, in %llu records", (unsigned long long)j->n_records);
        break;
    case JUDGED_QUERIES:
        snprintf(out, cap, "%zu queries, none missing, unknown or doubled", j->found.n);
        break;
    case JUDGED_IDS:
        snprintf(out, cap, "%llu ids %s", (unsigned long long)j->n_entries,
                 j->corpus ? "are all in the corpus" : "are of the sample's type");
        break;
    case JUDGED_DUPLICATES:
        snprintf(out, cap, "no document twice for a query");
        break;
    case JUDGED_SCORES:
        if (scored)
            snprintf(out, cap, "finite, from %g to %g", j->least, j->most);
        else
            snprintf(out, cap, "the format has none");
        break;
    case JUDGED_ORDER:
        snprintf(out, cap,
                 scored && ranked ? "scores %s and ranks count from %d"
                 : scored         ? "scores %s"
                 : ranked         ? "ranks %scount from %d"
                                  : "the order of the list%s",
                 scored ? s->lower_is_better ? "rise" : "fall" : "", s->rank_base);
        break;
    default:
        snprintf(out, cap, "%s", j->findings[item].first);
    }
}

void judge_report(const judge *j, check_sheet *sheet)
{
    char text[240];
    for (judged_item item = 0; item < JUDGED; item++) {
        const finding *f = &j->findings[item];
        green(j, item, text, sizeof text);
        if (!f->n)
            check_sheet_add(sheet, lines[item].name, NULL, "%s", text);
        else if (f->n == 1)
            check_sheet_add(sheet, lines[item].name, lines[item].fix, "%s", f->first);
        else
            check_sheet_add(sheet, lines[item].name, lines[item].fix, "%s; %llu such faults", f->first,
                            (unsigned long long)f->n);
    }
}
