/* SPDX-License-Identifier: Apache-2.0 */
/* test_submission.c — what is learnt from samples, field by field; numbers as people write them; the figures of folds;
 * manifests; and with each allocation, read and write failing in turn: no crash, no leak, no file half there, no file passed
 * for right. The shapes and faults by the dozen are in tests/cli/test_check.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "lab/backup.h"
#include "lab/submission_check.h"
#include "lab/submission_folds.h"
#include "lab/submission_number.h"
#include "lab/submission_write.h"

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/tri-submission-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    out_file *f;
    assert_int_equal(out_file_open(path_of(name), &f, NULL), TRI_OK);
    assert_int_equal(out_file_write(f, text, strlen(text), NULL), TRI_OK);
    assert_int_equal(out_file_commit(f, NULL), TRI_OK);
}

/* ---- learning ------------------------------------------------------------------------------------------------------- */

/* The roles as letters: q query, Q its text, d document, D its text, l list, s score, S scores, r rank, n row, c constant, -
 * none */
static void roles_of(const submission_field *fields, size_t n, char *out)
{
    static const char letters[ROLES] = {[ROLE_OTHER] = '-',    [ROLE_QUERY] = 'q', [ROLE_QUERY_TEXT] = 'Q', [ROLE_DOC] = 'd',
                                        [ROLE_DOC_TEXT] = 'D', [ROLE_LIST] = 'l',  [ROLE_SCORE] = 's',      [ROLE_SCORES] = 'S',
                                        [ROLE_RANK] = 'r',     [ROLE_ROW] = 'n',   [ROLE_CONSTANT] = 'c'};
    for (size_t i = 0; i < n; i++) out[i] = letters[fields[i].role];
    out[n] = 0;
}

static void samples_are_learnt(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        submission_kind kind;
        char separator;
        bool header;
        const char *roles, *items;
        submission_list list;
        size_t n_queries, n_entries;
    } cases[] = {
        {"qid,docid,score\nq1,d1,0.5\nq1,d2,0.4\n", SUBMISSION_TABLE, ',', true, "qds", "", LIST_NONE, 1, 2},
        {"q1\td1\t0.5\nq2\td2\t0.4\n", SUBMISSION_TABLE, '\t', false, "qds", "", LIST_NONE, 2, 2},
        {"q1;d1,d2\nq2;d3,d4\n", SUBMISSION_TABLE, ';', false, "ql", "", LIST_SPLIT, 2, 4},
        {"id|docs\nq1|d1 d2\nq2|d3\n", SUBMISSION_TABLE, '|', true, "ql", "", LIST_SPLIT, 2, 3},
        {"id,query,answer_id\n0,what is it,a1\n1,who is it,a2\n", SUBMISSION_TABLE, ',', true, "qQd", "", LIST_NONE, 2, 2},
        {"id,query,answer_id\n0,what is it,a1\n1,what is it,a3\n2,who is it,a2\n", SUBMISSION_TABLE, ',', true, "nqd", "",
         LIST_NONE, 2, 3},
        {"q1 Q0 d1 1 0.5 t\n", SUBMISSION_TABLE, 0, false, "qcdrsc", "", LIST_NONE, 1, 1},
        {"row_id,qid,docid\n0,q1,d1\n1,q1,d2\n", SUBMISSION_TABLE, ',', true, "nqd", "", LIST_NONE, 1, 2},
        {"1,10,1\n1,11,2\n2,12,1\n2,13,2\n", SUBMISSION_TABLE, ',', false, "qdr", "", LIST_NONE, 2, 4},
        {"[{\"q\": \"a\", \"docs\": [{\"pid\": 1, \"rank\": 1, \"score\": 0.5}]}]", SUBMISSION_JSON, 0, false, "ql", "drs",
         LIST_JSON, 1, 1},
        {"{\"q1\": {\"d1\": 0.5, \"d2\": 0.25}}", SUBMISSION_JSON, 0, false, "", "", LIST_JSON, 1, 2},
        {"{\"q1\": [\"d1\"]}\n{\"q2\": [\"d2\"]}\n", SUBMISSION_JSONL, 0, false, "", "", LIST_JSON, 2, 2},
        {"[{\"query_id\": 1, \"doc_id\": \"a\", \"score\": 1}]", SUBMISSION_JSON, 0, false, "qds", "", LIST_NONE, 1, 1},
    };
    uint64_t live = mem_live();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        submission_source source = {.what = "sample", .bytes = {cases[i].text, strlen(cases[i].text)}};
        submission_hints hints = {0};
        submission_sample s;
        tri_error err = {0};
        char roles[64], items[64];
        if (submission_learn(&source, &hints, &s, &err)) fail_msg("case %zu: %s", i, err.text);
        roles_of(s.format.fields, s.format.n_fields, roles);
        roles_of(s.format.items, s.format.n_items, items);
        if (strcmp(roles, cases[i].roles) || strcmp(items, cases[i].items)) fail_msg("case %zu: %s, %s", i, roles, items);
        assert_int_equal(s.format.kind, cases[i].kind);
        assert_int_equal(s.format.separator, cases[i].separator);
        assert_int_equal(s.format.header, cases[i].header);
        assert_int_equal(s.format.list, cases[i].list);
        assert_int_equal(s.format.n_queries, cases[i].n_queries);
        assert_int_equal(s.format.n_entries, cases[i].n_entries);
        submission_sample_drop(&s);
    }
    assert_int_equal(mem_live(), live);
}

