/* SPDX-License-Identifier: Apache-2.0 */
/* export_hf_text.c — what a Hugging Face folder says in JSON, out of an opened model: for one that came from a GGUF file, and
 * for the files that a folder lacks. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "formats/gguf.h"
#include "formats/json.h"
#include "model/export_hf.h"
#include "model/gguf_model.h"
#include "tokenizer/tokenizer_save.h"

/* ---- config.json ----------------------------------------------------------------------------------------------------- */

static tri_status make_config(const model *m, json_t **out, tri_error *err)
{
    mapped_file map;
    gguf g;
    if (m->config.file != m->config.dir) return json_file_load(m->config.file, out, err);
    TRI_TRY(mapped_file_open(m->config.dir, &map, err));
    tri_status st = gguf_read(map.data, map.len, &g, err);
    if (!st) st = gguf_model_config_json(&g, out, err);
    gguf_drop(&g);
    mapped_file_close(&map);
    if (!st && json_object_set_new(*out, "torch_dtype", json_string("float32"))) {
        st = err_memory(err, sizeof g);
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

/* ---- the tokenizer's ------------------------------------------------------------------------------------------------- */

static tri_status put_names(const model *m, json_t *o)
{
    tokenizer_info info;
    tokenizer_info_get(m->tok, &info);
    const struct {
        const char *key;
        uint32_t id;
    } names[] = {{"cls_token", info.cls},
                 {"sep_token", info.sep},
                 {"pad_token", info.pad},
                 {"unk_token", info.unk},
                 {"mask_token", info.mask}};
    bool is_unigram = strcmp(info.kind, "unigram") == 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *piece;
        size_t len;
        if (names[i].id == TOKEN_NONE || !tokenizer_piece(m->tok, names[i].id, &piece, &len)) continue;
        if (json_object_set_new(o, names[i].key, json_stringn(piece, len))) return TRI_ERR_MEMORY;
        const char *also = i == 0 ? "bos_token" : i == 1 ? "eos_token" : NULL;
        if (is_unigram && also && json_object_set_new(o, also, json_stringn(piece, len))) return TRI_ERR_MEMORY;
    }
    return TRI_OK;
}

static tri_status put_class(const model *m, json_t *o)
{
    bool lower = true, strip = true, is_bert = tokenizer_bert_cleaning(m->tok, &lower, &strip);
    if (json_object_set_new(o, "tokenizer_class", json_string(is_bert ? "BertTokenizer" : "XLMRobertaTokenizer")) ||
        json_object_set_new(o, "model_max_length", json_integer((json_int_t)m->max_text)))
        return TRI_ERR_MEMORY;
    if (!is_bert) return TRI_OK;
    return json_object_set_new(o, "do_lower_case", json_boolean(lower)) ||
                   json_object_set_new(o, "strip_accents", json_boolean(strip)) ||
                   json_object_set_new(o, "tokenize_chinese_chars", json_true())
               ? TRI_ERR_MEMORY
               : TRI_OK;
}

/* ---- sentence-transformers' ------------------------------------------------------------------------------------------ */

static json_t *module(int i, const char *path, const char *type)
{
    char name[2] = {(char)('0' + i), 0}, full[64];
    snprintf(full, sizeof full, "sentence_transformers.models.%s", type);
    return json_pack("{s:i,s:s,s:s,s:s}", "idx", i, "name", name, "path", path, "type", full);
}

static json_t *make_modules(const model *m)
{
    json_t *list = json_array();
    bool ok = list && !json_array_append_new(list, module(0, "", "Transformer")) &&
              !json_array_append_new(list, module(1, "1_Pooling", "Pooling")) &&
              (!m->config.normalize || !json_array_append_new(list, module(2, "2_Normalize", "Normalize")));
    if (ok) return list;
    json_decref(list);
    return NULL;
}

static json_t *make_pooling(const model *m)
{
    pooling p = m->config.pool;
    return json_pack("{s:I,s:b,s:b,s:b,s:b,s:b,s:b}", "word_embedding_dimension", (json_int_t)m->config.hidden,
                     "pooling_mode_cls_token", p == POOL_CLS, "pooling_mode_mean_tokens", p == POOL_MEAN,
                     "pooling_mode_max_tokens", p == POOL_MAX, "pooling_mode_mean_sqrt_len_tokens", p == POOL_MEAN_SQRT_LEN,
                     "pooling_mode_weightedmean_tokens", p == POOL_WEIGHTED_MEAN, "pooling_mode_lasttoken", p == POOL_LAST);
}

static json_t *make_st_config(const model *m)
{
    const char *query = m->config.prompt_query, *passage = m->config.prompt_passage;
    if (m->config.task == TASK_RERANK)
        return json_pack("{s:s}", "activation_fn",
                         m->config.score == SCORE_IDENTITY ? "torch.nn.modules.linear.Identity"
                                                           : "torch.nn.modules.activation.Sigmoid");
    if (!query[0] && !passage[0]) return json_pack("{s:{},s:s}", "prompts", "similarity_fn_name", "cosine");
    return json_pack("{s:{s:s,s:s},s:n,s:s}", "prompts", "query", query, "passage", passage, "default_prompt_name",
                     "similarity_fn_name", "cosine");
}

tri_status export_hf_text(const model *m, hf_text which, json_t **out, tri_error *err)
{
    json_route_memory();
    *out = NULL;
    bool names = which == HF_TOKENIZER_CONFIG || which == HF_SPECIAL_TOKENS;
    if (which == HF_CONFIG) return make_config(m, out, err);
    if (names) *out = json_object();
    if (which == HF_MODULES) *out = make_modules(m);
    if (which == HF_POOLING) *out = make_pooling(m);
    if (which == HF_ST_CONFIG) *out = make_st_config(m);
    if (which == HF_ST_LENGTH) *out = json_pack("{s:I,s:b}", "max_seq_length", (json_int_t)m->max_text, "do_lower_case", 0);
    if (*out && !(names && put_names(m, *out)) && !(which == HF_TOKENIZER_CONFIG && put_class(m, *out))) return TRI_OK;
    json_decref(*out);
    *out = NULL;
    return err_memory(err, sizeof *m);
}

/* ---- as text --------------------------------------------------------------------------------------------------------- */

static tri_status put_string(buf *b, const char *text, size_t len)
{
    TRI_TRY(buf_byte(b, '"'));
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') TRI_TRY(buf_byte(b, '\\'));
        TRI_TRY(c < 0x20 ? buf_printf(b, "\\u%04x", c) : buf_byte(b, c));
    }
    return buf_byte(b, '"');
}

