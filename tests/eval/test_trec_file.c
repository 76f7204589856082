/* SPDX-License-Identifier: Apache-2.0 */
/* test_trec_file.c — what judgment and run files may look like, what is refused and in which words, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "eval/trec_file.h"
#include "trident/eval.h"

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static tri_status load(trec_kind kind, const char *text, size_t len, trec_table *t, tri_error *err)
{
    write_bytes("trec_file.txt", text, len);
    trec_table_init(t);
    tri_status st = trec_file_load("trec_file.txt", kind, t, err);
    unlink("trec_file.txt");
    return st;
}

static void expect(trec_kind kind, const char *text, size_t n_queries, size_t n_rows)
{
    tri_error err = {0};
    trec_table t;
    if (load(kind, text, strlen(text), &t, &err) != TRI_OK) fail_msg("%s: %s", text, err.text);
    assert_int_equal(t.n_queries, n_queries);
    assert_int_equal(t.n_rows, n_rows);
    trec_table_drop(&t);
}

static void refuse(trec_kind kind, const char *text, size_t len, const char *words)
{
    tri_error err = {0};
    trec_table t;
    assert_int_equal(load(kind, text, len, &t, &err), TRI_ERR_FORMAT);
    if (!strstr(err.text, words)) fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, words);
    assert_non_null(strstr(err.text, "trec_file.txt"));
    trec_table_drop(&t);
}

static void test_forms_that_are_read(void **state)
{
    (void)state;
    expect(TREC_QRELS, "q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 -1\n", 2, 3);
    expect(TREC_QRELS, "q1\t0\td1\t1\r\nq1 0  d2   0\r\n", 1, 2);
    expect(TREC_QRELS, "\xEF\xBB\xBFq1 0 d1 1\n\n   \nq1 0 d2 2", 1, 2);
    expect(TREC_QRELS, "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n", 1, 2);
    expect(TREC_QRELS, "\xEF\xBB\xBFquery-id\tcorpus-id\tscore\r\nq 1\td 1\t1\r\n", 1, 1); /* ids with spaces */
    expect(TREC_QRELS, "q1 0 d1 1.0\n", 1, 1);
    expect(TREC_RUN, "q1 Q0 d1 1 0.5 tag\nq2 Q0 d1 1 -1e-3 tag\nq1 Q0 d2 9 0.5 tag\n", 2, 3); /* interleaved */
    expect(TREC_RUN, "query-id\tcorpus-id\tscore\nq1\td1\t0.25\n", 1, 1);
    expect(TREC_RUN, "#1 Q0 #2 1 3 t\n", 1, 1); /* no comments: an id may begin so */
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        trec_kind kind;
        const char *text, *words;
    } cases[] = {
        {TREC_QRELS, "", "no lines"},
        {TREC_QRELS, "\n\r\n", "no lines"},
        {TREC_QRELS, "query-id\tcorpus-id\tscore\n", "no lines"},
        {TREC_QRELS, "q1 0 d1\n", "line 1: 3 columns, expected 4"},
        {TREC_QRELS, "q1\td1\t1\n", "line 1: 3 columns, expected 4"},
        {TREC_QRELS, "q1 Q0 d1 1 0.5 tag\n", "6 columns, expected 4"},
        {TREC_QRELS, "q1 0 d1 1\nq1 0 d2 yes\n", "line 2: grade \"yes\""},
        {TREC_QRELS, "q1 0 d1 0.5\n", "line 1: grade \"0.5\""},
        {TREC_QRELS, "q1 0 d1 1e10\n", "line 1: grade \"1e10\""},
        {TREC_QRELS, "q1 0 d1 1\nq2 0 d1 1\nq1 0 d1 2\n", "lines 1 and 3 both give document \"d1\" for query \"q1\""},
        {TREC_QRELS, "query-id\tcorpus-id\tscore\nq1\td1\n", "line 2: 2 columns, expected 3"},
        {TREC_QRELS, "query-id\tcorpus-id\tscore\n\td1\t1\n", "line 2: an empty id"},
        {TREC_RUN, "q1 0 d1 1\n", "line 1: 4 columns, expected 6"},
        {TREC_RUN, "q1 Q0 d1 1 0.5 my tag\n", "line 1: at least 7 columns"},
        {TREC_RUN, "q1 Q0 d1 1 nan t\n", "line 1: score \"nan\""},
        {TREC_RUN, "q1 Q0 d1 1 0.5 t\n\nq1 Q0 d2 2 -inf t\n", "line 3: score \"-inf\""},
        {TREC_RUN, "q1 Q0 d1 1 1e39 t\n", "line 1: score \"1e39\""},
        {TREC_RUN, "q1 Q0 d1 1 0x10 t\n", "line 1: score \"0x10\""},
        {TREC_RUN, "q1 Q0 d1 1 0.5x t\n", "line 1: score \"0.5x\""},
        {TREC_RUN, "q1 Q0 d1 1 1 t\nq1 Q0 d1 2 1 t\n", "lines 1 and 2 both give document \"d1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(cases[i].kind, cases[i].text, strlen(cases[i].text), cases[i].words);
    static const char with_nul[] = "q1 Q0 d\0x 1 0.5 t\n";
    refuse(TREC_RUN, with_nul, sizeof with_nul - 1, "line 1: a NUL byte");
}

static void test_a_line_too_long(void **state)
{
    (void)state;
    tri_error err = {0};
    trec_table t;
    size_t len = (2u << 20) + 20;
    char *text = test_malloc(len);
    memset(text, 'x', len);
    memcpy(text, "q 0 d 1\nq 0 ", 12);
    assert_int_equal(load(TREC_QRELS, text, len, &t, &err), TRI_ERR_LIMIT);
    assert_non_null(strstr(err.text, "line 2"));
    trec_table_drop(&t);
    test_free(text);
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    tri_error err;
    tri_run *run = (tri_run *)&err;
    assert_int_equal(tri_run_load("no-such-file", &run, &err), TRI_ERR_NOT_FOUND);
    assert_null(run);
    assert_non_null(strstr(err.text, "no-such-file"));
    assert_int_not_equal(tri_run_load(TEST_ROOT, &run, &err), TRI_OK);
    assert_int_equal(tri_run_load(NULL, &run, &err), TRI_ERR_ARGUMENT);
}

static void read_back(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, cap - 1, f);
    out[n] = 0;
    fclose(f);
}

