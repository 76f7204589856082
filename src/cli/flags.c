/* SPDX-License-Identifier: Apache-2.0 */
/* flags.c — what did the user type? Answers from tables alone: no command parses its own flags.
 *
 * Invariants
 *  1. Every message names the flag as typed and the value; an unknown flag names the nearest known one.
 *  2. Defaults go through the same reader as typed values, so help cannot promise a default that would be refused.
 *  3. Nothing is guessed: no unique-prefix abbreviations, which would change meaning when a flag is added. */
#include "cli/flags.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/number.h"

enum { HELP_INDENT = 32, HELP_WIDTH = 112, MAX_WORD = 40 };

static const flag *find_long(const flag_set *sets, size_t n_sets, const char *name, size_t len, void **fields)
{
    for (size_t s = 0; s < n_sets; s++)
        for (const flag *f = sets[s].flags; f && f->name; f++)
            if (strlen(f->name) == len && memcmp(f->name, name, len) == 0) {
                *fields = sets[s].fields;
                return f;
            }
    return NULL;
}

static const flag *find_letter(const flag_set *sets, size_t n_sets, char letter, void **fields)
{
    for (size_t s = 0; s < n_sets; s++)
        for (const flag *f = sets[s].flags; f && f->name; f++)
            if (f->letter && f->letter == letter) {
                *fields = sets[s].fields;
                return f;
            }
    return NULL;
}

/* Place of `word` in "a|b|c", -1 when it is not there. */
static int choice_place(const char *choices, const char *word)
{
    size_t len = strlen(word);
    int place = 0;
    for (const char *p = choices;; place++) {
        size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, word, n) == 0) return place;
        if (!p[n]) return -1;
        p += n + 1;
    }
}

static tri_status no_such_choice(const flag *f, const char *value, tri_error *err)
{
    return err_set(err, TRI_ERR_ARGUMENT, "--%s takes one of %s, got \"%s\"", f->name, f->value, value);
}

static tri_status store(const flag *f, void *fields, const char *value, tri_error *err)
{
    char *field = (char *)fields + f->offset;
    size_t len = value ? strlen(value) : 0;
    uint64_t whole;
    switch (f->kind) {
    case FLAG_SWITCH:
        *(bool *)(void *)field = true;
        return TRI_OK;
    case FLAG_TEXT:
        *(const char **)(void *)field = value;
        return TRI_OK;
    case FLAG_WORD:
        if (choice_place(f->value, value) < 0) return no_such_choice(f, value, err);
        *(const char **)(void *)field = value;
        return TRI_OK;
    case FLAG_COUNT:
        if (!number_parse_u64(value, len, &whole) || whole > SIZE_MAX)
            return err_set(err, TRI_ERR_ARGUMENT, "--%s takes a whole number, got \"%s\"", f->name, value);
        *(size_t *)(void *)field = (size_t)whole;
        return TRI_OK;
    case FLAG_NUMBER:
        if (!number_parse_f64(value, len, (double *)(void *)field))
            return err_set(err, TRI_ERR_ARGUMENT, "--%s takes a number, got \"%s\"", f->name, value);
        return TRI_OK;
    case FLAG_BYTES:
        if (!number_parse_size(value, (uint64_t *)(void *)field))
            return err_set(err, TRI_ERR_ARGUMENT, "--%s takes a size such as 512m or 1.5g, got \"%s\"", f->name, value);
        return TRI_OK;
    case FLAG_CHOICE: {
        int place = choice_place(f->value, value);
        if (place < 0) return no_such_choice(f, value, err);
        *(int *)(void *)field = place;
        return TRI_OK;
    }
    }
    return err_set(err, TRI_ERR_ARGUMENT, "--%s has no reader", f->name);
}

tri_status flags_default(const flag_set *sets, size_t n_sets, tri_error *err)
{
    for (size_t s = 0; s < n_sets; s++)
        for (const flag *f = sets[s].flags; f && f->name; f++) {
            char *field = (char *)sets[s].fields + f->offset;
            if (f->fallback)
                TRI_TRY(store(f, sets[s].fields, f->fallback, err));
            else if (f->kind == FLAG_NUMBER)
                *(double *)(void *)field = (double)NAN;
            else if (f->kind == FLAG_CHOICE)
                *(int *)(void *)field = -1;
        }
    return TRI_OK;
}

typedef struct flag_names {
    const flag_set *sets;
    size_t n_sets;
} flag_names;

static const char *flag_name_at(void *ctx, size_t i)
{
    const flag_names *names = ctx;
    for (size_t s = 0; s < names->n_sets; s++)
        for (const flag *f = names->sets[s].flags; f && f->name; f++)
            if (i-- == 0) return f->name;
    return NULL;
}