static void numbers_are_read(void **state)
{
    (void)state;
    submission_number n;
    tri_text percent = {"93.5%", 5}, comma = {"0,25", 4}, word = {"high", 4}, minus = {"-inf", 4}, nan = {"NaN", 3},
             plain = {" 7 ", 3};
    assert_true(submission_number_parse(percent, &n) && n.percent && n.value == 93.5);
    assert_true(submission_number_parse(comma, &n) && n.comma && n.value == 0.25);
    assert_false(submission_number_parse(word, &n));
    assert_true(submission_number_parse(minus, &n) && isinf(n.value) && n.value < 0);
    assert_true(submission_number_parse(nan, &n) && isnan(n.value));
    assert_true(submission_number_parse(plain, &n) && n.whole && n.value == 7);
}

static void folds_are_judged(void **state)
{
    (void)state;
    double values[100];
    fold_figures f;
    for (size_t i = 0; i < 100; i++) values[i] = 0.5 + 0.01 * (double)(i / 5 % 7);
    fold_figures_of(values, 100, &f);
    assert_false(fold_is_odd(&f));
    assert_true(f.sd < 1e-12);
    for (size_t i = 3; i < 100; i += 5) values[i] = 0;
    fold_figures_of(values, 100, &f);
    assert_true(fold_is_odd(&f) && f.odd == 4);
    for (size_t i = 0; i < 100; i++) values[i] = 1;
    values[7] = 0; /* one query that failed is no odd fold */
    fold_figures_of(values, 100, &f);
    assert_false(fold_is_odd(&f));
}

