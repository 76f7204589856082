/* SPDX-License-Identifier: Apache-2.0 */
/* api_index.c — include/trident/index.h: arguments checked, then src/index does it. */
#include "trident/index.h"

#include <string.h>

#include "base/err.h"
#include "index/checkup.h"
#include "index/collection.h"

void tri_index_options_init(tri_index_options *options)
{
    if (!options) return;
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->store_dense = TRI_STORE_F32;
    options->store_multi = TRI_STORE_F16;
}

static tri_status check_dir(const char *dir, tri_error *err)
{
    return dir && *dir ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "no folder was given for the index");
}

static tri_status check_handle(const void *handle, tri_error *err)
{
    return handle ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "no index was given");
}

tri_status tri_index_create(const char *dir, const tri_index_options *options, tri_index **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the index was given");
    *out = NULL;
    TRI_TRY(check_dir(dir, err));
    if (!options || options->struct_size < sizeof *options)
        return err_set(err, TRI_ERR_ARGUMENT, "index options were not initialised by tri_index_options_init");
    return collection_create(dir, options, out, err);
}

tri_status tri_index_open(const char *dir, int mode, tri_index **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the index was given");
    *out = NULL;
    TRI_TRY(check_dir(dir, err));
    if (mode != TRI_INDEX_READ && mode != TRI_INDEX_WRITE)
        return err_set(err, TRI_ERR_ARGUMENT, "index mode %d is neither reading nor writing", mode);
    return collection_open(dir, mode == TRI_INDEX_WRITE, out, err);
}

void tri_index_close(tri_index *index)
{
    collection_close(index);
}

tri_status tri_index_add(tri_index *index, const tri_document *documents, size_t count, tri_error *err)
{
    TRI_TRY(check_handle(index, err));
    if (count && !documents) return err_set(err, TRI_ERR_ARGUMENT, "no documents were given, but their count is %zu", count);
    return collection_add(index, documents, count, err);
}

tri_status tri_index_delete(tri_index *index, const tri_text *keys, size_t count, size_t *n_missing, tri_error *err)
{
    TRI_TRY(check_handle(index, err));
    if (count && !keys) return err_set(err, TRI_ERR_ARGUMENT, "no keys were given, but their count is %zu", count);
    return collection_delete(index, keys, count, n_missing, err);
}

tri_status tri_index_commit(tri_index *index, tri_error *err)
{
    TRI_TRY(check_handle(index, err));
    return collection_commit(index, err);
}

void tri_index_info_get(const tri_index *index, tri_index_info *info)
{
    if (!info || info->struct_size < sizeof *info) return;
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    if (!index) return;
    const manifest *m = &index->m;
    info->want = m->want;
    info->dense_dim = m->dense_dim;
    info->multi_dim = m->multi_dim;
    info->store_dense = m->store_dense;
    info->store_multi = m->store_multi;
    info->n_live = m->docs - m->deleted;
    info->n_deleted = m->deleted;
    info->n_segments = m->n_segments;
    info->bytes = m->dead.bytes;
    for (size_t i = 0; i < m->n_segments; i++) {
        info->n_multi_rows += m->segments[i].rows;
        info->n_postings += m->segments[i].postings;
        for (int kind = 1; kind < INDEX_KINDS; kind++) info->bytes += m->segments[i].files[kind].bytes;
    }
    info->meta_json = m->meta;
}

int tri_index_has(const tri_index *index, tri_text key)
{
    return index && key.bytes && collection_has(index, key);
}

tri_status tri_index_check(const char *dir, tri_index_bad_fn bad, void *ctx, tri_error *err)
{
    TRI_TRY(check_dir(dir, err));
    return checkup_run(dir, bad, ctx, err);
}
