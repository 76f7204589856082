/* SPDX-License-Identifier: Apache-2.0 */
/* api_doctor.c — the public door to src/model/doctor.c, and the list of instruction sets. */
#include "api/engine.h"
#include "base/err.h"
#include "model/doctor.h"
#include "trident/experimental.h"

tri_status tri_doctor_run(tri_engine *engine, const char *path, tri_doctor_fn say, void *ctx, size_t *n_failed, tri_error *err)
{
    if (!engine || !path || !say || !n_failed)
        return err_set(err, TRI_ERR_ARGUMENT, "could not examine a model: an argument is missing");
    *n_failed = 0;
    return doctor_run(engine->c, engine->p, engine->log, path, say, ctx, n_failed, err);
}

const char *tri_isa_name(size_t i)
{
    return compute_isa(i);
}
