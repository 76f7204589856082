/* SPDX-License-Identifier: Apache-2.0 */
/* test_score_cache.c — both forms of the score cache: what was put is found again, under its own terms alone; and with each
 * allocation, read and write failing in turn nothing crashes, leaks, or is half there. */
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
#include "lab/score_cache.h"

enum { N = 5 };

static char folder[64];
static const cache_terms terms = {
    .model = 7, .precision = "f32", .max_length = 512, .query_max = 384, .cut = 1, .sigmoid = true};

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/tri-cache-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static void empty_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'/*", folder);
    assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
    (void)state;
    empty_folder();
    return rmdir(folder);
}

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static tri_pair pair_of(size_t i)
{
    static const char *const queries[N] = {"a", "a", "", "a_b", "a"}, *const passages[N] = {"x", "", "y", "c", "b_c"};
    return (tri_pair){.query = {queries[i], strlen(queries[i])}, .passage = {passages[i], strlen(passages[i])}};
}

static tri_status fill(const char *path, const cache_terms *t, tri_error *err)
{
    score_cache *c;
    tri_pair pairs[N];
    tri_pair_score scores[N] = {{0}};
    size_t which[2][3] = {{0, 1, 2}, {3, 4}};
    for (size_t i = 0; i < N; i++) {
        pairs[i] = pair_of(i);
        scores[i] = (tri_pair_score){.logit = (float)i - 2.5f, .score = 0.125f * (float)(i + 1), .tokens = 10 + i};
    }
    tri_status st = score_cache_open(path, t, &c, err);
    if (st) return st;
    st = score_cache_put(c, pairs, scores, which[0], 3, err);
    if (!st) st = score_cache_put(c, pairs, scores, which[1], 2, err);
    tri_status closed = score_cache_close(c, st ? NULL : err);
    return st ? st : closed;
}

/* How many of the N are there; those that are, are right. */
static size_t count_found(const char *path, const cache_terms *t)
{
    score_cache *c;
    tri_error err = {0};
    size_t n = 0;
    if (score_cache_open(path, t, &c, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < N; i++) {
        tri_pair pair = pair_of(i);
        tri_pair_score s;
        bool found;
        assert_int_equal(score_cache_find(c, &pair, &s, &found, &err), TRI_OK);
        n += found;
        if (found && strstr(path, ".json"))
            assert_true(s.score == 0.125f * (float)(i + 1) || i >= 3); /* the last two share a key */
        else if (found)
            assert_true(s.logit == (float)i - 2.5f && s.tokens == 10 + i);
    }
    assert_int_equal(score_cache_close(c, &err), TRI_OK);
    return n;
}

static void what_was_put_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"scores.db", "rerank_cache.json"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        tri_error err = {0};
        path_of(names[i], path);
        if (fill(path, &terms, &err)) fail_msg("%s", err.text);
        assert_int_equal(count_found(path, &terms), N);
        cache_terms other = terms;
        other.query_max = 100;
        assert_int_equal(count_found(path, &other), i ? N : 0);
        other = terms;
        other.hf5_rules = true;
        assert_int_equal(count_found(path, &other), i ? N : 0);
    }
    empty_folder();
}

static void each_step_may_fail(void **state)
{
    (void)state;
    static const char *const names[] = {"scores.db", "rerank_cache.json"};
    uint64_t live = mem_live();
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        path_of(names[i], path);
        for (fault_kind kind = 0; kind < FAULT_KINDS; kind++)
            for (uint64_t nth = 1; nth < 10000; nth++) {
                tri_error err = {0};
                empty_folder();
                fault_arm(kind, nth, false);
                tri_status st = fill(path, &terms, &err);
                bool reached = fault_seen(kind) >= nth;
                fault_arm(kind, 0, false);
                if (st) assert_true(err.text[0] != 0);
                assert_int_equal(mem_live(), live);
                size_t n = count_found(path, &terms);
                if (!st) assert_int_equal(n, N);
                if (!reached) break;
            }
    }
    empty_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(each_step_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
