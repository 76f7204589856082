/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_linear.c — linear of every instruction set in f32, bf16 and int8: near ref, and the same bits alone, in a batch,
 * and on 1, 2 or 3 threads.
 *
 * Bounds, on the operands as they are after rounding to their type:
 *   f32   the error of a sum of K products of mixed signs has a standard deviation near 0.65 u sum|x w| (each addition errs by
 *         u/sqrt(3) of a partial sum that grows like sqrt(k)); 6 u sum|x w| is nine of them, and 4 u of each later value covers
 *         bias, activation (tested alone in test_conf_activation.c) and residual. Slopes of the activations stay under 1.13
 *   bf16  products of two bf16 are exact in f32, so the sum's bound holds; twice it, since Arm's instructions round to odd,
 *         an ulp at most and not half of one. Those and x86's take what is below 2^-126 as zero
 *   int8  the sum is exact and the steps behind it are the same f32 operations everywhere: the same bits as ref, but for the
 *         activations, which may err by 16 u (6 ulp) of y and 8 u of what they are given, and for kept columns, a sum in f32
 * A y in bf16 adds its own rounding, 2^-8 of y. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compute/packed.h"
#include "conform.h"

typedef struct shape {
    size_t m, n, k;
} shape;

/* Tiles are 12 x 32, 6 x 16, 4 x 8, 32 x 32 and multiply groups in ones, twos and 16s; slabs of 2048 bytes are 512, 1024, 2048
 * deep; blocks are 96 rows x 512 columns: the edges of each, and odd ones. */
static const shape shapes[] = {
    {1, 1, 1},     {1, 2, 3},     {2, 1, 5},     {3, 7, 4},      {5, 16, 24},    {7, 17, 64},   {12, 32, 24},
    {13, 33, 65},  {1, 1, 1024},  {40, 1, 384},  {1, 384, 384},  {4, 100, 511},  {6, 48, 512},  {8, 15, 513},
    {25, 31, 100}, {95, 40, 33},  {96, 64, 130}, {97, 530, 100}, {130, 8, 577},  {193, 65, 48}, {16, 1030, 17},
    {2, 96, 1600}, {33, 128, 72}, {100, 9, 9},   {5, 40, 1025},  {14, 20, 2047}, {3, 33, 4099}, {17, 18, 2048},
};
static const activation activations[] = {ACT_NONE, ACT_GELU_ERF, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_RELU, ACT_SILU, ACT_TANH};

