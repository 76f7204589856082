/* SPDX-License-Identifier: Apache-2.0 */
/* weights.c — which files make up a model's weights, and are they whole?
 *
 * A folder offers, in this order: model.safetensors, model.safetensors.index.json, pytorch_model.bin,
 * pytorch_model.bin.index.json. The first that is there is taken and judged; a damaged one is an error and never a reason to
 * try the next. A file is told apart by its first bytes, not by its name; a GGUF file is opened by name only.
 *
 * Invariants: (1) an index names shards by plain file names in its own folder: a name with a slash, or "..", is refused; (2)
 * each tensor that the index lists is in the shard it is listed under, and no tensor is in two shards; (3) only headers,
 * directories and pickles are read here: tensor data stay in the page cache's hands until someone computes with them; (4)
 * whatever fails, all that was opened is closed.
 *
 * Not here: which tensors a model needs, of what shape, and whether their numbers are finite (the model room). */
#include "formats/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "formats/json.h"
#include "formats/safetensors.h"
#include "formats/tensor_table.h"
#include "formats/torch_file.h"

_Static_assert(sizeof(size_t) == 8, "sizes and places in these files have 64 bits and are kept in size_t");

typedef struct weight_file {
    mapped_file map;
    const char *path; /* in table.store */
} weight_file;

struct weights {
    tensor_table table;
    weight_file *files;
    size_t n_files, cap_files;
};

/* --- one file ----------------------------------------------------------------------------------------------------------- */

static bool starts_with(const mapped_file *m, const char *magic)
{
    size_t len = strlen(magic);
    return m->len >= len && memcmp(m->data, magic, len) == 0;
}

/* Files that are no weights at all, but are often found under a weight file's name. */
static tri_status check_impostor(const mapped_file *m, tri_error *err)
{
    static const char tar_magic[] = "ustar";
    enum { TAR_MAGIC_AT = 257 };
    if (m->len == 0) {
        err_set(err, TRI_ERR_FORMAT, "the file is empty");
        return err_hint(err, TRI_ERR_FORMAT, "download it again");
    }
    if (starts_with(m, "version https://git-lfs")) {
        err_set(err, TRI_ERR_FORMAT, "the file is a Git LFS pointer, not the weights themselves");
        return err_hint(err, TRI_ERR_FORMAT, "run `git lfs pull` in the model's folder, or download the file itself");
    }
    if (m->data[0] == '<') {
        err_set(err, TRI_ERR_FORMAT, "the file is a web page (it begins with '<'), not weights");
        return err_hint(err, TRI_ERR_FORMAT, "the download failed and its error page was saved; download the file again");
    }
    if (m->len > TAR_MAGIC_AT + sizeof tar_magic && memcmp(m->data + TAR_MAGIC_AT, tar_magic, sizeof tar_magic - 1) == 0) {
        err_set(err, TRI_ERR_UNSUPPORTED, "the file is a tar archive, as torch wrote before 0.1.10; that form is not read");
        return err_hint(err, TRI_ERR_UNSUPPORTED, "load it with torch and save it again");
    }
    return TRI_OK;
}

static tri_status parse_gguf(const mapped_file *m, const char *path, tensor_table *t, tri_error *err)
{
    gguf g;
    tri_status st = gguf_read(m->data, m->len, &g, err);
    if (!st) st = gguf_add_tensors(&g, path, t, err);
    gguf_drop(&g);
    return st;
}

static tri_status parse_file(const mapped_file *m, const char *path, tensor_table *t, tri_error *err)
{
    TRI_TRY(check_impostor(m, err));
    if (gguf_is(m->data, m->len)) return parse_gguf(m, path, t, err);
    if (torch_file_is_zip(m->data, m->len) || torch_file_is_legacy(m->data, m->len))
        return torch_file_parse(m->data, m->len, path, t, err);
    if (m->len >= 2 && m->data[0] == 0x80 && m->data[1] <= 5)
        return err_set(err, TRI_ERR_UNSUPPORTED, "the file is a bare pickle, which torch.save does not write");
    return safetensors_parse(m->data, m->len, path, t, err);
}

static tri_status add_file(weights *w, const char *path, tri_error *err)
{
    if (w->n_files == w->cap_files) {
        size_t cap = w->cap_files ? 2 * w->cap_files : 4, bytes;
        if (!mul_size(cap, sizeof *w->files, &bytes)) return err_memory(err, SIZE_MAX);
        weight_file *files = mem_realloc(w->files, bytes);
        if (!files) return err_memory(err, bytes);
        w->files = files;
        w->cap_files = cap;
    }
    weight_file *f = &w->files[w->n_files];
    f->path = arena_copy(&w->table.store, path, strlen(path));
    if (!f->path) return err_memory(err, strlen(path));
    TRI_TRY(mapped_file_open(path, &f->map, err));
    w->n_files++;
    tri_status st = parse_file(&f->map, f->path, &w->table, err);
    return st ? err_prefix(err, st, "could not read %s: ", path) : TRI_OK;
}

/* --- shards ------------------------------------------------------------------------------------------------------------- */

static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && !strchr(name, '\\') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Opens the shard unless it is open; *file = its path as kept in the table. */
static tri_status open_shard(weights *w, strmap *shards, const char *dir, const char *name, const char **file, tri_error *err)
{
    char path[LIMIT_PATH];
    uint32_t place;
    if (strmap_find(shards, name, strlen(name), &place)) {
        *file = w->files[place].path;
        return TRI_OK;
    }
    if (!is_plain_name(name))
        return err_set(err, TRI_ERR_FORMAT, "shard \"%s\" is not a plain file name; shards lie beside their index", name);
    if (file_join(path, sizeof path, dir, name) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "the path of shard \"%s\" is too long", name);
    if (!file_exists(path)) {
        err_set(err, TRI_ERR_NOT_FOUND, "shard \"%s\" is not there", name);
        return err_hint(err, TRI_ERR_NOT_FOUND, "the model is not complete; download the missing file into the same folder");
    }
    place = (uint32_t)w->n_files;
    TRI_TRY(add_file(w, path, err));
    if (strmap_put(shards, name, strlen(name), place, NULL, NULL) != TRI_OK) return err_memory(err, strlen(name));
    *file = w->files[place].path;
    return TRI_OK;
}