static tri_status unknown(const flag_set *sets, size_t n_sets, const char *typed, const char *name, tri_error *err)
{
    flag_names names = {sets, n_sets};
    tri_status st = err_set(err, TRI_ERR_ARGUMENT, "unknown flag \"%s\"", typed);
    const char *near_name = name ? nearest_word(name, flag_name_at, &names) : NULL;
    return near_name ? err_hint(err, st, "did you mean --%s?", near_name) : st;
}

static bool is_negative_number(const char *word)
{
    double ignored;
    return word[0] == '-' && number_parse_f64(word, strlen(word), &ignored);
}

/* Would this word be read as a known long flag? Then it is not the value of the flag before it. */
static bool is_known_flag(const flag_set *sets, size_t n_sets, const char *word)
{
    void *fields;
    return strncmp(word, "--", 2) == 0 && find_long(sets, n_sets, word + 2, strcspn(word + 2, "="), &fields) != NULL;
}

/* One flag at argv[*i]; steps over its value when that is the next word. */
static tri_status parse_one(const flag_set *sets, size_t n_sets, char *const *argv, size_t argc, size_t *i, tri_error *err)
{
    const char *word = argv[*i], *value = NULL;
    const flag *f;
    void *fields = NULL;
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        f = find_long(sets, n_sets, word + 2, len, &fields);
        if (!f) {
            char name[MAX_WORD + 1] = "";
            if (len <= MAX_WORD) memcpy(name, word + 2, len);
            return unknown(sets, n_sets, word, name, err);
        }
        if (word[2 + len] == '=') value = word + 3 + len;
    } else {
        f = find_letter(sets, n_sets, word[1], &fields);
        if (!f) return unknown(sets, n_sets, word, strlen(word) > 2 ? word + 1 : NULL, err);
        if (word[2]) value = word + (word[2] == '=' ? 3 : 2);
    }
    if (f->kind == FLAG_SWITCH) {
        if (value) return err_set(err, TRI_ERR_ARGUMENT, "--%s takes no value, got \"%s\"", f->name, word);
        return store(f, fields, NULL, err);
    }
    if (!value) {
        if (*i + 1 >= argc || is_known_flag(sets, n_sets, argv[*i + 1]))
            return err_set(err, TRI_ERR_ARGUMENT, "--%s needs a value: %s", f->name, f->value);
        value = argv[++*i];
    }
    return store(f, fields, value, err);
}

tri_status flags_parse(const flag_set *sets, size_t n_sets, char *const *argv, size_t argc, const char **args, size_t *n_args,
                       tri_error *err)
{
    bool only_args = false;
    *n_args = 0;
    for (size_t i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (only_args || word[0] != '-' || !word[1] || is_negative_number(word)) {
            args[(*n_args)++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_args = true;
        } else {
            TRI_TRY(parse_one(sets, n_sets, argv, argc, &i, err));
        }
    }
    return TRI_OK;
}

/* Appends words, broken at HELP_WIDTH, continuation lines indented under the first. `column` is where the line stands. */
static tri_status wrap(buf *out, size_t column, const char *text)
{
    for (const char *p = text; *p;) {
        size_t word = strcspn(p, " ");
        bool first = p == text;
        if (!first && column + 1 + word > HELP_WIDTH) {
            TRI_TRY(buf_printf(out, "\n%*s", HELP_INDENT, ""));
            column = HELP_INDENT;
        } else if (!first) {
            TRI_TRY(buf_byte(out, ' '));
            column++;
        }
        TRI_TRY(buf_append(out, p, word));
        column += word;
        p += word;
        p += strspn(p, " ");
    }
    return TRI_OK;
}

static tri_status describe_one(const flag *f, buf *out)
{
    size_t start = out->len, column;
    TRI_TRY(f->letter ? buf_printf(out, "  -%c, --%s", f->letter, f->name) : buf_printf(out, "      --%s", f->name));
    if (f->value) TRI_TRY(buf_printf(out, " %s", f->value));
    column = out->len - start;
    if (column + 2 > HELP_INDENT) {
        TRI_TRY(buf_byte(out, '\n'));
        column = 0;
    }
    TRI_TRY(buf_printf(out, "%*s", (int)(HELP_INDENT - column), ""));
    TRI_TRY(wrap(out, HELP_INDENT, f->help));
    if (f->fallback && f->kind != FLAG_SWITCH) TRI_TRY(buf_printf(out, " [%s]", f->fallback));
    return buf_byte(out, '\n');
}

tri_status flags_describe(const flag_set *sets, size_t n_sets, buf *out)
{
    for (size_t s = 0; s < n_sets; s++) {
        if (!sets[s].flags || !sets[s].flags->name) continue;
        TRI_TRY(buf_printf(out, "\n%s:\n", sets[s].title));
        for (const flag *f = sets[s].flags; f->name; f++) TRI_TRY(describe_one(f, out));
    }
    return TRI_OK;
}
