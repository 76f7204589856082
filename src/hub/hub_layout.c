/* SPDX-License-Identifier: Apache-2.0 */
/* hub_layout.c — which files of a published model are needed?
 *
 * A repository holds the same weights in several forms (safetensors, pickle, ONNX, Flax, TensorFlow, OpenVINO), often ten times
 * the bytes of one. Wanted are:
 *
 *   the folder itself   config*.json, tokenizer and vocabulary files, modules.json, sentence_bert_config.json, the two M3 heads
 *   N_Name/             module folders of sentence-transformers: config.json, and weights in one form
 *   weights             the first there of  model.safetensors, model.safetensors.index.json + its shards,
 *                                           pytorch_model.bin, pytorch_model.bin.index.json + its shards
 *
 * Invariant: no path leaves this file that hub_layout_is_safe has not passed. */
#include "hub/hub_layout.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "formats/json.h"

enum { PATH_MAX_BYTES = 512, FILES_MAX = 100000 }; /* the largest repositories list some thousand files */

static const char *const SUPPORT[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
    "modules.json",
    "sentence_bert_config.json",
    "colbert_linear.pt",
    "sparse_linear.pt",
};

static const struct {
    const char *file;
    bool is_index;
} WEIGHTS[] = {
    {"model.safetensors", false},
    {"model.safetensors.index.json", true},
    {"pytorch_model.bin", false},
    {"pytorch_model.bin.index.json", true},
};
enum { N_SUPPORT = sizeof SUPPORT / sizeof SUPPORT[0], N_WEIGHTS = sizeof WEIGHTS / sizeof WEIGHTS[0] };

bool hub_layout_is_safe(const char *path)
{
    if (!path[0] || strlen(path) > PATH_MAX_BYTES) return false;
    for (const char *part = path;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.')) return false;
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)part[i] < 0x20 || part[i] == '\\' || part[i] == 0x7F) return false;
        part += len;
        if (!*part) return true;
    }
}

/* ---- the listing --------------------------------------------------------------------------------------------------- */

static void copy_hash(const json_t *value, hub_file *f)
{
    const char *hash = json_string_value(value);
    digest_kind kind;
    if (hash && digest_kind_of(hash, &kind)) snprintf(f->hash, sizeof f->hash, "%s", hash);
}

/* Large files have "lfs" with the SHA-256; for small ones blobId is git's name of the bytes. */
static tri_status read_file(const json_t *entry, hub_listing *l, tri_error *err)
{
    hub_file *f = &l->files[l->count];
    const json_t *lfs = json_object_get(entry, "lfs"), *name = json_object_get(entry, "rfilename");
    const char *path = json_string_value(name);
    if (!path || strlen(path) != json_string_length(name) || !hub_layout_is_safe(path))
        return err_set(err, TRI_ERR_FORMAT, "the listing has a file named \"%s\", which is no path inside the model's folder",
                       path ? path : "");
    *f = (hub_file){.path = arena_copy(&l->memory, path, strlen(path))};
    bool twice = false;
    if (!f->path || strmap_put(&l->names, path, strlen(path), (uint32_t)l->count, NULL, &twice) != TRI_OK)
        return err_memory(err, strlen(path));
    if (twice) return err_set(err, TRI_ERR_FORMAT, "the listing has \"%s\" twice", path);
    const json_t *size = json_object_get(lfs, "size");
    if (!json_is_integer(size)) size = json_object_get(entry, "size");
    f->bytes_known = json_is_integer(size) && json_integer_value(size) >= 0;
    if (f->bytes_known) f->bytes = (uint64_t)json_integer_value(size);
    copy_hash(json_is_object(lfs) ? json_object_get(lfs, "sha256") : json_object_get(entry, "blobId"), f);
    l->count++;
    return TRI_OK;
}

static tri_status read_listing(const json_t *root, hub_listing *l, tri_error *err)
{
    const json_t *files = json_object_get(root, "siblings");
    const char *commit = json_string_value(json_object_get(root, "sha"));
    size_t n = json_array_size(files);
    if (!json_is_array(files) || !commit || !*commit || strlen(commit) >= HUB_COMMIT_CAP)
        return err_set(err, TRI_ERR_FORMAT, "the listing has no \"sha\" or no \"siblings\": this is not a model hub's answer");
    if (strspn(commit, "0123456789abcdefABCDEF") != strlen(commit))
        return err_set(err, TRI_ERR_FORMAT, "the listing's commit \"%s\" is not a hexadecimal number", commit);
    if (n > FILES_MAX) return err_set(err, TRI_ERR_LIMIT, "the listing has %zu files, more than %d", n, FILES_MAX);
    snprintf(l->commit, sizeof l->commit, "%s", commit);
    l->files = arena_calloc(&l->memory, n ? n : 1, sizeof *l->files);
    if (!l->files) return err_memory(err, n * sizeof *l->files);
    for (size_t i = 0; i < n; i++) TRI_TRY(read_file(json_array_get(files, i), l, err));
    return TRI_OK;
}

