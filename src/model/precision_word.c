/* SPDX-License-Identifier: Apache-2.0 */
/* precision_word.c — the one table of precisions: words for people, numbers for files. Numbers are never given twice. */
#include "model/precision_word.h"

#include <stdio.h>
#include <string.h>

static const struct {
    precision p;
    uint32_t number;
    const char *word;
    bool here, on_card;
} rows[] = {
    {PRECISION_F32, 0, "f32", true, true},   {PRECISION_BF16, 1, "bf16", true, true}, {PRECISION_F16, 2, "f16", false, true},
    {PRECISION_INT8, 3, "int8", true, true}, {PRECISION_FP8, 4, "fp8", false, false},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static size_t row_of(precision p)
{
    size_t i = 0;
    while (rows[i].p != p) i++;
    return i;
}

const char *precision_word(precision p)
{
    return rows[row_of(p)].word;
}

bool precision_is_here(precision p, bool on_card)
{
    return on_card ? rows[row_of(p)].on_card : rows[row_of(p)].here;
}

uint32_t precision_number(precision p)
{
    return rows[row_of(p)].number;
}

bool precision_from_word(const char *word, precision *out)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].word, word) != 0) continue;
        *out = rows[i].p;
        return true;
    }
    return false;
}

bool precision_from_number(uint32_t number, precision *out)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].number != number) continue;
        *out = rows[i].p;
        return true;
    }
    return false;
}

void precision_words_here(bool on_card, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < N_ROWS && at < cap; i++)
        if (precision_is_here(rows[i].p, on_card))
            at += (size_t)snprintf(out + at, cap - at, "%s%s", at ? ", " : "", rows[i].word);
}

void precision_file_name(precision p, char *out, size_t cap)
{
    snprintf(out, cap, "trident-%s.packed", precision_word(p));
}
