/* SPDX-License-Identifier: Apache-2.0 */
/* api_write.c — the public door to src/model/export_gguf.c and export_hf.c: argument checks, results copied out. */
#include <string.h>

#include "api/engine.h"
#include "base/err.h"
#include "formats/gguf_blocks.h"
#include "model/export_gguf.h"
#include "model/export_hf.h"
#include "trident.h"
#include "trident/experimental.h"

_Static_assert(sizeof(((tri_write_result *)0)->heads) == LIMIT_PATH, "the public path holds what the inner one does");

void tri_write_options_init(tri_write_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

static tri_status take_options(const void *engine, const char *path, const tri_write_options *options, const void *out,
                               tri_write_options *o, tri_error *err)
{
    tri_write_options_init(o);
    if (options) options_take(o, sizeof *o, options);
    if (!engine || !path || !out || !o->to || !o->to[0])
        return err_set(err, TRI_ERR_ARGUMENT, "could not export a model: an argument is missing");
    return TRI_OK;
}

static tri_status find_type(const char *word, uint32_t *out, tri_error *err)
{
    static const struct {
        const char *word;
        uint32_t type;
    } known[] = {{"f32", GGUF_TENSOR_F32}, {"f16", GGUF_TENSOR_F16}, {"q8_0", GGUF_TENSOR_Q8_0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(word, known[i].word) != 0) continue;
        *out = known[i].type;
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_ARGUMENT, "could not write GGUF of type \"%s\"; f32, f16 and q8_0 are written", word);
}

tri_status tri_export_gguf(tri_engine *engine, const char *path, const tri_write_options *options, tri_write_result *out,
                           tri_error *err)
{
    tri_write_options o;
    gguf_export_result made;
    TRI_TRY(take_options(engine, path, options, out, &o, err));
    gguf_export e = {.to = o.to, .progress = o.progress, .progress_ctx = o.progress_ctx};
    TRI_TRY(find_type(o.dtype ? o.dtype : "f16", &e.type, err));
    TRI_TRY(export_gguf(engine->c, engine->log, path, &e, &made, err));
    *out = (tri_write_result){.bytes = made.bytes, .n_tensors = made.n_tensors, .n_files = made.heads[0] ? 2 : 1};
    memcpy(out->heads, made.heads, sizeof out->heads);
    return TRI_OK;
}

tri_status tri_export_hf(tri_engine *engine, const char *path, const tri_write_options *options, tri_write_result *out,
                         tri_error *err)
{
    tri_write_options o;
    hf_export_result made;
    TRI_TRY(take_options(engine, path, options, out, &o, err));
    hf_export e = {.to = o.to, .force = o.force != 0, .progress = o.progress, .progress_ctx = o.progress_ctx};
    TRI_TRY(export_hf(engine->c, engine->log, path, &e, &made, err));
    *out = (tri_write_result){.bytes = made.bytes, .n_files = made.n_files};
    return TRI_OK;
}
