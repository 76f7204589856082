/* SPDX-License-Identifier: Apache-2.0 */
/* test_calibrate.c — an int8 file is made from texts, its loss measured before it may lie beside the model: within the bars it
 * is there and near f32; past them nothing changes on disk unless the loss is accepted; the same texts give the same file,
 * whatever the threads; and whichever allocation, read or write fails, nothing half-made stays. On a copy of the tiny M3 model.
 */
#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/rng.h"
#include "trident.h"
#include "trident/experimental.h"
#include "model_copy.h"

enum { TEXTS = 48, LENGTH = 40, VOCAB = 400, WORDS = 60 };

static uint32_t ids[TEXTS][LENGTH];
static tri_input texts[TEXTS];

/* Rows of ids, of any length from 3 to LENGTH; few words, so that a text's sparse weights are not all alike. */
static int make_texts(void **state)
{
    rng r;
    (void)state;
    rng_seed(&r, 4);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n = 3 + (size_t)rng_below(&r, LENGTH - 2);
        for (size_t j = 0; j < n; j++) ids[i][j] = 4 + (uint32_t)rng_below(&r, WORDS);
        ids[i][0] = 0;
        ids[i][n - 1] = 2;
        texts[i] = (tri_input){.ids = ids[i], .n_ids = n};
    }
    return !model_copy_begin();
}

static int remove_folder(void **state)
{
    (void)state;
    model_copy_end();
    return 0;
}

/* ---- the model's weights, edited --------------------------------------------------------------------------------------- */

/* Element `place` of an f32 tensor in the model's file. */
static void set_weight(FILE *f, const char *header, uint64_t header_len, const char *name, size_t place, float value)
{
    char quoted[128];
    unsigned long from, to;
    snprintf(quoted, sizeof quoted, "%s\":", name);
    const char *at = strstr(header, quoted), *offsets = at ? strstr(at, "\"data_offsets\":") : NULL;
    assert_non_null(offsets);
    assert_int_equal(sscanf(strchr(offsets, '[') + 1, "%lu , %lu", &from, &to), 2);
    assert_true(from + 4 * place + 4 <= to);
    assert_int_equal(fseek(f, (long)(8 + header_len + from + 4 * place), SEEK_SET), 0);
    assert_int_equal(fwrite(&value, sizeof value, 1, f), 1);
}

/* Two middle channels that are great for every text, and that the last matrix takes from each other: in f32 they cancel, their
 * roundings do not, and no smoothing helps, since inputs and weights are both great. */
