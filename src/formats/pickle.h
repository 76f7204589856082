/* SPDX-License-Identifier: Apache-2.0 */
/* pickle.h — what a torch pickle says, as plain values; nothing is ever imported, constructed or called.
 *
 *   pickle p;
 *   pickle_init(&p);
 *   st = pickle_run(&p, bytes, len, err);        p.root is the value left on the stack, p.used the bytes taken
 *   const pickle_value *v = pickle_at(&p, p.root);
 *   pickle_drop(&p);
 *
 * Values are numbered in the order they were made. A call of an allowed symbol stays a PICKLE_CALL of symbol and arguments, for
 * the reader of tensors to understand. Lists and dicts may contain themselves: walk them to a fixed depth only. */
#ifndef TRI_FORMATS_PICKLE_H
#define TRI_FORMATS_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

/* The allow-list: X(id, module, name, may be called). Any other global is refused by name. */
#define PICKLE_SYMBOL_MAP(X)                                                                                                   \
    X(ORDERED_DICT, "collections", "OrderedDict", true)                                                                        \
    X(REBUILD_TENSOR_V2, "torch._utils", "_rebuild_tensor_v2", true)                                                           \
    X(REBUILD_TENSOR, "torch._utils", "_rebuild_tensor", true)                                                                 \
    X(REBUILD_PARAMETER, "torch._utils", "_rebuild_parameter", true)                                                           \
    X(PARAMETER, "torch.nn.parameter", "Parameter", true)                                                                      \
    X(SIZE, "torch", "Size", true)                                                                                             \
    X(DEVICE, "torch", "device", true)                                                                                         \
    X(GET_LAYOUT, "torch.serialization", "_get_layout", true)                                                                  \
    X(ENCODE, "_codecs", "encode", true)                                                                                       \
    X(FLOAT_STORAGE, "torch", "FloatStorage", false)                                                                           \
    X(HALF_STORAGE, "torch", "HalfStorage", false)                                                                             \
    X(BFLOAT16_STORAGE, "torch", "BFloat16Storage", false)                                                                     \
    X(DOUBLE_STORAGE, "torch", "DoubleStorage", false)                                                                         \
    X(LONG_STORAGE, "torch", "LongStorage", false)                                                                             \
    X(INT_STORAGE, "torch", "IntStorage", false)                                                                               \
    X(SHORT_STORAGE, "torch", "ShortStorage", false)                                                                           \
    X(CHAR_STORAGE, "torch", "CharStorage", false)                                                                             \
    X(BYTE_STORAGE, "torch", "ByteStorage", false)                                                                             \
    X(BOOL_STORAGE, "torch", "BoolStorage", false)                                                                             \
    X(UNTYPED_STORAGE, "torch.storage", "UntypedStorage", false)                                                               \
    X(TYPED_STORAGE, "torch.storage", "TypedStorage", false)                                                                   \
    X(DTYPE_FLOAT32, "torch", "float32", false)                                                                                \
    X(DTYPE_FLOAT16, "torch", "float16", false)                                                                                \
    X(DTYPE_BFLOAT16, "torch", "bfloat16", false)                                                                              \
    X(DTYPE_FLOAT64, "torch", "float64", false)                                                                                \
    X(DTYPE_INT64, "torch", "int64", false)                                                                                    \
    X(DTYPE_INT32, "torch", "int32", false)                                                                                    \
    X(DTYPE_INT16, "torch", "int16", false)                                                                                    \
    X(DTYPE_INT8, "torch", "int8", false)                                                                                      \
    X(DTYPE_UINT8, "torch", "uint8", false)                                                                                    \
    X(DTYPE_BOOL, "torch", "bool", false)

typedef enum pickle_symbol {
#define PICKLE_X(id, module, name, callable) PICKLE_##id,
    PICKLE_SYMBOL_MAP(PICKLE_X)
#undef PICKLE_X
        PICKLE_SYMBOLS
} pickle_symbol;

typedef enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_BIG, /* an integer past 64 bits; its value is not kept */
    PICKLE_FLOAT,
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT, /* also an OrderedDict */
    PICKLE_SET,  /* always empty: nothing in the opcode table fills one */
    PICKLE_SYMBOL,
    PICKLE_CALL,      /* symbol and first = arguments, a tuple */
    PICKLE_PERSISTENT /* first = the persistent id */
} pickle_kind;

typedef struct pickle_value {
    uint8_t kind;    /* pickle_kind */
    uint8_t ordered; /* PICKLE_DICT made by OrderedDict */
    uint16_t symbol; /* pickle_symbol, of a SYMBOL or CALL */
    uint32_t count;  /* items of a TUPLE, LIST or DICT; bytes of a TEXT */
    union {
        int64_t integer; /* BOOL, INT */
        double real;
        const char *text; /* in the pickle's bytes, not NUL-terminated */
        struct {
            uint32_t first, last; /* cells of a container; first is a value's number in CALL and PERSISTENT */
        } link;
    } u;
} pickle_value;

/* One item of a container; key is used by dicts only. next is 0 at the end (cell 0 is never used). */
typedef struct pickle_cell {
    uint32_t key, value, next;
} pickle_cell;

typedef struct pickle {
    const uint8_t *bytes;
    size_t len, used;
    uint32_t root;
    pickle_value *values;
    pickle_cell *cells;
    uint32_t *stack, *marks, *memo; /* memo holds value numbers + 1; 0 is an empty slot */
    uint32_t n_values, n_cells, n_stack, n_marks, n_memo;
    uint32_t cap_values, cap_cells, cap_stack, cap_marks, cap_memo;
} pickle;

void pickle_init(pickle *p);
void pickle_drop(pickle *p);
/* Runs one pickle up to its STOP; bytes after it are not looked at. The bytes are borrowed as long as p is used. p may be run
 * again after a pickle_drop and a pickle_init. */
tri_status pickle_run(pickle *p, const uint8_t *bytes, size_t len, tri_error *err);

static inline const pickle_value *pickle_at(const pickle *p, uint32_t number)
{
    return &p->values[number];
}
/* Item i of a tuple or list, NULL past its end. Walks i cells. */
const pickle_value *pickle_item(const pickle *p, const pickle_value *sequence, uint32_t i);
/* The first cell of a container, NULL when empty; then pickle_next. */
const pickle_cell *pickle_first(const pickle *p, const pickle_value *container);
const pickle_cell *pickle_next(const pickle *p, const pickle_cell *cell);
bool pickle_text_is(const pickle_value *v, const char *text);
const char *pickle_symbol_name(pickle_symbol symbol); /* "torch.HalfStorage" */

#endif
