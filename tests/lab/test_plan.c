/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan.c — plans: every key is taken as it is meant, mistakes are named with their line; the small languages of values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "lab/plan.h"

/* Without data there is no search: given runs and refused versions stand in for it. */
static const char whole[] = "name: contest\n"
                            "top: 50\n"
                            "precision: bf16\n"
                            "deadline: 1h30m\n"
                            "price: 0.2/min\n"
                            "bill: hour\n"
                            "budget: 300.5\n"
                            "devices: [cpu, 'cpu:0-3', cuda:1]\n"
                            "hooks: {on_done: release}\n"
                            "metrics: [ndcg@10, map]\n"
                            "versions:\n"
                            "  v1: {heads: dense+multi, weights: [1, 0.5], train: {epochs: 5}, devices: cuda:1}\n"
                            "  a: {run: /dev/../etc/passwd, port: 8001, env: {A: b, C: 'd e'}, hooks: {on_fail: tell}}\n"
                            "  b: {run: /etc/passwd, sha256: "
                            "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef}\n"
                            "  best: {blend: [a, b], method: weighted, weights: [1, 2.5], norm: minmax, missing: zero}\n";

static tri_status read_plan(const char *text, plan *p, tri_error *err)
{
    *err = (tri_error){0};
    return plan_read(text, strlen(text), "dir/plan.yaml", p, err);
}

static void every_key(void **state)
{
    (void)state;
    plan p;
    tri_error err;
    assert_int_equal(read_plan(whole, &p, &err), TRI_OK);
    assert_string_equal(p.name, "contest");
    assert_string_equal(p.folder, "dir");
    assert_true(p.deadline_after == 5400 && p.deadline_at == 0);
    assert_true(fabs(p.price - 12) < 1e-12 && p.bill == PLAN_BILL_HOUR && p.budget == 300.5);
    assert_int_equal(p.devices.n, 3);
    assert_string_equal(p.devices.items[1], "cpu:0-3");
    assert_string_equal(p.hooks.on_done, "release");
    assert_string_equal(p.metrics, "ndcg@10,map");
    assert_int_equal(p.n_versions, 4);
    const plan_version *v1 = plan_find(&p, "v1"), *a = plan_find(&p, "a"), *best = plan_find(&p, "best");
    assert_int_equal(v1->kind, PLAN_SEARCH);
    assert_int_equal(v1->heads, PLAN_DENSE | PLAN_MULTI);
    assert_string_equal(v1->value[PLAN_TOP], "50");
    assert_string_equal(v1->value[PLAN_PRECISION], "bf16");
    assert_string_equal(v1->value[PLAN_WEIGHTS], "1,0.5");
    assert_non_null(strstr(v1->refused, "dir/plan.yaml:12: `train:`"));
    assert_int_equal(a->kind, PLAN_GIVEN);
    assert_string_equal(a->value[PLAN_RUN], "/etc/passwd");
    assert_string_equal(a->value[PLAN_PORT], "8001");
    assert_string_equal(a->env.items[1], "C=d e");
    assert_string_equal(a->hooks.on_fail, "tell");
    assert_null(a->value[PLAN_TOP]);
    assert_int_equal(best->kind, PLAN_BLEND);
    assert_int_equal(best->blend.n, 2);
    assert_string_equal(best->value[PLAN_WEIGHTS], "1,2.5");
    plan_drop(&p);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words, *hint;
    } cases[] = {
        {"", "the plan is empty", ""},
        {"- a\n", "no map of keys", ""},
        {"name: x\n", "the plan has no versions", ""},
        {"versions: {}\n", "the plan has no versions", ""},
        {"versions: [a]\n", ":1: versions is no map", ""},
        {"versions:\n  v1: {run: /etc/passwd, sha255: x}\n", ":2: unknown key \"sha255\" in version v1", "\"sha256\""},
        {"versions:\n  v1: {run: /etc/passwd, top: 5}\n", ":2: top means nothing to a given run", ""},
        {"versions:\n  v1: {run: [/etc/passwd]}\n", ":2: run is a list or a map", ""},
        {"versions:\n  v1:\n    run:\n", ":3: run has no value", ""},
        {"versions:\n  v1: {run: /etc/passwd, blend: [a]}\n", ":2: version v1 is both a run and a blend", ""},
        {"versions:\n  v1: {run: /nowhere/x.trec}\n", ":2: run: there is no file /nowhere/x.trec", ""},
        {"versions:\n  v1: {run: /etc/passwd, sha256: abc}\n", ":2: sha256 takes 64", ""},
        {"versions:\n  b: {blend: [b, b]}\n", ":2: version b blends one version twice", ""},
        {"versions:\n  b: {blend: [c, d]}\n  c: {blend: [b, d]}\n  d: {run: /etc/passwd}\n", ":2: version b blends itself", ""},
        {"versions:\n  b: {blend: [c]}\n  c: {run: /etc/passwd}\n", ":2: version b blends fewer", ""},
        {"versions:\n  V: {run: /etc/passwd}\n  v: {run: /etc/passwd}\n", ":3: version v has the name of another", ""},
        {"versions:\n  index-1: {run: /etc/passwd}\n", ":2: \"index-1\" cannot name", ""},
        {"versions:\n  v1: {heads: dense}\n", ":2: version v1 has no model", "model: NAME"},
        {"model: m\nversions:\n  v1: {heads: dense}\n", ":3: version v1 searches, but the plan has no data", ""},
        {"budget: much\nversions:\n  v1: {run: /etc/passwd}\n", ":1: budget takes an amount", ""},
        {"port: 1\nversions:\n  v1: {run: /etc/passwd}\n", ":1: port belongs in a version", ""},
        {"a: &a [*a]\n", ":1: unknown key", ""},
        {"versions: {v: {run: /etc/passwd, env: {A=B: c}}}\n", "no name of a variable", ""},
        {"a: b: c\n", ":1: this is no YAML", ""},
        {"price: 2/submission\nbill: hour\nversions: {v: {run: /etc/passwd}}\n", "contradict each other", "say N/h"},
        {"versions: {v: {run: /etc/passwd}}\n---\nx: y\n", ":3: a second document", ""},
        {"a: \"\xff\"\n", "this is no YAML", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan p;
        tri_error err;
        assert_int_not_equal(read_plan(cases[i].text, &p, &err), TRI_OK);
        if (!strstr(err.text, cases[i].words) || !strstr(err.hint, cases[i].hint)) fail_msg("%s; %s", err.text, err.hint);
        if (!strstr(err.text, "dir/plan.yaml")) fail_msg("no file in: %s", err.text);
        plan_drop(&p);
    }
}

