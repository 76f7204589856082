/* SPDX-License-Identifier: Apache-2.0 */
/* export_packed.c — the model is opened as a plan: every matrix found and checked, none made. Then each is packed, written and
 * let go. Sizes and times of the sources are taken before their bytes are read, so that a change in between is seen later.
 *
 * The recipe is a text that depends on nothing but what was asked for: same text, same sources, same bytes (tested). */
#include "model/export_packed.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/packed_file.h"
#include "model/model.h"
#include "model/packed_match.h"
#include "model/precision_word.h"

typedef struct job {
    const packed_export *o;
    packed_export_result *result;
    model *m;
    packed_source *sources;
    size_t n_sources;
    uint64_t done, total; /* bytes of weights */
} job;

static tri_status build_recipe(const packed_export *o, buf *out)
{
    TRI_TRY(buf_printf(out, "{\"precision\": \"%s\", \"trident\": \"%s\"", precision_word(o->p), o->version));
    if (o->calibration) TRI_TRY(buf_printf(out, ", \"calibration\": %s", o->calibration));
    return buf_append(out, "}", 2); /* with the zero byte: it is handed on as a string */
}

static tri_status take_sources(job *j, tri_error *err)
{
    const weights *tables[3 + MAX_DENSE_MODULES] = {j->m->w, j->m->sparse.w, j->m->multi.w};
    for (size_t i = 0; i < MAX_DENSE_MODULES; i++) tables[3 + i] = j->m->dense.modules[i].w;
    return packed_sources(j->m->config.home, tables, 3 + MAX_DENSE_MODULES, &j->m->keep, &j->sources, &j->n_sources, err);
}

/* ---- what is there --------------------------------------------------------------------------------------------------- */

/* Each blob as it is. */
static tri_status copy_file(packed_export_result *to, const packed_file *f, const char *recipe, const packed_source *sources,
                            size_t n_sources, tri_error *err)
{
    packed_writer *w;
    TRI_TRY(packed_writer_open(to->path, &w, err));
    for (size_t i = 0; i < f->n_entries; i++) {
        packed_entry e = packed_file_entry(f, i);
        tri_status st = packed_writer_add(w, &e, err);
        if (st) {
            packed_writer_discard(w);
            return st;
        }
        mapped_file_wont_need(&f->map, (size_t)((const uint8_t *)e.blob - f->map.data), e.bytes);
    }
    to->n_matrices = f->n_entries;
    return packed_writer_finish(w, recipe, sources, n_sources, f->identity, &to->bytes, err);
}

/* A calibrated file is not made again only because nobody calibrates now. */
static bool same_recipe(const job *j, const packed_file *f, const char *recipe)
{
    precision p;
    if (j->o->p == PRECISION_INT8 && !j->o->smoothing)
        return f->n_entries && precision_from_number(packed_file_entry(f, 0).precision, &p) && p == PRECISION_INT8;
    return f->recipe.len == strlen(recipe) && memcmp(f->recipe.bytes, recipe, f->recipe.len) == 0;
}

static tri_status refresh(const job *j, const packed_file *f, bool *done, tri_error *err)
{
    const char *heads[2];
    size_t n_heads = 0;
    packed_state state;
    char why[256];
    if ((j->m->want & TRI_SPARSE) && !j->m->sparse_in_trunk) heads[n_heads++] = j->m->sparse_path;
    if (j->m->want & TRI_MULTI) heads[n_heads++] = j->m->multi_path;
    TRI_TRY(packed_match(f, j->m->config.home, j->m->w, heads, n_heads, &state, why, err));
    *done = state != PACKED_STALE && f->n_sources == j->n_sources;
    j->result->n_matrices = f->n_entries;
    j->result->bytes = f->map.len;
    j->result->was_there = *done && state == PACKED_FRESH;
    if (!*done || state == PACKED_FRESH) return TRI_OK;
    char *recipe = arena_copy(&j->m->keep, f->recipe.bytes, f->recipe.len);
    if (!recipe) return err_memory(err, f->recipe.len);
    return copy_file(j->result, f, recipe, j->sources, j->n_sources, err); /* under their present times */
}