static void manifests_are_kept(void **state)
{
    (void)state;
    backup_state kept;
    char hex[BACKUP_HEX_CAP];
    put("a.txt", "abc");
    assert_int_equal(backup_hash(path_of("a.txt"), hex, NULL), TRI_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* FIPS 180-2, appendix B.1 */
    assert_int_equal(backup_verify(folder, path_of("a.txt"), &kept, NULL), TRI_OK);
    assert_int_equal(kept, BACKUP_NOT_LISTED);
    const char *paths[] = {path_of("a.txt")};
    assert_int_equal(backup_record(folder, paths, 1, NULL), TRI_OK);
    assert_int_equal(backup_verify(folder, paths[0], &kept, NULL), TRI_OK);
    assert_int_equal(kept, BACKUP_KEPT);
    put("a.txt", "abd");
    assert_int_equal(backup_verify(folder, paths[0], &kept, NULL), TRI_OK);
    assert_int_equal(kept, BACKUP_CHANGED);
    assert_int_equal(backup_record(folder, paths, 1, NULL), TRI_OK);
    buf text;
    buf_init(&text, 0);
    assert_int_equal(file_read_all(path_of(BACKUP_MANIFEST), 1 << 16, &text, NULL), TRI_OK);
    assert_int_equal(text.len, 64 + 2 + 5 + 1); /* the line was brought up to date, not added */
    buf_drop(&text);
    file_remove(path_of(BACKUP_MANIFEST), NULL);
}

/* ---- faults --------------------------------------------------------------------------------------------------------- */

static const char *sample_name;

static tri_status write_and_check(bool *wrote, bool *green, tri_error *err)
{
    write_options w = {.run = path_of("run.trec"),
                       .sample = path_of(sample_name),
                       .out = path_of("out"),
                       .queries = path_of("queries.jsonl"),
                       .corpus = path_of("corpus.jsonl")};
    write_result result;
    check_sheet sheet;
    *wrote = *green = false;
    tri_status st = submission_write(&w, &result, err);
    if (st) return st;
    buf_drop(&result.notes);
    *wrote = true;
    check_options c = {.file = w.out, .sample = w.sample, .queries = w.queries, .corpus = w.corpus, .runs = path_of("runs")};
    st = submission_check(&c, &sheet, err);
    if (st) return st;
    *green = check_sheet_ok(&sheet);
    check_sheet_drop(&sheet);
    return TRI_OK;
}

static void make_files(void)
{
    char command[256];
    put("queries.jsonl",
        "{\"_id\": \"q1\", \"text\": \"lift\"}\n{\"_id\": \"q2\", \"title\": \"a\", \"text\": \"\\u4ec0\\u4e48\"}\n");
    put("corpus.jsonl", "{\"_id\": \"d1\", \"text\": \"a\"}\n{\"_id\": \"d2\", \"text\": \"b\"}\n");
    put("run.trec", "q1 Q0 d1 1 3.5 t\nq1 Q0 d2 2 2.5 t\nq2 Q0 d2 1 1.5 t\nq2 Q0 d1 2 1 t\n");
    put("pairs.csv", "query_id,query,doc_id,score\nq1,\"li\"\"ft\",d1,0.9\nq2,x,d2,0.8\n");
    put("lists.json",
        "{\"team\": \"us\", \"results\": [{\"qid\": \"q1\", \"docs\": [{\"id\": \"d1\", \"text\": \"a\", \"score\": 0.5}]}]}");
    put("keyed.jsonl", "{\"q1\": [\"d1\", \"d2\"]}\n{\"q2\": [\"d2\"]}\n");
    put("mteb.json",
        "{\"meta\": {\"revision\": \"1\"}, \"default\": {\"test\": {\"q1\": {\"d1\": 0.5}, \"q2\": {\"d2\": 0.4}}}}");
    put("wide.csv", "qid,doc1,score1,doc2,score2\nq1,d1,0.9,d2,0.8\n");
    put("run.tsv", "q1\tQ0\td1\t1\t9.5\tx\n");
    snprintf(command, sizeof command, "mkdir -p '%s/runs/v1'", folder);
    assert_int_equal(system(command), 0);
    put("runs/v1/status.json", "{\"state\": \"done\"}");
    put("runs/v1/log.txt", "fine\n");
    put("runs/v1/run.trec", "q1 Q0 d1 1 3.5 t\n");
    put("runs/v1/metrics.json", "{\"r\": {\"per_query\": {\"q1\": {\"map\": 0.5}}}}");
    const char *paths[] = {path_of("runs/v1/run.trec")};
    assert_int_equal(backup_record(path_of("runs"), paths, 1, NULL), TRI_OK);
}

static void each_step_may_fail(void **state)
{
    (void)state;
    static const char *const names[] = {"pairs.csv", "lists.json", "keyed.jsonl", "mteb.json", "wide.csv", "run.tsv"};
    bool wrote, green;
    make_files();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tri_error err = {0};
        sample_name = names[i];
        if (write_and_check(&wrote, &green, &err)) fail_msg("%s: %s", names[i], err.text);
        assert_true(green);
        uint64_t live = mem_live();
        for (fault_kind kind = 0; kind < FAULT_KINDS; kind++)
            for (uint64_t nth = 1; nth < 20000; nth++) {
                memset(&err, 0, sizeof err);
                file_remove(path_of("out"), NULL);
                fault_arm(kind, nth, false);
                tri_status st = write_and_check(&wrote, &green, &err);
                bool reached = fault_seen(kind) >= nth;
                fault_arm(kind, 0, false);
                if (mem_live() != live) fail_msg("%s: a leak after fault %d of kind %d", names[i], (int)nth, (int)kind);
                if (st) assert_true(err.text[0] != 0);
                if (st) assert_true(reached);
                if (!st && !green) fail_msg("%s: red without a failure, fault %d of kind %d", names[i], (int)nth, (int)kind);
                if (kind == FAULT_ALLOC && st) assert_int_equal(st, TRI_ERR_MEMORY);
                if (!reached) break;
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_learnt), cmocka_unit_test(numbers_are_read),   cmocka_unit_test(folds_are_judged),
        cmocka_unit_test(manifests_are_kept), cmocka_unit_test(each_step_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
