/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h — xoshiro256** seeded by splitmix64 (Blackman and Vigna): the same seed gives the same numbers everywhere. */
#ifndef TRI_BASE_RNG_H
#define TRI_BASE_RNG_H

#include <stdint.h>

typedef struct rng {
    uint64_t s[4];
} rng;

void rng_seed(rng *r, uint64_t seed);
uint64_t rng_next(rng *r);
double rng_uniform(rng *r);              /* [0, 1) */
double rng_normal(rng *r);               /* mean 0, std 1 (Box-Muller, one of the pair) */
uint64_t rng_below(rng *r, uint64_t n);  /* 0..n-1, unbiased; n > 0 */

#endif
