/* SPDX-License-Identifier: Apache-2.0 */
/* test_advice.c — the arithmetic of advice against figures worked out by hand, the rules of thumb, and the choice. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lab/advice.h"

static advice_job encode_job(const char *model, double texts, double length)
{
    advice_job job = {.versions = 1};
    job.documents = (advice_work){shapes_find(model), texts, length, length * length, (size_t)length};
    return job;
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%.17g, expected %.17g", got, want);
}

static void test_operations(void **state)
{
    (void)state;
    /* bge-m3, one text of 1 token: 24 layers x (2 (4 x 1024^2 + 2 x 1024 x 4096) + 4 x 1024) */
    advice_job job = encode_job("BAAI/bge-m3", 1, 1);
    assert_near(advice_ops(&job.documents), 24.0 * (2 * (4.0 * 1048576 + 2.0 * 4194304) + 4096));
    /* attention grows with the square: 512 tokens */
    job = encode_job("bge-m3", 2, 512);
    assert_near(advice_ops(&job.documents), 2 * 24.0 * (512 * 2 * (4.0 * 1048576 + 2.0 * 4194304) + 4.0 * 512 * 512 * 1024));
    /* a gated feed-forward has three matrices */
    job = encode_job("gte-multilingual-base", 1, 1);
    assert_near(advice_ops(&job.documents), 12.0 * (2 * (4.0 * 589824 + 3.0 * 768 * 3072) + 4.0 * 768));
    assert_near(advice_tokens(&job), 1);
}

static void test_card(void **state)
{
    (void)state;
    advice_line line;
    advice_job job = encode_job("bge-m3", 1e6, 300);
    const card *t4 = cards_find("t4", 2);
    job.bill = ADVICE_BILL_HOUR;
    job.deadline = 3 * 3600;
    advice_for_card(&job, t4, 0.35, 4, &line);
    assert_true(line.fits && line.budget == ADVICE_BUDGET_MOST && !line.measured);
    assert_near(line.seconds, advice_ops(&job.documents) / (65e12 * 0.35));
    assert_true(line.seconds > 2 * 3600 && line.seconds < 3 * 3600 && line.holds);
    assert_near(line.price, 12); /* the third hour is begun */
    job.bill = ADVICE_BILL_SECOND;
    advice_for_card(&job, t4, 0.35, 4, &line);
    assert_near(line.price, ceil(line.seconds) / 3600 * 4);
    assert_true(line.rule_gib == 32);
    job.deadline = 3600;
    advice_for_card(&job, t4, 0.35, NAN, &line);
    assert_true(line.fits && !line.holds && isnan(line.price));
    assert_near(line.needs, 568e6 * 2 + 65536.0 * (18 * 1024 + 2 * 4096) + 0.6 * 1024 * 1024 * 1024);
    job.versions = 3;
    double once = line.seconds;
    advice_for_card(&job, t4, 0.35, NAN, &line);
    assert_near(line.seconds, 3 * once);
    assert_null(cards_find("T44", 3));
    assert_null(shapes_find("bge-m4"));
}

static void test_memory(void **state)
{
    (void)state;
    advice_line line;
    advice_job job = encode_job("bge-m3", 10, 8192);
    model_shape large = *job.documents.model;
    large.parameters = 7e9; /* 14 GB as fp16 */
    job.documents.model = &large;
    advice_for_card(&job, cards_find("RTX3070", 7), 0.35, 1, &line);
    assert_true(!line.fits && !line.budget && !line.holds && isnan(line.price) && line.needs > line.memory);
    advice_for_card(&job, cards_find("T4", 2), 0.35, 1,
                    &line); /* 14 + 0.6 of 16.3 x 0.95: a smaller batch, one whole text at least */
    assert_true(line.fits && line.budget >= 8192 && line.budget < ADVICE_BUDGET_MOST);
    advice_for_card(&job, cards_find("A100-80", 7), 0.35, 1, &line);
    assert_true(line.fits && line.budget == ADVICE_BUDGET_MOST);
    /* few texts: the weights have to be read all the same */
    job = encode_job("bge-m3", 1, 4);
    advice_for_card(&job, cards_find("T4", 2), 0.35, 1, &line);
    assert_near(line.seconds, 568e6 * 2 / (320e9 * 0.7));
    assert_true(line.rule_gib == 12);
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        double length;
        size_t batch;
    } rows[] = {{1, 32}, {511, 32}, {512, 16}, {2047, 16}, {2048, 8}, {8192, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_int_equal(advice_rule_batch(rows[i].length), rows[i].batch);
    advice_line line;
    advice_job job = {.versions = 1, .pairs = {shapes_find("bge-reranker-v2-m3"), 99, 512, 512 * 512, 512}};
    advice_for_card(&job, cards_at(0), 0.35, NAN, &line);
    assert_true(line.rule_gib == 12);
    job.pairs.texts = 100;
    advice_for_card(&job, cards_at(0), 0.35, NAN, &line);
    assert_true(line.rule_gib == 16);
}

static void test_speeds(void **state)
{
    (void)state;
    advice_job job = encode_job("bge-m3", 100, 100);
    advice_line line = {.fits = true};
    job.queries = (advice_work){job.documents.model, 10, 10, 100, 10};
    job.pairs = (advice_work){shapes_find("bge-reranker-v2-m3"), 5, 200, 40000, 200};
    job.versions = 2;
    job.deadline = 1e9;
    advice_for_speeds(&job, 1e11, 5e10, 0, &line);
    assert_near(line.seconds,
                2 * (advice_ops(&job.documents) + advice_ops(&job.queries)) / 1e11 + advice_ops(&job.pairs) / 5e10);
    assert_true(line.holds && line.price == 0);
}

static void test_choice(void **state)
{
    (void)state;
    advice_line lines[4] = {{.seconds = 100, .price = 5, .holds = true},
                            {.seconds = 10, .price = 3, .holds = true},
                            {.seconds = 1, .price = 3, .holds = true},
                            {.seconds = 500, .price = 1, .holds = false}};
    assert_int_equal(advice_choose(lines, 4), 2); /* the cheapest that holds; of equal prices the faster */
    lines[2].price = lines[1].price = NAN;
    assert_int_equal(advice_choose(lines, 4), 0); /* where prices are known, only they count */
    lines[0].price = NAN;
    assert_int_equal(advice_choose(lines, 4), 0); /* without: the least machine */
    assert_int_equal(advice_choose(lines + 3, 1), -1);
    assert_int_equal(advice_choose(lines, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_operations), cmocka_unit_test(test_card),
                                       cmocka_unit_test(test_memory),     cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_speeds),     cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
