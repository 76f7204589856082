/* SPDX-License-Identifier: Apache-2.0 */
/* torch_file.c — which tensors does a torch.save file hold, and where are their numbers?
 *
 *   zip      <root>/data.pkl         the pickle of the state dict
 *            <root>/data/<key>       one storage each, STORED, so its numbers are viewed where they lie
 *            <root>/byteorder        "little", when there
 *   legacy   magic pickle | protocol pickle | system pickle | the state dict's pickle | pickle of the list of keys |
 *            per key, in the list's order: i64 number of elements, then the numbers
 *
 * In the pickle a tensor is a call _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks), maybe wrapped in a
 * Parameter, and a storage is the persistent id ('storage', type, key, location, number of elements). The state dict is the
 * pickle's value, or lies one level down under "state_dict" or "model".
 *
 * Invariants: (1) a tensor is checked only when it is reached, so each error names it; (2) offset + sum of (size - 1) * stride
 * is inside the storage, and the storage's byte count is what the archive holds, both with overflow checks; (3) tensors may
 * share a storage; one that is contiguous there is a view, another is copied once; copies never take more memory than the file
 * itself, so a small file cannot ask for a big one.
 *
 * Big-endian files, TorchScript archives and views of the 0.3 era are refused. Entries that are not tensors (epoch counters)
 * are passed over. Reference: torch/serialization.py and torch/_utils.py. */
#include "formats/torch_file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/le.h"
#include "formats/pickle.h"
#include "formats/zip_read.h"

enum { KEY_MAX = 255, LEGACY_MAGIC_BYTES = 15, LEGACY_HEAD_PICKLES = 3 };

/* The pickle of 0x1950a86a20f9469cfc6c in protocol 2, as torch wrote it at the start of a legacy file. */
static const uint8_t legacy_magic[LEGACY_MAGIC_BYTES] = {0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46,
                                                         0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E};

typedef struct span {
    const uint8_t *data;
    size_t len;
} span;

/* Where the storages are: one of the two forms. */
typedef struct torch_source {
    const uint8_t *bytes;
    size_t len;
    const char *file;
    tensor_table *table;
    size_t copied; /* bytes of tensors that were not contiguous */
    pickle p;
    bool legacy;
    zip_archive zip; /* zip form */
    const char *root;
    size_t root_len;
    strmap keys;   /* legacy: key -> place in records */
    span *records; /* legacy */
} torch_source;

typedef struct torch_tensor {
    const char *name; /* not NUL-terminated */
    int width;        /* of the name in messages */
    const uint8_t *storage;
    uint64_t elements; /* of the storage */
    uint64_t offset;   /* in elements */
    uint64_t stride[LIMIT_TENSOR_RANK];
    weight w;
} torch_tensor;

