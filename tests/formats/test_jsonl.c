/* SPDX-License-Identifier: Apache-2.0 */
/* test_jsonl.c — lines of every kind, and time linear in the bytes. */
#include "fixture.h"

#include <time.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "formats/jsonl.h"

typedef struct line {
    const char *bytes;
    size_t len;
} line;

static void check_lines(line_reader *r, const line *want, size_t n)
{
    const char *bytes;
    size_t len;
    uint64_t number;
    tri_error err;
    for (size_t i = 0; i < n; i++) {
        assert_ok(line_reader_next(r, &bytes, &len, &number, &err));
        assert_non_null(bytes);
        assert_int_equal(number, i + 1);
        assert_int_equal(len, want[i].len);
        assert_memory_equal(bytes, want[i].bytes, len);
    }
    for (int again = 0; again < 2; again++) {
        assert_ok(line_reader_next(r, &bytes, &len, &number, &err));
        assert_null(bytes);
    }
}

static void test_line_ends(void **state)
{
    static const struct {
        line text;
        line lines[4];
        size_t n;
    } cases[] = {
        {{"", 0}, {{0}}, 0},
        {{"\n", 1}, {{"", 0}}, 1},
        {{"a", 1}, {{"a", 1}}, 1},
        {{"a\nb\n", 4}, {{"a", 1}, {"b", 1}}, 2},
        {{"a\r\n\r\nb\r", 7}, {{"a", 1}, {"", 0}, {"b", 1}}, 3},
        {{"a\rb\n", 4}, {{"a\rb", 3}}, 1},
        {{"\xEF\xBB\xBF"
          "a\n\xEF\xBB\xBF"
          "b",
          9},
         {{"a", 1},
          {"\xEF\xBB\xBF"
           "b",
           4}},
         2},
        {{"\xEF\xBB\xBF", 3}, {{0}}, 0},
        {{"\xEF\xBB\xBF\n", 4}, {{"", 0}}, 1},
        {{"\xEF\xBB", 2}, {{"\xEF\xBB", 2}}, 1},
        {{"x\0y\n", 4}, {{"x\0y", 3}}, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        line_reader *r;
        assert_ok(line_reader_open_bytes(cases[i].text.bytes, cases[i].text.len, "memory", 0, &r, NULL));
        check_lines(r, cases[i].lines, cases[i].n);
        assert_int_equal(line_reader_bytes(r), cases[i].text.len);
        line_reader_close(r);
        assert_ok(line_reader_open(scratch_write("lines", cases[i].text.bytes, cases[i].text.len), 0, &r, NULL));
        check_lines(r, cases[i].lines, cases[i].n);
        assert_int_equal(line_reader_bytes(r), cases[i].text.len);
        line_reader_close(r);
    }
}

static void test_long_lines_are_passed_over(void **state)
{
    static const char text[] = "short\n0123456789\n012345678\r\n0123456789\r\n01234567890123456789\nend";
    static const char *const want[] = {"short", NULL, "012345678", NULL, NULL, "end"};
    line_reader *r;
    (void)state;
    assert_ok(line_reader_open_bytes(text, sizeof text - 1, "corpus.jsonl", 9, &r, NULL));
    for (size_t i = 0; i < 6; i++) {
        const char *bytes;
        size_t len;
        uint64_t number = 0;
        tri_error err;
        tri_status st = line_reader_next(r, &bytes, &len, &number, &err);
        assert_int_equal(number, i + 1);
        assert_int_equal(st, want[i] ? TRI_OK : TRI_ERR_LIMIT);
        if (want[i]) {
            assert_int_equal(len, strlen(want[i]));
            assert_memory_equal(bytes, want[i], len);
        } else {
            char words[64];
            assert_null(bytes);
            snprintf(words, sizeof words, "corpus.jsonl line %zu is longer than 9 bytes", i + 1);
            assert_says(&err, words);
        }
    }
    assert_int_equal(line_reader_bytes(r), sizeof text - 1);
    line_reader_close(r);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One 32 MB line, then one over the bound, then short ones. */
static void test_big_lines(void **state)
{
    enum { BIG = 32 << 20 };
    char *text = malloc(2 * BIG + 64);
    line_reader *r;
    const char *bytes;
    size_t len;
    uint64_t number;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', 2 * BIG + 64);
    text[BIG] = '\n';
    text[2 * BIG + 10] = '\n';
    double start = seconds();
    uint64_t live = mem_live();
    assert_ok(line_reader_open(scratch_write("big", text, 2 * BIG + 64), BIG, &r, NULL));
    assert_ok(line_reader_next(r, &bytes, &len, &number, NULL));
    assert_int_equal(len, BIG);
    assert_int_equal(line_reader_next(r, &bytes, &len, &number, NULL), TRI_ERR_LIMIT);
    assert_ok(line_reader_next(r, &bytes, &len, &number, NULL));
    assert_int_equal(len, 53);
    line_reader_close(r);
    assert_int_equal(mem_live(), live);
    print_message("  64 MB in two lines: %.2f s\n", seconds() - start);
    assert_true(seconds() - start < 10); /* a search that starts again after each read would take minutes */
    free(text);
}

static void test_each_failure_is_clean(void **state)
{
    uint64_t live = mem_live();
    (void)state;
    const char *path = scratch_write("faults", "a\nb\n", 4);
    for (int kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (uint64_t n = 1;; n++) {
            line_reader *r = NULL;
            const char *bytes = NULL;
            size_t len;
            tri_error err = {0};
            fault_arm((fault_kind)kind, n, false);
            tri_status st = line_reader_open(path, 0, &r, &err);
            for (int i = 0; i < 3 && !st; i++) st = line_reader_next(r, &bytes, &len, NULL, &err);
            bool past = fault_seen((fault_kind)kind) < n;
            fault_arm((fault_kind)kind, 0, false);
            line_reader_close(r);
            assert_int_equal(mem_live(), live);
            if (past) {
                assert_int_equal(st, TRI_OK);
                assert_true(n > 1);
                break;
            }
            assert_int_not_equal(st, TRI_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_long_lines_are_passed_over),
        cmocka_unit_test(test_big_lines),
        cmocka_unit_test(test_each_failure_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
