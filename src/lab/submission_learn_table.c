/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_table.c — which separator, is there a header, what is quoted.
 *
 * A separator is one that cuts the first rows into equally many columns, two at least; tabs come before commas, semicolons and
 * bars, and one that would leave another separator inside the first column comes last: in `q1;d1,d2` the comma lies in a list.
 * TREC form is six columns between blanks, the fourth a whole number and the fifth a number. */
#include <string.h>

#include "base/err.h"
#include "formats/csv.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_number.h"

typedef struct cut_trial {
    char separator;
    size_t n_columns, n_equal, n_rows;
    bool first_is_cut; /* the first column holds another separator */
} cut_trial;

static const char separators[] = {'\t', ',', ';', '|', ' '};

static bool holds_separator(const csv_field *f)
{
    for (size_t i = 0; !f->quoted && i < f->len; i++)
        if (f->bytes[i] == '\t' || f->bytes[i] == ',' || f->bytes[i] == ';' || f->bytes[i] == '|') return true;
    return false;
}

/* An error counts as a separator that does not fit, and is found again by the pass over the values. */
static tri_status try_separator(const submission_source *source, char separator, cut_trial *t, tri_error *err)
{
    csv_reader r;
    bool found;
    tri_status st;
    *t = (cut_trial){.separator = separator};
    csv_init(&r, source->bytes.bytes, source->bytes.len, separator, source->what);
    while (!(st = csv_next(&r, &found, err)) && found && t->n_rows < LEARN_ROWS) {
        if (!t->n_rows) t->n_columns = r.n;
        t->n_rows++;
        t->n_equal += r.n == t->n_columns;
        t->first_is_cut = t->first_is_cut || holds_separator(&r.fields[0]);
    }
    csv_drop(&r);
    return st == TRI_ERR_FORMAT || st == TRI_ERR_LIMIT ? TRI_OK : st;
}

static bool is_trec(learner *l)
{
    const submission_source *source = l->source;
    csv_reader r;
    bool found, trec = false;
    csv_init(&r, source->bytes.bytes, source->bytes.len, CSV_BLANKS, source->what);
    if (learn_went(l, csv_next(&r, &found, NULL)) && found && r.n == 6) {
        tri_text rank = {r.fields[3].bytes, r.fields[3].len}, score = {r.fields[4].bytes, r.fields[4].len};
        trec = submission_is_digits(rank) && submission_is_number(score) && !memchr(r.fields[0].bytes, ',', r.fields[0].len);
    }
    csv_drop(&r);
    return trec;
}

static bool better(const cut_trial *a, const cut_trial *b)
{
    bool a_whole = a->n_equal == a->n_rows, b_whole = b->n_equal == b->n_rows;
    if (a->n_columns < 2 || b->n_columns < 2) return a->n_columns >= 2 && b->n_columns < 2;
    if (a_whole != b_whole) return a_whole;
    if (!a_whole) return a->n_equal > b->n_equal;
    return !a->first_is_cut && b->first_is_cut;
}

