/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c — what the base room promises: exact halves, shortest numbers, strict UTF-8, arenas, tables, whole files, a pool
 * that does every task once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/half.h"
#include "base/number.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/strmap.h"
#include "base/utf8.h"

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static void test_halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = half_to_f32((uint16_t)h), b = bf16_to_f32((uint16_t)h);
        if (!isnan(f))
            assert_int_equal(half_from_f32(f), h);
        else
            assert_true(isnan(half_to_f32(half_from_f32(f))));
        if (!isnan(b)) assert_int_equal(bf16_from_f32(b), h);
    }
    rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 2000000; i++) { /* the nearest of the two neighbours, or the even one */
        float f = float_of((uint32_t)rng_next(&r));
        if (isnan(f)) continue;
        uint16_t h = half_from_f32(f);
        float back = half_to_f32(h);
        if (isinf(back)) {
            assert_true(fabsf(f) >= 65520.0f);
            continue;
        }
        double off = fabs((double)f - (double)back);
        for (int d = -1; d <= 1; d += 2) {
            float other = half_to_f32((uint16_t)(h + d));
            if (isnan(other) || isinf(other) || (other < 0) != (back < 0)) continue;
            double other_off = fabs((double)f - (double)other);
            assert_true(off < other_off || (off == other_off && !(h & 1)));
        }
    }
}

static void check_number(float f)
{
    char text[40];
    size_t n = number_format_f32(text, sizeof text, f);
    assert_int_equal(n, strlen(text));
    assert_true(strtof(text, NULL) == f);
    char shorter[40];
    int digits = 0;
    for (const char *p = text; *p && *p != 'e'; p++) digits += *p >= '0' && *p <= '9';
    const char *p = text + (text[0] == '-');
    if (p[0] == '0' && p[1] == '.')
        for (p += 2, digits--; *p == '0'; p++) digits--;
    if (!strchr(text, '.') && !strchr(text, 'e')) return; /* whole numbers carry their zeros */
    if (digits > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, (double)f);
        assert_true(strtof(shorter, NULL) != f);
    }
}

static void test_numbers_are_shortest_and_exact(void **state)
{
    (void)state;
    const float some[] = {0.1f,  1.0f / 3,      1e-7f,  123456789.0f,    16777216.0f, 0.5f,          2.0f,
                          1e10f, 3.4028235e38f, 1e-45f, 1.17549435e-38f, 65504.0f,    0.00012207031f};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) check_number(some[i]), check_number(-some[i]);
    rng r;
    rng_seed(&r, 2);
    for (int i = 0; i < 300000; i++) {
        float f = float_of((uint32_t)rng_next(&r));
        if (isfinite(f)) check_number(f);
        check_number((float)rng_normal(&r));
    }
    char text[40];
    number_format_f32(text, sizeof text, 0.1f);
    assert_string_equal(text, "0.1");
    number_format_f64(text, sizeof text, 0.1);
    assert_string_equal(text, "0.1");
    double d;
    assert_true(number_parse_f64("1e-3", 4, &d) && d == 1e-3);
    assert_true(number_parse_f64("-0.25", 5, &d) && d == -0.25);
    assert_true(number_parse_f64("0.12345678901234567890123", 25, &d) && d == 0.12345678901234567890123);
    assert_false(number_parse_f64("nan", 3, &d));
    assert_false(number_parse_f64("1e", 2, &d));
    assert_false(number_parse_f64("", 0, &d));
    assert_false(number_parse_f64("1 ", 2, &d));
    uint64_t u;
    assert_true(number_parse_size("1.5g", &u) && u == 3ull << 29);
    assert_true(number_parse_size("2GiB", &u) && u == 2ull << 30);
    assert_false(number_parse_size("2x", &u));
    assert_false(number_parse_size("", &u));
}

static void test_utf8_is_strict(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t n_bad;
    } cases[] = {{"plain", 0},    {"\xC3\xA9", 0},     {"\xFF", 1},
                 {"\xC0\x80", 2}, {"\xED\xA0\x80", 3}, {"\xF4\x90\x80\x80", 4},
                 {"\xE2\x82", 2}, {"a\xE2\x82z", 2},   {"\xF0\x9F\x98\x80", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t *p = (const uint8_t *)cases[i].bytes;
        assert_int_equal(utf8_count_bad(p, strlen(cases[i].bytes)), cases[i].n_bad);
        buf out;
        buf_init(&out, 0);
        size_t n_bad;
        assert_int_equal(utf8_repair(p, strlen(cases[i].bytes), &out, &n_bad), TRI_OK);
        assert_int_equal(n_bad, cases[i].n_bad);
        assert_int_equal(utf8_count_bad(out.data, out.len), 0);
        buf_drop(&out);
    }
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF) continue;
        uint8_t b[4];
        uint32_t back;
        size_t n = utf8_put(b, cp);
        assert_int_equal(utf8_next(b, n, &back, NULL), n);
        assert_int_equal(back, cp);
    }
}

static void test_arena_reuses_after_restore(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, 128);
    void *keep = arena_alloc(&a, 10);
    arena_mark m = arena_save(&a);
    for (int round = 0; round < 3; round++) {
        uint64_t before = mem_count();
        for (int i = 0; i < 100; i++) {
            char *p = arena_aligned(&a, (size_t)(i * 7), 64);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 64, 0);
            memset(p, i, (size_t)(i * 7));
        }
        if (round) assert_int_equal(mem_count(), before);
        arena_restore(&a, m);
    }
    assert_non_null(keep);
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    arena_drop(&a);
}