typedef struct kind {
    precision p;
    dtype x;
    bool smoothed, kept;
    const char *name;
} kind;
static const kind kinds[] = {
    {PRECISION_F32, DTYPE_F32, false, false, "f32"},
    {PRECISION_BF16, DTYPE_BF16, false, false, "bf16"},
    {PRECISION_INT8, DTYPE_U8, false, false, "int8"},
    {PRECISION_INT8, DTYPE_U8, true, false, "smoothed int8"},
    {PRECISION_INT8, DTYPE_U8, true, true, "int8 with kept columns"},
    {PRECISION_F16, DTYPE_F16, false, false, "f16"}, /* cards */
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* The operands of one product, x already in its type. */
typedef struct operands {
    tensor x, w, smoothing;
    tensor whole;        /* what x was made from, for kept columns */
    const float *smooth; /* or NULL */
} operands;

static bool is_kept(const operands *o, size_t column)
{
    return o->smooth && o->smooth[column] == 0;
}

/* As many columns as may be, and as different as they may be. */
static void keep_columns(rng *r, operands *o, const tensor *wide)
{
    float *smoothing = conform_row(&o->smoothing, 0);
    for (size_t i = 0; i < packed_kept_max(wide->cols); i++) smoothing[rng_below(r, wide->cols)] = 0;
    o->whole = conform_narrowed(wide, rng_below(r, 2) ? DTYPE_BF16 : DTYPE_F32, NULL, rng_below(r, 4));
}

static void come_from(tensor *x, const tensor *whole)
{
    x->from = (tensor_source){whole->data, whole->type, whole->ld};
}

static operands make_operands(rng *r, const kind *k, shape s)
{
    tensor wide = conform_random(r, s.m, s.k, rng_below(r, 4), 1);
    operands o = {.w = conform_random(r, s.n, s.k, 0, 1), .smoothing = conform_random(r, 1, s.k, 0, 1)};
    for (size_t j = 0; j < s.k; j++) conform_row(&o.smoothing, 0)[j] = 1.25f + conform_row(&o.smoothing, 0)[j];
    if (k->smoothed) o.smooth = o.smoothing.data;
    if (k->kept) keep_columns(r, &o, &wide);
    for (size_t i = 0; i < s.n * s.k; i++) { /* as packing does: the bound is to know it */
        float *w = conform_row(&o.w, 0) + i;
        if (k->p == PRECISION_BF16) *w = bf16_to_f32(bf16_from_f32(*w));
        if (k->p == PRECISION_F16) *w = half_to_f32(half_from_f32(*w));
    }
    o.x = k->p == PRECISION_F32 ? conform_copy(&wide) : conform_narrowed(&wide, k->x, o.smooth, rng_below(r, 4));
    if (k->kept) come_from(&o.x, &o.whole);
    conform_free(&wide);
    return o;
}

static void drop_operands(operands *o)
{
    conform_free(&o->x);
    conform_free(&o->w);
    conform_free(&o->smoothing);
    conform_free(&o->whole);
}

static void run_linear(device *d, const kind *k, const operands *o, const tensor *x, const epilogue *e, const tensor *y)
{
    bool is_ref = strcmp(d->c->ops->name, "ref") == 0; /* which has no f16, but the same numbers in f32 */
    packed_matrix *w = conform_pack_as(d, &o->w, is_ref && k->p == PRECISION_F16 ? PRECISION_F32 : k->p, o->smooth);
    d->c->ops->linear(d->c, x, w, e, y);
    d->c->ops->packed_free(w);
}

static double sum_of_magnitudes(const operands *o, size_t i, size_t j)
{
    double sum = 0;
    for (size_t k = 0; k < o->x.cols; k++) sum += fabs(conform_get(&o->x, i, k) * conform_row(&o->w, j)[k]);
    return sum;
}

static double sum_of_kept(const operands *o, size_t i, size_t j)
{
    double sum = 0;
    for (size_t k = 0; k < o->whole.cols; k++)
        if (is_kept(o, k)) sum += fabs(conform_get(&o->whole, i, k) * conform_row(&o->w, j)[k]);
    return sum;
}

/* want: ref's result; plain: ref's without an epilogue; both F32 */
static double *bounds(const kind *k, const operands *o, const epilogue *e, const tensor *want, const tensor *plain,
                      dtype y_type)
{
    double *bound = conform_alloc(want->rows * want->cols * sizeof *bound);
    for (size_t i = 0; i < want->rows; i++)
        for (size_t j = 0; j < want->cols; j++) {
            double y = fabs(conform_row(want, i)[j]), bias = e->bias ? fabs(e->bias[j]) : 0, error;
            double residual = e->residual ? fabs(conform_row(e->residual, i)[j]) : 0;
            if (k->p == PRECISION_INT8) {
                double sum = k->kept ? sum_of_kept(o, i, j) : 0, before = fabs(conform_row(plain, i)[j]) + bias;
                error = e->act == ACT_NONE && !k->kept ? 0 : CONFORM_U * (16 * y + 8 * before + 4 * residual + 80 * sum);
            } else {
                double sum = sum_of_magnitudes(o, i, j), many = k->p == PRECISION_BF16 ? 12 : 6;
                error = CONFORM_U * (1.13 * (many * sum + 4 * (sum + bias)) + 4 * (y + residual));
            }
            if (y_type == DTYPE_BF16) error += 0x1p-8 * (y + error) + 0x1p-126;
            if (y_type == DTYPE_F16) error += 0x1p-11 * (y + error) + 0x1p-24;
            bound[i * want->cols + j] = error;
        }
    return bound;
}

typedef struct fashion {
    activation act;
    bool bias, residual, in_place;
    dtype y;
} fashion;

static void check_shape(rng *r, const kind *k, shape s, fashion f)
{
    char what[160];
    if (!conform_affordable(s.m * s.n * s.k)) return;
    if (k->p == PRECISION_F16 && f.y == DTYPE_BF16) f.y = DTYPE_F16;
    operands o = make_operands(r, k, s);
    tensor b = conform_random(r, 1, s.n, 0, 1), res = conform_random(r, s.m, s.n, rng_below(r, 4), 1);
    tensor want = conform_blank(s.m, s.n, 0), plain = conform_blank(s.m, s.n, 0);
    epilogue e = {f.bias ? b.data : NULL, f.act, f.residual ? &res : NULL};
    bool in_place = f.in_place && f.residual && f.y == DTYPE_F32;
    device judge = conform_open("ref", 0);
    run_linear(&judge, k, &o, &o.x, NULL, &plain);
    run_linear(&judge, k, &o, &o.x, &e, &want);
    conform_close_device(&judge);
    double *bound = bounds(k, &o, &e, &want, &plain, f.y);
    tensor rounded = conform_narrowed(&want, f.y, NULL, 0);
    for (size_t i = 0; conform_isa(i); i++) {
        if (!conform_has(conform_isa(i), k->x)) continue;
        snprintf(what, sizeof what, "%s linear %s [%zu,%zu,%zu] act %d to %s%s%s%s", conform_isa(i), k->name, s.m, s.n, s.k,
                 (int)f.act, dtype_name(f.y), f.bias ? " bias" : "", f.residual ? " residual" : "",
                 in_place ? " in place" : "");
        device d = conform_open(conform_isa(i), 2);
        tensor y = in_place ? conform_copy(&res) : conform_blank_as(f.y, s.m, s.n, rng_below(r, 4));
        epilogue mine = {e.bias, f.act, f.residual ? in_place ? &y : &res : NULL};
        run_linear(&d, k, &o, &o.x, &mine, &y);
        conform_close(what, &y, &want, bound, 0);
        if (k->p == PRECISION_INT8 && !k->kept && f.act == ACT_NONE) conform_same(what, &y, &rounded);
        conform_padding(what, &y);
        conform_close_device(&d);
        conform_free(&y);
    }
    free(bound);
    drop_operands(&o);
    conform_free(&b);
    conform_free(&res);
    conform_free(&want);
    conform_free(&plain);
    conform_free(&rounded);
}

static void linear_near_ref(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 11);
    for (const kind *k = kinds; k < kinds + N_KINDS; k++) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            check_shape(&r, k, shapes[i], (fashion){ACT_NONE, false, false, false, DTYPE_F32});
            check_shape(&r, k, shapes[i], (fashion){ACT_NONE, i % 3, i % 2, false, DTYPE_BF16});
            check_shape(&r, k, shapes[i], (fashion){activations[i % 7], true, i % 2, i % 4 == 1, DTYPE_F32});
        }
        for (size_t i = 0; i < 40; i++) {
            shape s = {rng_below(&r, 60) + 1, rng_below(&r, 120) + 1, rng_below(&r, 300) + 1};
            check_shape(&r, k, s,
                        (fashion){activations[rng_below(&r, 7)], rng_below(&r, 2), rng_below(&r, 2), rng_below(&r, 2),
                                  rng_below(&r, 2) ? DTYPE_BF16 : DTYPE_F32});
        }
    }
}

