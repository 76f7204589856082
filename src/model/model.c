/* SPDX-License-Identifier: Apache-2.0 */
/* model.c — opening a folder or a .gguf file: configuration, weights, heads, tokenizer; and what is known about it afterwards.
 *
 * Which heads: sparse_linear.pt and colbert_linear.pt make a model an M3 model. Upstream makes both up at random, in silence,
 * when either is missing. (Of a .gguf file both are in one file beside it.) Here: both files absent = a dense model; one
 * absent = an error that names it, unless the caller did not ask for that output. A caller who asks for dense alone never has
 * the head files opened. A folder without a tokenizer opens (ids can be encoded); the error is told when the first text comes.
 *
 * Matrices come from trident-PRECISION.packed where that file is in the folder and was made from these weights, and are packed
 * from the weights otherwise. A packed file that is damaged is an error; one of other weights is left alone, and that is said.
 * int8 is only ever read from such a file: its rounding was calibrated and its loss measured when it was made.
 *
 * What config.json calls ...ForSequenceClassification is a reranker: it gives a score for a pair, and no vectors. */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/side_task.h"
#include "model/gguf_model.h"
#include "model/packed_match.h"
#include "model/precision_word.h"

static void note_file(model *m, const char *path)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (strcmp(m->files[i], path) == 0) return;
    if (m->n_files < MAX_MODEL_FILES) m->files[m->n_files++] = path;
}

static tri_status path_beside(model *m, const char *name, const char **out, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(model_file_beside(m->config.dir, name, path, err));
    *out = arena_copy(&m->keep, path, strlen(path));
    return *out ? TRI_OK : err_memory(err, strlen(path));
}

/* ---- heads --------------------------------------------------------------------------------------------------------- */

static tri_status find_head_files(model *m, tri_error *err)
{
    bool is_file = m->config.file == m->config.dir;
    TRI_TRY(path_beside(m, is_file ? "heads.gguf" : "sparse_linear.pt", &m->sparse_path, err));
    return path_beside(m, is_file ? "heads.gguf" : "colbert_linear.pt", &m->multi_path, err);
}

static tri_status say_reranker(const model *m, tri_error *err)
{
    err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s for vectors: it is a cross-encoder, which scores pairs of texts",
            m->config.dir);
    return err_hint(err, TRI_ERR_UNSUPPORTED, "trident rerank %s", m->config.dir);
}

static tri_status say_sparse_only(const model *m, tri_error *err)
{
    err_set(err, TRI_ERR_NOT_FOUND,
            "could not use %s for dense or multi-vectors: it is a SPLADE model, which gives sparse ones alone", m->config.dir);
    return err_hint(err, TRI_ERR_NOT_FOUND, "--want sparse");
}

static tri_status choose_heads(model *m, unsigned asked, tri_error *err)
{
    TRI_TRY(find_head_files(m, err));
    const char *sparse = m->sparse_path, *multi = m->multi_path;
    if (m->config.task == TASK_RERANK) return asked ? say_reranker(m, err) : TRI_OK;
    bool has_sparse = file_exists(sparse);
    if (m->config.masked_lm && asked == TRI_SPARSE && !has_sparse) m->config.task = TASK_SPLADE;
    if (m->config.task == TASK_SPLADE) {
        m->want = TRI_SPARSE;
        m->sparse_in_trunk = true;
        return asked & ~(unsigned)TRI_SPARSE ? say_sparse_only(m, err) : TRI_OK;
    }
    m->sparse_in_trunk = m->config.task == TASK_TOKEN_WEIGHTS && !has_sparse;
    if (m->sparse_in_trunk) {
        m->want = asked ? asked : TRI_DENSE | TRI_SPARSE;
        return TRI_OK;
    }
    m->want = asked ? asked : has_sparse || file_exists(multi) ? TRI_ALL : TRI_DENSE;
    return TRI_OK;
}

static tri_status open_heads(model *m, tri_error *err)
{
    const char *sparse = m->sparse_path, *multi = m->multi_path;
    if (m->config.task == TASK_RERANK) return head_logit_bind(&m->pk, &m->config, m->kind, m->w, &m->logit, err);
    if (m->config.task == TASK_SPLADE) return head_splade_bind(&m->pk, &m->config, m->kind, m->w, &m->splade, err);
    TRI_TRY(head_dense_bind(&m->pk, &m->config, &m->dense, err));
    if ((m->want & TRI_SPARSE) && m->sparse_in_trunk) {
        TRI_TRY(head_sparse_bind_classifier(&m->pk, &m->config, m->w, &m->sparse, err));
    } else if (m->want & TRI_SPARSE) {
        TRI_TRY(head_sparse_bind(&m->pk, &m->config, sparse, &m->sparse, err));
        note_file(m, sparse);
    }
    if (m->want & TRI_MULTI) {
        TRI_TRY(head_multi_bind(&m->pk, &m->config, multi, &m->multi, err));
        note_file(m, multi);
    }
    return TRI_OK;
}

