/* SPDX-License-Identifier: Apache-2.0 */
/* export_gguf.c — the model is opened as a plan: every tensor found and checked, none packed. Then keys, the tokenizer, and the
 * tensors under llama.cpp's names, a block of rows at a time.
 *
 * llama.cpp refuses a file with tensors that it does not know, so the sparse and the multi-vector head go into STEM.heads.gguf,
 * which opening STEM.gguf finds. Matrices get the type that was asked for; vectors, norms, positions and token types are f32 in
 * every file that llama.cpp's converter makes, and so here. XLM-R's first two positions, which no token of a text uses, are cut
 * off as the converter does; they stand in a key of ours.
 *
 * Refused, because llama.cpp would compute something else and say nothing: an activation that is not GELU, Dense modules, other
 * pooling than cls, mean and last, vectors that are not of unit length, and architectures that are not in gguf_names.c. */
#include "model/export_gguf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/gguf_blocks.h"

enum { KEY_CAP = 96, CHUNK = 1 << 15, XLMR_CUT = 2 };

typedef struct job {
    const gguf_export *o;
    gguf_export_result *result;
    const model *m;
    const gguf_family *f;
    const char *prefix; /* of the folder's names */
    gguf_writer *w;
    uint64_t done, total;
    tri_error *err;
} job;

/* ---- what can be written --------------------------------------------------------------------------------------------- */

static tri_status refuse(const job *j, const char *what)
{
    return err_set(j->err, TRI_ERR_UNSUPPORTED, "could not write %s as GGUF: %s", j->m->config.dir, what);
}

static tri_status check_model(job *j)
{
    const model_config *c = &j->m->config;
    j->f = gguf_family_of_model_type(c->model_type);
    if (!j->f) {
        err_set(j->err, TRI_ERR_UNSUPPORTED, "could not write %s as GGUF: its \"model_type\" is \"%s\"", c->dir, c->model_type);
        return err_hint(j->err, TRI_ERR_UNSUPPORTED, "bert, xlm-roberta and nomic_bert can be written");
    }
    if (!j->m->tok) {
        if (j->err) *j->err = j->m->tok_error;
        return j->m->tok_error.status;
    }
    bool is_nomic = strcmp(c->model_type, "nomic_bert") == 0, is_xlmr = strcmp(c->model_type, "xlm-roberta") == 0;
    if (c->task != TASK_EMBED && c->task != TASK_RERANK) return refuse(j, "it is neither for vectors nor a reranker");
    if (c->act != (is_nomic ? ACT_SILU : ACT_GELU_ERF))
        return refuse(j, "its activation is not the one that llama.cpp computes");
    if (c->n_dense) return refuse(j, "it has Dense modules, which llama.cpp passes over");
    if (is_xlmr && c->pad_id + 1 != XLMR_CUT) return refuse(j, "its \"pad_token_id\" is not 1");
    if (c->task == TASK_RERANK) return TRI_OK;
    if (c->pool == POOL_CLS || c->pool == POOL_MEAN || c->pool == POOL_LAST) return TRI_OK;
    return err_set(j->err, TRI_ERR_UNSUPPORTED, "could not write %s as GGUF: llama.cpp has no pooling \"%s\"", c->dir,
                   pooling_name(c->pool));
}

