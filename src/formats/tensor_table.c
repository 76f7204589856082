/* SPDX-License-Identifier: Apache-2.0 */
/* tensor_table.c — names to tensors, each name once.
 *
 * Invariants: (1) items[i].name is NUL-terminated, not empty, and the key of names -> i; (2) no two items share a name,
 * whatever files they came from: a second one is an error and never a silent replacement, because readers that take the first
 * and readers that take the last would then see two different models; (3) a failed add leaves the table as it was, but for
 * memory in reserve. */
#include "formats/tensor_table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

void tensor_table_init(tensor_table *t)
{
    memset(t, 0, sizeof *t);
    strmap_init(&t->names);
    arena_init(&t->store, 0);
}

void tensor_table_drop(tensor_table *t)
{
    mem_free(t->items);
    strmap_drop(&t->names);
    arena_drop(&t->store);
    memset(t, 0, sizeof *t);
}

int tensor_name_width(size_t name_len)
{
    /* the message holds 1,023 bytes and must have room for the path and the reason */
    return name_len > 200 ? 200 : (int)name_len;
}

static tri_status grow_items(tensor_table *t, tri_error *err)
{
    size_t cap = t->cap ? 2 * t->cap : 64, bytes;
    if (!mul_size(cap, sizeof *t->items, &bytes)) return err_memory(err, SIZE_MAX);
    weight *items = mem_realloc(t->items, bytes);
    if (!items) return err_memory(err, bytes);
    t->items = items;
    t->cap = cap;
    return TRI_OK;
}

tri_status tensor_table_add(tensor_table *t, const char *name, size_t name_len, const weight *tensor, tri_error *err)
{
    if (name_len == 0) return err_set(err, TRI_ERR_FORMAT, "a tensor has an empty name");
    if (memchr(name, 0, name_len))
        return err_set(err, TRI_ERR_FORMAT, "the name of tensor \"%.*s\" holds a zero byte", tensor_name_width(name_len), name);
    if (t->count >= LIMIT_TENSORS) return err_set(err, TRI_ERR_LIMIT, "more than %u tensors", LIMIT_TENSORS);
    if (tensor_table_find(t, name, name_len))
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\" is there twice", tensor_name_width(name_len), name);
    if (t->count == t->cap) TRI_TRY(grow_items(t, err));

    char *copy = arena_copy(&t->store, name, name_len);
    if (!copy) return err_memory(err, name_len);
    if (strmap_put(&t->names, name, name_len, (uint32_t)t->count, NULL, NULL) != TRI_OK) return err_memory(err, name_len);
    t->items[t->count] = *tensor;
    t->items[t->count].name = copy;
    t->count++;
    return TRI_OK;
}

const weight *tensor_table_find(const tensor_table *t, const char *name, size_t name_len)
{
    uint32_t place;
    return strmap_find(&t->names, name, name_len, &place) ? &t->items[place] : NULL;
}

/* ---- foreign names ----------------------------------------------------------------------------------------------------- */

tri_status tensor_table_rename(tensor_table *t, tensor_rename_fn new_name, const void *ctx, tri_error *err)
{
    char name[TENSOR_NAME_CAP];
    size_t count = 0;
    strmap_drop(&t->names);
    strmap_init(&t->names);
    for (size_t i = 0; i < t->count; i++) {
        uint32_t there;
        if (!new_name(ctx, t->items[i].name, name)) continue;
        size_t len = strlen(name);
        if (strmap_find(&t->names, name, len, &there))
            return err_set(err, TRI_ERR_FORMAT, "tensor \"%s\" is there twice, as \"%.200s\" too", name, t->items[i].name);
        char *copy = arena_copy(&t->store, name, len);
        if (!copy || strmap_put(&t->names, name, len, (uint32_t)count, NULL, NULL)) return err_memory(err, len);
        t->items[count] = t->items[i];
        t->items[count++].name = copy;
    }
    t->count = count;
    return TRI_OK;
}

tri_status tensor_table_put_rows_before(tensor_table *t, const char *name, size_t n, const float *first, tri_error *err)
{
    uint32_t place;
    if (!strmap_find(&t->names, name, strlen(name), &place)) return TRI_OK;
    weight *w = &t->items[place];
    size_t cols = (size_t)w->shape[1], head, bytes;
    if (w->rank != 2 || w->type == DTYPE_OTHER || !dtype_size(w->type))
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%s\" is no matrix of a type that is read", name);
    size_t count = w->bytes / dtype_size(w->type);
    if (!mul_size(n, cols, &head) || !mul_size(head + count, sizeof(float), &bytes)) return err_memory(err, SIZE_MAX);
    float *rows = arena_alloc(&t->store, bytes ? bytes : 1);
    if (!rows) return err_memory(err, bytes);
    for (size_t i = 0; i < head; i++) rows[i] = first ? first[i] : 0;
    dtype_to_f32(rows + head, w->data, w->type, count);
    w->shape[0] += n;
    w->type = DTYPE_F32;
    w->data = rows;
    w->bytes = bytes;
    return TRI_OK;
}

void tensor_table_make_row(tensor_table *t, const char *name)
{
    uint32_t place;
    if (!strmap_find(&t->names, name, strlen(name), &place) || t->items[place].rank != 1) return;
    weight *w = &t->items[place];
    w->rank = 2;
    w->shape[1] = w->shape[0];
    w->shape[0] = 1;
}

tri_status tensor_table_split(tensor_table *t, const char *name, const char *const *parts, size_t n_parts, tri_error *err)
{
    const weight *found = tensor_table_find(t, name, strlen(name));
    if (!found) return TRI_OK;
    weight w = *found;
    if (w.rank < 1 || w.shape[0] % n_parts)
        return err_set(err, TRI_ERR_FORMAT, "tensor \"%s\" cannot be cut into %zu", name, n_parts);
    w.shape[0] /= n_parts;
    w.bytes /= n_parts;
    for (size_t i = 0; i < n_parts; i++) {
        TRI_TRY(tensor_table_add(t, parts[i], strlen(parts[i]), &w, err));
        w.data = (const char *)w.data + w.bytes;
    }
    return TRI_OK; /* the whole stays: nobody asks for it */
}
