/* SPDX-License-Identifier: Apache-2.0 */
/* pickle.c — a pickle machine that can build values and do nothing else.
 *
 * A pickle is a program for a stack machine; Python's own runs whatever it names. This one knows only the opcodes that a state
 * dict needs (protocol 2 as torch.save writes it, and those of protocol 4), and the symbols of PICKLE_SYMBOL_MAP. Any other
 * byte or name ends the run with an error that shows it. The table of opcodes and their meaning is that of CPython's
 * pickletools.
 *
 * Invariants: (1) every operand is checked against the bytes left before it is read; (2) each opcode makes at most one value
 * and at most as many cells as it takes off the stack, so memory is linear in the pickle's length, and all arrays are bounded
 * by LIMIT_PICKLE_STACK; (3) a value number on the stack, in the memo or in a cell is always less than n_values; (4) no
 * recursion; (5) tuples are closed when made, lists and dicts are chains with a known last cell, so an append is one step. */
#include "formats/pickle.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "formats/le.h"

/* ORDER pickle opcodes: these names and bytes are pickletools' own */
enum {
    OP_MARK = 0x28,
    OP_EMPTY_TUPLE = 0x29,
    OP_STOP = 0x2E,
    OP_BINFLOAT = 0x47,
    OP_BININT = 0x4A,
    OP_BININT1 = 0x4B,
    OP_BININT2 = 0x4D,
    OP_NONE = 0x4E,
    OP_BINPERSID = 0x51,
    OP_REDUCE = 0x52,
    OP_BINSTRING = 0x54,
    OP_SHORT_BINSTRING = 0x55,
    OP_BINUNICODE = 0x58,
    OP_EMPTY_LIST = 0x5D,
    OP_APPEND = 0x61,
    OP_BUILD = 0x62,
    OP_GLOBAL = 0x63,
    OP_APPENDS = 0x65,
    OP_BINGET = 0x68,
    OP_LONG_BINGET = 0x6A,
    OP_BINPUT = 0x71,
    OP_LONG_BINPUT = 0x72,
    OP_SETITEM = 0x73,
    OP_TUPLE = 0x74,
    OP_SETITEMS = 0x75,
    OP_EMPTY_DICT = 0x7D,
    OP_PROTO = 0x80,
    OP_NEWOBJ = 0x81,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8A,
    OP_SHORT_BINUNICODE = 0x8C,
    OP_EMPTY_SET = 0x8F,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
};

static const struct {
    const char *module, *name, *full;
    bool callable;
} symbol_rows[PICKLE_SYMBOLS] = {
#define PICKLE_X(id, module, name, callable) {module, name, module "." name, callable},
    PICKLE_SYMBOL_MAP(PICKLE_X)
#undef PICKLE_X
};

void pickle_init(pickle *p)
{
    memset(p, 0, sizeof *p);
}

void pickle_drop(pickle *p)
{
    mem_free(p->values);
    mem_free(p->cells);
    mem_free(p->stack);
    mem_free(p->marks);
    mem_free(p->memo);
    memset(p, 0, sizeof *p);
}

const char *pickle_symbol_name(pickle_symbol symbol)
{
    return symbol_rows[symbol].full;
}

const pickle_cell *pickle_first(const pickle *p, const pickle_value *container)
{
    return container->count ? &p->cells[container->u.link.first] : NULL;
}

const pickle_cell *pickle_next(const pickle *p, const pickle_cell *cell)
{
    return cell->next ? &p->cells[cell->next] : NULL;
}

const pickle_value *pickle_item(const pickle *p, const pickle_value *sequence, uint32_t i)
{
    if (i >= sequence->count) return NULL;
    const pickle_cell *cell = pickle_first(p, sequence);
    while (i--) cell = pickle_next(p, cell);
    return pickle_at(p, cell->value);
}

bool pickle_text_is(const pickle_value *v, const char *text)
{
    return v->kind == PICKLE_TEXT && v->count == strlen(text) && memcmp(v->u.text, text, v->count) == 0;
}

/* --- storage ------------------------------------------------------------------------------------------------------------ */

static tri_status grow(void **array, uint32_t *cap, uint32_t need, size_t item, uint32_t limit, tri_error *err)
{
    if (need > limit) return err_set(err, TRI_ERR_LIMIT, "the pickle needs more than %u objects", limit);
    if (need <= *cap) return TRI_OK;
    uint32_t wanted = *cap ? *cap : 64;
    while (wanted < need) wanted *= 2; /* need <= limit, far below 2^31 */
    void *bigger = mem_realloc(*array, wanted * item);
    if (!bigger) return err_memory(err, wanted * item);
    *array = bigger;
    *cap = wanted;
    return TRI_OK;
}

