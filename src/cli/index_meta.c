/* SPDX-License-Identifier: Apache-2.0 */
/* index_meta.c — see index_meta.h. The library keeps the meta word for word and never reads it; build.json is beside it because
 * it changes while the meta does not. A kill between a commit and build.json leaves "not complete": the next run finds every
 * document there, encodes nothing, and says so. */
#include "cli/index_meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "cli/json_out.h"
#include "formats/json.h"
#include "trident/embed.h"

static const char STATE_FILE[] = "build.json";
static const char *const role_names[] = {"none", "query", "passage"}; /* ORDER TRI_ROLE_* */
static const char *const rule_names[] = {"file", "hf5"};              /* ORDER TRI_RULES_* */

static tri_status render(const index_meta *m, buf *b)
{
    TRI_TRY(buf_str(b, "{\"model\": "));
    TRI_TRY(json_out_str(b, m->model));
    TRI_TRY(buf_str(b, ", \"path\": "));
    TRI_TRY(json_out_str(b, m->path));
    TRI_TRY(buf_printf(b, ", \"fingerprint\": \"%016" PRIx64 "\", \"tokenizer_rules\": \"%s\", \"role\": \"%s\"",
                       m->fingerprint, rule_names[m->rules], role_names[m->role]));
    TRI_TRY(buf_printf(b, ", \"max_length\": %zu, \"corpus\": ", m->max_length));
    TRI_TRY(json_out_str(b, m->corpus));
    TRI_TRY(buf_printf(b, ", \"corpus_xxh3\": \"%016" PRIx64 "\"}", m->corpus_hash));
    return buf_byte(b, '\0');
}

tri_status index_meta_render(const index_meta *meta, buf *out, tri_error *err)
{
    return render(meta, out) == TRI_OK ? TRI_OK : err_memory(err, out->len);
}

static tri_status get_hash(const json_t *object, const char *key, const char *what, uint64_t *out, tri_error *err)
{
    const char *text;
    char *end;
    TRI_TRY(json_get_str(object, key, what, "0", &text, err));
    *out = strtoull(text, &end, 16);
    if (*end || !*text) return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is no hexadecimal number: \"%.40s\"", what, key, text);
    return TRI_OK;
}

static tri_status get_word(const json_t *object, const char *key, const char *what, const char *const *words, int n, int *out,
                           tri_error *err)
{
    const char *text;
    TRI_TRY(json_get_str(object, key, what, words[0], &text, err));
    for (*out = 0; *out < n; (*out)++)
        if (strcmp(words[*out], text) == 0) return TRI_OK;
    return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is \"%.40s\", which is not known", what, key, text);
}

static tri_status get_path(const json_t *object, const char *key, const char *what, char out[LIMIT_PATH], tri_error *err)
{
    const char *text;
    TRI_TRY(json_get_str(object, key, what, "", &text, err));
    if (strlen(text) >= LIMIT_PATH) return err_set(err, TRI_ERR_LIMIT, "%s: \"%s\" has %zu bytes", what, key, strlen(text));
    memcpy(out, text, strlen(text) + 1);
    return TRI_OK;
}

static tri_status parse(const json_t *object, const char *what, index_meta *out, tri_error *err)
{
    TRI_TRY(get_path(object, "model", what, out->model, err));
    TRI_TRY(get_path(object, "path", what, out->path, err));
    TRI_TRY(get_path(object, "corpus", what, out->corpus, err));
    TRI_TRY(get_hash(object, "fingerprint", what, &out->fingerprint, err));
    TRI_TRY(get_hash(object, "corpus_xxh3", what, &out->corpus_hash, err));
    TRI_TRY(get_word(object, "tokenizer_rules", what, rule_names, 2, &out->rules, err));
    TRI_TRY(get_word(object, "role", what, role_names, 3, &out->role, err));
    return json_get_size(object, "max_length", what, 0, 0, LIMIT_POSITIONS, &out->max_length, err);
}

tri_status index_meta_parse(const char *dir, const char *json, index_meta *out, tri_error *err)
{
    char what[320];
    json_t *object;
    memset(out, 0, sizeof *out);
    snprintf(what, sizeof what, "%.250s: meta of the manifest", dir);
    TRI_TRY(json_text_load(json, strlen(json), what, &object, err));
    tri_status st =
        json_is_object(object) ? parse(object, what, out, err) : err_set(err, TRI_ERR_FORMAT, "%s is not a JSON object", what);
    json_decref(object);
    return st;
}

static tri_status state_path(const char *dir, char out[LIMIT_PATH], tri_error *err)
{
    if (file_join(out, LIMIT_PATH, dir, STATE_FILE) == TRI_OK) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "the path of the index is too long: %zu bytes", strlen(dir));
}

tri_status build_state_load(const char *dir, build_state *out, tri_error *err)
{
    static const char *const operations[] = {"build", "add"};
    char path[LIMIT_PATH];
    json_t *object;
    int operation = 0;
    memset(out, 0, sizeof *out);
    TRI_TRY(state_path(dir, path, err));
    if (!file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, &object, err));
    tri_status st = get_word(object, "operation", path, operations, 2, &operation, err);
    if (st == TRI_OK) st = get_hash(object, "corpus_xxh3", path, &out->corpus_hash, err);
    if (st == TRI_OK) st = json_get_bool(object, "complete", path, false, &out->complete, err);
    out->is_add = operation == 1;
    json_decref(object);
    return st;
}

tri_status build_state_save(const char *dir, const build_state *state, tri_error *err)
{
    char path[LIMIT_PATH], text[128];
    out_file *file;
    TRI_TRY(state_path(dir, path, err));
    int n = snprintf(text, sizeof text, "{\"operation\": \"%s\", \"corpus_xxh3\": \"%016" PRIx64 "\", \"complete\": %s}\n",
                     state->is_add ? "add" : "build", state->corpus_hash, state->complete ? "true" : "false");
    TRI_TRY(out_file_open(path, &file, err));
    tri_status st = out_file_write(file, text, (size_t)n, err);
    if (st == TRI_OK) return out_file_commit(file, err);
    out_file_discard(file);
    return st;
}

tri_status index_meta_hash_file(const char *path, uint64_t *hash, tri_error *err)
{
    uint8_t bytes[1 << 16];
    in_file *file;
    size_t n = 1;
    *hash = 0;
    if (strcmp(path, "-") == 0) return TRI_OK;
    hash64_stream *stream = hash64_new();
    if (!stream) return err_memory(err, sizeof bytes);
    tri_status st = in_file_open(path, &file, err);
    while (st == TRI_OK && n > 0) {
        st = in_file_read(file, bytes, sizeof bytes, &n, err);
        if (st == TRI_OK) hash64_update(stream, bytes, n);
    }
    *hash = hash64_digest(stream);
    if (!*hash) *hash = 1; /* 0 means standard input */
    in_file_close(file);
    hash64_free(stream);
    return st;
}