static void plant_what_cannot_be_rounded(void)
{
    enum { D = 64, F = 96 };
    static const float bias[2] = {50.0f, 47.3f}, weight[2] = {20.0f, -20.0f * 50.0f / 47.3f};
    static char header[1 << 16];
    uint64_t len;
    FILE *f = fopen(in_folder("model.safetensors"), "r+b");
    assert_non_null(f);
    assert_int_equal(fread(&len, sizeof len, 1, f), 1);
    assert_true(len < sizeof header);
    assert_int_equal(fread(header, 1, len, f), len);
    for (size_t j = 0; j < 2; j++) {
        for (size_t k = 0; k < D; k++) set_weight(f, header, len, "layer.1.intermediate.dense.weight", j * D + k, 0);
        set_weight(f, header, len, "layer.1.intermediate.dense.bias", j, bias[j]);
        for (size_t n = 0; n < D; n++)
            set_weight(f, header, len, "layer.1.output.dense.weight", n * F + j, n % 3 ? weight[j] : -weight[j]);
    }
    fclose(f);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------- */

static tri_engine *open_engine(const char *precision, const char *isa, int threads)
{
    tri_engine *engine;
    tri_engine_options o;
    tri_error err = {0};
    tri_engine_options_init(&o);
    o.precision = precision;
    o.isa = isa;
    o.threads = threads;
    if (tri_engine_open(&o, &engine, &err)) fail_msg("%s", err.text);
    return engine;
}

static tri_calibrate_options plan_of(size_t n)
{
    tri_calibrate_options o;
    tri_calibrate_options_init(&o);
    o.texts = texts;
    o.n_texts = n;
    o.accept_loss = 1; /* of a few texts */
    return o;
}

static tri_status calibrate(int threads, const tri_calibrate_options *o, tri_calibration *figures, tri_error *err)
{
    tri_export_result r;
    tri_engine *engine = open_engine(NULL, NULL, threads);
    tri_status st = tri_export_calibrated(engine, in_folder(""), o, figures, &r, err);
    tri_engine_close(engine);
    if (!st) assert_int_equal(r.n_matrices, 11); /* 1 + 2 of query, key, value; 2 x 3 others; the two heads */
    return st;
}

static tri_calibration calibrate_ok(int threads, const tri_calibrate_options *o)
{
    tri_calibration figures;
    tri_error err = {0};
    if (calibrate(threads, o, &figures, &err)) fail_msg("%s", err.text);
    return figures;
}

static double loss_named(const tri_calibration *f, const char *name)
{
    for (size_t i = 0; i < f->n_losses; i++)
        if (strcmp(f->losses[i].name, name) == 0) return f->losses[i].value;
    fail_msg("no loss \"%s\"", name);
    return 0;
}

static void assert_no_leftovers(void)
{
    glob_t found;
    assert_int_equal(glob(in_folder("*.tmp.*"), 0, NULL, &found), GLOB_NOMATCH);
    assert_int_equal(glob(in_folder("*.trial.*"), 0, NULL, &found), GLOB_NOMATCH);
}

/* Vectors of some texts, as an opened stack. */
typedef struct stack {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    tri_embeddings *e;
} stack;

static stack encode(const char *precision, const char *isa, int threads, size_t first, size_t n)
{
    stack k;
    tri_error err = {0};
    k.engine = open_engine(precision, isa, threads);
    tri_status st = tri_model_open(k.engine, in_folder(""), NULL, &k.m, &err);
    if (!st) st = tri_session_new(k.m, NULL, &k.s, &err);
    if (!st) st = tri_embed(k.s, NULL, texts + first, n, &k.e, &err);
    if (st) fail_msg("%s: %s", precision, err.text);
    return k;
}

static void drop(stack *k)
{
    tri_embeddings_free(k->e);
    tri_session_free(k->s);
    tri_model_close(k->m);
    tri_engine_close(k->engine);
}

static void same_text(const tri_embeddings *a, size_t i, const tri_embeddings *b, size_t j)
{
    tri_dense_view d = tri_embeddings_dense(a, i), e = tri_embeddings_dense(b, j);
    tri_sparse_view s = tri_embeddings_sparse(a, i), t = tri_embeddings_sparse(b, j);
    tri_multi_view m = tri_embeddings_multi(a, i), n = tri_embeddings_multi(b, j);
    assert_memory_equal(d.values, e.values, d.dim * sizeof(float));
    assert_int_equal(s.count, t.count);
    if (s.count) assert_memory_equal(s.weights, t.weights, s.count * sizeof(float));
    assert_int_equal(m.n_rows, n.n_rows);
    if (m.n_rows) assert_memory_equal(m.rows, n.rows, m.n_rows * m.dim * sizeof(float));
}

/* ---- within the bars -------------------------------------------------------------------------------------------------- */

static void test_a_calibrated_model_is_near_f32(void **state)
{
    (void)state;
    model_copy_fresh();
    tri_calibrate_options o = plan_of(TEXTS);
    o.accept_loss = 0;
    tri_calibration f = calibrate_ok(2, &o);
    assert_true(f.within);
    assert_int_equal(f.n_texts + f.n_held_out, TEXTS);
    assert_int_equal(f.n_held_out, TEXTS / 4);
    assert_int_equal(f.n_losses, 4);
    assert_true(loss_named(&f, "dense_mean") >= loss_named(&f, "dense_min"));
    assert_true(loss_named(&f, "dense_min") >= 0.999 && loss_named(&f, "multi_p5") >= 0.9985);
    assert_true(loss_named(&f, "sparse_top5") <= 5);
    assert_non_null(strstr(f.json, "\"accepted\": \"measured\""));
    assert_no_leftovers();
    stack a = encode("f32", NULL, 2, 0, TEXTS), b = encode("int8", NULL, 2, 0, TEXTS);
    double sum = 0, least = 1;
    for (size_t i = TEXTS - TEXTS / 4; i < TEXTS; i++) { /* the figures are those that a user gets */
        double c = tri_score_dense(tri_embeddings_dense(a.e, i), tri_embeddings_dense(b.e, i));
        sum += c;
        if (c < least) least = c;
    }
    assert_true(fabs(sum / (TEXTS / 4) - loss_named(&f, "dense_mean")) < 1e-6); /* unit vectors in float */
    assert_true(fabs(least - loss_named(&f, "dense_min")) < 1e-6);
    drop(&a);
    drop(&b);
}

static void test_int8_depends_on_nothing_but_the_text(void **state)
{
    (void)state;
    model_copy_fresh();
    tri_calibrate_options o = plan_of(TEXTS);
    calibrate_ok(1, &o);
    for (size_t isa = 0; tri_isa_name(isa); isa++) {
        stack all = encode("int8", tri_isa_name(isa), 1, 0, TEXTS);
        for (int threads = 2; threads <= 3; threads++) {
            stack again = encode("int8", tri_isa_name(isa), threads, 0, TEXTS);
            for (size_t i = 0; i < TEXTS; i++) same_text(all.e, i, again.e, i);
            drop(&again);
        }
        for (size_t i = 0; i < 8; i++) {
            stack alone = encode("int8", tri_isa_name(isa), 2, i, 1);
            same_text(all.e, i, alone.e, 0);
            drop(&alone);
        }
        drop(&all);
    }
}

static void test_the_same_texts_give_the_same_file(void **state)
{
    (void)state;
    model_copy_fresh();
    tri_calibrate_options o = plan_of(TEXTS);
    calibrate_ok(1, &o);
    shell("cp m/trident-int8.packed other");
    calibrate_ok(3, &o);
    shell("cmp other m/trident-int8.packed");
    o.n_texts = TEXTS / 2;
    calibrate_ok(1, &o);
    shell("! cmp -s other m/trident-int8.packed");
}

static void test_texts_stay_within_their_budget(void **state)
{
    (void)state;
    model_copy_fresh();
    tri_calibrate_options o = plan_of(TEXTS);
    o.max_tokens = 400;
    o.n_held_out = TEXTS / 2;
    o.to = in_folder("there");
    tri_calibration f = calibrate_ok(2, &o);
    assert_true(f.n_tokens <= 200 && f.n_tokens > 200 - LENGTH);
    assert_true(f.n_held_out_tokens <= 200 && f.n_held_out_tokens > 200 - LENGTH);
    assert_true(file_exists(in_folder("there")) && !file_exists(in_folder("trident-int8.packed")));
    o.max_tokens = 1; /* one text of each kind at the least */
    f = calibrate_ok(2, &o);
    assert_true(f.n_texts == 1 && f.n_held_out == 1);
}

/* ---- past them -------------------------------------------------------------------------------------------------------- */

static void test_a_missed_bar_writes_nothing_unless_accepted(void **state)
{
    (void)state;
    model_copy_fresh();
    tri_calibrate_options o = plan_of(TEXTS);
    calibrate_ok(2, &o);
    shell("cp m/trident-int8.packed other");
    plant_what_cannot_be_rounded();
    o.accept_loss = 0;
    tri_calibration f;
    tri_error err = {0};
    assert_int_equal(calibrate(2, &o, &f, &err), TRI_ERR_LIMIT);
    assert_false(f.within);
    assert_true(loss_named(&f, "dense_min") < 0.998);
    assert_non_null(strstr(err.text, "dense_min"));
    assert_non_null(strstr(err.hint, "bf16"));
    assert_non_null(strstr(f.json, "\"accepted\": \"no\""));
    shell("cmp other m/trident-int8.packed"); /* the file of before */
    assert_no_leftovers();
    o.accept_loss = 1;
    f = calibrate_ok(2, &o);
    assert_false(f.within);
    assert_non_null(strstr(f.json, "\"accepted\": \"forced\""));
    stack k = encode("int8", NULL, 1, 0, 1);
    drop(&k);
}

static void test_arguments_are_checked(void **state)
{
    (void)state;
    model_copy_fresh();
    tri_calibration f;
    tri_error err = {0};
    tri_calibrate_options o = plan_of(1);
    assert_int_equal(calibrate(1, &o, &f, &err), TRI_ERR_ARGUMENT);
    o = plan_of(4);
    o.n_held_out = 4;
    assert_int_equal(calibrate(1, &o, &f, &err), TRI_ERR_ARGUMENT);
    uint32_t wrong[2] = {0, VOCAB};
    tri_input bad[3] = {texts[0], texts[1], {.ids = wrong, .n_ids = 2}};
    o = plan_of(3);
    o.texts = bad;
    assert_int_equal(calibrate(1, &o, &f, &err), TRI_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "input 2: "));
    o = plan_of(4);
    o.to = in_folder("no/where");
    assert_int_equal(calibrate(1, &o, &f, &err), TRI_ERR_NOT_FOUND); /* before any work */
    assert_false(file_exists(in_folder("trident-int8.packed")));
    assert_no_leftovers();
}