static tri_status look_at_old(const job *j, const char *recipe, bool *done, tri_error *err)
{
    packed_file f;
    *done = false;
    if (j->o->force || !file_exists(j->result->path)) return TRI_OK;
    tri_status st = packed_file_open(j->result->path, &f, err);
    if (st == TRI_ERR_FORMAT || st == TRI_ERR_UNSUPPORTED) return TRI_OK; /* damaged, or of another version: made anew */
    if (!st && same_recipe(j, &f, recipe)) st = refresh(j, &f, done, err);
    packed_file_close(&f);
    return st;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static tri_status pack_one(job *j, const bound_matrix *m, packed_writer *w, tri_error *err)
{
    const compute_ops *ops = j->m->c->ops;
    const float *smoothing = NULL;
    packed_matrix *packed;
    if (m->p == PRECISION_INT8) TRI_TRY(j->o->smoothing(j->o->smoothing_ctx, m, &smoothing, err));
    TRI_TRY(bind_pack(&j->m->pk, m, smoothing, &packed, err));
    packed_extras extras = ops->packed_extras_of(packed);
    packed_entry e = {.name = {m->key, strlen(m->key)},
                      .precision = precision_number(m->p),
                      .flags = (extras.smoothed ? PACKED_SMOOTHED : 0) | (uint32_t)extras.n_kept << PACKED_KEPT_SHIFT,
                      .n = m->n_parts * m->n_each,
                      .k = m->k,
                      .blob = ops->packed_blob(packed),
                      .bytes = ops->packed_bytes(packed)};
    tri_status st = packed_writer_add(w, &e, err);
    ops->packed_free(packed);
    if (st) return st;
    j->done += bound_bytes(m);
    if (j->o->progress && j->o->progress(j->o->progress_ctx, j->done, j->total))
        return err_set(err, TRI_ERR_CANCELLED, "writing %s was stopped", j->result->path);
    return TRI_OK;
}

static tri_status write_new(job *j, const char *recipe, tri_error *err)
{
    uint8_t identity[HASH128_BYTES];
    packed_writer *w;
    const packing *pk = &j->m->pk;
    TRI_TRY(packed_identity(j->m->config.home, j->sources, j->n_sources, identity, err));
    TRI_TRY(packed_writer_open(j->result->path, &w, err));
    for (size_t i = 0; i < pk->n_list; i++) j->total += bound_bytes(&pk->list[i]);
    for (size_t i = 0; i < pk->n_list; i++) {
        tri_status st = pack_one(j, &pk->list[i], w, err);
        if (st) {
            packed_writer_discard(w);
            return st;
        }
    }
    j->result->n_matrices = pk->n_list;
    return packed_writer_finish(w, recipe, j->sources, j->n_sources, identity, &j->result->bytes, err);
}

static tri_status write_or_keep(job *j, const char *recipe, tri_error *err)
{
    bool done;
    TRI_TRY(take_sources(j, err));
    TRI_TRY(look_at_old(j, recipe, &done, err));
    if (done) return TRI_OK;
    if (j->o->p == PRECISION_INT8 && !j->o->smoothing) {
        err_set(err, TRI_ERR_ARGUMENT, "could not make %s: int8 is calibrated on texts, and none were given", j->result->path);
        return err_hint(err, TRI_ERR_ARGUMENT, "add --calibrate YOUR_TEXTS.jsonl");
    }
    return write_new(j, recipe, err);
}

tri_status export_packed_path(precision p, const char *to, const char *path, char out[LIMIT_PATH], tri_error *err)
{
    char name[64];
    precision_file_name(p, name, sizeof name);
    if (!to) return model_file_beside(path, name, out, err);
    tri_status st = file_join(out, LIMIT_PATH, "", to);
    return st ? err_set(err, st, "could not write a packed file: its path is too long") : TRI_OK;
}

tri_status export_packed(compute *c, log_hook log, const char *path, const packed_export *o, packed_export_result *result,
                         tri_error *err)
{
    tri_model_options mo = {.struct_size = sizeof mo, .no_tokenizer = 1};
    model_how how = {.p = o->p, .plan_only = true};
    job j = {.o = o, .result = result};
    buf recipe;
    *result = (packed_export_result){.bytes = 0};
    TRI_TRY(export_packed_path(o->p, o->to, path, result->path, err));
    TRI_TRY(model_open(c, &how, log, path, &mo, &j.m, err));
    buf_init(&recipe, 0);
    tri_status st = build_recipe(o, &recipe) ? err_memory(err, recipe.len) : TRI_OK;
    if (!st) st = write_or_keep(&j, (const char *)recipe.data, err);
    buf_drop(&recipe);
    model_close(j.m);
    return st;
}

static tri_status relabel(const packed_file *f, const char *recipe, arena *memory, packed_export_result *result, tri_error *err)
{
    packed_source *sources = arena_array(memory, f->n_sources, sizeof *sources);
    if (!sources) return err_memory(err, f->n_sources * sizeof *sources);
    for (size_t i = 0; i < f->n_sources; i++) sources[i] = packed_file_source(f, i);
    return copy_file(result, f, recipe, sources, f->n_sources, err);
}

tri_status export_packed_relabel(const packed_file *f, const char *path, const packed_export *o, packed_export_result *result,
                                 tri_error *err)
{
    arena memory;
    buf recipe;
    *result = (packed_export_result){.bytes = 0};
    TRI_TRY(export_packed_path(o->p, o->to, path, result->path, err));
    arena_init(&memory, 0);
    buf_init(&recipe, 0);
    tri_status st = build_recipe(o, &recipe) ? err_memory(err, recipe.len) : TRI_OK;
    if (!st) st = relabel(f, (const char *)recipe.data, &memory, result, err);
    buf_drop(&recipe);
    arena_drop(&memory);
    return st;
}
