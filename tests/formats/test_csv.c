/* SPDX-License-Identifier: Apache-2.0 */
/* test_csv.c — rows by RFC 4180 and beyond: separators, quotes, line ends, blanks, refusals with their line, what is written
 * is read again, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "formats/csv.h"

/* The rows as text: fields in <>, a star after a quoted one, a line end after each row. */
static tri_status show(const char *bytes, size_t len, char separator, char *out, size_t cap, tri_error *err)
{
    csv_reader r;
    bool found;
    size_t n = 0;
    csv_init(&r, bytes, len, separator, "t.csv");
    tri_status st;
    while (!(st = csv_next(&r, &found, err)) && found) {
        n += (size_t)snprintf(out + n, cap - n, "%llu:", (unsigned long long)r.row_line);
        for (size_t i = 0; i < r.n; i++)
            n += (size_t)snprintf(out + n, cap - n, "<%.*s>%s", (int)r.fields[i].len, r.fields[i].bytes,
                                  r.fields[i].quoted ? "*" : "");
        n += (size_t)snprintf(out + n, cap - n, "\n");
    }
    out[n] = 0;
    csv_drop(&r);
    return st;
}

static void rows(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        char separator;
        const char *rows;
    } cases[] = {
        {"", ',', ""},
        {"\n\r\n\n", ',', ""},
        {"a", ',', "1:<a>\n"},
        {"a,b\nc,d\n", ',', "1:<a><b>\n2:<c><d>\n"},
        {"a,b\r\nc,d", ',', "1:<a><b>\n2:<c><d>\n"},
        {"a,\n,b\n", ',', "1:<a><>\n2:<><b>\n"},
        {"\xEF\xBB\xBF"
         "a;b\n",
         ';', "1:<a><b>\n"},
        {"\"a,b\",c\n", ',', "1:<a,b>*<c>\n"},
        {"\"a\"\"b\",\"\"\n", ',', "1:<a\"b>*<>*\n"},
        {"\"\"\"\"\n", ',', "1:<\">*\n"},
        {"\"a\nb\",c\nd,e\n", ',', "1:<a\nb>*<c>\n3:<d><e>\n"},
        {"a\"b,c\n", ',', "1:<a\"b><c>\n"},
        {"a\tb c\n", '\t', "1:<a><b c>\n"},
        {"q1  Q0\td1 1\n \t \nq2\n", CSV_BLANKS, "1:<q1><Q0><d1><1>\n3:<q2>\n"},
        {"a\rb,c\n", ',', "1:<a\rb><c>\n"},
        {"a,b\r", ',', "1:<a><b>\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        tri_error err = {0};
        tri_status st = show(cases[i].bytes, strlen(cases[i].bytes), cases[i].separator, text, sizeof text, &err);
        if (st) fail_msg("case %zu: %s", i, err.text);
        assert_string_equal(text, cases[i].rows);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *words;
    } cases[] = {
        {"a,b\n\"c,d\ne,f\n", "line 2: a quote is never closed"},
        {"a\n\"b\nc\"d\n", "line 3: text after a closing quote"},
        {"\"", "line 1: a quote is never closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        tri_error err = {0};
        assert_int_equal(show(cases[i].bytes, strlen(cases[i].bytes), ',', text, sizeof text, &err), TRI_ERR_FORMAT);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_true(err.hint[0] != 0);
    }
    enum { MANY = 100001 };
    char *wide = mem_alloc(MANY);
    csv_reader r;
    bool found;
    memset(wide, ',', MANY);
    csv_init(&r, wide, MANY, ',', "wide.csv");
    assert_int_equal(csv_next(&r, &found, NULL), TRI_ERR_LIMIT);
    csv_drop(&r);
    mem_free(wide);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          "a",          "a,b",      "\"", "a\"\"b",
                                        "line\nend", "cr\rlf\r\n", " spaced ", "'",  "\xE4\xBB\x80"};
    enum { N = sizeof texts / sizeof *texts };
    for (int always = 0; always < 2; always++) {
        buf out;
        csv_reader r;
        bool found;
        buf_init(&out, 0);
        for (size_t i = 0; i < N; i++) {
            if (i) assert_int_equal(buf_byte(&out, ','), TRI_OK);
            assert_int_equal(csv_put(&out, texts[i], strlen(texts[i]), ',', always), TRI_OK);
        }
        csv_init(&r, out.data, out.len, ',', "t.csv");
        assert_int_equal(csv_next(&r, &found, NULL), TRI_OK);
        assert_true(found && r.n == N);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(r.fields[i].len, strlen(texts[i]));
            assert_memory_equal(r.fields[i].bytes, texts[i], strlen(texts[i]));
        }
        csv_drop(&r);
        buf_drop(&out);
    }
}

static void memory_may_run_out(void **state)
{
    (void)state;
    static const char bytes[] = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s\n\"x\"\"y\",\"\"\"z\"\n";
    uint64_t live = mem_live();
    for (uint64_t nth = 1; nth < 100; nth++) {
        char text[512];
        tri_error err = {0};
        fault_arm(FAULT_ALLOC, nth, false);
        tri_status st = show(bytes, sizeof bytes - 1, ',', text, sizeof text, &err);
        bool reached = fault_seen(FAULT_ALLOC) >= nth;
        fault_arm(FAULT_ALLOC, 0, false);
        assert_int_equal(mem_live(), live);
        assert_int_equal(st, reached ? TRI_ERR_MEMORY : TRI_OK);
        if (!reached) return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(refusals),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
