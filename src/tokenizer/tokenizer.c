/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.c — opening: which file, what rules, and the facts about the result.
 *
 * A folder is read as its tokenizer.json, else its sentencepiece.bpe.model, else its vocab.txt; a .gguf file by its keys. The
 * two rules for XLM-R
 * vocabularies: "file" runs the pipeline that was published; "hf5" is what transformers 5 builds for every XLM-R model whatever
 * the file says, which is the charsmap alone, then WhitespaceSplit and Metaspace. A file that says just that differs in
 * nothing. */
#include "tokenizer/tokenizer_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "formats/gguf.h"

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), n_tail = strlen(tail);
    return n >= n_tail && !strcmp(s + n - n_tail, tail);
}

/* ---- rules ---- */

static bool is_xlmr(const tokenizer *t)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    const vocab *v = &t->model.vocab;
    if (t->model.kind != &token_unigram || v->n < 4 || t->model.unk_id != 3) return false;
    for (size_t i = 0; i < 4; i++)
        if (v->entries[i].len != strlen(first[i]) || memcmp(v->entries[i].piece, first[i], v->entries[i].len)) return false;
    return true;
}

static tri_status apply_rules(tokenizer *t, int rules, tri_error *err)
{
    const normalizer *n = &t->normalizer;
    bool as_hf5 = n->n == 1 && !strcmp(n->steps[0].kind->type, "Precompiled") && pretok_is_split_metaspace(&t->pretok);
    t->rules = is_xlmr(t) ? rules : TOKENIZER_RULES_FILE;
    t->rules_differ = is_xlmr(t) && !as_hf5;
    if (t->rules != TOKENIZER_RULES_HF5 || !t->rules_differ) return TRI_OK;
    normalizer_keep_only(&t->normalizer, "Precompiled");
    pretok_drop(&t->pretok);
    return pretok_make_metaspace(&t->pretok, true, err);
}

static bool has_normalized_tokens(const tokenizer *t)
{
    for (size_t i = 0; i < t->added.n; i++)
        if (t->added.v[i].normalized) return true;
    return false;
}

/* For the reference, "first" means: comes from the first character of the text. Prepend and BertNormalizer put characters
 * before it that count as it; a charsmap or a decomposition may make several of it, and a later step that deletes at the start,
 * or an added token found there, then leaves several first pieces. No published file does this; it is refused rather than
 * guessed at. */
static tri_status check_first(const tokenizer *t, tri_error *err)
{
    static const char *const makes_several[] = {"Precompiled", "NFD", "NFKD", "NFKC"};
    for (size_t i = 0; i < t->normalizer.n && pretok_asks_first(&t->pretok); i++) {
        const normalizer_step *step = &t->normalizer.steps[i];
        const char *type = step->kind->type;
        bool adds = !strcmp(type, "Prepend") || !strcmp(type, "BertNormalizer");
        bool deletes = step->left || (!strcmp(type, "Replace") && !step->content_len) || !strcmp(type, "StripAccents");
        bool several = false;
        for (size_t k = 0; k < sizeof makes_several / sizeof makes_several[0]; k++) several |= !strcmp(type, makes_several[k]);
        if (adds || (deletes && i > 0) || (several && has_normalized_tokens(t)))
            return err_set(err, TRI_ERR_UNSUPPORTED, "normalizer %s with prepend_scheme \"first\" is not supported", type);
    }
    return TRI_OK;
}

/* ---- facts ---- */

static uint32_t find_role(const tokenizer *t, token_role role)
{
    static const char *const known[N_ROLES][3] = {
        [ROLE_CLS] = {"[CLS]", "<s>", NULL},
        [ROLE_SEP] = {"[SEP]", "</s>", NULL},
        [ROLE_PAD] = {"[PAD]", "<pad>", "<|padding|>"},
        [ROLE_UNK] = {"[UNK]", "<unk>", NULL},
        [ROLE_MASK] = {"[MASK]", "<mask>", NULL},
    };
    uint32_t id;
    const char *name = t->config.names[role];
    if (name) return tokenizer_find(t, name, strlen(name), &id) ? id : TOKEN_NONE;
    for (size_t i = 0; i < 3 && known[role][i]; i++)
        if (tokenizer_find(t, known[role][i], strlen(known[role][i]), &id)) return id;
    return TOKEN_NONE;
}

static void count_ids(tokenizer *t)
{
    t->n_ids = t->model.vocab.n_ids;
    for (size_t i = 0; i < t->added.n; i++)
        if (t->added.v[i].id >= t->n_ids) t->n_ids = (size_t)t->added.v[i].id + 1;
    uint32_t highest = template_highest(&t->template);
    if (highest != TOKEN_NONE && highest >= t->n_ids) t->n_ids = (size_t)highest + 1;
}

void tokenizer_info_get(const tokenizer *t, tokenizer_info *info)
{
    *info = (tokenizer_info){
        .kind = t->model.kind->name,
        .file = t->file,
        .rules = t->rules,
        .rules_differ = t->rules_differ,
        .n_vocab = t->n_ids,
        .cls = t->roles[ROLE_CLS],
        .sep = t->roles[ROLE_SEP],
        .pad = t->roles[ROLE_PAD],
        .unk = t->roles[ROLE_UNK],
        .mask = t->roles[ROLE_MASK],
        .specials_single = t->template.single.n_special,
        .specials_pair = t->template.pair.n_special,
        .model_max_length = t->config.model_max_length,
    };
}