bool torch_file_is_zip(const uint8_t *bytes, size_t len)
{
    return len >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

bool torch_file_is_legacy(const uint8_t *bytes, size_t len)
{
    return len >= LEGACY_MAGIC_BYTES && memcmp(bytes, legacy_magic, LEGACY_MAGIC_BYTES) == 0;
}

/* --- storages ----------------------------------------------------------------------------------------------------------- */

static bool element_type(const pickle_value *symbol, dtype *type)
{
    switch (symbol->kind == PICKLE_SYMBOL ? symbol->symbol : PICKLE_SYMBOLS) {
    case PICKLE_FLOAT_STORAGE:
        *type = DTYPE_F32;
        return true;
    case PICKLE_HALF_STORAGE:
        *type = DTYPE_F16;
        return true;
    case PICKLE_BFLOAT16_STORAGE:
        *type = DTYPE_BF16;
        return true;
    case PICKLE_DOUBLE_STORAGE:
        *type = DTYPE_F64;
        return true;
    case PICKLE_LONG_STORAGE:
        *type = DTYPE_I64;
        return true;
    case PICKLE_INT_STORAGE:
        *type = DTYPE_I32;
        return true;
    case PICKLE_SHORT_STORAGE:
        *type = DTYPE_I16;
        return true;
    case PICKLE_CHAR_STORAGE:
        *type = DTYPE_I8;
        return true;
    case PICKLE_BYTE_STORAGE:
    case PICKLE_UNTYPED_STORAGE:
        *type = DTYPE_U8;
        return true;
    case PICKLE_BOOL_STORAGE:
        *type = DTYPE_BOOL;
        return true;
    default:
        return false;
    }
}

typedef struct storage_id {
    const pickle_value *symbol, *key;
    dtype type;
    uint64_t elements;
} storage_id;

/* Understands the persistent id of a storage; false when it is not one. */
static bool read_storage_id(const pickle *p, const pickle_value *persistent, storage_id *id)
{
    if (persistent->kind != PICKLE_PERSISTENT) return false;
    const pickle_value *tuple = pickle_at(p, persistent->u.link.first);
    if (tuple->kind != PICKLE_TUPLE || tuple->count < 5 || tuple->count > 6) return false;
    const pickle_value *elements = pickle_item(p, tuple, 4), *view = pickle_item(p, tuple, 5);
    id->symbol = pickle_item(p, tuple, 1);
    id->key = pickle_item(p, tuple, 2);
    if (!pickle_text_is(pickle_item(p, tuple, 0), "storage") || id->key->kind != PICKLE_TEXT || id->key->count > KEY_MAX)
        return false;
    if (elements->kind != PICKLE_INT || elements->u.integer < 0 || (view && view->kind != PICKLE_NONE)) return false;
    id->elements = (uint64_t)elements->u.integer;
    return element_type(id->symbol, &id->type);
}

static tri_status find_storage(const torch_source *s, const storage_id *id, const torch_tensor *t, span *out, tri_error *err)
{
    int key_width = (int)id->key->count;
    if (s->legacy) {
        uint32_t place;
        if (!strmap_find(&s->keys, id->key->u.text, id->key->count, &place))
            return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": the file has no storage \"%.*s\"", t->width, t->name,
                           key_width, id->key->u.text);
        *out = s->records[place];
        return TRI_OK;
    }
    char path[KEY_MAX + KEY_MAX + 8];
    size_t len = s->root_len;
    memcpy(path, s->root, len);
    memcpy(path + len, "data/", 5);
    memcpy(path + len + 5, id->key->u.text, id->key->count);
    len += 5 + id->key->count;
    const zip_member *m = zip_read_find(&s->zip, path, len);
    if (!m)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": the zip has no member \"%.*s\"", t->width, t->name, (int)len,
                       path);
    tri_status st = zip_read_view(&s->zip, m, &out->data, &out->len, err);
    return st ? err_prefix(err, st, "tensor \"%.*s\": ", t->width, t->name) : TRI_OK;
}

static tri_status read_storage(const torch_source *s, const pickle_value *v, torch_tensor *t, tri_error *err)
{
    storage_id id = {0};
    span found = {0};
    size_t want;
    if (!read_storage_id(&s->p, v, &id))
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": its storage is not described in a way this reader knows",
                       t->width, t->name);
    TRI_TRY(find_storage(s, &id, t, &found, err));
    if (!mul_size((size_t)id.elements, dtype_size(id.type), &want) || want != found.len)
        return err_set(err, TRI_ERR_FORMAT,
                       "tensor \"%.*s\": storage \"%.*s\" should hold %llu elements of %zu bytes, but has %zu bytes", t->width,
                       t->name, (int)id.key->count, id.key->u.text, (unsigned long long)id.elements, dtype_size(id.type),
                       found.len);
    t->storage = found.data;
    t->elements = id.elements;
    t->w.type = id.type;
    t->w.type_name = pickle_symbol_name(id.symbol->symbol);
    return TRI_OK;
}

/* --- one tensor --------------------------------------------------------------------------------------------------------- */