/* The integers at their ends: 255 and 0 against 127 and -127 wherever the greatest sums and 16-bit halves of them are made. The
 * operand is made by hand, since narrowing has its own test. */
static void int8_at_its_ends(void **state)
{
    (void)state;
    enum { M = 37, N = 40, K = 4000 };
    tensor w = conform_blank(N, K, 0), x = conform_blank_as(DTYPE_U8, M, K, 0), want = conform_blank(M, N, 0);
    rng r;
    rng_seed(&r, 14);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < K; j++) conform_row(&w, i)[j] = i == 0 ? 1 : i == 1 ? -1 : rng_below(&r, 2) ? 1.0f : -1.0f;
    for (size_t i = 0; i < M; i++) {
        x.scales[i] = (row_scale){1, i % 3 == 0 ? 0 : i % 3 == 1 ? 255 : 128};
        for (size_t j = 0; j < K; j++) ((uint8_t *)x.data)[i * x.ld + j] = i < 3 ? 255 : i < 6 ? 0 : rng_below(&r, 2) ? 255 : 0;
    }
    operands o = {.x = x, .w = w};
    device judge = conform_open("ref", 0);
    run_linear(&judge, &kinds[2], &o, &x, NULL, &want);
    conform_close_device(&judge);
    assert_true(fabsf(conform_row(&want, 0)[0] / (255.0f * K) - 1) < 1e-6f); /* the scale of a channel is 1/127 */
    for (size_t i = 0; conform_isa(i); i++) {
        device d = conform_open(conform_isa(i), 2);
        tensor y = conform_blank(M, N, 0);
        run_linear(&d, &kinds[2], &o, &x, NULL, &y);
        conform_same(conform_isa(i), &y, &want);
        conform_close_device(&d);
        conform_free(&y);
    }
    conform_free(&w);
    conform_free(&x);
    conform_free(&want);
}