static tri_status pick_separator(learner *l, tri_error *err)
{
    cut_trial best = {0}, t;
    if (is_trec(l)) {
        l->f->separator = CSV_BLANKS;
        const char *blank = l->source->bytes.bytes;
        while (*blank != ' ' && *blank != '\t') blank++; /* there are six columns */
        l->f->blank = *blank;
        return TRI_OK;
    }
    for (size_t i = 0; i < sizeof separators; i++) {
        TRI_TRY(try_separator(l->source, separators[i], &t, err));
        if (i == 0 || better(&t, &best)) best = t;
    }
    l->f->separator = best.separator;
    if (best.n_columns >= 2) return TRI_OK;
    tri_status st = err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: its rows have one column", l->source->what);
    return err_hint(err, st,
                    "a row needs a query beside its document or its list: separate them by a comma, tab, semicolon or |");
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static tri_status name_fields(learner *l, const csv_reader *r, tri_error *err)
{
    submission_format *f = l->f;
    f->n_fields = r->n;
    f->fields = arena_calloc(&f->memory, r->n, sizeof *f->fields);
    if (!f->fields) return err_memory(err, r->n * sizeof *f->fields);
    for (size_t i = 0; i < r->n; i++) {
        f->fields[i].name_quoted = r->fields[i].quoted;
        f->fields[i].quoted = true;
        TRI_TRY(submission_learn_copy(f, (tri_text){r->fields[i].bytes, r->fields[i].len}, &f->fields[i].name, err));
    }
    return TRI_OK;
}

static tri_status keep_row(learner *l, learn_grid *g, const csv_reader *r, tri_error *err)
{
    submission_format *f = l->f;
    for (size_t i = 0; i < g->n_columns; i++) {
        TRI_TRY(submission_learn_copy(f, (tri_text){r->fields[i].bytes, r->fields[i].len},
                                      &g->cells[g->n_rows * g->n_columns + i], err));
        if (g->n_rows) f->fields[i].quoted = f->fields[i].quoted && r->fields[i].quoted;
    }
    g->n_rows++;
    return TRI_OK;
}

static tri_status read_rows(learner *l, learn_grid *g, tri_error *err)
{
    csv_reader r;
    bool found;
    csv_init(&r, l->source->bytes.bytes, l->source->bytes.len, l->f->separator, l->source->what);
    tri_status st = TRI_OK;
    while (!st && g->n_rows <= LEARN_ROWS && !(st = csv_next(&r, &found, err)) && found) {
        if (!g->n_rows) {
            st = name_fields(l, &r, err);
            g->n_columns = r.n;
            if (!st) g->cells = arena_calloc(&l->f->memory, (LEARN_ROWS + 1) * r.n, sizeof *g->cells);
            if (!st && !g->cells) st = err_memory(err, LEARN_ROWS * r.n * sizeof *g->cells);
        }
        if (!st && r.n == g->n_columns) st = keep_row(l, g, &r, err);
    }
    csv_drop(&r);
    return st;
}

/* ---- the header ----------------------------------------------------------------------------------------------------- */

/* The kinds of characters in a text, repeats as one: "q12" and "q7" are alike. */
static void outline(tri_text t, char out[16])
{
    size_t n = 0;
    for (size_t i = 0; i < t.len && n < 15; i++) {
        unsigned char c = (unsigned char)t.bytes[i];
        char kind = c >= '0' && c <= '9' ? '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? 'a' : c >= 0x80 ? 'u' : (char)c;
        if (!n || out[n - 1] != kind) out[n++] = kind;
    }
    out[n] = 0;
}

/* Row 0 is unlike all others in some column. */
static bool first_row_differs(const learn_grid *g)
{
    for (size_t c = 0; c < g->n_columns; c++) {
        char first[16], second[16], other[16];
        outline(g->cells[c], first);
        bool alike = g->n_rows > 2;
        for (size_t r = 1; r < g->n_rows && alike; r++) {
            outline(g->cells[r * g->n_columns + c], r == 1 ? second : other);
            if (r > 1) alike = strcmp(second, other) == 0;
        }
        if (alike && strcmp(first, second) != 0) return true;
    }
    return false;
}

static bool is_header(const learner *l, const learn_grid *g)
{
    size_t n_named = 0, n_numbers = 0;
    uint32_t place;
    if (l->f->separator == CSV_BLANKS) return false;
    for (size_t c = 0; c < g->n_columns; c++) {
        tri_text t = g->cells[c];
        n_numbers += submission_is_number(t);
        if (l->hints->queries && known_ids_find(l->hints->queries, t, &place)) return false;
        if (l->hints->corpus && known_ids_find(l->hints->corpus, t, &place)) return false;
        n_named += submission_role_of_name(t) != ROLE_OTHER || submission_name_is_id(t);
    }
    if (n_named > n_numbers) return true;
    if (n_numbers) return false;
    for (size_t c = 0; c < g->n_columns; c++) { /* a name above numbers */
        learn_grid below = {g->cells + g->n_columns, g->n_rows - 1, g->n_columns, false};
        if (g->n_rows > 1 && learn_column_all(&below, c, submission_is_number)) return true;
    }
    return first_row_differs(g);
}

static tri_status check_names(learner *l, tri_error *err)
{
    const submission_format *f = l->f;
    for (size_t i = 0; i < f->n_fields; i++)
        for (size_t k = 0; k < i; k++) {
            const tri_text *a = &f->fields[i].name, *b = &f->fields[k].name;
            if (!a->len || a->len != b->len || memcmp(a->bytes, b->bytes, a->len)) continue;
            tri_status st = err_set(err, TRI_ERR_FORMAT, "%s line 1: columns %zu and %zu are both named \"%.*s\"",
                                    l->source->what, k + 1, i + 1, (int)(a->len < 60 ? a->len : 60), a->bytes);
            return err_hint(err, st, "ask the organiser which one counts, and rename the other");
        }
    return TRI_OK;
}

static void set_trec_roles(submission_format *f, const learn_grid *g)
{
    static const submission_role roles[] = {ROLE_QUERY, ROLE_CONSTANT, ROLE_DOC, ROLE_RANK, ROLE_SCORE, ROLE_CONSTANT};
    for (size_t i = 0; i < f->n_fields; i++) {
        f->fields[i].role = roles[i];
        f->fields[i].quoted = false;
        f->fields[i].constant = g->cells[i];
    }
}

tri_status submission_learn_table(learner *l, tri_error *err)
{
    submission_format *f = l->f;
    learn_grid g = {0};
    f->kind = SUBMISSION_TABLE;
    TRI_TRY(pick_separator(l, err));
    TRI_TRY(read_rows(l, &g, err));
    if (!g.n_rows) return err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: no rows in it", l->source->what);
    f->header = is_header(l, &g);
    if (f->separator == CSV_BLANKS) {
        set_trec_roles(f, &g);
        return TRI_OK;
    }
    if (f->header) {
        TRI_TRY(check_names(l, err));
        g.cells += g.n_columns;
        g.n_rows--;
        for (size_t i = 0; !g.n_rows && i < f->n_fields; i++) f->fields[i].quoted = false;
        if (!g.n_rows && submission_note(f, "the sample holds a header and no rows: what its values look like was assumed"))
            return err_memory(err, f->notes.len);
    } else {
        for (size_t i = 0; i < f->n_fields; i++) {
            f->fields[i].quoted = f->fields[i].name_quoted && (g.n_rows == 1 || f->fields[i].quoted);
            f->fields[i].name = (tri_text){NULL, 0};
        }
    }
    return submission_learn_roles(l, &g, err);
}
