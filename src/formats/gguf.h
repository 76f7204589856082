/* SPDX-License-Identifier: Apache-2.0 */
/* gguf.h — what llama.cpp's one-file form of a model says: typed keys, and tensors that may be quantised.
 *
 *   0   "GGUF", u32 version (2 or 3), u64 tensors, u64 keys            all little-endian
 *   24  keys     { string name, u32 type, value }                      string: u64 length, bytes; array: u32 type, u64 n, items
 *       tensors  { string name, u32 rank, u64 dims[rank] (innermost first), u32 type, u64 offset }
 *       padding to general.alignment (32), then the data; offsets are counted from there
 * Values are views of the bytes, which must outlive the reading. */
#ifndef TRI_FORMATS_GGUF_H
#define TRI_FORMATS_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"
#include "base/arena.h"
#include "base/strmap.h"
#include "formats/tensor_table.h"

typedef enum {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64
} gguf_type;

typedef struct gguf_value {
    const char *key;
    gguf_type type, item; /* item: of an array */
    uint64_t n;           /* items of an array */
    const uint8_t *bytes; /* a string's letters, an array's first item, a number; possibly unaligned */
    size_t len;
} gguf_value;

typedef struct gguf_tensor {
    const char *name;
    int rank;
    uint64_t shape[4]; /* outermost first */
    uint32_t type;
    uint64_t offset;
} gguf_tensor;

typedef struct gguf {
    const uint8_t *bytes;
    size_t len;
    gguf_value *values;
    size_t n_values;
    gguf_tensor *tensors;
    size_t n_tensors;
    size_t data_at; /* where the data begin; everything before it was looked at */
    strmap keys;
    arena keep;
} gguf;

bool gguf_is(const uint8_t *bytes, size_t len);
/* Drop it whatever the answer. Messages do not name the file: the caller does. */
tri_status gguf_read(const uint8_t *bytes, size_t len, gguf *out, tri_error *err);
void gguf_drop(gguf *g);

const gguf_value *gguf_find(const gguf *g, const char *key); /* NULL = absent */
/* An absent key gives the fallback; one of another type, or out of [min, max], is TRI_ERR_FORMAT. Integers of any width are
 * taken for counts. */
tri_status gguf_get_size(const gguf *g, const char *key, uint64_t fallback, uint64_t min, uint64_t max, size_t *out,
                         tri_error *err);
tri_status gguf_get_f32(const gguf *g, const char *key, float fallback, float *out, tri_error *err);
tri_status gguf_get_bool(const gguf *g, const char *key, bool fallback, bool *out, tri_error *err);
/* Valid UTF-8; absent: bytes NULL */
tri_status gguf_get_text(const gguf *g, const char *key, tri_text *out, tri_error *err);
/* An array of such items; absent, or of other items: NULL. */
const gguf_value *gguf_find_array(const gguf *g, const char *key, gguf_type item);
/* The next string of an array, *at from 0 on; they were bounded by gguf_read. */
tri_text gguf_next_text(const gguf_value *array, size_t *at);
/* Item i of an array of I32, U32 or F32. */
uint32_t gguf_item_u32(const gguf_value *array, uint64_t i);
float gguf_item_f32(const gguf_value *array, uint64_t i);
const gguf_tensor *gguf_find_tensor(const gguf *g, const char *name); /* NULL = absent */

/* Adds every tensor under its own name: f32, f16, bf16 and plain integers viewed in the bytes, quantised ones as f32 in the
 * table's memory; those of a type that is not decoded with DTYPE_OTHER. */
tri_status gguf_add_tensors(const gguf *g, const char *file, tensor_table *t, tri_error *err);

#endif