/* ref's int8 is what the numbers mean: within half a step of x and of w in each product of the true one. */
static void int8_means_its_numbers(void **state)
{
    (void)state;
    enum { M = 9, N = 20, K = 300 };
    rng r;
    rng_seed(&r, 15);
    for (int smoothed = 0; smoothed < 3; smoothed++) { /* 2: and four columns, which are fifty times as great, kept */
        tensor x = conform_random(&r, M, K, 0, 3), w = conform_random(&r, N, K, 0, 1),
               smoothing = conform_random(&r, 1, K, 0, 1);
        for (size_t j = 0; j < K; j++) conform_row(&smoothing, 0)[j] = smoothed ? 1.25f + conform_row(&smoothing, 0)[j] : 1;
        for (size_t j = 0; smoothed == 2 && j < K; j += 97) {
            conform_row(&smoothing, 0)[j] = 0;
            for (size_t i = 0; i < M; i++) conform_row(&x, i)[j] *= 50;
        }
        const float *s = smoothing.data;
        operands o = {.x = conform_narrowed(&x, DTYPE_U8, s, 0), .w = w, .smooth = s};
        come_from(&o.x, &x);
        tensor y = conform_blank(M, N, 0);
        device judge = conform_open("ref", 0);
        run_linear(&judge, &kinds[3], &o, &o.x, NULL, &y);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                double sum = 0, bound = 0, w_step = 0, x_step = (double)o.x.scales[i].scale;
                for (size_t k = 0; k < K; k++)
                    if (!is_kept(&o, k)) w_step = fmax(w_step, fabs((double)conform_row(&w, j)[k] / s[k]) / 127);
                for (size_t k = 0; k < K; k++) {
                    double factor = is_kept(&o, k) ? 1 : s[k];
                    double a = (double)conform_row(&x, i)[k] * factor, b = (double)conform_row(&w, j)[k] / factor;
                    sum += a * b;
                    bound += is_kept(&o, k) ? 0x1p-22 * fabs(a * b)
                                            : fabs(a) * w_step / 2 + fabs(b) * x_step / 2 + w_step * x_step / 4;
                }
                assert_true(fabs(conform_row(&y, i)[j] - sum) <= 1.001 * bound);
            }
        conform_close_device(&judge);
        conform_free(&x);
        conform_free(&w);
        conform_free(&smoothing);
        conform_free(&o.x);
        conform_free(&y);
    }
}

/* Rows of the batch, each computed alone and in every size of company up to `most`. */
static void check_company(device *d, const packed_matrix *w, const epilogue *e, const tensor *x, const tensor *all, size_t most)
{
    for (size_t n = 1; n <= most; n++)
        for (size_t first = 0; first + n <= x->rows; first += n) {
            tensor some = conform_slice(x, first, n), want = conform_slice(all, first, n), y = conform_blank(n, all->cols, 1);
            d->c->ops->linear(d->c, &some, w, e, &y);
            conform_same(d->c->ops->name, &y, &want);
            conform_free(&y);
        }
}

static void check_same_bits(rng *r, const kind *k, shape s, const char *isa)
{
    operands o = make_operands(r, k, s);
    tensor bias = conform_random(r, 1, s.n, 0, 1), all = {0};
    epilogue e = {bias.data, ACT_GELU_ERF, NULL};
    for (int threads = 0; threads <= 3; threads++) {
        device d = conform_open(isa, threads);
        packed_matrix *packed = conform_pack_as(&d, &o.w, k->p, o.smooth);
        tensor y = conform_blank(s.m, s.n, 2);
        d.c->ops->linear(d.c, &o.x, packed, &e, &y);
        if (threads == 0)
            all = conform_copy(&y);
        else
            conform_same(isa, &y, &all);
        if (threads % 2 == 0) check_company(&d, packed, &e, &o.x, &all, threads ? 13 : 34);
        conform_free(&y);
        d.c->ops->packed_free(packed);
        conform_close_device(&d);
    }
    conform_free(&all);
    conform_free(&bias);
    drop_operands(&o);
}

