/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_config.c — the two small files beside a vocabulary: names of the special tokens, the longest input, the side to cut
 * from, and, for a vocab.txt without tokenizer.json, how BERT cleans its text.
 *
 * tokenizer_config.json counts before special_tokens_map.json. A name may be a string or an object with "content". Pipelines
 * come from tokenizer.json alone; nothing here changes them. */
#include "tokenizer/tokenizer_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "formats/json.h"

/* A length at or over this is "no limit": transformers writes 1e30. */
static const double longest_real_length = 1e9;

static tri_status take_name(const json_t *object, const char *key, const char *what, char **out, tri_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_object(value)) value = json_object_get(value, "content");
    if (*out || !value || json_is_null(value)) return TRI_OK;
    if (!json_is_string(value)) return err_set(err, TRI_ERR_FORMAT, "%s: %s is not a token", what, key);
    *out = mem_copy(json_string_value(value), json_string_length(value));
    return *out ? TRI_OK : err_memory(err, json_string_length(value));
}

/* For cls and sep the names of XLM-R's predecessors stand in. */
static tri_status take_names(tokenizer_config *c, const json_t *object, const char *what, tri_error *err)
{
    static const struct {
        token_role role;
        const char *key;
    } keys[] = {{ROLE_CLS, "cls_token"}, {ROLE_CLS, "bos_token"}, {ROLE_SEP, "sep_token"},  {ROLE_SEP, "eos_token"},
                {ROLE_PAD, "pad_token"}, {ROLE_UNK, "unk_token"}, {ROLE_MASK, "mask_token"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        TRI_TRY(take_name(object, keys[i].key, what, &c->names[keys[i].role], err));
    return TRI_OK;
}

static tri_status take_settings(tokenizer_config *c, const json_t *object, const char *what, tri_error *err)
{
    double longest;
    const char *side;
    TRI_TRY(json_get_f64(object, "model_max_length", what, 0, &longest, err));
    if (longest > 0 && longest < longest_real_length) c->model_max_length = (size_t)longest;
    TRI_TRY(json_get_str(object, "truncation_side", what, "right", &side, err));
    if (strcmp(side, "right") && strcmp(side, "left"))
        return err_set(err, TRI_ERR_FORMAT, "%s: truncation_side is \"%s\"", what, side);
    c->truncate_left = !strcmp(side, "left");
    TRI_TRY(json_get_bool(object, "do_lower_case", what, true, &c->lowercase, err));
    TRI_TRY(json_get_bool(object, "tokenize_chinese_chars", what, true, &c->chinese_chars, err));
    return json_get_bool(object, "strip_accents", what, c->lowercase, &c->strip_accents, err);
}

static tri_status take_file(tokenizer_config *c, const char *dir, const char *name, bool settings, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *object;
    if (file_join(path, sizeof path, dir, name) || !file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, &object, err));
    tri_status st = take_names(c, object, path, err);
    if (!st && settings) st = take_settings(c, object, path, err);
    json_decref(object);
    return st;
}

tri_status tokenizer_config_load(tokenizer_config *c, const char *dir, tri_error *err)
{
    memset(c, 0, sizeof *c);
    c->lowercase = c->chinese_chars = c->strip_accents = true;
    tri_status st = take_file(c, dir, "tokenizer_config.json", true, err);
    if (!st) st = take_file(c, dir, "special_tokens_map.json", false, err);
    if (st) tokenizer_config_drop(c);
    return st;
}

void tokenizer_config_drop(tokenizer_config *c)
{
    for (size_t i = 0; i < N_ROLES; i++) mem_free(c->names[i]);
    memset(c, 0, sizeof *c);
}