/* A tuple of at most LIMIT_TENSOR_RANK numbers, none negative. */
static tri_status read_numbers(const torch_source *s, const pickle_value *tuple, const char *what, uint64_t *out, int *n,
                               const torch_tensor *t, tri_error *err)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->count > LIMIT_TENSOR_RANK)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": its %s is not a tuple of at most %d numbers", t->width, t->name,
                       what, LIMIT_TENSOR_RANK);
    *n = 0;
    for (const pickle_cell *c = pickle_first(&s->p, tuple); c; c = pickle_next(&s->p, c)) {
        const pickle_value *v = pickle_at(&s->p, c->value);
        if (v->kind != PICKLE_INT || v->u.integer < 0)
            return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": its %s holds something that is not a count", t->width,
                           t->name, what);
        out[(*n)++] = (uint64_t)v->u.integer;
    }
    return TRI_OK;
}

static bool add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    *out = a + b;
    return *out >= a;
}

static bool mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    *out = a * b;
    return a == 0 || *out / a == b;
}

/* Checks that every element lies in the storage; *count = the number of elements. */
static tri_status check_extent(const torch_tensor *t, uint64_t *count, tri_error *err)
{
    uint64_t last = t->offset, n = 1, step;
    bool fits = true, empty = false;
    for (int d = 0; d < t->w.rank; d++) {
        if (t->w.shape[d] == 0) {
            empty = true;
            continue;
        }
        fits = fits && mul_u64(n, t->w.shape[d], &n) && mul_u64(t->w.shape[d] - 1, t->stride[d], &step) &&
               add_u64(last, step, &last);
    }
    *count = empty ? 0 : n;
    if (empty && t->offset <= t->elements) return TRI_OK;
    if (fits && !empty && last < t->elements) return TRI_OK;
    char shape[128];
    return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\" of shape %s reaches outside its storage of %llu elements", t->width,
                   t->name, weight_shape_text(&t->w, shape), (unsigned long long)t->elements);
}

static bool is_contiguous(const torch_tensor *t)
{
    uint64_t expected = 1;
    for (int d = t->w.rank; d-- > 0;) {
        if (t->w.shape[d] != 1 && t->stride[d] != expected) return false;
        expected *= t->w.shape[d];
    }
    return true;
}

/* Copies the elements in row-major order: an odometer over the indices, `at` following in elements of the storage. */
static void gather(uint8_t *out, const torch_tensor *t, uint64_t count, size_t item)
{
    uint64_t index[LIMIT_TENSOR_RANK] = {0};
    uint64_t at = t->offset;
    for (uint64_t i = 0; i < count; i++, out += item) {
        memcpy(out, t->storage + at * item, item);
        for (int d = t->w.rank; d-- > 0;) {
            if (++index[d] < t->w.shape[d]) {
                at += t->stride[d];
                break;
            }
            at -= (t->w.shape[d] - 1) * t->stride[d];
            index[d] = 0;
        }
    }
}

static tri_status place_data(torch_source *s, torch_tensor *t, tri_error *err)
{
    uint64_t count;
    size_t item = dtype_size(t->w.type);
    TRI_TRY(check_extent(t, &count, err));
    /* stride 0 repeats elements; torch writes such a tensor only when asked to save an expanded view */
    if (count > t->elements)
        return err_set(err, TRI_ERR_UNSUPPORTED, "tensor \"%.*s\" repeats the elements of its storage (an expanded view)",
                       t->width, t->name);
    t->w.bytes = (size_t)count * item; /* <= the storage's bytes */
    if (count == 0 || is_contiguous(t)) {
        t->w.data = t->storage + (size_t)t->offset * item;
        return TRI_OK;
    }
    if (t->w.bytes > s->len - s->copied)
        return err_set(err, TRI_ERR_LIMIT,
                       "tensor \"%.*s\": copies of tensors that are not contiguous would pass the file's own %zu bytes",
                       t->width, t->name, s->len);
    uint8_t *copy = arena_alloc(&s->table->store, t->w.bytes);
    if (!copy) return err_memory(err, t->w.bytes);
    s->copied += t->w.bytes;
    gather(copy, t, count, item);
    t->w.data = copy;
    return TRI_OK;
}