/* ---- packed weights -------------------------------------------------------------------------------------------------- */

/* What else `export packed` must be given. */
static const char *texts_flag(const model *m)
{
    return m->pk.p == PRECISION_INT8 ? " --calibrate YOUR_TEXTS.jsonl" : "";
}

static tri_status judge_packed(model *m, bool was_named, packed_state *state, tri_error *err)
{
    char why[256];
    const char *heads[2], *path = m->packed.path, *dir = m->config.dir, *word = precision_word(m->pk.p);
    size_t n_heads = 0;
    if ((m->want & TRI_SPARSE) && !m->sparse_in_trunk) heads[n_heads++] = m->sparse_path;
    if (m->want & TRI_MULTI) heads[n_heads++] = m->multi_path;
    TRI_TRY(packed_match(&m->packed, m->config.home, m->w, heads, n_heads, state, why, err));
    if (*state == PACKED_TOUCHED)
        log_say(&m->log, 1,
                "the weights of %s have new times and the same content, which took reading them; "
                "trident export packed %s --precision %s notes the times",
                dir, dir, word);
    if (*state != PACKED_STALE) return TRI_OK;
    if (!was_named && m->pk.p != PRECISION_INT8) {
        log_say(&m->log, 1,
                "%s is ignored, it was made from other weights: %s; make it again with trident export packed %s --precision %s",
                path, why, dir, word);
        return TRI_OK;
    }
    err_set(err, TRI_ERR_MISMATCH, "could not use %s: it was made from other weights: %s", path, why);
    return err_hint(err, TRI_ERR_MISMATCH, "make it again with trident export packed %s --precision %s%s", dir, word,
                    texts_flag(m));
}

static tri_status say_uncalibrated(const model *m, const char *path, tri_error *err)
{
    err_set(err, TRI_ERR_NOT_FOUND, "could not use int8: %s is not there", path);
    return err_hint(err, TRI_ERR_NOT_FOUND, "trident export packed %s --precision int8%s", m->config.dir, texts_flag(m));
}

/* named NULL: the folder's own, when there is one; "": none. */
static tri_status open_packed(model *m, const char *named, const model_how *how, tri_error *err)
{
    char name[64];
    packed_state state;
    precision_file_name(m->pk.p, name, sizeof name);
    const char *path = named;
    if (!path) TRI_TRY(path_beside(m, name, &path, err));
    if (m->pk.plan_only || !path[0]) return TRI_OK;
    if (!named && !file_exists(path)) return m->pk.p == PRECISION_INT8 ? say_uncalibrated(m, path, err) : TRI_OK;
    tri_status st = packed_file_open(path, &m->packed, err);
    if (st == TRI_ERR_FORMAT || st == TRI_ERR_UNSUPPORTED)
        err_hint(err, st, "remove it, or make it again: trident export packed %s --precision %s%s --force", m->config.dir,
                 precision_word(m->pk.p), texts_flag(m));
    if (!st) st = judge_packed(m, named != NULL, &state, err);
    if (st) return st;
    if (state == PACKED_STALE) {
        packed_file_close(&m->packed);
        return TRI_OK;
    }
    if (how->private_copy) TRI_TRY(packed_file_make_private(&m->packed, how->nodes, err));
    m->pk.file = &m->packed;
    m->pk.nodes = how->nodes;
    note_file(m, m->packed.path);
    return TRI_OK;
}

/* ---- tokenizer ------------------------------------------------------------------------------------------------------ */

typedef struct tokenizer_job {
    model *m;
    int rules;
} tokenizer_job;

/* On a thread of its own while the weights are packed: the two take about as long, and touch nothing of each other. */
static void open_tokenizer(void *ctx)
{
    tokenizer_job *job = ctx;
    model *m = job->m;
    m->tok_error.status = tokenizer_open(m->config.dir, job->rules, &m->tok, &m->tok_error);
}

static void note_tokenizer(model *m)
{
    tokenizer_info info;
    if (!m->tok) return;
    tokenizer_info_get(m->tok, &info);
    note_file(m, info.file);
}

/* FlagEmbedding drops the tokenizer's cls, eos, pad and unk; without a tokenizer XLM-R's fixed ids are taken. */
static void find_specials(model *m)
{
    uint32_t ids[4] = {0, 1, 2, 3};
    if (m->tok) {
        tokenizer_info info;
        tokenizer_info_get(m->tok, &info);
        ids[0] = info.cls;
        ids[1] = info.pad;
        ids[2] = info.sep;
        ids[3] = info.unk;
    }
    for (size_t i = 0; i < 4; i++)
        if (ids[i] != TOKEN_NONE) m->specials[m->n_specials++] = ids[i];
}

