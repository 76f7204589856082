/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_activation.c — each activation over all magnitudes of f32, in ulps of ref's double result.
 *
 * Run as linear with K = 1 and weight 1, so what the model calls is what is measured. Limits are the measured greatest error
 * rounded up (in comments), which later work may lower and must not raise. The three sigmoid forms lose what rounding the
 * exponent's argument loses, |argument| u relative: unavoidable without double words, and invisible in x's own ulps, so their
 * error is counted against the larger of ulp(y) and that loss. GELU puts it back with fused multiply-adds, which generic lacks:
 * there its far negative side, where y is under 1e-5, is counted like theirs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

typedef struct limit {
    activation act;
    const char *name;
    double ulps; /* in ulps of max(|y|, 2^-100) */
    double slope; /* |argument of exp| per |x| (cubic for the tanh form) */
} limit;

static const limit limits[] = {
    {ACT_NONE, "none", 0, 0},
    {ACT_RELU, "relu", 0, 0},
    {ACT_GELU_ERF, "gelu", 6, 0},
    {ACT_TANH, "tanh", 3, 0},
    {ACT_SILU, "silu", 3, 0},
    {ACT_QUICK_GELU, "quick gelu", 3, 1.702},
    {ACT_GELU_TANH, "gelu tanh", 3, 1.6},
};

/* Every 2^12-th float from 2^-30 to 2^7, both signs, and the ends. */
static float *all_magnitudes(size_t *n)
{
    uint32_t low = (127 - 30) << 23, high = (127 + 7) << 23, step = 1 << 12;
    float *x = conform_alloc(((high - low) / step + 1) * 2 * sizeof *x);
    *n = 0;
    for (uint32_t bits = low; bits < high; bits += step)
        for (uint32_t sign = 0; sign < 2; sign++) {
            uint32_t value = bits | sign << 31;
            memcpy(&x[(*n)++], &value, sizeof value);
        }
    return x;
}

static double ulp_of(double y)
{
    /* Where exp overflows the sigmoid forms give 0, as torch's do, for true values under 2^-124: an ulp of 2^-100. */
    float a = fmaxf(fabsf((float)y), 0x1p-100f);
    return (double)nextafterf(a, INFINITY) - a;
}

/* Plain C's vectors, which the emulated tiles stand on too. */
static bool lacks_fused(const char *isa) { return strcmp(isa, "generic") == 0 || strcmp(isa, "emulated amx") == 0; }

static void activations_in_ulps(void **state)
{
    (void)state;
    size_t n;
    float *x = all_magnitudes(&n), one = 1;
    tensor in = tensor_f32(x, n, 1, 1), want = conform_blank(n, 1, 0), y = conform_blank(n, 1, 0);
    device judge = conform_open("ref", 0);
    packed_matrix *judge_one = conform_pack(&judge, &one, DTYPE_F32, 1, 1);
    for (size_t a = 0; a < sizeof limits / sizeof *limits; a++) {
        epilogue e = {NULL, limits[a].act, NULL};
        judge.c->ops->linear(judge.c, &in, judge_one, &e, &want);
        for (size_t i = 0; conform_isa(i); i++) {
            device d = conform_open(conform_isa(i), 2);
            packed_matrix *packed = conform_pack(&d, &one, DTYPE_F32, 1, 1);
            double worst = 0;
            size_t at = 0;
            d.c->ops->linear(d.c, &in, packed, &e, &y);
            for (size_t j = 0; j < n; j++) {
                double w = conform_row(&want, j)[0], g = conform_row(&y, j)[0], t = fabs((double)x[j]);
                double argument = limits[a].slope * (limits[a].act == ACT_GELU_TANH ? t + 0.045 * t * t * t : t);
                if (limits[a].act == ACT_GELU_ERF && lacks_fused(conform_isa(i))) argument = t * t / 2;
                double error = fabs(g - w) / (ulp_of(w) + 4 * CONFORM_U * argument * fabs(w));
                if (error > worst) worst = error, at = j;
            }
            print_message("%-8s %-10s %.2f ulp at %.9g\n", conform_isa(i), limits[a].name, worst, (double)x[at]);
            if (worst > limits[a].ulps) fail_msg("more than %.1f ulp", limits[a].ulps);
            d.c->ops->packed_free(packed);
            conform_close_device(&d);
        }
    }
    judge.c->ops->packed_free(judge_one);
    conform_close_device(&judge);
    conform_free(&want);
    conform_free(&y);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(activations_in_ulps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
