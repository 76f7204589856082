/* SPDX-License-Identifier: Apache-2.0 */
/* bench_tokenizer.c — how fast is a tokenizer opened, and how fast does it read, alone and with all threads?
 *
 *   bench_tokenizer MODEL THREADS FILE...
 *
 * The first line is the time to open with the file in the page cache. Then a line a file: bytes, tokens, and MB/s
 *   lines    line by line on one thread, processor time
 *   whole    the file as one text, likewise
 *   list     the lines in one call of text_batch_tokenize, as tri_embed makes it, with one thread and with THREADS: wall time.
 *            It needs a model's folder with weights; "-" where MODEL has none
 * Best of five runs each. bench_tokenizer.py runs the reference in turns with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "model/model.h"
#include "model/session.h"
#include "model/text_batch.h"
#include "tokenizer/tokenizer.h"
#include "trident/embed.h"

enum { N_RUNS = 5 };

static double clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
    return clock_ms(CLOCK_THREAD_CPUTIME_ID);
}

static void keep_least(double *best, double ms)
{
    if (ms < *best) *best = ms;
}

static int fail(const tri_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

/* ---- one thread --------------------------------------------------------------------------------------------------------- */

static tri_text next_line(const buf *text, size_t *at)
{
    const char *from = (const char *)text->data + *at, *end = memchr(from, '\n', text->len - *at);
    tri_text line = {from, end ? (size_t)(end - from) : text->len - *at};
    *at += line.len + 1;
    return line;
}

static tri_status encode_lines(const tokenizer *t, tokenizer_scratch *s, const buf *text, size_t *n_tokens, tri_error *err)
{
    *n_tokens = 0;
    for (size_t at = 0; at < text->len;) {
        encoding e;
        tri_status st = tokenizer_encode(t, s, next_line(text, &at), NULL, NULL, &e, err);
        if (st) return st;
        *n_tokens += e.n;
    }
    return TRI_OK;
}

static tri_status measure_alone(const tokenizer *t, tokenizer_scratch *s, const char *name, const buf *text, tri_error *err)
{
    double lines = 1e30, whole = 1e30;
    size_t n_tokens = 0;
    for (int i = 0; i < N_RUNS; i++) {
        encoding e;
        double start = cpu_ms();
        tri_status st = encode_lines(t, s, text, &n_tokens, err);
        keep_least(&lines, cpu_ms() - start);
        start = cpu_ms();
        if (!st) st = tokenizer_encode(t, s, (tri_text){(const char *)text->data, text->len}, NULL, NULL, &e, err);
        keep_least(&whole, cpu_ms() - start);
        if (st) return st;
    }
    printf("%s: %zu bytes, %zu tokens, lines %.1f MB/s, whole %.1f MB/s", name, text->len, n_tokens,
           (double)text->len / lines / 1e3, (double)text->len / whole / 1e3);
    return TRI_OK;
}

/* ---- a list, with so many threads -----------------------------------------------------------------------------------------
 */

typedef struct desk {
    pool *threads;
    compute *c;
    model *m;
    session *s; /* NULL where there is no model */
} desk;

static void desk_close(desk *d)
{
    session_free(d->s);
    model_close(d->m);
    compute_close(d->c);
    pool_free(d->threads);
    *d = (desk){0};
}

static bool desk_open(desk *d, const char *folder, int threads)
{
    tri_model_options o = {.struct_size = sizeof o, .want = TRI_DENSE};
    tri_session_options so = {.struct_size = sizeof so};
    *d = (desk){0};
    bool there = !pool_new(threads, &d->threads, NULL) && !compute_open(NULL, d->threads, &d->c, NULL) &&
                 !model_open(d->c, &(model_how){.p = PRECISION_F32}, (log_hook){0}, folder, &o, &d->m, NULL) &&
                 !session_new(d->m, &so, &d->s, NULL);
    if (!there) desk_close(d);
    return there;
}

static tri_status measure_list(desk *d, const tri_input *inputs, size_t n, double *best, tri_error *err)
{
    tri_embed_options o = {.struct_size = sizeof o};
    for (int i = 0; i < N_RUNS; i++) {
        text_tokens *texts;
        arena_mark mark = arena_save(&d->s->scratch);
        double start = clock_ms(CLOCK_MONOTONIC);
        tri_status st = text_batch_tokenize(d->s, &o, inputs, n, &texts, err);
        keep_least(best, clock_ms(CLOCK_MONOTONIC) - start);
        arena_restore(&d->s->scratch, mark);
        if (st) return st;
    }
    return TRI_OK;
}

static tri_status measure_together(desk *one, desk *all, const buf *text, tri_error *err)
{
    double best_one = 1e30, best_all = 1e30;
    size_t n = 0;
    if (!one->s || !all->s) return printf(", list -\n") < 0 ? TRI_ERR_IO : TRI_OK;
    for (size_t at = 0; at < text->len; n++) next_line(text, &at);
    tri_input *inputs = mem_calloc(n, sizeof *inputs);
    if (!inputs) return TRI_ERR_MEMORY;
    for (size_t at = 0, i = 0; i < n; i++) inputs[i].text = next_line(text, &at);
    tri_status st = measure_list(one, inputs, n, &best_one, err);
    if (!st) st = measure_list(all, inputs, n, &best_all, err);
    mem_free(inputs);
    if (!st)
        printf(", list %.1f MB/s, %d threads %.1f MB/s\n", (double)text->len / best_one / 1e3, pool_size(all->threads),
               (double)text->len / best_all / 1e3);
    return st;
}

int main(int argc, char **argv)
{
    tri_error err = {0};
    tokenizer *t = NULL;
    tokenizer_scratch *s;
    double open = 1e30;
    uint64_t threads;
    desk one, all;
    if (argc < 4 || !number_parse_u64(argv[2], strlen(argv[2]), &threads) || threads < 1 || threads > 1024) return 2;
    for (int i = 0; i < N_RUNS; i++) {
        tokenizer_close(t);
        double start = cpu_ms();
        if (tokenizer_open(argv[1], TOKENIZER_RULES_FILE, &t, &err)) return fail(&err);
        keep_least(&open, cpu_ms() - start);
    }
    printf("open %.1f ms\n", open);
    if (tokenizer_scratch_new(&s, &err)) return fail(&err);
    desk_open(&one, argv[1], 1);
    desk_open(&all, argv[1], (int)threads);
    for (int a = 3; a < argc; a++) {
        buf text;
        buf_init(&text, 0);
        if (file_read_all(argv[a], SIZE_MAX, &text, &err) || measure_alone(t, s, argv[a], &text, &err) ||
            measure_together(&one, &all, &text, &err))
            return fail(&err);
        buf_drop(&text);
    }
    desk_close(&one);
    desk_close(&all);
    tokenizer_scratch_free(s);
    tokenizer_close(t);
    return 0;
}