/* ---- opening -------------------------------------------------------------------------------------------------------- */

static tri_status find_limits(model *m, tri_error *err)
{
    m->max_tokens = m->kind->max_tokens(&m->config);
    if (m->max_tokens < 2)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"max_position_embeddings\" %zu leaves no room for a text",
                       m->config.file, m->config.positions);
    m->max_text =
        m->config.max_seq_length && m->config.max_seq_length < m->max_tokens ? m->config.max_seq_length : m->max_tokens;
    return TRI_OK;
}

/* What a BERT has not; nothing is added for one, so that indexes made by it stay good. */
static void add_shape(hash64_stream *h, const model_config *c)
{
    const layer_shape *s = &c->shape;
    const double facts[] = {s->global.theta, s->global.divisor, s->global.mixed_a, s->global.mixed_b,
                            s->local.theta,  s->local.divisor,  (double)s->window, (double)s->ffn,
                            (double)c->task, (double)c->score,  (double)c->act,    (double)c->logit_pool};
    if (!s->global.on && c->task == TASK_EMBED) return;
    hash64_update(h, facts, sizeof facts);
    if (s->is_local) hash64_update(h, s->is_local, c->layers);
}

/* Identity of what was opened: configuration, and name, type, shape and first bytes of every tensor. Cheap: a few pages a
 * tensor are not touched beyond the first. */
static tri_status take_fingerprint(model *m, tri_error *err)
{
    enum { SAMPLE = 64 };
    hash64_stream *h = hash64_new();
    if (!h) return err_memory(err, sizeof m->fingerprint);
    const size_t sizes[] = {m->config.hidden,    m->config.layers,    m->config.heads, m->config.ffn,
                            m->config.vocab,     m->config.positions, m->config.types, (size_t)m->config.pool,
                            m->config.normalize, m->config.n_dense};
    hash64_update(h, m->config.model_type, strlen(m->config.model_type) + 1);
    hash64_update(h, sizes, sizeof sizes);
    add_shape(h, &m->config);
    const weights *const tables[] = {m->w, m->sparse.w, m->multi.w};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (size_t i = 0; tables[t] && i < weights_count(tables[t]); i++) {
            const weight *w = weights_at(tables[t], i);
            uint64_t facts[3] = {(uint64_t)w->type, (uint64_t)w->rank, w->bytes};
            hash64_update(h, w->name, strlen(w->name) + 1);
            hash64_update(h, facts, sizeof facts);
            hash64_update(h, w->data, w->bytes < SAMPLE ? w->bytes : SAMPLE);
        }
    }
    m->fingerprint = hash64_digest(h);
    hash64_free(h);
    return TRI_OK;
}

static tri_status open_weights(model *m, const char *path, const model_how *how, const tri_model_options *o, tri_error *err)
{
    TRI_TRY(m->config.file == m->config.dir ? gguf_model_weights(path, &m->w, err) : weights_open_dir(path, &m->w, err));
    for (size_t i = 0; i < weights_files(m->w); i++) note_file(m, weights_file(m->w, i));
    TRI_TRY(choose_heads(m, o->want, err));
    TRI_TRY(open_packed(m, o->packed, how, err));
    TRI_TRY(m->kind->bind(&m->pk, &m->config, m->w, &m->enc, err));
    return open_heads(m, err);
}

static tri_status open_parts(model *m, const char *path, const model_how *how, const tri_model_options *o, tri_error *err)
{
    TRI_TRY(model_config_load(path, &m->config, &m->kind, &m->keep, err));
    note_file(m, m->config.file);
    TRI_TRY(find_limits(m, err));
    side_task side = {0};
    tokenizer_job job = {m, o->tokenizer_rules};
    m->tok_error =
        (tri_error){.status = TRI_ERR_STATE, .text = "could not encode a text: the model was opened for token ids only"};
    if (!o->no_tokenizer) side_task_start(&side, pool_size(m->c->threads) == 1, open_tokenizer, &job);
    tri_status st = open_weights(m, path, how, o, err);
    side_task_join(&side);
    if (st) return st;
    note_tokenizer(m);
    find_specials(m);
    return take_fingerprint(m, err);
}