static void deadlines(void **state)
{
    (void)state;
    double after, at;
    assert_true(plan_parse_deadline("72h", &after, &at) && after == 259200 && at == 0);
    assert_true(plan_parse_deadline("1d12h", &after, &at) && after == 129600);
    assert_true(plan_parse_deadline("1.5m", &after, &at) && after == 90);
    assert_true(plan_parse_deadline("2026-11-27T10:00:00Z", &after, &at) && after == 0 && at == 1795773600);
    assert_true(plan_parse_deadline("2026-11-27 18:00+08:00", &after, &at) && at == 1795773600);
    assert_true(plan_parse_deadline("2026-11-27T05:30:00-0430", &after, &at) && at == 1795773600);
    assert_true(plan_parse_deadline("2026-11-27", &after, &at) && fabs(at - 1795737600) <= 14 * 3600);
    static const char *const bad[] = {"",
                                      "h",
                                      "0h",
                                      "72",
                                      "72h x",
                                      "2026-13-01",
                                      "2026-11-32",
                                      "2026-02-31",
                                      "2026-11-27T",
                                      "2026-11-27T25:00Z",
                                      "2026-11-27T10:00+8",
                                      "26-11-27"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (plan_parse_deadline(bad[i], &after, &at)) fail_msg("taken: \"%s\"", bad[i]);
}

static void prices(void **state)
{
    (void)state;
    double price;
    plan_bill bill = PLAN_BILL_HOUR;
    assert_true(plan_parse_price("12/h", &price, &bill) && price == 12 && bill == PLAN_BILL_HOUR);
    assert_true(plan_parse_price("0.5/minute", &price, &bill) && price == 30);
    assert_true(plan_parse_price("7", &price, &bill) && price == 7);
    assert_true(plan_parse_price("3/submission", &price, &bill) && price == 3 && bill == PLAN_BILL_SUBMISSION);
    static const char *const bad[] = {"", "x", "-1/h", "1/", "1/day", "/h", "nan/h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (plan_parse_price(bad[i], &price, &bill)) fail_msg("taken: \"%s\"", bad[i]);
}

static void weights_fit_heads(void **state)
{
    (void)state;
    static const struct {
        const char *heads, *weights, *want; /* want NULL: refused, "": nothing to say */
    } rows[] = {{"dense", NULL, ""},
                {"dense", "1", NULL},
                {"dense+sparse", NULL, "0.4,0.2,0"},
                {"sparse+dense", "1,0.3", "1,0.3,0"},
                {"sparse+multi", "1,0.3", "0,1,0.3"},
                {"dense+multi", "mkqa", "1,0,1"},
                {"dense+sparse+multi", NULL, ""},
                {"dense+sparse+multi", "mldr", "0.15,0.5,0.35"},
                {"dense+sparse+multi", "1,2,3", "1,2,3"},
                {"dense+sparse+multi", "1,2", NULL},
                {"dense+sparse", "1,2,3,4", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        plan_version v = {.kind = PLAN_SEARCH};
        char out[64] = "";
        bool needed = false;
        v.value[PLAN_WEIGHTS] = rows[i].weights;
        assert_true(plan_parse_heads(rows[i].heads, &v.heads));
        bool ok = plan_weights(&v, out, sizeof out, &needed);
        assert_int_equal(ok, rows[i].want != NULL);
        if (ok && needed) assert_string_equal(out, rows[i].want);
        if (ok) assert_int_equal(needed, rows[i].want[0] != 0);
    }
    unsigned heads;
    static const char *const bad[] = {"", "dense+", "+dense", "dense+dense", "colbert", "dense sparse"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(plan_parse_heads(bad[i], &heads));
}

static void devices(void **state)
{
    (void)state;
    static const char *const good[] = {"cpu", "cpu:0", "cpu:0-3", "cuda", "cuda:7"}, *const bad[] = {"",       "gpu",
                                                                                                     "cpu:",   "cpu:3-1",
                                                                                                     "cuda:x", "cpu:-1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(plan_is_device(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(plan_is_device(bad[i]));
}

/* Every allocation of ours fails in turn: an error in words, nothing lost. */
static void every_allocation_fails(void **state)
{
    (void)state;
    uint64_t live = mem_live();
    for (uint64_t nth = 1;; nth++) {
        plan p;
        tri_error err;
        fault_arm(FAULT_ALLOC, nth, false);
        tri_status st = read_plan(whole, &p, &err);
        bool reached = fault_seen(FAULT_ALLOC) >= nth;
        fault_arm(FAULT_ALLOC, 0, false);
        plan_drop(&p);
        assert_int_equal(mem_live(), live);
        assert_int_equal(st, reached ? TRI_ERR_MEMORY : TRI_OK);
        if (!reached) break;
        assert_true(err.text[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(prices),
        cmocka_unit_test(weights_fit_heads),
        cmocka_unit_test(devices),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