static void test_what_is_written(void **state)
{
    (void)state;
    static const char source[] =
        "q2 Q0 b 1 0.1 t\nq2 Q0 a 2 0.10000000001 t\nq1 Q0 z 1 -3 t\nq2 Q0 c 3 1e-7 t\nq2 Q0 d 4 16777217 t\n";
    tri_error err = {0};
    tri_run *run;
    char text[512], again[512];
    write_bytes("in.run", source, sizeof source - 1);
    assert_int_equal(tri_run_load("in.run", &run, &err), TRI_OK);
    assert_int_equal(tri_run_queries(run), 2);
    assert_int_equal(tri_run_lines(run), 5);
    assert_int_equal(tri_run_save(run, "out.run", NULL, &err), TRI_OK);
    tri_run_free(run);
    read_back("out.run", text, sizeof text);
    assert_string_equal(text,
                        "q2 Q0 d 1 16777216 trident\nq2 Q0 a 2 0.1 trident\nq2 Q0 b 3 0.1 trident\nq2 Q0 c 4 1e-07 trident\n"
                        "q1 Q0 z 1 -3 trident\n");
    assert_int_equal(tri_run_load("out.run", &run, &err), TRI_OK); /* reading and writing again changes nothing */
    assert_int_equal(tri_run_save(run, "again.run", "trident", &err), TRI_OK);
    tri_run_free(run);
    read_back("again.run", again, sizeof again);
    assert_string_equal(text, again);
    unlink("in.run");
    unlink("out.run");
    unlink("again.run");
}

static void test_ids_that_trec_form_cannot_carry(void **state)
{
    (void)state;
    static const char source[] = "query-id\tcorpus-id\tscore\nq\ta b\t1\n";
    tri_error err = {0};
    tri_run *run;
    write_bytes("in.run", source, sizeof source - 1);
    assert_int_equal(tri_run_load("in.run", &run, &err), TRI_OK);
    assert_int_equal(tri_run_save(run, "out.run", NULL, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "a b"));
    assert_int_equal(access("out.run", F_OK), -1);
    assert_int_equal(tri_run_save(run, "out.run", "two words", &err), TRI_ERR_UNSUPPORTED);
    assert_int_equal(tri_run_save(run, "out.run", "", &err), TRI_ERR_UNSUPPORTED);
    tri_run_free(run);
    unlink("in.run");
}

static void test_every_fault_of_writing_is_survived(void **state)
{
    (void)state;
    static const char source[] = "q Q0 a 1 2 t\nq Q0 b 2 1 t\n";
    tri_error err = {0};
    tri_run *run;
    char text[128];
    write_bytes("in.run", source, sizeof source - 1);
    assert_int_equal(tri_run_load("in.run", &run, &err), TRI_OK);
    static const fault_kind kinds[] = {FAULT_ALLOC, FAULT_WRITE};
    for (size_t k = 0; k < 2; k++) {
        for (uint64_t nth = 1;; nth++) {
            uint64_t live = mem_live();
            fault_arm(kinds[k], nth, false);
            tri_status st = tri_run_save(run, "fault.run", NULL, &err);
            bool passed = fault_seen(kinds[k]) < nth;
            fault_arm(kinds[k], 0, false);
            assert_int_equal(mem_live(), live);
            assert_int_equal(access("fault.run", F_OK) == 0, st == TRI_OK); /* whole or not at all */
            if (!st) {
                read_back("fault.run", text, sizeof text);
                assert_string_equal(text, "q Q0 a 1 2 trident\nq Q0 b 2 1 trident\n");
                unlink("fault.run");
            }
            if (passed) {
                assert_int_equal(st, TRI_OK);
                break;
            }
        }
    }
    tri_run_free(run);
    unlink("in.run");
}

/* Scratch files go to a folder of this process's own. */
static char folder[] = "/tmp/trident-test-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    return chdir("/") == 0 ? rmdir(folder) : -1; /* fails when a test left a file */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_that_are_read),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_line_too_long),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_ids_that_trec_form_cannot_carry),
        cmocka_unit_test(test_every_fault_of_writing_is_survived),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