/* The _rebuild_tensor call inside v, or NULL when v is not a tensor. */
static const pickle_value *tensor_call(const pickle *p, const pickle_value *v)
{
    if (v->kind == PICKLE_CALL && (v->symbol == PICKLE_REBUILD_PARAMETER || v->symbol == PICKLE_PARAMETER)) {
        v = pickle_item(p, pickle_at(p, v->u.link.first), 0);
        if (!v) return NULL;
    }
    return v->kind == PICKLE_CALL && (v->symbol == PICKLE_REBUILD_TENSOR_V2 || v->symbol == PICKLE_REBUILD_TENSOR) ? v : NULL;
}

static tri_status read_tensor(torch_source *s, const pickle_value *name, const pickle_value *call, tri_error *err)
{
    torch_tensor t = {.name = name->u.text, .width = tensor_name_width(name->count), .w.file = s->file};
    const pickle_value *args = pickle_at(&s->p, call->u.link.first);
    uint32_t least = call->symbol == PICKLE_REBUILD_TENSOR ? 4 : 6;
    int n_strides = 0;
    if (args->count < least)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": %u arguments where %u are needed", t.width, t.name, args->count,
                       least);
    TRI_TRY(read_storage(s, pickle_item(&s->p, args, 0), &t, err));
    const pickle_value *offset = pickle_item(&s->p, args, 1);
    if (offset->kind != PICKLE_INT || offset->u.integer < 0)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\": its storage offset %lld is not a count", t.width, t.name,
                       offset->kind == PICKLE_INT ? (long long)offset->u.integer : 0LL);
    t.offset = (uint64_t)offset->u.integer;
    TRI_TRY(read_numbers(s, pickle_item(&s->p, args, 2), "size", t.w.shape, &t.w.rank, &t, err));
    TRI_TRY(read_numbers(s, pickle_item(&s->p, args, 3), "stride", t.stride, &n_strides, &t, err));
    if (n_strides != t.w.rank)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\" has %d sizes but %d strides", t.width, t.name, t.w.rank,
                       n_strides);
    TRI_TRY(place_data(s, &t, err));
    return tensor_table_add(s->table, name->u.text, name->count, &t.w, err);
}

/* --- the state dict ----------------------------------------------------------------------------------------------------- */

/* The dict itself, or the one that it wraps under a customary name. */
static const pickle_value *state_dict(const pickle *p, const pickle_value *top)
{
    static const char *const wraps[] = {"state_dict", "model"};
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
        for (const pickle_cell *c = pickle_first(p, top); c; c = pickle_next(p, c)) {
            if (pickle_text_is(pickle_at(p, c->key), wraps[i]) && pickle_at(p, c->value)->kind == PICKLE_DICT)
                return pickle_at(p, c->value);
        }
    }
    return top;
}

static tri_status read_state_dict(torch_source *s, tri_error *err)
{
    const pickle *p = &s->p;
    const pickle_value *top = pickle_at(p, p->root);
    if (top->kind != PICKLE_DICT)
        return err_set(err, TRI_ERR_UNSUPPORTED, "the pickle holds something that is not a state dict (a dict of tensors)");
    const pickle_value *dict = state_dict(p, top);
    size_t before = s->table->count;
    for (const pickle_cell *c = pickle_first(p, dict); c; c = pickle_next(p, c)) {
        const pickle_value *name = pickle_at(p, c->key), *call = tensor_call(p, pickle_at(p, c->value));
        if (!call) continue;
        if (name->kind != PICKLE_TEXT)
            return err_set(err, TRI_ERR_FORMAT, "a tensor of the state dict has a name that is not text");
        TRI_TRY(read_tensor(s, name, call, err));
    }
    if (s->table->count == before) return err_set(err, TRI_ERR_FORMAT, "the state dict holds no tensors");
    return TRI_OK;
}

/* --- zip form ----------------------------------------------------------------------------------------------------------- */

