/* SPDX-License-Identifier: Apache-2.0 */
/* api_measure.c — the public door to src/compute/peak_rate.c, and what an engine says of itself, for those who measure it. */
#include <string.h>

#include "api/engine.h"
#include "base/err.h"
#include "compute/peak_rate.h"
#include "model/precision_word.h"
#include "trident/experimental.h"

void tri_engine_info_get(const tri_engine *engine, tri_engine_info *info)
{
    tri_engine_info mine = {.struct_size = info->struct_size,
                            .isa = engine->c->ops->name,
                            .precision = precision_word(engine->p),
                            .threads = pool_size(engine->threads)};
    memcpy(info, &mine, info->struct_size < sizeof mine ? info->struct_size : sizeof mine);
}

static tri_status check_card(const tri_engine *engine, tri_error *err)
{
    if (engine->c->memory) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "a processor has no clock of its own");
}

tri_status tri_engine_clock_begin(tri_engine *engine, tri_error *err)
{
    TRI_TRY(check_card(engine, err));
    engine->c->memory->mark(engine->c, 0);
    return TRI_OK;
}

tri_status tri_engine_clock_end(tri_engine *engine, double *ms, tri_error *err)
{
    TRI_TRY(check_card(engine, err));
    engine->c->memory->mark(engine->c, 1);
    return engine->c->memory->between(engine->c, ms, err);
}

tri_status tri_measure_peak(tri_engine *engine, const char *precision_name, int threads, double *ops_per_s, tri_error *err)
{
    if (!engine || !ops_per_s) return err_set(err, TRI_ERR_ARGUMENT, "could not measure a peak: an argument is missing");
    if (threads < 1) return err_set(err, TRI_ERR_ARGUMENT, "could not measure the peak of %d threads", threads);
    precision p = engine->p;
    TRI_TRY(engine_host_only(engine, "measured against its peak", err));
    if (precision_name) TRI_TRY(engine_precision(precision_name, false, &p, err));
    return peak_rate_measure(engine->c, p, (size_t)threads, ops_per_s, err);
}