static const char *find_prefix(const job *j)
{
    char name[TENSOR_NAME_CAP];
    for (const char *const *p = j->m->kind->prefixes; *p; p++) {
        snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", *p);
        if (weights_find(j->m->w, name)) return *p;
    }
    return "";
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static const char *arch_key(const job *j, const char *name, char out[KEY_CAP])
{
    snprintf(out, KEY_CAP, "%s.%s", j->f->architecture, name);
    return out;
}

static size_t cut_rows(const job *j)
{
    return strcmp(j->f->model_type, "xlm-roberta") == 0 ? XLMR_CUT : 0;
}

static uint32_t pooling_number(const model_config *c)
{
    return c->task == TASK_RERANK ? 4 : c->pool == POOL_MEAN ? 1 : c->pool == POOL_CLS ? 2 : 3; /* llama_pooling_type */
}

static tri_status write_sizes(const job *j)
{
    const model_config *c = &j->m->config;
    char key[KEY_CAP];
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {{"block_count", c->layers},         {"context_length", c->positions - cut_rows(j)},
                 {"embedding_length", c->hidden},    {"feed_forward_length", c->ffn},
                 {"attention.head_count", c->heads}, {"pooling_type", pooling_number(c)}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        TRI_TRY(gguf_write_u32(j->w, arch_key(j, sizes[i].name, key), (uint32_t)sizes[i].value, j->err));
    TRI_TRY(gguf_write_f32(j->w, arch_key(j, "attention.layer_norm_epsilon", key), c->eps, j->err));
    TRI_TRY(gguf_write_bool(j->w, arch_key(j, "attention.causal", key), false, j->err));
    if (c->shape.global.on)
        TRI_TRY(gguf_write_f32(j->w, arch_key(j, "rope.freq_base", key), (float)c->shape.global.theta, j->err));
    if (c->task != TASK_RERANK) return TRI_OK;
    TRI_TRY(gguf_write_array(j->w, arch_key(j, "classifier.output_labels", key), GGUF_STRING, 1, j->err));
    return gguf_write_item_text(j->w, "LABEL_0", 7, j->err);
}

static tri_status write_text(const job *j, const char *key, const char *text)
{
    return text[0] ? gguf_write_text(j->w, key, text, strlen(text), j->err) : TRI_OK;
}

/* What llama.cpp has no keys for. */
static tri_status write_own(const job *j)
{
    const model_config *c = &j->m->config;
    TRI_TRY(write_text(j, GGUF_KEY_MODEL_TYPE, c->model_type));
    TRI_TRY(gguf_write_bool(j->w, GGUF_KEY_NORMALIZE, c->normalize, j->err));
    if (c->max_seq_length) TRI_TRY(gguf_write_u32(j->w, GGUF_KEY_MAX_LENGTH, (uint32_t)c->max_seq_length, j->err));
    TRI_TRY(write_text(j, GGUF_KEY_PROMPT_QUERY, c->prompt_query));
    TRI_TRY(write_text(j, GGUF_KEY_PROMPT_PASSAGE, c->prompt_passage));
    if (c->task != TASK_RERANK || !c->from_st) return TRI_OK;
    return write_text(j, GGUF_KEY_SCORE, c->score == SCORE_IDENTITY ? "identity" : "sigmoid");
}

static tri_status write_first_positions(const job *j, const weight *w)
{
    size_t n = cut_rows(j) * j->m->config.hidden;
    float *rows = mem_array(n, sizeof *rows);
    if (!rows) return err_memory(j->err, n * sizeof *rows);
    dtype_to_f32(rows, w->data, w->type, n);
    tri_status st = gguf_write_array(j->w, GGUF_KEY_FIRST_POSITIONS, GGUF_F32, n, j->err);
    if (!st) st = gguf_write_item(j->w, rows, n * sizeof *rows, j->err); /* a little-endian machine's floats */
    mem_free(rows);
    return st;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static tri_status write_keys(const job *j)
{
    static const struct {
        uint32_t type, file_type; /* llama_ftype */
    } types[] = {{GGUF_TENSOR_F32, 0}, {GGUF_TENSOR_F16, 1}, {GGUF_TENSOR_Q8_0, 7}};
    TRI_TRY(write_text(j, "general.architecture", j->f->architecture));
    TRI_TRY(write_text(j, "general.name", base_name(j->m->config.dir)));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == j->o->type) TRI_TRY(gguf_write_u32(j->w, "general.file_type", types[i].file_type, j->err));
    TRI_TRY(write_sizes(j));
    TRI_TRY(write_own(j));
    tri_status st = export_gguf_tokenizer(j->w, j->m->tok, j->m->config.vocab, j->err);
    if (st && st != TRI_ERR_MEMORY) return err_prefix(j->err, st, "could not write %s as GGUF: ", j->m->config.dir);
    TRI_TRY(st);
    size_t types_there = j->m->config.types;
    return gguf_write_u32(j->w, "tokenizer.ggml.token_type_count", (uint32_t)(types_there ? types_there : 1), j->err);
}

/* ---- tensors --------------------------------------------------------------------------------------------------------- */

/* How one tensor goes out. */
typedef struct outgoing {
    const weight *w;
    char name[TENSOR_NAME_CAP];
    uint32_t type;
    int rank;
    uint64_t shape[2];
    size_t skip; /* rows that are left out at the beginning */
} outgoing;

static uint32_t choose_type(const job *j, const char *name, const weight *w)
{
    static const char *const small[] = {"position_embd.", "token_types.", "cls."};
    uint32_t type = j->o->type;
    if (w->rank == 1) return GGUF_TENSOR_F32;
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (strncmp(name, small[i], strlen(small[i])) == 0) return GGUF_TENSOR_F32;
    return type == GGUF_TENSOR_Q8_0 && w->shape[1] % GGUF_Q8_0_ITEMS ? GGUF_TENSOR_F16 : type;
}

/* False: not one of llama.cpp's (the pooler of a model for vectors, a masked-LM head, a buffer of positions). */
static bool plan(const job *j, const weight *w, outgoing *out)
{
    size_t len = strlen(j->prefix);
    const char *name = strncmp(w->name, j->prefix, len) == 0 ? w->name + len : w->name;
    if (!gguf_name_from_hf(j->f, name, out->name) || w->rank < 1 || w->rank > 2) return false;
    if (strncmp(out->name, "cls.", 4) == 0 && j->m->config.task != TASK_RERANK) return false;
    out->w = w;
    out->rank = w->rank;
    out->shape[0] = w->shape[0];
    out->shape[1] = w->rank == 2 ? w->shape[1] : 0;
    out->type = choose_type(j, out->name, w);
    out->skip = strcmp(out->name, "position_embd.weight") == 0 ? cut_rows(j) : 0;
    out->shape[0] -= out->skip;
    return true;
}

static tri_status cannot_hold(const job *j, const weight *w, float value, const char *type)
{
    return err_set(j->err, TRI_ERR_NUMERIC, "could not write %s: tensor \"%s\" holds %g, which %s cannot", j->o->to, w->name,
                   (double)value, type);
}

static tri_status write_halves(const job *j, const weight *w, const float *from, size_t n)
{
    uint16_t out[1024];
    for (size_t at = 0; at < n;) {
        size_t m = n - at < 1024 ? n - at : 1024;
        for (size_t i = 0; i < m; i++) {
            out[i] = half_from_f32(from[at + i]);
            if ((out[i] & 0x7C00) == 0x7C00) return cannot_hold(j, w, from[at + i], "f16");
        }
        TRI_TRY(gguf_write_data(j->w, out, m * sizeof *out, j->err));
        at += m;
    }
    return TRI_OK;
}

static tri_status write_q8_0(const job *j, const weight *w, const float *from, size_t n)
{
    for (size_t at = 0; at < n; at += GGUF_Q8_0_ITEMS) {
        uint8_t block[GGUF_Q8_0_BYTES];
        for (size_t i = 0; i < GGUF_Q8_0_ITEMS; i++)
            if (!(fabsf(from[at + i]) < 127 * 65504.0f)) return cannot_hold(j, w, from[at + i], "q8_0");
        gguf_q8_0_encode(from + at, block);
        TRI_TRY(gguf_write_data(j->w, block, sizeof block, j->err));
    }
    return TRI_OK;
}

static tri_status write_tensor(job *j, const outgoing *t, float *chunk)
{
    size_t size = dtype_size(t->w->type), n = t->w->bytes / size, at = t->rank == 2 ? t->skip * (size_t)t->shape[1] : 0;
    while (at < n) {
        size_t m = n - at < CHUNK ? n - at : CHUNK;
        dtype_to_f32(chunk, (const char *)t->w->data + at * size, t->w->type, m);
        TRI_TRY(t->type == GGUF_TENSOR_F32   ? gguf_write_data(j->w, chunk, m * sizeof *chunk, j->err)
                : t->type == GGUF_TENSOR_F16 ? write_halves(j, t->w, chunk, m)
                                             : write_q8_0(j, t->w, chunk, m));
        at += m;
    }
    weights_wont_need(j->m->w, t->w);
    j->done += t->w->bytes;
    if (j->o->progress && j->o->progress(j->o->progress_ctx, j->done, j->total))
        return err_set(j->err, TRI_ERR_CANCELLED, "writing %s was stopped", j->o->to);
    return TRI_OK;
}

static tri_status declare_all(job *j, outgoing *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const outgoing *t = &list[i];
        if (t->skip) TRI_TRY(write_first_positions(j, t->w));
        TRI_TRY(gguf_write_declare(j->w, t->name, t->type, t->rank, t->shape, j->err));
        j->total += t->w->bytes;
    }
    return TRI_OK;
}

static tri_status write_list(job *j, outgoing *list, size_t n)
{
    TRI_TRY(declare_all(j, list, n));
    TRI_TRY(gguf_write_begin(j->w, j->err));
    float *chunk = mem_array(CHUNK, sizeof *chunk);
    if (!chunk) return err_memory(j->err, CHUNK * sizeof *chunk);
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < n; i++) st = write_tensor(j, &list[i], chunk);
    mem_free(chunk);
    j->result->n_tensors += n;
    return st;
}