static bool ends_with(const zip_member *m, const char *end)
{
    size_t len = strlen(end);
    return m->name_len >= len && memcmp(m->name + m->name_len - len, end, len) == 0;
}

/* The one member <root>/data.pkl; sets the root, with its slash. */
static tri_status find_pickle(torch_source *s, const zip_member **out, tri_error *err)
{
    static const char tail[] = "/data.pkl";
    *out = NULL;
    for (size_t i = 0; i < s->zip.count; i++) {
        const zip_member *m = &s->zip.members[i];
        if (!ends_with(m, tail)) continue;
        if (*out) return err_set(err, TRI_ERR_FORMAT, "the zip has two members that end in data.pkl");
        *out = m;
    }
    if (!*out) {
        err_set(err, TRI_ERR_FORMAT, "the zip has no member data.pkl, so torch.save did not write it");
        return err_hint(err, TRI_ERR_FORMAT, "name a model folder or a file of weights");
    }
    s->root = (*out)->name;
    s->root_len = (*out)->name_len - (sizeof tail - 2);
    if (s->root_len > KEY_MAX) return err_set(err, TRI_ERR_LIMIT, "the zip's folder name has %zu bytes", s->root_len);
    return TRI_OK;
}

/* <root>name, or NULL */
static const zip_member *find_in_root(const torch_source *s, const char *name)
{
    char path[KEY_MAX + 32];
    memcpy(path, s->root, s->root_len);
    memcpy(path + s->root_len, name, strlen(name));
    return zip_read_find(&s->zip, path, s->root_len + strlen(name));
}

static tri_status check_archive(const torch_source *s, tri_error *err)
{
    if (find_in_root(s, "constants.pkl")) {
        err_set(err, TRI_ERR_UNSUPPORTED, "the file is a TorchScript program, not a state dict");
        return err_hint(err, TRI_ERR_UNSUPPORTED, "save model.state_dict() with torch.save");
    }
    const zip_member *order = find_in_root(s, "byteorder");
    if (!order) return TRI_OK; /* before torch 2.1 there was none, and no big-endian file was ever published */
    span text = {0};
    TRI_TRY(zip_read_view(&s->zip, order, &text.data, &text.len, err));
    if (text.len == 6 && memcmp(text.data, "little", 6) == 0) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "the member byteorder says \"%.*s\"; only little is read",
                   tensor_name_width(text.len), (const char *)text.data);
}

static tri_status parse_zip(torch_source *s, tri_error *err)
{
    const zip_member *member;
    span program = {0};
    TRI_TRY(zip_read_open(s->bytes, s->len, &s->zip, err));
    TRI_TRY(find_pickle(s, &member, err));
    TRI_TRY(check_archive(s, err));
    TRI_TRY(zip_read_view(&s->zip, member, &program.data, &program.len, err));
    TRI_TRY(pickle_run(&s->p, program.data, program.len, err));
    return read_state_dict(s, err);
}

/* --- legacy form -------------------------------------------------------------------------------------------------------- */

/* Key -> element type, from every storage that the state dict's pickle mentions. */
static tri_status collect_types(torch_source *s, tri_error *err)
{
    for (uint32_t i = 0; i < s->p.n_values; i++) {
        storage_id id = {0};
        uint32_t old = 0;
        bool found = false;
        if (!read_storage_id(&s->p, pickle_at(&s->p, i), &id)) continue;
        if (strmap_put(&s->keys, id.key->u.text, id.key->count, (uint32_t)id.type, &old, &found) != TRI_OK)
            return err_memory(err, id.key->count);
        if (found && old != (uint32_t)id.type)
            return err_set(err, TRI_ERR_FORMAT, "storage \"%.*s\" is described with two types", (int)id.key->count,
                           id.key->u.text);
    }
    return TRI_OK;
}