tri_status hub_listing_parse(const void *json, size_t len, hub_listing *out, tri_error *err)
{
    json_t *root = NULL;
    *out = (hub_listing){0};
    arena_init(&out->memory, 0);
    strmap_init(&out->names);
    TRI_TRY(json_text_load(json, len, "the hub's listing", &root, err));
    tri_status st = read_listing(root, out, err);
    json_decref(root);
    if (st) hub_listing_drop(out);
    return st;
}

void hub_listing_drop(hub_listing *l)
{
    arena_drop(&l->memory);
    strmap_drop(&l->names);
    l->files = NULL;
    l->count = 0;
}

hub_file *hub_listing_find(const hub_listing *l, const char *path)
{
    uint32_t place;
    return strmap_find(&l->names, path, strlen(path), &place) ? &l->files[place] : NULL;
}

/* ---- the choice ---------------------------------------------------------------------------------------------------- */

static bool is_support(const char *path)
{
    size_t len = strlen(path);
    if (strncmp(path, "config", 6) == 0 && len > 5 && strcmp(path + len - 5, ".json") == 0 && !strchr(path, '/')) return true;
    for (size_t i = 0; i < N_SUPPORT; i++)
        if (strcmp(path, SUPPORT[i]) == 0) return true;
    return false;
}

/* "1_Pooling/config.json": the file's name inside a module folder, else NULL. */
static const char *name_in_module(const char *path)
{
    const char *p = path;
    while (isdigit((unsigned char)*p)) p++;
    if (p == path || *p != '_') return NULL;
    const char *slash = strchr(p, '/');
    return slash && !strchr(slash + 1, '/') ? slash + 1 : NULL;
}

static bool is_wanted_in_module(const hub_listing *l, const char *path, const char *name)
{
    char twin[PATH_MAX_BYTES + 32];
    if (strcmp(name, "config.json") == 0 || strcmp(name, "model.safetensors") == 0) return true;
    if (strcmp(name, "pytorch_model.bin") != 0) return false;
    snprintf(twin, sizeof twin, "%.*smodel.safetensors", (int)(name - path), path);
    return !hub_listing_find(l, twin);
}

static tri_status say_no_weights(const hub_listing *l, tri_error *err)
{
    const char *other = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const char *dot = strrchr(l->files[i].path, '.');
        if (dot &&
            (strcmp(dot, ".gguf") == 0 || strcmp(dot, ".onnx") == 0 || strcmp(dot, ".h5") == 0 || strcmp(dot, ".msgpack") == 0))
            other = l->files[i].path;
    }
    err_set(err, TRI_ERR_UNSUPPORTED,
            "the repository has neither model.safetensors nor pytorch_model.bin, whole or in shards%s%s",
            other ? "; it has " : "", other ? other : "");
    return err_hint(err, TRI_ERR_UNSUPPORTED, "pull the repository of the original weights");
}

tri_status hub_layout_select(hub_listing *l, const char **index, tri_error *err)
{
    *index = NULL;
    if (!hub_listing_find(l, "config.json"))
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "the repository has no config.json: it is not a model in the Hugging Face layout");
    for (size_t i = 0; i < l->count; i++) {
        hub_file *f = &l->files[i];
        const char *name = name_in_module(f->path);
        f->wanted = is_support(f->path) || (name && is_wanted_in_module(l, f->path, name));
    }
    for (size_t i = 0; i < N_WEIGHTS; i++) {
        hub_file *f = hub_listing_find(l, WEIGHTS[i].file);
        if (!f) continue;
        f->wanted = true;
        if (WEIGHTS[i].is_index) *index = f->path;
        return TRI_OK;
    }
    return say_no_weights(l, err);
}

static tri_status mark_shard(hub_listing *l, const char *index, const json_t *value, tri_error *err)
{
    const char *shard = json_string_value(value);
    if (!shard || strlen(shard) != json_string_length(value) || !hub_layout_is_safe(shard) || strchr(shard, '/'))
        return err_set(err, TRI_ERR_FORMAT, "%s names the shard \"%s\", which is not a file beside it", index,
                       shard ? shard : "");
    hub_file *f = hub_listing_find(l, shard);
    if (!f) return err_set(err, TRI_ERR_FORMAT, "%s names the shard \"%s\", which the repository does not have", index, shard);
    f->wanted = true;
    return TRI_OK;
}

tri_status hub_layout_select_shards(hub_listing *l, const char *index, const void *json, size_t len, tri_error *err)
{
    json_t *root = NULL, *value;
    const char *tensor, *last = "";
    TRI_TRY(json_text_load(json, len, index, &root, err));
    json_t *map = json_object_get(root, "weight_map");
    tri_status st = json_object_size(map) > 0 ? TRI_OK : err_set(err, TRI_ERR_FORMAT, "%s has no \"weight_map\"", index);
    json_object_foreach(map, tensor, value)
    {
        const char *shard = json_string_value(value);
        if (st || (shard && strcmp(shard, last) == 0)) continue; /* neighbours mostly share a shard */
        st = mark_shard(l, index, value, err);
        if (!st) last = shard;
    }
    json_decref(root);
    return st;
}
