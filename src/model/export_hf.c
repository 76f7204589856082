/* SPDX-License-Identifier: Apache-2.0 */
/* export_hf.c — a folder in Hugging Face's layout.
 *
 *   from a folder: its own small files as they are, what it lacks made; tensors of any form as one model.safetensors
 *   from a GGUF file: all of it made from what the file says; quantised tensors as f32
 *   heads of both: sparse_linear.pt and colbert_linear.pt, in the form that torch.save writes and FlagEmbedding loads
 *
 * Tensors keep their names, types and bytes, so that what is loaded gives the same vectors. */
#include "model/export_hf.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/json.h"
#include "formats/safetensors_write.h"
#include "formats/torch_write.h"
#include "tokenizer/tokenizer_save.h"

typedef struct job {
    const hf_export *o;
    hf_export_result *result;
    model *m;
    uint64_t done, total;
    tri_error *err;
} job;

static bool from_file(const job *j)
{
    return j->m->config.file == j->m->config.dir;
}

static tri_status path_to(const job *j, const char *name, char out[LIMIT_PATH])
{
    if (!file_join(out, LIMIT_PATH, j->o->to, name)) return TRI_OK;
    return err_set(j->err, TRI_ERR_LIMIT, "could not write %s: the path of the folder is too long", name);
}

static tri_status write_file(job *j, const char *name, const void *bytes, size_t len)
{
    char path[LIMIT_PATH];
    out_file *f;
    TRI_TRY(path_to(j, name, path));
    TRI_TRY(out_file_open(path, &f, j->err));
    tri_status st = out_file_write(f, bytes, len, j->err);
    if (!st) {
        j->result->n_files++;
        return out_file_commit(f, j->err);
    }
    out_file_discard(f);
    return st;
}

static tri_status write_json(job *j, const char *name, const json_t *o)
{
    buf text;
    buf_init(&text, 0);
    tri_status st = export_hf_print(o, &text, j->err);
    if (!st) st = write_file(j, name, text.data, text.len);
    buf_drop(&text);
    return st;
}

static tri_status write_made(job *j, const char *name, hf_text which)
{
    json_t *o;
    TRI_TRY(export_hf_text(j->m, which, &o, j->err));
    tri_status st = write_json(j, name, o);
    json_decref(o);
    return st;
}

/* ---- copies ---------------------------------------------------------------------------------------------------------- */

static bool is_there(const job *j, const char *name)
{
    char path[LIMIT_PATH];
    return !from_file(j) && !file_join(path, sizeof path, j->m->config.dir, name) && file_exists(path);
}

static tri_status copy_file(job *j, const char *name)
{
    char path[LIMIT_PATH];
    mapped_file map;
    if (!is_there(j, name)) return TRI_OK;
    if (file_join(path, sizeof path, j->m->config.dir, name)) return TRI_OK; /* is_there joined it */
    TRI_TRY(mapped_file_open(path, &map, j->err));
    tri_status st = write_file(j, name, map.data ? map.data : (const uint8_t *)"", map.len);
    mapped_file_close(&map);
    return st;
}

static tri_status make_folder(const job *j, const char *name)
{
    char path[LIMIT_PATH];
    TRI_TRY(path_to(j, name, path));
    return file_make_dirs(path, j->err);
}

/* The folders that modules.json names were checked when the model was opened. */
static tri_status copy_module(job *j, const char *folder)
{
    static const char *const files[] = {"config.json", "model.safetensors", "pytorch_model.bin"};
    char name[LIMIT_PATH];
    TRI_TRY(make_folder(j, folder));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (file_join(name, sizeof name, folder, files[i]))
            return err_set(j->err, TRI_ERR_LIMIT, "could not copy %s: the path is too long", folder);
        TRI_TRY(copy_file(j, name));
    }
    return TRI_OK;
}

static tri_status copy_modules(job *j)
{
    char path[LIMIT_PATH];
    json_t *list;
    if (file_join(path, sizeof path, j->m->config.dir, "modules.json")) return TRI_OK; /* is_there joined it */
    TRI_TRY(json_file_load(path, &list, j->err));
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < json_array_size(list); i++) {
        const char *folder = json_string_value(json_object_get(json_array_get(list, i), "path"));
        if (folder && folder[0]) st = copy_module(j, folder);
    }
    json_decref(list);
    return st ? st : copy_file(j, "modules.json");
}

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

static tri_status copy_or_make(job *j, const char *name, hf_text which)
{
    return is_there(j, name) ? copy_file(j, name) : write_made(j, name, which);
}

static tri_status write_tokenizer(job *j)
{
    static const char *const more[] = {"special_tokens_map.json", "added_tokens.json", "vocab.txt", "sentencepiece.bpe.model"};
    buf json;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) TRI_TRY(copy_file(j, more[i]));
    if (!j->m->tok) { /* a folder without one stays without one */
        if (from_file(j) && j->m->tok_error.status != TRI_ERR_NOT_FOUND) {
            if (j->err) *j->err = j->m->tok_error;
            return j->m->tok_error.status;
        }
        return TRI_OK;
    }
    buf_init(&json, 0);
    tri_status st = tokenizer_save_json(j->m->tok, &json, j->err);
    if (!st) st = write_file(j, "tokenizer.json", json.data, json.len);
    buf_drop(&json);
    if (!st) st = copy_or_make(j, "tokenizer_config.json", HF_TOKENIZER_CONFIG);
    return !st && from_file(j) ? write_made(j, "special_tokens_map.json", HF_SPECIAL_TOKENS) : st;
}