/* Walks the raw storages after the list of keys; s->keys then gives each key's place in s->records. */
static tri_status read_records(torch_source *s, const pickle *list, size_t at, tri_error *err)
{
    const pickle_value *keys = pickle_at(list, list->root);
    if (keys->kind != PICKLE_LIST) return err_set(err, TRI_ERR_FORMAT, "the list of storages is not a list");
    s->records = mem_array(keys->count, sizeof *s->records);
    if (!s->records) return err_memory(err, keys->count * sizeof *s->records);
    uint32_t place = 0;
    strmap seen = s->keys; /* types; s->keys is filled anew with places */
    strmap_init(&s->keys);
    tri_status st = TRI_OK;
    for (const pickle_cell *c = pickle_first(list, keys); c && !st; c = pickle_next(list, c), place++) {
        const pickle_value *key = pickle_at(list, c->value);
        uint32_t type = 0;
        size_t bytes = 0;
        bool found = false;
        if (key->kind != PICKLE_TEXT || !strmap_find(&seen, key->u.text, key->count, &type)) {
            st = err_set(err, TRI_ERR_FORMAT, "the list of storages has a key that no tensor uses, so its type is not known");
        } else if (s->len - at < 8 || !mul_size((size_t)le_u64(s->bytes + at), dtype_size((dtype)type), &bytes) ||
                   bytes > s->len - at - 8) {
            st = err_set(err, TRI_ERR_FORMAT, "storage \"%.*s\" reaches past the end of the file; the file is cut short",
                         tensor_name_width(key->count), key->u.text);
        } else if (strmap_put(&s->keys, key->u.text, key->count, place, NULL, &found) != TRI_OK) {
            st = err_memory(err, key->count);
        } else if (found) {
            st = err_set(err, TRI_ERR_FORMAT, "storage \"%.*s\" is listed twice", tensor_name_width(key->count), key->u.text);
        } else {
            s->records[place] = (span){s->bytes + at + 8, bytes};
            at += 8 + bytes;
        }
    }
    strmap_drop(&seen);
    return st;
}

/* Runs the pickle at *at and moves past it. */
static tri_status run_next(const torch_source *s, pickle *p, size_t *at, tri_error *err)
{
    pickle_drop(p);
    TRI_TRY(pickle_run(p, s->bytes + *at, s->len - *at, err));
    *at += p->used;
    return TRI_OK;
}

static bool says_big_endian(const pickle *p)
{
    const pickle_value *info = pickle_at(p, p->root);
    if (info->kind != PICKLE_DICT) return false;
    for (const pickle_cell *c = pickle_first(p, info); c; c = pickle_next(p, c)) {
        const pickle_value *v = pickle_at(p, c->value);
        if (pickle_text_is(pickle_at(p, c->key), "little_endian")) return v->kind == PICKLE_BOOL && !v->u.integer;
    }
    return false;
}

static tri_status parse_legacy(torch_source *s, tri_error *err)
{
    size_t at = 0;
    for (int i = 0; i < LEGACY_HEAD_PICKLES; i++) TRI_TRY(run_next(s, &s->p, &at, err));
    if (says_big_endian(&s->p))
        return err_set(err, TRI_ERR_UNSUPPORTED, "the byteorder of the file is big-endian; only little is read");
    TRI_TRY(run_next(s, &s->p, &at, err));
    TRI_TRY(collect_types(s, err));
    pickle list;
    pickle_init(&list);
    tri_status st = run_next(s, &list, &at, err);
    if (!st) st = read_records(s, &list, at, err);
    pickle_drop(&list);
    return st ? st : read_state_dict(s, err);
}

tri_status torch_file_parse(const uint8_t *bytes, size_t len, const char *file, tensor_table *t, tri_error *err)
{
    torch_source s = {.bytes = bytes, .len = len, .file = file, .table = t, .legacy = torch_file_is_legacy(bytes, len)};
    pickle_init(&s.p);
    strmap_init(&s.keys);
    tri_status st = s.legacy ? parse_legacy(&s, err) : parse_zip(&s, err);
    pickle_drop(&s.p);
    zip_read_drop(&s.zip);
    strmap_drop(&s.keys);
    mem_free(s.records);
    return st;
}
