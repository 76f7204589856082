/* SPDX-License-Identifier: Apache-2.0 */
/* api_export.c — the public door to src/model/export_packed.c: argument checks, options that grow, results copied out. */
#include <string.h>

#include "api/engine.h"
#include "base/err.h"
#include "model/export_packed.h"
#include "trident.h"
#include "trident/experimental.h"

_Static_assert(sizeof(((tri_export_result *)0)->path) == LIMIT_PATH, "the public path holds what the inner one does");

void tri_export_options_init(tri_export_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

tri_status tri_export_packed(tri_engine *engine, const char *path, const tri_export_options *options, tri_export_result *out,
                             tri_error *err)
{
    if (!engine || !path || !out) return err_set(err, TRI_ERR_ARGUMENT, "could not export a model: an argument is missing");
    tri_export_options o;
    packed_export_result made;
    tri_export_options_init(&o);
    options_take(&o, sizeof o, options);
    packed_export e = {.p = engine->p,
                       .version = TRI_VERSION,
                       .to = o.to,
                       .force = o.force != 0,
                       .progress = o.progress,
                       .progress_ctx = o.progress_ctx};
    if (o.precision) TRI_TRY(engine_precision(o.precision, &e.p, err));
    TRI_TRY(export_packed(engine->c, engine->log, path, &e, &made, err));
    memcpy(out->path, made.path, sizeof out->path);
    out->bytes = made.bytes;
    out->n_matrices = made.n_matrices;
    out->was_there = made.was_there;
    return TRI_OK;
}