/* ---- a task ------------------------------------------------------------------------------------------------------------ */

static void test_a_task_is_ranked_in_both(void **state)
{
    (void)state;
    model_copy_fresh();
    enum { QUERIES = 8 };
    static char names[TEXTS][8];
    tri_text keys[TEXTS];
    tri_qrels *qrels;
    tri_error err = {0};
    FILE *file = fopen(in_folder("qrels.tsv"), "w");
    assert_non_null(file);
    fprintf(file, "query-id\tcorpus-id\tscore\n");
    for (size_t i = 0; i < TEXTS; i++) {
        keys[i] = (tri_text){names[i], (size_t)snprintf(names[i], sizeof names[i], "t%zu", i)};
        if (i && i < QUERIES) fprintf(file, "t%zu\tt%zu\t1\n", i, i); /* each query finds itself; t0 has no judgments */
    }
    fclose(file);
    assert_int_equal(tri_qrels_load(in_folder("qrels.tsv"), &qrels, &err), TRI_OK);
    tri_calibrate_options o = plan_of(TEXTS);
    o.qrels = qrels;
    o.queries = o.corpus = texts;
    o.query_ids = o.corpus_ids = keys;
    o.n_queries = QUERIES;
    o.n_corpus = TEXTS;
    tri_calibration f = calibrate_ok(2, &o);
    assert_true(f.ndcg10_f32 == 1 && f.ndcg10_int8 == 1);
    assert_true(loss_named(&f, "ndcg10_loss_percent") == 0);
    o.n_queries = 1;
    assert_int_equal(calibrate(2, &o, &f, &err), TRI_ERR_MISMATCH);
    assert_no_leftovers();
    tri_qrels_free(qrels);
}