static tri_status open_listed(weights *w, strmap *shards, const char *dir, const json_t *map, tri_error *err)
{
    const char *name, *file = NULL;
    json_t *shard;
    json_object_foreach((json_t *)(uintptr_t)map, name, shard)
    {
        const char *shard_name = json_string_value(shard);
        if (!shard_name || strlen(shard_name) != json_string_length(shard))
            return err_set(err, TRI_ERR_FORMAT, "the shard of tensor \"%s\" is not a file name", name);
        TRI_TRY(open_shard(w, shards, dir, shard_name, &file, err));
        const weight *found = weights_find(w, name);
        if (!found || found->file != file)
            return err_set(err, TRI_ERR_MISMATCH, "tensor \"%s\" is not in shard \"%s\", where the index says it is", name,
                           shard_name);
    }
    return TRI_OK;
}

static tri_status add_index(weights *w, const char *dir, const char *path, tri_error *err)
{
    json_t *index = NULL;
    TRI_TRY(json_file_load(path, &index, err));
    const json_t *map = json_object_get(index, "weight_map");
    strmap shards;
    strmap_init(&shards);
    tri_status st;
    if (!json_is_object(map) || json_object_size(map) == 0)
        st = err_set(err, TRI_ERR_FORMAT, "it has no weight_map of tensors to files");
    else
        st = open_listed(w, &shards, dir, map, err);
    strmap_drop(&shards);
    json_decref(index);
    return st ? err_prefix(err, st, "could not read %s: ", path) : TRI_OK;
}

/* --- the table ---------------------------------------------------------------------------------------------------------- */

static weights *new_weights(tri_error *err)
{
    weights *w = mem_calloc(1, sizeof *w);
    if (!w) {
        err_memory(err, sizeof *w);
        return NULL;
    }
    tensor_table_init(&w->table);
    return w;
}

static tri_status finish(weights *w, tri_status st, weights **out)
{
    if (st) {
        weights_close(w);
        return st;
    }
    *out = w;
    return TRI_OK;
}

tri_status weights_open_file(const char *path, weights **out, tri_error *err)
{
    *out = NULL;
    weights *w = new_weights(err);
    return w ? finish(w, add_file(w, path, err), out) : TRI_ERR_MEMORY;
}

tri_status weights_open_dir(const char *dir, weights **out, tri_error *err)
{
    static const struct {
        const char *name;
        bool is_index;
    } choices[] = {{"model.safetensors", false},
                   {"model.safetensors.index.json", true},
                   {"pytorch_model.bin", false},
                   {"pytorch_model.bin.index.json", true}};
    char path[LIMIT_PATH];
    *out = NULL;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (file_join(path, sizeof path, dir, choices[i].name) != TRI_OK)
            return err_set(err, TRI_ERR_LIMIT, "could not open weights: the folder's path has %zu bytes", strlen(dir));
        if (!file_exists(path)) continue;
        weights *w = new_weights(err);
        if (!w) return TRI_ERR_MEMORY;
        return finish(w, choices[i].is_index ? add_index(w, dir, path, err) : add_file(w, path, err), out);
    }
    return err_set(err, TRI_ERR_NOT_FOUND,
                   "could not open weights: %s has no model.safetensors, model.safetensors.index.json, pytorch_model.bin or "
                   "pytorch_model.bin.index.json",
                   dir);
}

void weights_close(weights *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->n_files; i++) mapped_file_close(&w->files[i].map);
    mem_free(w->files);
    tensor_table_drop(&w->table);
    mem_free(w);
}

const weight *weights_find(const weights *w, const char *name)
{
    return tensor_table_find(&w->table, name, strlen(name));
}

size_t weights_count(const weights *w)
{
    return w->table.count;
}

const weight *weights_at(const weights *w, size_t i)
{
    return &w->table.items[i];
}

tensor_table *weights_table(weights *w)
{
    return &w->table;
}

size_t weights_files(const weights *w)
{
    return w->n_files;
}

const char *weights_file(const weights *w, size_t i)
{
    return w->files[i].path;
}

void weights_wont_need(const weights *w, const weight *t)
{
    const uint8_t *data = t->data;
    for (size_t i = 0; i < w->n_files; i++) {
        const mapped_file *map = &w->files[i].map;
        if (!map->data || data < map->data || data >= map->data + map->len) continue;
        mapped_file_wont_need(map, (size_t)(data - map->data), t->bytes);
    }
}

uint64_t weights_bytes(const weights *w)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < w->table.count; i++) bytes += w->table.items[i].bytes;
    return bytes;
}

const char *weight_shape_text(const weight *t, char out[128])
{
    size_t used = 0;
    out[used++] = '[';
    for (int d = 0; d < t->rank; d++) {
        /* a number that does not fit is left out: eight of 20 digits are longer than the text may be */
        int n = snprintf(out + used, 128 - used - 1, "%s%llu", d ? "," : "", (unsigned long long)t->shape[d]);
        if (n < 0 || (size_t)n >= 128 - used - 1) break;
        used += (size_t)n;
    }
    out[used++] = ']';
    out[used] = 0;
    return out;
}
