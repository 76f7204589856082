/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_int.h — one examination, shared by doctor.c and doctor_pairs.c. */
#ifndef TRI_MODEL_DOCTOR_INT_H
#define TRI_MODEL_DOCTOR_INT_H

#include "model/doctor.h"
#include "model/session.h"
#include "trident/embed.h"

enum { DOCTOR_PROBES = 5, DOCTOR_FIXED = 24 };

typedef struct visit {
    compute *c;
    model *m;
    session *s;
    tri_doctor_fn say;
    void *ctx;
    size_t n_failed;
    tri_input inputs[DOCTOR_PROBES]; /* texts, or fixed ids where there is no tokenizer */
    uint32_t ids[DOCTOR_FIXED];
} visit;

void doctor_report(visit *v, const char *check, int verdict, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The experiments on a cross-encoder (doctor_pairs.c). */
tri_status doctor_pairs(visit *v, tri_error *err);

#endif
