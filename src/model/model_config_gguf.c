/* SPDX-License-Identifier: Apache-2.0 */
/* model_config_gguf.c — a .gguf file's configuration: its keys as a config.json, and what a folder keeps beside one (pooling,
 * length, prompts) from llama.cpp's keys and our own. Where nothing is said the vector has unit length, as llama.cpp's users
 * get it, and the first token is taken, as of a folder without modules.json. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "model/gguf_model.h"
#include "model/model_config_int.h"

enum { KEY_CAP = 96 };

static tri_status read_pooling(const gguf *g, const gguf_family *f, model_config *c, tri_error *err)
{
    /* llama_pooling_type: none, mean, cls, last, rank */
    static const pooling known[] = {POOL_CLS, POOL_MEAN, POOL_CLS, POOL_LAST, POOL_CLS};
    char key[KEY_CAP];
    size_t kind;
    snprintf(key, sizeof key, "%s.pooling_type", f->architecture);
    TRI_TRY(gguf_get_size(g, key, 0, 0, sizeof known / sizeof *known - 1, &kind, err));
    c->pool = known[kind];
    snprintf(key, sizeof key, "%s.normalize_embeddings", f->architecture); /* Ollama's */
    TRI_TRY(gguf_get_bool(g, key, true, &c->normalize, err));
    return gguf_get_bool(g, GGUF_KEY_NORMALIZE, c->normalize, &c->normalize, err);
}

static tri_status keep_text(const gguf *g, const char *key, const char **out, arena *keep, tri_error *err)
{
    tri_text text;
    *out = "";
    TRI_TRY(gguf_get_text(g, key, &text, err));
    if (!text.bytes) return TRI_OK;
    *out = arena_copy(keep, text.bytes, text.len);
    return *out ? TRI_OK : err_memory(err, text.len);
}

static tri_status read_score(const gguf *g, model_config *c, tri_error *err)
{
    tri_text word;
    TRI_TRY(gguf_get_text(g, GGUF_KEY_SCORE, &word, err));
    c->from_st = word.bytes != NULL;
    c->score = word.bytes && word.len == 8 && memcmp(word.bytes, "identity", 8) == 0 ? SCORE_IDENTITY : SCORE_SIGMOID;
    return TRI_OK;
}

static tri_status read_packaging(const gguf *g, model_config *c, arena *keep, tri_error *err)
{
    const gguf_family *f;
    TRI_TRY(gguf_model_family(g, &f, err));
    TRI_TRY(read_pooling(g, f, c, err));
    TRI_TRY(keep_text(g, GGUF_KEY_PROMPT_QUERY, &c->prompt_query, keep, err));
    TRI_TRY(keep_text(g, GGUF_KEY_PROMPT_PASSAGE, &c->prompt_passage, keep, err));
    TRI_TRY(gguf_get_size(g, GGUF_KEY_MAX_LENGTH, 0, 1, LIMIT_POSITIONS, &c->max_seq_length, err));
    return c->task == TASK_RERANK ? read_score(g, c, err) : TRI_OK;
}

static tri_status read_gguf(const gguf *g, model_config *c, const arch **kind, arena *keep, tri_error *err)
{
    json_t *o;
    TRI_TRY(gguf_model_config_json(g, &o, err));
    tri_status st = model_config_read(o, c, kind, keep, err);
    json_decref(o);
    return st ? st : read_packaging(g, c, keep, err);
}

tri_status model_config_load_gguf(model_config *c, const arch **kind, arena *keep, tri_error *err)
{
    mapped_file map;
    gguf g;
    TRI_TRY(mapped_file_open(c->dir, &map, err));
    tri_status st = gguf_read(map.data, map.len, &g, err);
    if (!st) st = read_gguf(&g, c, kind, keep, err);
    gguf_drop(&g);
    mapped_file_close(&map);
    return st && st != TRI_ERR_MEMORY ? err_prefix(err, st, "could not use %s: ", c->dir) : st;
}
