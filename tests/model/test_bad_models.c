/* SPDX-License-Identifier: Apache-2.0 */
/* test_bad_models.c — folders with one thing wrong in each: a clear error that names the file and the thing, no crash, nothing
 * made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "golden.h"
#include "trident.h"

static tri_engine *engine;

/* Opens the folder with the default want and encodes `inputs`; what a user's `trident encode` does. */
static tri_status try_folder(const char *dir, const tri_input *inputs, size_t n, tri_error *err)
{
    tri_model *m = NULL;
    tri_session *s = NULL;
    tri_embeddings *e = NULL;
    tri_status st = tri_model_open(engine, dir, NULL, &m, err);
    if (!st) st = tri_session_new(m, NULL, &s, err);
    if (!st) st = tri_embed(s, NULL, inputs, n, &e, err);
    tri_embeddings_free(e);
    tri_session_free(s);
    tri_model_close(m);
    return st;
}

static void check_message(const char *dir, const json_t *item, const tri_error *err)
{
    json_t *name;
    size_t i;
    json_array_foreach(json_object_get(item, "error_must_name"), i, name)
    {
        if (!strstr(err->text, json_string_value(name)))
            fail_msg("%s: \"%s\" is not named in: %s", dir, json_string_value(name), err->text);
    }
}

static tri_input *read_texts(const golden *g, size_t *n)
{
    json_t *texts = json_object_get(g->inputs, "texts");
    *n = json_array_size(texts);
    tri_input *inputs = calloc(*n, sizeof *inputs);
    for (size_t i = 0; i < *n; i++) {
        json_t *t = json_array_get(texts, i);
        inputs[i].text = (tri_text){json_string_value(t), json_string_length(t)};
    }
    return inputs;
}

static void check_items(const golden *g)
{
    size_t n, i;
    tri_input *inputs = read_texts(g, &n);
    json_t *item;
    json_array_foreach(json_object_get(g->facts, "items"), i, item)
    {
        char dir[8192];
        tri_error err = {0};
        uint64_t live = mem_live();
        snprintf(dir, sizeof dir, "%s/%s", g->dir, json_string_value(json_object_get(item, "dir")));
        tri_status st = try_folder(dir, inputs, n, &err);
        assert_int_equal(mem_live(), live);
        bool may_work = strstr(dir, "compressed") != NULL; /* a deflated member may be refused, or inflated correctly */
        if (!st && !may_work) fail_msg("%s: opened and encoded", dir);
        if (st) {
            assert_int_equal(err.status, st);
            check_message(dir, item, &err);
        }
    }
    free(inputs);
}

static void check_calls(const golden *g)
{
    json_t *call;
    size_t i;
    json_array_foreach(json_object_get(g->facts, "calls"), i, call)
    {
        char dir[8192];
        json_t *ids = json_object_get(call, "ids");
        uint32_t list[64];
        size_t n = json_array_size(ids);
        bool negative = false;
        for (size_t j = 0; j < n && j < 64; j++) {
            json_int_t id = json_integer_value(json_array_get(ids, j));
            negative |= id < 0;
            list[j] = (uint32_t)id;
        }
        if (negative) continue; /* our ids are unsigned: the command line refuses it, tests/cli */
        tri_error err = {0};
        tri_input in = {.ids = list, .n_ids = n};
        snprintf(dir, sizeof dir, "%s/%s", g->dir, json_string_value(json_object_get(call, "dir")));
        assert_int_not_equal(try_folder(dir, &in, 1, &err), TRI_OK);
        check_message(dir, call, &err);
    }
}

static void run_set(const char *root)
{
    char dir[8192];
    golden g;
    snprintf(dir, sizeof dir, "%s/bad", root);
    assert_true(golden_open(dir, &g));
    check_items(&g);
    check_calls(&g);
    golden_close(&g);
}

static void test_bad_folders(void **state)
{
    (void)state;
    run_set(TEST_ROOT "/tests/golden/models");
}

static void test_bad_folders_of_the_full_set(void **state)
{
    (void)state;
    char dir[4200];
    if (!golden_shared()) skip();
    snprintf(dir, sizeof dir, "%s/golden/models", golden_shared());
    run_set(dir);
}

static void test_missing_folders(void **state)
{
    (void)state;
    tri_error err = {0};
    tri_input in = {.text = {"x", 1}};
    assert_int_equal(try_folder("/nonexistent/model", &in, 1, &err), TRI_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/model"));
    assert_int_not_equal(try_folder(TEST_ROOT "/README.md", &in, 1, &err), TRI_OK);
}

static int open_engine(void **state)
{
    (void)state;
    return tri_engine_open(NULL, &engine, NULL);
}

static int close_engine(void **state)
{
    (void)state;
    tri_engine_close(engine);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_folders),
        cmocka_unit_test(test_bad_folders_of_the_full_set),
        cmocka_unit_test(test_missing_folders),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