static tri_status write_main(job *j)
{
    size_t n = 0, count = weights_count(j->m->w);
    outgoing *list = mem_array(count ? count : 1, sizeof *list);
    if (!list) return err_memory(j->err, count * sizeof *list);
    for (size_t i = 0; i < count; i++) n += plan(j, weights_at(j->m->w, i), &list[n]);
    tri_status st = write_keys(j);
    if (!st) st = write_list(j, list, n);
    mem_free(list);
    return st;
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static size_t plan_head(const weights *w, const char *stem, outgoing *list)
{
    static const char *const ends[] = {"weight", "bias"};
    size_t n = 0;
    for (size_t i = 0; w && i < 2; i++) {
        const weight *t = weights_find(w, ends[i]);
        outgoing *out = &list[n++];
        *out = (outgoing){.w = t, .type = GGUF_TENSOR_F32, .rank = t->rank};
        memcpy(out->shape, t->shape, sizeof out->shape);
        snprintf(out->name, sizeof out->name, "%s.%s", stem, ends[i]);
    }
    return n;
}

static tri_status write_heads(job *j)
{
    outgoing list[4];
    size_t n = plan_head(j->m->sparse.w, "sparse_linear", list);
    n += plan_head(j->m->multi.w, "colbert_linear", list + n);
    TRI_TRY(write_text(j, "general.architecture", "trident-heads"));
    TRI_TRY(write_text(j, "general.name", base_name(j->m->config.dir)));
    return write_list(j, list, n);
}

static tri_status write_one(job *j, const char *path, tri_status (*parts)(job *))
{
    uint64_t bytes = 0;
    TRI_TRY(gguf_write_open(path, &j->w, j->err));
    tri_status st = parts(j);
    if (!st)
        st = gguf_write_commit(j->w, j->err);
    else
        gguf_write_discard(j->w);
    if (!st) st = file_size(path, &bytes, j->err);
    j->result->bytes += bytes;
    return st;
}

/* The heads first: a file that is read must find its own. */
static tri_status write_files(job *j)
{
    char heads[LIMIT_PATH];
    TRI_TRY(check_model(j));
    j->prefix = find_prefix(j);
    TRI_TRY(model_file_beside(j->o->to, "heads.gguf", heads, j->err));
    if (j->m->sparse.w || j->m->multi.w) {
        TRI_TRY(write_one(j, heads, write_heads));
        memcpy(j->result->heads, heads, sizeof heads);
    } else if (file_exists(heads)) {
        err_set(j->err, TRI_ERR_STATE, "could not write %s: %s is there, and this model has no such heads", j->o->to, heads);
        return err_hint(j->err, TRI_ERR_STATE, "remove it, or choose another name");
    }
    return write_one(j, j->o->to, write_main);
}

tri_status export_gguf(compute *c, log_hook log, const char *path, const gguf_export *o, gguf_export_result *result,
                       tri_error *err)
{
    tri_model_options mo = {.struct_size = sizeof mo};
    model_how how = {.p = PRECISION_F32, .plan_only = true};
    model *m;
    memset(result, 0, sizeof *result);
    TRI_TRY(model_open(c, &how, log, path, &mo, &m, err));
    job j = {.o = o, .result = result, .m = m, .err = err};
    tri_status st = write_files(&j);
    model_close(m);
    return st;
}