static tri_status push_number(pickle *p, uint32_t number, tri_error *err)
{
    TRI_TRY(grow((void **)&p->stack, &p->cap_stack, p->n_stack + 1, sizeof *p->stack, LIMIT_PICKLE_STACK, err));
    p->stack[p->n_stack++] = number;
    return TRI_OK;
}

static tri_status push(pickle *p, pickle_value v, tri_error *err)
{
    TRI_TRY(grow((void **)&p->values, &p->cap_values, p->n_values + 1, sizeof *p->values, LIMIT_PICKLE_STACK, err));
    p->values[p->n_values] = v;
    return push_number(p, p->n_values++, err);
}

static tri_status push_kind(pickle *p, pickle_kind kind, tri_error *err)
{
    return push(p, (pickle_value){.kind = (uint8_t)kind}, err);
}

static tri_status push_integer(pickle *p, pickle_kind kind, int64_t integer, tri_error *err)
{
    return push(p, (pickle_value){.kind = (uint8_t)kind, .u.integer = integer}, err);
}

/* Items above the innermost mark cannot be reached by opcodes that know nothing of it, as in CPython. */
static uint32_t stack_floor(const pickle *p)
{
    return p->n_marks ? p->marks[p->n_marks - 1] : 0;
}

static tri_status need_stack(const pickle *p, uint32_t n, tri_error *err)
{
    if (p->n_stack - stack_floor(p) >= n) return TRI_OK;
    return err_set(err, TRI_ERR_FORMAT, "the pickle takes more from its stack than is there, at byte %zu", p->used);
}

static uint32_t pop(pickle *p)
{
    return p->stack[--p->n_stack];
}

/* The stack height at the innermost mark, which is taken off. */
static tri_status pop_mark(pickle *p, uint32_t *height, tri_error *err)
{
    if (!p->n_marks) return err_set(err, TRI_ERR_FORMAT, "the pickle looks for a mark that is not there, at byte %zu", p->used);
    *height = p->marks[--p->n_marks];
    return TRI_OK;
}

static tri_status append_cell(pickle *p, pickle_value *container, uint32_t key, uint32_t value, tri_error *err)
{
    if (p->n_cells == 0) p->n_cells = 1; /* 0 means "no next" */
    /* one state-dict entry is about ten values and as many cells again through the memo */
    TRI_TRY(grow((void **)&p->cells, &p->cap_cells, p->n_cells + 1, sizeof *p->cells, 4 * LIMIT_PICKLE_STACK, err));
    uint32_t cell = p->n_cells++;
    p->cells[cell] = (pickle_cell){.key = key, .value = value};
    if (container->count == 0)
        container->u.link.first = cell;
    else
        p->cells[container->u.link.last].next = cell;
    container->u.link.last = cell;
    container->count++;
    return TRI_OK;
}

/* --- operands ----------------------------------------------------------------------------------------------------------- */

static tri_status take(pickle *p, size_t n, const uint8_t **out, tri_error *err)
{
    if (n > p->len - p->used)
        return err_set(err, TRI_ERR_FORMAT, "the pickle ends in the middle of an operand, at byte %zu", p->used);
    *out = p->bytes + p->used;
    p->used += n;
    return TRI_OK;
}

/* A length or number of 1, 2, 4 or 8 bytes. */
static tri_status take_number(pickle *p, size_t width, uint64_t *out, tri_error *err)
{
    const uint8_t *bytes;
    TRI_TRY(take(p, width, &bytes, err));
    *out = width == 1 ? bytes[0] : width == 2 ? le_u16(bytes) : width == 4 ? le_u32(bytes) : le_u64(bytes);
    return TRI_OK;
}

static tri_status take_line(pickle *p, const char **line, size_t *len, tri_error *err)
{
    const uint8_t *start = p->bytes + p->used, *end = memchr(start, '\n', p->len - p->used);
    if (!end) return err_set(err, TRI_ERR_FORMAT, "the pickle ends in the middle of a name, at byte %zu", p->used);
    *line = (const char *)start;
    *len = (size_t)(end - start);
    p->used += *len + 1;
    return TRI_OK;
}

static tri_status push_text(pickle *p, size_t width, tri_error *err)
{
    uint64_t len;
    const uint8_t *bytes;
    TRI_TRY(take_number(p, width, &len, err));
    TRI_TRY(take(p, (size_t)len, &bytes, err));
    return push(p, (pickle_value){.kind = PICKLE_TEXT, .count = (uint32_t)len, .u.text = (const char *)bytes}, err);
}

