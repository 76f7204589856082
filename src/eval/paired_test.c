/* SPDX-License-Identifier: Apache-2.0 */
/* paired_test.c — could this difference be chance?
 *
 * Two tests on d_1..d_n, the differences of one metric query by query.
 *
 * Student's paired t: t = mean / (std / sqrt(n)) with n - 1 degrees of freedom f; p = I_x(f/2, 1/2) at x = f / (f + t^2), where
 * I is the regularised incomplete beta function (Abramowitz and Stegun 26.5.27), by its continued fraction (DLMF 8.17.22,
 * evaluated by Lentz's method). Measured against 40-digit arithmetic: absolute error under 1e-11, relative under 1e-10, up to a
 * million queries.
 *
 * Fisher's randomisation: under "the runs are interchangeable" every sign pattern of the d_i is as likely as the one seen. Of
 * `rounds` drawn patterns c have |sum| at least the one seen: p = (c + 1) / (rounds + 1) (Davison and Hinkley, Bootstrap
 * Methods, 4.11: the pattern seen is one of them, so p is never 0). Its own generator and seed: the same every time.
 *
 * Where there is nothing to test with: all differences 0 gives p = 1 for both. One query, or one constant difference, gives the
 * t test a std of 0; its p is then 1 (n = 1 says nothing) or 0 (n > 1). */
#include "eval/paired_test.h"

#include <float.h>
#include <math.h>

#include "base/rng.h"

enum { DEFAULT_ROUNDS = 100000 };

/* ---- Student's t --------------------------------------------------------------------------------------------------- */

/* log Gamma(a + 1/2) - log Gamma(a). From 20 on by its asymptotic series (DLMF 5.11.13), whose first term left out is under
 * 1e-13 there; the two logarithms alone are of size a log a and would lose digits with it. */
static double log_gamma_step(double a)
{
    if (a < 20) {
        int sign;
        return lgamma_r(a + 0.5, &sign) - lgamma_r(a, &sign);
    }
    double u = 1 / a, u2 = u * u;
    return 0.5 * log(a) - u * (1.0 / 8 - u2 * (1.0 / 192 - u2 * (1.0 / 640 - u2 * (17.0 / 14336 - u2 * (31.0 / 18432)))));
}

/* 1 / (1 + d1/(1 + d2/(1 + ...))) of the incomplete beta function; converges in O(sqrt(max(a, b))) steps for x < (a+1)/(a+b+2).
 */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300; /* stands in for a denominator of 0 (Lentz) */
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (double m = 1; m < 1e5; m++) {
        const double terms[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                 -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double step = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + terms[i] * d;
            c = 1 + terms[i] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            value *= step;
        }
        if (fabs(step - 1) < DBL_EPSILON) break;
    }
    return value;
}

double paired_student(double t, double freedom)
{
    const double half_log_pi = 0.57236494292470008707; /* log Gamma(1/2) */
    double a = freedom / 2, b = 0.5, ratio = t * t / freedom;
    if (!(ratio > 0)) return 1;
    if (isinf(ratio)) return 0;
    double x = 1 / (1 + ratio), rest = ratio / (1 + ratio);
    /* x^a (1-x)^b / B(a, b) */
    double front = exp(log_gamma_step(a) - half_log_pi - a * log1p(ratio) + b * log(rest));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, rest) / b;
}

/* ---- Fisher's randomisation ---------------------------------------------------------------------------------------- */

static double randomisation(double *d, size_t n, size_t rounds, uint64_t seed)
{
    double observed = 0, size = 0;
    size_t kept = 0, extreme = 0;
    for (size_t i = 0; i < n; i++) {
        if (d[i] == 0) continue; /* a sign changes nothing */
        d[kept++] = d[i];
        observed += d[i];
        size += fabs(d[i]);
    }
    /* patterns whose exact sums are equal may differ by the rounding of the sum */
    double bound = fabs(observed) - (double)kept * DBL_EPSILON * size;
    rng r;
    rng_seed(&r, seed);
    for (size_t round = 0; round < rounds; round++) {
        double sum = 0;
        uint64_t signs = 0;
        for (size_t i = 0; i < kept; i++) {
            if (i % 64 == 0) signs = rng_next(&r);
            sum += signs & 1 ? d[i] : -d[i];
            signs >>= 1;
        }
        extreme += fabs(sum) >= bound;
    }
    return ((double)extreme + 1) / ((double)rounds + 1);
}

void paired_test_run(double *differences, size_t n, size_t rounds, uint64_t seed, tri_paired_test *out)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += differences[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (differences[i] - mean) * (differences[i] - mean);
    double std = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    *out = (tri_paired_test){.difference = mean, .n = n};
    if (std > 0) {
        out->effect = mean / std;
        out->p_t = paired_student(out->effect * sqrt((double)n), (double)(n - 1));
    } else {
        out->effect = mean == 0 || n == 1 ? 0 : copysign(INFINITY, mean);
        out->p_t = mean == 0 || n == 1 ? 1 : 0;
    }
    out->p_random = randomisation(differences, n, rounds ? rounds : DEFAULT_ROUNDS, seed);
}