static tri_status write_packaging(job *j)
{
    TRI_TRY(copy_file(j, "README.md"));
    if (j->m->config.task == TASK_RERANK)
        return from_file(j) ? write_made(j, "config_sentence_transformers.json", HF_ST_CONFIG)
                            : copy_file(j, "config_sentence_transformers.json");
    TRI_TRY(copy_or_make(j, "sentence_bert_config.json", HF_ST_LENGTH));
    TRI_TRY(copy_or_make(j, "config_sentence_transformers.json", HF_ST_CONFIG));
    if (is_there(j, "modules.json")) return copy_modules(j);
    TRI_TRY(make_folder(j, "1_Pooling"));
    TRI_TRY(write_made(j, "1_Pooling/config.json", HF_POOLING));
    return write_made(j, "modules.json", HF_MODULES);
}

static tri_status write_head(job *j, const char *name, const weights *w)
{
    char path[LIMIT_PATH];
    if (!w) return TRI_OK;
    if (is_there(j, name)) return copy_file(j, name);
    const weight *tensors[2] = {weights_find(w, "weight"), weights_find(w, "bias")};
    TRI_TRY(path_to(j, name, path));
    j->result->n_files++;
    return torch_write(path, tensors, 2, j->err);
}

/* ---- tensors --------------------------------------------------------------------------------------------------------- */

static bool is_kept(const weight *w)
{
    return w->type != DTYPE_OTHER && strncmp(w->name, "gguf:", 5) != 0;
}

static tri_status declare_all(job *j, safetensors_writer *out)
{
    TRI_TRY(safetensors_write_metadata(out, "format", "pt", 2, j->err));
    for (size_t i = 0; i < weights_count(j->m->w); i++) {
        const weight *w = weights_at(j->m->w, i);
        if (!is_kept(w)) continue;
        TRI_TRY(safetensors_write_declare(out, w->name, w->type, w->rank, w->shape, j->err));
        j->total += w->bytes;
    }
    return safetensors_write_begin(out, j->err);
}

static tri_status write_all(job *j, safetensors_writer *out)
{
    TRI_TRY(declare_all(j, out));
    for (size_t i = 0; i < weights_count(j->m->w); i++) {
        const weight *w = weights_at(j->m->w, i);
        if (!is_kept(w)) continue;
        TRI_TRY(safetensors_write_data(out, w->data, w->bytes, j->err));
        weights_wont_need(j->m->w, w);
        j->done += w->bytes;
        if (j->o->progress && j->o->progress(j->o->progress_ctx, j->done, j->total))
            return err_set(j->err, TRI_ERR_CANCELLED, "writing %s was stopped", j->o->to);
    }
    return TRI_OK;
}

static tri_status write_weights(job *j)
{
    char path[LIMIT_PATH];
    safetensors_writer *out;
    TRI_TRY(path_to(j, "model.safetensors", path));
    TRI_TRY(safetensors_write_open(path, &out, j->err));
    tri_status st = write_all(j, out);
    if (st) {
        safetensors_write_discard(out);
        return st;
    }
    j->result->bytes = j->done;
    j->result->n_files++;
    return safetensors_write_commit(out, j->err);
}

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

static tri_status check_place(const job *j)
{
    char path[LIMIT_PATH];
    if (file_is_same(j->o->to, j->m->config.dir))
        return err_set(j->err, TRI_ERR_ARGUMENT, "could not write %s: it is the model that is exported", j->o->to);
    if (j->o->force) return TRI_OK;
    TRI_TRY(path_to(j, "config.json", path));
    if (!file_exists(path)) return TRI_OK;
    err_set(j->err, TRI_ERR_STATE, "could not write %s: a model is there", j->o->to);
    return err_hint(j->err, TRI_ERR_STATE, "choose another folder, or replace its files with --force");
}

static tri_status write_folder(job *j)
{
    char config[LIMIT_PATH];
    TRI_TRY(check_place(j));
    TRI_TRY(make_folder(j, ""));
    TRI_TRY(path_to(j, "config.json", config));
    if (j->o->force) TRI_TRY(file_remove(config, j->err)); /* no model while it is being replaced */
    TRI_TRY(write_tokenizer(j));
    TRI_TRY(write_packaging(j));
    TRI_TRY(write_head(j, "sparse_linear.pt", j->m->sparse.w));
    TRI_TRY(write_head(j, "colbert_linear.pt", j->m->multi.w));
    TRI_TRY(write_weights(j));
    return copy_or_make(j, "config.json", HF_CONFIG);
}

tri_status export_hf(compute *c, log_hook log, const char *path, const hf_export *o, hf_export_result *result, tri_error *err)
{
    tri_model_options mo = {.struct_size = sizeof mo};
    model_how how = {.p = PRECISION_F32, .plan_only = true};
    model *m;
    memset(result, 0, sizeof *result);
    TRI_TRY(model_open(c, &how, log, path, &mo, &m, err));
    job j = {.o = o, .result = result, .m = m, .err = err};
    tri_status st = write_folder(&j);
    model_close(m);
    return st;
}