static tri_status push_long(pickle *p, tri_error *err)
{
    uint64_t n, value = 0;
    const uint8_t *bytes;
    TRI_TRY(take_number(p, 1, &n, err));
    TRI_TRY(take(p, (size_t)n, &bytes, err));
    if (n > 8) return push_kind(p, PICKLE_BIG, err);
    for (size_t i = 0; i < n; i++) value |= (uint64_t)bytes[i] << (8 * i);
    if (n > 0 && n < 8 && bytes[n - 1] & 0x80) value |= UINT64_MAX << (8 * n);
    return push_integer(p, PICKLE_INT, (int64_t)value, err);
}

static tri_status push_float(pickle *p, tri_error *err)
{
    const uint8_t *bytes;
    uint64_t bits = 0;
    pickle_value v = {.kind = PICKLE_FLOAT};
    TRI_TRY(take(p, 8, &bytes, err));
    for (int i = 0; i < 8; i++) bits = bits << 8 | bytes[i]; /* the one big-endian number of the format */
    memcpy(&v.u.real, &bits, sizeof bits);
    return push(p, v, err);
}

/* --- opcodes ------------------------------------------------------------------------------------------------------------ */

static tri_status push_symbol(pickle *p, const char *module, size_t module_len, const char *name, size_t name_len,
                              tri_error *err)
{
    for (uint16_t i = 0; i < PICKLE_SYMBOLS; i++) {
        if (strlen(symbol_rows[i].module) == module_len && memcmp(symbol_rows[i].module, module, module_len) == 0 &&
            strlen(symbol_rows[i].name) == name_len && memcmp(symbol_rows[i].name, name, name_len) == 0)
            return push(p, (pickle_value){.kind = PICKLE_SYMBOL, .symbol = i}, err);
    }
    int module_width = module_len > 100 ? 100 : (int)module_len, name_width = name_len > 100 ? 100 : (int)name_len;
    err_set(err, TRI_ERR_UNSUPPORTED, "the pickle asks for \"%.*s.%.*s\", which no state dict needs; nothing was run",
            module_width, module, name_width, name);
    return err_hint(err, TRI_ERR_UNSUPPORTED, "do not open this file with Python either, unless you trust whoever made it");
}

static tri_status do_global(pickle *p, tri_error *err)
{
    const char *module, *name;
    size_t module_len, name_len;
    TRI_TRY(take_line(p, &module, &module_len, err));
    TRI_TRY(take_line(p, &name, &name_len, err));
    return push_symbol(p, module, module_len, name, name_len, err);
}

static tri_status do_stack_global(pickle *p, tri_error *err)
{
    TRI_TRY(need_stack(p, 2, err));
    const pickle_value *name = pickle_at(p, pop(p)), *module = pickle_at(p, pop(p));
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        return err_set(err, TRI_ERR_FORMAT, "the pickle asks for a symbol whose name is not text, at byte %zu", p->used);
    return push_symbol(p, module->u.text, module->count, name->u.text, name->count, err);
}

/* REDUCE and NEWOBJ: arguments on top, what is called below. */
static tri_status do_call(pickle *p, tri_error *err)
{
    TRI_TRY(need_stack(p, 2, err));
    uint32_t arguments = pop(p);
    const pickle_value *callee = pickle_at(p, pop(p)), *args = pickle_at(p, arguments);
    if (callee->kind != PICKLE_SYMBOL || !symbol_rows[callee->symbol].callable)
        return err_set(err, TRI_ERR_UNSUPPORTED, "the pickle calls %s, at byte %zu",
                       callee->kind == PICKLE_SYMBOL ? pickle_symbol_name(callee->symbol) : "something that is not a function",
                       p->used);
    if (args->kind != PICKLE_TUPLE)
        return err_set(err, TRI_ERR_FORMAT, "the pickle calls %s without a tuple of arguments",
                       pickle_symbol_name(callee->symbol));
    if (callee->symbol != PICKLE_ORDERED_DICT)
        return push(p, (pickle_value){.kind = PICKLE_CALL, .symbol = callee->symbol, .u.link.first = arguments}, err);
    if (args->count)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "the pickle makes an OrderedDict out of arguments (as Python 2 did), at byte %zu", p->used);
    return push(p, (pickle_value){.kind = PICKLE_DICT, .ordered = 1}, err);
}

/* The state of an OrderedDict is its attributes (_metadata of a module), never its items: dropped. */
static tri_status do_build(pickle *p, tri_error *err)
{
    TRI_TRY(need_stack(p, 2, err));
    pop(p);
    const pickle_value *target = pickle_at(p, p->stack[p->n_stack - 1]);
    if (target->kind != PICKLE_DICT || !target->ordered)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "the pickle sets the state of an object that is not an OrderedDict, at byte %zu", p->used);
    return TRI_OK;
}

