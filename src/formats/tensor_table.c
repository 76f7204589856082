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