static void linear_same_bits(void **state)
{
    (void)state;
    static const shape list[] = {{130, 70, 100}, {131, 33, 700}, {37, 600, 33}, {60, 1, 1024}, {29, 384, 1100}, {67, 40, 2300}};
    rng r;
    rng_seed(&r, 12);
    for (size_t s = 0; s < sizeof list / sizeof *list; s++)
        for (size_t i = 0; conform_isa(i); i++) {
            if (strcmp(conform_isa(i), "ref") == 0) continue; /* one element at a time */
            if (!conform_affordable(list[s].m * list[s].n * list[s].k / 16)) continue;
            for (const kind *k = kinds; k < kinds + N_KINDS; k++)
                if ((k->kept || !k->smoothed) && conform_has(conform_isa(i), k->x))
                    check_same_bits(&r, k, list[s], conform_isa(i));
        }
}

static size_t count_kept(const operands *o)
{
    size_t n = 0;
    for (size_t k = 0; k < o->x.cols; k++) n += is_kept(o, k);
    return n;
}

/* One blob for all instruction sets, and a matrix made of another's blob works as one's own. */
static void packed_bytes_are_one(void **state)
{
    (void)state;
    static const shape list[] = {{5, 33, 65}, {3, 64, 1024}, {2, 1, 3}, {7, 100, 131}};
    rng r;
    rng_seed(&r, 16);
    for (size_t s = 0; s < sizeof list / sizeof *list; s++)
        for (const kind *k = kinds; k < kinds + N_KINDS; k++) {
            if (k->p == PRECISION_F16) continue; /* has no blob */
            operands o = make_operands(&r, k, list[s]);
            device judge = conform_open("ref", 0);
            packed_matrix *first = conform_pack_as(&judge, &o.w, k->p, o.smooth);
            const void *blob = judge.c->ops->packed_blob(first);
            size_t bytes = judge.c->ops->packed_bytes(first);
            packed_extras extras = judge.c->ops->packed_extras_of(first);
            assert_true(extras.smoothed == k->smoothed && extras.n_kept == count_kept(&o));
            for (size_t i = 0; conform_isa(i); i++) {
                device d = conform_open(conform_isa(i), 2);
                packed_matrix *own = conform_pack_as(&d, &o.w, k->p, o.smooth), *adopted;
                tensor y = conform_blank(list[s].m, list[s].n, 0), want = conform_blank(list[s].m, list[s].n, 0);
                bool on_host = d.c->memory == NULL; /* a card has a layout of its own, which it makes of the blob's */
                if (on_host) assert_int_equal(d.c->ops->packed_bytes(own), bytes);
                if (on_host && memcmp(d.c->ops->packed_blob(own), blob, bytes) != 0)
                    fail_msg("%s packs %s otherwise", conform_isa(i), k->name);
                packed_place place = {blob, bytes, NULL, 0};
                assert_int_equal(d.c->ops->adopt(d.c, &place, list[s].n, list[s].k, k->p, extras, &adopted, NULL), TRI_OK);
                if (on_host) assert_ptr_equal(d.c->ops->packed_blob(adopted), blob);
                assert_true(!d.c->ops->packed_smoothing(adopted) == !k->smoothed);
                d.c->ops->linear(d.c, &o.x, own, NULL, &want);
                d.c->ops->linear(d.c, &o.x, adopted, NULL, &y);
                conform_same(conform_isa(i), &y, &want);
                d.c->ops->packed_free(own);
                d.c->ops->packed_free(adopted);
                conform_close_device(&d);
                conform_free(&y);
                conform_free(&want);
            }
            judge.c->ops->packed_free(first);
            conform_close_device(&judge);
            drop_operands(&o);
        }
}

static void expect_refused(const device *d, const packed_place *place, shape s, packed_extras extras)
{
    packed_matrix *m;
    assert_int_equal(d->c->ops->adopt(d->c, place, s.n, s.k, PRECISION_INT8, extras, &m, NULL), TRI_ERR_FORMAT);
    assert_null(m);
}