static tri_status do_tuple(pickle *p, uint32_t from, tri_error *err)
{
    pickle_value tuple = {.kind = PICKLE_TUPLE};
    for (uint32_t i = from; i < p->n_stack; i++) TRI_TRY(append_cell(p, &tuple, 0, p->stack[i], err));
    p->n_stack = from;
    return push(p, tuple, err);
}

static tri_status do_small_tuple(pickle *p, uint32_t n, tri_error *err)
{
    TRI_TRY(need_stack(p, n, err));
    return do_tuple(p, p->n_stack - n, err);
}

/* Moves stack items [from, top) into the list or dict below them. */
static tri_status do_fill(pickle *p, uint32_t from, pickle_kind kind, tri_error *err)
{
    if (from <= stack_floor(p) || p->values[p->stack[from - 1]].kind != kind)
        return err_set(err, TRI_ERR_FORMAT, "the pickle puts items into something that is not a %s, at byte %zu",
                       kind == PICKLE_DICT ? "dict" : "list", p->used);
    uint32_t container = p->stack[from - 1], n = p->n_stack - from;
    if (kind == PICKLE_DICT && n % 2)
        return err_set(err, TRI_ERR_FORMAT, "the pickle puts a key without a value into a dict, at byte %zu", p->used);
    for (uint32_t i = from; i < p->n_stack; i += kind == PICKLE_DICT ? 2 : 1) {
        uint32_t key = p->stack[i], value = kind == PICKLE_DICT ? p->stack[i + 1] : key;
        TRI_TRY(append_cell(p, &p->values[container], key, value, err));
    }
    p->n_stack = from;
    return TRI_OK;
}

static tri_status do_fill_few(pickle *p, uint32_t n, pickle_kind kind, tri_error *err)
{
    TRI_TRY(need_stack(p, n + 1, err));
    return do_fill(p, p->n_stack - n, kind, err);
}

static tri_status do_marked(pickle *p, uint8_t op, tri_error *err)
{
    uint32_t from = 0;
    TRI_TRY(pop_mark(p, &from, err));
    if (op == OP_TUPLE) return do_tuple(p, from, err);
    return do_fill(p, from, op == OP_SETITEMS ? PICKLE_DICT : PICKLE_LIST, err);
}

static tri_status do_mark(pickle *p, tri_error *err)
{
    TRI_TRY(grow((void **)&p->marks, &p->cap_marks, p->n_marks + 1, sizeof *p->marks, LIMIT_PICKLE_STACK, err));
    p->marks[p->n_marks++] = p->n_stack;
    return TRI_OK;
}

static tri_status do_persistent(pickle *p, tri_error *err)
{
    TRI_TRY(need_stack(p, 1, err));
    return push(p, (pickle_value){.kind = PICKLE_PERSISTENT, .u.link.first = pop(p)}, err);
}

static tri_status memo_put(pickle *p, uint64_t slot, tri_error *err)
{
    TRI_TRY(need_stack(p, 1, err));
    /* picklers number their slots from 0 on, so none reaches the number of bytes: memory stays linear in the pickle's length */
    if (slot >= LIMIT_PICKLE_STACK || slot >= p->len)
        return err_set(err, TRI_ERR_LIMIT, "the pickle writes memo slot %llu, more than it can need", (unsigned long long)slot);
    uint32_t before = p->cap_memo;
    TRI_TRY(grow((void **)&p->memo, &p->cap_memo, (uint32_t)slot + 1, sizeof *p->memo, LIMIT_PICKLE_STACK, err));
    memset(p->memo + before, 0, (p->cap_memo - before) * sizeof *p->memo);
    if (!p->memo[slot]) p->n_memo++;
    p->memo[slot] = p->stack[p->n_stack - 1] + 1;
    return TRI_OK;
}

static tri_status memo_put_next(pickle *p, size_t width, tri_error *err)
{
    uint64_t slot;
    TRI_TRY(take_number(p, width, &slot, err));
    return memo_put(p, slot, err);
}

static tri_status memo_get(pickle *p, size_t width, tri_error *err)
{
    uint64_t slot;
    TRI_TRY(take_number(p, width, &slot, err));
    if (slot >= p->cap_memo || !p->memo[slot])
        return err_set(err, TRI_ERR_FORMAT, "the pickle reads memo slot %llu, which was never written",
                       (unsigned long long)slot);
    return push_number(p, p->memo[slot] - 1, err);
}

