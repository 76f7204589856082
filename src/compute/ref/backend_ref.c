/* SPDX-License-Identifier: Apache-2.0 */
/* backend_ref.c — the op table of the judge. Works everywhere, needs no scratch. */
#include "compute/backend.h"
#include "compute/packed.h"
#include "compute/ref/ref.h"

static bool works(void) { return true; }

static tri_status open_ref(compute *c, tri_error *err)
{
    (void)c;
    (void)err;
    return TRI_OK;
}

static void close_ref(compute *c) { (void)c; }

static const compute_ops ops = {
    .name = "ref",
    .pack = ref_pack,
    .adopt = packed_adopt,
    .packed_free = packed_free,
    .packed_bytes = packed_bytes,
    .packed_blob = packed_blob,
    .packed_smoothing = packed_smoothing,
    .packed_extras_of = packed_extras_of,
    .linear = ref_linear,
    .narrow = ref_narrow,
    .embed = ref_embed,
    .layernorm = ref_layernorm,
    .attention = ref_attention,
    .rotate = ref_rotate,
    .glu = ref_glu,
    .gather = ref_gather,
    .pool = ref_pool,
    .normalize = ref_normalize,
    .dots = ref_dots,
    .maxsim = ref_maxsim,
};

const backend backend_ref = {&ops, works, open_ref, close_ref};