/* A damaged file does not make linear read beside x, and what would cost more than it helps is not packed. */
static void kept_columns_are_bounded(void **state)
{
    (void)state;
    static const shape s = {1, 20, 200};
    const kind *k = &kinds[4];
    rng r;
    tri_error err;
    packed_matrix *m;
    rng_seed(&r, 17);
    operands o = make_operands(&r, k, s);
    device d = conform_open("ref", 0);
    packed_matrix *packed = conform_pack_as(&d, &o.w, k->p, o.smooth);
    packed_extras extras = packed_extras_of(packed), more = {true, extras.n_kept + 1}, most = {true, SIZE_MAX};
    packed_place place = {packed_blob(packed), packed_bytes(packed), NULL, 0};
    assert_true(extras.n_kept >= 1 && extras.n_kept <= packed_kept_max(s.k));
    expect_refused(&d, &place, s, more);
    expect_refused(&d, &place, s, most);
    *(uint32_t *)(uintptr_t)&packed->kept[extras.n_kept - 1] = (uint32_t)s.k;
    expect_refused(&d, &place, s, extras);
    for (size_t i = 0; i <= packed_kept_max(s.k); i++) conform_row(&o.smoothing, 0)[i] = 0;
    matrix_part part = {o.w.data, DTYPE_F32, s.n};
    assert_int_equal(d.c->ops->pack(d.c, &part, 1, s.k, k->p, o.smooth, &m, &err), TRI_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "may be"));
    packed_free(packed);
    conform_close_device(&d);
    drop_operands(&o);
}

/* Two nodes of one processor each, and of two copies of a weight the second doubled: each thread reads its own node's. */
static void linear_reads_the_near_copy(void **state)
{
    (void)state;
    static const shape s = {5, 40, 130};
    cpu_set_t before, one;
    processor_nodes nodes = {.n = 2};
    size_t cpu[2], found = 0;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    for (size_t i = 0; i < PROCESSORS_MAX && found < 2; i++)
        if (CPU_ISSET(i, &before)) cpu[found++] = i;
    if (found < 2) return; /* one processor has nothing to choose */
    nodes.of[cpu[1]] = 1;
    rng r;
    rng_seed(&r, 18);
    for (const kind *k = kinds; k < kinds + N_KINDS; k++) {
        if (k->p == PRECISION_F16) continue; /* a card's */
        operands o = make_operands(&r, k, s);
        device d = conform_open(compute_isa(0), 1);
        packed_matrix *first = conform_pack_as(&d, &o.w, k->p, o.smooth), *m;
        for (size_t i = 0; i < s.n * s.k; i++) conform_row(&o.w, 0)[i] *= 2;
        packed_matrix *second = conform_pack_as(&d, &o.w, k->p, o.smooth);
        size_t bytes = packed_bytes(first);
        char *blob = mem_alloc_aligned(2 * bytes, 64);
        memcpy(blob, packed_blob(first), bytes);
        memcpy(blob + bytes, packed_blob(second), bytes);
        packed_place place = {blob, bytes, &nodes, bytes};
        assert_int_equal(d.c->ops->adopt(d.c, &place, s.n, s.k, k->p, packed_extras_of(first), &m, NULL), TRI_OK);
        tensor y[2] = {conform_blank(s.m, s.n, 0), conform_blank(s.m, s.n, 0)};
        for (size_t node = 0; node < 2; node++) {
            CPU_ZERO(&one);
            CPU_SET(cpu[node], &one);
            assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
            d.c->ops->linear(d.c, &o.x, m, NULL, &y[node]);
        }
        assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
        for (size_t i = 0; i < s.m; i++)
            for (size_t j = 0; j < s.n; j++) assert_true(conform_row(&y[1], i)[j] == 2 * conform_row(&y[0], i)[j]);
        packed_free(first);
        packed_free(second);
        packed_free(m);
        mem_free_aligned(blob);
        conform_close_device(&d);
        drop_operands(&o);
        for (size_t node = 0; node < 2; node++) conform_free(&y[node]);
    }
}

