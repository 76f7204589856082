/* SPDX-License-Identifier: Apache-2.0 */
/* test_gguf_model.c — a .gguf file as a model: each allocation, read and write of opening and of both exports fails in turn,
 * and
 * nothing leaks or is left half; files of other makers open; what cannot be used is named. */
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
#include "trident.h"
#include "trident/experimental.h"

#define TINY TEST_ROOT "/tests/golden/tiny/model"
#define OTHERS TEST_ROOT "/tests/golden/gguf/"

static tri_engine *engine;
static char folder[64], file[96], heads[96], hf[96];

static int make_engine(void **state)
{
    tri_engine_options o;
    (void)state;
    tri_engine_options_init(&o);
    o.threads = 1;
    snprintf(folder, sizeof folder, "/tmp/tri-gguf-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(file, sizeof file, "%s/tiny.gguf", folder);
    snprintf(heads, sizeof heads, "%s/tiny.heads.gguf", folder);
    snprintf(hf, sizeof hf, "%s/hf", folder);
    return tri_engine_open(&o, &engine, NULL);
}

static int drop_engine(void **state)
{
    char line[128];
    (void)state;
    tri_engine_close(engine);
    snprintf(line, sizeof line, "rm -rf %s", folder);
    return system(line);
}

/* ---- what is run ----------------------------------------------------------------------------------------------------- */

static tri_status export_file(const char *dtype, tri_error *err)
{
    tri_write_options o;
    tri_write_result r;
    tri_write_options_init(&o);
    o.to = file;
    o.dtype = dtype;
    return tri_export_gguf(engine, TINY, &o, &r, err);
}

static tri_status run_export(tri_error *err)
{
    return export_file("q8_0", err);
}

static tri_status run_hf(tri_error *err)
{
    tri_write_options o;
    tri_write_result r;
    tri_write_options_init(&o);
    o.to = hf;
    o.force = 1;
    return tri_export_hf(engine, file, &o, &r, err);
}

static tri_status open_model(const char *path, tri_error *err)
{
    tri_model *m;
    tri_status st = tri_model_open(engine, path, NULL, &m, err);
    tri_model_close(m);
    return st;
}

static tri_status run_open(tri_error *err)
{
    return open_model(file, err);
}

static tri_status run_open_bert(tri_error *err)
{
    return open_model(OTHERS "bert.gguf", err);
}

static tri_status run_open_xlmr(tri_error *err)
{
    return open_model(OTHERS "xlmr.gguf", err);
}

/* The tokenizer's reading may fail and the model still open: then no status, but the fault was seen. */
static void fail_each(tri_status (*run)(tri_error *), fault_kind kind, bool may_pass)
{
    uint64_t live = mem_live();
    for (uint64_t n = 1;; n++) {
        tri_error err = {0};
        assert_true(n < 20000);
        fault_arm(kind, n, false);
        tri_status st = run(&err);
        bool past = fault_seen(kind) < n;
        fault_arm(kind, 0, false);
        if (mem_live() != live) fail_msg("failure %llu of kind %d leaks: %s", (unsigned long long)n, kind, err.text);
        if (past) {
            if (st) fail_msg("%s", err.text);
            assert_true(n > 1);
            return;
        }
        if (!st && may_pass) continue;
        if (!st)
            fail_msg("failure %llu of kind %d went unseen in %s", (unsigned long long)n, kind,
                     run == run_hf       ? "hf"
                     : run == run_export ? "export"
                                         : "opening");
        assert_true(err.text[0] != 0);
    }
}

static void test_faults_of_opening(void **state)
{
    (void)state;
    assert_int_equal(export_file("f16", NULL), TRI_OK);
    fail_each(run_open, FAULT_ALLOC, false);
    fail_each(run_open, FAULT_READ, true);
    fail_each(run_open_bert, FAULT_ALLOC, false);
    fail_each(run_open_xlmr, FAULT_ALLOC, false);
}

static void test_faults_of_exports(void **state)
{
    (void)state;
    fail_each(run_export, FAULT_ALLOC, false);
    fail_each(run_export, FAULT_WRITE, true); /* a folder's sync is no failure of the file */
    assert_int_equal(run_export(NULL), TRI_OK);
    fail_each(run_hf, FAULT_ALLOC, false);
    fail_each(run_hf, FAULT_WRITE, true);
    assert_int_equal(run_hf(NULL), TRI_OK);
    assert_int_equal(open_model(hf, NULL), TRI_OK);
}

/* ---- what comes out -------------------------------------------------------------------------------------------------- */

static void encode(const char *path, tri_embeddings **out, tri_session **s, tri_model **m)
{
    static const char text[] = "hello world, a <s> b";
    tri_input input = {.text = {text, sizeof text - 1}};
    tri_error err;
    if (tri_model_open(engine, path, NULL, m, &err)) fail_msg("%s", err.text);
    assert_int_equal(tri_session_new(*m, NULL, s, NULL), TRI_OK);
    if (tri_embed(*s, NULL, &input, 1, out, &err)) fail_msg("%s", err.text);
}

static void assert_same_vectors(const char *a, const char *b)
{
    tri_embeddings *e[2];
    tri_session *s[2];
    tri_model *m[2];
    encode(a, &e[0], &s[0], &m[0]);
    encode(b, &e[1], &s[1], &m[1]);
    tri_dense_view d = tri_embeddings_dense(e[0], 0), f = tri_embeddings_dense(e[1], 0);
    tri_sparse_view p = tri_embeddings_sparse(e[0], 0), q = tri_embeddings_sparse(e[1], 0);
    tri_multi_view u = tri_embeddings_multi(e[0], 0), v = tri_embeddings_multi(e[1], 0);
    assert_true(d.dim > 0 && d.dim == f.dim && p.count == q.count && u.n_rows == v.n_rows && u.dim == v.dim && u.n_rows > 0);
    assert_memory_equal(d.values, f.values, d.dim * sizeof *d.values);
    assert_memory_equal(p.weights, q.weights, p.count * sizeof *p.weights);
    assert_memory_equal(u.rows, v.rows, u.n_rows * u.dim * sizeof *u.rows);
    for (int i = 0; i < 2; i++) {
        tri_embeddings_free(e[i]);
        tri_session_free(s[i]);
        tri_model_close(m[i]);
    }
}

static void test_f32_round_trip_is_exact(void **state)
{
    (void)state;
    assert_int_equal(export_file("f32", NULL), TRI_OK);
    assert_int_equal(access(heads, F_OK), 0);
    assert_same_vectors(TINY, file);
    assert_int_equal(run_hf(NULL), TRI_OK);
    assert_same_vectors(TINY, hf);
}

static void test_refusals(void **state)
{
    tri_error err;
    tri_write_options o;
    tri_write_result r;
    (void)state;
    assert_int_equal(open_model(OTHERS "blocks.gguf", &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "\"blocks\""));
    assert_int_equal(open_model(TINY "/config.json", &err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "GGUF"));
    assert_int_equal(export_file("q4_0", &err), TRI_ERR_ARGUMENT);
    tri_write_options_init(&o);
    assert_int_equal(tri_export_gguf(engine, TINY, &o, &r, &err), TRI_ERR_ARGUMENT);
    o.to = TINY;
    o.force = 1;
    assert_int_equal(tri_export_hf(engine, TINY, &o, &r, &err), TRI_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "it is the model"));
    o.to = file;
    assert_int_equal(tri_export_gguf(engine, TEST_ROOT "/tests/golden/models/gte-ntk/model", &o, &r, &err),
                     TRI_ERR_UNSUPPORTED);
    /* the heads of another model would be taken for this one's */
    assert_int_equal(tri_export_gguf(engine, OTHERS "bert.gguf", &o, &r, &err), TRI_ERR_STATE);
    assert_non_null(strstr(err.text, "heads.gguf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_of_opening),
        cmocka_unit_test(test_faults_of_exports),
        cmocka_unit_test(test_f32_round_trip_is_exact),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, make_engine, drop_engine);
}