tri_status model_open(compute *c, const model_how *how, log_hook log, const char *path, const tri_model_options *options,
                      model **out, tri_error *err)
{
    *out = NULL;
    model *m = mem_calloc(1, sizeof *m);
    if (!m) return err_memory(err, sizeof *m);
    m->c = c;
    m->log = log;
    arena_init(&m->keep, 4096);
    m->pk = (packing){.c = c, .p = how->p, .plan_only = how->plan_only, .keep = &m->keep};
    tri_status st = open_parts(m, path, how, options, err);
    if (!st && m->tok_error.status == TRI_ERR_MEMORY) {
        if (err) *err = m->tok_error;
        st = TRI_ERR_MEMORY;
    }
    if (st) {
        model_close(m);
        return st;
    }
    *out = m;
    return TRI_OK;
}

void model_close(model *m)
{
    if (!m) return;
    if (m->enc) m->kind->drop(m->c, m->enc);
    head_dense_drop(m->c, &m->dense);
    head_sparse_drop(m->c, &m->sparse);
    head_multi_drop(m->c, &m->multi);
    head_logit_drop(m->c, &m->logit);
    head_splade_drop(m->c, &m->splade);
    tokenizer_close(m->tok);
    packing_drop(&m->pk);
    packed_file_close(&m->packed);
    weights_close(m->w);
    arena_drop(&m->keep);
    mem_free(m);
}

/* ---- facts ---------------------------------------------------------------------------------------------------------- */

static uint64_t count_parameters(const weights *w)
{
    uint64_t n = 0;
    for (size_t i = 0; w && i < weights_count(w); i++) {
        const weight *t = weights_at(w, i);
        if (dtype_size(t->type) && t->type != DTYPE_I64)
            n += t->bytes / dtype_size(t->type); /* position_ids is a buffer, not a parameter */
    }
    return n;
}

/* As the file has it: quantised tensors of a GGUF file are f32 here. */
static const char *weights_type(const weights *w)
{
    const weight *largest = NULL;
    for (size_t i = 0; i < weights_count(w); i++) {
        const weight *t = weights_at(w, i);
        if (!largest || t->bytes > largest->bytes) largest = t;
    }
    if (!largest) return dtype_name(DTYPE_OTHER);
    return largest->type_name[0] == 'q' ? largest->type_name : dtype_name(largest->type);
}

static uint64_t packed_total(const model *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->pk.n_list; i++)
        if (m->pk.list[i].matrix) bytes += m->c->ops->packed_bytes(m->pk.list[i].matrix);
    return bytes;
}

static void tokenizer_facts(const model *m, tri_model_info *out)
{
    out->tokenizer = out->tokenizer_rules = "";
    if (!m->tok) return;
    tokenizer_info info;
    tokenizer_info_get(m->tok, &info);
    out->tokenizer = info.kind;
    out->tokenizer_rules = info.rules == TOKENIZER_RULES_HF5 ? "hf5" : "file";
    out->tokenizer_rules_differ = info.rules_differ;
}

static size_t count_local(const model_config *c)
{
    size_t n = 0;
    for (size_t i = 0; c->shape.is_local && i < c->layers; i++) n += c->shape.is_local[i] != 0;
    return n;
}

void model_info(const model *m, tri_model_info *out)
{
    const model_config *c = &m->config;
    size_t local = count_local(c);
    tri_model_info info = {
        .struct_size = out->struct_size,
        .path = c->dir,
        .architecture = c->model_type,
        .hidden = c->hidden,
        .layers = c->layers,
        .heads = c->heads,
        .ffn = c->ffn,
        .vocab = c->vocab,
        .positions = c->positions,
        .max_tokens = m->max_text,
        .dense_dim = m->want & TRI_DENSE ? m->dense.dim : 0,
        .multi_dim = m->multi.matrix ? m->multi.dim : 0,
        .want = m->want,
        .pooling = pooling_name(c->task == TASK_RERANK ? c->logit_pool : c->pool),
        .normalizes_dense = c->normalize && c->task != TASK_RERANK,
        .prompt_query = c->prompt_query,
        .prompt_passage = c->prompt_passage,
        .weights_dtype = weights_type(m->w),
        .weights_bytes = weights_bytes(m->w),
        .packed_bytes = packed_total(m),
        .n_parameters = count_parameters(m->w) + count_parameters(m->sparse.w) + count_parameters(m->multi.w),
        .n_files = m->n_files,
        .fingerprint = m->fingerprint,
        .precision = precision_word(m->pk.p),
        .packed_file = m->packed.path ? m->packed.path : "",
        .reranks = c->task == TASK_RERANK,
        .score_activation = c->task != TASK_RERANK       ? ""
                            : c->score == SCORE_IDENTITY ? "identity"
                                                         : "sigmoid",
        .gated = c->shape.ffn != FFN_PLAIN,
        .local_layers = local,
        .window = local ? c->shape.window : 0,
    };
    tokenizer_facts(m, &info);
    size_t n = out->struct_size < sizeof info ? out->struct_size : sizeof info;
    memcpy(out, &info, n);
}