/* Parts of several types, unaligned, stacked: the result is that of their widened values. */
static void linear_packs_any_type(void **state)
{
    (void)state;
    enum { N0 = 19, N1 = 30, N2 = 5, N3 = 40, N = N0 + N1 + N2 + N3, K = 530 };
    rng r;
    rng_seed(&r, 13);
    tensor w = conform_random(&r, N, K, 0, 1), x = conform_random(&r, 3, K, 0, 1), want = conform_blank(3, N, 0);
    char *store = conform_alloc(N * K * sizeof(double) + 1), *at = store + 1; /* odd addresses for every type */
    static const dtype types[] = {DTYPE_F32, DTYPE_F16, DTYPE_F64, DTYPE_BF16};
    static const size_t rows[] = {N0, N1, N2, N3};
    matrix_part parts[4];
    float *value = w.data;
    for (size_t p = 0; p < 4; p++) {
        parts[p] = (matrix_part){at, types[p], rows[p]};
        for (size_t i = 0; i < rows[p] * K; i++, value++) {
            uint16_t half = types[p] == DTYPE_F16 ? half_from_f32(*value) : bf16_from_f32(*value);
            double wide = *value;
            const void *bytes = types[p] == DTYPE_F32   ? (const void *)value
                                : types[p] == DTYPE_F64 ? (const void *)&wide
                                                        : &half;
            memcpy(at, bytes, dtype_size(types[p]));
            dtype_to_f32(value, at, types[p], 1);
            at += dtype_size(types[p]);
        }
    }
    for (size_t i = 0; conform_isa(i); i++) {
        device d = conform_open(conform_isa(i), 2);
        packed_matrix *widened = conform_pack(&d, w.data, DTYPE_F32, N, K), *packed;
        assert_int_equal(d.c->ops->pack(d.c, parts, 4, K, PRECISION_F32, NULL, &packed, NULL), TRI_OK);
        assert_true(d.c->ops->packed_bytes(packed) >= (size_t)N * K * 4);
        tensor y = conform_blank(3, N, 0);
        d.c->ops->linear(d.c, &x, widened, NULL, &want);
        d.c->ops->linear(d.c, &x, packed, NULL, &y);
        conform_same(conform_isa(i), &y, &want);
        d.c->ops->packed_free(packed);
        d.c->ops->packed_free(widened);
        conform_close_device(&d);
        conform_free(&y);
    }
    free(store);
    conform_free(&w);
    conform_free(&x);
    conform_free(&want);
}

/* A value that is not a number must not vanish on its way, whatever the activation and the precision. */
static void linear_keeps_nan(void **state)
{
    (void)state;
    enum { ROWS = 20 };
    float weights[] = {1, 0.5f};
    tensor wide = conform_blank(ROWS, 2, 0), w = tensor_f32(weights, 1, 2, 2);
    for (size_t i = 0; i < ROWS; i++) {
        conform_row(&wide, i)[0] = i % 3 ? NAN : 1;
        conform_row(&wide, i)[1] = 1;
    }
    for (const kind *k = kinds; k < kinds + N_KINDS; k++) {
        if (k->kept) continue;
        operands o = {.x = conform_narrowed(&wide, k->x, NULL, 0), .w = w};
        for (size_t i = 0; conform_isa(i); i++)
            for (size_t a = 0; conform_has(conform_isa(i), k->x) && a < 2 * sizeof activations / sizeof *activations; a++) {
                device d = conform_open(conform_isa(i), 0);
                epilogue e = {NULL, activations[a / 2], NULL};
                tensor y = conform_blank_as(a % 2 ? DTYPE_BF16 : DTYPE_F32, ROWS, 1, 0);
                run_linear(&d, k, &o, &o.x, &e, &y);
                for (size_t j = 0; j < ROWS; j++) assert_true(!isnan(conform_get(&y, j, 0)) == (j % 3 == 0));
                conform_free(&y);
                conform_close_device(&d);
            }
        conform_free(&o.x);
    }
    conform_free(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_near_ref),
        cmocka_unit_test(int8_at_its_ends),
        cmocka_unit_test(int8_means_its_numbers),
        cmocka_unit_test(linear_same_bits),
        cmocka_unit_test(packed_bytes_are_one),
        cmocka_unit_test(linear_packs_any_type),
        cmocka_unit_test(linear_keeps_nan),
        cmocka_unit_test(kept_columns_are_bounded),
        cmocka_unit_test(linear_reads_the_near_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
