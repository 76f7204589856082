/* SPDX-License-Identifier: Apache-2.0 */
/* api_embed.c — tokens, embeddings and pair scores: argument checks in front of src/tokenizer and src/model. */
#include <string.h>

#include "api/engine.h"
#include "base/alloc.h"
#include "base/err.h"
#include "model/embed.h"
#include "model/embed_chunks.h"
#include "model/result.h"
#include "trident/embed.h"

/* ---- tokenizer ------------------------------------------------------------------------------------------------------- */

void tri_tokenize_options_init(tri_tokenize_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

static tri_status wrap_tokenizer(tokenizer *t, int owned, tri_tokenizer **out, tri_error *err)
{
    tri_tokenizer *h = mem_calloc(1, sizeof *h);
    if (!h) return err_memory(err, sizeof *h);
    h->t = t;
    tri_status st = tokenizer_scratch_new(&h->scratch, err);
    if (st) {
        mem_free(h);
        return st;
    }
    h->owned = owned;
    *out = h;
    return TRI_OK;
}

tri_status tri_tokenizer_open(const char *path, int rules, tri_tokenizer **out, tri_error *err)
{
    if (!path || !out)
        return err_set(err, TRI_ERR_ARGUMENT, "could not open a tokenizer: path or place for the handle is missing");
    *out = NULL;
    tokenizer *t;
    TRI_TRY(tokenizer_open(path, rules, &t, err));
    tri_status st = wrap_tokenizer(t, 1, out, err);
    if (st) tokenizer_close(t);
    return st;
}

void tri_tokenizer_close(tri_tokenizer *handle)
{
    if (!handle) return;
    tokenizer_scratch_free(handle->scratch);
    if (handle->owned) tokenizer_close(handle->t);
    mem_free(handle);
}

tri_tokenizer *tri_model_tokenizer(tri_model *m)
{
    if (m->tok && !m->handle) wrap_tokenizer(m->tok, 0, &m->handle, NULL);
    return m->handle;
}

tri_status tri_tokenize(tri_tokenizer *handle, const tri_tokenize_options *options, tri_text text, const tri_text *pair,
                        tri_tokens *out, tri_error *err)
{
    if (!handle || !out)
        return err_set(err, TRI_ERR_ARGUMENT, "could not tokenize: tokenizer or place for the tokens is missing");
    tri_tokenize_options o;
    tri_tokenize_options_init(&o);
    options_take(&o, sizeof o, options);
    encode_options e = {.max_length = o.max_length, .strategy = o.strategy, .no_specials = o.no_specials != 0};
    encoding tokens;
    TRI_TRY(tokenizer_encode(handle->t, handle->scratch, text, pair, &e, &tokens, err));
    *out = (tri_tokens){tokens.ids, tokens.type_ids, tokens.n, tokens.truncated, tokens.bad_bytes};
    return TRI_OK;
}

tri_text tri_token_piece(const tri_tokenizer *handle, uint32_t id)
{
    tri_text piece = {NULL, 0};
    if (!tokenizer_piece(handle->t, id, &piece.bytes, &piece.len)) piece = (tri_text){NULL, 0};
    return piece;
}

/* ---- embeddings ------------------------------------------------------------------------------------------------------ */

void tri_embed_options_init(tri_embed_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

static tri_status check_want(const model *m, const tri_embed_options *o, tri_error *err)
{
    static const struct {
        unsigned bit;
        const char *name, *file;
    } outputs[] = {
        {TRI_DENSE, "dense", ""}, {TRI_SPARSE, "sparse", "sparse_linear.pt"}, {TRI_MULTI, "multi", "colbert_linear.pt"}};
    if (m->config.task == TASK_RERANK) {
        err_set(err, TRI_ERR_UNSUPPORTED, "could not encode: model %s is a cross-encoder, which scores pairs of texts",
                m->config.dir);
        return err_hint(err, TRI_ERR_UNSUPPORTED, "trident rerank %s", m->config.dir);
    }
    if (o->want & ~(unsigned)TRI_ALL)
        return err_set(err, TRI_ERR_ARGUMENT, "could not encode: want %u names no known output", o->want);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        if (!(o->want & outputs[i].bit) || (m->want & outputs[i].bit)) continue;
        return err_set(err, TRI_ERR_NOT_FOUND, "could not encode %s: model %s was opened without that head (%s)",
                       outputs[i].name, m->config.dir, outputs[i].file);
    }
    unsigned want = o->want ? o->want : m->want;
    if (o->chunk && want != TRI_DENSE)
        return err_set(err, TRI_ERR_ARGUMENT, "could not encode by pieces: that is for dense vectors alone");
    if (o->dim && ((want & TRI_DENSE && o->dim > m->dense.dim) || (want & TRI_MULTI && o->dim > m->multi.dim)))
        return err_set(err, TRI_ERR_ARGUMENT, "could not encode: dim %zu, the model's vectors have %zu", o->dim,
                       want & TRI_DENSE && o->dim > m->dense.dim ? m->dense.dim : m->multi.dim);
    return TRI_OK;
}

tri_status tri_embed(tri_session *s, const tri_embed_options *options, const tri_input *inputs, size_t count,
                     tri_embeddings **out, tri_error *err)
{
    if (!s || !out || (count && !inputs))
        return err_set(err, TRI_ERR_ARGUMENT, "could not encode: session, inputs or place for the result is missing");
    *out = NULL;
    tri_embed_options o;
    tri_embed_options_init(&o);
    options_take(&o, sizeof o, options);
    TRI_TRY(check_want(s->m, &o, err));
    if (o.chunk) return embed_chunks_run(s, &o, inputs, count, out, err);
    return embed_run(s, &o, inputs, count, out, err);
}

tri_status tri_embed_texts(tri_session *s, const tri_embed_options *options, const tri_text *texts, size_t count,
                           tri_embeddings **out, tri_error *err)
{
    tri_input *inputs = mem_calloc(count, sizeof *inputs);
    if (!inputs) return err_memory(err, count * sizeof *inputs);
    for (size_t i = 0; i < count; i++) inputs[i].text = texts[i];
    tri_status st = tri_embed(s, options, inputs, count, out, err);
    mem_free(inputs);
    return st;
}