/* ---- things that fail -------------------------------------------------------------------------------------------------- */

typedef struct stopper {
    const char *phase;
    size_t calls;
} stopper;

static int stop_in_phase(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
    stopper *s = ctx;
    assert_true(done <= total);
    s->calls++;
    return strcmp(s->phase, phase) == 0;
}

static void test_stopping_leaves_nothing(void **state)
{
    (void)state;
    static const char *const phases[] = {"calibrate", "round", "measure"};
    model_copy_fresh();
    for (size_t i = 0; i < 3; i++) {
        stopper s = {phases[i], 0};
        tri_calibration f;
        tri_error err = {0};
        tri_calibrate_options o = plan_of(8);
        o.progress = stop_in_phase;
        o.progress_ctx = &s;
        assert_int_equal(calibrate(1, &o, &f, &err), TRI_ERR_CANCELLED);
        assert_true(s.calls > 0);
        assert_false(file_exists(in_folder("trident-int8.packed")));
        assert_no_leftovers();
    }
}

static void test_every_allocation_read_and_write_may_fail(void **state)
{
    (void)state;
    model_copy_fresh();
    uint64_t live = mem_live();
    tri_calibrate_options o = plan_of(4);
    for (fault_kind kind = 0; kind < FAULT_KINDS; kind++) {
        for (uint64_t nth = 1;; nth++) {
            tri_calibration f;
            tri_export_result r;
            tri_error err = {0};
            tri_engine *engine = open_engine(NULL, NULL, 1);
            fault_arm(kind, nth, false);
            tri_status st = tri_export_calibrated(engine, in_folder(""), &o, &f, &r, &err);
            uint64_t seen = fault_seen(kind);
            fault_arm(kind, 0, false);
            tri_engine_close(engine);
            assert_int_equal(mem_live(), live);
            assert_no_leftovers();
            assert_int_equal(file_exists(in_folder("trident-int8.packed")), st == TRI_OK);
            if (st == TRI_OK) shell("rm m/trident-int8.packed");
            if (seen < nth) break;
            if (st) assert_true(err.text[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_calibrated_model_is_near_f32),
        cmocka_unit_test(test_int8_depends_on_nothing_but_the_text),
        cmocka_unit_test(test_the_same_texts_give_the_same_file),
        cmocka_unit_test(test_texts_stay_within_their_budget),
        cmocka_unit_test(test_a_missed_bar_writes_nothing_unless_accepted),
        cmocka_unit_test(test_arguments_are_checked),
        cmocka_unit_test(test_a_task_is_ranked_in_both),
        cmocka_unit_test(test_stopping_leaves_nothing),
        cmocka_unit_test(test_every_allocation_read_and_write_may_fail),
    };
    return cmocka_run_group_tests(tests, make_texts, remove_folder);
}
