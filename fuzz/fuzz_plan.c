/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_plan.c — any bytes as a plan of `trident run`: what was read is whole, or refused in words that name the file. */
#include <stdlib.h>
#include <string.h>

#include "lab/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    plan p;
    tri_error err = {0};
    tri_status st = plan_read(data, size, "plan.yaml", &p, &err);
    if (st != TRI_OK && !err.text[0]) abort();
    if (st == TRI_OK) {
        char weights[256];
        bool needed;
        if (!p.n_versions) abort();
        for (size_t i = 0; i < p.n_versions; i++) {
            const plan_version *v = &p.versions[i];
            if (plan_find(&p, v->name) != v) abort();
            for (size_t k = 0; k < v->blend.n; k++)
                if (!plan_find(&p, v->blend.items[k])) abort();
            if (v->kind == PLAN_SEARCH && !v->refused && !plan_weights(v, weights, sizeof weights, &needed)) abort();
        }
    }
    plan_drop(&p);
    return 0;
}