bool tokenizer_piece(const tokenizer *t, uint32_t id, const char **piece, size_t *len)
{
    const added_token *token = added_tokens_at(&t->added, id);
    const vocab_entry *e = token ? NULL : vocab_at(&t->model.vocab, id);
    if (!token && !e) return false;
    *piece = token ? token->content : (const char *)e->piece;
    *len = token ? token->len : e->len;
    return true;
}

bool tokenizer_find(const tokenizer *t, const char *piece, size_t len, uint32_t *id)
{
    const added_token *token = added_tokens_find(&t->added, piece, len);
    if (token) *id = token->id;
    return token || vocab_find(&t->model.vocab, piece, len, id);
}

/* ---- opening ---- */

static tri_status load(tokenizer *t, const uint8_t *bytes, size_t len, int rules, tri_error *err)
{
    if (ends_with(t->file, ".json"))
        TRI_TRY(tokenizer_json_load(t, bytes, len, err));
    else if (ends_with(t->file, ".txt"))
        TRI_TRY(tokenizer_vocab_load(t, bytes, len, err));
    else if (gguf_is(bytes, len) || ends_with(t->file, ".gguf"))
        TRI_TRY(tokenizer_gguf_load(t, bytes, len, &len, err));
    else
        TRI_TRY(tokenizer_spm_load(t, bytes, len, err));
    t->fingerprint = hash64(bytes, len);
    TRI_TRY(vocab_close(&t->model.vocab, t->fingerprint, err));
    TRI_TRY(t->model.kind->finish(&t->model, t->fingerprint, err));
    TRI_TRY(apply_rules(t, rules, err));
    TRI_TRY(check_first(t, err));
    TRI_TRY(added_tokens_close(&t->added, &t->model, &t->normalizer, t->fingerprint, err));
    count_ids(t);
    for (token_role r = 0; r < N_ROLES; r++) t->roles[r] = find_role(t, r);
    return TRI_OK;
}

tri_status tokenizer_open_bytes(const char *name, const uint8_t *bytes, size_t len, int rules, tokenizer_config *config,
                                tokenizer **out, tri_error *err)
{
    *out = NULL;
    tokenizer *t = mem_calloc(1, sizeof *t);
    if (!t) {
        tokenizer_config_drop(config);
        return err_memory(err, sizeof *t);
    }
    t->config = *config;
    memset(config, 0, sizeof *config);
    token_model_init(&t->model);
    added_tokens_init(&t->added);
    template_init(&t->template);
    t->file = mem_strdup(name);
    tri_status st = t->file ? load(t, bytes, len, rules, err) : err_memory(err, strlen(name));
    if (st) {
        if (st != TRI_ERR_MEMORY) err_prefix(err, st, "could not load tokenizer \"%s\": ", name);
        tokenizer_close(t);
        return st;
    }
    *out = t;
    return TRI_OK;
}

/* The file to read and the folder it is in. */
static tri_status find_file(const char *path, char file[LIMIT_PATH], char dir[LIMIT_PATH], tri_error *err)
{
    static const char *const names[] = {"tokenizer.json", "sentencepiece.bpe.model", "vocab.txt"};
    size_t len = strlen(path);
    if (len >= LIMIT_PATH) return err_set(err, TRI_ERR_LIMIT, "a path of %zu bytes", len);
    if (file_is_dir(path)) {
        memcpy(dir, path, len + 1);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (file_join(file, LIMIT_PATH, path, names[i])) return err_set(err, TRI_ERR_LIMIT, "a path of %zu bytes", len);
            if (file_exists(file)) return TRI_OK;
        }
        return err_set(err, TRI_ERR_NOT_FOUND,
                       "no tokenizer in \"%s\": neither tokenizer.json, sentencepiece.bpe.model nor vocab.txt", path);
    }
    memcpy(file, path, len + 1);
    const char *slash = strrchr(path, '/');
    size_t dir_len = slash ? (size_t)(slash - path) : 0;
    memcpy(dir, slash ? path : ".", slash ? dir_len : 1);
    dir[slash ? dir_len : 1] = 0;
    if (slash == path) memcpy(dir, "/", 2);
    return TRI_OK;
}

tri_status tokenizer_open(const char *path, int rules, tokenizer **out, tri_error *err)
{
    char file[LIMIT_PATH], dir[LIMIT_PATH];
    *out = NULL;
    TRI_TRY(find_file(path, file, dir, err));
    mapped_file map;
    TRI_TRY(mapped_file_open(file, &map, err));
    tokenizer_config config = {0};
    tri_status st = TRI_OK;
    if (!gguf_is(map.data, map.len)) /* which stands alone: what lies in its folder belongs to other models */
        st = map.len <= LIMIT_TOKENIZER_FILE ? tokenizer_config_load(&config, dir, err)
                                             : err_set(err, TRI_ERR_LIMIT, "\"%s\" has %zu bytes, over the limit of %u", file,
                                                       map.len, LIMIT_TOKENIZER_FILE);
    if (!st) st = tokenizer_open_bytes(file, map.data, map.len, rules, &config, out, err);
    mapped_file_close(&map);
    return st;
}

void tokenizer_close(tokenizer *t)
{
    if (!t) return;
    tokenizer_config_drop(&t->config);
    added_tokens_drop(&t->added);
    normalizer_drop(&t->normalizer);
    pretok_drop(&t->pretok);
    token_model_drop(&t->model);
    mem_free(t->file);
    mem_free(t);
}