static tri_status put_real(buf *b, double value)
{
    char text[32];
    number_format_f64(text, sizeof text, value);
    return buf_printf(b, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static tri_status put_line(buf *b, bool first, int depth)
{
    TRI_TRY(buf_str(b, first ? "\n" : ",\n"));
    for (int i = 0; i < depth; i++) TRI_TRY(buf_str(b, "  "));
    return TRI_OK;
}

static tri_status put_value(buf *b, const json_t *value, int depth);

static tri_status put_object(buf *b, const json_t *value, int depth)
{
    const char *key;
    json_t *item;
    bool first = true;
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        TRI_TRY(put_line(b, first, depth + 1));
        TRI_TRY(put_string(b, key, strlen(key)));
        TRI_TRY(buf_str(b, ": "));
        TRI_TRY(put_value(b, item, depth + 1));
        first = false;
    }
    return put_line(b, true, depth);
}

static tri_status put_array(buf *b, const json_t *value, int depth)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        TRI_TRY(put_line(b, i == 0, depth + 1));
        TRI_TRY(put_value(b, json_array_get(value, i), depth + 1));
    }
    return put_line(b, true, depth);
}

/* As deep as what is made above: three levels. */
static tri_status put_value(buf *b, const json_t *value, int depth)
{
    bool is_object = json_is_object(value);
    if (is_object || json_is_array(value)) {
        TRI_TRY(buf_byte(b, is_object ? '{' : '['));
        TRI_TRY(is_object ? put_object(b, value, depth) : put_array(b, value, depth));
        return buf_byte(b, is_object ? '}' : ']');
    }
    if (json_is_string(value)) return put_string(b, json_string_value(value), json_string_length(value));
    if (json_is_integer(value)) return buf_printf(b, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value)) return put_real(b, json_real_value(value));
    return buf_str(b, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
}

tri_status export_hf_print(const json_t *value, buf *out, tri_error *err)
{
    tri_status st = put_value(out, value, 0);
    if (!st) st = buf_byte(out, '\n');
    return st ? err_memory(err, out->len) : TRI_OK;
}