static tri_status do_protocol(pickle *p, tri_error *err)
{
    uint64_t protocol;
    TRI_TRY(take_number(p, 1, &protocol, err));
    if (protocol < 2 || protocol > 5)
        return err_set(err, TRI_ERR_UNSUPPORTED, "pickle protocol %llu is not one of 2 to 5", (unsigned long long)protocol);
    return TRI_OK;
}

/* A frame only groups bytes for the writer's convenience. */
static tri_status do_frame(pickle *p, tri_error *err)
{
    uint64_t bytes;
    TRI_TRY(take_number(p, 8, &bytes, err));
    if (bytes > p->len - p->used)
        return err_set(err, TRI_ERR_FORMAT, "a frame of %llu bytes reaches past the pickle's end", (unsigned long long)bytes);
    return TRI_OK;
}

static tri_status push_int(pickle *p, size_t width, tri_error *err)
{
    uint64_t number;
    TRI_TRY(take_number(p, width, &number, err));
    return push_integer(p, PICKLE_INT, width == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number, err);
}

static tri_status do_opcode(pickle *p, uint8_t op, tri_error *err)
{
    /* one opcode a line, as in a table */
    /* clang-format off */
    switch (op) {
    case OP_PROTO: return do_protocol(p, err);
    case OP_FRAME: return do_frame(p, err);
    case OP_MARK: return do_mark(p, err);
    case OP_NONE: return push_kind(p, PICKLE_NONE, err);
    case OP_NEWTRUE: return push_integer(p, PICKLE_BOOL, 1, err);
    case OP_NEWFALSE: return push_integer(p, PICKLE_BOOL, 0, err);
    case OP_BININT: return push_int(p, 4, err);
    case OP_BININT1: return push_int(p, 1, err);
    case OP_BININT2: return push_int(p, 2, err);
    case OP_LONG1: return push_long(p, err);
    case OP_BINFLOAT: return push_float(p, err);
    case OP_BINUNICODE:
    case OP_BINSTRING: return push_text(p, 4, err);
    case OP_SHORT_BINUNICODE:
    case OP_SHORT_BINSTRING: return push_text(p, 1, err);
    case OP_EMPTY_DICT: return push_kind(p, PICKLE_DICT, err);
    case OP_EMPTY_LIST: return push_kind(p, PICKLE_LIST, err);
    case OP_EMPTY_TUPLE: return push_kind(p, PICKLE_TUPLE, err);
    case OP_EMPTY_SET: return push_kind(p, PICKLE_SET, err);
    case OP_TUPLE:
    case OP_SETITEMS:
    case OP_APPENDS: return do_marked(p, op, err);
    case OP_TUPLE1: return do_small_tuple(p, 1, err);
    case OP_TUPLE2: return do_small_tuple(p, 2, err);
    case OP_TUPLE3: return do_small_tuple(p, 3, err);
    case OP_SETITEM: return do_fill_few(p, 2, PICKLE_DICT, err);
    case OP_APPEND: return do_fill_few(p, 1, PICKLE_LIST, err);
    case OP_GLOBAL: return do_global(p, err);
    case OP_STACK_GLOBAL: return do_stack_global(p, err);
    case OP_REDUCE:
    case OP_NEWOBJ: return do_call(p, err);
    case OP_BUILD: return do_build(p, err);
    case OP_BINPERSID: return do_persistent(p, err);
    case OP_BINPUT: return memo_put_next(p, 1, err);
    case OP_LONG_BINPUT: return memo_put_next(p, 4, err);
    case OP_MEMOIZE: return memo_put(p, p->n_memo, err);
    case OP_BINGET: return memo_get(p, 1, err);
    case OP_LONG_BINGET: return memo_get(p, 4, err);
    default: break;
    }
    /* clang-format on */
    return err_set(err, TRI_ERR_UNSUPPORTED, "pickle opcode 0x%02x at byte %zu is not one that a state dict needs", op,
                   p->used - 1);
}

tri_status pickle_run(pickle *p, const uint8_t *bytes, size_t len, tri_error *err)
{
    p->bytes = bytes;
    p->len = len;
    while (p->used < len) {
        uint8_t op = bytes[p->used++];
        if (op != OP_STOP) {
            TRI_TRY(do_opcode(p, op, err));
            continue;
        }
        if (p->n_marks || p->n_stack != 1)
            return err_set(err, TRI_ERR_FORMAT, "the pickle stops with %u values on its stack instead of one", p->n_stack);
        p->root = pop(p);
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_FORMAT, "the pickle has no end (STOP) in its %zu bytes", len);
}
