/* SPDX-License-Identifier: Apache-2.0 */
/* api_rerank.c — pairs to scores: argument checks in front of src/model. */
#include <string.h>

#include "api/engine.h"
#include "base/err.h"
#include "model/rerank.h"
#include "trident/rerank.h"

void tri_rerank_options_init(tri_rerank_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

static tri_status check(const model *m, const tri_rerank_options *o, tri_error *err)
{
    if (m->config.task != TASK_RERANK) {
        err_set(err, TRI_ERR_UNSUPPORTED, "could not score pairs: model %s gives vectors, it is no cross-encoder",
                m->config.dir);
        return err_hint(err, TRI_ERR_UNSUPPORTED, "trident score %s scores pairs by their vectors", m->config.dir);
    }
    if (o->cut < TRI_CUT_MODEL || o->cut > TRI_CUT_LONGEST)
        return err_set(err, TRI_ERR_ARGUMENT, "could not score pairs: cut %d names no rule", o->cut);
    if (o->windows < TRI_WINDOWS_CUT || o->windows > TRI_WINDOWS_MEAN)
        return err_set(err, TRI_ERR_ARGUMENT, "could not score pairs: windows %d names no rule", o->windows);
    if (o->activation < TRI_SCORE_MODEL || o->activation > TRI_SCORE_NONE)
        return err_set(err, TRI_ERR_ARGUMENT, "could not score pairs: activation %d names none", o->activation);
    return TRI_OK;
}

tri_status tri_rerank(tri_session *s, const tri_rerank_options *options, const tri_pair *pairs, size_t count,
                      tri_pair_score *scores, tri_error *err)
{
    if (!s || (count && (!pairs || !scores)))
        return err_set(err, TRI_ERR_ARGUMENT, "could not score pairs: session, pairs or place for the scores is missing");
    tri_rerank_options o;
    tri_rerank_options_init(&o);
    options_take(&o, sizeof o, options);
    TRI_TRY(check(s->m, &o, err));
    return rerank_run(s, &o, pairs, count, scores, err);
}
