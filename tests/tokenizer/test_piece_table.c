/* SPDX-License-Identifier: Apache-2.0 */
/* test_piece_table.c — against the obvious way: compare the text with every piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "tokenizer/piece_table.h"

enum { N_PIECES = 3000, MAX_PIECE = 40, N_TEXTS = 20000 };
static uint8_t pieces[N_PIECES][MAX_PIECE];
static size_t lens[N_PIECES];

/* Few letters, so that pieces are prefixes of each other and repeat. */
static size_t make_text(rng *r, uint8_t *out, size_t max_chars)
{
    static const uint32_t letters[] = {'a', 'b', 0xE9, 0x4E00, 0x1F600};
    size_t n = 0, n_chars = 1 + rng_below(r, max_chars);
    for (size_t i = 0; i < n_chars; i++) n += utf8_put(out + n, letters[rng_below(r, 5)]);
    return n;
}

static void agrees_with_search(void **state)
{
    (void)state;
    piece_table t;
    rng r;
    rng_seed(&r, 1);
    size_t n_bytes = 0;
    for (size_t i = 0; i < N_PIECES; i++) n_bytes += lens[i] = make_text(&r, pieces[i], 10);
    assert_int_equal(piece_table_init(&t, N_PIECES, n_bytes, 12345, NULL), TRI_OK);
    for (size_t i = 0; i < N_PIECES; i++) piece_table_put(&t, pieces[i], lens[i], (uint32_t)i);
    assert_true(t.count < N_PIECES); /* there were equal ones */
    for (size_t k = 0; k < N_TEXTS; k++) {
        uint8_t text[MAX_PIECE * 2];
        size_t len = make_text(&r, text, 15), longest = 0;
        uint32_t want = UINT32_MAX, whole = UINT32_MAX, got;
        for (size_t i = 0; i < N_PIECES; i++) {
            if (lens[i] > len || memcmp(pieces[i], text, lens[i])) continue;
            if (lens[i] >= longest) want = (uint32_t)i; /* the last of equal ones */
            if (lens[i] > longest) longest = lens[i];
            if (lens[i] == len) whole = (uint32_t)i;
        }
        assert_int_equal(piece_table_longest(&t, text, len, &got), longest);
        if (longest) assert_int_equal(got, want);
        assert_int_equal(piece_table_find(&t, text, len, &got), whole != UINT32_MAX);
        if (whole != UINT32_MAX) assert_int_equal(got, whole);
    }
    piece_table_drop(&t);
}

static void empty(void **state)
{
    (void)state;
    piece_table t = {0};
    uint32_t value;
    assert_false(piece_table_find(&t, (const uint8_t *)"a", 1, &value));
    assert_int_equal(piece_table_longest(&t, (const uint8_t *)"a", 1, &value), 0);
    assert_int_equal(piece_table_init(&t, 0, 0, 1, NULL), TRI_OK);
    assert_false(piece_table_find(&t, (const uint8_t *)"a", 1, &value));
    assert_false(piece_table_find(&t, (const uint8_t *)"", 0, &value));
    assert_false(
        piece_table_find(&t, (const uint8_t *)"\xE4\xB8", 2, &value)); /* half a character: not there, and not read past */
    piece_table_drop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_search), cmocka_unit_test(empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
