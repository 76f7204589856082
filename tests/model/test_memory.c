/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c — what a peak takes is given back within the call, and workspaces stay inside the promised bytes a token.
 *
 * The model is tiny; its sessions are not: 262,144 rows of tokens are some 100 MB. Resident memory is read from
 * /proc/self/statm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "trident.h"

enum { ROWS = 1 << 18, LENGTH = 16 };

static size_t resident(void)
{
    unsigned long total = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &total, &pages), 2);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* One call over n texts of LENGTH ids. */
static void embed(tri_session *s, size_t n)
{
    static uint32_t ids[LENGTH];
    tri_input *inputs = calloc(n, sizeof *inputs);
    tri_embeddings *e;
    tri_embed_options o;
    tri_error err = {0};
    for (size_t i = 0; i < LENGTH; i++) ids[i] = (uint32_t)(5 + i);
    for (size_t i = 0; i < n; i++) inputs[i] = (tri_input){.ids = ids, .n_ids = LENGTH};
    tri_embed_options_init(&o);
    o.want = TRI_DENSE;
    if (tri_embed(s, &o, inputs, n, &e, &err)) fail_msg("%s", err.text);
    tri_embeddings_free(e);
    free(inputs);
}

static void a_peak_is_given_back(void **state)
{
    (void)state;
#ifdef TRI_SANITIZE
    skip(); /* the sanitizer's allocator keeps what is freed */
#endif
    tri_engine_options eo;
    tri_session_options so;
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    tri_error err = {0};
    tri_engine_options_init(&eo);
    tri_session_options_init(&so);
    if (tri_engine_open(&eo, &engine, &err)) fail_msg("%s", err.text);
    if (tri_model_open(engine, TEST_ROOT "/tests/golden/tiny/model", NULL, &m, &err)) fail_msg("%s", err.text);
    so.batch_tokens = ROWS;
    if (tri_session_new(m, &so, &s, &err)) fail_msg("%s", err.text);
    embed(s, 4);
    size_t before = resident();
    embed(s, ROWS / LENGTH);
    size_t after = resident();
    if (after > before + (16 << 20)) fail_msg("resident %zu before the peak, %zu after it", before, after);
    tri_session_free(s);
    tri_model_close(m);
    tri_engine_close(engine);
}

static void an_arena_is_trimmed(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, 4096);
    char *kept = arena_alloc(&a, 1000);
    memset(kept, 1, 1000);
    arena_mark mark = arena_save(&a);
    for (int i = 0; i < 100; i++) assert_non_null(arena_alloc(&a, 10000));
    size_t full = a.total;
    arena_restore(&a, mark);
    arena_trim(&a, full);
    assert_int_equal(a.total, full);
    arena_trim(&a, 0);
    assert_true(a.total < 10000);
    assert_int_equal(kept[999], 1);
    assert_non_null(arena_alloc(&a, 50000));
    arena_drop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_peak_is_given_back), cmocka_unit_test(an_arena_is_trimmed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