static void test_strmap_against_a_list(void **state)
{
    (void)state;
    strmap m;
    strmap_init(&m);
    static int present[5000];
    memset(present, 0, sizeof present);
    rng r;
    rng_seed(&r, 3);
    for (int i = 0; i < 100000; i++) {
        char key[16];
        uint32_t k = (uint32_t)rng_below(&r, 5000);
        int n = snprintf(key, sizeof key, "k%u", k);
        if (rng_below(&r, 2)) {
            assert_int_equal(strmap_put(&m, key, (size_t)n, k, NULL, NULL), TRI_OK);
            present[k] = 1;
        } else {
            assert_int_equal(strmap_remove(&m, key, (size_t)n), present[k]);
            present[k] = 0;
        }
        uint32_t v;
        k = (uint32_t)rng_below(&r, 5000);
        n = snprintf(key, sizeof key, "k%u", k);
        assert_int_equal(strmap_find(&m, key, (size_t)n, &v), present[k]);
        if (present[k]) assert_int_equal(v, k);
    }
    strmap_drop(&m);
}

static void test_files_appear_whole_or_not_at_all(void **state)
{
    (void)state;
    char dir[] = "/tmp/tri_base_XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/f", dir);
    tri_error err;
    out_file *f;
    assert_int_equal(out_file_open(path, &f, &err), TRI_OK);
    assert_int_equal(out_file_write(f, "hello", 5, &err), TRI_OK);
    assert_false(file_exists(path));
    assert_int_equal(out_file_patch(f, 0, "J", 1, &err), TRI_OK);
    assert_int_equal(out_file_commit(f, &err), TRI_OK);
    mapped_file m;
    assert_int_equal(mapped_file_open(path, &m, &err), TRI_OK);
    assert_int_equal(m.len, 5);
    assert_memory_equal(m.data, "Jello", 5);
    mapped_file_close(&m);
    uint64_t live = mem_live();
    for (uint64_t nth = 1;; nth++) { /* each write of a commit fails in turn: the old file stays, no litter */
        fault_arm(FAULT_WRITE, nth, true);
        tri_status st = out_file_open(path, &f, &err);
        if (!st) st = out_file_write(f, "world", 5, &err) ? (out_file_discard(f), TRI_ERR_IO) : out_file_commit(f, &err);
        bool reached = fault_seen(FAULT_WRITE) >= nth;
        fault_arm(FAULT_WRITE, 0, false);
        assert_int_equal(mem_live(), live);
        if (!reached) break;
        if (st) {
            buf b;
            buf_init(&b, 0);
            assert_int_equal(file_read_all(path, 100, &b, &err), TRI_OK);
            assert_memory_equal(b.data, "Jello", 5);
            buf_drop(&b);
        }
    }
    /* a device is written to, not replaced */
    char null_link[64];
    snprintf(null_link, sizeof null_link, "%s/null", dir);
    assert_int_equal(symlink("/dev/null", null_link), 0);
    assert_int_equal(out_file_open(null_link, &f, &err), TRI_OK);
    assert_int_equal(out_file_write(f, "gone", 4, &err), TRI_OK);
    assert_int_equal(out_file_commit(f, &err), TRI_OK);
    assert_false(file_exists(null_link));
    unlink(null_link);
    assert_int_equal(mapped_file_open(dir, &m, &err), TRI_ERR_IO);
    assert_non_null(strstr(err.text, "directory"));
    assert_int_equal(mapped_file_open("/nonexistent/x", &m, &err), TRI_ERR_NOT_FOUND);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

static void test_errors_are_safe_text(void **state)
{
    (void)state;
    tri_error err;
    assert_int_equal(err_set(&err, TRI_ERR_FORMAT, "bad \x1b[31m \xFF name"), TRI_ERR_FORMAT);
    assert_string_equal(err.text, "bad ?[31m ? name");
    err_prefix(&err, TRI_ERR_FORMAT, "could not open %s: ", "x");
    assert_string_equal(err.text, "could not open x: bad ?[31m ? name");
    assert_int_equal(err_set(NULL, TRI_ERR_IO, "nobody listens"), TRI_ERR_IO);
    assert_string_equal(tri_status_name(TRI_ERR_NUMERIC), "ERR_NUMERIC");
}

static void count_task(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    atomic_fetch_add(&((atomic_int *)ctx)[task], 1);
}

static void test_pool_does_every_task_once(void **state)
{
    (void)state;
    static atomic_int counts[1000];
    for (int threads = 1; threads <= 5; threads++) {
        pool *p;
        assert_int_equal(pool_new(threads, &p, NULL), TRI_OK);
        for (size_t round = 0; round < 3000; round++) {
            size_t n = round % 7 == 0 ? 1000 : round % 40;
            memset((void *)counts, 0, sizeof counts);
            pool_run(p, count_task, counts, n);
            for (size_t i = 0; i < 1000; i++) assert_int_equal(atomic_load(&counts[i]), i < n);
        }
        pool_free(p);
    }
    assert_true(pool_default_threads() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves_round_to_nearest_even),
        cmocka_unit_test(test_numbers_are_shortest_and_exact),
        cmocka_unit_test(test_utf8_is_strict),
        cmocka_unit_test(test_arena_reuses_after_restore),
        cmocka_unit_test(test_strmap_against_a_list),
        cmocka_unit_test(test_files_appear_whole_or_not_at_all),
        cmocka_unit_test(test_errors_are_safe_text),
        cmocka_unit_test(test_pool_does_every_task_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
